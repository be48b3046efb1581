"""Keeping drafts: documents come in by required item, values are filled in, nothing is lost and nothing is plain."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import delete as remove

from bidding.documents.intake import take_in
from bidding.errors import NoSuchDraftError, NoSuchItemError, TooManyDocumentsError
from bidding.params import SectionParams, parse_params
from bidding.workbench.desk import Desk
from bidding.workbench.drafts import (
    Document,
    DocumentFacts,
    Draft,
    Form,
    close_draft,
    load_draft,
    load_params,
    require_no_sealing,
    require_open,
)
from identity.actor import Actor
from storage.database import reading, writing
from storage.models import workbench as tables

MAX_DOCUMENTS: Final = 100
"""Of one required item."""


@dataclass(frozen=True)
class Drafting:
    """The drafts of a workbench. Every call names the company; another's draft is not there."""

    desk: Desk

    def create(self, actor: Actor, centre: str, params_sm3: str) -> Draft:
        """Open the company's draft for a section, or answer the one that is open already."""
        now, params = self.desk.now(), self._section(params_sm3)
        with writing(self.desk.engine) as tx:
            table = tables.drafts
            found = tx.execute(
                select(table.c.id).where(
                    table.c.uscc == str(actor.uscc),
                    table.c.centre == centre,
                    table.c.section == params.section,
                    table.c.state == "open",
                )
            ).scalar_one_or_none()
            name = found or self.desk.new_id()
            if found is None:
                tx.execute(
                    insert(table).values(
                        id=name,
                        uscc=str(actor.uscc),
                        params_sm3=params_sm3,
                        centre=centre,
                        section=params.section,
                        state="open",
                        sealed_form=self.desk.seal(f"drafts/{name}", Form()),
                        created_at=now,
                        updated_at=now,
                    )
                )
        return self.get(actor, name)

    def get(self, actor: Actor, draft: str) -> Draft:
        """Answer a draft with all that is in it; NoSuchDraftError."""
        with reading(self.desk.engine) as tx:
            return self._load(tx, str(actor.uscc), draft)

    def all(self, actor: Actor) -> tuple[Draft, ...]:
        """Answer the company's drafts that are not deleted, newest first."""
        table = tables.drafts
        query = (
            select(table.c.id)
            .where(table.c.uscc == str(actor.uscc), table.c.state != "deleted")
            .order_by(table.c.updated_at.desc())
        )
        with reading(self.desk.engine) as tx:
            return tuple(self._load(tx, str(actor.uscc), name) for name in tx.execute(query).scalars())

    def put_form(self, actor: Actor, draft: str, form: Form) -> Draft:
        """Keep what was filled in."""
        with writing(self.desk.engine) as tx:
            self._require_quiet(tx, self._load(tx, str(actor.uscc), draft))
            sealed = self.desk.seal(f"drafts/{draft}", form)
            self._touch(tx, draft, sealed_form=sealed)
        return self.get(actor, draft)

    def adopt(self, actor: Actor, draft: str, params_sm3: str) -> Draft:
        """Carry a draft over to a newer version of the parameters; parts must be assembled again."""
        params = self._section(params_sm3)
        with writing(self.desk.engine) as tx:
            old = self._load(tx, str(actor.uscc), draft)
            self._require_quiet(tx, old)
            if params.section != old.params.section or params.version < old.params.version:
                raise NoSuchDraftError("these parameters are of another section, or older")
            self._touch(tx, draft, params_sm3=params_sm3)
        return self.get(actor, draft)

    def add_document(self, actor: Actor, draft: str, item: str, name: str, path: Path) -> Document:
        """Take in a PDF at the end of an item. DocumentError says why it cannot be used; nothing is kept then."""
        self.get(actor, draft).item(item)
        found = take_in(path)
        verdict = self.desk.judge(path) if found.signed else ()
        facts = DocumentFacts(
            name=name[:200] or "未命名.pdf",
            size=found.size,
            pages=len(found.pages),
            sm3=found.sm3,
            signed=found.signed,
            drawn_annotations=found.drawn_annotations,
            fonts_missing=found.fonts_missing,
            verdict=verdict,
        )
        stored = self.desk.shelf.put_file(path)
        try:
            return self._insert_document(actor, draft, item, stored, facts)
        except BaseException:
            self.desk.shelf.discard(stored)
            raise

    def remove_document(self, actor: Actor, draft: str, document: str) -> Draft:
        """Take a document out of the draft, and forget its content."""
        with writing(self.desk.engine) as tx:
            loaded = self._load(tx, str(actor.uscc), draft)
            self._require_quiet(tx, loaded)
            gone = [one for one in loaded.documents if one.id == document]
            if not gone:
                raise NoSuchItemError("no such document in this draft")
            tx.execute(remove(tables.documents).where(tables.documents.c.id == document))
            self._touch(tx, draft)
        self.desk.shelf.discard(gone[0].object)
        return self.get(actor, draft)

    def order_documents(self, actor: Actor, draft: str, item: str, order: Iterable[str]) -> Draft:
        """Put an item's documents in another order; all must be named once. TooManyDocumentsError."""
        table = tables.documents
        with writing(self.desk.engine) as tx:
            loaded = self._load(tx, str(actor.uscc), draft)
            self._require_quiet(tx, loaded)
            wanted, given = list(order), {one.id for one in loaded.documents_of(item)}
            if len(wanted) != len(given) or set(wanted) != given:
                raise TooManyDocumentsError("the order must name every document of the item once")
            for base in (-1000, 0):  # positions are unique at every moment
                for number, name in enumerate(wanted):
                    tx.execute(update(table).where(table.c.id == name).values(position=base + number))
            self._touch(tx, draft)
        return self.get(actor, draft)

    def delete(self, actor: Actor, draft: str) -> None:
        """Delete a draft with all its contents; what was done with seals stays in the use record."""
        with writing(self.desk.engine) as tx:
            self._require_quiet(tx, self._load(tx, str(actor.uscc), draft))
            objects = close_draft(self.desk, tx, draft, "deleted")
        for name in objects:
            self.desk.shelf.discard(name)

    def _insert_document(self, actor: Actor, draft: str, item: str, stored: str, facts: DocumentFacts) -> Document:
        table = tables.documents
        with writing(self.desk.engine) as tx:
            loaded = self._load(tx, str(actor.uscc), draft)
            self._require_quiet(tx, loaded)
            if len(loaded.documents_of(item)) >= MAX_DOCUMENTS:
                raise TooManyDocumentsError(f"at most {MAX_DOCUMENTS} documents for one item")
            highest = select(func.max(table.c.position)).where(table.c.draft == draft, table.c.item == item)
            position = (tx.execute(highest).scalar_one_or_none() or 0) + 1
            name = self.desk.new_id()
            sealed = self.desk.seal(f"documents/{name}", facts)
            row = {"id": name, "draft": draft, "item": item, "position": position, "object": stored}
            tx.execute(insert(table).values(**row, sealed_facts=sealed, at=self.desk.now()))
            self._touch(tx, draft)
        return Document(name, item, position, stored, facts)

    def _load(self, tx: Connection, uscc: str, draft: str) -> Draft:
        return load_draft(self.desk, tx, uscc, draft)

    def _section(self, params_sm3: str) -> SectionParams:
        with reading(self.desk.engine) as tx:
            return parse_params(load_params(tx, params_sm3))

    def _touch(self, tx: Connection, draft: str, **values: Any) -> None:
        table = tables.drafts
        tx.execute(update(table).where(table.c.id == draft).values(updated_at=self.desk.now(), **values))

    @staticmethod
    def _require_quiet(tx: Connection, draft: Draft) -> None:
        require_open(draft)
        require_no_sealing(tx, draft.id)
