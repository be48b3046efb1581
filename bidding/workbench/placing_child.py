"""Planning impressions on a part and drawing its pages with them, inside the bounded child.

Both functions are tasks of `bidding.documents.child`. A plan that is refused is part of the answer, with its position,
so that whoever asked can be told which one it is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct

from bidding.documents.child import Limits, ask
from bidding.errors import DamagedDocumentError, EmptyDocumentError
from sealing.artwork import decode as decode_artwork
from sealing.errors import KeywordError, KeywordNotFoundError, PlanError, SealingError, StampOutsideError
from sealing.keywords import find_keywords
from sealing.pages import survey_pdf
from sealing.pdf_preview import preview_page
from sealing.placement import Box, PageView, Stamp
from sealing.planning import KeywordHits, PlanWarning, SealPlan, StampPlan, keyword_texts, plan_stamps
from signing.errors import SigningError

_PLANNING = Limits(seconds=120)


class Job(Struct, frozen=True):
    """One seal on the document: what it is called, its size in mm, and plans for it; or stamps that are fixed."""

    title: str
    size: tuple[float, float]
    plans: tuple[SealPlan, ...] = ()
    fixed: tuple[Stamp, ...] = ()


class Place(Struct, frozen=True):
    """Look at a PDF and place these seals on it, each beside those before it."""

    path: str
    jobs: tuple[Job, ...] = ()


class Refused(Struct, frozen=True):
    """Which plan of a job (from 0) was refused, by which class of error; of a keyword, how often it was found."""

    plan: int
    kind: str
    message: str
    found: int = 0
    near: tuple[str, ...] = ()


class Outcome(Struct, frozen=True):
    """Where the impressions of one job go, or why not."""

    stamps: tuple[Stamp, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    refused: Refused | None = None


class Placed(Struct, frozen=True):
    """How the pages look, and what came of each job."""

    views: tuple[PageView, ...]
    jobs: tuple[Outcome, ...]


class Impression(Struct, frozen=True):
    """One impression; `artwork` in its canonical form."""

    stamp: Stamp
    artwork: bytes


class Overlay(Struct, frozen=True):
    """Draw a page (from 1) with impressions over it, into `target` as PNG."""

    path: str
    page: int
    impressions: tuple[Impression, ...]
    target: str
    scale: float


class Drawn(Struct, frozen=True):
    """The number of bytes of the picture."""

    size: int


# -- in the parent


def place_on(path: Path, jobs: Sequence[Job]) -> Placed:
    """Answer pages and impressions; DocumentError when the file cannot be looked at."""
    return ask("place", Place(str(path.resolve()), tuple(jobs)), Placed, _PLANNING)


def draw_over(path: Path, page: int, impressions: Sequence[Impression], scale: float) -> bytes:
    """Answer a PNG of a page with impressions over it, by the engine of the sealed file's rehearsal; DocumentError."""
    with TemporaryDirectory(prefix="yizhao-placing-") as folder:
        target = Path(folder) / "page.png"
        ask("overlay", Overlay(str(path.resolve()), page, tuple(impressions), str(target), scale), Drawn)
        return target.read_bytes()


# -- in the child


def place(request: bytes) -> Any:
    """Answer Placed."""
    asked = msgspec.json.decode(request, type=Place)
    path = Path(asked.path)
    try:
        survey = survey_pdf(path)
        hits = find_keywords(path, keyword_texts(plan for job in asked.jobs for plan in job.plans), survey.views)
    except KeywordError as error:
        unsearched = Outcome(refused=Refused(-1, type(error).__name__, str(error)))
        return msgspec.to_builtins(Placed(survey.views, tuple(unsearched for _ in asked.jobs)))
    except (SealingError, SigningError) as error:
        raise DamagedDocumentError(f"{type(error).__name__}: {error}") from error
    there, found = list(survey.taken), list[Outcome]()
    for job in asked.jobs:
        found.append(_outcome(job, survey.views, hits, there))
        there += [Box(s.page, s.x_mm, s.y_mm, s.w_mm, s.h_mm, job.title) for s in found[-1].stamps]
    return msgspec.to_builtins(Placed(survey.views, tuple(found)))


def overlay(request: bytes) -> Any:
    """Answer Drawn."""
    asked = msgspec.json.decode(request, type=Overlay)
    listed = [(one.stamp, decode_artwork(one.artwork)) for one in asked.impressions]
    try:
        picture = preview_page(Path(asked.path), asked.page, listed, scale=asked.scale)
    except IndexError as error:
        raise EmptyDocumentError(f"没有第 {asked.page} 页") from error
    return msgspec.to_builtins(Drawn(Path(asked.target).write_bytes(picture)))


def _outcome(job: Job, views: Sequence[PageView], hits: Mapping[str, KeywordHits], taken: Sequence[Box]) -> Outcome:
    try:
        plan = plan_stamps(job.plans, views, job.size, keywords=hits, taken=taken) if job.plans else _fixed(job, views)
    except PlanError as error:
        return Outcome(refused=_refused(job, views, hits, error))
    return Outcome(plan.stamps, plan.warnings)


def _fixed(job: Job, views: Sequence[PageView]) -> StampPlan:
    for stamp in job.fixed:
        if not (1 <= stamp.page <= len(views) and views[stamp.page - 1].holds(stamp)):
            raise StampOutsideError(f"第 {stamp.page} 页，横 {stamp.x_mm:g}、纵 {stamp.y_mm:g} 毫米")
    return StampPlan(job.fixed)


def _refused(job: Job, views: Sequence[PageView], hits: Mapping[str, KeywordHits], whole: PlanError) -> Refused:
    """Find the plan that is refused by itself; none is when they are too many together."""
    at, reason = -1, whole
    for position, plan in enumerate(job.plans):
        try:
            plan_stamps([plan], views, job.size, keywords=hits)
        except PlanError as error:
            at, reason = position, error
            break
    if isinstance(reason, KeywordNotFoundError):
        return Refused(at, type(reason).__name__, str(reason), reason.found, reason.near)
    return Refused(at, type(reason).__name__, str(reason))
