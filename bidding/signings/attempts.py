"""Attempts to put one seal on (用章尝试): each is a plan of its own among the unit's seal plans, and ends as entries.

So the record of seal uses (用章记录) holds whatever happened here as well. Every function is one change inside a
transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from bidding.errors import SigningStateError
from bidding.signings import rows
from bidding.signings.rows import Made, Signing, SigningAct
from bidding.workbench import seal_rows
from bidding.workbench.desk import Desk
from bidding.workbench.seal_rows import Plan, PlanFile, RunningBatch
from bidding.workbench.trace_rows import SealUse, insert_uses
from identity.actor import AnyActor, owner_of
from sealing.seal import SealKind

_OWNER: Final = 18
"""As wide as a credit code is the column; a person's number is shorter."""


@dataclass(frozen=True)
class End:
    """How an attempt ended: sealed, refused, expired or failed; why; and from where the last request came."""

    outcome: str
    code: str
    address: str
    at: datetime


def asked_act(signing: Signing) -> SigningAct:
    """Answer the act whose person is asked; SigningStateError."""
    for act in signing.acts:
        if act.state == "asked":
            return act
    raise SigningStateError("nobody is asked")


def load_running(tx: Connection, signing: Signing) -> RunningBatch | None:
    """Answer the batch that runs, if one does."""
    asked = next((act for act in signing.acts if act.state == "asked"), None)
    return seal_rows.load_batch(tx, asked.plan) if asked is not None else None


def plan_of(signing: Signing, act: SigningAct, name: str, actor: AnyActor) -> Plan:
    """Answer an attempt as a seal plan."""
    state = "awaiting-representative" if act.key.kind is SealKind.LEGAL_REPRESENTATIVE else "awaiting-unit"
    wants = {act.key.kind.value: act.key.field}
    files = tuple(
        PlanFile(d.number - 1, d.facts.name, d.facts.pages, wants, d.current, d.current_sm3, d.current_size)
        for d in signing.documents_of(act)
    )
    whoever: Any = actor  # a plan of the workbench names units only
    return Plan(name, whoever, "", "", state, "", files, frozenset())


def begin(desk: Desk, tx: Connection, signing: Signing, plan: Plan, *, running: RunningBatch, address: str) -> None:
    """Keep a batch that was just asked for."""
    now, act = desk.now(), signing.next
    if act is None:
        raise SigningStateError("nothing is left to seal")
    seal_rows.insert_plan(tx, plan, address=address, at=now)
    seal_rows.insert_batch(tx, plan.id, running, now)
    rows.insert_attempt(tx, signing.id, act.position, plan.id)
    rows.set_act(tx, signing.id, act.position, "asked", plan.id)
    rows.set_state(tx, signing.id, "awaiting-consent")


def fail(desk: Desk, tx: Connection, signing: Signing, plan: Plan, end: End) -> None:
    """Enter an attempt that ended before anybody was asked; the signing stays as it is, and `code` says why."""
    act = signing.next
    if act is None:
        raise SigningStateError("nothing is left to seal")
    seal_rows.insert_plan(tx, plan, address=end.address, at=end.at)
    seal_rows.set_state(tx, plan.id, end.outcome, end.code, ended_at=end.at)
    rows.insert_attempt(tx, signing.id, act.position, plan.id)
    _enter(desk, tx, plan.actor, [_tried(plan, act.key.kind, file, end) for file in plan.files])
    rows.set_state(tx, signing.id, signing.state, end.code)


def close(desk: Desk, tx: Connection, signing: Signing, running: RunningBatch, end: End) -> None:
    """End an attempt unsealed; its act waits again."""
    act = asked_act(signing)
    _end(desk, tx, signing, running, end, made={})
    rows.set_act(tx, signing.id, act.position, "waiting", act.plan)


def complete(
    desk: Desk, tx: Connection, signing: Signing, running: RunningBatch, end: End, *, made: Mapping[int, Made]
) -> None:
    """End an attempt sealed; `made` are the sealed contents by number of document."""
    act = asked_act(signing)
    _end(desk, tx, signing, running, end, made=made)
    for one in made.values():
        rows.set_current(tx, signing.id, one)
    rows.set_act(tx, signing.id, act.position, "sealed", act.plan, at=end.at)


def _end(
    desk: Desk, tx: Connection, signing: Signing, running: RunningBatch, end: End, *, made: Mapping[int, Made]
) -> None:
    act, actor = asked_act(signing), running.batch.actor
    plan = plan_of(signing, act, act.plan, actor)
    uses = seal_rows.uses_of(running, plan, at=end.at, address=end.address, code=end.code, outcome=end.outcome)
    if made:
        uses = [replace(use, after_sm3=made[use.position + 1].sm3) for use in uses]
    seal_rows.update_batch(tx, running, end.outcome)
    seal_rows.set_state(tx, plan.id, end.outcome, end.code, ended_at=end.at)
    _enter(desk, tx, actor, uses)


def _enter(desk: Desk, tx: Connection, actor: AnyActor, uses: Iterable[SealUse]) -> None:
    """Enter uses for whose seal it is: the unit, or the natural person."""
    listed = list(uses)
    insert_uses(tx, listed, uscc=owner_of(actor)[:_OWNER], ids=[desk.new_id() for _ in listed])


def _tried(plan: Plan, kind: SealKind, file: PlanFile, end: End) -> SealUse:
    return SealUse(
        plan=plan.id,
        position=file.position,
        at=end.at,
        section="",
        file=file.name,
        kind=kind.value,
        seal="",
        outcome=end.outcome,
        code=end.code,
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
        address=end.address,
    )
