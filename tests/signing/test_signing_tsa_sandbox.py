"""The sandbox's timestamp authorities over HTTP: both profiles, what they refuse, and what they can do wrong."""

import gzip
import os
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from signing_pki import EVIDENCE, NOON, TRUST, TSA
from timestamp_pki import make_authority

from signing import der
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.algorithms import compute_digest
from signing.checks import Indication
from signing.digests import sm3
from signing.errors import MalformedError, TimestampError, TimestampRefusedError, UnavailableError
from signing.path import Purpose
from signing.sandbox import tsa
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.tsa import INTL_POLICY, POLICY, Fault, TimestampService
from signing.schemes import Sm2Key
from signing.timestamps import build_request, parse_response, parse_token, verify_token

AT = NOON.replace(microsecond=123_456)
IMPRINTS = {name: compute_digest(name, b"tender") for name in ("sm3", "sha256", "sha384", "sha512")}
HEADERS = {"content-type": tsa.QUERY}


@dataclass
class Switch:
    """What is wrong with the authority just now."""

    fault: Fault = Fault()  # noqa: RUF009 - frozen

    def __call__(self) -> Fault:
        return self.fault


@pytest.fixture(scope="module")
def switch() -> Switch:
    return Switch()


@pytest.fixture(scope="module")
def client(switch: Switch) -> Iterator[TestClient[Litestar]]:
    gm = TimestampService(TSA.certificate, Sm2Key(TSA.key), lambda: AT, os.urandom, faults=switch)
    authority = make_authority("ecdsa")
    intl = TimestampService.international(
        authority.key, authority.certificate.der, clock=lambda: AT, random=os.urandom, chain=(authority.root.der,)
    )
    with TestClient(Litestar([tsa.create_router(gm, intl)], openapi_config=None)) as client:
        yield client


@pytest.fixture(autouse=True)
def _sound(switch: Switch) -> None:
    switch.fault = Fault()


def _client(client: httpx.Client, path: str = "/tsa", **options: object) -> HttpTimestampAuthority:
    return HttpTimestampAuthority(client, f"{str(client.base_url).rstrip('/')}{path}", os.urandom, **options)


def test_the_gm_profile(client: TestClient[Litestar]) -> None:
    token = _client(client, policy=POLICY).stamp(IMPRINTS["sm3"])
    parsed = parse_token(token)
    assert (parsed.gen_time, parsed.policy) == (NOON.replace(microsecond=123_000), POLICY)
    assert (parsed.accuracy, parsed.certificate) == (timedelta(seconds=1), TSA.certificate)
    verdict = verify_token(token, imprint=IMPRINTS["sm3"], anchors=TRUST, evidence=EVIDENCE)
    assert verdict.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_the_intl_profile(client: TestClient[Litestar], digest: str) -> None:
    authority = make_authority("ecdsa")
    token = _client(client, "/tsa/intl", digest=digest).stamp(IMPRINTS[digest])
    assert {one.common_name for one in parse_token(token).signed.certificates} == {"INTL TSA", "INTL Root"}
    verdict = verify_token(token, imprint=IMPRINTS[digest], anchors=authority.trust, evidence=authority.evidence)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_the_intl_profile_under_the_sandbox_authority(tmp_path: Path, kind: Literal["ecdsa", "rsa"]) -> None:
    ca = CertificateAuthority(tmp_path, "correct horse", clock=lambda: AT, random=os.urandom)
    issued = ca.issue_international("Sandbox TSA", Purpose.TIMESTAMP, kind)
    service = TimestampService.international(
        issued.key, issued.certificate, chain=issued.chain[:-1], clock=lambda: AT, random=os.urandom
    )
    made = parse_response(
        service.answer(build_request(IMPRINTS["sha256"], 5, digest="sha256")), IMPRINTS["sha256"], 5, digest="sha256"
    )
    trust = ca.trust()
    for strict in (True, False):
        verdict = verify_token(made, imprint=IMPRINTS["sha256"], anchors=trust, evidence=trust.evidence, strict=strict)
        assert verdict.indication is Indication.TOTAL_PASSED, verdict


def test_without_an_intl_service_there_is_no_such_address() -> None:
    gm = TimestampService(TSA.certificate, Sm2Key(TSA.key), lambda: AT, os.urandom)
    with TestClient(Litestar([tsa.create_router(gm)], openapi_config=None)) as client:
        assert client.post("/tsa/intl", content=b"", headers=HEADERS).status_code == 404


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("path", ["/tsa", "/tsa/intl"])
def test_certificates_are_inside_only_if_asked_for(client: TestClient[Litestar], path: str, wanted: bool) -> None:
    digest = "sm3" if path == "/tsa" else "sha256"
    token = _client(client, path, wants_certificate=wanted, digest=digest).stamp(IMPRINTS[digest])
    assert (parse_token(token).certificate is not None) is wanted
    assert bool(parse_token(token).signed.certificates) is wanted
    der.require_der(token, limit=1 << 16)


def test_no_serial_comes_twice(client: TestClient[Litestar]) -> None:
    authority = _client(client)
    serials = {parse_token(authority.stamp(IMPRINTS["sm3"])).serial for _ in range(50)}
    assert len(serials) == 50
    assert all(0 < int(serial, 16) < 1 << 160 for serial in serials)


def _with_extension(query: bytes) -> bytes:
    fields = [one.raw for one in der.read(query, limit=1 << 16).children()]
    return der.sequence(*fields, der.explicit(0, der.sequence(der.oid("1.2.3"), der.octet_string(b""))))


@pytest.mark.parametrize(
    ("path", "query", "failure"),
    [
        pytest.param("/tsa", build_request(IMPRINTS["sha256"], 1, digest="sha256"), "badAlg", id="SHA-256 at GM"),
        pytest.param("/tsa/intl", build_request(IMPRINTS["sm3"], 1), "badAlg", id="SM3 at INTL"),
        pytest.param(
            "/tsa",
            der.sequence(
                der.integer(1),
                der.sequence(der.sequence(der.oid("1.3.14.3.2.26")), der.octet_string(bytes(20))),
                der.integer(1),
            ),
            "badAlg",
            id="SHA-1",
        ),
        pytest.param(
            "/tsa",
            der.sequence(
                der.integer(1),
                der.sequence(der.sequence(der.oid("1.2.3")), der.octet_string(bytes(20))),
                der.integer(1),
            ),
            "badAlg",
            id="unknown digest",
        ),
        pytest.param("/tsa", build_request(IMPRINTS["sm3"], 1, policy="1.2.3"), "unacceptedPolicy", id="policy"),
        pytest.param(
            "/tsa", build_request(IMPRINTS["sm3"], 1, policy=INTL_POLICY), "unacceptedPolicy", id="the other's"
        ),
        pytest.param("/tsa", _with_extension(build_request(IMPRINTS["sm3"], 1)), "unacceptedExtension", id="extension"),
        pytest.param("/tsa", build_request(bytes(31), 1), "badDataFormat", id="short imprint"),
        pytest.param("/tsa", b"<html>", "badDataFormat", id="a web page"),
        pytest.param("/tsa", b"", "badDataFormat", id="nothing"),
        pytest.param("/tsa", build_request(IMPRINTS["sm3"], 1) + b"\0", "badDataFormat", id="trailing byte"),
    ],
)
def test_refusals(client: TestClient[Litestar], path: str, query: bytes, failure: str) -> None:
    answer = client.post(path, content=query, headers=HEADERS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, tsa.REPLY)
    with pytest.raises(TimestampRefusedError) as caught:
        parse_response(answer.content, IMPRINTS["sm3"], 1)
    assert (caught.value.status, caught.value.failures) == (2, (failure,))
    assert caught.value.words


@pytest.mark.parametrize(
    ("headers", "size", "status", "code"),
    [
        pytest.param({"content-type": "application/json"}, 10, 415, "not_a_timestamp_query", id="JSON"),
        pytest.param({"content-type": ""}, 10, 415, "not_a_timestamp_query", id="empty type"),
        pytest.param({}, 10, 415, "not_a_timestamp_query", id="no type"),
        pytest.param(HEADERS, tsa.MAX_REQUEST + 1, 413, "request_too_large", id="too large"),
    ],
)
@pytest.mark.parametrize("path", ["/tsa", "/tsa/intl"])
def test_problems(
    client: TestClient[Litestar], path: str, *, headers: dict[str, str], size: int, status: int, code: str
) -> None:
    answer = client.post(path, content=bytes(size), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_parameters_of_the_type_are_allowed(client: TestClient[Litestar]) -> None:
    query = build_request(IMPRINTS["sm3"], 1)
    answer = client.post("/tsa", content=query, headers={"content-type": f"{tsa.QUERY.title()}; charset=binary"})
    parse_response(answer.content, IMPRINTS["sm3"], 1)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        pytest.param(Fault(refusal=14), TimestampRefusedError, "timeNotAvailable", id="refusal"),
        pytest.param(Fault(wrong_nonce=True), TimestampError, "nonce", id="another nonce"),
        pytest.param(Fault(broken=True), TimestampError, "no timestamp", id="no DER"),
    ],
)
def test_faults(client: TestClient[Litestar], switch: Switch, fault: Fault, error: type[Exception], words: str) -> None:
    switch.fault = fault
    with pytest.raises(error, match=words):
        _client(client).stamp(IMPRINTS["sm3"])


def test_a_stale_clock_and_a_delay(client: TestClient[Litestar], switch: Switch) -> None:
    switch.fault = Fault(delay=0.05, shift=timedelta(hours=-8))
    start = time.monotonic()
    token = _client(client).stamp(IMPRINTS["sm3"])
    assert time.monotonic() - start >= 0.05
    assert parse_token(token).gen_time == NOON.replace(microsecond=123_000) - timedelta(hours=8)


def test_a_key_that_cannot_sign_is_a_system_failure() -> None:
    class Broken(Sm2Key):
        def sign(self, message: bytes) -> bytes:
            raise UnavailableError(f"no key for {len(message)} bytes")

    service = TimestampService(TSA.certificate, Broken(TSA.key), lambda: AT, os.urandom)
    with pytest.raises(TimestampRefusedError, match="systemFailure"):
        parse_response(service.answer(build_request(IMPRINTS["sm3"], 1)), IMPRINTS["sm3"], 1)
    assert replace(service, key=Sm2Key(TSA.key)).answer(build_request(IMPRINTS["sm3"], 1))


# Our client against odd servers


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        pytest.param(httpx.Response(200, content=b"x"), TimestampError, "type ''", id="no type"),
        pytest.param(
            httpx.Response(200, text="<html>", headers={"content-type": "text/html"}),
            TimestampError,
            "html",
            id="a page",
        ),
        pytest.param(
            httpx.Response(200, content=b"x", headers={"content-type": tsa.REPLY}),
            TimestampError,
            "no timestamp",
            id="noise",
        ),
        pytest.param(httpx.Response(401), UnavailableError, "401", id="not allowed"),
        pytest.param(httpx.Response(503), UnavailableError, "503", id="down"),
        pytest.param(
            httpx.Response(302, headers={"location": "http://10.0.0.1/"}), UnavailableError, "302", id="redirect"
        ),
    ],
)
def test_odd_answers(response: httpx.Response, error: type[Exception], words: str) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: response)) as client, pytest.raises(error, match=words):
        HttpTimestampAuthority(client, "http://tsa.invalid/", os.urandom).stamp(sm3(b""))


def test_headers_are_sent_and_a_trickle_is_cut_off() -> None:
    asked = list[httpx.Request]()

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=iter([b"\0"] * 5), headers={"content-type": tsa.REPLY})

    with httpx.Client(transport=httpx.MockTransport(respond)) as client:
        slow = HttpTimestampAuthority(
            client, "http://tsa.invalid/", os.urandom, headers={"Authorization": "Bearer x"}, longest=-1
        )
        with pytest.raises(UnavailableError, match="no whole answer"):
            slow.stamp(sm3(b""))
    assert asked[0].headers["authorization"] == "Bearer x"
    assert asked[0].headers["content-type"] == tsa.QUERY
    assert "Bearer" not in repr(slow)


def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(1 << 24))
    headers = {"content-type": tsa.REPLY, "content-encoding": "gzip"}
    answer = httpx.Response(200, stream=httpx.ByteStream(packed), headers=headers)
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        tracemalloc.start()
        with pytest.raises(TimestampError, match="compressed"):
            HttpTimestampAuthority(client, "http://tsa.invalid/", os.urandom).stamp(sm3(b""))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()


def test_a_client_without_timeouts_waits_no_longer_than_we_say() -> None:
    seen = list[dict[str, float]]()

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(503)

    for timeout in (None, 5):
        client = httpx.Client(transport=httpx.MockTransport(respond), timeout=timeout)
        with client, pytest.raises(UnavailableError):
            HttpTimestampAuthority(client, "http://tsa.invalid/", os.urandom, longest=8).stamp(sm3(b""))
    assert [set(one.values()) for one in seen] == [{8}, {5}]


def test_bad_answers_of_the_service_itself() -> None:
    with pytest.raises(MalformedError):
        parse_response(b"<html>", IMPRINTS["sm3"], 1)
