"""The centre over HTTP: tus, finalise, receipts, the wall, the opening routes. Real SQLite, real files."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from bidding_world import DEADLINE
from centre_world import BIDDERS, CENTRE, CentreWorld, Desk, make_desk
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.testing import TestClient
from tusclient.client import TusClient

from bidding.bundle_header import Label
from bidding.officer import ReleaseSet, parse_release_set, release_officer_halves
from bidding.receipt import parse_receipt, parse_refusal
from bidding.web.centre_api import CENTRE_API
from bidding.web.problems import EXCEPTION_HANDLERS
from bidding.web.staff_api import STAFF_ROUTES
from bidding.web.upload import UPLOAD_ROUTER
from identity.actor import Actor, Role
from identity.uscc import UnifiedSocialCreditCode
from signing import canonical
from signing.digests import sm3

TUS = {"tus-resumable": "1.0.0"}
PATCH = {**TUS, "content-type": "application/offset+octet-stream"}


def staff_of(uscc: str) -> Actor:
    return Actor(UnifiedSocialCreditCode(uscc), "交易中心", "P9", "李四", Role.LEGAL_REPRESENTATIVE, "")


def make_app(desk: Desk, uscc: str = CENTRE) -> Litestar:
    services = {"centre": desk.centre, "staff": staff_of(uscc)}
    return Litestar(
        [CENTRE_API, Router("/api/v1", route_handlers=STAFF_ROUTES), UPLOAD_ROUTER],
        dependencies={name: Provide(always(value), sync_to_thread=False) for name, value in services.items()},
        exception_handlers=EXCEPTION_HANDLERS,
    )


def always(value: object) -> Callable[[], Any]:
    def provide() -> Any:
        return value

    return provide


def make_client(desk: Desk, uscc: str = CENTRE) -> TestClient[Litestar]:
    return TestClient(make_app(desk, uscc))


@pytest.fixture
def http(desk: Desk) -> Iterator[TestClient[Litestar]]:
    with make_client(desk) as client:
        yield client


def header(act: bytes) -> str:
    return base64.urlsafe_b64encode(act).decode()


def begin(http: TestClient[Litestar], act: bytes, size: int) -> str:
    answer = http.post("/files/", headers={**TUS, "upload-length": str(size), "yizhao-act": header(act)})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def finalise(http: TestClient[Litestar], act: bytes, location: str) -> httpx.Response:
    body = {"act": base64.b64encode(act).decode(), "upload": location.rsplit("/", 1)[1]}
    return http.post("/api/v1/sections/S-1/bids", json=body)


def test_a_bid_by_hand_from_upload_to_receipt(desk: Desk, http: TestClient[Litestar]) -> None:
    packed, key = desk.pack(), "ef" * 16
    data = packed.data
    act = desk.finalise(BIDDERS[0], data, key=key)
    location = begin(http, act, len(data))
    half = len(data) // 2
    answer = http.patch(location, content=data[:half], headers={**PATCH, "upload-offset": "0"})
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(half))
    pending = finalise(http, act, location)
    assert (pending.status_code, pending.json()["offset"]) == (202, half)
    assert http.get(f"/api/v1/receipts/{key}").status_code == 202
    seen = http.head(location, headers=TUS)
    assert (seen.headers["upload-offset"], seen.headers["upload-length"]) == (str(half), str(len(data)))
    assert seen.headers["cache-control"] == "no-store"
    assert http.patch(location, content=data[half:], headers={**PATCH, "upload-offset": str(half)}).status_code == 204
    answer = finalise(http, act, location)
    assert answer.status_code == 201
    assert parse_receipt(answer.content).leaf.bidder == BIDDERS[0]
    desk.centre.tick()
    stamped = http.get(f"/api/v1/receipts/{key}")
    assert stamped.status_code == 200
    assert parse_receipt(stamped.content).file.token is not None
    assert parse_receipt(stamped.content).file.r1 == parse_receipt(answer.content).file.r1


@pytest.mark.parametrize("algorithm", ["sm3", "sha1"])
def test_a_checksum_that_does_not_hold_takes_the_bytes_back(
    desk: Desk, http: TestClient[Litestar], algorithm: str
) -> None:
    data = desk.pack().data
    location = begin(http, desk.finalise(BIDDERS[0], data), len(data))
    digest = {"sm3": sm3, "sha1": lambda d: hashlib.sha1(d, usedforsecurity=False).digest()}[algorithm]
    first = {**PATCH, "upload-offset": "0", "upload-checksum": _checksum(algorithm, digest(data[:10]))}
    assert http.patch(location, content=data[:10], headers=first).status_code == 204
    wrong = {**PATCH, "upload-offset": "10", "upload-checksum": _checksum(algorithm, digest(b"other"))}
    assert http.patch(location, content=data[10:], headers=wrong).status_code == 460
    assert http.head(location, headers=TUS).headers["upload-offset"] == "10"
    right = {**PATCH, "upload-offset": "10", "upload-checksum": _checksum(algorithm, digest(data[10:]))}
    assert http.patch(location, content=data[10:], headers=right).status_code == 204


def _checksum(algorithm: str, digest: bytes) -> str:
    return f"{algorithm} {base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"tus-resumable": "0.2"}, 412, id="another version"),
        pytest.param({"content-type": "text/plain"}, 415, id="another media type"),
        pytest.param({"upload-offset": "7"}, 409, id="another offset"),
        pytest.param({"upload-offset": "x"}, 400, id="no offset"),
        pytest.param({"upload-checksum": "md5 aaaa"}, 400, id="unknown checksum"),
    ],
)
def test_patches_that_are_refused(desk: Desk, http: TestClient[Litestar], changes: dict[str, str], status: int) -> None:
    data = desk.pack().data
    location = begin(http, desk.finalise(BIDDERS[0], data), len(data))
    answer = http.patch(location, content=b"x", headers={**PATCH, "upload-offset": "0", **changes})
    assert answer.status_code == status
    assert http.head(location, headers=TUS).headers["upload-offset"] == "0"


def test_more_bytes_than_announced_are_refused(desk: Desk, http: TestClient[Litestar]) -> None:
    data = desk.pack().data
    location = begin(http, desk.finalise(BIDDERS[0], data), len(data))
    assert http.patch(location, content=data + b"x", headers={**PATCH, "upload-offset": "0"}).status_code == 413


def test_options_termination_and_unknown_uploads(desk: Desk, http: TestClient[Litestar]) -> None:
    told = http.options("/files/")
    assert told.headers["tus-version"] == "1.0.0"
    assert set(told.headers["tus-extension"].split(",")) == {"creation", "expiration", "checksum", "termination"}
    data = desk.pack().data
    location = begin(http, desk.finalise(BIDDERS[0], data), len(data))
    assert http.delete(location, headers=TUS).status_code == 204
    assert http.head(location, headers=TUS).status_code == 404
    assert (
        http.patch(location, content=b"x", headers={**PATCH, "upload-offset": "0"}).json()["code"] == "upload_missing"
    )


@pytest.mark.parametrize("act", ["", "e30=", "!!!"])
def test_an_upload_needs_an_act(http: TestClient[Litestar], act: str) -> None:
    answer = http.post("/files/", headers={**TUS, "upload-length": "10", "yizhao-act": act})
    assert answer.status_code == 400


def test_a_late_bid_gets_the_refusal_in_the_problem(desk: Desk, http: TestClient[Litestar]) -> None:
    data, key = desk.pack().data, "aa" * 16
    desk.clock.now = DEADLINE
    act = desk.finalise(BIDDERS[0], data, key=key)
    answer = http.post("/files/", headers={**TUS, "upload-length": str(len(data)), "yizhao-act": header(act)})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["reason"]) == ("deadline_passed", "late")
    assert parse_refusal(base64.b64decode(problem["refusal"])).facts.bidder == BIDDERS[0]
    again = http.get(f"/api/v1/receipts/{key}")
    assert again.json()["refusal"] == problem["refusal"]


def test_a_refused_bundle_is_a_problem_with_a_code(desk: Desk, http: TestClient[Litestar]) -> None:
    data = b"PK\x03\x04" + bytes(100)
    act = desk.finalise(BIDDERS[0], data)
    location = begin(http, act, len(data))
    http.patch(location, content=data, headers={**PATCH, "upload-offset": "0"})
    answer = finalise(http, act, location)
    assert (answer.status_code, answer.json()["code"]) == (422, "bundle_not_encrypted")
    assert http.get("/api/v1/receipts/" + "0" * 32).status_code == 404


SEALED = [*(f"sections/S-1/{path}" for path in ("bidders", "bidders/count", "bidders/export")), "storage"]


@pytest.mark.parametrize("path", [*SEALED, f"sections/S-1/bids/{'0' * 64}/documents"])
def test_the_wall_before_closing(desk: Desk, http: TestClient[Litestar], path: str) -> None:
    desk.bid()
    answer = http.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "sealed_until_opening")


@pytest.mark.parametrize("stage", ["99999999999999999999999", "-1", "x"])
@pytest.mark.parametrize("what", ["readout", "record", "release-set", "bidders"])
def test_no_stage_reaches_the_database_that_it_cannot_hold(http: TestClient[Litestar], what: str, stage: str) -> None:
    answer = http.get(f"/api/v1/sections/S-1/{what}", params={"stage": stage})
    assert (answer.status_code, answer.json()["code"]) == (400, "http_400")


@pytest.mark.parametrize("path", SEALED)
def test_staff_routes_are_for_the_centres_own_people(desk: Desk, path: str) -> None:
    desk.close()
    with make_client(desk, BIDDERS[0]) as other:
        assert other.get(f"/api/v1/{path}").json()["code"] == "not_allowed"


def test_sections_and_time(world: CentreWorld, tmp_path: Path) -> None:
    desk = make_desk(world, tmp_path, release=False)
    with make_client(desk) as http:
        assert http.get("/api/v1/time").json()["epsilon_ms"] == 50
        data = canonical.encode(world.tenderer.state(desk.section.data))
        assert http.post("/api/v1/sections", content=data).status_code == 201
        assert http.post("/api/v1/sections", content=data).status_code == 201
        assert [section["code"] for section in http.get("/api/v1/sections").json()] == ["S-1"]
        assert http.get("/api/v1/sections/S-1").json()["phase"] == "bidding"
        assert http.get("/api/v1/sections/S-1/params").content == data
        assert http.get("/api/v1/sections/S-9").json()["code"] == "section_unknown"


def test_the_opening_over_http(desk: Desk, http: TestClient[Litestar]) -> None:
    packed, _ = desk.bid()
    digest = sm3(packed.data).hex()
    assert http.get("/api/v1/sections/S-1/opening").json()["bids"] is None
    desk.close()
    assert http.get("/api/v1/sections/S-1/opening").json()["bids"] == 1
    assert http.get("/api/v1/sections/S-1/bidders/count").json() == {"bids": 1}
    assert BIDDERS[0] in http.get("/api/v1/sections/S-1/bidders/export").text
    assert http.get("/api/v1/sections/S-1/closed-set").json()["token"]
    act = base64.b64encode(desk.release(BIDDERS[0], packed)).decode()
    half = base64.b64encode(desk.half(BIDDERS[0], packed)).decode()
    assert http.post("/api/v1/sections/S-1/releases", json={"act": act, "half": half}).status_code == 201
    assert http.get("/api/v1/sections/S-1/release-set").json()["code"] == "not_frozen"
    assert http.post("/api/v1/sections/S-1/freeze", json={"stage": 1}).json()["phase"] == "frozen"
    desk.centre.tick()
    read = parse_release_set(canonical.decode(http.get("/api/v1/sections/S-1/release-set").content, ReleaseSet))
    labels = {digest: canonical.decode(http.get(f"/api/v1/sections/S-1/labels/{digest}").content, Label)}
    release = canonical.encode(release_officer_halves(desk.section.officer[1], read, 1, labels))
    assert http.post("/api/v1/sections/S-1/officer-releases", content=release).status_code == 202
    (outcome,) = http.get("/api/v1/sections/S-1/readout").json()
    assert {field["id"]: field["value"] for field in outcome["readout"]}["price"] == "1234567.00"
    desk.centre.tick()
    (document,) = http.get(f"/api/v1/sections/S-1/bids/{digest}/documents").json()
    body = http.get(f"/api/v1/sections/S-1/bids/{digest}/documents/{document['document']}").content
    assert sm3(body).hex() == document["sm3"]
    assert http.post("/api/v1/sections/S-1/records", json={"stage": 1}).status_code == 201
    record = http.get("/api/v1/sections/S-1/record")
    sealed = record.content + f"|seal-{CENTRE}|{CENTRE}|ok".encode()
    put = http.put("/api/v1/sections/S-1/record", content=sealed, headers={"if-match": record.headers["etag"]})
    assert (put.status_code, put.json()["number"]) == (200, 2)
    moved = http.put("/api/v1/sections/S-1/record", content=sealed, headers={"if-match": record.headers["etag"]})
    assert (moved.status_code, moved.json()["code"]) == (412, "record_moved")
    assert http.post("/api/v1/sections/S-1/end", json={"stage": 1}).json()["phase"] == "ended"


def test_a_withdrawal_over_http(desk: Desk, http: TestClient[Litestar]) -> None:
    packed, _ = desk.bid()
    act = desk.withdraw(BIDDERS[0], sm3(packed.data).hex())
    answer = http.post("/api/v1/sections/S-1/withdrawals", content=act)
    assert answer.status_code == 201
    assert http.post("/api/v1/sections/S-1/withdrawals", content=act).content == answer.content
    assert http.post("/api/v1/sections/S-1/withdrawals", content=b"{}").json()["code"] == "act_malformed"


@pytest.fixture
def served(desk: Desk) -> Iterator[str]:
    """Answer the centre behind a real server on loopback."""
    server = uvicorn.Server(uvicorn.Config(make_app(desk), port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.slow
def test_tuspy_uploads_and_the_bid_is_accepted(desk: Desk, served: str) -> None:
    packed = desk.pack()
    act = desk.finalise(BIDDERS[0], packed.data)
    client = TusClient(f"{served}/files/", headers={"Yizhao-Act": header(act)})
    with packed.file.path.open("rb") as stream:
        uploader = client.uploader(file_stream=stream, chunk_size=1000, upload_checksum=True)
        uploader.upload()
    body = {"act": base64.b64encode(act).decode(), "upload": uploader.url.rsplit("/", 1)[1]}
    answer = httpx.post(f"{served}/api/v1/sections/S-1/bids", json=body, timeout=10)
    assert answer.status_code == 201
    assert parse_receipt(answer.content).leaf.bundle_sm3 == sm3(packed.data).hex()
