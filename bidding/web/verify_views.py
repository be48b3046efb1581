"""What the pages of a verification show: rows while it runs, verdict cards when it is done, the worst first."""

from dataclasses import dataclass
from typing import Any, Final

from bidding.reporting.html import embed_picture
from bidding.reporting.sheets import PagePair
from bidding.web.render import VERDICTS
from bidding.web.verify_jobs import Job, Row
from bidding.web.verify_pictures import SealPage

_WORST: Final = ("REFUSED", "TOTAL-FAILED", "INDETERMINATE", "NO-SIGNATURE", "TOTAL-PASSED")
_SHORT: Final = {
    "REFUSED": "未受理",
    "TOTAL-FAILED": "不通过",
    "INDETERMINATE": "无法确定",
    "NO-SIGNATURE": "无签章",
    "TOTAL-PASSED": "通过",
}


@dataclass(frozen=True)
class Card:
    """One file: its number in the job, its answer, and its pictures."""

    row: int
    answer: dict[str, Any]
    pages: tuple[SealPage, ...]
    pairs: tuple[PagePair, ...]
    seals: dict[str, str]
    """Pictures of seals by signature id, as data addresses."""
    needs_password: bool
    waiting: bool


def cards(job: Job) -> dict[str, Any]:
    """Answer the cards of a finished job, and how many files ended in which way."""
    made = [_card(job, number, row) for number, row in enumerate(job.rows) if row.judged]
    made.sort(key=lambda card: (_WORST.index(card.answer["indication"]), card.row))
    counts = [(kind, VERDICTS[kind][0], _SHORT[kind], _count(job, kind)) for kind in _WORST]
    sandbox = any(card.answer["trust"].get("sandbox") for card in made)
    return {"cards": made, "counts": [one for one in counts if one[3]], "SHORT": _SHORT, "made_in_sandbox": sandbox}


def live_rows(job: Job) -> dict[str, Any]:
    """Answer the rows of a job that is at work."""
    rows = [(row.item.name, row.judged.answer["indication"] if row.judged else "") for row in job.rows]
    return {"rows": rows, "done": job.done, "total": len(job.rows), "VERDICTS": VERDICTS, "SHORT": _SHORT}


def _card(job: Job, number: int, row: Row) -> Card:
    if row.judged is None:  # pragma: no cover - the caller has seen to it
        raise ValueError("not judged yet")
    seals = {name: embed_picture(data) for name, data in row.pictures.seals.items()}
    waiting = row.needs_password and job.folder is not None
    return Card(number, row.judged.answer, row.pages, row.pictures.pairs, seals, row.needs_password, waiting)


def _count(job: Job, kind: str) -> int:
    return sum(answer["indication"] == kind for answer in job.answers)
