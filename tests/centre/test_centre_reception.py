"""The reception's state machine on real SQLite and files: what comes in, when, how often, and what is refused."""

import io
import threading
import zipfile
from datetime import timedelta

import pytest
from bidding_world import DEADLINE, NOON
from centre_world import ADDRESS, BIDDERS, MINUTE, CentreWorld, Desk, make_desk, pack_with

from bidding.acts import Finalise
from bidding.centre.house import Arrival
from bidding.centre.ledger import Accepted, Acknowledged, Known, Refused, Waiting
from bidding.errors import (
    BiddingError,
    BundleTooLargeError,
    CopiedEnvelopeError,
    IdempotencyConflictError,
    MalformedActError,
    MalformedBundleError,
    NoSuchReceiptError,
    PlainBundleError,
    ReplacedBidError,
    UntrustedActError,
    UntrustedBundleError,
    UploadConflictError,
    UploadMissingError,
    WrongBidderError,
    WrongDigestError,
    WrongSectionError,
)
from bidding.receipt import parse_receipt, parse_refusal, verify_receipt, verify_refusal
from identity.errors import LicenceRevokedError
from identity.licence import LicenceState
from signing.checks import Indication
from signing.digests import sm3
from storage.errors import OffsetError


def live(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("SELECT bundle_sm3, version FROM bids WHERE state = 'live' ORDER BY bundle_sm3")


def test_an_accepted_bid_has_a_receipt_that_verifies(desk: Desk) -> None:
    packed, data = desk.bid()
    receipt = parse_receipt(data)
    leaf = receipt.leaf
    assert (leaf.bidder, leaf.bundle_sm3, leaf.size) == (BIDDERS[0], sm3(packed.data).hex(), len(packed.data))
    assert (leaf.version, leaf.replaces, leaf.received_at, leaf.params_sm3) == (1, "", NOON, desk.params)
    assert leaf.certificate == desk.world.units[BIDDERS[0]].certificate.serial
    verdict = verify_receipt(data, anchors=desk.world.anchors, evidence=desk.world.evidence, at=NOON)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert verdict.warnings
    assert live(desk) == [(leaf.bundle_sm3, 1)]


def test_the_timestamp_follows_and_r1_stays_the_same(desk: Desk) -> None:
    desk.tsa.available = False
    packed, before = desk.bid()
    desk.centre.tick()
    assert desk.count("tokens") == 0
    desk.tsa.available = True
    desk.clock.now = NOON + MINUTE
    desk.centre.tick()
    assert desk.count("tokens") == 1
    act = desk.finalise(BIDDERS[0], packed.data)
    again = desk.submit(act, packed.data)
    assert isinstance(again, Accepted)
    after = parse_receipt(again.data)
    assert after.file.r1 == parse_receipt(before).file.r1
    verdict = verify_receipt(again.data, anchors=desk.world.anchors, evidence=desk.world.evidence, at=NOON)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert not verdict.warnings


def test_a_replay_returns_the_same_bytes_even_without_the_upload(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    first = desk.submit(act, packed.data)
    for upload in ("0" * 32, "not an upload"):
        assert desk.centre.reception.finalise(act, upload, desk.arrival()) == first
    assert isinstance(desk.centre.reception.begin(act, len(packed.data), desk.arrival()), Accepted)
    assert desk.count("bids") == desk.count("receipts") == 1


def test_the_same_bundle_under_a_new_key_is_no_second_bid(desk: Desk) -> None:
    packed, first = desk.bid()
    again = desk.submit(desk.finalise(BIDDERS[0], packed.data), packed.data)
    assert isinstance(again, Accepted)
    assert parse_receipt(again.data).file.r1 == parse_receipt(first).file.r1
    assert desk.count("bids") == 1


def test_the_same_key_for_another_request_is_a_conflict(desk: Desk) -> None:
    packed = desk.pack()
    key = "ab" * 16
    desk.submit(desk.finalise(BIDDERS[0], packed.data, key=key), packed.data)
    other = desk.pack(seed="2")
    with pytest.raises(IdempotencyConflictError):
        desk.begin(desk.finalise(BIDDERS[0], other.data, key=key), len(other.data))
    assert len(live(desk)) == 1


def test_a_replacement_supersedes_and_says_so(desk: Desk) -> None:
    first, _ = desk.bid()
    digest = sm3(first.data).hex()
    second, data = desk.bid(seed="2", replaces=digest)
    assert parse_receipt(data).leaf.version == 2
    assert parse_receipt(data).leaf.replaces == digest
    assert live(desk) == [(sm3(second.data).hex(), 2)]
    assert desk.rows("SELECT state FROM bids WHERE version = 1") == [("replaced",)]


@pytest.mark.parametrize("replaces", ["", "0" * 64], ids=["does not say so", "names another"])
def test_a_second_bid_must_name_the_one_that_counts(desk: Desk, replaces: str) -> None:
    first, _ = desk.bid()
    second = desk.pack(seed="2")
    with pytest.raises(ReplacedBidError):
        desk.submit(desk.finalise(BIDDERS[0], second.data, replaces=replaces), second.data)
    assert live(desk) == [(sm3(first.data).hex(), 1)]


def test_withdrawal_takes_the_bid_out_and_the_same_bundle_may_come_again(desk: Desk) -> None:
    packed, _ = desk.bid()
    act = desk.withdraw(BIDDERS[0], sm3(packed.data).hex())
    outcome = desk.centre.reception.withdraw(act, desk.arrival())
    assert isinstance(outcome, Acknowledged)
    assert desk.centre.reception.withdraw(act, desk.arrival()) == outcome
    assert live(desk) == []
    again = desk.submit(desk.finalise(BIDDERS[0], packed.data), packed.data)
    assert isinstance(again, Accepted)
    assert parse_receipt(again.data).leaf.version == 2
    assert len(live(desk)) == 1


def test_only_the_bid_that_counts_can_be_withdrawn_and_only_by_its_bidder(desk: Desk) -> None:
    packed, _ = desk.bid()
    for bidder, digest in ((BIDDERS[0], "0" * 64), (BIDDERS[1], sm3(packed.data).hex())):
        with pytest.raises(ReplacedBidError):
            desk.centre.reception.withdraw(desk.withdraw(bidder, digest), desk.arrival())
    assert len(live(desk)) == 1


@pytest.mark.parametrize(
    ("finalise_at", "last_byte_at", "accepted"),
    [
        pytest.param(-2, -1, True, id="both before"),
        pytest.param(-1, -2, True, id="finalise last, before"),
        pytest.param(0, -2, False, id="finalise at T"),
        pytest.param(-2, 0, False, id="last byte at T"),
        pytest.param(5, 6, False, id="both after"),
    ],
)
def test_t_a_is_the_later_of_both_and_must_be_before_t(
    desk: Desk, finalise_at: int, last_byte_at: int, accepted: bool
) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    desk.send(upload, packed.data[:-1])
    steps = sorted([(finalise_at, "finalise"), (last_byte_at, "byte")])
    for offset, step in steps:
        desk.clock.now = DEADLINE + timedelta(milliseconds=offset)
        if step == "byte":
            desk.send(upload, packed.data[-1:], at=len(packed.data) - 1)
        else:
            outcome = desk.centre.reception.finalise(act, upload, desk.arrival())
            assert isinstance(outcome, Waiting) == (last_byte_at > finalise_at)
    outcome = desk.centre.reception.finalise(act, upload, desk.arrival())
    assert isinstance(outcome, Accepted if accepted else Refused)
    if isinstance(outcome, Accepted):
        later = DEADLINE + timedelta(milliseconds=max(finalise_at, last_byte_at))
        assert parse_receipt(outcome.data).leaf.received_at == later


def test_a_late_bid_gets_a_signed_refusal_and_the_same_again(desk: Desk) -> None:
    packed = desk.pack()
    desk.clock.now = DEADLINE
    act = desk.finalise(BIDDERS[0], packed.data)
    outcome = desk.centre.reception.begin(act, len(packed.data), desk.arrival())
    assert isinstance(outcome, Refused)
    assert desk.centre.reception.finalise(act, "0" * 32, desk.arrival()) == outcome
    facts = parse_refusal(outcome.data).facts
    assert (facts.reason, facts.received_at, facts.deadline) == ("late", DEADLINE, DEADLINE)
    assert (facts.bidder, facts.bundle_sm3) == (BIDDERS[0], sm3(packed.data).hex())
    verdict = verify_refusal(outcome.data, anchors=desk.world.anchors, evidence=desk.world.evidence, at=DEADLINE)
    assert verdict.indication is Indication.TOTAL_PASSED
    desk.centre.tick()
    stamped = desk.centre.reception.finalise(act, "0" * 32, desk.arrival())
    assert isinstance(stamped, Refused)
    verdict = verify_refusal(stamped.data, anchors=desk.world.anchors, evidence=desk.world.evidence, at=DEADLINE)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert not verdict.warnings
    assert live(desk) == []


def test_a_late_withdrawal_is_refused_and_the_bid_stays(desk: Desk) -> None:
    packed, _ = desk.bid()
    desk.clock.now = DEADLINE
    outcome = desk.centre.reception.withdraw(desk.withdraw(BIDDERS[0], sm3(packed.data).hex()), desk.arrival())
    assert isinstance(outcome, Refused)
    assert len(live(desk)) == 1


def test_an_upload_unfinished_at_the_deadline_is_refused_and_the_earlier_bid_stays(desk: Desk) -> None:
    first, _ = desk.bid()
    second = desk.pack(seed="2")
    act = desk.finalise(BIDDERS[0], second.data, replaces=sm3(first.data).hex())
    upload = desk.begin(act, len(second.data))
    desk.send(upload, second.data[:-1])
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Waiting)
    desk.close()
    outcome = desk.centre.reception.finalise(act, upload, desk.arrival())
    assert isinstance(outcome, Refused)
    assert outcome.reason == "incomplete"
    assert live(desk) == [(sm3(first.data).hex(), 1)]
    assert desk.centre.closing.lid("S-1")[0].bundles == (sm3(first.data).hex(),)


def test_read_in_time_and_not_committed_by_the_closing_is_the_platforms_cause(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    desk.clock.now = DEADLINE - timedelta(seconds=1)
    in_time = desk.arrival()
    with desk.centre.uploads.writing(upload, 0) as appender:
        appender.write(packed.data)
    desk.centre.uploads.complete(upload, in_time.at)
    desk.close()
    outcome = desk.centre.reception.finalise(act, upload, in_time)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "not-committed-in-time"
    assert parse_refusal(outcome.data).facts.received_at == in_time.at


def test_a_faulty_bundle_told_only_by_202_is_refused_at_the_closing(desk: Desk) -> None:
    data, key = b"not a bundle at all, only words", "bc" * 16
    act = desk.finalise(BIDDERS[0], data, key=key)
    upload = desk.begin(act, len(data))
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Waiting)
    desk.send(upload, data)
    assert isinstance(desk.centre.reception.receipt(key), Waiting)
    desk.close()
    outcome = desk.centre.reception.receipt(key)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "faulty"
    verdict = verify_refusal(outcome.data, anchors=desk.world.anchors, evidence=desk.world.evidence, at=DEADLINE)
    assert verdict.indication is Indication.TOTAL_PASSED


def test_what_was_asked_for_before_a_crash_is_settled_at_the_closing(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    with desk.centre.uploads.writing(upload, 0) as appender:
        appender.write(packed.data)
    desk.centre.uploads.complete(upload, NOON)
    desk.centre.uploads.note_finalise(upload, NOON)  # and here the process died
    desk.close()
    assert live(desk) == [(sm3(packed.data).hex(), 1)]


def foreign(desk: Desk, world: CentreWorld) -> bytes:
    """Answer a bundle for another section."""
    folder = desk.folder / "foreign"
    folder.mkdir()
    other = make_desk(world, folder, name="S-2", release=False)
    return pack_with(world, other.section, folder, BIDDERS[0], "1").data


def plain_zip(_desk: Desk, _world: CentreWorld) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("投标函.pdf", b"%PDF-1.7")
    return buffer.getvalue()


def damaged(desk: Desk, _world: CentreWorld) -> bytes:
    data = bytearray(desk.pack().data)
    data[-30] ^= 1
    return bytes(data)


def resigned(desk: Desk, _world: CentreWorld) -> bytes:
    """Answer a bundle whose header is changed where nothing but the signature can see it."""
    data = desk.pack().data
    place = data.index(b'"ckb":"') + 7
    other = b"0" if data[place : place + 1] != b"0" else b"1"
    return data[:place] + other + data[place + 1 :]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(foreign, WrongSectionError, id="bundle for another section"),
        pytest.param(plain_zip, PlainBundleError, id="plain ZIP"),
        pytest.param(lambda _d, _w: b"not a bundle at all, only words", MalformedBundleError, id="unknown format"),
        pytest.param(lambda d, _w: d.pack().data[:-1], MalformedBundleError, id="truncated"),
        pytest.param(damaged, MalformedBundleError, id="damaged directory"),
        pytest.param(resigned, (MalformedBundleError, UntrustedBundleError), id="changed header"),
        pytest.param(lambda d, _w: d.pack(BIDDERS[1]).data, WrongBidderError, id="another bidder's bundle"),
    ],
)
def test_what_is_no_bid_gets_a_typed_error_and_no_state(
    desk: Desk, world: CentreWorld, content: object, error: type[BiddingError]
) -> None:
    data = content(desk, world)  # type: ignore[operator]
    act = desk.finalise(BIDDERS[0], data)
    upload = desk.upload(act, data)
    for _ in range(2):
        with pytest.raises(error):
            desk.centre.reception.finalise(act, upload, desk.arrival())
    for _ in range(2):
        assert all(desk.count(table) == 0 for table in ("bids", "receipts", "refusals", "idempotency"))
        desk.close()  # what was answered with an error is not pending any more


def test_other_bytes_than_the_signed_ones_are_refused(desk: Desk) -> None:
    packed, other = desk.pack(), desk.pack(seed="2")
    act = desk.finalise(BIDDERS[0], packed.data, size=len(other.data))
    with pytest.raises(WrongDigestError):
        desk.submit(act, other.data)
    assert live(desk) == []


def test_an_act_for_another_section_or_other_parameters_is_refused(desk: Desk) -> None:
    packed = desk.pack()
    with pytest.raises(WrongSectionError):
        desk.begin(desk.finalise(BIDDERS[0], packed.data, params_sm3="0" * 64), len(packed.data))


def test_an_upload_must_have_the_size_that_was_signed_and_not_be_too_large(desk: Desk) -> None:
    packed = desk.pack()
    with pytest.raises(UploadConflictError):
        desk.begin(desk.finalise(BIDDERS[0], packed.data), len(packed.data) + 1)
    size = desk.section.params.max_bundle + 1
    with pytest.raises(BundleTooLargeError):
        desk.begin(desk.finalise(BIDDERS[0], packed.data, size=size), size)


def test_an_act_signed_by_another_unit_is_refused(desk: Desk) -> None:
    packed = desk.pack()
    key = desk.world.fresh()
    value = Finalise(1, "submit", "S-1", desk.params, BIDDERS[0], sm3(packed.data).hex(), len(packed.data), "", key)
    act = desk.world.act(value, NOON, by=BIDDERS[1])
    with pytest.raises(UntrustedActError):
        desk.begin(act, len(packed.data))


def test_a_stale_consent_is_refused_where_the_upload_begins_and_good_for_a_long_upload(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    desk.clock.now = NOON + 2 * MINUTE
    with pytest.raises(UntrustedActError):
        desk.begin(act, len(packed.data))
    desk.clock.now = NOON
    upload = desk.begin(act, len(packed.data))
    desk.clock.now = NOON + 40 * MINUTE
    desk.send(upload, packed.data)
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Accepted)


@pytest.mark.parametrize("data", [b"", b"{}", b"not json", b"[" * 100], ids=["empty", "object", "words", "deep"])
def test_an_act_that_is_none_is_refused(desk: Desk, data: bytes) -> None:
    with pytest.raises(MalformedActError):
        desk.begin(data, 1)
    with pytest.raises(MalformedActError):
        desk.centre.reception.finalise(data, "0" * 32, desk.arrival())
    with pytest.raises(MalformedActError):
        desk.centre.reception.withdraw(data, desk.arrival())


def test_a_licence_revoked_during_the_upload_is_noticed(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.upload(act, packed.data)
    desk.register.state[BIDDERS[0]] = LicenceState.REVOKED
    with pytest.raises(LicenceRevokedError):
        desk.centre.reception.finalise(act, upload, desk.arrival())
    assert live(desk) == []


def test_bids_come_in_while_register_and_timestamps_are_down(desk: Desk) -> None:
    desk.register.available = desk.tsa.available = False
    _, data = desk.bid()
    verdict = verify_receipt(data, anchors=desk.world.anchors, evidence=desk.world.evidence, at=NOON)
    assert verdict.indication is Indication.TOTAL_PASSED


def test_a_copied_envelope_is_refused(desk: Desk, world: CentreWorld) -> None:
    """Another content under the same wraps: the points C1 were seen in another bundle."""
    bundles = []
    for seed in ("1", "2"):
        folder = desk.folder / f"copied-{seed}"
        folder.mkdir()
        bundles.append(pack_with(world, desk.section, folder, BIDDERS[0], seed, "one randomness"))
    first, second = bundles
    assert isinstance(desk.submit(desk.finalise(BIDDERS[0], first.data), first.data), Accepted)
    act = desk.finalise(BIDDERS[0], second.data, replaces=sm3(first.data).hex())
    with pytest.raises(CopiedEnvelopeError):
        desk.submit(act, second.data)
    assert live(desk) == [(sm3(first.data).hex(), 1)]


def test_an_interrupted_upload_goes_on_where_it_was(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    upload = desk.begin(act, len(packed.data))
    desk.send(upload, packed.data[:1000])
    with pytest.raises(OffsetError):
        desk.send(upload, packed.data[500:], at=500)
    assert desk.centre.uploads.get(upload).offset == 1000
    waiting = desk.centre.reception.finalise(act, upload, desk.arrival())
    assert waiting == Waiting(upload, 1000, len(packed.data))
    desk.send(upload, packed.data[1000:], at=1000)
    outcome = desk.centre.reception.finalise(act, upload, desk.arrival())
    assert isinstance(outcome, Accepted)


def test_the_last_byte_settles_a_finalise_that_came_first(desk: Desk) -> None:
    packed = desk.pack()
    key = "cd" * 16
    act = desk.finalise(BIDDERS[0], packed.data, key=key)
    upload = desk.begin(act, len(packed.data))
    with pytest.raises(NoSuchReceiptError):
        desk.centre.reception.receipt(key)
    assert isinstance(desk.centre.reception.finalise(act, upload, desk.arrival()), Waiting)
    assert isinstance(desk.centre.reception.receipt(key), Waiting)
    desk.clock.now = NOON + MINUTE
    desk.send(upload, packed.data)
    outcome = desk.centre.reception.receipt(key)
    assert isinstance(outcome, Accepted)
    assert parse_receipt(outcome.data).leaf.received_at == NOON + MINUTE


def test_an_upload_given_up_or_expired_is_gone(desk: Desk) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    first, second = desk.begin(act, len(packed.data)), desk.begin(act, len(packed.data))
    desk.centre.uploads.terminate(first, desk.arrival())
    assert desk.centre.uploads.expire(Arrival(NOON + timedelta(days=3), ADDRESS)) == 1
    for upload in (first, second, "0" * 32):
        with pytest.raises(UploadMissingError):
            desk.centre.uploads.get(upload)
    assert not list((desk.folder / "centre" / "intake" / "uploads").iterdir())


def test_two_bidders_race_and_both_are_in(desk: Desk) -> None:
    outcomes = race(desk, [(bidder, desk.pack(bidder).data) for bidder in BIDDERS])
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len(live(desk)) == len(BIDDERS)


def test_one_bidder_races_itself_and_exactly_one_bid_counts(desk: Desk) -> None:
    outcomes = race(desk, [(BIDDERS[0], desk.pack(seed=str(seed)).data) for seed in range(1, 5)])
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ReplacedBidError) for outcome in outcomes) == 3
    assert len(live(desk)) == 1


def race(desk: Desk, bids: list[tuple[str, bytes]]) -> list[object]:
    prepared = [(act := desk.finalise(bidder, data), desk.upload(act, data)) for bidder, data in bids]
    barrier, outcomes = threading.Barrier(len(bids)), list[Known | Waiting | BiddingError]()

    def run(act: bytes, upload: str) -> None:
        barrier.wait()
        try:
            outcomes.append(desk.centre.reception.finalise(act, upload, desk.arrival()))
        except BiddingError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in prepared]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(bids)
    return list(outcomes)
