"""The seal's state at the sealing time (签章时印章状态), by signed answers of the seal platform given as evidence.

Nobody is asked here: who judges offline gives no answers, and then "not asked" is said, which lowers no verdict. What
became of the seal after the sealing is told apart, for it undoes nothing (电子印章管理办法 art. 18).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sealing.seal import SealState
from sealing.seal_life import state_word
from sealing.seal_status import Finding, SealStatus, StatusAnswer, judge_state, read_status
from signing.checks import Check, Indication, Result, SubIndication, check
from signing.errors import SigningError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.statement import verify_statement

MAX_ANSWERS = 64
"""Answers that are looked at for one seal."""
_WORDS = {
    Finding.NOT_ASKED: "没有向备案系统查询印章状态",
    Finding.UNAVAILABLE: "备案系统没有答复",
    Finding.UNKNOWN_NUMBER: "备案系统没有这个印章编码",
    Finding.ANSWERED: "备案系统已答复",
}


@dataclass(frozen=True)
class SealStatuses:
    """What was asked of the seal platform, by the seal's number (印章编码): one answer or several, of any instants."""

    answers: Mapping[str, Sequence[StatusAnswer]] = field(default_factory=dict)

    def of(self, number: str) -> Sequence[StatusAnswer]:
        """Answer what is known of one seal; empty when nobody asked."""
        return self.answers.get(number, ())[:MAX_ANSWERS]


@dataclass(frozen=True)
class SealStateFacts:
    """How the question about a seal's state ended, in a stable word and in Chinese; `asked_at` is the platform's."""

    finding: str
    text: str
    asked_at: datetime | None = None


@dataclass(frozen=True)
class StateJudgement:
    """The check (None when nobody asked), how it ended, and since when the seal is no longer good if it ended later."""

    check: Check | None
    facts: SealStateFacts
    ended: tuple[SealState, datetime] | None = None


NOT_ASKED = StateJudgement(None, SealStateFacts(str(Finding.NOT_ASKED), _WORDS[Finding.NOT_ASKED]))


def judge_statuses(
    statuses: SealStatuses | None,
    *,
    number: str,
    at: datetime | None,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    slack: timedelta = timedelta(0),
) -> StateJudgement:
    """Judge the answers about one seal as of the sealing time `at`: check "seal-state" (SEAL_STATE).

    An answer tells of the instant that it was asked for, and of all time back to the last change that it names. Of
    several, one that decides is taken, and a failure before a success.
    """
    answers = statuses.of(number) if statuses else ()
    asked = [one for one in answers if one.finding is not Finding.NOT_ASKED]
    if not asked:
        return NOT_ASKED
    if at is None:
        return StateJudgement(_open("没有签章时间，无法判断当时的印章状态"), _facts(asked[0]))
    read = [(one, _read(one, number, anchors, evidence)) for one in asked]
    known = [status for _, status in read if status is not None]
    checks = [
        judge_state(one, number=number, at=at, anchors=anchors, slack=slack)
        if status is None or abs(status.at - at) <= slack
        else _judge_later(status, at)
        for one, status in read
    ]
    best = min(checks, key=lambda one: _ORDER[one.result])
    latest = max(known, key=lambda one: one.at, default=None)
    return StateJudgement(best, _said(latest) if latest else _facts(asked[0]), _end(latest, at))


_ORDER = {Result.FAILED: 0, Result.OK: 1, Result.UNKNOWN: 2}


def _judge_later(status: SealStatus, at: datetime) -> Check:
    """Judge by an answer about another instant: it tells back to its last change, or to the making if there is none."""
    if at <= status.at <= status.answered_at and (status.since is None or status.since <= at):
        return _decide(status)
    return _open("备案系统的答复不是关于签章时刻的")


def _decide(status: SealStatus) -> Check:
    """Judge by an answer about a later instant whose state had begun by the sealing."""
    ok = status.state is SealState.ACTIVE
    since = f"，自 {status.since:%Y-%m-%d %H:%M:%S} UTC" if status.since else ""
    why = f"{state_word(status.state)}{since}" + (f"（{status.reason}）" if status.reason else "")
    return check("seal-state", ok, code="SEAL_STATE", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _read(answer: StatusAnswer, number: str, anchors: TrustAnchors, evidence: RevocationEvidence) -> SealStatus | None:
    """Answer what a trusted maker says of this seal; None when the answer says nothing that may be used."""
    if answer.finding is not Finding.ANSWERED or answer.signed is None:
        return None
    try:
        status, signed = read_status(answer.signed)
        judged = verify_statement(
            signed,
            anchors=anchors,
            evidence=anchors.evidence + evidence,
            at=status.answered_at,
            purpose=Purpose.SEAL_MAKER,
        )
    except SigningError:
        return None
    passed = judged.indication is Indication.TOTAL_PASSED
    return status if passed and status.number == number and status.at <= status.answered_at else None


def _end(latest: SealStatus | None, at: datetime) -> tuple[SealState, datetime] | None:
    """Answer what ended the seal after the sealing, if anything did."""
    if latest is None or latest.state in (None, SealState.ACTIVE) or latest.since is None or latest.since <= at:
        return None
    return latest.state, latest.since


def _said(status: SealStatus) -> SealStateFacts:
    word = status.state.value if status.state else "not-made"
    since = f"，自 {status.since:%Y-%m-%d %H:%M:%S} UTC" if status.since else ""
    text = f"备案系统答复：{status.at:%Y-%m-%d %H:%M:%S} UTC 时{state_word(status.state)}{since}"
    return SealStateFacts(word, text, status.answered_at)


def _facts(answer: StatusAnswer) -> SealStateFacts:
    text = "备案系统的答复不可用" if answer.finding is Finding.ANSWERED else _WORDS[answer.finding]
    return SealStateFacts("unusable" if answer.finding is Finding.ANSWERED else str(answer.finding), text)


def _open(why: str) -> Check:
    return Check("seal-state", "SEAL_STATE", Result.UNKNOWN, f"{why}。", SubIndication.TRY_LATER)
