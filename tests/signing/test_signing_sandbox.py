"""The sandbox's authority, timestamps and keys, over HTTP and through the adapters that real services will use."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Response, post
from litestar.params import FromPath, RawBody
from litestar.testing import TestClient

from signing import canonical, sm2
from signing.adapters.key_http import HttpKeyService
from signing.adapters.revocation_http import HttpRevocationSource, fetch_trust
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.digests import sm3
from signing.errors import (
    InvalidKeyError,
    KeyServiceRefusedError,
    KeystoreError,
    TimestampError,
    UnavailableError,
)
from signing.path import Purpose, RevocationEvidence, verify_path
from signing.ports import KeyService, RevocationSource, Statement, TimestampAuthority
from signing.sandbox import authority as authorities
from signing.sandbox import keys, tsa
from signing.sandbox.authority import CertificateAuthority, ServiceRequest
from signing.sandbox.keys import KeyVault
from signing.sandbox.tsa import TimestampService
from signing.timestamps import parse_token, verify_token

USCC = "91350100M000100Y43"
PASS = "correct horse"
NOON = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """A clock that the test sets."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ca") / "state"


@pytest.fixture(scope="module")
def ca(folder: Path, clock: Clock) -> CertificateAuthority:
    return CertificateAuthority(folder, PASS, clock=clock, random=os.urandom)


@pytest.fixture(autouse=True)
def _noon(clock: Clock) -> None:
    clock.at = NOON


def _indication(ca: CertificateAuthority, certificate: bytes, purpose: Purpose, at: datetime = NOON) -> tuple[str, str]:
    trust = ca.trust()
    verdict = verify_path(
        parse_certificate(certificate), anchors=trust, evidence=trust.evidence, at=at, purpose=purpose
    )
    return str(verdict.indication), verdict.worst.code if verdict.indication is not Indication.TOTAL_PASSED else ""


def test_a_unit_gets_dual_certificates(ca: CertificateAuthority) -> None:
    unit = ca.issue_unit("某某建设有限公司", USCC)
    signing, encryption = parse_certificate(unit.signing.certificate), parse_certificate(unit.encryption.certificate)
    assert signing.subject_der == encryption.subject_der
    assert (signing.may_sign, signing.may_encrypt) == (True, False)
    assert (encryption.may_sign, encryption.may_encrypt) == (False, True)
    assert signing.uscc_candidates == encryption.uscc_candidates == (USCC,)
    assert signing.public_key == unit.signing.key.public != encryption.public_key
    assert [parse_certificate(one).common_name for one in unit.signing.chain] == ["仿真电子营业执照 CA", "仿真根 CA"]
    assert _indication(ca, unit.signing.certificate, Purpose.LICENCE) == ("TOTAL-PASSED", "")
    assert _indication(ca, unit.encryption.certificate, Purpose.LICENCE) == ("INDETERMINATE", "CHAIN_BAD")
    assert _indication(ca, unit.signing.certificate, Purpose.CENTRE) == ("INDETERMINATE", "CHAIN_NONE")


def test_a_person_is_named(ca: CertificateAuthority) -> None:
    made = ca.issue_person("张三", company="某某建设有限公司", uscc=USCC, title="经办人", person_id="P0123456789ab")
    certificate = parse_certificate(made.certificate)
    assert (certificate.common_name, certificate.organisation) == ("张三", "某某建设有限公司")
    assert (certificate.title, certificate.person_id) == ("经办人", "P0123456789ab")
    assert _indication(ca, made.certificate, Purpose.LICENCE) == ("TOTAL-PASSED", "")


@pytest.mark.parametrize("purpose", [Purpose.SEAL_MAKER, Purpose.CENTRE, Purpose.REGISTRAR, Purpose.TIMESTAMP])
def test_a_service_serves_one_purpose(ca: CertificateAuthority, purpose: Purpose) -> None:
    certificate = ca.issue_service("服务", purpose).certificate
    passed = [one for one in Purpose if _indication(ca, certificate, one)[0] == "TOTAL-PASSED"]
    assert passed == [purpose]
    assert parse_certificate(certificate).uscc_candidates == ()


def test_no_service_acts_as_a_licence(ca: CertificateAuthority) -> None:
    with pytest.raises(ValueError, match="licence"):
        ca.issue_service("服务", Purpose.LICENCE)


def test_revocation_is_published_at_once(ca: CertificateAuthority, clock: Clock) -> None:
    unit = ca.issue_unit("某某建设有限公司", USCC)
    ca.revoke(parse_certificate(unit.signing.certificate).serial, "cessationOfOperation", NOON + HOUR)
    clock.at = NOON + 2 * HOUR
    assert _indication(ca, unit.signing.certificate, Purpose.LICENCE, NOON + 2 * HOUR)[1] == "REVOKED_BEFORE"
    assert _indication(ca, unit.signing.certificate, Purpose.LICENCE, NOON) == ("TOTAL-PASSED", "")
    with pytest.raises(KeyError):
        ca.revoke("FF", "unspecified", NOON)


def test_state_survives_and_needs_the_passphrase(ca: CertificateAuthority, folder: Path, clock: Clock) -> None:
    unit = ca.issue_unit("重启之前", USCC)
    again = CertificateAuthority(folder, PASS, clock=clock, random=os.urandom)
    assert again.certificate("root") == ca.certificate("root")
    again.revoke(parse_certificate(unit.signing.certificate).serial, "superseded", NOON)
    assert _indication(again, unit.signing.certificate, Purpose.LICENCE)[1] == "REVOKED_BEFORE"
    with pytest.raises(KeystoreError):
        CertificateAuthority(folder, "wrong", clock=clock, random=os.urandom)


def test_no_private_key_lies_open(ca: CertificateAuthority, folder: Path) -> None:
    for name in ("root", "licence", "service"):
        data = (folder / f"{name}.key").read_bytes()
        assert ca._authorities._keys[name].private.scalar() not in data
        assert (folder / f"{name}.key").stat().st_mode & 0o077 == 0


# Over HTTP


@dataclass
class Wallet:
    """A wallet that answers what the test tells it, and remembers what it was asked."""

    answer: tuple[int, dict[str, Any]] = (200, {"state": "used"})
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def router(self) -> Any:
        @post("/wallet/consents/{consent:str}/redeem", sync_to_thread=True)
        def redeem(consent: FromPath[str], body: RawBody) -> Response[Any]:
            self.asked.append((consent, httpx.Response(200, content=body).json()))
            return Response(self.answer[1], status_code=self.answer[0])

        return redeem


@pytest.fixture(scope="module")
def wallet() -> Wallet:
    return Wallet()


@pytest.fixture(scope="module")
def vault(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> KeyVault:
    vault = KeyVault(tmp_path_factory.mktemp("vault"), PASS, random=os.urandom)
    unit = ca.issue_unit("某某建设有限公司", USCC)
    person = ca.issue_person("李四", company="某某建设有限公司", uscc=USCC, title="法定代表人", person_id="P1")
    vault.add(f"unit:{USCC}", unit.signing.key, unit.signing.certificate, unit.signing.chain)
    vault.add(f"encryption:{USCC}", unit.encryption.key, unit.encryption.certificate, unit.encryption.chain)
    vault.add(f"legal-representative:{USCC}", person.key, person.certificate, person.chain)
    vault.add("person:P1", person.key, person.certificate, person.chain)
    return vault


@pytest.fixture(scope="module")
def stamper(ca: CertificateAuthority, clock: Clock) -> TimestampService:
    return TimestampService.of(ca.issue_service("仿真时间戳", Purpose.TIMESTAMP), clock=clock, random=os.urandom)


@pytest.fixture(scope="module")
def client(
    ca: CertificateAuthority, stamper: TimestampService, vault: KeyVault, wallet: Wallet
) -> Iterator[httpx.Client]:
    with TestClient(Litestar([wallet.router()])) as phone:
        handlers = [
            authorities.create_router(ca),
            tsa.create_router(stamper),
            keys.create_router(vault, wallet=phone, wallet_url=str(phone.base_url)),
        ]
        with TestClient(Litestar(handlers)) as client:
            yield client


@pytest.fixture(autouse=True)
def _forgetful(wallet: Wallet) -> None:
    wallet.answer, wallet.asked = (200, {"state": "used"}), []


def _url(client: httpx.Client, path: str) -> str:
    return f"{str(client.base_url).rstrip('/')}{path}"


def test_trust_and_lists_are_fetched(client: httpx.Client, ca: CertificateAuthority) -> None:
    trust = fetch_trust(client, _url(client, "/ca/trust"))
    assert trust.fingerprint == ca.trust().fingerprint
    source: RevocationSource = HttpRevocationSource(
        client, tuple(_url(client, f"/ca/{name}.crl") for name in ("root", "licence", "service"))
    )
    unit = ca.issue_unit("某某建设有限公司", USCC).signing.certificate
    verdict = verify_path(
        parse_certificate(unit),
        anchors=trust,
        evidence=RevocationEvidence.of(*source.fetch_crls()),
        at=NOON,
        purpose=Purpose.LICENCE,
    )
    assert verdict.indication is Indication.TOTAL_PASSED
    assert client.get("/ca/licence.cer").content == ca.certificate("licence")


@pytest.mark.parametrize("path", ["/ca/other.crl", "/ca/root.key", "/ca/register.json", "/ca/root"])
def test_nothing_else_is_published(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "authority_file_unknown")
    with pytest.raises(UnavailableError):
        HttpRevocationSource(client, (_url(client, path),)).fetch_crls()


def test_a_service_certifies_its_own_key(client: httpx.Client, ca: CertificateAuthority) -> None:
    key = sm2.generate()
    request = canonical.encode(ServiceRequest("交易中心", Purpose.CENTRE, key.public.point, USCC))
    body = canonical.encode({"request": request, "signature": sm2.sign(key, request)})
    answer = client.post("/ca/services", content=body)
    assert answer.status_code == 201
    made = canonical.decode(answer.content, authorities.ServiceCertificate)
    assert parse_certificate(made.certificate).public_key == key.public
    assert _indication(ca, made.certificate, Purpose.CENTRE) == ("TOTAL-PASSED", "")


def test_nobody_else_gets_a_certificate_in_a_centres_name(client: httpx.Client) -> None:
    own, other = sm2.generate(), sm2.generate()
    for key, status in ((own, 201), (other, 422), (own, 201)):
        request = canonical.encode(ServiceRequest("交易中心", Purpose.CENTRE, key.public.point, "91110000MA01A2B30H"))
        body = canonical.encode({"request": request, "signature": sm2.sign(key, request)})
        assert client.post("/ca/services", content=body).status_code == status


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.CENTRE}))
def test_no_other_purpose_is_given_over_http(client: httpx.Client, purpose: Purpose) -> None:
    key = sm2.generate()
    request = canonical.encode(ServiceRequest("冒充", purpose, key.public.point))
    body = canonical.encode({"request": request, "signature": sm2.sign(key, request)})
    assert client.post("/ca/services", content=body).json()["code"] == "service_request_refused"


def test_a_request_needs_the_key_that_it_names(client: httpx.Client) -> None:
    request = canonical.encode(ServiceRequest("交易中心", Purpose.CENTRE, sm2.generate().public.point))
    for body in (canonical.encode({"request": request, "signature": sm2.sign(sm2.generate(), request)}), b"{}", b"["):
        assert client.post("/ca/services", content=body).status_code == 422


def test_a_timestamp_by_http(client: httpx.Client, ca: CertificateAuthority) -> None:
    service: TimestampAuthority = HttpTimestampAuthority(client, _url(client, "/tsa"), os.urandom)
    imprint = sm3(b"tender")
    token = service.stamp(imprint)
    parsed = parse_token(token)
    assert parsed.gen_time == NOON.replace(microsecond=123_000)
    assert parsed.policy == tsa.POLICY
    trust = ca.trust()
    verdict = verify_token(token, imprint=imprint, anchors=trust, evidence=trust.evidence)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert parsed.serial != parse_token(service.stamp(imprint)).serial


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="a web page"),
        pytest.param(bytes.fromhex("302a020101302506052b0e03021a"), id="truncated"),
        pytest.param(
            bytes.fromhex("3026020101302106052b0e03021a04180000000000000000000000000000000000000000000000000000"),
            id="odd",
        ),
    ],
)
def test_bad_timestamp_requests_are_refused(client: httpx.Client, query: bytes) -> None:
    answer = client.post("/tsa", content=query, headers={"content-type": "application/timestamp-query"})
    assert answer.status_code == 200
    assert answer.content[4:7] == bytes.fromhex("020102")


def _sign(client: httpx.Client, credential: str = f"unit:{USCC}", data: bytes = b'{"act":"submit"}') -> list[bytes]:
    service: KeyService = HttpKeyService(client, str(client.base_url))
    return service.sign(credential, "c0ffee", [Statement("act", data), Statement("ses", b"\x30\x00")])


def test_the_ring_of_a_licence(client: httpx.Client) -> None:
    service: KeyService = HttpKeyService(client, str(client.base_url))
    ring = service.fetch_certificates(USCC)
    assert sorted(one.role for one in ring.credentials) == ["encryption", "legal-representative", "unit"]
    unit = ring.find("unit")
    assert unit.id == f"unit:{USCC}"
    assert parse_certificate(unit.certificate).common_name == "某某建设有限公司"
    with pytest.raises(InvalidKeyError):
        ring.find("centre")
    with pytest.raises(KeyServiceRefusedError, match="统一社会信用代码") as caught:
        service.fetch_certificates("91350100M000100Y44")
    assert caught.value.code == "licence_unknown"


def test_the_wallet_redeems_before_anything_is_signed(client: httpx.Client, vault: KeyVault, wallet: Wallet) -> None:
    signatures = _sign(client)
    public = parse_certificate(vault.find(f"unit:{USCC}").certificate).public_key
    assert isinstance(public, sm2.PublicKey)
    sm2.verify(public, b'{"act":"submit"}', signatures[0])
    sm2.verify(public, b"\x30\x00", signatures[1])
    ((consent, body),) = wallet.asked
    assert (consent, body["credential"]) == ("c0ffee", f"unit:{USCC}")
    assert [one["kind"] for one in body["statements"]] == ["act", "ses"]


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        pytest.param(
            (409, {"code": "consent_used", "detail": "已用"}), KeyServiceRefusedError, "consent_used", id="used"
        ),
        pytest.param(
            (403, {"code": "digest_not_listed", "detail": "未列"}),
            KeyServiceRefusedError,
            "digest_not_listed",
            id="not listed",
        ),
        pytest.param((503, {"code": "busy", "detail": "忙"}), UnavailableError, "", id="wallet busy"),
        pytest.param((204, {}), UnavailableError, "", id="an answer that says nothing"),
        pytest.param((302, {}), UnavailableError, "", id="a redirect"),
    ],
)
def test_refusals_of_the_wallet_are_passed_on(
    client: httpx.Client, wallet: Wallet, answer: tuple[int, dict[str, Any]], error: type[Exception], code: str
) -> None:
    wallet.answer = answer
    with pytest.raises(error) as caught:
        _sign(client)
    assert getattr(caught.value, "code", "") == code


@pytest.mark.parametrize(
    "credential",
    [
        pytest.param("unit:91350100M000100Y44", id="unknown"),
        pytest.param(f"encryption:{USCC}", id="an encryption key"),
    ],
)
def test_no_consent_is_spent_on_a_key_that_cannot_sign(client: httpx.Client, wallet: Wallet, credential: str) -> None:
    with pytest.raises(KeyServiceRefusedError) as caught:
        _sign(client, credential)
    assert (caught.value.code, wallet.asked) == ("credential_unknown", [])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="empty"),
        pytest.param(b'{"credential":"a","consent":"../x","statements":[]}', id="no statements, odd consent"),
        pytest.param(
            b'{"credential":"a","consent":"../x","statements":[{"kind":"act","to_be_signed":""}]}', id="odd consent"
        ),
        pytest.param(b"[", id="no JSON"),
    ],
)
def test_malformed_requests(client: httpx.Client, wallet: Wallet, body: bytes) -> None:
    answer = client.post("/keys/sign", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"], wallet.asked) == (400, "malformed_request", [])
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_wallet_that_is_down(vault: KeyVault) -> None:
    def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down", request=request)

    with httpx.Client(transport=httpx.MockTransport(dead)) as phone:
        router = keys.create_router(vault, wallet=phone, wallet_url="http://wallet.invalid")
        with TestClient(Litestar([router])) as client, pytest.raises(UnavailableError, match="wallet_unavailable"):
            _sign(client)


def test_the_vault_keeps_keys_sealed(vault: KeyVault, ca: CertificateAuthority) -> None:
    again = KeyVault(vault._folder, PASS, random=os.urandom)
    unit = parse_certificate(again.find(f"unit:{USCC}").certificate)
    assert isinstance(unit.public_key, sm2.PublicKey)
    sm2.verify(unit.public_key, b"record", again.sign_with(f"unit:{USCC}", b"record"))
    scalars = [key.scalar() for key, _ in again._keys.values()]
    kept = b"".join(path.read_bytes() for path in vault._folder.iterdir())
    assert not any(scalar in kept for scalar in scalars)
    with pytest.raises(KeystoreError):
        KeyVault(vault._folder, "wrong", random=os.urandom)
    with pytest.raises(InvalidKeyError):
        again.sign_with(f"encryption:{USCC}", b"record")
    with pytest.raises(InvalidKeyError):
        again.add("unit:x", sm2.generate(), ca.certificate("root"), ())


def test_a_damaged_vault_is_noticed(tmp_path: Path, vault: KeyVault) -> None:
    for path in vault._folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name).chmod(0o600)
    one, other, *_ = sorted(tmp_path.glob("*.sealed"))
    sealed = canonical.decode(one.read_bytes(), keys.SealedKey)
    foreign = canonical.decode(other.read_bytes(), keys.SealedKey)
    one.write_bytes(canonical.encode(keys.SealedKey(foreign.credential, sealed.nonce, sealed.sealed)))
    with pytest.raises(KeystoreError, match="damaged"):
        KeyVault(tmp_path, PASS, random=os.urandom)


@pytest.mark.parametrize(
    ("respond", "error"),
    [
        pytest.param(lambda _: httpx.Response(500), UnavailableError, id="server error"),
        pytest.param(
            lambda _: httpx.Response(302, headers={"location": "http://10.0.0.1/"}), UnavailableError, id="redirect"
        ),
        pytest.param(lambda _: httpx.Response(200, content=bytes(2 << 20)), UnavailableError, id="too much"),
        pytest.param(lambda _: httpx.Response(200, content=b"<html>"), TimestampError, id="a web page"),
    ],
)
def test_useless_timestamp_answers(respond: Callable[[httpx.Request], httpx.Response], error: type[Exception]) -> None:
    with httpx.Client(transport=httpx.MockTransport(respond)) as client, pytest.raises(error):
        HttpTimestampAuthority(client, "http://tsa.invalid/", os.urandom).stamp(sm3(b""))
