"""From a draft's documents and values to parts: one paginated PDF for each required item (文件组装)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from bidding.documents.assembly import Annex, Assembler, FilePiece, PaperPiece, Piece
from bidding.documents.letters import TITLES, Agent, LetterKind, LetterWriter, Offer, Tender
from bidding.documents.paper import Paper
from bidding.errors import (
    FormIncompleteError,
    InvalidAmountError,
    NoSuchItemError,
    PartOutdatedError,
    SealOrderError,
)
from bidding.money import parse_amount
from bidding.params import ReadoutField, RequiredItem, SectionParams
from bidding.readout import readout_fields
from bidding.workbench.desk import Desk
from bidding.workbench.drafts import (
    Draft,
    Form,
    Part,
    PartFacts,
    PartPlace,
    insert_part,
    load_draft,
    replace_places,
    require_no_sealing,
    require_open,
)
from bidding.workbench.placing import carry_over
from bidding.workbench.placing_child import Job, place_on
from bidding.workbench.placing_rows import load_placings, put_placings
from bidding.workbench.placing_values import PlacingFacts, stamp_of
from identity.actor import ITEM_NAMES, Actor, parse_authorisation
from identity.consent import LEGAL_REPRESENTATIVE
from identity.licence import BusinessLicence
from sealing.errors import StampOutsideError
from signing import canonical
from signing.digests import sm3
from storage.database import reading, writing

PRICED: Final[frozenset[LetterKind]] = frozenset({"letter", "readout"})
"""Letters that say the price."""
_MAX_DAYS: Final = 99_999


def offer_of(form: Form) -> Offer:
    """Read what was typed; FormIncompleteError names the first thing that is missing or wrong."""
    try:
        price = parse_amount(form.price.strip())
    except InvalidAmountError as error:
        raise FormIncompleteError("投标总报价：应为人民币元，最多两位小数") from error
    if not price:
        raise FormIncompleteError("投标总报价：应大于零")
    days, validity = _days("工期", form.days), _days("投标有效期", form.validity_days)
    if not form.quality.strip():
        raise FormIncompleteError("质量标准：没有填写")
    return Offer(price, days, validity, form.quality.strip(), form.manager.strip())


def readout_values(form: Form, params: SectionParams, stage: int) -> dict[str, str]:
    """Answer a stage's readout fields: what was filled in, else what the letter says of the same.

    That is price and days for the first field of their kind, and quality and manager for fields of these names.

    What is neither is left out; `bidding.readout.make_readout` says what is missing.
    """
    values: dict[str, str] = {}
    for field in readout_fields(params, stage):
        given = form.values.get(field.id, "").strip() or _same(form, params, field)
        if given:
            values[field.id] = plain_amount(given) if field.kind == "money" else given
    return values


def made_of(draft: Draft, item: str) -> str:
    """Digest (SM3) everything that an item's part is assembled of: it tells whether the part is out of date."""
    kind = draft.letter_of(item)
    facts = {
        "params": draft.params_sm3,
        "letter": kind or "",
        "form": canonical.encode(draft.form).hex() if kind else "",
        "documents": [[one.id, one.facts.sm3] for one in draft.documents_of(item)],
    }
    return sm3(canonical.encode(facts)).hex()


@dataclass(frozen=True)
class Assembling:
    """Assembles the parts of drafts."""

    desk: Desk

    def assemble(self, actor: Actor, draft: str, item: str) -> Part:
        """Assemble one item anew; seals on the part before are not carried over. DocumentError, FormIncompleteError.

        Main places are those of the letters again; further impressions are taken over where they still hold.
        """
        with reading(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
            require_open(loaded)
            require_no_sealing(tx, draft)
        wanted, digest = loaded.item(item), made_of(loaded, item)
        licence = self.desk.licence(str(actor.uscc))
        with self.desk.shelf.folder() as folder:
            facts = self._assemble(folder, loaded, wanted, licence, actor)
            placed = self._carried(loaded, wanted, folder / "part.pdf")
            stored = self.desk.shelf.put_file(folder / "part.pdf")
        part = Part(self.desk.new_id(), item, digest, stored, facts)
        try:
            self._keep(actor, draft, part, placed)
        except BaseException:
            self.desk.shelf.discard(stored)
            raise
        return part

    def move_places(self, actor: Actor, draft: str, item: str, places: Sequence[PartPlace]) -> Part:
        """Put the places for an item's seals elsewhere, before any seal is on it; one place for each seal it needs.

        NoSuchItemError, SealOrderError, StampOutsideError for a place that leaves its page.
        """
        with reading(self.desk.engine) as tx:
            part = self._movable(tx, actor, draft, item, places)
        with self.desk.shelf.folder() as folder:
            jobs = [Job("", (place.w / 100, place.h / 100), fixed=(stamp_of(place),)) for place in places]
            outcomes = place_on(self.desk.shelf.copy(part.object, folder / "part.pdf"), jobs).jobs
        for outcome in outcomes:
            if outcome.refused is not None:
                raise StampOutsideError(outcome.refused.message)
        with writing(self.desk.engine) as tx:
            if self._movable(tx, actor, draft, item, places).id != part.id:
                raise PartOutdatedError("the part became another meanwhile")
            return replace_places(self.desk, tx, part, places)

    def _movable(self, tx: Connection, actor: Actor, draft: str, item: str, places: Sequence[PartPlace]) -> Part:
        """Answer the part, if its seals may go to these places as far as numbers tell."""
        loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
        require_open(loaded)
        require_no_sealing(tx, draft)
        part = loaded.part(item)
        if part.facts.seals:
            raise SealOrderError("a seal is on this part already: assemble it again to move its places")
        if sorted(place.party for place in places) != sorted(loaded.item(item).seals):
            raise NoSuchItemError("one place for each seal that the item needs, and no other")
        if any(not 1 <= place.page <= part.facts.pages for place in places):
            raise NoSuchItemError("no such page")
        return part

    def _carried(self, draft: Draft, item: RequiredItem, path: Path) -> dict[str, PlacingFacts]:
        before = [part for part in draft.parts if part.item == item.id]
        with reading(self.desk.engine) as tx:
            kept = load_placings(self.desk, tx, before[0].id) if before else {}
        return carry_over(path, kept, item.seals)

    def _keep(self, actor: Actor, draft: str, part: Part, placed: Mapping[str, PlacingFacts]) -> None:
        with writing(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
            require_open(loaded)
            require_no_sealing(tx, draft)
            old = insert_part(self.desk, tx, draft, part)
            put_placings(self.desk, tx, part.id, placed)
        for name in old:
            self.desk.shelf.discard(name)

    def _assemble(
        self, folder: Path, draft: Draft, item: RequiredItem, licence: BusinessLicence, actor: Actor
    ) -> PartFacts:
        params, desk = draft.params, self.desk
        tender = Tender(params.project, params.section, params.title, params.tenderer.name)
        writer = LetterWriter(tender, licence, desk.now(), desk.random, desk.sandbox)
        kind = draft.letter_of(item.id)
        letter = self._letter(writer, draft, kind, item, actor) if kind else None
        pieces: list[Piece] = [PaperPiece(TITLES[kind], letter)] if kind and letter else []
        pieces += [self._piece(folder, number, draft, item.id) for number in range(len(draft.documents_of(item.id)))]
        if not pieces:
            raise FormIncompleteError(f"“{item.title}”：没有文件")
        cover = None if letter else lambda contents: writer.cover(item.title, contents, item.seals)
        part = Assembler(desk.random, desk.sandbox).assemble(
            folder / "part.pdf", pieces, title=item.title, dated=desk.now(), cover=cover
        )
        places = tuple(PartPlace.of(place) for place in part.places if place.party in item.seals)
        return PartFacts(f"{item.title}.pdf", part.size, part.pages, part.sm3, places, part.contents)

    def _piece(self, folder: Path, number: int, draft: Draft, item: str) -> FilePiece | Annex:
        document = draft.documents_of(item)[number]
        facts = document.facts
        title = facts.name.removesuffix(".pdf").removesuffix(".PDF") or facts.name
        if facts.signed:
            return Annex(title, facts.name, facts.size, facts.pages, facts.sm3, facts.verdict)
        path = self.desk.shelf.copy(document.object, folder / f"document-{number}.pdf")
        return FilePiece(title, path, facts.pages, facts.drawn_annotations)

    def _letter(self, writer: LetterWriter, draft: Draft, kind: LetterKind, item: RequiredItem, actor: Actor) -> Paper:
        if kind in PRICED and not draft.params.stage(item.stage).shows_price:
            raise FormIncompleteError(f"“{item.title}”含报价，不得放入不开启报价的阶段")
        if kind == "letter":
            return writer.letter(offer_of(draft.form))
        if kind == "readout":
            return writer.readout(offer_of(draft.form), _readout_rows(draft))
        if kind == "legal-representative":
            return writer.legal_representative()
        return writer.authorisation(self._agent(actor))

    def _agent(self, actor: Actor) -> Agent:
        """Answer whom the register says the legal representative has authorised: the person who is logged in."""
        if actor.authorisation == LEGAL_REPRESENTATIVE:
            raise FormIncompleteError("授权委托书：当前办理人是法定代表人本人，无需授权委托书")
        granted = parse_authorisation(self.desk.ports.register.fetch_authorisation(actor.authorisation).authorisation)
        matters = "、".join(ITEM_NAMES[item] for item in granted.items)
        return Agent(granted.person_name, granted.id, matters[:200], granted.not_before, granted.not_after)


def _same(form: Form, params: SectionParams, field: ReadoutField) -> str:
    """Answer what the letter says of a readout field; empty if it says nothing."""
    if field.kind == "text":
        return {"质量标准": form.quality, "项目负责人": form.manager}.get(field.title, "").strip()
    if field.id != first_field(params, field.kind):
        return ""
    return (form.price if field.kind == "money" else form.days).strip()


def _readout_rows(draft: Draft) -> list[tuple[str, str]]:
    """List the section's own readout fields that the fixed rows do not hold."""
    shown = {first_field(draft.params, "money"), first_field(draft.params, "days")}
    values: Mapping[str, str] = draft.form.values
    return [(field.title, values.get(field.id, "") or "—") for field in draft.params.readout if field.id not in shown]


def first_field(params: SectionParams, kind: str) -> str:
    """Answer the id of the first readout field of a kind; empty if there is none."""
    return next((field.id for field in params.readout if field.kind == kind), "")


def plain_amount(text: str) -> str:
    """Write 元 with two decimals and without separators, as bundles have it; what is no amount stays as typed."""
    try:
        fen = parse_amount(text)
    except InvalidAmountError:
        return text
    return f"{fen // 100}.{fen % 100:02d}"


def _days(title: str, text: str) -> int:
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit() and 0 < int(plain[:9]) <= _MAX_DAYS):
        raise FormIncompleteError(f"{title}：应为整数天数")
    return int(plain)
