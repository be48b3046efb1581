"""A draft as a value (投标草稿): what was filled in, documents by required item, assembled parts; and its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, structs
from sqlalchemy import Connection, insert, select, update
from sqlalchemy import delete as remove

from bidding.documents.letters import TITLES, LetterKind
from bidding.documents.paper import Place
from bidding.errors import DraftClosedError, NoSuchDraftError, NoSuchItemError, SealingRunningError
from bidding.file_manifest import SealMark
from bidding.params import RequiredItem, SectionParams, parse_params
from bidding.workbench.desk import Desk
from identity.consent import SignedConsent, consent_sm3
from signing import canonical
from signing.canonical import Code, Name, Sm3Hex
from signing.statement import SignedStatement
from storage.models import sealing as seal_tables
from storage.models import workbench as tables

Hundredths = Annotated[int, Meta(ge=0, le=1_000_000)]
Short = Annotated[str, Meta(max_length=200)]


class Form(Struct, frozen=True, forbid_unknown_fields=True):
    """What the bidder fills in. Everything is text as typed; the check list says what is wrong with it."""

    price: Short = ""
    """元 in digits."""
    days: Short = ""
    validity_days: Short = "90"
    quality: Short = "合格"
    manager: Short = ""
    values: dict[Code, Annotated[str, Meta(max_length=500)]] = {}
    """Readout fields by id, where they are not price and days."""
    letters: dict[Code, LetterKind | Literal["none"]] = {}
    """Which letter an item gets, where it is not the one of its own id."""


class DocumentFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a document."""

    name: Name
    size: int
    pages: int
    sm3: Sm3Hex
    signed: bool
    drawn_annotations: bool
    fonts_missing: tuple[str, ...]
    verdict: tuple[str, ...] = ()
    """Of a signed one, in Chinese lines."""


class PartPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """A place for a seal in a part, from the upper left corner of the page as it is seen.

    Whole hundredths of a millimetre: what is kept in canonical form has no fractions.
    """

    party: Literal["legal-representative", "unit"]
    page: Annotated[int, Meta(ge=1, le=100_000)]
    x: Hundredths
    y: Hundredths
    w: Hundredths
    h: Hundredths

    @classmethod
    def of(cls, place: Place) -> Self:
        """Round a place of a paper of ours."""
        x, y, w, h = (round(length * 100) for length in (place.x_mm, place.y_mm, place.w_mm, place.h_mm))
        return cls(place.party, place.page, x, y, w, h)  # type: ignore[arg-type]

    def place(self) -> Place:
        """Answer it as documents know it."""
        return Place(self.party, self.page, self.x / 100, self.y / 100, self.w / 100, self.h / 100)


class AppliedSeal(Struct, frozen=True, forbid_unknown_fields=True):
    """One seal on a part, and the consent under which it was applied."""

    kind: str
    number: str
    consent: SignedConsent
    at: datetime

    @property
    def mark(self) -> SealMark:
        """Answer it as the file manifest of a bundle has it."""
        return SealMark(self.number, self.kind, consent_sm3(self.consent).hex())


class PartFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of an assembled part."""

    name: Name
    size: int
    pages: int
    sm3: Sm3Hex
    places: tuple[PartPlace, ...]
    contents: tuple[tuple[str, int, int], ...]
    """Title, first page, pages."""
    seals: tuple[AppliedSeal, ...] = ()


@dataclass(frozen=True)
class Document:
    """One document of a draft."""

    id: str
    item: str
    position: int
    object: str
    facts: DocumentFacts


@dataclass(frozen=True)
class Part:
    """The current part of an item."""

    id: str
    item: str
    made_of: str
    object: str
    facts: PartFacts


@dataclass(frozen=True)
class Draft:
    """One company's draft for one section, as it is now."""

    id: str
    uscc: str
    centre: str
    params: SectionParams
    params_bytes: bytes
    params_sm3: str
    state: str
    form: Form
    documents: tuple[Document, ...]
    parts: tuple[Part, ...]
    updated_at: datetime

    def item(self, code: str) -> RequiredItem:
        """Answer a required item; NoSuchItemError."""
        for item in self.params.required:
            if item.id == code:
                return item
        raise NoSuchItemError(f"the section asks for no item {code}")

    def part(self, item: str) -> Part:
        """Answer the part of an item; NoSuchItemError."""
        for part in self.parts:
            if part.item == item:
                return part
        raise NoSuchItemError(f"item {item} is not assembled")

    def documents_of(self, item: str) -> tuple[Document, ...]:
        """Answer the documents of an item, in order."""
        return tuple(document for document in self.documents if document.item == item)

    def letter_of(self, item: str) -> LetterKind | None:
        """Answer which letter an item gets: the chosen one, or the one of its own id or title."""
        chosen = self.form.letters.get(item)
        if chosen == "none":
            return None
        if chosen is not None:
            return chosen
        title = self.item(item).title
        return next((kind for kind, name in TITLES.items() if kind == item or name == title), None)


def require_open(draft: Draft) -> None:
    """Raise DraftClosedError unless the draft may change."""
    if draft.state != "open":
        raise DraftClosedError(f"the draft is {draft.state}")


def require_no_sealing(tx: Connection, draft: str) -> None:
    """Raise SealingRunningError while a batch of seals or a packing is under way."""
    for table in (tables.draft_sealings, tables.packings):
        running = select(table.c.id).where(table.c.draft == draft, table.c.ended_at.is_(None))
        if tx.execute(running).first() is not None:
            raise SealingRunningError("seals are being applied, or the draft is being packed")


def load_params(tx: Connection, params_sm3: str) -> bytes:
    """Answer the canonical parameters that were verified under this digest; NoSuchDraftError."""
    table = tables.sections
    signed = tx.execute(select(table.c.signed).where(table.c.params_sm3 == params_sm3)).scalar_one_or_none()
    if signed is None:
        raise NoSuchDraftError("no such section here")
    return canonical.decode(signed, SignedStatement).statement


def load_draft(desk: Desk, tx: Connection, uscc: str, draft: str) -> Draft:
    """Read a draft with all that is in it; NoSuchDraftError, also for another company's."""
    table = tables.drafts
    row = tx.execute(select(table).where(table.c.id == draft, table.c.uscc == uscc)).mappings().one_or_none()
    if row is None or row["state"] == "deleted":
        raise NoSuchDraftError("no such draft")
    data = load_params(tx, row["params_sm3"])
    return Draft(
        id=draft,
        uscc=uscc,
        centre=row["centre"],
        params=parse_params(data),
        params_bytes=data,
        params_sm3=row["params_sm3"],
        state=row["state"],
        form=desk.open(f"drafts/{draft}", row["sealed_form"], Form) if row["sealed_form"] else Form(),
        documents=_documents(desk, tx, draft),
        parts=_parts(desk, tx, draft),
        updated_at=row["updated_at"],
    )


def close_draft(desk: Desk, tx: Connection, draft: str, state: str) -> list[str]:
    """End a draft and forget what it says; answers the contents that are to be discarded after the commit."""
    now = desk.now()
    objects: list[str] = []
    for table in (tables.documents, tables.parts):
        objects += tx.execute(select(table.c.object).where(table.c.draft == draft)).scalars()
    objects += _working_copies(tx, draft)
    tx.execute(remove(tables.documents).where(tables.documents.c.draft == draft))
    own = select(tables.parts.c.id).where(tables.parts.c.draft == draft)
    tx.execute(remove(tables.placings).where(tables.placings.c.part.in_(own)))
    tx.execute(update(tables.parts).where(tables.parts.c.draft == draft).values(current=False))
    change = update(tables.drafts).where(tables.drafts.c.id == draft)
    tx.execute(change.values(state=state, sealed_form=b"", updated_at=now))
    return objects


def _working_copies(tx: Connection, draft: str) -> list[str]:
    """Answer the contents that plans of seals still hold of a draft."""
    files, batches, batch_files = seal_tables.seal_plan_files, seal_tables.seal_batches, seal_tables.seal_batch_files
    plans = select(tables.draft_sealings.c.id).where(tables.draft_sealings.c.draft == draft)
    of_plans = select(batches.c.id).where(batches.c.plan.in_(plans))
    return [
        *tx.execute(select(files.c.object).where(files.c.plan.in_(plans))).scalars(),
        *tx.execute(select(batch_files.c.object).where(batch_files.c.batch.in_(of_plans))).scalars(),
    ]


def _documents(desk: Desk, tx: Connection, draft: str) -> tuple[Document, ...]:
    table = tables.documents
    query = select(table).where(table.c.draft == draft).order_by(table.c.item, table.c.position)
    return tuple(
        Document(
            row["id"],
            row["item"],
            row["position"],
            row["object"],
            desk.open(f"documents/{row['id']}", row["sealed_facts"], DocumentFacts),
        )
        for row in tx.execute(query).mappings()
    )


def _parts(desk: Desk, tx: Connection, draft: str) -> tuple[Part, ...]:
    table = tables.parts
    query = select(table).where(table.c.draft == draft, table.c.current).order_by(table.c.item)
    return tuple(
        Part(
            row["id"],
            row["item"],
            row["made_of"],
            row["object"],
            desk.open(f"parts/{row['id']}", row["sealed_facts"], PartFacts),
        )
        for row in tx.execute(query).mappings()
    )


def insert_part(desk: Desk, tx: Connection, draft: str, part: Part, *, same_places: bool = False) -> list[str]:
    """Make a part the current one of its item; answers the contents that may be discarded after the commit.

    What was placed on the part before it is forgotten; with `same_places`, for the same pages sealed, it is taken over.
    """
    table, placings = tables.parts, tables.placings
    old = (table.c.draft == draft) & (table.c.item == part.item) & table.c.current
    before = tx.execute(select(table.c.id, table.c.object).where(old)).all()
    tx.execute(update(table).where(old).values(current=False))
    sealed = desk.seal(f"parts/{part.id}", part.facts)
    row = {"id": part.id, "draft": draft, "item": part.item, "made_of": part.made_of, "object": part.object}
    tx.execute(insert(table).values(**row, current=True, sealed_facts=sealed, at=desk.now()))
    theirs = placings.c.part.in_([one.id for one in before])
    tx.execute(update(placings).where(theirs).values(part=part.id) if same_places else remove(placings).where(theirs))
    return [one.object for one in before]


def replace_places(desk: Desk, tx: Connection, part: Part, places: Sequence[PartPlace]) -> Part:
    """Give a part other places, and with them a new id: what was prepared for the old places is of no use any more."""
    facts = structs.replace(part.facts, places=tuple(places))
    moved = replace(part, id=desk.new_id(), facts=facts)
    sealed, table = desk.seal(f"parts/{moved.id}", facts), tables.parts
    tx.execute(update(table).where(table.c.id == part.id).values(id=moved.id, sealed_facts=sealed))
    return moved
