"""Sections are released by their tenderer only, judged by the clock, and closed once."""

from datetime import timedelta
from pathlib import Path

import pytest
from bidding_world import DEADLINE, NOON, Section
from centre_world import BIDDERS, CENTRE, TENDERER, CentreWorld, Desk, make_desk
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from bidding.centre.sections import Phase
from bidding.errors import (
    BiddingError,
    DeadlineTooNearError,
    MalformedParamsError,
    NotTheTendererError,
    NotYetClosedError,
    SectionExistsError,
    UnknownSectionError,
    WrongCentreError,
)
from bidding.params import Party, encode_params
from signing import canonical
from signing.digests import sm3
from signing.path import Purpose
from signing.statement import verify_statement
from signing.timestamps import verify_token


@pytest.fixture
def empty(world: CentreWorld, tmp_path: Path) -> Desk:
    return make_desk(world, tmp_path, release=False)


def signed(desk: Desk, *, by: str = TENDERER, **changes: object) -> bytes:
    params = replace(desk.section.params, **changes)
    signer = desk.world.tenderer if by == TENDERER else desk.world.units[by]
    return canonical.encode(signer.state(encode_params(params)))


def test_the_same_release_again_is_the_same_section(empty: Desk) -> None:
    data = signed(empty)
    first = empty.centre.sections.release(data, empty.arrival())
    assert empty.centre.sections.release(data, empty.arrival()) == first
    assert empty.centre.sections.list() == (first,)
    assert first.params_sm3 == sm3(first.signed.statement).hex()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"by": BIDDERS[0]}, NotTheTendererError, id="signed by another unit"),
        pytest.param({"tenderer": Party("别人", BIDDERS[0])}, NotTheTendererError, id="names another tenderer"),
        pytest.param({"centre": Party("别家", BIDDERS[0])}, WrongCentreError, id="names another centre"),
        pytest.param({"deadline": NOON}, DeadlineTooNearError, id="deadline now"),
        pytest.param({"rules": "standard"}, DeadlineTooNearError, id="shorter than the legal period"),
        pytest.param({"rules": "other"}, MalformedParamsError, id="unknown rules"),
        pytest.param({"threshold": 9}, MalformedParamsError, id="contradictory"),
    ],
)
def test_what_is_refused(empty: Desk, changes: dict[str, object], error: type[BiddingError]) -> None:
    with pytest.raises(error):
        empty.centre.sections.release(signed(empty, **changes), empty.arrival())  # type: ignore[arg-type]
    assert empty.centre.sections.list() == ()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]"])
def test_what_is_no_statement_is_malformed(empty: Desk, data: bytes) -> None:
    with pytest.raises(MalformedParamsError):
        empty.centre.sections.release(data, empty.arrival())


def test_other_parameters_under_the_same_code_conflict(desk: Desk) -> None:
    with pytest.raises(SectionExistsError):
        desk.centre.sections.release(signed(desk, title="另一个"), desk.arrival())


def test_unknown_codes(desk: Desk) -> None:
    with pytest.raises(UnknownSectionError):
        desk.centre.sections.get("S-9")


@pytest.mark.parametrize(
    ("at", "ticked", "phase"),
    [
        pytest.param(DEADLINE - timedelta(milliseconds=1), True, Phase.BIDDING, id="before T"),
        pytest.param(DEADLINE, True, Phase.CLOSING, id="at T"),
        pytest.param(DEADLINE + timedelta(seconds=9.999), True, Phase.CLOSING, id="before T + G"),
        pytest.param(DEADLINE + timedelta(seconds=10), False, Phase.CLOSING, id="at T + G, nobody has closed yet"),
        pytest.param(DEADLINE + timedelta(seconds=10), True, Phase.CLOSED, id="at T + G"),
    ],
)
def test_phases_by_the_clock(desk: Desk, at: object, ticked: bool, phase: Phase) -> None:
    desk.clock.now = at  # type: ignore[assignment]
    if ticked:
        desk.centre.tick()
    section = desk.centre.sections.get("S-1")
    assert desk.centre.sections.phases(section, desk.clock.now) == {1: phase}


def test_closing_is_one_way(desk: Desk) -> None:
    with pytest.raises(NotYetClosedError):
        desk.centre.closing.close("S-1", desk.arrival())
    desk.close()
    closed_at = desk.centre.sections.get("S-1").closed_at
    desk.clock.now = NOON  # a clock that runs back reopens nothing
    desk.centre.tick()
    assert desk.centre.sections.get("S-1").closed_at == closed_at
    with pytest.raises(IntegrityError, match="final"), desk.centre.house.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sections SET state = 'bidding', closed_at = NULL")


def test_lid_1_lists_the_live_bids_signed_and_stamped(desk: Desk) -> None:
    with pytest.raises(NotYetClosedError):
        desk.centre.closing.lid("S-1")
    packed, _ = desk.bid()
    gone, _ = desk.bid(BIDDERS[1])
    desk.centre.reception.withdraw(desk.withdraw(BIDDERS[1], sm3(gone.data).hex()), desk.arrival())
    desk.close()
    closed, lid = desk.centre.closing.lid("S-1")
    assert closed.bundles == (sm3(packed.data).hex(),)
    assert lid.token is not None
    world = desk.world
    verify_statement(
        lid.signed, anchors=world.anchors, evidence=world.evidence, at=desk.clock.now, purpose=Purpose.CENTRE
    ).require()
    verify_token(lid.token, imprint=sm3(lid.signed.signature), anchors=world.anchors, evidence=world.evidence).require()


def test_the_centre_of_the_parameters_is_this_one(desk: Desk) -> None:
    assert desk.centre.sections.get("S-1").params.centre.uscc == CENTRE
    assert isinstance(desk.section, Section)
