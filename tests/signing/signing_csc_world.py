"""A CSC service with a scripted wallet and demonstration credentials, over an application in this process."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID
from litestar import Litestar, Response, get, post
from litestar.params import FromPath, RawBody
from litestar.testing import TestClient
from signing_pki import make_root

from signing import csc as values
from signing import sm2
from signing.certificates import parse_certificate
from signing.ports import Statement
from signing.sandbox import csc, keys
from signing.sandbox.csc_service import CscService
from signing.sandbox.keys import KeyVault
from signing.sandbox.redeeming import ConsentDesk
from signing.schemes import InternationalKey, generate_international

USCC = "91350100M000100Y43"
UNIT, ENCRYPTION, RSA, ECDSA = f"unit:{USCC}", f"unit-encryption:{USCC}", "intl-rsa:demo", "intl-ecdsa:demo"
TOKEN, PIN = "the bearer's token", "271828"
NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Wallet:
    """Spends statements once each, in order as the real one, unless the test tells it otherwise.

    With `lose`, what it answers to a redeem is lost on the way.
    """

    state: str = "confirmed"
    refusal: tuple[int, str] | None = None
    lose: bool = False
    down: bool = False
    spent: set[tuple[str, str]] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    redeemed: list[bytes] = field(default_factory=list)

    def handlers(self) -> list[Any]:
        @get("/wallet/consents/{consent:str}", sync_to_thread=True)
        def state(consent: FromPath[str]) -> Response[Any]:
            return self.problem(404, "consent_unknown") if consent == "nobody" else Response({"state": self.state})

        @post("/wallet/consents/{consent:str}/redeem", sync_to_thread=True)
        def redeem(consent: FromPath[str], body: RawBody) -> Response[Any]:
            if self.refusal:
                return self.problem(*self.refusal)
            asked = [(consent, one["to_be_signed"]) for one in json.loads(body)["statements"]]
            for one in asked:
                if one in self.spent:
                    return self.problem(409, "consent_used")
                if one[1] in self.unlisted:
                    return self.problem(403, "digest_not_listed")
            self.spent.update(asked)
            self.redeemed.append(body)
            return Response({"state": "used"}, status_code=200)

        return [state, redeem]

    def problem(self, status: int, code: str) -> Response[Any]:
        body = {"code": code, "detail": "请重新发起授权。", "status": status}
        return Response(body, status_code=status, media_type="application/problem+json")


@dataclass
class Phone(httpx.BaseTransport):
    """The line to the wallet: it may be dead, or lose the answer on the way back."""

    client: Any
    wallet: Wallet

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.wallet.down:
            raise httpx.ConnectError("down", request=request)
        answer = self.client.request(request.method, request.url.path, content=request.read())
        if self.wallet.lose and request.method == "POST":
            raise httpx.ReadTimeout("lost", request=request)
        return httpx.Response(answer.status_code, content=answer.content)


@dataclass
class Csc:
    """A service under test and how to talk to it."""

    folder: Path
    client: TestClient[Litestar]
    service: CscService
    vault: KeyVault
    wallet: Wallet
    clock: Clock
    stack: ExitStack

    def post(self, method: str, body: Any, *, version: str = "v2", token: str = TOKEN) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.post(f"/csc/{version}/{method}", json=body, headers=headers)

    def ask(self, method: str, body: Any, *, version: str = "v2", expect: int | str = 200) -> dict[str, Any]:
        """Post and demand a status, or a refusal's code in the form of the standard."""
        answer = self.post(method, body, version=version)
        told: dict[str, Any] = answer.json()
        if isinstance(expect, int):
            assert answer.status_code == expect, told
        else:
            assert told.get("code") == expect, told
            assert isinstance(told["error"], str)
            assert told["error_description"].isascii()
        return told

    @property
    def unit(self) -> sm2.PublicKey:
        key = parse_certificate(self.vault.find(UNIT).certificate).public_key
        assert isinstance(key, sm2.PublicKey)
        return key

    def consented(self, *acts: bytes, consent: str = "c0ffee", **changes: Any) -> dict[str, Any]:
        """Make the body of credentials/authorize for the unit's key."""
        statements = [Statement("act", act) for act in acts]
        return {
            "credentialID": UNIT,
            "numSignatures": len(acts),
            "hashes": [b64(one) for one in values.hash_statements(self.unit, statements)],
            "hashAlgorithmOID": values.SM3_OID,
            "authData": [{"id": "consent"}],
            "clientData": values.encode_consent_data(consent, statements),
        } | changes

    def pinned(self, *digests: bytes, credential: str = RSA, number: int = 0, pin: str = PIN) -> dict[str, Any]:
        """Make the body of credentials/authorize for a demonstration key."""
        body: dict[str, Any] = {"credentialID": credential, "numSignatures": number or len(digests)}
        body["authData"] = [{"id": "PIN", "value": pin}]
        if digests:
            body |= {"hashes": [b64(one) for one in digests], "hashAlgorithmOID": SHA256}
        return body

    def signing(self, sad: str, *acts: bytes, **changes: Any) -> dict[str, Any]:
        """Make the body of signatures/signHash for the unit's key."""
        hashes = values.hash_statements(self.unit, [Statement("act", act) for act in acts])
        return {
            "credentialID": UNIT,
            "SAD": sad,
            "hashes": [b64(one) for one in hashes],
            "hashAlgorithmOID": values.SM3_OID,
            "signAlgo": values.SM2_WITH_SM3,
        } | changes

    def demo_signing(self, sad: str, *digests: bytes, credential: str = RSA, **changes: Any) -> dict[str, Any]:
        body = {"credentialID": credential, "SAD": sad, "hashes": [b64(one) for one in digests]}
        return body | {"signAlgo": SHA256_RSA if credential == RSA else SHA256_ECDSA} | changes

    def reopen(self) -> "Csc":
        """Start the service again over the same folder, as after a restart of its process."""
        return open_csc(self.folder, self.wallet, self.clock, self.stack)


SHA256 = "2.16.840.1.101.3.4.2.1"
SHA256_RSA = "1.2.840.113549.1.1.11"
SHA256_ECDSA = "1.2.840.10045.4.3.2"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def open_csc(folder: Path, wallet: Wallet, clock: Clock, stack: ExitStack) -> Csc:
    vault = KeyVault(folder / "keys", "a passphrase", random=os.urandom)
    inner = stack.enter_context(TestClient(Litestar(wallet.handlers())))
    phone = stack.enter_context(httpx.Client(transport=Phone(inner, wallet)))
    desk = ConsentDesk(vault.ledger, phone, "http://wallet.test")
    service = CscService(folder / "csc", vault=vault, desk=desk, random=os.urandom, clock=clock)
    routers = [
        csc.create_router(service, tokens=[TOKEN, "another token"]),
        keys.create_router(vault, wallet=phone, wallet_url="http://wallet.test"),
    ]
    client = stack.enter_context(TestClient(Litestar(routers)))
    return Csc(folder, client, service, vault, wallet, clock, stack)


@contextmanager
def csc_world(folder: Path) -> Iterator[Csc]:
    """Open a service over a folder; `make_credentials` has filled it."""
    with ExitStack() as stack:
        yield open_csc(folder, Wallet(), Clock(), stack)


def make_credentials(folder: Path) -> Path:
    """Fill a folder with a unit's two credentials and two demonstration ones, to be copied for each test."""
    with csc_world(folder) as world:
        root = make_root()
        for name, holder in {
            UNIT: root.issue("某某建设有限公司", serial=7),
            ENCRYPTION: root.issue("某某建设有限公司", serial=8, usage=("keyEncipherment", "dataEncipherment")),
        }.items():
            world.vault.add(name, holder.key, holder.certificate.der, (root.certificate.der,))
        for name, demo, scal in ((RSA, DEMO_RSA, "2"), (ECDSA, DEMO_ECDSA, "1")):
            world.service.add_demonstration(
                name, demo.key, demo.certificate, (demo.issuer,), pin=PIN, scal=scal, multisign=5
            )
    return folder


@dataclass(frozen=True)
class Demo:
    key: InternationalKey
    certificate: bytes
    issuer: bytes


def make_demo(kind: str) -> Demo:
    """Make an INTL key with a certificate of a small authority of its own."""
    key, issuer = generate_international(kind), ec.generate_private_key(ec.SECP256R1())  # type: ignore[arg-type]
    root = _certificate("Demo Root", "Demo Root", issuer.public_key(), issuer, authority=True)
    leaf = _certificate(f"Demo {kind}", "Demo Root", load_der_public_key(key.public_key), issuer, authority=False)
    return Demo(key, leaf.public_bytes(Encoding.DER), root.public_bytes(Encoding.DER))


def _certificate(name: str, by: str, public: Any, issuer: ec.EllipticCurvePrivateKey, *, authority: bool) -> Any:
    usage = dict.fromkeys(
        (
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - timedelta(days=30))
        .not_valid_after(NOON + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                content_commitment=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **usage,
            ),
            critical=True,
        )
        .sign(issuer, hashes.SHA256())
    )


DEMO_RSA, DEMO_ECDSA = make_demo("rsa"), make_demo("ecdsa")
