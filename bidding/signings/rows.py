"""Signings as values, and as rows; every function is one look or one change inside a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from bidding.errors import NoSuchSigningError, SigningStateError
from bidding.signings.values import ActKey, ActPlaces, DocumentFacts, NewSigning, Planned, Signer
from bidding.workbench.acting import PendingConsent
from bidding.workbench.desk import Desk
from bidding.workbench.seal_rows import load_batch
from bidding.workbench.trace_rows import SealUse, read_uses, select_uses
from sealing.seal import SealKind
from signing.errors import MalformedError
from storage.models import sealing as seal_tables
from storage.models import signings as tables

T = TypeVar("T", bound=Struct)


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """What was ordered, and what the signers are called by the register."""

    asked: NewSigning
    names: tuple[str, ...]


@dataclass(frozen=True)
class SigningDocument:
    """One document; `original` is what was uploaded, `current` the same as far as it is sealed."""

    number: int
    facts: DocumentFacts
    size: int
    sm3: str
    original: str
    current: str
    current_sm3: str
    current_size: int
    verdict: str = ""


@dataclass(frozen=True)
class SigningAct:
    """One seal of one signer, and its impressions."""

    position: int
    key: ActKey
    planned: tuple[Planned, ...]
    state: str
    plan: str
    at: datetime | None

    def on(self, document: int) -> Planned | None:
        """Answer the impressions on a document (from 1), if there are any."""
        return next((planned for planned in self.planned if planned.document == document), None)


@dataclass(frozen=True)
class Signing:
    """A signing as its rows say."""

    id: str
    uscc: str
    order: Order
    state: str
    code: str
    version: int
    address: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    documents: tuple[SigningDocument, ...]
    acts: tuple[SigningAct, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.state in tables.ENDED

    @property
    def next(self) -> SigningAct | None:
        """Answer the act whose turn it is; None when all are done."""
        return next((act for act in self.acts if act.state != "sealed"), None)

    def signer(self, act: SigningAct) -> Signer:
        """Answer whose act it is."""
        return self.order.asked.signers[act.key.signer - 1]

    def document(self, number: int) -> SigningDocument:
        """Answer a document by its number; NoSuchSigningError."""
        for document in self.documents:
            if document.number == number:
                return document
        raise NoSuchSigningError(f"no document {number}")

    def documents_of(self, act: SigningAct) -> tuple[SigningDocument, ...]:
        """Answer the documents that an act seals."""
        wanted = {planned.document for planned in act.planned}
        return tuple(document for document in self.documents if document.number in wanted)


def seal_value(desk: Desk, place: str, value: Struct) -> bytes:
    """Encrypt a value for its place in the database; lengths in it may have fractions."""
    return desk.cipher.seal(place, msgspec.json.encode(value))


def open_value(desk: Desk, place: str, sealed: bytes, kind: type[T]) -> T:
    """Decrypt a value of one place; DamagedObjectError, MalformedError."""
    try:
        return msgspec.json.decode(desk.cipher.open(place, sealed), type=kind)
    except msgspec.MsgspecError as error:
        raise MalformedError(f"a row of {place} is not what this version writes") from error


def insert_signing(desk: Desk, tx: Connection, signing: Signing) -> None:
    """Keep a new signing with its acts, which have no places yet."""
    tx.execute(
        insert(tables.signings).values(
            id=signing.id,
            uscc=signing.uscc,
            sealed=seal_value(desk, f"signings/{signing.id}", signing.order),
            state=signing.state,
            code="",
            version=signing.version,
            address=signing.address,
            created_at=signing.created_at,
            expires_at=signing.expires_at,
        )
    )
    for act in signing.acts:
        tx.execute(
            insert(tables.signing_acts).values(
                signing=signing.id,
                position=act.position,
                signer=act.key.signer,
                kind=act.key.kind.value,
                sealed_places=_places(desk, signing.id, act.position, act.planned),
                state=act.state,
                plan="",
            )
        )


def load_signing(desk: Desk, tx: Connection, name: str, *, uscc: str = "") -> Signing:
    """Read a signing, with `uscc` only of this unit; NoSuchSigningError."""
    table = tables.signings
    query = select(table).where(table.c.id == name)
    row = tx.execute(query.where(table.c.uscc == uscc) if uscc else query).one_or_none()
    if row is None:
        raise NoSuchSigningError(name)
    documents, acts = tables.signing_documents, tables.signing_acts
    found = tx.execute(select(documents).where(documents.c.signing == name).order_by(documents.c.number)).all()
    listed = tx.execute(select(acts).where(acts.c.signing == name).order_by(acts.c.position)).all()
    return Signing(
        id=row.id,
        uscc=row.uscc,
        order=open_value(desk, f"signings/{name}", row.sealed, Order),
        state=row.state,
        code=row.code,
        version=row.version,
        address=row.address,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        documents=tuple(_document(desk, name, one) for one in found),
        acts=tuple(_act(desk, name, one) for one in listed),
    )


def _document(desk: Desk, name: str, row: Any) -> SigningDocument:
    facts = open_value(desk, f"signings/{name}/documents/{row.number}", row.sealed_facts, DocumentFacts)
    return SigningDocument(
        number=row.number,
        facts=facts,
        size=row.size,
        sm3=row.sm3,
        original=row.original,
        current=row.current,
        current_sm3=row.current_sm3,
        current_size=row.current_size,
        verdict=row.verdict,
    )


def _act(desk: Desk, name: str, row: Any) -> SigningAct:
    places = open_value(desk, f"signings/{name}/acts/{row.position}", row.sealed_places, ActPlaces)
    key = ActKey(row.signer, SealKind(row.kind))
    return SigningAct(row.position, key, places.planned, row.state, row.plan, row.at)


def _places(desk: Desk, name: str, position: int, planned: tuple[Planned, ...]) -> bytes:
    return seal_value(desk, f"signings/{name}/acts/{position}", ActPlaces(planned))


def require_unchanged(tx: Connection, signing: Signing) -> None:
    """Raise SigningStateError unless the signing is still as it was read: somebody else may have changed it."""
    table = tables.signings
    version = tx.execute(select(table.c.version).where(table.c.id == signing.id)).scalar_one()
    if version != signing.version:
        raise SigningStateError("the signing was changed meanwhile")


def require_version(signing: Signing, version: int) -> None:
    """Raise SigningStateError if a version is given, and the signing is another by now."""
    if version not in (0, signing.version):
        raise SigningStateError("the signing was changed meanwhile")


def list_signings(desk: Desk, tx: Connection, uscc: str, limit: int, before: datetime | None) -> list[Signing]:
    """Answer a unit's signings, newest first."""
    table = tables.signings
    query = select(table.c.id).where(table.c.uscc == uscc).order_by(table.c.created_at.desc(), table.c.id).limit(limit)
    if before is not None:
        query = query.where(table.c.created_at < before)
    return [load_signing(desk, tx, name) for name in tx.execute(query).scalars().all()]


def count_open(tx: Connection, uscc: str) -> int:
    """Answer how many of a unit's signings have not ended."""
    table = tables.signings
    return tx.execute(select(func.count()).where(table.c.uscc == uscc, table.c.state.not_in(tables.ENDED))).scalar_one()


def set_state(tx: Connection, name: str, state: str, code: str = "", *, ended_at: datetime | None = None) -> None:
    """Bring a signing into a state; that is a new version of it."""
    table = tables.signings
    values = {"state": state, "code": code[:64], "version": table.c.version + 1, "ended_at": ended_at}
    tx.execute(update(table).where(table.c.id == name).values(**values))


def put_document(desk: Desk, tx: Connection, name: str, document: SigningDocument) -> None:
    """Keep a document, in the place of one with its number."""
    table = tables.signing_documents
    tx.execute(delete(table).where(table.c.signing == name, table.c.number == document.number))
    facts = seal_value(desk, f"signings/{name}/documents/{document.number}", document.facts)
    values = {key: value for key, value in vars(document).items() if key != "facts"}
    tx.execute(insert(table).values(signing=name, sealed_facts=facts, **values))


@dataclass(frozen=True)
class Made:
    """What became of a document: its number, and name, SM3 and size of the new content."""

    number: int
    content: str
    sm3: str
    size: int


def set_current(tx: Connection, name: str, made: Made) -> None:
    """Name the content that a document is now."""
    table = tables.signing_documents
    change = update(table).where(table.c.signing == name, table.c.number == made.number)
    tx.execute(change.values(current=made.content, current_sm3=made.sm3, current_size=made.size))


def set_verdict(tx: Connection, name: str, number: int, verdict: str) -> None:
    """Keep what the verifier said of a completed document."""
    table = tables.signing_documents
    tx.execute(update(table).where(table.c.signing == name, table.c.number == number).values(verdict=verdict))


def put_places(desk: Desk, tx: Connection, name: str, position: int, planned: Sequence[Planned]) -> None:
    """Keep the impressions of an act."""
    table = tables.signing_acts
    change = update(table).where(table.c.signing == name, table.c.position == position)
    tx.execute(change.values(sealed_places=_places(desk, name, position, tuple(planned))))


def set_act(tx: Connection, name: str, position: int, state: str, plan: str, *, at: datetime | None = None) -> None:
    """Bring an act into a state."""
    table = tables.signing_acts
    change = update(table).where(table.c.signing == name, table.c.position == position)
    tx.execute(change.values(state=state, plan=plan, at=at))


def insert_attempt(tx: Connection, name: str, position: int, plan: str) -> None:
    """Remember which entries of the record of seal uses belong to a signing."""
    tx.execute(insert(tables.signing_attempts).values(plan=plan, signing=name, position=position))


def load_pending(tx: Connection, signing: Signing) -> PendingConsent | None:
    """Answer the consent that waits on the wallet, if somebody is asked."""
    if signing.state != "awaiting-consent":
        return None
    for act in signing.acts:
        running = load_batch(tx, act.plan) if act.state == "asked" else None
        if running is not None:
            return running.batch.consent
    return None


def load_entries(tx: Connection, name: str) -> tuple[SealUse, ...]:
    """Answer the record of seal uses of one signing, oldest first."""
    entries, attempts = seal_tables.seal_entries, tables.signing_attempts
    plans = select(attempts.c.plan).where(attempts.c.signing == name)
    found = select_uses().where(entries.c.plan.in_(plans))
    return read_uses(tx, found.order_by(entries.c.at, entries.c.uscc, entries.c.number))
