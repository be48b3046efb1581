"""The rule of redeeming: what may be signed under one consent, with which key. docs/format/consent.md 8.2."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from identity.consent import LEGAL_REPRESENTATIVE, SELF, ConsentRecord
from identity.errors import (
    ConsentUsedError,
    DigestNotListedError,
    MalformedRequestError,
    PersonNotEntitledError,
    SealMismatchError,
    StatementMalformedError,
    StatementNotAllowedError,
)
from identity.ports import StatementFacts
from identity.sandbox.keys import person_key, representative_key, unit_key
from signing.digests import sm3
from signing.errors import MalformedError
from signing.ports import Statement

OWN_SEAL: Final = "legal-representative"
"""The kind of the 法定代表人章; every other kind is the unit's."""

_FIRST_BYTE: Final = {"ses": b"\x30", "cms": b"\x31", "act": b"{", "gm-cms": b""}
_SEALING: Final = frozenset({"ses", "cms", "gm-cms"})
_KINDS: Final[dict[str, frozenset[str]]] = {
    "seal": _SEALING,
    "pack": frozenset({"cms"}),
    "submit": frozenset({"act"}),
    "withdraw": frozenset({"act"}),
    "release": frozenset({"act"}),
    "register-device": frozenset({"act"}),
    "apply-seal": frozenset(),  # the maker reads the consent itself; no key signs anything under it
    "publish": frozenset({"cms", "act"}),
    "record": frozenset({"cms", "act"}),
}
_OWN_ACT_OPTIONAL: Final = frozenset({"publish", "record"})
RESERVED: Final = frozenset({"consent", "login", "authorisation", "device"})
"""Statement types that wallet and legal representative sign by themselves, never by way of a consent."""


class _Head(Struct):
    """The two fields that tell an act's domain."""

    act: str = ""
    type: str = ""


@dataclass(frozen=True)
class Redemption:
    """One call of redeem: the record, SM3(consent) in hex, the key asked for, and the kind of the record's seal."""

    record: ConsentRecord
    consent: str
    credential: str
    seal_kind: str
    readers: Mapping[str, Callable[[bytes], StatementFacts]]

    def digests(self, statements: Sequence[Statement], *, spent: Sequence[str]) -> tuple[str, ...]:
        """Answer the digests that these statements spend, or raise the first refusal.

        A message that names a seal statement of the same call and digest is signed with it: together they spend once.
        """
        if not statements:
            raise MalformedRequestError("没有要签名的内容")
        self._require_key()
        gone = set(spent)
        listed = {file.sm3 for file in self.record.files}
        found, seals = list[str](), dict[str, str]()
        for statement in statements:
            facts = self._read(statement)
            if facts.sm3 not in listed:
                raise DigestNotListedError(facts.sm3)
            if facts.names and facts.sm3 not in spent:
                if seals.pop(facts.names, "") != facts.sm3:
                    raise SealMismatchError(self.record.seal)
                continue
            if facts.sm3 in gone:
                raise ConsentUsedError(facts.sm3)
            if statement.kind == "ses":
                seals[sm3(statement.to_be_signed).hex()] = facts.sm3
            gone.add(facts.sm3)
            found.append(facts.sm3)
        return tuple(found)

    def _require_key(self) -> None:
        if self.record.authorisation == SELF:
            if self.credential != person_key(self.record.person):
                raise StatementNotAllowedError(self.credential)
            return
        if self.credential == unit_key(self.record.uscc):
            return
        if self.credential != representative_key(self.record.uscc):
            raise StatementNotAllowedError(self.credential)
        if self.record.authorisation != LEGAL_REPRESENTATIVE:
            raise PersonNotEntitledError(self.record.person)

    def _read(self, statement: Statement) -> StatementFacts:
        self._require_kind(statement.kind)
        data = statement.to_be_signed
        if not data.startswith(_FIRST_BYTE[statement.kind]):
            raise StatementMalformedError(statement.kind)
        try:
            facts = self.readers[statement.kind](data)
        except MalformedError as error:
            raise StatementMalformedError(f"{statement.kind}: {error}") from error
        if statement.kind == "act":
            self._require_domain(data)
        if statement.kind == "ses":
            self._require_seal(facts)
        elif statement.kind != "act":
            self._require_message(facts, statement.kind)
        return facts

    def _require_kind(self, kind: str) -> None:
        other = self.record.seal and self.record.act != "seal"
        allowed = frozenset({"ses"}) if other else _KINDS[self.record.act]
        own_act = kind == "act" and self.credential != unit_key(self.record.uscc)  # so no act for a natural person
        if kind not in allowed or kind not in self.readers or own_act:
            raise StatementNotAllowedError(f"{self.record.act}: {kind}")

    def _require_domain(self, data: bytes) -> None:
        """Refuse an act that is one of the statements that this platform signs by itself, or another act."""
        try:
            head = msgspec.json.decode(data, type=_Head)
        except msgspec.MsgspecError as error:
            raise StatementMalformedError("act") from error
        optional = not head.act and self.record.act in _OWN_ACT_OPTIONAL
        if head.type in RESERVED or not (head.act == self.record.act or optional):
            raise StatementNotAllowedError(f"{self.record.act}: {head.type or head.act}")

    def _require_message(self, facts: StatementFacts, kind: str) -> None:
        """Demand of a message without a seal in it that it is this consent's, as far as its kind can say so."""
        if not self.record.seal:
            if facts.names or facts.consent_sm3:
                raise StatementNotAllowedError(f"{self.record.act}: {kind}")
            return
        self._require_seal(StatementFacts(facts.sm3, self.consent, self.record.seal))
        bound = kind == "gm-cms" or facts.consent_sm3 == self.consent or (facts.names and not facts.consent_sm3)
        if not bound:
            raise SealMismatchError(self.record.seal)

    def _require_seal(self, facts: StatementFacts) -> None:
        """Demand that seal and this very consent stand in what is signed, and that the key is the seal's."""
        told = (facts.seal, facts.consent_sm3, self.credential)
        if told != (self.record.seal, self.consent, self._seal_key()):
            raise SealMismatchError(self.record.seal)

    def _seal_key(self) -> str:
        """Answer the name of the key that the record's seal belongs to."""
        if self.record.authorisation == SELF:
            return person_key(self.record.person)
        return (representative_key if self.seal_kind == OWN_SEAL else unit_key)(self.record.uscc)
