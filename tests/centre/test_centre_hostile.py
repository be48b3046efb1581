"""What somebody hostile, or a crash, may do between two steps of the centre: no accepted bid is lost by it."""

import os
import threading
from datetime import timedelta

import pytest
from bidding_world import DEADLINE, NOON
from centre_world import ADDRESS, BIDDERS, MINUTE, Desk
from msgspec.structs import replace

from bidding.acts import Release, SignedAct
from bidding.centre.house import Arrival
from bidding.centre.ledger import Accepted, Refused, Waiting
from bidding.centre.uploads import MOST_UPLOADS, QUIET
from bidding.errors import (
    BiddingError,
    NoLiveBidError,
    TooManyUploadsError,
    UntrustedActError,
    UploadConflictError,
)
from bidding.officer import parse_release_set, release_officer_halves
from bidding.receipt import parse_refusal, verify_refusal
from identity.errors import IdentityError
from identity.licence import LicenceState
from signing import canonical
from signing.checks import Indication
from signing.digests import sm3
from storage.errors import ObjectMissingError, StorageError

SECOND = timedelta(seconds=1)


def test_an_upload_that_became_a_bid_is_never_given_up(desk: Desk) -> None:
    packed, _ = desk.bid()
    (upload,) = (str(row[0]) for row in desk.rows("SELECT id FROM uploads"))
    stale = desk.centre.uploads.get(upload)
    with pytest.raises(UploadConflictError):
        desk.centre.uploads.terminate(upload, desk.arrival())
    with desk.centre.house.engine.begin() as tx:  # as a caller that looked before the commit
        assert not desk.centre.uploads.end(tx, stale, "upload-ended", desk.arrival())
    assert desk.centre.missing_bundles() == ()
    assert desk.centre.uploads.intake.open(upload).read() == packed.data


def test_giving_up_and_finalising_at_once_leave_a_whole_bid_or_none(desk: Desk) -> None:
    for number in range(4):
        packed = desk.pack(seed=str(number + 1))
        act = desk.finalise(BIDDERS[0], packed.data)
        upload = desk.upload(act, packed.data)
        outcome: list[object] = []

        def give_up(upload: str = upload, outcome: list[object] = outcome) -> None:
            try:
                desk.centre.uploads.terminate(upload, desk.arrival())
            except BiddingError as error:
                outcome.append(error)

        thread = threading.Thread(target=give_up)
        thread.start()
        try:
            accepted = isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Accepted)
        except (BiddingError, StorageError):
            accepted = False
        thread.join()
        assert desk.centre.missing_bundles() == ()
        assert accepted == bool(outcome)
        if accepted:
            live = sm3(packed.data).hex()
            desk.centre.reception.withdraw(desk.withdraw(BIDDERS[0], live), desk.arrival())


def test_a_move_to_its_final_name_may_be_asked_for_by_two(desk: Desk) -> None:
    packed = desk.pack()
    upload = desk.upload(desk.finalise(BIDDERS[0], packed.data), packed.data)
    desk.centre.uploads.intake.accept(upload)
    desk.centre.uploads.intake.accept(upload)
    with pytest.raises(ObjectMissingError):
        desk.centre.uploads.intake.accept("0" * 32)


def _durable_but_unnoted(desk: Desk) -> tuple[bytes, str]:
    """All bytes are durable and the finalise request was read; the process died before the last byte was noted."""
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    with desk.centre.uploads.writing(upload, 0) as appender:
        appender.write(packed.data)
    return act, upload


def _written(desk: Desk, upload: str, seconds: float) -> None:
    os.utime(desk.centre.uploads.intake.root / "uploads" / upload, (seconds, seconds))


def test_a_crash_between_the_last_byte_and_its_note_costs_no_bid(desk: Desk) -> None:
    act, upload = _durable_but_unnoted(desk)
    written = desk.clock.now + SECOND
    _written(desk, upload, written.timestamp())
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Waiting)
    desk.clock.now = DEADLINE + SECOND
    desk.centre.tick()
    assert desk.rows("SELECT received_at FROM bids WHERE state = 'live'") == desk.rows(
        "SELECT last_byte_at FROM uploads"
    )
    assert desk.centre.uploads.get(upload).last_byte_at == written


def test_bytes_that_come_after_the_deadline_never_borrow_the_finalise_requests_instant(desk: Desk) -> None:
    act, upload = _durable_but_unnoted(desk)
    desk.clock.now = DEADLINE - timedelta(milliseconds=1)
    early = desk.arrival()
    desk.clock.now = DEADLINE + timedelta(milliseconds=1)
    _written(desk, upload, desk.clock.now.timestamp())
    assert isinstance(desk.centre.reception.finalise(act, upload, early), Waiting)
    desk.centre.reception.received(upload, desk.clock.now, ADDRESS)
    outcome = desk.centre.reception.finalise(act, upload, desk.arrival())
    assert isinstance(outcome, Refused)
    assert outcome.reason == "late"


def test_who_is_about_to_note_the_last_byte_is_left_alone(desk: Desk) -> None:
    act, upload = _durable_but_unnoted(desk)
    _written(desk, upload, desk.clock.now.timestamp())
    desk.centre.reception.finalise(act, upload, desk.arrival())
    desk.clock.now += QUIET - SECOND
    desk.centre.tick()
    assert desk.count("bids") == 0
    desk.clock.now += SECOND
    desk.centre.tick()
    assert desk.count("bids") == 1


def test_a_crash_after_closing_leaves_nobody_without_an_answer(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    desk.send(upload, packed.data[:100])
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Waiting)
    desk.clock.now = desk.section.params.closes_at
    desk.centre.closing.close("S-1", desk.arrival())  # and here the process dies
    desk.centre.tick()
    assert desk.rows("SELECT state FROM uploads") == [("ended",)]
    assert desk.count("refusals") == 1


def test_what_is_late_and_faulty_is_refused_as_late(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Waiting)
    desk.register.state[BIDDERS[0]] = LicenceState.REVOKED
    desk.clock.now = DEADLINE + SECOND
    desk.send(upload, packed.data)
    desk.close()
    outcome = desk.centre.reception.finalise(act, upload, desk.arrival())
    assert isinstance(outcome, Refused)
    assert outcome.reason == "late"
    anchors, evidence = desk.world.anchors, desk.world.evidence
    verdict = verify_refusal(outcome.data, anchors=anchors, evidence=evidence, at=desk.clock.now + MINUTE)
    assert parse_refusal(outcome.data).facts.received_at >= DEADLINE
    assert verdict.indication is Indication.TOTAL_PASSED


def test_a_step_that_fails_keeps_no_section_open(desk: Desk) -> None:
    desk.bid()
    desk.clock.now = desk.section.params.closes_at
    with desk.centre.house.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE outbox SET subject = 'not hex' WHERE done_at IS NULL")
    with pytest.raises(ExceptionGroup):
        desk.centre.tick()
    assert desk.rows("SELECT state FROM sections") == [("closed",)]


def test_nobody_can_try_out_whose_bid_a_bundle_is(desk: Desk) -> None:
    packed, _ = desk.bid()
    desk.close()
    value = canonical.decode(canonical.decode(desk.release(BIDDERS[0], packed), SignedAct).statement.statement, Release)
    for bidder in BIDDERS:
        guess = desk.world.act(replace(value, bidder=bidder), desk.clock.now, by=BIDDERS[2])
        expected = NoLiveBidError if bidder == BIDDERS[2] else (UntrustedActError, IdentityError)
        with pytest.raises(expected):
            desk.centre.releasing.release(guess, bytes(32), desk.arrival())


def test_a_crash_between_the_officers_release_and_its_readout_is_made_good(desk: Desk) -> None:
    packed, _ = desk.bid()
    desk.close()
    desk.centre.releasing.release(desk.release(BIDDERS[0], packed), desk.half(BIDDERS[0], packed), desk.arrival())
    desk.centre.releasing.freeze("S-1", 1, "host", desk.arrival())
    desk.centre.tick()
    read = parse_release_set(desk.centre.releasing.release_set("S-1", 1))
    labels = {digest: desk.centre.releasing.label("S-1", digest) for digest in read.wanted(1)}
    told = canonical.encode(release_officer_halves(desk.section.officer[1], read, 1, labels))
    with desk.centre.house.engine.begin() as tx:
        tx.exec_driver_sql(
            "INSERT INTO officer_releases (section, stage, document, at) SELECT section, stage, ?, at FROM lids "
            "WHERE lid = 2",
            (told,),
        )
    desk.centre.tick()
    assert [outcome.state for outcome in desk.centre.opening.outcomes("S-1", 1)] == ["opened"]


def test_an_idle_upload_expires_and_a_pending_one_does_not(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    idle, pending = desk.begin(act, len(packed.data)), desk.begin(act, len(packed.data))
    desk.centre.reception.finalise(act, pending, desk.arrival())
    assert desk.centre.uploads.expire(Arrival(NOON + timedelta(days=3), ADDRESS)) == 1
    states = set(desk.rows("SELECT id, state FROM uploads"))
    assert states == {(idle, "ended"), (pending, "receiving")}


def test_one_act_fills_no_disk(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    first, *_ = [desk.begin(act, len(packed.data)) for _ in range(MOST_UPLOADS)]
    with pytest.raises(TooManyUploadsError):
        desk.begin(act, len(packed.data))
    desk.centre.uploads.terminate(first, desk.arrival())
    desk.begin(act, len(packed.data))
