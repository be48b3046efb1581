"""A sandbox town: a CA, a key vault, a registrar and a wallet, and a seal maker that answers by the protocol."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from identity.consent import ConsentRecord
from identity.ports import StatementFacts
from identity.sandbox.platform import LicencePlatform
from signing.digests import sm3
from signing.errors import MalformedError
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault

START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
BASE = "http://wallet.test"
PIN = "246810"
KINDS = ("unit", "finance", "contract", "invoice", "legal-representative")


@dataclass
class Clock:
    """A clock that tests set."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass
class Maker:
    """A seal maker that answers by the protocol; it fails when told to."""

    made: int = 0
    fails: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.fails:
            return httpx.Response(503, json={"code": "busy"})
        self.asked.append(json.loads(request.content))
        seals = []
        for kind in KINDS:
            self.made += 1
            seals.append({"number": f"370200{self.made:07d}", "kind": kind, "name": kind, "more": "ignored"})
        return httpx.Response(201, json={"seals": seals})


def read_ses(data: bytes) -> StatementFacts:
    """Stand in for the SES reader: 0x30, then sm3, consent and seal as text."""
    try:
        digest, consent, seal = data[1:].decode().split("|")
    except ValueError as error:
        raise MalformedError("not ours") from error
    return StatementFacts(digest, consent, seal)


def read_cms(data: bytes) -> StatementFacts:
    """Stand in for the CMS reader: 0x31, then the messageDigest as text."""
    return StatementFacts(data[1:].decode())


def read_act(data: bytes) -> StatementFacts:
    return StatementFacts(sm3(data).hex())


@dataclass
class Town:
    """Everything a test talks to."""

    client: TestClient[Litestar]
    clock: Clock
    maker: Maker
    authority: CertificateAuthority
    vault: KeyVault
    platform: LicencePlatform
    folder: Path
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def wallet(self) -> HttpWallet:
        return HttpWallet(Platform(self.client, BASE))

    @property
    def register(self) -> HttpRegister:
        return HttpRegister(Platform(self.client, BASE))

    def post(self, path: str, body: Any, *, expect: int | str = 200) -> dict[str, Any]:
        """Post and demand a status, or a refusal's code."""
        response = self.client.post(path, json=body)
        answer: dict[str, Any] = response.json()
        if isinstance(expect, int):
            assert response.status_code == expect, answer
        else:
            assert answer["code"] == expect, answer
            assert response.status_code == answer["status"]
            assert response.headers["content-type"].startswith("application/problem+json")
            assert answer["detail"].endswith("。")
        return answer

    def open_company(self, name: str, representative: str) -> dict[str, Any]:
        body = {"name": name, "legal_representative": representative, "pin": PIN}
        self.companies[name] = self.post("/registrar/companies", body, expect=201)
        return self.companies[name]

    def authorise(
        self, uscc: str, name: str, items: list[str], *, start: timedelta = timedelta(0), days: float = 30
    ) -> dict[str, Any]:
        body = {
            "uscc": uscc,
            "person_name": name,
            "items": items,
            "not_before": (self.clock.at + start).isoformat(),
            "not_after": (self.clock.at + start + timedelta(days=days)).isoformat(),
            "pin": PIN,
            "person_pin": PIN,
        }
        return self.post("/registrar/authorisations", body, expect=201)


MakeRecord = Callable[..., ConsentRecord]
Confirm = Callable[[ConsentRecord], str]


def seal_number(company: dict[str, Any], kind: str) -> str:
    return next(seal["number"] for seal in company["seals"] if seal["kind"] == kind)
