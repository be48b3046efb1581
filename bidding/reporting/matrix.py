"""Many answers in one table (批量核验): files × checks, or bidders × documents, the worst first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bidding.reporting.facts import FileFacts, read_answer
from bidding.reporting.marking import mark_signature
from bidding.reporting.sheets import State
from sealing import texts

_RANK: Final = {"REFUSED": 0, "TOTAL-FAILED": 1, "INDETERMINATE": 2, "NO-SIGNATURE": 3, "TOTAL-PASSED": 5}
"""The order of the exit codes of `yizhao verify`: what could not even be read comes first."""
_MISSING: Final = 2.5
_NOTED: Final = 4
_STATES: Final[dict[str, State]] = {
    "REFUSED": "failed",
    "TOTAL-FAILED": "failed",
    "INDETERMINATE": "unknown",
    "NO-SIGNATURE": "not-asked",
    "TOTAL-PASSED": "ok",
}
_WORST: Final[tuple[State, ...]] = ("failed", "unknown", "ok", "not-asked")
_SHORT: Final = {
    "REFUSED": "✗ 不能读取",
    "TOTAL-FAILED": "✗ 不通过",
    "INDETERMINATE": "？ 无法确定",
    "NO-SIGNATURE": "— 无签章",
    "TOTAL-PASSED": "✓ 通过",
}
_NOTED_WORD: Final = "✓ 通过（有说明）"


@dataclass(frozen=True)
class Cell:
    """One cell; `state` is None for plain text."""

    text: str
    state: State | None = None


@dataclass(frozen=True)
class Matrix:
    """A table with its heads; every row is as long as they are."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Submission:
    """Whose document of which kind, and the answer about it."""

    bidder: str
    document: str
    answer: Mapping[str, Any]


def matrix_of_files(answers: Iterable[Mapping[str, Any]]) -> Matrix:
    """Lay out files × checks; a check's cell is the worst over all signatures of the file. ReportAnswerError."""
    words, marks = texts.report_words("matrix"), texts.report_words("marks")
    read = sorted((read_answer(answer) for answer in answers), key=lambda facts: (_rank(facts), facts.file))
    found = [_worst_marks(facts) for facts in read]
    labels = [label for label in marks.values() if any(label in one for one in found)]
    heads = (words["file"], words["verdict"], words["reason"], *labels)
    rows = tuple(
        (Cell(facts.file), verdict_cell(facts), Cell(facts.reason), *(_mark_cell(one.get(label)) for label in labels))
        for facts, one in zip(read, found, strict=True)
    )
    return Matrix(words["title"], heads, rows)


def matrix_of_bidders(submissions: Sequence[Submission]) -> Matrix:
    """Lay out bidders × kinds of documents; several of one kind share a cell, and none is said. ReportAnswerError."""
    words = texts.report_words("matrix")
    kinds = tuple(dict.fromkeys(one.document for one in submissions))
    grid: dict[str, dict[str, list[FileFacts]]] = {}
    for one in submissions:
        grid.setdefault(one.bidder, {}).setdefault(one.document, []).append(read_answer(one.answer))

    def badness(bidder: str) -> tuple[float, str]:
        missing = [_MISSING] if any(kind not in grid[bidder] for kind in kinds) else []
        return min([_rank(facts) for cell in grid[bidder].values() for facts in cell] + missing), bidder

    rows = tuple(
        (Cell(bidder), *(_document_cell(grid[bidder].get(kind, [])) for kind in kinds))
        for bidder in sorted(grid, key=badness)
    )
    return Matrix(words["title"], (words["bidder"], *kinds), rows)


def verdict_cell(facts: FileFacts) -> Cell:
    """Answer the short word for a file's verdict."""
    noted = facts.indication == "TOTAL-PASSED" and _rank(facts) == _NOTED
    return Cell(_NOTED_WORD if noted else _SHORT[facts.indication], _STATES[facts.indication])


def _document_cell(facts: Sequence[FileFacts]) -> Cell:
    if not facts:
        return Cell(texts.report_words("matrix")["missing"], "not-asked")
    worst = verdict_cell(min(facts, key=_rank))
    return Cell(f"{worst.text}（{len(facts)} 份）", worst.state) if len(facts) > 1 else worst


def _rank(facts: FileFacts) -> float:
    if facts.indication == "TOTAL-PASSED" and (facts.warnings or facts.changed):
        return _NOTED
    return _RANK[facts.indication]


def _worst_marks(facts: FileFacts) -> dict[str, State]:
    found: dict[str, State] = {}
    for one in facts.signatures:
        for mark in mark_signature(one):
            found[mark.label] = min(found.get(mark.label, mark.state), mark.state, key=_WORST.index)
    return found


def _mark_cell(state: State | None) -> Cell:
    return Cell(texts.report_words("results")[state], state) if state else Cell("")
