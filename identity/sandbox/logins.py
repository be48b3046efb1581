"""Logins on the wallet: asked for with a challenge, found by a one-time reference, confirmed once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct, structs

from identity.errors import (
    IdentityError,
    LoginExpiredError,
    LoginRefusedError,
    LoginUnknownError,
    LoginUsedError,
    NumberMismatchError,
    PersonNotEntitledError,
    TooManyPendingError,
)
from identity.login import LIFETIME, LoginAssertion, SignedLogin
from identity.sandbox.book import Book
from identity.sandbox.keys import Vault, unit_key
from identity.sandbox.pins import Pins
from identity.sandbox.state import StateFile
from signing.statement import complete_statement, prepare_statement

MOST_WAITING: Final = 100
MOST_WRONG_NUMBERS: Final = 3
_KEPT: Final = timedelta(minutes=10)
State = Literal["pending", "scanned", "confirmed", "refused"]


class LoginEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One login request. Only `reference` leaves the asking party's hands."""

    id: str
    reference: str
    audience: str
    purpose: str
    challenge: bytes
    number: str
    expires_at: datetime
    state: State = "pending"
    scanned_by: str = ""
    wrong_numbers: int = 0
    assertion: SignedLogin | None = None

    def state_at(self, at: datetime) -> str:
        """Answer the state that the asking party sees."""
        return "expired" if self.state in ("pending", "scanned") and at > self.expires_at else self.state

    def require_open(self, at: datetime) -> None:
        """Pass if the login can still be confirmed or refused."""
        state = self.state_at(at)
        if state == "expired":
            raise LoginExpiredError(self.reference)
        if state == "refused":
            raise LoginRefusedError(self.reference)
        if state == "confirmed":
            raise LoginUsedError(self.reference)


class LoginBook(Struct, frozen=True, forbid_unknown_fields=True):
    """Login id → login."""

    logins: dict[str, LoginEntry] = {}

    def find(self, handle: str) -> LoginEntry:
        """Answer the login of this id or reference; LoginUnknownError."""
        for entry in self.logins.values():
            if compare_digest(entry.id, handle) or compare_digest(entry.reference, handle):
                return entry
        raise LoginUnknownError(handle)

    def put(self, entry: LoginEntry) -> "LoginBook":
        """Answer the book with this entry in it."""
        return LoginBook({**self.logins, entry.id: entry})


class Logins:
    """All logins of one wallet."""

    def __init__(
        self, folder: Path, *, register: StateFile[Book], pins: Pins, vault: Vault, random: Callable[[int], bytes]
    ) -> None:
        """Keep them in `folder`/logins.json."""
        self._file = StateFile(folder / "logins.json", LoginBook())
        self._register, self._pins, self._vault, self._random = register, pins, vault, random

    def request(self, *, audience: str, purpose: str, challenge: bytes, number: str, at: datetime) -> LoginEntry:
        """Take a new login request; TooManyPendingError."""
        entry = LoginEntry(
            self._random(16).hex(), self._random(16).hex(), audience, purpose, challenge, number, at + LIFETIME
        )
        return self._file.change(lambda book: _request(book, entry, at))

    def fetch(self, login: str) -> LoginEntry:
        """Answer a login by its id, which only the asking party knows; LoginUnknownError."""
        entry = self._file.read().logins.get(login)
        if entry is None:
            raise LoginUnknownError(login)
        return entry

    def find(self, handle: str) -> LoginEntry:
        """Answer a login by id or reference; LoginUnknownError."""
        return self._file.read().find(handle)

    def waiting(self, person: str, at: datetime) -> tuple[LoginEntry, ...]:
        """Answer the open logins that this person's phone has scanned."""
        entries = self._file.read().logins.values()
        return tuple(e for e in entries if e.scanned_by == person and e.state_at(at) == "scanned")

    def scan(self, handle: str, person: str, *, at: datetime) -> LoginEntry:
        """Note that a phone has opened the link; nothing but the displayed state depends on it."""

        def rule(book: LoginBook) -> tuple[LoginBook, LoginEntry]:
            entry = book.find(handle)
            entry.require_open(at)
            if entry.scanned_by == person:
                return book, entry
            scanned = structs.replace(entry, state="scanned", scanned_by=person)
            return book.put(scanned), scanned

        return self._file.change(rule)

    def refuse(self, handle: str, person: str, *, at: datetime) -> LoginEntry:
        """Refuse a login."""
        self._register.read().person(person)

        def rule(book: LoginBook) -> tuple[LoginBook, LoginEntry]:
            entry = book.find(handle)
            entry.require_open(at)
            refused = structs.replace(entry, state="refused")
            return book.put(refused), refused

        return self._file.change(rule)

    def confirm(self, handle: str, *, person: str, uscc: str, pin: str, number: str, at: datetime) -> LoginEntry:
        """Confirm a login once: person and unit, PIN, licence, entitlement and number, in this order."""

        def rule(book: LoginBook) -> tuple[LoginBook, LoginEntry | IdentityError]:
            entry = book.find(handle)
            entry.require_open(at)
            authorisation = self._require_entitled(person, uscc, pin, at)
            if not compare_digest(entry.number, number):
                return book.put(_count(entry)), NumberMismatchError(handle)
            confirmed = structs.replace(
                entry,
                state="confirmed",
                scanned_by=person,
                assertion=self._sign(entry, person, authorisation, at),
            )
            return book.put(confirmed), confirmed

        result = self._file.change(rule)
        if isinstance(result, IdentityError):
            raise result
        return result

    def _require_entitled(self, person: str, uscc: str, pin: str, at: datetime) -> str:
        register = self._register.read()
        if register.person(person).uscc != uscc:
            raise PersonNotEntitledError(person)
        self._pins.require(person, pin, at=at)
        return register.find_entitlement(person=person, uscc=uscc, item="login", at=at)

    def _sign(self, entry: LoginEntry, person: str, authorisation: str, at: datetime) -> SignedLogin:
        register = self._register.read()
        holder, role = register.person(person), register.role(person)
        company = register.company(holder.uscc)
        assertion = LoginAssertion(
            v=1,
            audience=entry.audience,
            purpose=entry.purpose,
            challenge=entry.challenge,
            uscc=holder.uscc,
            company=company.face.name,
            person=holder.id,
            person_name=holder.name,
            role=role,
            authorisation=authorisation,
            at=at,
            nonce=self._random(16).hex(),
        )
        statement = prepare_statement(assertion)
        by_unit = self._vault.sign_with(unit_key(holder.uscc), statement)
        by_person = self._vault.sign_with(holder.credential, statement)
        signed = complete_statement(statement, by_unit, company.unit_certificate)
        return SignedLogin(1, signed, by_person, holder.certificate)


def _request(book: LoginBook, entry: LoginEntry, at: datetime) -> tuple[LoginBook, LoginEntry]:
    kept = {key: old for key, old in book.logins.items() if old.expires_at + _KEPT > at}
    if sum(old.state_at(at) in ("pending", "scanned") for old in kept.values()) >= MOST_WAITING:
        raise TooManyPendingError(entry.audience)
    return LoginBook({**kept, entry.id: entry}), entry


def _count(entry: LoginEntry) -> LoginEntry:
    """Count a wrong number: a guesser has three of a hundred, then the login is refused for good."""
    wrong = entry.wrong_numbers + 1
    return structs.replace(entry, wrong_numbers=wrong, state="refused" if wrong >= MOST_WRONG_NUMBERS else entry.state)
