"""The public status query (印章状态查询): the maker's signed answer, and what it says of a sealing, pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from sealing.seal import SealState
from sealing.seal_life import state_word
from signing.checks import Check, Indication, Result, SubIndication, check
from signing.errors import SigningError
from signing.path import Purpose, TrustAnchors
from signing.statement import SignedStatement, parse_statement, verify_statement


class SealStatus(Struct, frozen=True, forbid_unknown_fields=True):
    """What the registry says of a seal as of `at`, signed by the maker as a statement (印章状态查询答复).

    `state` is None when the seal was not made yet at `at`. `answered_at` is when it was said: of a later instant it
    says nothing.
    """

    v: Literal[1]
    type: Literal["seal-status"]
    number: str
    name: str
    uscc: str
    at: datetime
    answered_at: datetime
    state: SealState | None
    since: datetime | None
    reason: str
    not_before: datetime
    not_after: datetime
    replaced_by: str = ""


class Finding(StrEnum):
    """How a status query ended; "not asked" and "unknown number" are different things."""

    NOT_ASKED = "not-asked"
    UNAVAILABLE = "unavailable"
    UNKNOWN_NUMBER = "unknown-number"
    ANSWERED = "answered"


@dataclass(frozen=True)
class StatusAnswer:
    """A finding, with the signed answer when there is one; it can be kept as evidence."""

    finding: Finding
    signed: SignedStatement | None = None


NOT_ASKED: Final = StatusAnswer(Finding.NOT_ASKED)
_OPEN: Final = {
    Finding.NOT_ASKED: "没有向备案系统查询。",
    Finding.UNAVAILABLE: "备案系统没有答复。",
    Finding.UNKNOWN_NUMBER: "备案系统没有这个印章编码。",
}


def read_status(signed: SignedStatement | bytes) -> tuple[SealStatus, SignedStatement]:
    """Read a signed answer; nothing is judged. Raises LimitError, MalformedError or NotCanonicalError."""
    return parse_statement(signed, SealStatus)


def judge_state(
    answer: StatusAnswer,
    *,
    number: str,
    at: datetime,
    anchors: TrustAnchors,
    slack: timedelta = timedelta(0),
) -> Check:
    """Ask whether a seal was valid at the sealing time (签章时状态), as check "seal-state".

    Open when nobody asked, nobody answered, the number is unknown, the answer is not signed by a trusted maker (that
    says nothing of the seal), or it is about another seal, another instant (beyond `slack`) or older than `at`.
    """
    if answer.finding is not Finding.ANSWERED or answer.signed is None:
        return _open(_OPEN.get(answer.finding, _OPEN[Finding.UNAVAILABLE]))
    try:
        status, signed = read_status(answer.signed)
        judged = verify_statement(
            signed, anchors=anchors, evidence=anchors.evidence, at=status.answered_at, purpose=Purpose.SEAL_MAKER
        )
    except SigningError:
        return _open("备案系统的答复无法读取。")
    if judged.indication is not Indication.TOTAL_PASSED:
        return _open(f"备案系统的答复未通过验证：{'、'.join(judged.failed + judged.unknown)}。")
    if status.number != number or abs(status.at - at) > slack or status.answered_at < at:
        return _open("备案系统的答复不是关于这枚印章和这一时刻的。")
    return _said(status)


def _said(status: SealStatus) -> Check:
    since = f"，自 {status.since:%Y-%m-%d %H:%M:%S} UTC" if status.since else ""
    why = f"{state_word(status.state)}{since}" + (f"（{status.reason}）" if status.reason else "")
    ok, sub = status.state is SealState.ACTIVE, SubIndication.SIG_CONSTRAINTS_FAILURE
    return check("seal-state", ok, code="SEAL_STATE", sub=sub, why=why)


def _open(why: str) -> Check:
    return Check("seal-state", "SEAL_STATE", Result.UNKNOWN, why, SubIndication.TRY_LATER)
