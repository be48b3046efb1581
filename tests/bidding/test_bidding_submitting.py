"""The bidder's client against the real centre and its real routes: what gets through, breaks, and is believed."""

import base64
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import TestClient

sys.path.insert(0, str(Path(__file__).parents[1] / "centre"))

from bidding_world import DEADLINE, NOON, Packed
from centre_world import BIDDERS, CENTRE, TENDERER, CentreWorld, Desk, header_of, make_desk
from msgspec.structs import replace

from bidding.acts import Finalise, SignedAct, Withdraw
from bidding.errors import (
    CentreRefusedError,
    CentreUnavailableError,
    SubmissionRefusedError,
    UntrustedAnswerError,
    UntrustedParamsError,
    UploadInterruptedError,
    WrongHalfError,
)
from bidding.faults import ChangedDocumentError, RehearsalError
from bidding.lids import OfficerHalf, OfficerRelease
from bidding.officer import parse_release_set
from bidding.params import Party, encode_params
from bidding.receipt import parse_receipt, parse_refusal
from bidding.web.centre_api import CENTRE_API
from bidding.web.problems import EXCEPTION_HANDLERS
from bidding.web.upload import UPLOAD_ROUTER
from bidding.workbench.judging import judge_receipt, require_params, verify_params
from bidding.workbench.packing import BundleFile
from bidding.workbench.releasing import BidderRelease, half_from_code, prepare_release, require_half
from bidding.workbench.submitting import CentreClient, finalise_line, prepare_finalise, prepare_withdraw, withdraw_line
from bidding.workbench.tus import TusClient
from signing import canonical
from signing.digests import sm3
from signing.envelope import unwrap_half
from signing.statement import parse_statement

BASE = "http://centre.test"
A, B = BIDDERS[:2]


@dataclass
class Road(httpx.BaseTransport):
    """The way to the centre. `breaks` says what happens to the next request of a method: lost, answer lost, garbled."""

    inner: TestClient[Litestar]
    breaks: list[tuple[str, str]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        self.seen.append(f"{request.method} {request.url.path}")
        how = ""
        if self.breaks and self.breaks[0][0] == request.method:
            how = self.breaks.pop(0)[1]
        if how == "lost":
            raise httpx.ConnectError("lost", request=request)
        if how == "garbled":
            body = body[:-1] + bytes([body[-1] ^ 1])
        answer = self.inner.request(request.method, request.url, content=body, headers=request.headers)
        if how == "answer lost":
            raise httpx.ReadError("answer lost", request=request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content, request=request)


@dataclass
class House:
    """A centre, the road to it, and a bidder's client."""

    desk: Desk
    road: Road
    http: httpx.Client
    pauses: list[float]

    @property
    def world(self) -> CentreWorld:
        return self.desk.world

    @property
    def client(self) -> CentreClient:
        anchors = self.world.anchors
        return CentreClient(self.http, lambda: anchors, self.desk.clock, self.pauses.append)

    def tus(self, chunk: int = 1000, attempts: int = 4) -> TusClient:
        return TusClient(self.http, self.pauses.append, chunk=chunk, attempts=attempts)

    def sign(self, value: Finalise | Withdraw) -> SignedAct:
        return canonical.decode(self.world.act(value, self.desk.clock.now), SignedAct)

    def bid(self, bidder: str = A, seed: str = "1", *, replaces: str = "") -> tuple[Packed, SignedAct]:
        packed = self.desk.pack(bidder, seed)
        bundle = BundleFile(packed.file.path, packed.file.size, packed.file.sm3)
        random = iter([bytes.fromhex(self.world.fresh())]).__next__
        act = prepare_finalise(self.desk.section.data, bidder, bundle, random=lambda _: random(), replaces=replaces)
        return packed, self.sign(act)


@pytest.fixture(scope="module")
def world() -> CentreWorld:
    return CentreWorld()


@pytest.fixture
def house(world: CentreWorld, tmp_path: Path) -> Iterator[House]:
    desk = make_desk(world, tmp_path)
    app = Litestar(
        [CENTRE_API, UPLOAD_ROUTER],
        dependencies={"centre": Provide(lambda: desk.centre, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
    )
    with TestClient(app, base_url=BASE) as inner:
        road = Road(inner)
        with httpx.Client(transport=road, base_url=BASE) as http:
            yield House(desk, road, http, [])


def believes(data: bytes, packed: Packed) -> bool:
    leaf = parse_receipt(data).leaf
    return (leaf.centre, leaf.bundle_sm3, leaf.size) == (CENTRE, packed.file.sm3, packed.file.size)


# Submitting


def test_a_submitted_bundle_has_a_receipt(house: House) -> None:
    packed, act = house.bid()
    receipt = house.client.submit(act, packed.file.path)
    assert believes(receipt, packed)
    assert house.client.fetch_receipt(act) == receipt


def test_submitting_again_gives_the_same_receipt(house: House) -> None:
    packed, act = house.bid()
    first = house.client.submit(act, packed.file.path)
    assert parse_receipt(house.client.submit(act, packed.file.path)).r1 == parse_receipt(first).r1
    assert house.desk.count("bids") == 1


def test_the_timestamp_comes_later(house: House) -> None:
    packed, act = house.bid()
    assert parse_receipt(house.client.submit(act, packed.file.path)).file.token is None
    house.desk.centre.tick()
    later = house.client.fetch_receipt(act)
    assert later is not None
    assert parse_receipt(later).file.token is not None


def test_progress_and_address_are_told(house: House) -> None:
    packed, act = house.bid()
    steps: list[tuple[int, int]] = []
    begun: list[str] = []
    house.client.submit(act, packed.file.path, lambda done, length: steps.append((done, length)), begun=begun.append)
    size = packed.file.size
    assert steps == [(0, size), (size, size)]
    assert [url.startswith(f"{BASE}/files/") for url in begun] == [True]


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param([("PATCH", "lost")], id="bytes lost"),
        pytest.param([("PATCH", "answer lost")], id="the answer to the last byte lost"),
        pytest.param([("PATCH", "garbled")], id="a byte changed on the way"),
        pytest.param([("HEAD", "lost"), ("PATCH", "garbled"), ("HEAD", "answer lost")], id="one after the other"),
    ],
)
def test_an_interrupted_submission_goes_on(house: House, breaks: list[tuple[str, str]]) -> None:
    packed, act = house.bid()
    house.road.breaks = list(breaks)
    assert believes(house.client.submit(act, packed.file.path), packed)
    assert house.road.breaks == []
    assert house.pauses


def test_a_lost_answer_to_the_finalise_request_is_asked_for_again(house: House) -> None:
    packed, act = house.bid()
    house.road.breaks = [("POST", ""), ("POST", "answer lost")]
    assert believes(house.client.submit(act, packed.file.path), packed)
    assert house.desk.count("bids") == 1


def test_an_upload_that_was_given_up_is_continued_later(house: House) -> None:
    packed, act = house.bid()
    begun: list[str] = []
    house.road.breaks = [("PATCH", "lost")] * 8
    with pytest.raises(UploadInterruptedError):
        house.client.submit(act, packed.file.path, begun=begun.append)
    house.road.breaks = []
    assert believes(house.client.submit(act, packed.file.path, upload=begun[0]), packed)
    assert house.desk.count("uploads") == 1


def test_continuing_what_is_decided_sends_nothing(house: House) -> None:
    packed, act = house.bid()
    begun: list[str] = []
    first = house.client.submit(act, packed.file.path, begun=begun.append)
    house.road.seen.clear()
    assert house.client.submit(act, packed.file.path, upload=begun[0]) == first
    assert not [line for line in house.road.seen if line.startswith(("PATCH", "POST"))]


def test_a_changed_bundle_is_not_sent(house: House) -> None:
    packed, act = house.bid()
    packed.file.path.write_bytes(b"X" + packed.data[1:])
    with pytest.raises(ChangedDocumentError):
        house.client.submit(act, packed.file.path)
    assert house.road.seen == []


def test_a_late_bid_gets_a_signed_refusal(house: House) -> None:
    packed, _ = house.bid()
    house.desk.clock.now = DEADLINE
    bundle = BundleFile(packed.file.path, packed.file.size, packed.file.sm3)
    act = house.sign(prepare_finalise(house.desk.section.data, A, bundle, random=lambda _: b"k" * 16))
    with pytest.raises(SubmissionRefusedError) as caught:
        house.client.submit(act, packed.file.path)
    assert caught.value.reason == "late"
    assert parse_refusal(caught.value.refusal).facts.bundle_sm3 == packed.file.sm3
    assert house.desk.count("uploads") == 0


def test_one_bid_replaces_another(house: House) -> None:
    first, act = house.bid()
    house.client.submit(act, first.file.path)
    second, again = house.bid(seed="2", replaces=first.file.sm3)
    leaf = parse_receipt(house.client.submit(again, second.file.path)).leaf
    assert (leaf.version, leaf.replaces) == (2, first.file.sm3)


def test_what_is_no_bundle_is_refused_with_a_code(house: House, tmp_path: Path) -> None:
    path = tmp_path / "plain.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    data = path.read_bytes()
    bundle = BundleFile(path, len(data), sm3(data).hex())
    act = house.sign(prepare_finalise(house.desk.section.data, A, bundle, random=lambda _: b"z" * 16))
    with pytest.raises(CentreRefusedError) as caught:
        house.client.submit(act, path)
    assert not caught.value.code.startswith("http_")
    assert house.desk.count("bids") == 0


# What is believed


def test_a_receipt_about_another_bundle_is_not_believed(house: House) -> None:
    one, act = house.bid()
    receipt = house.client.submit(act, one.file.path)
    other, theirs = house.bid(B)
    said, _ = parse_statement(theirs.statement, Finalise)
    verdict = judge_receipt(
        receipt, said, centre=CENTRE, anchors=house.world.anchors, evidence=house.world.evidence, at=NOON
    )
    assert verdict.failed == ["answer-subject"]
    assert other.file.sm3 != one.file.sm3


def test_a_lying_centre_is_noticed_and_its_answer_kept(house: House) -> None:
    one, act = house.bid()
    receipt = house.client.submit(act, one.file.path)
    two, theirs = house.bid(B)

    def lie(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/params"):
            return house.road.handle_request(request)
        return httpx.Response(201, content=receipt, headers={"content-type": "application/json"})

    with httpx.Client(transport=httpx.MockTransport(lie), base_url=BASE) as http:
        client = CentreClient(http, lambda: house.world.anchors, house.desk.clock, house.pauses.append)
        with pytest.raises(UntrustedAnswerError) as caught:
            client.submit(theirs, two.file.path)
    assert caught.value.answer == receipt


@pytest.mark.parametrize("answer", [b"{}", b"", b"not json"], ids=["empty object", "nothing", "no JSON"])
def test_an_unreadable_receipt_is_not_believed(house: House, answer: bytes) -> None:
    packed, act = house.bid()

    def lie(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/params"):
            return house.road.handle_request(request)
        return httpx.Response(201, content=answer)

    with httpx.Client(transport=httpx.MockTransport(lie), base_url=BASE) as http:
        client = CentreClient(http, lambda: house.world.anchors, house.desk.clock, house.pauses.append)
        with pytest.raises(UntrustedAnswerError):
            client.submit(act, packed.file.path)


def test_a_silent_centre_is_told_apart_from_a_refusing_one(house: House) -> None:
    house.road.breaks = [("GET", "lost")]
    with pytest.raises(CentreUnavailableError):
        house.client.fetch_sections()
    with pytest.raises(CentreRefusedError):
        house.client.fetch_section("S-9")


def test_parameters_are_verified_before_they_are_used(house: House) -> None:
    signed = house.client.fetch_params("S-1")
    assert signed.statement == house.desk.section.data
    world = house.world
    told: Any = {"anchors": world.anchors, "evidence": world.evidence, "at": NOON}
    verify_params(signed, **told).require()
    forged = world.units[A].state(house.desk.section.data)
    assert verify_params(forged, **told).failed == ["tenderer"]
    with pytest.raises(UntrustedParamsError):
        require_params(forged, **told)
    changed = encode_params(replace(house.desk.section.params, tenderer=Party("招标人", A)))
    with pytest.raises(UntrustedParamsError):
        require_params(replace(signed, statement=changed), **told)
    assert TENDERER != A


def test_sections_are_listed(house: House) -> None:
    (line,) = house.client.fetch_sections()
    assert (line.code, line.phase, line.deadline) == ("S-1", "bidding", DEADLINE)
    assert house.client.fetch_section("S-1") == line


# tus by itself


def test_chunks_arrive_in_order_and_a_damaged_one_is_sent_again(house: House) -> None:
    packed, act = house.bid()
    tus, steps = house.tus(), list[int]()
    url = tus.location(tus.create(packed.file.size, {"yizhao-act": _act_header(act)}))
    house.road.breaks = [("PATCH", ""), ("PATCH", "garbled"), ("PATCH", ""), ("PATCH", "answer lost")]
    tus.send(url, packed.file.path, lambda done, _: steps.append(done))
    assert steps == sorted(set(steps))
    assert steps[-1] == packed.file.size
    assert len(steps) >= packed.file.size // 1000


@pytest.mark.parametrize("algorithm", ["sm3", "sha1"])
def test_both_checksums_are_understood(house: House, algorithm: str) -> None:
    packed, act = house.bid()
    tus = TusClient(house.http, house.pauses.append, algorithm=algorithm)  # type: ignore[arg-type]
    url = tus.location(tus.create(packed.file.size, {"yizhao-act": _act_header(act)}))
    tus.send(url, packed.file.path)
    assert tus.offset(url, packed.file.size) == packed.file.size
    assert house.pauses == []


def test_an_upload_elsewhere_is_not_followed(house: House) -> None:
    created = httpx.Response(
        201, headers={"location": "http://elsewhere.test/files/1"}, request=httpx.Request("POST", f"{BASE}/files/")
    )
    with pytest.raises(UploadInterruptedError):
        house.tus().location(created)


def test_an_unknown_upload_is_refused_for_good(house: House, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(CentreRefusedError):
        house.tus().send(f"{BASE}/files/{'0' * 32}", tmp_path / "x")
    assert house.pauses == []


# Withdrawing, releasing, opening, the record


def test_a_bid_is_withdrawn(house: House) -> None:
    packed, act = house.bid()
    house.client.submit(act, packed.file.path)
    value = prepare_withdraw(house.desk.section.data, A, packed.file.sm3, random=lambda _: b"w" * 16)
    signed = house.sign(value)
    told = house.client.withdraw(signed)
    assert house.client.withdraw(signed) == told
    assert house.desk.rows("SELECT state FROM bids") == [("withdrawn",)]


def test_a_withdrawal_too_late_is_refused(house: House) -> None:
    packed, act = house.bid()
    house.client.submit(act, packed.file.path)
    house.desk.close()
    value = prepare_withdraw(house.desk.section.data, A, packed.file.sm3, random=lambda _: b"w" * 16)
    with pytest.raises(SubmissionRefusedError) as caught:
        house.client.withdraw(house.sign(value))
    assert caught.value.reason == "late"


def test_from_release_to_record(house: House) -> None:
    packed, act = house.bid()
    house.client.submit(act, packed.file.path)
    before = house.client.fetch_opening("S-1")
    assert (before.bids, before.bundles) == (None, ())
    house.desk.close()
    header = header_of(packed)
    signed = canonical.decode(
        house.world.act(prepare_release(header, 1, packed.file.sm3), house.desk.clock.now), SignedAct
    )
    half = half_from_code(header, 1, packed.prepared.recovery_code)
    with pytest.raises(CentreRefusedError):
        house.client.release(BidderRelease(signed, bytes(32)))
    house.client.release(BidderRelease(signed, half))
    _open(house, packed)
    (line,) = house.client.fetch_readout("S-1")
    assert (line.uscc, line.state) == (A, "opened")
    assert {field.id: field.value for field in line.readout}["price"] == "1234567.00"
    data, digest = house.client.fetch_record("S-1")
    assert digest == sm3(data).hex()
    sealed = data + f"|seal-{CENTRE}|{CENTRE}|ok".encode()
    assert house.client.put_record("S-1", sealed, digest).sm3 == sm3(sealed).hex()
    with pytest.raises(CentreRefusedError) as caught:
        house.client.put_record("S-1", sealed, digest)
    assert not caught.value.code.startswith("http_")


def _open(house: House, packed: Packed) -> None:
    desk = house.desk
    arrival = desk.arrival()
    desk.centre.releasing.freeze("S-1", 1, "host", arrival)
    desk.centre.tick()
    release = parse_release_set(desk.centre.releasing.release_set("S-1", 1))
    k_t = unwrap_half(desk.section.officer[1], header_of(packed).stage(1).officer_wrap)
    halves = (OfficerHalf(packed.file.sm3, k_t),)
    told = OfficerRelease(1, "S-1", 1, release.frozen_sm3, halves).signed_by(desk.section.officer[1])
    desk.centre.opening.accept(canonical.encode(told), arrival)
    desk.centre.tick()
    desk.centre.records.make("S-1", 1, "host", desk.arrival())


def test_a_wrong_half_never_leaves(house: House) -> None:
    packed, _ = house.bid()
    header = header_of(packed)
    with pytest.raises(WrongHalfError):
        require_half(bytes(32), header.stage(1).base.ckb)
    other, _ = house.bid(B)
    with pytest.raises(RehearsalError):
        half_from_code(header, 1, other.prepared.recovery_code)


def test_the_wallet_names_the_bundle(house: House) -> None:
    packed, act = house.bid()
    said, _ = parse_statement(act.statement, Finalise)
    digest = " ".join(packed.file.sm3[i : i + 4] for i in range(0, 16, 4))
    assert digest in finalise_line(said)
    assert "替换" in finalise_line(replace(said, replaces="0" * 64))
    value = prepare_withdraw(house.desk.section.data, A, packed.file.sm3, random=lambda _: b"w" * 16)
    assert digest in withdraw_line(value)


def _act_header(act: SignedAct) -> str:
    return base64.urlsafe_b64encode(canonical.encode(act)).decode()
