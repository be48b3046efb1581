"""What the centre enters of its own seal on opening records: each use, refusal and failed attempt, in the journal.

The facts are those of an entry of the trace of seal uses (docs/format/trace.md 1), with consent, token and answers in
base64. The journal can neither be changed nor deleted; it has no chain.
"""

import base64
from dataclasses import replace
from typing import Any, Final

from bidding.centre.house import Arrival, House
from bidding.workbench.seal_batch import Batch
from bidding.workbench.seal_rows import Plan, RunningBatch, uses_of
from bidding.workbench.trace_rows import SealUse
from identity.actor import Actor
from identity.errors import ConsentExpiredError, ConsentRefusedError, code_of
from sealing.errors import ConsentWindowError
from sealing.seal import SealKind
from storage.database import writing

EVENT: Final = "record-seal"
_BLOBS: Final = ("consent", "token", "answers")
_FACTS: Final = (
    "file", "kind", "seal", "profile", "outcome", "code", "person", "authorisation", "certificate",
    "before_sm3", "document_sm3", "after_sm3", "signature_sm3",
)  # fmt: skip


def enter_use(house: House, section: str, subject: str, use: SealUse, arrival: Arrival) -> None:
    """Add an entry to the journal."""
    facts = {name: str(getattr(use, name)) for name in _FACTS}
    blobs = {name: base64.b64encode(getattr(use, name)).decode() for name in _BLOBS}
    with writing(house.engine) as tx:
        house.write_journal(
            tx, EVENT, section=section, subject=subject, who=use.person_name, arrival=arrival, **facts, **blobs
        )


def use_of(batch: Batch, arrival: Arrival, outcome: str, code: str = "", after_sm3: str = "") -> SealUse:
    """Answer the entry of a request that was made: sealed, or ended unsealed."""
    whoever: Any = batch.actor
    plan = Plan(batch.record.nonce, whoever, batch.record.section, "", "", "", (), frozenset())
    running = RunningBatch("", batch, (0,), ())
    (use,) = uses_of(running, plan, at=arrival.at, address=arrival.address, code=code, outcome=outcome)
    return replace(use, after_sm3=after_sm3)


def use_tried(actor: Actor, section: str, file: tuple[str, str], error: Exception, arrival: Arrival) -> SealUse:
    """Answer the entry of an attempt that ended before anybody was asked; `file` is a name, and SM3 (hex)."""
    outcome, code = told_by(error)
    return SealUse(
        plan="",
        position=0,
        at=arrival.at,
        section=section,
        file=file[0],
        kind=SealKind.UNIT.value,
        seal="",
        outcome=outcome,
        code=code,
        person=actor.person,
        person_name=actor.person_name,
        authorisation=actor.authorisation,
        certificate="",
        before_sm3=file[1],
        document_sm3="",
        after_sm3="",
        consent=b"",
        token=b"",
        answers=b"[]",
        address=arrival.address,
    )


def told_by(error: Exception) -> tuple[str, str]:
    """Answer outcome and stable code of what ended an attempt."""
    given = getattr(error, "code", "")
    code = str(given)[:64] if given else code_of(type(error))  # type: ignore[arg-type]
    if isinstance(error, ConsentRefusedError):
        return "refused", code
    return "expired" if isinstance(error, (ConsentExpiredError, ConsentWindowError)) else "failed", code
