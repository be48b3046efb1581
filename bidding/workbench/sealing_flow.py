"""Sealing a tender's files (加盖印章): the legal representative's seal first, then the unit's, each under one consent.

A plan goes planned → awaiting-representative → sealing-representative → (planned →) awaiting-unit → sealing-unit →
sealed, or ends refused, expired or failed. Every step is kept before the next begins, so a plan goes on after a
restart; a service that does not answer leaves it where it stands. The files that came in are never touched: work is
done on copies, and whatever came of it, each use of a seal and each attempt is an entry (`SealUse`).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Final, Protocol

from msgspec.structs import replace as replace_struct
from sqlalchemy import Connection, Engine, or_, update

from bidding.errors import BiddingError, NoSuchPlanError, SealingRunningError
from bidding.workbench.acting import find_actor
from bidding.workbench.seal_batch import Batch, FileToSeal, SealBatch, SealOrder, file_sm3
from bidding.workbench.seal_rows import (
    Plan,
    PlanFile,
    RunningBatch,
    SealUse,
    actor_columns,
    insert_batch,
    insert_plan,
    insert_uses,
    load_batch,
    load_plan,
    load_uses,
    set_state,
    update_batch,
    uses_of,
    uses_tried,
)
from bidding.workbench.sealing_task import SealTask, TaskFile, WantedSeal, prepare_places, require_sound
from identity.actor import Actor
from identity.consent import ConsentRecord
from identity.errors import (
    ConsentExpiredError,
    ConsentRefusedError,
    IdentityError,
    LicencePlatformUnavailableError,
    TooManyPendingError,
)
from sealing.errors import ConsentWindowError, SealingError, SealRegistryUnavailableError
from sealing.seal import SealKind
from signing.errors import SigningError, TimestampError, UnavailableError
from storage.database import reading, writing
from storage.errors import StorageError
from storage.models import sealing as tables

__all__ = ("LEASE", "Bench", "PlanView", "SealTask", "SealingFlow", "TaskFile", "WantedSeal")

LEASE: Final = timedelta(minutes=5)
"""How long one request may work on a plan before another takes over, and a little more for each file of it."""
_FOR_EACH_FILE: Final = timedelta(seconds=5)
_PARTY: Final = {SealKind.LEGAL_REPRESENTATIVE: "representative", SealKind.UNIT: "unit"}
_LATER: Final = (
    UnavailableError,
    TimestampError,
    LicencePlatformUnavailableError,
    SealRegistryUnavailableError,
    TooManyPendingError,
)
"""Errors that say nothing about the plan: it stays where it is."""
_ENDS: Final = (IdentityError, SealingError, SigningError, BiddingError)
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FORGOTTEN: Final = "forgotten"
_EXPIRED: Final = frozenset({"consent_expired", "consent_window"})


class Bench(Protocol):
    """Where working copies lie between two steps; the workbench's encrypted `Shelf` is one."""

    def put_file(self, path: Path) -> str:
        """Keep a file's content durably; answers its name."""

    def copy(self, name: str, target: Path) -> Path:
        """Write a content to `target`, which is new."""

    def discard(self, name: str) -> None:
        """Forget a content."""

    def folder(self) -> AbstractContextManager[Path]:
        """Make a private folder of which nothing is left afterwards."""


@dataclass(frozen=True)
class PlanView:
    """How a plan stands. While it awaits somebody, `url` is what that person opens, until `expires_at`.

    `code` says why it stands still or ended; `files` are the working copies as far as they are sealed, and `uses`
    everything that was entered so far.
    """

    id: str
    state: str
    code: str
    files: tuple[PlanFile, ...]
    uses: tuple[SealUse, ...]
    kind: SealKind | None = None
    seal: str = ""
    person_name: str = ""
    url: str = ""
    expires_at: datetime | None = None
    record: ConsentRecord | None = None
    """What the wallet shows and the person agrees to, while somebody is asked."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in tables.ENDED

    def seals_on(self, position: int) -> tuple[SealUse, ...]:
        """Answer the seals that are on a file, in the order of their application."""
        return tuple(use for use in self.uses if use.position == position and use.outcome == "sealed")


@dataclass(frozen=True)
class SealingFlow:
    """Plans of one workbench."""

    engine: Engine
    bench: Bench
    batch: SealBatch

    def begin(self, task: SealTask, actor: Actor, address: str = "") -> PlanView:
        """Copy the files, prepare all fields in the copies, and keep the plan; nobody is asked yet: see `advance`.

        `actor` will use the unit's seal. A plan of this id that is there already is answered as it is. SealPlanError:
        then nothing was kept. What `sealing_task.prepare_places` raises ends the plan, and is entered.
        """
        with suppress(NoSuchPlanError):
            return self.read(task.plan)
        require_sound(task, actor)
        files: list[PlanFile] = []
        try:
            with self.bench.folder() as folder:
                for position, file in enumerate(task.files):
                    files.append(self._take_in(position, file, folder / f"{position}.pdf"))
            plan = Plan(task.plan, actor, task.section, task.params_sm3, "planned", "", tuple(files), frozenset())
            with writing(self.engine) as tx:
                insert_plan(tx, plan, address=address, at=self._now())
        except BaseException as error:
            self._discard(file.object for file in files)
            if isinstance(error, _ENDS):
                self._enter_unbegun(task, actor, _code(error), address)
            raise
        return self.read(task.plan)

    def refuse(self, task: SealTask, actor: Actor, error: Exception, address: str = "") -> None:
        """Enter an attempt that was refused before it began, as a plan that failed; once more is no new one."""
        try:
            self.read(task.plan)
        except NoSuchPlanError:
            self._enter_unbegun(task, actor, _code(error), address)

    def advance(self, plan: str, address: str = "") -> PlanView:
        """Do all that can be done now, and answer how the plan stands; call it again while somebody is awaited.

        A refusal, an expiry or a failure ends the plan and is told by `state` and `code`. UnavailableError,
        TimestampError, LicencePlatformUnavailableError or SealRegistryUnavailableError: nothing is lost, call again.
        NoSuchPlanError. While another call works on the plan it is answered as it is.
        """
        if not self._lease(plan):
            return self.read(plan)
        try:
            while self._step(plan, address):
                pass
        finally:
            self._free(plan)
        return self.read(plan)

    def again(self, plan: str, actor: Actor, address: str = "") -> PlanView:
        """Take up a plan that ended unsealed where it ended; seals that are on stay on. SealingRunningError."""
        with writing(self.engine) as tx:
            found = load_plan(tx, plan)
            gone = found.code == _FORGOTTEN or not all(file.object for file in found.files)
            if found.state not in ("refused", "expired", "failed") or gone:
                raise SealingRunningError(f"the plan is {found.code or found.state}")
            if actor.uscc != found.actor.uscc:
                raise NoSuchPlanError(plan)
            set_state(tx, plan, "planned")
            table = tables.seal_plans
            tx.execute(update(table).where(table.c.id == plan).values(**actor_columns(actor)))
        return self.advance(plan, address)

    def cancel(self, plan: str, address: str = "") -> PlanView:
        """End a plan that awaits somebody; what was asked can no longer be used here. SealingRunningError."""
        if not self._lease(plan):
            raise SealingRunningError("somebody works on the plan")
        try:
            found, running = self._load(plan)
            if not found.ended:
                self._end(found, running, "refused", "cancelled", address)
        finally:
            self._free(plan)
        return self.read(plan)

    def forget(self, plan: str) -> None:
        """Delete the working copies of a plan that ended unsealed: for drafts that are packed or deleted.

        The entries stay; the copies of a sealed plan belong to whoever took it over. SealingRunningError.
        """
        with writing(self.engine) as tx:
            found = load_plan(tx, plan)
            if not found.ended:
                raise SealingRunningError(f"the plan is {found.state}")
            if found.state != "sealed":
                table = tables.seal_plans
                tx.execute(update(table).where(table.c.id == plan).values(code=_FORGOTTEN))
        if found.state != "sealed":
            self._discard(file.object for file in found.files)

    def read(self, plan: str) -> PlanView:
        """Answer how a plan stands, asking nobody; NoSuchPlanError."""
        with reading(self.engine) as tx:
            found, running = load_plan(tx, plan), load_batch(tx, plan)
            uses = load_uses(tx, plan=plan)
        view = PlanView(found.id, found.state, found.code, found.files, uses, kind=found.next)
        if running is None:
            return view
        consent = running.batch.consent
        return replace(
            view,
            kind=running.batch.kind,
            seal=consent.record.seal,
            person_name=consent.record.person_name,
            url=consent.url,
            expires_at=consent.expires_at,
            record=consent.record,
        )

    def take(self, plan: str, position: int, target: Path) -> Path:
        """Write the sealed file to `target`, which is new. SealingRunningError unless the plan is sealed."""
        view = self.read(plan)
        if view.state != "sealed":
            raise SealingRunningError(f"the plan is {view.state}")
        return self.bench.copy(view.files[position].object, target)

    def uses(self, uscc: str) -> tuple[SealUse, ...]:
        """Answer all entries of a unit (用章记录), oldest first."""
        with reading(self.engine) as tx:
            return load_uses(tx, uscc=uscc)

    # -- steps

    def _step(self, plan: str, address: str) -> bool:
        """Do the one next thing and keep it; False when there is nothing to do now."""
        found, running = self._load(plan)
        if found.ended:
            return False
        try:
            if running is None and found.next is not None:
                found = replace(found, actor=self._acting(found, found.next))
            return self._go_on(found, running, address)
        except _LATER as error:
            if running is not None and self._now() > running.batch.record.not_after:
                return self._end(found, running, "expired", _code(error), address)
            self._stand_still(found, running, _code(error), address)
            raise
        except _ENDS as error:
            code = _code(error)
            outcome = "refused" if isinstance(error, ConsentRefusedError) else "failed"
            late = code in _EXPIRED or isinstance(error, (ConsentExpiredError, ConsentWindowError))
            return self._end(found, running, "expired" if late else outcome, code, address)

    def _go_on(self, plan: Plan, running: RunningBatch | None, address: str) -> bool:
        if running is None:
            return self._ask(plan)
        match running.batch.state:
            case "awaiting-consent":
                return self._keep(plan, running, self.batch.poll)
            case "confirmed":
                return self._keep(plan, running, self.batch.sign)
            case "signed":
                return self._keep(plan, running, self.batch.stamp)
            case "stamped":
                return self._complete(plan, running, address)

    def _ask(self, plan: Plan) -> bool:
        """Prepare the next kind of seal on all files that want it, and ask its person, who is the plan's actor here."""
        kind = plan.next
        if kind is None:
            with writing(self.engine) as tx:
                set_state(tx, plan.id, "sealed", ended_at=self._now())
            return False
        wanting, objects = plan.files_of(kind), list[str]()
        with self.bench.folder() as folder:
            files = [
                FileToSeal(
                    name=file.name,
                    pages=file.pages,
                    source=self.bench.copy(file.object, folder / f"{file.position}.pdf"),
                    target=folder / f"{file.position}.sealed.pdf",
                    field=file.wants[kind.value],
                )
                for file in wanting
            ]
            batch = self.batch.ask(SealOrder(plan.actor, kind, files, plan.section, plan.params_sm3))
            objects = [self.bench.put_file(file.target) for file in files]
        running = RunningBatch(self._new_id(), batch, tuple(file.position for file in wanting), tuple(objects))
        with writing(self.engine) as tx:
            insert_batch(tx, plan.id, running, self._now())
            set_state(tx, plan.id, f"awaiting-{_PARTY[kind]}")
        return False

    def _keep(self, plan: Plan, running: RunningBatch, step: Callable[[Batch], Batch]) -> bool:
        """Carry the batch one step on; False when it stays as it was."""
        batch = step(running.batch)
        if batch == running.batch:
            return False
        with writing(self.engine) as tx:
            update_batch(tx, replace(running, batch=batch))
            set_state(tx, plan.id, f"sealing-{_PARTY[batch.kind]}")
        return True

    def _complete(self, plan: Plan, running: RunningBatch, address: str) -> bool:
        """Fill in the signatures, keep the sealed copies, and enter each use."""
        made = dict[int, tuple[str, str, int]]()
        with self.bench.folder() as folder:
            placed = self._place(running, folder)
            for position, path in zip(running.positions, self.batch.complete(placed), strict=True):
                made[position] = self.bench.put_file(path), file_sm3(path), path.stat().st_size
        now = self._now()
        uses = uses_of(running, plan, at=now, address=address, code="", outcome="sealed")
        uses = [replace(use, after_sm3=made[use.position][1]) for use in uses]
        old = [file.object for file in plan.files if file.position in made]
        table = tables.seal_plan_files
        with writing(self.engine) as tx:
            update_batch(tx, running, "sealed")
            for position, (name, digest, size) in made.items():
                this = update(table).where(table.c.plan == plan.id, table.c.position == position)
                tx.execute(this.values(object=name, sm3=digest, size=size))
            self._enter(tx, uses, plan)
            last = load_plan(tx, plan.id).next is None
            set_state(tx, plan.id, "sealed" if last else "planned", ended_at=now if last else None)
        self._discard((*old, *running.objects))
        return not last

    def _end(self, plan: Plan, running: RunningBatch | None, outcome: str, code: str, address: str) -> bool:
        """End the plan, and enter what was tried; the files stay as they were."""
        now = self._now()
        with writing(self.engine) as tx:
            if running is not None:
                update_batch(tx, running, outcome)
            self._enter(tx, self._tried(plan, running, address, code, outcome), plan)
            set_state(tx, plan.id, outcome, code, ended_at=now)
        self._discard(running.objects if running is not None else ())
        return False

    def _stand_still(self, plan: Plan, running: RunningBatch | None, code: str, address: str) -> None:
        """Leave the plan where it is, and enter the failed attempt; asking again in vain is no new one."""
        with writing(self.engine) as tx:
            if plan.code != code:
                self._enter(tx, self._tried(plan, running, address, code, "failed"), plan)
            set_state(tx, plan.id, plan.state, code)

    def _enter_unbegun(self, task: SealTask, actor: Actor, code: str, address: str) -> None:
        """Keep a plan that failed before it began, without working copies, and enter the attempt."""
        now = self._now()
        files = tuple(self._as_it_came(position, file) for position, file in enumerate(task.files))
        plan = Plan(task.plan, actor, task.section, task.params_sm3, "planned", "", files, frozenset())
        with writing(self.engine) as tx:
            insert_plan(tx, plan, address=address, at=now)
            self._enter(tx, uses_tried(plan, now, address, code, "failed"), plan)
            set_state(tx, plan.id, "failed", code, ended_at=now)

    def _tried(self, plan: Plan, running: RunningBatch | None, address: str, code: str, outcome: str) -> list[SealUse]:
        if running is not None:
            return uses_of(running, plan, at=self._now(), address=address, code=code, outcome=outcome)
        return uses_tried(plan, self._now(), address, code, outcome)

    def _enter(self, tx: Connection, uses: Sequence[SealUse], plan: Plan) -> None:
        insert_uses(tx, uses, uscc=str(plan.actor.uscc), ids=[self._new_id() for _ in uses])

    def _acting(self, plan: Plan, kind: SealKind) -> Actor:
        """Answer who uses this kind of seal: the legal representative their own, the plan's actor the unit's."""
        own = kind is SealKind.LEGAL_REPRESENTATIVE
        return find_actor(self.batch.ports.acting.register, str(plan.actor.uscc)) if own else plan.actor

    # -- helpers

    def _take_in(self, position: int, file: TaskFile, copy: Path) -> PlanFile:
        copyfile(file.path, copy)
        prepare_places(copy, file)
        size, digest = copy.stat().st_size, file_sm3(copy)
        return PlanFile(position, file.name, file.pages, file.wants, self.bench.put_file(copy), digest, size)

    def _as_it_came(self, position: int, file: TaskFile) -> PlanFile:
        size, digest = file.path.stat().st_size, file_sm3(file.path)
        return PlanFile(position, file.name, file.pages, file.wants, "", digest, size)

    def _place(self, running: RunningBatch, folder: Path) -> Batch:
        """Copy the prepared files into a folder; answers the batch that points to them."""
        paths = [
            self.bench.copy(name, folder / f"{position}.sealed.pdf")
            for position, name in zip(running.positions, running.objects, strict=True)
        ]
        files = tuple(file.at(path) for file, path in zip(running.batch.files, paths, strict=True))
        return replace_struct(running.batch, files=files)

    def _load(self, plan: str) -> tuple[Plan, RunningBatch | None]:
        with reading(self.engine) as tx:
            return load_plan(tx, plan), load_batch(tx, plan)

    def _lease(self, plan: str) -> bool:
        table, now = tables.seal_plans, self._now()
        free = or_(table.c.leased_until.is_(None), table.c.leased_until < now)
        with writing(self.engine) as tx:
            until = now + LEASE + _FOR_EACH_FILE * len(load_plan(tx, plan).files)
            change = update(table).where(table.c.id == plan, free)
            return tx.execute(change.values(leased_until=until)).rowcount == 1

    def _free(self, plan: str) -> None:
        table = tables.seal_plans
        with writing(self.engine) as tx:
            tx.execute(update(table).where(table.c.id == plan).values(leased_until=None))

    def _discard(self, names: Iterable[str]) -> None:
        """Forget working copies that no row names any more; one that is gone already is no fault."""
        for name in filter(None, names):
            with suppress(StorageError, OSError):
                self.bench.discard(name)

    def _now(self) -> datetime:
        return self.batch.ports.now()

    def _new_id(self) -> str:
        return self.batch.ports.random(16).hex()


def _code(error: Exception) -> str:
    """Answer the stable code of an error: the platform's own where it gave one."""
    given = getattr(error, "code", "")
    if given:
        return str(given)[:64]
    return _WORD.sub("_", type(error).__name__.removesuffix("Error")).lower()
