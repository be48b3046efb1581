"""The seal's state at the sealing time, by signed answers given as evidence: asked, not asked, and what came later."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sealing_world import DAY, NOON, Party, World

from sealing.judging_state import SealStatuses
from sealing.report import DocumentVerdict, SignatureReport
from sealing.seal import SealState
from sealing.seal_status import NOT_ASKED, Finding, SealStatus, StatusAnswer
from sealing.verify import verify_pdf
from signing.checks import Check, Indication, Result
from signing.statement import complete_statement, prepare_statement

NUMBER = "3501000000000"
MADE = NOON - 10 * DAY


def answer(
    maker: Party,
    state: SealState | None = SealState.ACTIVE,
    *,
    at: datetime = NOON,
    since: datetime | None = MADE,
    number: str = NUMBER,
    answered: datetime | None = None,
) -> StatusAnswer:
    status = SealStatus(
        1, "seal-status", number, "测试", "", at, answered or at, state, since, "到期换领", MADE, NOON + 50 * DAY
    )
    statement = prepare_statement(status)
    signed = complete_statement(statement, maker.sign(statement), maker.certificate.der)
    return StatusAnswer(Finding.ANSWERED, signed)


def judge(
    path: Path, world: World, answers: Sequence[StatusAnswer] | None, *, at: datetime = NOON + 5 * DAY
) -> tuple[DocumentVerdict, SignatureReport]:
    statuses = None if answers is None else SealStatuses({NUMBER: answers})
    trust = world.trust
    verdict = verify_pdf(path, anchors=trust, evidence=trust.evidence, at=at, statuses=statuses)
    return verdict, next(one for one in verdict.signatures if one.seal and one.seal.number == NUMBER)


def state_of(report: SignatureReport) -> Check | None:
    return next((one for one in report.verdict.checks if one.name == "seal-state"), None)


@pytest.mark.parametrize("answers", [None, (), (NOT_ASKED,)], ids=["no statuses", "none of this seal", "not asked"])
def test_not_asked_is_told_and_lowers_nothing(
    world: World, sealed: Path, answers: Sequence[StatusAnswer] | None
) -> None:
    verdict, report = judge(sealed, world, answers)
    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, ())
    assert state_of(report) is None
    assert report.as_json()["seal_state"]["finding"] == "not-asked"
    assert "没有向备案系统查询" in report.as_json()["seal_state"]["text"]


CANCELLED, SUSPENDED, ACTIVE = SealState.CANCELLED, SealState.SUSPENDED, SealState.ACTIVE


@pytest.mark.parametrize(
    ("facts", "result", "finding"),
    [
        pytest.param([{}], Result.OK, "active", id="active at that instant"),
        pytest.param([{"at": NOON + DAY}], Result.OK, "active", id="active since before, asked later"),
        pytest.param([{"at": NOON + DAY, "since": NOON + DAY / 2}], Result.UNKNOWN, "active", id="only later active"),
        pytest.param([{"at": NOON - DAY}], Result.UNKNOWN, "active", id="asked about an earlier instant"),
        pytest.param([{"state": CANCELLED, "since": NOON - DAY}], Result.FAILED, "cancelled", id="cancelled before"),
        pytest.param([{"state": SUSPENDED, "since": NOON}], Result.FAILED, "suspended", id="suspended in that second"),
        pytest.param([{"state": None, "since": None}], Result.FAILED, "not-made", id="not made yet"),
        pytest.param(
            [{"state": CANCELLED, "at": NOON + 2 * DAY, "since": NOON - DAY}],
            Result.FAILED,
            "cancelled",
            id="asked later",
        ),
        pytest.param(
            [{"state": CANCELLED, "at": NOON + 2 * DAY, "since": NOON + DAY}],
            Result.UNKNOWN,
            "cancelled",
            id="cancelled since, the time before not told",
        ),
        pytest.param([{"number": "3501000000001"}], Result.UNKNOWN, "unusable", id="about another seal"),
        pytest.param([{"answered": NOON - DAY}], Result.UNKNOWN, "unusable", id="answered before the instant"),
        pytest.param(
            [{}, {"state": SUSPENDED, "since": NOON - DAY}],
            Result.FAILED,
            "active",
            id="two that contradict each other",
        ),
    ],
)
def test_the_state_at_the_sealing_time(
    world: World, sealed: Path, facts: list[dict[str, object]], result: Result, finding: str
) -> None:
    verdict, report = judge(sealed, world, [answer(world.maker, **one) for one in facts])  # type: ignore[arg-type]
    asked = state_of(report)
    assert asked is not None
    assert (asked.code, asked.result) == ("SEAL_STATE", result)
    words = {Result.OK: Indication.TOTAL_PASSED, Result.UNKNOWN: Indication.INDETERMINATE}
    assert verdict.indication is words.get(result, Indication.TOTAL_FAILED)
    assert report.seal_state.finding == finding


def test_cancelled_after_the_sealing_is_told_apart(world: World, sealed: Path) -> None:
    later = answer(world.maker, CANCELLED, at=NOON + 3 * DAY, since=NOON + 2 * DAY)
    verdict, report = judge(sealed, world, [answer(world.maker), later])
    assert verdict.indication is Indication.TOTAL_PASSED
    assert [(one.what, one.who, one.at) for one in report.since] == [("seal-cancelled", "seal", NOON + 2 * DAY)]
    assert "注销" in report.as_json()["since"][0]["text"]
    before, _ = judge(sealed, world, [answer(world.maker), later], at=NOON + DAY)
    assert before.signatures[1].since == ()


@pytest.mark.parametrize("signer", ["stranger", "unit"])
def test_an_answer_that_no_maker_signed_says_nothing(world: World, sealed: Path, signer: str) -> None:
    verdict, report = judge(sealed, world, [answer(getattr(world, signer), CANCELLED, since=NOON - DAY)])
    assert verdict.indication is Indication.INDETERMINATE
    assert report.seal_state.finding == "unusable"


@pytest.mark.parametrize(
    ("finding", "word"), [(Finding.UNAVAILABLE, "unavailable"), (Finding.UNKNOWN_NUMBER, "unknown-number")]
)
def test_asked_in_vain_is_another_thing_than_not_asked(world: World, sealed: Path, finding: Finding, word: str) -> None:
    verdict, report = judge(sealed, world, [StatusAnswer(finding)])
    assert verdict.indication is Indication.INDETERMINATE
    assert report.seal_state.finding == word


def test_a_tampered_answer_says_nothing(world: World, sealed: Path) -> None:
    good = answer(world.maker)
    assert good.signed is not None
    forged = replace_statement(good, good.signed.statement.replace(b'"active"', b'"issued"'))
    _, report = judge(sealed, world, [forged])
    assert report.seal_state.finding == "unusable"


def replace_statement(good: StatusAnswer, statement: bytes) -> StatusAnswer:
    from msgspec.structs import replace as change  # noqa: PLC0415

    assert good.signed is not None
    return replace(good, signed=change(good.signed, statement=statement))


def test_the_end_of_the_seal_itself_is_told(world: World, sealed: Path) -> None:
    _, report = judge(sealed, world, None, at=NOON + 60 * DAY)
    assert [(one.what, one.at) for one in report.since] == [("seal-expired", NOON + 50 * DAY)]
