"""The life of a seal (印章全生命周期) as pure rules over immutable values: what may follow what, and what was when.

A history only grows, its times never go back, and nothing follows a cancellation (注销). 《电子印章管理办法》 art. 17
(suspension and resumption are filed) and 18 (when a seal must be cancelled).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from sealing.errors import SealClosedError, SealTransitionError
from sealing.seal import FIVE, SealKind, SealState

Reason = Annotated[str, Meta(min_length=1, max_length=200)]
Actor = Annotated[str, Meta(max_length=200)]


class LifeAct(StrEnum):
    """What is done to a seal."""

    ISSUE = "issue"
    IMPORT = "import"
    SUSPEND = "suspend"
    RESUME = "resume"
    REPORT_LOST = "report-lost"
    CANCEL = "cancel"


class Cause(StrEnum):
    """On what ground: the holder's own wish, or an event in the register."""

    REQUEST = "request"
    FOUNDING = "founding"
    RENAMED = "renamed"
    CERTIFICATE_CHANGED = "certificate-changed"
    REPRESENTATIVE_CHANGED = "representative-changed"
    LICENCE_REVOKED = "licence-revoked"
    LICENCE_CANCELLED = "licence-cancelled"


_NEXT: Final[dict[LifeAct, tuple[frozenset[SealState | None], SealState]]] = {
    LifeAct.ISSUE: (frozenset({None}), SealState.ACTIVE),
    LifeAct.IMPORT: (frozenset({None}), SealState.ACTIVE),
    LifeAct.SUSPEND: (frozenset({SealState.ACTIVE}), SealState.SUSPENDED),
    LifeAct.RESUME: (frozenset({SealState.SUSPENDED, SealState.LOST}), SealState.ACTIVE),
    LifeAct.REPORT_LOST: (frozenset({SealState.ACTIVE, SealState.SUSPENDED}), SealState.LOST),
    LifeAct.CANCEL: (
        frozenset({SealState.ACTIVE, SealState.SUSPENDED, SealState.LOST}),
        SealState.CANCELLED,
    ),
}
_ACT_TO: Final = {
    SealState.SUSPENDED: LifeAct.SUSPEND,
    SealState.ACTIVE: LifeAct.RESUME,
    SealState.LOST: LifeAct.REPORT_LOST,
    SealState.CANCELLED: LifeAct.CANCEL,
}
_COMPANY_SEALS: Final = frozenset(FIVE) - {SealKind.LEGAL_REPRESENTATIVE}
_CANCELS: Final[dict[Cause, frozenset[SealKind]]] = {
    Cause.REPRESENTATIVE_CHANGED: frozenset({SealKind.LEGAL_REPRESENTATIVE}),
    Cause.RENAMED: _COMPANY_SEALS,
    Cause.CERTIFICATE_CHANGED: _COMPANY_SEALS,
    Cause.LICENCE_REVOKED: _COMPANY_SEALS,
    Cause.LICENCE_CANCELLED: frozenset(FIVE),
}


class StateChange(Struct, frozen=True):
    """One entry of a history: the state from an instant on, by what act, on what ground, by whom and why."""

    state: SealState
    since: datetime
    reason: Reason
    act: LifeAct = LifeAct.ISSUE
    cause: Cause = Cause.REQUEST
    actor: Actor = ""


History = tuple[StateChange, ...]


def change(
    history: History, act: LifeAct, *, at: datetime, reason: str, actor: str = "", cause: Cause = Cause.REQUEST
) -> History:
    """Answer the history with one entry more; the one given is not touched.

    Raises SealClosedError after a cancellation, SealTransitionError for an act that the state does not allow or an
    instant before the last entry's.
    """
    now = history[-1].state if history else None
    if now is SealState.CANCELLED:
        raise SealClosedError("a cancelled seal stays cancelled")
    allowed, state = _NEXT[act]
    if now not in allowed:
        raise SealTransitionError(f"{act} does not follow {now or 'nothing'}")
    if history and at < history[-1].since:
        raise SealTransitionError(f"{at.isoformat()} lies before the last change")
    return (*history, StateChange(state, at, reason, act, cause, actor))


def act_towards(state: SealState) -> LifeAct:
    """Answer the act that leads an existing seal to a state; SealTransitionError for one that only time brings."""
    if state not in _ACT_TO:
        raise SealTransitionError(f"nobody makes a seal {state}")
    return _ACT_TO[state]


def state_at(history: Sequence[StateChange], at: datetime, *, not_after: datetime | None = None) -> SealState | None:
    """Answer the state at any instant; None before the seal was made. `at` itself belongs to the new state.

    Past `not_after` (印章有效期止) a seal that was not cancelled is expired.
    """
    entry = entry_at(history, at)
    if entry is None:
        return None
    ended = not_after is not None and at > not_after and entry.state is not SealState.CANCELLED
    return SealState.EXPIRED if ended else entry.state


def entry_at(history: Sequence[StateChange], at: datetime) -> StateChange | None:
    """Answer the entry in force at an instant; None before the first."""
    past = [entry for entry in history if entry.since <= at]
    return past[-1] if past else None


def cancelled_by(cause: Cause) -> frozenset[SealKind]:
    """Answer which seals an event in the register cancels.

    The 法定代表人章 hangs on the representative's own certificate: a change of representative cancels it alone, and
    a renamed or revoked licence cancels the others. A revoked unit (吊销) may do no business but still stands, until
    its liquidation is over (民法典 70 to 72), so its representative's own seal stays; the wallet lets nobody use it.
    A dissolved unit (注销) has no seal at all. A natural person's seal goes with their certificate only.
    """
    return _CANCELS.get(cause, frozenset())


_STATE_WORDS: Final = {
    SealState.ACTIVE: "有效",
    SealState.SUSPENDED: "已停用",
    SealState.LOST: "已挂失",
    SealState.CANCELLED: "已注销",
    SealState.EXPIRED: "已过期",
    None: "尚未制作",
}


def state_word(state: SealState | None) -> str:
    """Say a state in Chinese; None is a seal that was not made yet."""
    return _STATE_WORDS[state]
