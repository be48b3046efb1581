"""The sandbox's authorities: both suites, lists and OCSP over HTTP, and folders of state from earlier versions."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from litestar import Litestar
from litestar.testing import TestClient
from signing_pki import DAY
from signing_suites import write_pem

from signing.adapters.revocation_http import AllowedAddresses, CertificateSources, HttpOcsp
from signing.certificates import OCSP_SIGNING, Certificate, parse_certificate
from signing.checks import Verdict
from signing.errors import KeystoreError
from signing.ocsp import CertId, build_ocsp_request, parse_ocsp
from signing.path import Purpose, RevocationEvidence, verify_path
from signing.revocation import parse_crl
from signing.sandbox.authority import CertificateAuthority, create_router
from signing.sandbox.authority_state import ISSUERS

PASS = "correct horse"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
USCC = "91350100M000100Y43"
BASE = "http://testserver.local"


@dataclass
class Clock:
    """A clock that the test sets."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _noon(clock: Clock) -> None:
    clock.at = NOON


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"), PASS, clock=clock, random=os.urandom, base_url=BASE)


@pytest.fixture(scope="module")
def client(ca: CertificateAuthority) -> Iterator[httpx.Client]:
    with TestClient(Litestar([create_router(ca)]), base_url=BASE) as client:
        yield client


def _judge(
    ca: CertificateAuthority, certificate: bytes, purpose: Purpose, evidence: RevocationEvidence | None = None
) -> Verdict:
    trust = ca.trust()
    return verify_path(
        parse_certificate(certificate), anchors=trust, evidence=evidence or trust.evidence, at=NOON, purpose=purpose
    )


def _purposes(ca: CertificateAuthority, certificate: bytes) -> set[Purpose]:
    return {one for one in Purpose if _judge(ca, certificate, one).indication == "TOTAL-PASSED"}


@pytest.mark.parametrize("purpose", [Purpose.LICENCE, Purpose.TIMESTAMP])
@pytest.mark.parametrize(("kind", "key"), [("ecdsa", ec.EllipticCurvePrivateKey), ("rsa", rsa.RSAPrivateKey)])
def test_international_certificates(ca: CertificateAuthority, purpose: Purpose, kind: str, key: type) -> None:
    made = ca.issue_international("International", purpose, kind, uscc=USCC)  # type: ignore[arg-type]
    assert isinstance(made.key.private, key)
    assert parse_certificate(made.certificate).public_key == made.key.public_key
    assert parse_certificate(made.certificate).uscc_candidates == (USCC,)
    names = [parse_certificate(one).common_name for one in made.chain]
    assert names == ["Sandbox International CA", "Sandbox International Root CA"]
    assert _purposes(ca, made.certificate) == {purpose}


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.LICENCE, Purpose.TIMESTAMP}))
def test_what_the_international_root_does_not_vouch_for(ca: CertificateAuthority, purpose: Purpose) -> None:
    with pytest.raises(ValueError, match="does not vouch"):
        ca.issue_international("x", purpose, "ecdsa")


def _issued(ca: CertificateAuthority, suite: str) -> tuple[bytes, Certificate]:
    """Answer a fresh certificate and its issuer."""
    if suite == "GM":
        made = ca.issue_unit("某某建设有限公司", USCC).signing.certificate
        return made, parse_certificate(ca.certificate("licence"))
    return ca.issue_international("x", Purpose.LICENCE, "ecdsa").certificate, parse_certificate(ca.certificate("intl"))


@pytest.mark.parametrize("suite", ["GM", "INTL"])
def test_a_path_by_addresses_in_certificates(ca: CertificateAuthority, client: httpx.Client, suite: str) -> None:
    made, issuer = _issued(ca, suite)
    certificate = parse_certificate(made)
    root = parse_certificate(ca.certificate("intl-root" if suite == "INTL" else "root"))
    sources = CertificateSources(client, os.urandom, AllowedAddresses((f"{BASE}/ca/",)))
    own, above = sources.fetch_evidence(certificate, issuer), sources.fetch_evidence(issuer, root)
    assert sources.fetch_issuers(certificate) == (issuer,)
    for evidence in (RevocationEvidence(own.crls + above.crls), RevocationEvidence(ocsps=own.ocsps + above.ocsps)):
        assert _judge(ca, made, Purpose.LICENCE, evidence).indication == "TOTAL-PASSED"


@pytest.mark.parametrize("suite", ["GM", "INTL"])
def test_revocation_is_answered_at_once(ca: CertificateAuthority, client: httpx.Client, suite: str) -> None:
    made, issuer = _issued(ca, suite)
    certificate = parse_certificate(made)
    ca.revoke(certificate.serial, "keyCompromise", NOON - DAY)
    response = HttpOcsp(client, f"{BASE}/ca/ocsp", os.urandom).request_status(certificate, issuer)
    assert (response.statuses[0].revoked_at, response.statuses[0].reason) == (NOON - DAY, "keyCompromise")
    worst = _judge(ca, made, Purpose.LICENCE, ca.trust().evidence + RevocationEvidence(ocsps=(response,))).worst
    assert (worst.code, "keyCompromise" in worst.why) == ("REVOKED_BEFORE", True)


@pytest.mark.parametrize("reason", ["", "stolen"])
def test_only_known_reasons(ca: CertificateAuthority, reason: str) -> None:
    made, _ = _issued(ca, "GM")
    with pytest.raises(ValueError, match="no reason"):
        ca.revoke(parse_certificate(made).serial, reason, NOON)


@pytest.mark.parametrize("name", ISSUERS)
def test_every_authority_publishes(client: httpx.Client, name: str) -> None:
    certificate = parse_certificate(client.get(f"/ca/{name}.cer").content)
    crl = parse_crl(client.get(f"/ca/{name}.crl").content)
    assert crl.issuer_der == certificate.subject_der
    request = build_ocsp_request([CertId.of(12345, certificate, "sha256")], nonce=b"n" * 16)
    answer = client.post(f"/ca/{name}.ocsp", content=request)
    assert answer.headers["content-type"] == "application/ocsp-response"
    response = parse_ocsp(answer.content)
    assert ([one.status for one in response.statuses], response.nonce) == (["unknown"], b"n" * 16)
    (responder,) = response.certificates
    assert (responder.extended_key_usage, responder.ocsp_nocheck) == ({OCSP_SIGNING}, True)


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        pytest.param("/ca/ocsp", b"", "malformedRequest", id="empty"),
        pytest.param("/ca/root.ocsp", b"x" * 1000, "malformedRequest", id="noise"),
        pytest.param("/ca/ocsp", "stranger", "unauthorized", id="another CA"),
        pytest.param("/ca/root.ocsp", "licence", "unauthorized", id="another responder"),
        pytest.param("/ca/ocsp", "many", "unauthorized", id="too many at once"),
        pytest.param("/ca/licence.ocsp", "licence", "successful", id="its own"),
    ],
)
def test_requests_that_get_no_status(
    ca: CertificateAuthority, client: httpx.Client, path: str, body: bytes | str, answer: str
) -> None:
    issuer = parse_certificate(ca.certificate("licence"))
    bodies = {
        "stranger": [CertId("sha1", bytes(20), bytes(20), 1)],
        "licence": [CertId.of(1, issuer)],
        "many": [CertId.of(n, issuer) for n in range(60)],
    }
    content = build_ocsp_request(bodies[body]) if isinstance(body, str) else body
    assert parse_ocsp(client.post(path, content=content).content).answer == answer


def test_a_serial_of_another_issuer_is_unknown(ca: CertificateAuthority, client: httpx.Client) -> None:
    made, _ = _issued(ca, "GM")
    serial = parse_certificate(made).serial_number
    request = build_ocsp_request([CertId.of(serial, parse_certificate(ca.certificate("service")))])
    assert parse_ocsp(client.post("/ca/ocsp", content=request).content).statuses[0].status == "unknown"


@pytest.mark.parametrize("path", ["/ca/other.ocsp", "/ca/root.crl", "/ca/root.key"])
def test_nothing_else_is_answered(client: httpx.Client, path: str) -> None:
    assert client.post(path, content=b"").json()["code"] == "authority_file_unknown"


def test_addresses_only_with_a_base_url(ca: CertificateAuthority, tmp_path: Path, clock: Clock) -> None:
    plain = CertificateAuthority(tmp_path, PASS, clock=clock, random=os.urandom)
    for one, base in ((plain, ""), (ca, f"{BASE}/ca/service")):
        addresses = parse_certificate(one.issue_service("s", Purpose.CENTRE).certificate).addresses
        expected = ((f"{base}.crl",), (f"{base}.ocsp",), (f"{base}.cer",)) if base else ((), (), ())
        assert (addresses.crls, addresses.ocsps, addresses.issuers) == expected


def test_a_folder_of_an_earlier_version_is_completed(tmp_path: Path, clock: Clock) -> None:
    """Earlier versions had three key files, three certificates and the register, and nothing else."""
    first = CertificateAuthority(tmp_path, PASS, clock=clock, random=os.urandom)
    made = first.issue_unit("重启之前", USCC).signing.certificate
    for file in [*tmp_path.glob("ocsp-*"), *tmp_path.glob("intl*"), tmp_path / "later.key"]:
        file.unlink()
    again = CertificateAuthority(tmp_path, PASS, clock=clock, random=os.urandom)
    assert [again.certificate(name) == first.certificate(name) for name in ISSUERS] == [True] * 3 + [False] * 2
    assert _judge(again, made, Purpose.LICENCE).indication == "TOTAL-PASSED"
    assert _purposes(again, again.issue_international("x", Purpose.TIMESTAMP, "ecdsa").certificate) == {
        Purpose.TIMESTAMP
    }
    third = CertificateAuthority(tmp_path, PASS, clock=clock, random=os.urandom)
    assert third.trust().fingerprint == again.trust().fingerprint
    with pytest.raises(KeystoreError):
        CertificateAuthority(tmp_path, "wrong", clock=clock, random=os.urandom)


def test_responders_are_certified_anew_in_time(tmp_path: Path, clock: Clock) -> None:
    CertificateAuthority(tmp_path, PASS, clock=clock, random=os.urandom)
    before = {file.name: file.read_bytes() for file in tmp_path.glob("ocsp-*.cer")}
    clock.at = NOON + 365 * 3 * DAY
    CertificateAuthority(tmp_path, PASS, clock=clock, random=os.urandom)
    after = {file.name: parse_certificate(file.read_bytes()) for file in tmp_path.glob("ocsp-*.cer")}
    assert len(before) == len(ISSUERS)
    assert all(after[name].der != before[name] and after[name].not_after > clock.at + DAY for name in before)


def test_expired_certificates_stay_listed(ca: CertificateAuthority, clock: Clock) -> None:
    made, issuer = _issued(ca, "GM")
    clock.at = parse_certificate(made).not_after + 30 * DAY
    crl = parse_crl(ca.make_crl("licence"))
    assert crl.covers(NOON, parse_certificate(made))
    assert crl.issuer_der == issuer.subject_der


def _run(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, text=True)
    return ran.stdout + ran.stderr


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_openssl_judges_the_international_side(ca: CertificateAuthority, tmp_path: Path, kind: str) -> None:
    made = ca.issue_international("x", Purpose.LICENCE, kind)  # type: ignore[arg-type]
    root = write_pem(tmp_path / "root.pem", ca.certificate("intl-root"))
    middle = write_pem(tmp_path / "ca.pem", ca.certificate("intl"))
    leaf = write_pem(tmp_path / "leaf.pem", made.certificate)
    serial = parse_certificate(made.certificate).serial_number
    at = ("-attime", str(int(NOON.timestamp())))
    for words, status in (("OK", "good"), ("certificate revoked", "revoked")):
        crls = write_pem(tmp_path / "x.crl", ca.make_crl("intl-root"), ca.make_crl("intl"), label="X509 CRL")
        chain = ("-CAfile", root, "-untrusted", middle)
        assert words in _run("verify", *at, "-x509_strict", "-crl_check_all", "-CRLfile", crls, *chain, leaf)
        request = build_ocsp_request([CertId.of(serial, parse_certificate(ca.certificate("intl")))])
        (tmp_path / "x.rsp").write_bytes(ca.answer_ocsp(request))
        options = ("-issuer", middle, "-cert", leaf, "-CAfile", root, "-no_nonce", "-status_age", "999999999")
        text = _run("ocsp", "-respin", tmp_path / "x.rsp", *options, *at, "-resp_text")
        assert "Response verify OK" in text
        assert f"Cert Status: {status}" in text
        ca.revoke(f"{serial:X}", "superseded", NOON - DAY)
