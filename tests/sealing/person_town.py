"""A sandbox with natural persons: CA, key service, registrar, wallet, seal maker and time, joined over HTTP."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from bidding.reading import READERS
from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from identity.consent import ConsentFile, ConsentRecord, consent_sm3, encode_record
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from sealing.adapters.maker_http import HttpSealRegistry
from sealing.pdf import PreparedSeal, complete_seal, prepare_acts, prepare_seal, statement_of, to_be_signed
from sealing.pdf_profiles import Profile
from sealing.placement import Stamp
from sealing.sandbox import maker
from sealing.sandbox.scanning import clean_scan
from signing.adapters.key_http import HttpKeyService
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.certificates import Certificate, parse_certificate
from signing.digests import sm3
from signing.path import Purpose
from signing.ports import Statement
from signing.sandbox import keys, tsa
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault

BASE = "http://sandbox.test"
PIN = "246810"
TOKEN = "the registrar's token"
RESIDENT = "11010519491231002X"
START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that tests set."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Wire(httpx.BaseTransport):
    """The network between everybody."""

    app: TestClient[Litestar] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert self.app is not None
        kept = {k: v for k, v in request.headers.items() if k in ("content-type", "authorization")}
        answer = self.app.request(request.method, request.url, content=request.read(), headers=kept)
        return httpx.Response(
            answer.status_code, headers={"content-type": answer.headers["content-type"]}, content=answer.content
        )


@dataclass
class Town:
    """Everybody whom a test talks to."""

    folder: Path
    wire: Wire
    clock: Clock
    authority: CertificateAuthority
    made: list[str] = field(default_factory=list)

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(transport=self.wire, base_url=BASE)

    @property
    def registry(self) -> HttpSealRegistry:
        return HttpSealRegistry(self.http, BASE)

    @property
    def register(self) -> HttpRegister:
        return HttpRegister(Platform(self.http, BASE))

    @property
    def wallet(self) -> HttpWallet:
        return HttpWallet(Platform(self.http, BASE))

    @property
    def keys(self) -> HttpKeyService:
        return HttpKeyService(self.http, BASE)

    def post(self, path: str, body: Any, expect: int | str = 200) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        answer: dict[str, Any] = response.json()
        if isinstance(expect, str):
            assert answer.get("code") == expect, answer
            assert answer["detail"].endswith("。")
        else:
            assert response.status_code == expect, answer
        return answer

    def enrol(self, name: str = "李小明", resident: str = RESIDENT) -> dict[str, Any]:
        return self.post("/registrar/persons", {"name": name, "resident_id": resident, "pin": PIN}, 201)

    def make_seal(self, person: str, expect: int | str = 201, **appearance: Any) -> dict[str, Any]:
        body = {"pin": PIN} | ({"appearance": appearance} if appearance else {})
        return self.post(f"/registrar/persons/{person}/seals", body, expect)

    def certificate(self, person: str) -> Certificate:
        return parse_certificate(self.register.fetch_person(person).certificate)

    def record(self, who: dict[str, Any], files: list[ConsentFile], **changes: Any) -> ConsentRecord:
        fields: dict[str, Any] = {
            "v": 1,
            "act": "seal",
            "uscc": "",
            "company": "",
            "person": who["person"],
            "person_name": who["name"],
            "authorisation": "self",
            "audience": "电子签署中心",
            "files": tuple(files),
            "seal": self.registry.fetch_person_seals(who["person"])[-1].number,
            "section": "",
            "params_sm3": "",
            "nonce": os.urandom(16).hex(),
            "not_before": self.clock.at,
            "not_after": self.clock.at + timedelta(minutes=5),
        }
        return ConsentRecord(**(fields | changes))

    def agree(self, record: ConsentRecord) -> str:
        """Ask for a consent and have its person confirm it; answer its id."""
        pending = self.wallet.request_consent(encode_record(record))
        self.post(f"/wallet/consents/{pending.id}/confirm", {"person": record.person, "pin": PIN})
        return pending.id

    def stamp(self, signature: bytes) -> bytes:
        return HttpTimestampAuthority(self.http, f"{BASE}/tsa", os.urandom).stamp(sm3(signature))

    def prepare(self, person: str, source: Path, target: Path, profile: Profile) -> PreparedSeal:
        seal = self.registry.fetch_person_seals(person)[-1]
        prepare_acts(source, {"person": [Stamp(1, 60, 200, 40, 15)]})
        return prepare_seal(
            source,
            target,
            field="person",
            seal=seal,
            signer=self.certificate(person),
            at=self.clock.at,
            profile=profile,
        )

    def sign(self, person: dict[str, Any], source: Path, target: Path, profile: Profile) -> None:
        """Seal a PDF as a natural person: prepare, consent on the wallet, key service, timestamp, complete."""
        prepared = self.prepare(person["person"], source, target, profile)
        line = ConsentFile("合同.pdf", 1, target.stat().st_size, prepared.document_sm3)
        record = self.record(person, [line])
        consent = self.agree(record)
        signed = self.wallet.fetch_consent(consent).signed
        assert signed is not None
        digest = consent_sm3(signed)
        tbs = statement_of(prepared, digest, self.clock.at) if profile.has_seal else b""
        message = to_be_signed(prepared, tbs, digest) if profile.has_message else b""
        kind = "gm-cms" if profile is Profile.GM_CMS else "cms"
        statements = ([Statement("ses", tbs)] if tbs else []) + ([Statement(kind, message)] if message else [])
        signatures = self.keys.sign(f"person:{person['person']}", consent, statements)
        complete_seal(
            prepared,
            tbs,
            signatures[-1],
            self.stamp(signatures[-1]),
            not_before=record.not_before,
            not_after=record.not_after,
            seal_signature=signatures[0] if profile is Profile.PADES_SES else b"",
            consent_sm3=digest,
        )


def build_town(folder: Path) -> tuple[Town, Litestar]:
    """Open the sandbox; the caller serves the application and hands it to `town.wire`."""
    clock, wire = Clock(), Wire()
    authority = CertificateAuthority(folder / "ca", "a passphrase", clock=clock, random=os.urandom)
    vault = KeyVault(folder / "keys", "a passphrase", random=os.urandom)
    platform = open_platform(
        folder / "platform", vault=vault, random=os.urandom, clock=clock, passphrase="a passphrase"
    )
    town = Town(folder, wire, clock, authority)
    stamping = authority.issue_service("仿真时间戳服务", Purpose.TIMESTAMP)
    making = authority.issue_service("仿真制章单位", Purpose.SEAL_MAKER)
    asking = {"authority": authority, "maker": town.http, "maker_url": BASE, "maker_token": TOKEN}
    app = Litestar(
        [
            tsa.create_router(tsa.TimestampService.of(stamping, clock=clock, random=os.urandom)),
            keys.create_router(vault, wallet=town.http, wallet_url=BASE),
            registrar_http.create_router(platform, **asking),
            wallet.create_router(platform, readers=READERS, base_url=BASE),
            maker.create_router(
                folder / "maker",
                key=making.key,
                certificate=parse_certificate(making.certificate),
                clock=clock,
                anchors=authority.trust,
                clean=clean_scan,
                token=TOKEN,
            ),
        ],
        openapi_config=None,
    )
    return town, app
