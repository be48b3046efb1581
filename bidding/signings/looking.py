"""Looking at a document that somebody uploaded, inside the bounded child: pages, places, pictures, fields.

Each function is a task of `bidding.documents.child`: bytes of a request in, plain values out. A refusal is part of
the answer, so that its class gets through to the caller (`Refusal`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from bidding.documents.child import Limits, Task, ask
from bidding.errors import DamagedDocumentError
from bidding.signings.values import Format
from sealing.artwork import decode as decode_artwork
from sealing.errors import ClosedOfdError, SealingError
from sealing.keywords import find_keywords
from sealing.pages import survey_pdf
from sealing.pdf import prepare_acts
from sealing.pdf_preview import preview_page
from sealing.placement import Box, PageView, Stamp
from sealing.planning import KeywordHits, PlanWarning, SealPlan, keyword_texts, plan_stamps
from signing.errors import SigningError

_REFUSALS: Final = (SealingError, SigningError)
_Answer = TypeVar("_Answer", "Looked", "Done")
_PLANNING: Final = Limits(seconds=120)


class Job(Struct, frozen=True):
    """One act on the document: the size of its seal in millimetres, what it is called, and where it goes."""

    title: str
    size: tuple[float, float]
    places: tuple[SealPlan, ...]


class Look(Struct, frozen=True):
    """Survey a document and place these acts on it."""

    path: str
    format: Format
    jobs: tuple[Job, ...] = ()


class JobStamps(Struct, frozen=True):
    """Where one act goes."""

    stamps: tuple[Stamp, ...]
    warnings: tuple[PlanWarning, ...]


class Refusal(Struct, frozen=True):
    """Name of an error's class, and its message."""

    kind: str
    message: str


class Looked(Struct, frozen=True):
    """How many pages a document has, and where each act goes; or why that cannot be told."""

    pages: int = 0
    sizes: tuple[tuple[float, float], ...] = ()
    jobs: tuple[JobStamps, ...] = ()
    refusal: Refusal | None = None


class Impression(Struct, frozen=True):
    """One impression; `artwork` in its canonical form."""

    stamp: Stamp
    artwork: bytes


class Show(Struct, frozen=True):
    """Draw a page (from 1) of a PDF with impressions over it, into `target` as PNG."""

    path: str
    page: int
    impressions: tuple[Impression, ...]
    target: str


class Prepare(Struct, frozen=True):
    """Prepare signature fields in a PDF, in place: name → impressions."""

    path: str
    acts: dict[str, tuple[Stamp, ...]]


class Done(Struct, frozen=True):
    """Whether it was done, or why not."""

    refusal: Refusal | None = None


# -- in the parent


def look_at(path: Path, form: Format, jobs: Sequence[Job] = ()) -> Looked:
    """Answer pages and places; raises what `sealing.planning` and the readers raise, or a DocumentError."""
    request = Look(str(path.resolve()), form, tuple(jobs))
    return _ask("survey", request, Looked)


def draw_page(path: Path, page: int, impressions: Sequence[tuple[Stamp, bytes]]) -> bytes:
    """Answer a PNG of a page of a PDF with impressions over it."""
    with TemporaryDirectory(prefix="yizhao-page-") as folder:
        target = Path(folder) / "page.png"
        listed = tuple(Impression(stamp, artwork) for stamp, artwork in impressions)
        _ask("show", Show(str(path.resolve()), page, listed, str(target)), Done)
        return target.read_bytes()


def prepare(path: Path, acts: dict[str, tuple[Stamp, ...]]) -> None:
    """Add a field for each act to a PDF, in place; raises what `sealing.pdf.prepare_acts` raises."""
    _ask("prepare", Prepare(str(path.resolve()), acts), Done)


def _ask(task: Task, request: Struct, answer: type[_Answer]) -> _Answer:
    found = ask(task, request, answer, _PLANNING)
    if found.refusal is not None:
        raise _error(found.refusal)
    return found


def _error(refusal: Refusal) -> Exception:
    """Make the error that the child met; its particulars are in its message."""
    pending: list[type[Exception]] = list(_REFUSALS)
    while pending:
        kind = pending.pop()
        if kind.__name__ == refusal.kind:
            error = kind.__new__(kind)
            error.args = (refusal.message,)
            return error
        pending += kind.__subclasses__()
    return DamagedDocumentError(refusal.message)


# -- in the child


def survey(request: bytes) -> Any:
    """Answer Looked."""
    asked = msgspec.json.decode(request, type=Look)
    return _told(lambda: _survey(asked), Looked)


def show(request: bytes) -> Any:
    """Answer Done."""
    asked = msgspec.json.decode(request, type=Show)

    def work() -> Done:
        listed = [(one.stamp, decode_artwork(one.artwork)) for one in asked.impressions]
        Path(asked.target).write_bytes(preview_page(Path(asked.path), asked.page, listed))
        return Done()

    return _told(work, Done)


def prepare_fields(request: bytes) -> Any:
    """Answer Done."""
    asked = msgspec.json.decode(request, type=Prepare)

    def work() -> Done:
        prepare_acts(Path(asked.path), asked.acts)
        return Done()

    return _told(work, Done)


def _told(work: Callable[[], Struct], answer: Callable[..., Struct]) -> Any:
    try:
        return msgspec.to_builtins(work())
    except _REFUSALS as error:
        return msgspec.to_builtins(answer(refusal=Refusal(type(error).__name__, str(error)[:2000])))


def _survey(asked: Look) -> Looked:
    path = Path(asked.path)
    texts = keyword_texts([place for job in asked.jobs for place in job.places])
    views, taken, hits = _read_ofd(path, texts) if asked.format == "ofd" else _read_pdf(path, texts)
    found, there = list[JobStamps](), list(taken)
    for job in asked.jobs:
        plan = plan_stamps(job.places, views, job.size, keywords=hits, taken=there)
        found.append(JobStamps(plan.stamps, plan.warnings))
        there += [Box(s.page, s.x_mm, s.y_mm, s.w_mm, s.h_mm, job.title) for s in plan.stamps]
    return Looked(len(views), tuple(view.size_mm for view in views), tuple(found))


_Read = tuple[Sequence[PageView], Sequence[Box], dict[str, KeywordHits]]


def _read_pdf(path: Path, texts: Sequence[str]) -> _Read:
    survey = survey_pdf(path)
    return survey.views, survey.taken, find_keywords(path, texts, survey.views)


def _read_ofd(path: Path, texts: Sequence[str]) -> _Read:
    from sealing.ofd_sealing import find_ofd_keywords, survey_ofd  # noqa: PLC0415 - half of all files are PDF

    survey = survey_ofd(path)
    if survey.closed:
        raise ClosedOfdError(survey.closed)
    return survey.views, survey.taken, find_ofd_keywords(path, texts)


def format_of(path: Path) -> Format | None:
    """Say what a file claims to be; None for neither."""
    with path.open("rb") as stream:
        head = stream.read(1024)
    if b"%PDF-" in head:
        return "pdf"
    return "ofd" if head.startswith(b"PK\x03\x04") else None
