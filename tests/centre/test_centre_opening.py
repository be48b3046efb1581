"""From lid 1 to the sealed record: releases, freeze, the officer's halves, readout, documents, versions."""

from datetime import timedelta
from pathlib import Path

import pytest
from bidding_world import Packed, document
from centre_world import BIDDERS, CENTRE, CentreWorld, Desk, make_desk
from msgspec.structs import replace

from bidding.centre.record import field_of
from bidding.errors import (
    BadRecordVersionError,
    BiddingError,
    DuplicateDecisionError,
    NoLiveBidError,
    NoRecordError,
    NotAllowedError,
    NotFrozenError,
    NotYetClosedError,
    OfficerReleaseError,
    OpeningNotFinishedError,
    RecordMovedError,
    TimestampPendingError,
    UntrustedActError,
    WindowOverError,
    WindowStillOpenError,
    WrongHalfError,
)
from bidding.faults import Fault
from bidding.lids import OfficerFault, OfficerRelease
from bidding.officer import parse_release_set, release_officer_halves, verify_release_set
from bidding.receipt import Acknowledgement
from signing import canonical
from signing.digests import sm3
from signing.statement import SignedStatement, parse_statement

Bids = dict[str, Packed]


@pytest.fixture
def closed(desk: Desk) -> tuple[Desk, Bids]:
    """Three bids, and the section closed."""
    bids = {bidder: desk.bid(bidder)[0] for bidder in BIDDERS}
    desk.close()
    return desk, bids


def release(desk: Desk, bids: Bids, *bidders: str) -> None:
    for bidder in bidders:
        act = desk.release(bidder, bids[bidder])
        desk.centre.releasing.release(act, desk.half(bidder, bids[bidder]), desk.arrival())


def freeze(desk: Desk) -> None:
    desk.centre.releasing.freeze("S-1", 1, "host", desk.arrival())
    desk.centre.tick()


def officer(desk: Desk) -> OfficerRelease:
    """Answer what the officer's client makes of the release set, after judging it."""
    read = parse_release_set(desk.centre.releasing.release_set("S-1", 1))
    labels = {digest: desk.centre.releasing.label("S-1", digest) for digest in read.wanted(1)}
    key = desk.section.officer[1]
    verify_release_set(
        read,
        1,
        labels,
        opening_key=key.public.point,
        anchors=desk.world.anchors,
        evidence=desk.world.evidence,
        at=desk.clock.now,
    ).require()
    return release_officer_halves(key, read, 1, labels)


def opened(closed: tuple[Desk, Bids]) -> tuple[Desk, Bids]:
    desk, bids = closed
    release(desk, bids, *BIDDERS)
    freeze(desk)
    desk.centre.opening.accept(canonical.encode(officer(desk)), desk.arrival())
    return desk, bids


def test_before_closing_nothing_is_released_or_frozen(desk: Desk) -> None:
    packed, _ = desk.bid()
    with pytest.raises(NotYetClosedError):
        desk.centre.releasing.release(desk.release(BIDDERS[0], packed), bytes(32), desk.arrival())
    with pytest.raises(BiddingError):
        desk.centre.releasing.freeze("S-1", 1, "host", desk.arrival())
    with pytest.raises(NotYetClosedError):
        desk.centre.releasing.released("S-1", 1)


def test_a_release_is_acknowledged_once_and_the_same_again(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    act, half = desk.release(BIDDERS[0], bids[BIDDERS[0]]), desk.half(BIDDERS[0], bids[BIDDERS[0]])
    told = desk.centre.releasing.release(act, half, desk.arrival())
    said, _ = parse_statement(canonical.decode(told, SignedStatement), Acknowledgement)
    assert (said.act, said.stage, said.bidder, said.received_at) == ("release", 1, BIDDERS[0], desk.clock.now)
    desk.clock.now += timedelta(seconds=1)
    again, _ = parse_statement(
        canonical.decode(desk.centre.releasing.release(act, half, desk.arrival()), SignedStatement), Acknowledgement
    )
    assert again == said
    assert desk.count("releases") == 1


def test_a_wrong_half_another_bidders_bid_and_another_signer_are_refused(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    mine = bids[BIDDERS[0]]
    with pytest.raises(WrongHalfError):
        desk.centre.releasing.release(desk.release(BIDDERS[0], mine), bytes(32), desk.arrival())
    half = desk.half(BIDDERS[0], mine)
    with pytest.raises(NoLiveBidError):
        desk.centre.releasing.release(desk.release(BIDDERS[1], mine), half, desk.arrival())
    with pytest.raises(UntrustedActError):
        desk.centre.releasing.release(desk.release(BIDDERS[0], mine, by=BIDDERS[1]), half, desk.arrival())
    assert desk.count("releases") == 0


def test_the_window_ends_and_freezing_ends_it_sooner(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    release(desk, bids, BIDDERS[0])
    with pytest.raises(WindowStillOpenError):
        desk.centre.releasing.freeze("S-1", 1, "host", desk.arrival())
    begun = desk.clock.now
    desk.clock.now = begun + timedelta(seconds=600)
    with pytest.raises(WindowOverError):
        release(desk, bids, BIDDERS[1])
    freeze(desk)
    desk.clock.now = begun
    with pytest.raises(WindowOverError):
        release(desk, bids, BIDDERS[1])
    release(desk, bids, BIDDERS[0])  # what is in already is acknowledged again
    assert [r.released_at is not None for r in desk.centre.releasing.released("S-1", 1)].count(True) == 1


def test_nothing_of_the_second_lid_is_there_before_it(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    digest = sm3(bids[BIDDERS[0]].data).hex()
    for ask in (
        lambda: desk.centre.releasing.release_set("S-1", 1),
        lambda: desk.centre.releasing.label("S-1", digest),
        lambda: desk.centre.opening.outcomes("S-1", 1),
        lambda: desk.centre.opening.accept(canonical.encode(OfficerRelease(1, "S-1", 1, "0" * 64, ())), desk.arrival()),
    ):
        with pytest.raises(NotFrozenError):
            ask()


def test_the_officer_waits_for_the_lids_timestamp(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    release(desk, bids, *BIDDERS)
    desk.tsa.available = False
    freeze(desk)
    with pytest.raises(TimestampPendingError):
        desk.centre.releasing.release_set("S-1", 1)


def test_the_readout_comes_first_and_then_the_documents(closed: tuple[Desk, Bids]) -> None:
    desk, _ = opened(closed)
    outcomes = desk.centre.opening.outcomes("S-1", 1)
    assert {o.bid.identity.uscc for o in outcomes} == set(BIDDERS)
    assert all(o.state == "readout" and o.readout is not None for o in outcomes)
    assert desk.count("opened_documents") == 0
    desk.centre.tick()
    for outcome in desk.centre.opening.outcomes("S-1", 1):
        assert outcome.state == "opened"
        (found,) = desk.centre.opening.documents(outcome.bid, 1)
        with desk.centre.opening.objects.open(found.object) as stream:
            assert stream.read() == document(outcome.bid.identity.uscc, 1, 3001)
        assert found.indication == "TOTAL-PASSED"
    assert not [path for path in desk.centre.opening.scratch.rglob("*") if path.is_file()]


def test_who_did_not_release_is_not_opened_and_the_others_go_on(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    release(desk, bids, *BIDDERS[:2])
    desk.clock.now += timedelta(seconds=600)
    freeze(desk)
    desk.centre.opening.accept(canonical.encode(officer(desk)), desk.arrival())
    desk.centre.tick()
    states = {o.bid.identity.uscc: (o.state, o.cause, o.code) for o in desk.centre.opening.outcomes("S-1", 1)}
    assert states == {
        BIDDERS[0]: ("opened", "", ""),
        BIDDERS[1]: ("opened", "", ""),
        BIDDERS[2]: ("failed", "bidder", "KB_NONE"),
    }


def test_the_officers_release_must_answer_the_frozen_set_and_is_taken_once(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    release(desk, bids, *BIDDERS)
    freeze(desk)
    good = officer(desk)
    key, made_up = desk.section.officer[1], tuple(replace(half, k_t=bytes(32)) for half in good.halves)
    others = (
        replace(good, halves=good.halves[1:]).signed_by(key),
        replace(good, frozen_sm3="0" * 64).signed_by(key),
        replace(good, signature=b""),
        replace(good, halves=made_up),
        replace(good, halves=made_up).signed_by(desk.world.units[BIDDERS[0]].key),
    )
    for bad in others:
        with pytest.raises(OfficerReleaseError):
            desk.centre.opening.accept(canonical.encode(bad), desk.arrival())
    for data in (b"{}", b""):
        with pytest.raises(OfficerReleaseError):
            desk.centre.opening.accept(data, desk.arrival())
    desk.centre.opening.accept(canonical.encode(good), desk.arrival())
    desk.centre.opening.accept(canonical.encode(good.signed_by(key)), desk.arrival())
    fault = OfficerFault(good.halves[0].bundle_sm3, "WRAP")
    with pytest.raises(OfficerReleaseError):
        desk.centre.opening.accept(
            canonical.encode(replace(good, halves=good.halves[1:], faults=(fault,)).signed_by(key)), desk.arrival()
        )
    assert desk.count("openings") == 3


def test_an_unknown_cause_blocks_the_end_until_the_host_decides(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    release(desk, bids, *BIDDERS)
    freeze(desk)
    good = officer(desk)
    digest = good.halves[0].bundle_sm3
    told = replace(good, halves=good.halves[1:], faults=(OfficerFault(digest, "WRAP"),))
    told = told.signed_by(desk.section.officer[1])
    desk.centre.opening.accept(canonical.encode(told), desk.arrival())
    desk.centre.tick()
    with pytest.raises(OpeningNotFinishedError):
        desk.centre.records.make("S-1", 1, "host", desk.arrival())
    desk.centre.opening.decide("S-1", 1, digest, Fault.BIDDER, "密文无法打开", "host", desk.arrival())
    with pytest.raises(DuplicateDecisionError):
        desk.centre.opening.decide("S-1", 1, digest, Fault.PLATFORM, "再说", "host", desk.arrival())
    version = desk.centre.records.make("S-1", 1, "host", desk.arrival())
    assert "密文无法打开" in desk.centre.records.get("S-1", 1)[1].decode()
    assert version.number == 1


def test_a_bundle_that_the_platform_damaged_is_the_platforms_cause(closed: tuple[Desk, Bids]) -> None:
    desk, bids = closed
    release(desk, bids, *BIDDERS)
    freeze(desk)
    good = officer(desk)
    names = {row[0]: row[1] for row in desk.rows("SELECT bundle_sm3, object FROM bids")}
    name = names[good.halves[0].bundle_sm3]
    intake = desk.centre.uploads.intake
    data = bytearray(intake.open(str(name)).read())
    place = data.index(b"stage-1/part-3.bin") + 200
    data[place] ^= 1
    path = intake.root / "bids" / str(name)[:2] / str(name)
    path.write_bytes(intake.seal(str(name), 0, 0, bytes(data)))
    desk.centre.opening.accept(canonical.encode(good), desk.arrival())
    desk.centre.tick()
    found = {o.bid.bundle_sm3: (o.state, o.cause) for o in desk.centre.opening.outcomes("S-1", 1)}
    assert found.pop(good.halves[0].bundle_sm3) == ("failed", "platform")
    assert set(found.values()) == {("opened", "")}


@pytest.mark.parametrize("harm", ["gone", "frame", "header"])
def test_a_bundle_that_the_platform_lost_is_the_platforms_cause(closed: tuple[Desk, Bids], harm: str) -> None:
    desk, bids = closed
    assert desk.centre.missing_bundles() == ()
    release(desk, bids, *BIDDERS)
    freeze(desk)
    good = officer(desk)
    digest = good.halves[1].bundle_sm3
    names = {row[0]: str(row[1]) for row in desk.rows("SELECT bundle_sm3, object FROM bids")}
    intake = desk.centre.uploads.intake
    path = intake.root / "bids" / names[digest][:2] / names[digest]
    if harm == "gone":
        path.unlink()
        assert len(desk.centre.missing_bundles()) == 1
    elif harm == "frame":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    else:
        data = intake.open(names[digest]).read().replace(b'"suite":"GM"', b'"suite":"MG"')
        path.write_bytes(intake.seal(names[digest], 0, 0, data))
    desk.centre.opening.accept(canonical.encode(good), desk.arrival())
    desk.centre.tick()
    found = {o.bid.bundle_sm3: (o.state, o.cause) for o in desk.centre.opening.outcomes("S-1", 1)}
    assert found.pop(digest) == ("failed", "platform")
    assert set(found.values()) == {("opened", "")}


@pytest.fixture
def recorded(closed: tuple[Desk, Bids]) -> Desk:
    desk, _ = opened(closed)
    desk.centre.tick()
    desk.centre.records.make("S-1", 1, "host", desk.arrival())
    return desk


def sealed(data: bytes, uscc: str, word: str = "ok", field: str = "") -> bytes:
    return data + f"|{field or field_of(uscc)}|{uscc}|{word}".encode()


def test_the_record_is_drawn_once_and_only_when_all_is_opened(closed: tuple[Desk, Bids]) -> None:
    desk, _ = opened(closed)
    with pytest.raises(NoRecordError):
        desk.centre.records.get("S-1", 1)
    with pytest.raises(OpeningNotFinishedError):
        desk.centre.records.make("S-1", 1, "host", desk.arrival())
    desk.centre.tick()
    first = desk.centre.records.make("S-1", 1, "host", desk.arrival())
    assert desk.centre.records.make("S-1", 1, "host", desk.arrival()) == first
    facts = desk.centre.records.get("S-1", 1)[1].decode()
    assert all(bidder in facts for bidder in BIDDERS)


def test_host_and_bidders_seal_one_after_the_other(recorded: Desk) -> None:
    records = recorded.centre.records
    for number, uscc in enumerate((CENTRE, *BIDDERS), 2):
        version, data = records.get("S-1", 1)
        assert records.add("S-1", 1, sealed(data, uscc), version.sm3, recorded.arrival()).number == number
    assert set(records.signers("S-1", 1)) == {CENTRE, *BIDDERS}
    records.end("S-1", 1, "host", recorded.arrival())
    version, data = records.get("S-1", 1)
    with pytest.raises(NotAllowedError):
        records.add("S-1", 1, sealed(data, BIDDERS[0]), version.sm3, recorded.arrival())


def test_two_who_seal_the_same_version_do_not_lose_a_seal(recorded: Desk) -> None:
    records = recorded.centre.records
    version, data = records.get("S-1", 1)
    records.add("S-1", 1, sealed(data, CENTRE), version.sm3, recorded.arrival())
    with pytest.raises(RecordMovedError):
        records.add("S-1", 1, sealed(data, BIDDERS[0]), version.sm3, recorded.arrival())


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(lambda d: b"x" + sealed(d, CENTRE), BadRecordVersionError, id="not the same beginning"),
        pytest.param(lambda d: d, BadRecordVersionError, id="nothing added"),
        pytest.param(lambda d: sealed(d, CENTRE, "bad"), BadRecordVersionError, id="a seal that does not hold"),
        pytest.param(lambda d: sealed(d, CENTRE, field="x"), BadRecordVersionError, id="another's field"),
        pytest.param(lambda d: sealed(d, "0" * 18), NotAllowedError, id="a stranger"),
    ],
)
def test_versions_that_are_refused(recorded: Desk, make: object, error: type[BiddingError]) -> None:
    version, data = recorded.centre.records.get("S-1", 1)
    with pytest.raises(error):
        recorded.centre.records.add("S-1", 1, make(data), version.sm3, recorded.arrival())  # type: ignore[operator]
    assert recorded.centre.records.get("S-1", 1)[0] == version


def test_an_opening_ends_only_when_the_host_has_sealed(recorded: Desk) -> None:
    with pytest.raises(OpeningNotFinishedError):
        recorded.centre.records.end("S-1", 1, "host", recorded.arrival())


def test_the_second_stage_waits_for_the_first(world: CentreWorld, tmp_path: Path) -> None:
    desk = make_desk(world, tmp_path, stages=2)
    packed, _ = desk.bid()
    desk.close()
    second = desk.release(BIDDERS[0], packed, stage=2)
    with pytest.raises(BiddingError):
        desk.centre.releasing.release(second, desk.half(BIDDERS[0], packed, 2), desk.arrival())
    with pytest.raises(OpeningNotFinishedError):
        desk.centre.records.begin_stage("S-1", 2, "host", desk.arrival())
    release(desk, {BIDDERS[0]: packed}, BIDDERS[0])
    freeze(desk)
    desk.centre.opening.accept(canonical.encode(officer(desk)), desk.arrival())
    desk.centre.tick()
    records = desk.centre.records
    records.make("S-1", 1, "host", desk.arrival())
    version, data = records.get("S-1", 1)
    records.add("S-1", 1, sealed(data, CENTRE), version.sm3, desk.arrival())
    records.end("S-1", 1, "host", desk.arrival())
    records.begin_stage("S-1", 2, "host", desk.arrival())
    desk.centre.releasing.release(
        desk.release(BIDDERS[0], packed, stage=2), desk.half(BIDDERS[0], packed, 2), desk.arrival()
    )
    assert desk.count("releases") == 2
