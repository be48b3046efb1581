"""Timestamps of the INTL suite: RSA, ECDSA and Ed25519 authorities, judged by us and by others."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from pyhanko.sign.timestamps import HTTPTimeStamper
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response
from signing_pki import NOON, TRUST, TSA
from timestamp_pki import KINDS, Authority, make_authority, serve

from signing import der
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.algorithms import compute_digest
from signing.checks import Indication, Verdict
from signing.sandbox import tsa
from signing.sandbox.tsa import INTL_POLICY, TimestampService
from signing.schemes import Sm2Key
from signing.timestamps import Stamp, build_request, make_token, parse_response, parse_token, verify_token

DATA = b"tender"
DIGESTS = ("sha256", "sha384", "sha512")


def _service(authority: Authority, at: datetime = NOON) -> TimestampService:
    return TimestampService.international(authority.key, authority.certificate.der, clock=lambda: at, random=os.urandom)


@cache
def _token(kind: str, digest: str = "sha256", **options: bool) -> bytes:
    return _service(make_authority(kind)).stamp(compute_digest(digest, DATA), digest=digest, nonce=7, **options)


def _verify(data: bytes, kind: str, digest: str = "sha256", *, strict: bool = True) -> Verdict:
    authority = make_authority(kind)
    return verify_token(
        data,
        imprint=compute_digest(digest, DATA),
        anchors=authority.trust,
        evidence=authority.evidence,
        strict=strict,
        policies={INTL_POLICY},
        nonce=7,
    )


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_token(kind: str, digest: str) -> None:
    made = _token(kind, digest)
    parsed = parse_token(made)
    assert (parsed.digest_algorithm, parsed.gen_time, parsed.policy) == (digest, NOON, INTL_POLICY)
    assert parsed.accuracy == timedelta(seconds=1)
    for strict in (True, False):
        verdict = _verify(made, kind, digest, strict=strict)
        assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, ()), verdict
    der.require_der(made, limit=1 << 16)


@pytest.mark.parametrize(("bit", "step"), [(0, 7), *(pytest.param(bit, 1, marks=pytest.mark.slow) for bit in range(8))])
@pytest.mark.parametrize("kind", KINDS)
def test_no_changed_byte_ever_passes(kind: str, bit: int, step: int) -> None:
    made = _token(kind)
    for at in range(0, len(made), step):
        changed = bytearray(made)
        changed[at] ^= 1 << (at + bit) % 8
        assert _verify(bytes(changed), kind).indication is not Indication.TOTAL_PASSED, f"byte {at}"


@given(st.data())
def test_no_changed_bytes_ever_pass(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    made = bytearray(_token(kind))
    at = data.draw(st.integers(0, len(made) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != made[at]))
    made[at] = value
    assert _verify(bytes(made), kind).indication is not Indication.TOTAL_PASSED


def test_a_signature_algorithm_of_the_same_meaning_is_another_form() -> None:
    """Plain rsaEncryption verifies like sha256WithRSAEncryption, and differs from it by one byte that nobody signs."""
    made = _token("rsa")
    usual, plain = der.oid("1.2.840.113549.1.1.11"), der.oid("1.2.840.113549.1.1.1")
    other = plain.join(made.rsplit(usual, 1))
    assert other != made
    assert _verify(other, "rsa").failed == ["timestamp-format"]
    lenient = _verify(other, "rsa", strict=False)
    assert (lenient.indication, len(lenient.warnings)) == (Indication.TOTAL_PASSED, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_was_not_asked_for_is_not_inside(kind: str) -> None:
    made, authority = _token(kind, embed=False), make_authority(kind)
    assert parse_token(made).certificate is None
    verdict = _verify(made, kind)
    assert (verdict.unknown, verdict.worst.code) == (["timestamp-certificate"], "NO_CERT")
    for strict in (True, False):
        known = verify_token(
            made,
            imprint=compute_digest("sha256", DATA),
            anchors=authority.trust,
            evidence=authority.evidence,
            strict=strict,
            certificates=(make_authority("rsa").certificate, authority.certificate),
        )
        assert known.indication is Indication.TOTAL_PASSED, known


def test_one_suite_is_not_the_other() -> None:
    imprint = compute_digest("sha256", DATA)
    mixed = make_token(Stamp(imprint, 1, NOON, INTL_POLICY, digest="sha256"), TSA.certificate, Sm2Key(TSA.key).sign)
    assert parse_token(mixed).digest_algorithm == "sha256"
    foreign = _verify(mixed, "rsa")
    assert "timestamp-chain" in foreign.unknown
    ours = verify_token(_token("rsa"), imprint=imprint, anchors=TRUST, evidence=TRUST.evidence)
    assert "timestamp-chain" in ours.unknown


# Others


def _run(*arguments: str | Path, fails: str = "") -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    if fails:
        assert ran.returncode != 0
        assert fails in ran.stderr + ran.stdout
    else:
        assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def _write_root(folder: Path, authority: Authority) -> Path:
    root = x509.load_der_x509_certificate(authority.root.der)
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "data").write_bytes(DATA)
    return folder / "root.pem"


@pytest.mark.interop
@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_openssl_asks_and_verifies(kind: str, digest: str, tmp_path: Path) -> None:
    authority = make_authority(kind)
    root = _write_root(tmp_path, authority)
    _run("ts", "-query", "-data", tmp_path / "data", f"-{digest}", "-cert", "-out", tmp_path / "query")
    answer = _service(authority, datetime.now(UTC)).answer((tmp_path / "query").read_bytes())
    (tmp_path / "reply").write_bytes(answer)
    for asked in (("-queryfile", tmp_path / "query"), ("-data", tmp_path / "data")):
        assert "Verification: OK" in _run("ts", "-verify", *asked, "-in", tmp_path / "reply", "-CAfile", root)
    (tmp_path / "data").write_bytes(b"another")
    _run("ts", "-verify", "-data", tmp_path / "data", "-in", tmp_path / "reply", "-CAfile", root, fails="mismatch")


@pytest.mark.interop
def test_openssl_verifies_without_the_certificate_inside(tmp_path: Path) -> None:
    authority = make_authority("ecdsa")
    root = _write_root(tmp_path, authority)
    _run("ts", "-query", "-data", tmp_path / "data", "-sha256", "-out", tmp_path / "query")
    (tmp_path / "reply").write_bytes(_service(authority).answer((tmp_path / "query").read_bytes()))
    leaf = x509.load_der_x509_certificate(authority.certificate.der)
    (tmp_path / "tsa.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    command = ("ts", "-verify", "-queryfile", tmp_path / "query", "-in", tmp_path / "reply", "-CAfile", root)
    assert "Verification: OK" in _run(*command, "-untrusted", tmp_path / "tsa.pem")
    _run(*command, fails="signer certificate not found")


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_we_verify_what_openssl_stamps(kind: str, tmp_path: Path) -> None:
    """Tokens of `openssl ts -reply` have the plain key algorithm for RSA, so they are others' tokens for us."""
    authority = make_authority(kind)
    leaf = x509.load_der_x509_certificate(authority.certificate.der)
    (tmp_path / "tsa.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "tsa.key").write_bytes(authority.key.private.private_bytes(*form))
    (tmp_path / "serial").write_text("01")
    (tmp_path / "tsa.cnf").write_text(
        f"[tsa]\nserial={tmp_path}/serial\nsigner_cert={tmp_path}/tsa.pem\nsigner_key={tmp_path}/tsa.key\n"
        "signer_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256,sha512\naccuracy=secs:1,millisecs:500\n"
        "ordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n"
    )
    imprint = compute_digest("sha512", DATA)
    (tmp_path / "query").write_bytes(build_request(imprint, 2**62 + 1, digest="sha512", policy="1.2.3.4"))
    _run(
        *("ts", "-reply", "-config", tmp_path / "tsa.cnf", "-section", "tsa", "-queryfile", tmp_path / "query"),
        *("-out", tmp_path / "reply"),
    )
    reply = (tmp_path / "reply").read_bytes()
    data = parse_response(reply, imprint, 2**62 + 1, digest="sha512", policies={"1.2.3.4"})
    parsed = parse_token(data)
    assert (parsed.accuracy, parsed.ordering) == (timedelta(seconds=1.5), True)
    assert parsed.tsa
    verdict = verify_token(
        data, imprint=imprint, anchors=authority.trust, evidence=authority.evidence, strict=False, policies={"1.2.3.4"}
    )
    assert verdict.indication is Indication.TOTAL_PASSED, verdict
    assert "timestamp-name" in [one.name for one in verdict.checks]


@pytest.fixture(scope="module", params=["rsa", "ecdsa"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Authority]]:
    """Serve both profiles on loopback, as of now."""
    authority = make_authority(request.param)
    gm = TimestampService(TSA.certificate, Sm2Key(TSA.key), lambda: NOON, os.urandom)
    intl = TimestampService.international(
        authority.key, authority.certificate.der, clock=lambda: datetime.now(UTC), random=os.urandom
    )
    with serve(Litestar([tsa.create_router(gm, intl)], openapi_config=None)) as url:
        yield url, authority


def _post(url: str, query: bytes) -> bytes:
    answer = httpx.post(f"{url}/tsa/intl", content=query, headers={"content-type": tsa.QUERY})
    assert (answer.status_code, answer.headers["content-type"]) == (200, tsa.REPLY)
    return answer.content


@pytest.mark.interop
def test_openssl_over_http(served: tuple[str, Authority], tmp_path: Path) -> None:
    url, authority = served
    root = _write_root(tmp_path, authority)
    _run("ts", "-query", "-data", tmp_path / "data", "-sha512", "-cert", "-out", tmp_path / "query")
    (tmp_path / "reply").write_bytes(_post(url, (tmp_path / "query").read_bytes()))
    said = _run("ts", "-verify", "-queryfile", tmp_path / "query", "-in", tmp_path / "reply", "-CAfile", root)
    assert "Verification: OK" in said


@pytest.mark.interop
@pytest.mark.parametrize("digest", ["SHA256", "SHA512"])
def test_rfc3161_client_asks_and_verifies(served: tuple[str, Authority], digest: str) -> None:
    url, authority = served
    algorithm = getattr(HashAlgorithm, digest)
    asked = TimestampRequestBuilder().data(DATA).hash_algorithm(algorithm).nonce(nonce=True).build()
    response = decode_timestamp_response(_post(url, asked.as_bytes()))
    verifier = (
        VerifierBuilder.from_request(asked)
        .add_root_certificate(x509.load_der_x509_certificate(authority.root.der))
        .common_name("CN=INTL TSA,C=CN")
        .build()
    )
    assert verifier.verify_message(response, DATA)
    assert response.tst_info.serial_number > 0


@pytest.mark.interop
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_pyhanko_asks(served: tuple[str, Authority], digest: str) -> None:
    url, authority = served
    stamper = HTTPTimeStamper(f"{url}/tsa/intl")
    made = asyncio.run(stamper.async_timestamp(compute_digest(digest, DATA), digest))
    verdict = verify_token(
        made.dump(), imprint=compute_digest(digest, DATA), anchors=authority.trust, evidence=authority.evidence
    )
    assert verdict.indication is Indication.TOTAL_PASSED, verdict


def test_our_client_asks(served: tuple[str, Authority]) -> None:
    url, authority = served
    imprint = compute_digest("sha384", DATA)
    with httpx.Client(timeout=5) as client:
        made = HttpTimestampAuthority(client, f"{url}/tsa/intl", os.urandom, digest="sha384", policy=INTL_POLICY)
        token = made.stamp(imprint)
    verdict = verify_token(token, imprint=imprint, anchors=authority.trust, evidence=authority.evidence)
    assert verdict.indication is Indication.TOTAL_PASSED
