"""What a copy of database and objects shows before the lids: no name, no content; and what staff may ask."""

import pytest
from bidding_world import FIELDS, Packed, document
from centre_world import BIDDERS, CENTRE, Desk

from bidding.errors import NotAllowedError, SealedUntilOpeningError
from bidding.web.centre_views import opening_view, section_view
from bidding.workbench.packing import BundleFile
from identity.actor import Actor, Role
from identity.uscc import UnifiedSocialCreditCode
from signing import canonical
from signing.digests import sm3


def staff(uscc: str = CENTRE) -> Actor:
    return Actor(UnifiedSocialCreditCode(uscc), "交易中心", "P9", "李四", Role.LEGAL_REPRESENTATIVE, "")


def needles(desk: Desk) -> list[bytes]:
    """Answer what must not be found: codes, names, serials, contents."""
    found = []
    for bidder in BIDDERS:
        certificate = desk.world.units[bidder].certificate
        person = desk.world.persons[bidder]
        names = [bidder, f"投标人 {bidder}", certificate.common_name, person.name, person.id]
        found += [name.encode() for name in names]
        found += [certificate.der[-40:], document(bidder, 1, 3001)[:40]]
    return [*found, FIELDS[2]["price"].encode(), b"192.0.2.7", b"META-INF"]


def test_a_copy_of_database_and_objects_holds_no_name_and_no_content(desk: Desk) -> None:
    for bidder in BIDDERS:
        packed, _ = desk.bid(bidder)
    withdrawn = sm3(packed.data).hex()
    desk.centre.reception.withdraw(desk.withdraw(BIDDERS[2], withdrawn), desk.arrival())
    late = desk.pack(seed="9")
    waiting = desk.begin(desk.finalise(BIDDERS[0], late.data), len(late.data))
    desk.send(waiting, late.data[:2000])
    desk.close()
    release = desk.release(BIDDERS[1], desk_bundle(desk, BIDDERS[1]))
    desk.centre.releasing.release(release, desk.half(BIDDERS[1], desk_bundle(desk, BIDDERS[1])), desk.arrival())
    desk.centre.house.engine.dispose()
    everything = list(desk.stored_bytes())
    assert len(everything) > 4
    for needle in needles(desk):
        assert not any(needle in data for data in everything), needle


def desk_bundle(desk: Desk, bidder: str) -> Packed:

    path = desk.folder / f"{bidder}-1" / "bid.ytb"
    file = BundleFile(path, path.stat().st_size, sm3(path.read_bytes()).hex())
    return Packed(file, None, None, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["list", "count", "export", "documents"])
def test_staff_are_refused_before_closing_and_the_attempt_is_kept(desk: Desk, what: str) -> None:
    desk.bid()
    before = desk.count("journal")
    with pytest.raises(SealedUntilOpeningError):
        desk.centre.wall.require_closed("S-1", staff(), what, desk.arrival())
    with pytest.raises(SealedUntilOpeningError):
        desk.centre.wall.require_all_closed(staff(), "storage", desk.arrival())
    assert desk.count("journal") == before + 2
    desk.close()
    desk.centre.wall.require_closed("S-1", staff(), what, desk.arrival())
    desk.centre.wall.require_all_closed(staff(), "storage", desk.arrival())
    assert [identity.uscc for identity in desk.centre.wall.bidders("S-1")] == [BIDDERS[0]]


def test_other_units_people_are_no_staff(desk: Desk) -> None:
    desk.close()
    with pytest.raises(NotAllowedError):
        desk.centre.wall.require_closed("S-1", staff(BIDDERS[0]), "count", desk.arrival())


def test_public_answers_are_the_same_with_and_without_bids(desk: Desk) -> None:

    section = desk.centre.sections.get("S-1")
    before = canonical.encode(section_view(desk.centre, section)), canonical.encode(opening_view(desk.centre, section))
    for bidder in BIDDERS:
        desk.bid(bidder)
    section = desk.centre.sections.get("S-1")
    after = canonical.encode(section_view(desk.centre, section)), canonical.encode(opening_view(desk.centre, section))
    assert before == after
