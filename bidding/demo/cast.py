"""Who takes part: units registered at the sandbox, their people, and the phones in their hands."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bidding.demo.report import DemoFailedError
from identity.actor import Actor, Role
from identity.consent import LEGAL_REPRESENTATIVE
from identity.uscc import UnifiedSocialCreditCode

ITEMS = ("login", "pack", "record", "release", "seal", "submit", "withdraw")


@dataclass(frozen=True)
class Person:
    """One person and the PIN that only they know."""

    id: str
    name: str
    pin: str = field(repr=False)


@dataclass(frozen=True)
class Unit:
    """A unit with its legal representative, and perhaps an authorised handler (经办人)."""

    name: str
    uscc: str
    head: Person
    agent: Person | None = None
    authorisation: str = ""

    @property
    def acting(self) -> Person:
        """Who acts for the unit: the handler if there is one."""
        return self.agent or self.head

    def actor(self, person: Person) -> Actor:
        """Answer the person as an actor of the unit."""
        code = UnifiedSocialCreditCode(self.uscc)
        if person == self.head:
            return Actor(code, self.name, person.id, person.name, Role.LEGAL_REPRESENTATIVE, LEGAL_REPRESENTATIVE)
        return Actor(code, self.name, person.id, person.name, Role.AGENT, self.authorisation)


@dataclass(frozen=True)
class Platform:
    """The sandbox's registrar and wallet, as its operator and the people use them."""

    http: httpx.Client
    """Its base URL is the sandbox's."""

    def register(self, name: str, head: str, pin: str, **more: str) -> Unit:
        """Register a unit: licence, certificates, seals and device key in one act."""
        answer = self._post("/registrar/companies", {"name": name, "legal_representative": head, "pin": pin, **more})
        return Unit(name, answer["uscc"], Person(answer["person"], head, pin))

    def authorise(self, unit: Unit, name: str, pin: str, items: tuple[str, ...] = ITEMS) -> Unit:
        """Let a person act for the legal representative in these items for a day."""
        now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the demo's own clock
        body = {
            "uscc": unit.uscc,
            "person_name": name,
            "items": sorted(items),
            "not_before": (now - timedelta(minutes=1)).isoformat(),
            "not_after": (now + timedelta(days=1)).isoformat(),
            "pin": unit.head.pin,
            "person_pin": pin,
        }
        answer = self._post("/registrar/authorisations", body)
        return Unit(unit.name, unit.uscc, unit.head, Person(answer["person"], name, pin), answer["id"])

    def confirm_login(self, url: str, unit: Unit, person: Person, number: str) -> None:
        """Open the link of the QR code, compare the number and enter the PIN, as the person does."""
        body = {"person": person.id, "uscc": unit.uscc, "pin": person.pin, "number": number}
        self._post(f"/wallet/logins/{reference(url)}/confirm", body)

    def confirm(self, url: str, person: Person) -> None:
        """Read what is asked and enter the PIN, as the person does."""
        self._post(f"/wallet/consents/{reference(url)}/confirm", {"person": person.id, "pin": person.pin})

    def refused(self, path: str, body: dict[str, Any]) -> str:
        """Do something that must be refused; answers the stable code."""
        response = self.http.post(path, json=body)
        if response.is_success:
            raise DemoFailedError(f"{path} should have been refused")
        return str(response.json()["code"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        if response.is_error:
            raise DemoFailedError(f"{path}: {response.text[:500]}")
        answer: dict[str, Any] = response.json()
        return answer


def reference(url: str) -> str:
    """Answer the one-time reference in a wallet link."""
    return url.rstrip("/").split("/")[-2]
