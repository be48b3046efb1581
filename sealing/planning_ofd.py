"""Planning for one OFD package: its pages and what stands on them, its keywords, then the pure plan."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sealing.keywords import KeywordLimits
from sealing.ofd_keywords import find_ofd_keywords
from sealing.ofd_survey import survey_ofd
from sealing.planning import SealPlan, StampPlan, keyword_texts, plan_stamps

_LIMITS: Final = KeywordLimits()


def plan_for_ofd(
    path: Path,
    plans: Sequence[SealPlan],
    size_mm: tuple[float, float],
    *,
    document: int = 1,
    limits: KeywordLimits = _LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> StampPlan:
    """Answer where a seal of this size goes in a document of a package, the first by default.

    Raises what `ofd_survey.survey_ofd`, `ofd_keywords.find_ofd_keywords` and `planning.plan_stamps` raise.
    """
    survey = survey_ofd(path, document=document)
    found = find_ofd_keywords(path, keyword_texts(plans), document=document, limits=limits, clock=clock)
    return plan_stamps(plans, survey.views, size_mm, keywords=found, taken=survey.taken)
