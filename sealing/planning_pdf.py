"""Planning for one PDF: its pages and what stands on them, its keywords, then the pure plan."""

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from sealing.keywords import KeywordLimits, find_keywords
from sealing.pages import survey_pdf
from sealing.planning import SealPlan, StampPlan, keyword_texts, plan_stamps

_LIMITS: Final = KeywordLimits()


def plan_for_pdf(
    path: Path,
    plans: Sequence[SealPlan],
    size_mm: tuple[float, float],
    *,
    ignore: Collection[str] = (),
    limits: KeywordLimits = _LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> StampPlan:
    """Answer where a seal of this size goes in a PDF; `ignore` names the signature fields to be filled now.

    Raises what `pages.survey_pdf`, `keywords.find_keywords` and `planning.plan_stamps` raise. A file from outside is
    planned in a process of its own.
    """
    survey = survey_pdf(path, ignore)
    found = find_keywords(path, keyword_texts(plans), survey.views, limits=limits, clock=clock)
    return plan_stamps(plans, survey.views, size_mm, keywords=found, taken=survey.taken)
