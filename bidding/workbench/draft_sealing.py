"""Seals on a draft's parts (签章): a plan for all that are missing, and the sealed files as the new parts.

The plan itself, its consents and the record of every use are kept by `sealing_flow`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import insert, select, update

from bidding.documents.fields import field_name, seal_fields
from bidding.errors import NoSuchPlanError, NothingToSealError, PartOutdatedError, SealingRunningError
from bidding.workbench.assembling import made_of
from bidding.workbench.desk import Desk
from bidding.workbench.drafts import (
    AppliedSeal,
    Draft,
    Part,
    PartFacts,
    insert_part,
    load_draft,
    require_no_sealing,
    require_open,
)
from bidding.workbench.placing import Placing
from bidding.workbench.seal_rows import SealUse
from bidding.workbench.sealing_flow import PlanView, SealingFlow, SealTask, TaskFile, WantedSeal
from identity.actor import Actor
from identity.consent import parse_consent
from sealing.placement import Stamp
from sealing.seal import SealKind
from signing import canonical
from signing.canonical import Code
from storage.database import reading, writing
from storage.models import workbench as tables

_KINDS: Final = {kind.value: kind for kind in (SealKind.LEGAL_REPRESENTATIVE, SealKind.UNIT)}


class PartNames(Struct, frozen=True, forbid_unknown_fields=True):
    """The parts that a plan seals, in the order of its files."""

    parts: tuple[Code, ...]


@dataclass(frozen=True)
class DraftSealing:
    """Seals the parts of drafts."""

    desk: Desk
    flow: SealingFlow
    placing: Placing

    def begin(self, actor: Actor, draft: str, address: str = "") -> PlanView:
        """Plan all seals that are missing, and ask for the first consent. The draft rests until the plan ends.

        NothingToSealError, PartOutdatedError, SealingRunningError, and errors of `SealingFlow`.
        """
        plan = self.desk.new_id()
        with writing(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), draft)
            require_open(loaded)
            require_no_sealing(tx, draft)
            parts = _unsealed(loaded)
            names = canonical.encode(PartNames(tuple(part.id for part in parts)))
            row = {"id": plan, "draft": draft, "parts": names, "state": "planned", "started_at": self.desk.now()}
            tx.execute(insert(tables.draft_sealings).values(**row))
        try:
            self._begin(actor, loaded, parts, plan, address)
        except BaseException:
            self._close(plan, "failed")
            raise
        return self.advance(actor, plan, address)

    def advance(self, actor: Actor, plan: str, address: str = "") -> PlanView:
        """Go on with a plan: sign and stamp what was consented to, ask for the next consent, or bring the parts home.

        Errors of `SealingFlow.advance`: nothing is lost, call again.
        """
        self._row(actor, plan)
        return self._settle(actor, self.flow.advance(plan, address))

    def read(self, actor: Actor, plan: str) -> PlanView:
        """Answer how a plan stands, asking nobody; NoSuchPlanError."""
        self._row(actor, plan)
        return self.flow.read(plan)

    def cancel(self, actor: Actor, plan: str, address: str = "") -> PlanView:
        """End a plan that waits; the draft is as it was before. SealingRunningError."""
        self._row(actor, plan)
        return self._settle(actor, self.flow.cancel(plan, address))

    def again(self, actor: Actor, plan: str, address: str = "") -> PlanView:
        """Take up a plan that ended unsealed, if its parts are still the current ones.

        SealingRunningError, also when its working copies are gone; then the draft stays free.
        """
        row = self._row(actor, plan)
        names = canonical.decode(row["parts"], PartNames).parts
        with writing(self.desk.engine) as tx:
            loaded = load_draft(self.desk, tx, str(actor.uscc), row["draft"])
            require_open(loaded)
            require_no_sealing(tx, row["draft"])
            if row["state"] == "sealed" or not set(names) <= {part.id for part in loaded.parts}:
                raise SealingRunningError("the parts are sealed, or were assembled again")
            change = update(tables.draft_sealings).where(tables.draft_sealings.c.id == plan)
            tx.execute(change.values(state="planned", ended_at=None))
        try:
            view = self.flow.again(plan, actor, address)
        except (NoSuchPlanError, SealingRunningError):
            self._close(plan, row["state"])
            raise
        return self._settle(actor, view)

    def of_draft(self, actor: Actor, draft: str) -> tuple[PlanView, ...]:
        """Answer a draft's plans, newest first."""
        table = tables.draft_sealings
        with reading(self.desk.engine) as tx:
            load_draft(self.desk, tx, str(actor.uscc), draft)
            query = select(table.c.id).where(table.c.draft == draft).order_by(table.c.started_at.desc())
            names = list(tx.execute(query).scalars())
        views = []
        for name in names:
            try:
                views.append(self.flow.read(name))
            except NoSuchPlanError:  # it was named here, and never begun
                continue
        return tuple(views)

    def uses(self, actor: Actor) -> tuple[SealUse, ...]:
        """Answer all uses of the company's seals, and all attempts (用章记录)."""
        return self.flow.uses(str(actor.uscc))

    def _begin(self, actor: Actor, draft: Draft, parts: list[Part], plan: str, address: str) -> None:
        with self.desk.shelf.folder() as folder:
            files = tuple(self._task_file(draft, part, folder / f"{at}.pdf") for at, part in enumerate(parts))
            task = SealTask(plan, draft.uscc, draft.params.section, draft.params_sm3, files)
            self.flow.begin(task, actor, address)

    def _task_file(self, draft: Draft, part: Part, path: Path) -> TaskFile:
        self.desk.shelf.copy(part.object, path)
        stamps = self.placing.stamps(draft, part, path)
        return TaskFile(part.facts.name, part.facts.pages, path, _wanted(draft, part, stamps))

    def _settle(self, actor: Actor, view: PlanView) -> PlanView:
        """When a plan has ended, free the draft; when it is sealed, its files become the parts."""
        if not view.ended:
            return view
        if view.state == "sealed":
            self._bring_home(actor, view)
        else:
            self._close(view.id, view.state)
        return view

    def _bring_home(self, actor: Actor, view: PlanView) -> None:
        table, old = tables.draft_sealings, list[str]()
        with writing(self.desk.engine) as tx:
            row = tx.execute(select(table).where(table.c.id == view.id, table.c.ended_at.is_(None))).one_or_none()
            if row is None:
                return
            draft = load_draft(self.desk, tx, str(actor.uscc), row.draft)
            before = {part.id: part for part in draft.parts}
            for position, name in enumerate(canonical.decode(row.parts, PartNames).parts):
                part = self._sealed(before[name], view, position)
                old += insert_part(self.desk, tx, row.draft, part, same_places=True)
            tx.execute(update(table).where(table.c.id == view.id).values(state="sealed", ended_at=self.desk.now()))
        for content in old:
            self.desk.shelf.discard(content)

    def _sealed(self, part: Part, view: PlanView, position: int) -> Part:
        file = view.files[position]
        applied = tuple(
            AppliedSeal(use.kind, use.seal, parse_consent(use.consent)[1], use.at) for use in view.seals_on(position)
        )
        facts: PartFacts = structs.replace(part.facts, size=file.size, sm3=file.sm3, seals=applied)
        return replace(part, id=self.desk.new_id(), object=file.object, facts=facts)

    def _close(self, plan: str, state: str) -> None:
        table = tables.draft_sealings
        with writing(self.desk.engine) as tx:
            change = update(table).where(table.c.id == plan, table.c.ended_at.is_(None))
            tx.execute(change.values(state=state, ended_at=self.desk.now()))

    def _row(self, actor: Actor, plan: str) -> dict[str, Any]:
        table, drafts = tables.draft_sealings, tables.drafts
        query = (
            select(table)
            .join(drafts, drafts.c.id == table.c.draft)
            .where(table.c.id == plan, drafts.c.uscc == str(actor.uscc))
        )
        with reading(self.desk.engine) as tx:
            row = tx.execute(query).mappings().one_or_none()
        if row is None:
            raise NoSuchPlanError(plan)
        return dict(row)


def _unsealed(draft: Draft) -> list[Part]:
    """Answer the parts that lack a seal; they must be of the draft as it is now, and know where seals belong."""
    found = [
        part for part in draft.parts if set(draft.item(part.item).seals) - {seal.kind for seal in part.facts.seals}
    ]
    if not found:
        raise NothingToSealError("no part lacks a seal")
    for part in found:
        wanted = set(draft.item(part.item).seals)
        if part.made_of != made_of(draft, part.item) or part.facts.seals:
            raise PartOutdatedError(f"“{draft.item(part.item).title}”需要重新组装")
        if wanted - {place.party for place in part.facts.places}:
            raise PartOutdatedError(f"“{draft.item(part.item).title}”没有标出用章位置，需要重新组装")
    return found


def _wanted(draft: Draft, part: Part, stamps: Mapping[str, tuple[Stamp, ...]]) -> tuple[WantedSeal, ...]:
    """One field for each seal that the item asks for; of several places of a kind the last, where letters end.

    Where impressions were placed, all of them go into the one act of their seal.
    """
    places = {place.party: place.place() for place in part.facts.places}
    fields = {field.name: field for field in seal_fields(places.values())}
    return tuple(
        WantedSeal(_KINDS[kind], fields[field_name(kind)], stamps.get(kind, ())) for kind in draft.item(part.item).seals
    )
