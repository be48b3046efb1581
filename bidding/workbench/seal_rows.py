"""Plans and batches as rows; every function is one look or one change inside a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, insert, select, update

from bidding.errors import NoSuchPlanError
from bidding.workbench.seal_batch import Batch, BatchFile, signer_serial
from bidding.workbench.trace_rows import SealUse, insert_uses, load_uses
from identity.actor import Actor, Role
from identity.consent import LEGAL_REPRESENTATIVE, encode_consent, encode_record
from identity.uscc import UnifiedSocialCreditCode
from sealing.seal import SealKind
from signing import canonical
from signing.digests import sm3
from storage.models import sealing as tables

__all__ = [
    "ORDER",
    "Plan",
    "PlanFile",
    "RunningBatch",
    "SealUse",
    "Wants",
    "actor_columns",
    "insert_batch",
    "insert_plan",
    "insert_uses",
    "load_batch",
    "load_plan",
    "load_uses",
    "set_state",
    "update_batch",
    "uses_of",
    "uses_tried",
]

ORDER: Final = (SealKind.LEGAL_REPRESENTATIVE, SealKind.UNIT)
"""先盖法定代表人章，再盖公章."""


class Wants(Struct, frozen=True, forbid_unknown_fields=True):
    """Kind of seal → name of the signature field."""

    fields: dict[str, str]


@dataclass(frozen=True)
class PlanFile:
    """One working copy as it is now; `object` is its name on the bench."""

    position: int
    name: str
    pages: int
    wants: Mapping[str, str]
    object: str
    sm3: str
    size: int


@dataclass(frozen=True)
class Plan:
    """A plan as its rows say. `actor` uses the unit's seals; `done` are the kinds that are on the files."""

    id: str
    actor: Actor
    section: str
    params_sm3: str
    state: str
    code: str
    files: tuple[PlanFile, ...]
    done: frozenset[SealKind]

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in tables.ENDED

    @property
    def next(self) -> SealKind | None:
        """Answer which kind of seal comes next; None when all are on."""
        return next((kind for kind in ORDER if kind not in self.done and self.files_of(kind)), None)

    def files_of(self, kind: SealKind) -> tuple[PlanFile, ...]:
        """Answer the files that want this kind of seal."""
        return tuple(file for file in self.files if kind.value in file.wants)


@dataclass(frozen=True)
class RunningBatch:
    """A batch under way, the positions of its files in the plan, and the names of the prepared files on the bench."""

    id: str
    batch: Batch
    positions: tuple[int, ...]
    objects: tuple[str, ...]


def load_plan(tx: Connection, plan: str) -> Plan:
    """Read a plan; NoSuchPlanError."""
    row = tx.execute(select(tables.seal_plans).where(tables.seal_plans.c.id == plan)).one_or_none()
    if row is None:
        raise NoSuchPlanError(plan)
    files, batches = tables.seal_plan_files, tables.seal_batches
    found = tx.execute(select(files).where(files.c.plan == plan).order_by(files.c.position)).all()
    sealed = select(batches.c.kind).where(batches.c.plan == plan, batches.c.state == "sealed")
    own = row.authorisation == LEGAL_REPRESENTATIVE
    return Plan(
        id=plan,
        actor=Actor(
            uscc=UnifiedSocialCreditCode(row.uscc),
            company=row.company,
            person=row.person,
            person_name=row.person_name,
            role=Role.LEGAL_REPRESENTATIVE if own else Role.AGENT,
            authorisation=row.authorisation,
        ),
        section=row.section,
        params_sm3=row.params_sm3,
        state=row.state,
        code=row.code,
        files=tuple(
            PlanFile(f.position, f.name, f.pages, canonical.decode(f.wants, Wants).fields, f.object, f.sm3, f.size)
            for f in found
        ),
        done=frozenset(SealKind(kind) for kind in tx.execute(sealed).scalars()),
    )


def insert_plan(tx: Connection, plan: Plan, *, address: str, at: datetime) -> None:
    """Keep a new plan with its files."""
    tx.execute(
        insert(tables.seal_plans).values(
            **actor_columns(plan.actor),
            id=plan.id,
            uscc=str(plan.actor.uscc),
            section=plan.section,
            params_sm3=plan.params_sm3,
            state=plan.state,
            code="",
            address=address,
            started_at=at,
        )
    )
    for file in plan.files:
        values = {"plan": plan.id, "position": file.position, "name": file.name, "pages": file.pages}
        wants = canonical.encode(Wants(dict(file.wants)))
        tx.execute(
            insert(tables.seal_plan_files).values(
                **values, wants=wants, object=file.object, sm3=file.sm3, size=file.size
            )
        )


def actor_columns(actor: Actor) -> dict[str, str]:
    """Answer an actor as a plan's columns."""
    return {
        "company": actor.company,
        "person": actor.person,
        "person_name": actor.person_name,
        "authorisation": actor.authorisation,
    }


def set_state(tx: Connection, plan: str, state: str, code: str = "", *, ended_at: datetime | None = None) -> None:
    """Bring a plan into a state."""
    table = tables.seal_plans
    tx.execute(update(table).where(table.c.id == plan).values(state=state, code=code, ended_at=ended_at))


def insert_batch(tx: Connection, plan: str, running: RunningBatch, at: datetime) -> None:
    """Keep a batch that was just asked for."""
    header = canonical.encode(replace(running.batch, files=()))
    kind = running.batch.kind.value
    tx.execute(
        insert(tables.seal_batches).values(id=running.id, plan=plan, kind=kind, header=header, state="running", at=at)
    )
    for position, name, file in zip(running.positions, running.objects, running.batch.files, strict=True):
        tx.execute(
            insert(tables.seal_batch_files).values(
                batch=running.id, position=position, object=name, file=canonical.encode(file)
            )
        )


def update_batch(tx: Connection, running: RunningBatch, state: str = "running") -> None:
    """Keep how far a batch came."""
    batches, files = tables.seal_batches, tables.seal_batch_files
    header = canonical.encode(replace(running.batch, files=()))
    tx.execute(update(batches).where(batches.c.id == running.id).values(header=header, state=state))
    for position, file in zip(running.positions, running.batch.files, strict=True):
        this = update(files).where(files.c.batch == running.id, files.c.position == position)
        tx.execute(this.values(file=canonical.encode(file)))


def load_batch(tx: Connection, plan: str) -> RunningBatch | None:
    """Read the batch that is under way, if one is."""
    batches, files = tables.seal_batches, tables.seal_batch_files
    row = tx.execute(select(batches).where(batches.c.plan == plan, batches.c.state == "running")).one_or_none()
    if row is None:
        return None
    found = tx.execute(select(files).where(files.c.batch == row.id).order_by(files.c.position)).all()
    batch = replace(
        canonical.decode(row.header, Batch), files=tuple(canonical.decode(f.file, BatchFile) for f in found)
    )
    return RunningBatch(row.id, batch, tuple(f.position for f in found), tuple(f.object for f in found))


def uses_of(running: RunningBatch, plan: Plan, *, at: datetime, address: str, code: str, outcome: str) -> list[SealUse]:
    """Answer the entries of a batch that has ended; whoever completes it fills in `after_sm3`."""
    batch = running.batch
    consent = encode_consent(batch.signed) if batch.signed is not None else encode_record(batch.record)
    answers = canonical.encode(list(batch.answers))
    return [
        SealUse(
            plan=plan.id,
            position=position,
            at=at,
            section=plan.section,
            file=file.name,
            kind=batch.kind.value,
            seal=batch.record.seal,
            outcome=outcome,
            code=code,
            person=batch.record.person,
            person_name=batch.record.person_name,
            authorisation=batch.record.authorisation,
            certificate=signer_serial(batch),
            before_sm3=file.before_sm3,
            document_sm3=file.prepared.document_sm3,
            after_sm3="",
            consent=consent,
            token=file.token,
            answers=answers,
            address=address,
            profile=str(getattr(file.prepared, "profile", "ses")),
            signature_sm3=sm3(file.signature).hex() if file.signature else "",
        )
        for position, file in zip(running.positions, batch.files, strict=True)
    ]


def uses_tried(plan: Plan, at: datetime, address: str, code: str, outcome: str) -> list[SealUse]:
    """Answer the entries of an attempt that ended before anybody was asked."""
    kind = plan.next
    if kind is None:
        return []
    return [
        SealUse(
            plan=plan.id,
            position=file.position,
            at=at,
            section=plan.section,
            file=file.name,
            kind=kind.value,
            seal="",
            outcome=outcome,
            code=code,
            person=plan.actor.person,
            person_name=plan.actor.person_name,
            authorisation=plan.actor.authorisation,
            certificate="",
            before_sm3=file.sm3,
            document_sm3="",
            after_sm3="",
            consent=b"",
            token=b"",
            answers=b"[]",
            address=address,
        )
        for file in plan.files_of(kind)
    ]
