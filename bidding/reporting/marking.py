"""Which checks make which mark of the first page, and how checks are told in the table."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, cast

import msgspec

from bidding.reporting.facts import CheckFacts, SignatureFacts, without_nulls
from bidding.reporting.sheets import CheckRow, Mark, State
from sealing import texts

_WORST: Final[tuple[State, ...]] = ("failed", "unknown", "ok")
_BY_NAME: Final = {
    "signature": ("signature",),
    "digest": ("digest", "references", "entries", "receipt-inclusion"),
    "changes": ("changes",),
    "seal_signature": ("seal-signature",),
    "chain": ("chain",),
    "certificate_period": ("validity",),
    "revocation": ("revocation", "proof"),
    "key_usage": ("key-usage",),
    "algorithm": (),
    "list": ("certificate-list",),
    "seal_period": ("seal-period",),
    "time": (),
    "owner": ("seal-owner",),
    "identity": ("identity", "person", "bidder"),
    "state": (),
    "picture": ("stamp-picture",),
    "impression": ("impression",),
}
_BY_CODE: Final = {
    "algorithm": ("ALG",),
    "time": ("TIME_UNTRUSTED", "TST_BAD"),
    "state": ("SEAL_STATE",),
    "picture": ("STAMP_PICTURE",),
    "impression": ("IMPRESSION",),
}
_ASKABLE: Final = {"identity": "all", "revocation": "all", "time": "all", "state": "seal", "picture": "seal"}
"""What is shown as not asked when no check asked it, and of what kind of entry."""
_OWNERS: Final = {"maker-": "制章者", "timestamp-": "时间戳", "seal-maker-": "制章者"}


def read_state(result: str) -> State:
    """Answer the state of a result; what is not known here is unknown."""
    return cast("State", result) if result in {"ok", "failed", "unknown", "not-asked"} else "unknown"


def mark_signature(one: SignatureFacts) -> tuple[Mark, ...]:
    """Answer the marks of the first page: the worst of the checks behind each, or that nobody asked."""
    words, results = texts.report_words("marks"), texts.report_words("results")
    marks = list[Mark]()
    for key in _BY_NAME:
        states = [read_state(check.result) for check in one.checks if _belongs(check, key)]
        if states:
            state: State = next((worst for worst in _WORST if worst in states), "unknown")
        elif _ASKABLE.get(key) in {"all", one.kind} and one.checks:
            state = "not-asked"
        else:
            continue
        marks.append(Mark(words[key], state, results[state]))
    return tuple(marks)


def mark_entry(entry: Mapping[str, Any]) -> tuple[Mark, ...]:
    """Answer the marks for one signature entry of an answer, as the pages show them; none for what is no entry."""
    try:
        return mark_signature(msgspec.convert(without_nulls(entry), SignatureFacts))
    except msgspec.ValidationError:
        return ()


def _belongs(check: CheckFacts, key: str) -> bool:
    return check.name in _BY_NAME[key] or check.code in _BY_CODE.get(key, ())


def tell_checks(one: SignatureFacts) -> tuple[CheckRow, ...]:
    """Answer the rows of the table: what went wrong first, alike passed checks in one row, then what was not asked."""
    ordered = sorted(one.checks, key=lambda check: _WORST.index(_judged(check)))
    rows = [_row(list(run)) for _, run in groupby(ordered, key=_likeness)]
    return (*rows, *_not_asked(one))


def _judged(check: CheckFacts) -> State:
    state = read_state(check.result)
    return "unknown" if state == "not-asked" else state


def _likeness(check: CheckFacts) -> tuple[str, ...]:
    if check.result == "ok" and not check.why:
        return (check.code, _owner(check), "ok")
    return (check.code, check.name, check.result, check.why)


def _row(run: Sequence[CheckFacts]) -> CheckRow:
    first, results = run[0], texts.report_words("results")
    owner, state = _owner(first), read_state(first.result)
    asked = texts.question(first.code, first.name)
    question = f"{owner}：{asked}" if owner else asked
    if len(run) > 1:
        question += f"（{len(run)} 项）"
    evidence = "".join(dict.fromkeys(part for part in (_sentence(first), first.why) if part))
    return CheckRow(first.step or texts.step(first.code), question, state, results[state], evidence, first.code)


def _sentence(check: CheckFacts) -> str:
    return check.text or texts.explain_result(check.code, check.result)


def _owner(check: CheckFacts) -> str:
    return next((owner for start, owner in _OWNERS.items() if check.name.startswith(start)), "")


def _not_asked(one: SignatureFacts) -> Iterable[CheckRow]:
    words, results, why = (texts.report_words(part) for part in ("marks", "results", "not_asked"))
    asked = {key for key in _BY_NAME if any(_belongs(check, key) for check in one.checks)}
    for key in (*_ASKABLE, "impression"):
        wanted = _ASKABLE.get(key, "seal")
        if one.checks and key not in asked and wanted in {"all", one.kind}:
            yield CheckRow("", words[key], "not-asked", results["not-asked"], why[key])
