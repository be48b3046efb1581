"""Consents on the wallet: shown, confirmed by their person with a PIN, redeemed digest by digest, once each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct, structs

from identity.consent import LEGAL_REPRESENTATIVE, ConsentRecord, SignedConsent, consent_sm3, parse_record
from identity.errors import (
    ConsentDiffersError,
    ConsentExpiredError,
    ConsentNotConfirmedError,
    ConsentRefusedError,
    ConsentUnknownError,
    ConsentUsedError,
    DigestNotListedError,
    PersonNotEntitledError,
    SealMismatchError,
    StatementNotAllowedError,
    TooManyPendingError,
)
from identity.ports import StatementFacts
from identity.sandbox.book import Book
from identity.sandbox.keys import Vault
from identity.sandbox.pins import Pins
from identity.sandbox.redeeming import OWN_SEAL, Redemption
from identity.sandbox.state import StateFile
from signing.digests import sm3
from signing.ports import Statement

MOST_WAITING: Final = 20
_KEPT: Final = timedelta(days=1)
_SKEW: Final = timedelta(minutes=1)


class ConsentEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One request for consent; `used` and `released` are the digests that are spent."""

    id: str
    reference: str
    record: bytes
    state: Literal["pending", "confirmed", "refused"] = "pending"
    signed: SignedConsent | None = None
    used: tuple[str, ...] = ()
    released: tuple[str, ...] = ()

    @property
    def content(self) -> ConsentRecord:
        """Answer the record."""
        return parse_record(self.record)

    def state_at(self, at: datetime) -> str:
        """Answer the state that the asking party sees."""
        record = self.content
        if self.state == "confirmed" and {file.sm3 for file in record.files} <= {*self.used, *self.released}:
            return "used"
        return "expired" if self.state != "refused" and at > record.not_after else self.state

    def require_open(self, at: datetime) -> None:
        """Pass if the consent can still be confirmed or refused."""
        state = self.state_at(at)
        if state == "expired":
            raise ConsentExpiredError(self.reference)
        if state == "refused":
            raise ConsentRefusedError(self.reference)
        if state != "pending":
            raise ConsentUsedError(self.reference)

    def require_confirmed(self, at: datetime) -> SignedConsent:
        """Answer the signed consent if it is confirmed and its period runs."""
        record = self.content
        if self.state == "refused":
            raise ConsentRefusedError(self.id)
        if not record.not_before <= at <= record.not_after:
            raise ConsentExpiredError(self.id)
        if self.signed is None:
            raise ConsentNotConfirmedError(self.id)
        return self.signed


class ConsentBook(Struct, frozen=True, forbid_unknown_fields=True):
    """Consent id → consent."""

    consents: dict[str, ConsentEntry] = {}

    def find(self, handle: str) -> ConsentEntry:
        """Answer the consent of this id or reference; ConsentUnknownError."""
        for entry in self.consents.values():
            if compare_digest(entry.id, handle) or compare_digest(entry.reference, handle):
                return entry
        raise ConsentUnknownError(handle)

    def get(self, consent: str) -> ConsentEntry:
        """Answer the consent of this id only, which the asking party knows; ConsentUnknownError."""
        if consent not in self.consents:
            raise ConsentUnknownError(consent)
        return self.consents[consent]

    def put(self, entry: ConsentEntry) -> "ConsentBook":
        """Answer the book with this entry in it."""
        return ConsentBook({**self.consents, entry.id: entry})


class Consents:
    """All consents of one wallet. `readers` find in bytes to be signed, by kind, what to compare."""

    def __init__(
        self,
        folder: Path,
        *,
        register: StateFile[Book],
        pins: Pins,
        vault: Vault,
        readers: Mapping[str, Callable[[bytes], StatementFacts]],
        random: Callable[[int], bytes],
    ) -> None:
        """Keep them in `folder`/consents.json."""
        self._file = StateFile(folder / "consents.json", ConsentBook())
        self._register, self._pins, self._vault = register, pins, vault
        self._readers, self._random = readers, random

    def request(self, data: bytes, *, at: datetime) -> ConsentEntry:
        """Take a record that agrees with the register; MalformedConsentError and every refusal of it."""
        record = parse_record(data)
        self._require_agreement(record, at)
        entry = ConsentEntry(self._random(16).hex(), self._random(16).hex(), data)

        def rule(book: ConsentBook) -> tuple[ConsentBook, ConsentEntry]:
            kept = {key: old for key, old in book.consents.items() if old.content.not_after + _KEPT > at}
            if any(old.record == data for old in kept.values()):
                raise ConsentUsedError(record.nonce)
            waiting = [old for old in kept.values() if old.state_at(at) == "pending"]
            if sum(old.content.person == record.person for old in waiting) >= MOST_WAITING:
                raise TooManyPendingError(record.person)
            return ConsentBook({**kept, entry.id: entry}), entry

        return self._file.change(rule)

    def fetch(self, consent: str) -> ConsentEntry:
        """Answer a consent by its id; ConsentUnknownError."""
        return self._file.read().get(consent)

    def find(self, handle: str) -> ConsentEntry:
        """Answer a consent by id or reference; ConsentUnknownError."""
        return self._file.read().find(handle)

    def waiting(self, person: str, at: datetime) -> tuple[ConsentEntry, ...]:
        """Answer the consents that wait for this person."""
        entries = self._file.read().consents.values()
        return tuple(e for e in entries if e.content.person == person and e.state_at(at) == "pending")

    def confirm(self, handle: str, *, person: str, pin: str, at: datetime) -> ConsentEntry:
        """Confirm once, by the person whom the record names: PIN, licence, entitlement; signed with their key."""

        def rule(book: ConsentBook) -> tuple[ConsentBook, ConsentEntry]:
            entry = book.find(handle)
            record = _require_person(entry, person)
            entry.require_open(at)
            self._pins.require(person, pin, at=at)
            self._require_entitled(record, at)
            holder = self._register.read().person(person)
            signature = self._vault.sign_with(holder.credential, entry.record)
            signed = SignedConsent(1, entry.record, signature, holder.certificate)
            confirmed = structs.replace(entry, state="confirmed", signed=signed)
            return book.put(confirmed), confirmed

        return self._file.change(rule)

    def refuse(self, handle: str, *, person: str, at: datetime) -> ConsentEntry:
        """Refuse, by the person whom the record names."""

        def rule(book: ConsentBook) -> tuple[ConsentBook, ConsentEntry]:
            entry = book.find(handle)
            _require_person(entry, person)
            entry.require_open(at)
            refused = structs.replace(entry, state="refused")
            return book.put(refused), refused

        return self._file.change(rule)

    def redeem(
        self, consent: str, *, credential: str, statements: Sequence[Statement], at: datetime
    ) -> tuple[ConsentEntry, str]:
        """Spend the digests of these statements, all or none; answers the entry and SM3(consent) in hex."""

        def rule(book: ConsentBook) -> tuple[ConsentBook, tuple[ConsentEntry, str]]:
            entry = book.get(consent)
            signed = entry.require_confirmed(at)
            record = entry.content
            self._require_entitled(record, at)
            digest = consent_sm3(signed).hex()
            redemption = Redemption(record, digest, credential, self._seal_kind(record), self._readers)
            spent = redemption.digests(statements, spent=(*entry.used, *entry.released))
            used = structs.replace(entry, used=(*entry.used, *spent))
            return book.put(used), (used, digest)

        return self._file.change(rule)

    def release(self, consent: str, *, uscc: str, wrap: bytes, open_wrap: Callable[[], bytes], at: datetime) -> bytes:
        """Open one wrap under a release consent of its unit; the same wrap may be asked for again in the period."""
        digest = sm3(wrap).hex()

        def rule(book: ConsentBook) -> tuple[ConsentBook, bytes]:
            entry = book.get(consent)
            entry.require_confirmed(at)
            record = entry.content
            if record.act != "release" or record.uscc != uscc:
                raise StatementNotAllowedError(record.act)
            if digest not in {file.sm3 for file in record.files}:
                raise DigestNotListedError(digest)
            if digest in entry.used:
                raise ConsentUsedError(digest)
            self._require_entitled(record, at)
            half = open_wrap()
            if digest in entry.released:
                return book, half
            return book.put(structs.replace(entry, released=(*entry.released, digest))), half

        return self._file.change(rule)

    def _require_agreement(self, record: ConsentRecord, at: datetime) -> None:
        """Refuse a record that the register contradicts; it is never shown to anybody."""
        register, person = self._register.read(), self._register.read().person(record.person)
        company = register.company(record.uscc).face.name if record.uscc else ""
        if at > record.not_after:
            raise ConsentExpiredError(record.nonce)
        if record.not_before > at + _SKEW:
            raise ConsentDiffersError("授权有效期尚未开始")
        if (company, person.name) != (record.company, record.person_name):
            raise ConsentDiffersError("单位名称或人员姓名与登记不一致")
        self._require_entitled(record, at)

    def _require_entitled(self, record: ConsentRecord, at: datetime) -> None:
        self._register.read().require_entitled(
            record.authorisation, person=record.person, uscc=record.uscc, item=record.act, at=at
        )
        if self._seal_kind(record) == OWN_SEAL and record.authorisation != LEGAL_REPRESENTATIVE:
            raise PersonNotEntitledError("法定代表人章只能由法定代表人本人授权使用")

    def _seal_kind(self, record: ConsentRecord) -> str:
        """Answer the kind of the record's seal, empty if it names none; SealMismatchError if it is somebody else's."""
        if not record.seal:
            return ""
        register = self._register.read()
        holder = register.company(record.uscc) if record.uscc else register.natural(record.person)
        for seal in holder.seals:
            if seal.number == record.seal:
                return seal.kind
        raise SealMismatchError(record.seal)


def _require_person(entry: ConsentEntry, person: str) -> ConsentRecord:
    record = entry.content
    if record.person != person:
        raise PersonNotEntitledError(person)
    return record
