"""From what people ask for to impressions on pages: points, keywords, page ranges and 骑缝. Pure, in millimetres.

Every position is that of the middle of the impression on the page as displayed. A place that was given in numbers
and does not hold the picture is an error; one that was found by a keyword is moved onto the page, with a warning.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import hypot
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sealing.errors import (
    KeywordError,
    KeywordNotFoundError,
    PageRangeError,
    PlanError,
    StampOutsideError,
    StraddleError,
)
from sealing.page_ranges import parse_pages
from sealing.placement import Box, PageView, Stamp
from sealing.straddle import LARGEST_MINIMUM, Side, middle_of, slice_group, split_pages

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right", "centre"]
Anchor = Literal["over", "right", "below"]
Parity = Literal["all", "odd", "even"]
Length = Annotated[float, Meta(ge=-15_000, le=15_000)]
PageText = Annotated[str, Meta(min_length=1, max_length=2_000)]

_MAX_PLANS: Final = 64
_MAX_STAMPS: Final = 120_000
_MAX_SIZE: Final = 300.0
_TOUCHING: Final = 0.5
"""Millimetres by which two boxes may overlap before anybody is told."""


class Point(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="point"):
    """One place: `page` counts from 1, or from the end as -1, -2, …

    `x_mm`, `y_mm` lead from a corner of the page inwards to the middle of the impression; from the centre, to the
    right and down.
    """

    page: int
    x_mm: Length
    y_mm: Length
    corner: Corner = "top-left"


class Keyword(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="keyword"):
    """At words of the document (关键字): the n-th time they stand there from 1, the last, or all of them.

    The impression stands with its middle over the words, or beside them with its edge at theirs; `dx_mm`, `dy_mm`
    move it to the right and down. `pages` confines the search.
    """

    text: Annotated[str, Meta(min_length=1, max_length=100)]
    occurrence: Annotated[int, Meta(ge=1)] | Literal["all", "last"] = 1
    dx_mm: Length = 0.0
    dy_mm: Length = 0.0
    anchor: Anchor = "over"
    pages: PageText = "all"


class Pages(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pages"):
    """The same point on many pages: "1-3,5,8", "all", of these the odd or even ones."""

    x_mm: Length
    y_mm: Length
    corner: Corner = "top-left"
    pages: PageText = "all"
    parity: Parity = "all"


class Straddle(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="straddle"):
    """A 骑缝章 along one edge of `pages`, or of each of `groups`; `min_share` of the picture on every page.

    `offset_mm` is where its middle stands along the edge, from the top or the left; without it, the middle of the
    shortest edge. `double_sided` is for sheets printed on both sides: odd pages at `side`, even pages at the other
    edge of the same paper, each of the two with a picture of its own.
    """

    side: Side = "right"
    pages: PageText = "all"
    groups: Annotated[tuple[PageText, ...], Meta(max_length=1_000)] = ()
    offset_mm: Length | None = None
    min_share: Annotated[float, Meta(gt=0, le=LARGEST_MINIMUM)] = 0.04
    double_sided: bool = False


SealPlan = Point | Keyword | Pages | Straddle


@dataclass(frozen=True)
class Occurrence:
    """Words that were found: one box for each line they run over."""

    page: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class KeywordHits:
    """Where a keyword stands, in reading order; if nowhere, the lines that come nearest."""

    found: tuple[Occurrence, ...]
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanWarning:
    """Something to show before anybody confirms; `code` is stable, `text` Chinese."""

    code: Literal["moved", "overlap", "single-page"]
    page: int
    text: str


@dataclass(frozen=True)
class StampPlan:
    """All impressions of one act, by page and in the order of the plans, and what to look at."""

    stamps: tuple[Stamp, ...]
    warnings: tuple[PlanWarning, ...] = ()


def parse_plans(data: bytes) -> tuple[SealPlan, ...]:
    """Read a JSON list of plans. Raises PlanError."""
    try:
        return msgspec.json.decode(data, type=tuple[SealPlan, ...])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"not a list of plans: {error}") from error


def keyword_texts(plans: Iterable[SealPlan]) -> tuple[str, ...]:
    """Answer the keywords to search for before planning, each once."""
    return tuple(dict.fromkeys(plan.text for plan in plans if isinstance(plan, Keyword)))


def plan_stamps(
    plans: Sequence[SealPlan],
    pages: Sequence[PageView],
    size_mm: tuple[float, float],
    *,
    keywords: Mapping[str, KeywordHits] | None = None,
    taken: Iterable[Box] = (),
) -> StampPlan:
    """Turn plans for one seal of a given size into impressions; `taken` is what stands on the pages already.

    Raises PageRangeError, StampOutsideError, StraddleError, KeywordNotFoundError; KeywordError for a keyword that is
    not among `keywords`; PlanError for no or too many plans or stamps, or an impossible size.
    """
    if not 1 <= len(plans) <= _MAX_PLANS:
        raise PlanError(f"{len(plans)} plans; there must be 1 to {_MAX_PLANS}")
    if not all(0 < length <= _MAX_SIZE for length in size_mm):
        raise PlanError(f"a picture of {size_mm[0]:g} × {size_mm[1]:g} mm")
    planner = _Planner(pages, size_mm, keywords or {})
    for plan in plans:
        planner.add(plan)
    stamps = tuple(sorted(planner.stamps, key=lambda stamp: stamp.page))
    return StampPlan(stamps, (*planner.warnings, *_collisions(stamps, taken)))


class _Planner:
    """Collects the impressions of one act."""

    def __init__(
        self, pages: Sequence[PageView], size_mm: tuple[float, float], keywords: Mapping[str, KeywordHits]
    ) -> None:
        self.pages, self.size_mm, self.keywords = pages, size_mm, keywords
        self.stamps, self.warnings = list[Stamp](), list[PlanWarning]()

    def add(self, plan: SealPlan) -> None:
        """Add the impressions of one plan."""
        match plan:
            case Point():
                self._keep(self._at(self._page(plan.page), plan))
            case Pages():
                self._many(plan)
            case Keyword():
                for found in self._occurrences(plan):
                    self._keep(self._moved_inside(self._beside(found, plan), plan.text))
            case Straddle():
                self._straddle(plan)

    def _many(self, plan: Pages) -> None:
        chosen = _of_parity(parse_pages(plan.pages, len(self.pages)), plan.parity)
        if not chosen:
            raise PageRangeError(f"of the pages {plan.pages!r} none is {plan.parity}")
        for page in chosen:
            self._keep(self._at(page, plan))

    def _keep(self, stamp: Stamp) -> None:
        view = self.pages[stamp.page - 1]
        if not view.holds(stamp):
            width, height = view.size_mm
            raise StampOutsideError(
                f"an impression of {stamp.w_mm:.1f} × {stamp.h_mm:.1f} mm at {stamp.x_mm:.1f}, {stamp.y_mm:.1f} mm"
                f" leaves page {stamp.page}, which is {width:.1f} × {height:.1f} mm"
            )
        if len(self.stamps) >= _MAX_STAMPS:
            raise PlanError(f"more than {_MAX_STAMPS} impressions")
        self.stamps.append(stamp)

    def _page(self, number: int) -> int:
        page = number if number > 0 else len(self.pages) + number + 1
        if number == 0 or not 1 <= page <= len(self.pages):
            raise PageRangeError(f"there is no page {number} among {len(self.pages)}")
        return page

    def _at(self, page: int, plan: Point | Pages) -> Stamp:
        width, height = self.pages[page - 1].size_mm
        x, y = plan.x_mm, plan.y_mm
        if plan.corner == "centre":
            x, y = width / 2 + x, height / 2 + y
        else:
            x = width - x if plan.corner.endswith("right") else x
            y = height - y if plan.corner.startswith("bottom") else y
        return self._centred(page, x, y)

    def _centred(self, page: int, x: float, y: float) -> Stamp:
        width, height = self.size_mm
        return Stamp(page, x - width / 2, y - height / 2, width, height)

    def _occurrences(self, plan: Keyword) -> Sequence[Occurrence]:
        if plan.text not in self.keywords:
            raise KeywordError(f"nobody has searched for {plan.text!r}")
        hits, wanted = self.keywords[plan.text], set(parse_pages(plan.pages, len(self.pages)))
        found = [hit for hit in hits.found if hit.page in wanted]
        needed = plan.occurrence if isinstance(plan.occurrence, int) else 1
        if not 1 <= needed <= len(found):
            raise KeywordNotFoundError(plan.text, len(found), hits.near)
        if plan.occurrence == "all":
            return found
        return [found[-1] if plan.occurrence == "last" else found[needed - 1]]

    def _beside(self, found: Occurrence, plan: Keyword) -> Stamp:
        """Stand over the longest line of the words, or beside their last line."""
        width, height = self.size_mm
        last, longest = found.boxes[-1], max(reversed(found.boxes), key=lambda box: max(box.w_mm, box.h_mm))
        x, y = (longest if plan.anchor == "over" else last).centre
        if plan.anchor == "right":
            x = last.x_mm + last.w_mm + width / 2
        if plan.anchor == "below":
            y = last.y_mm + last.h_mm + height / 2
        return self._centred(found.page, x + plan.dx_mm, y + plan.dy_mm)

    def _moved_inside(self, stamp: Stamp, text: str) -> Stamp:
        if self.pages[stamp.page - 1].holds(stamp):
            return stamp
        width, height = self.pages[stamp.page - 1].size_mm
        x = max(0.0, min(stamp.x_mm, width - stamp.w_mm))
        y = max(0.0, min(stamp.y_mm, height - stamp.h_mm))
        moved = hypot(x - stamp.x_mm, y - stamp.y_mm)
        told = f"“{text}”处的印章会超出第 {stamp.page} 页，已移动 {moved:.1f} 毫米到页面以内。"
        self.warnings.append(PlanWarning("moved", stamp.page, told))
        return Stamp(stamp.page, x, y, stamp.w_mm, stamp.h_mm)

    def _straddle(self, plan: Straddle) -> None:
        seen = set[int]()
        for text in plan.groups or (plan.pages,):
            pages = parse_pages(text, len(self.pages))
            if seen.intersection(pages):
                raise StraddleError(f"page {min(seen.intersection(pages))} stands in two groups of one 骑缝章")
            seen.update(pages)
            offset = middle_of(pages, self.pages, plan.side) if plan.offset_mm is None else plan.offset_mm
            for side, own in self._sides(plan, pages):
                for group in split_pages(own, plan.min_share):
                    for stamp in slice_group(group, self.pages, side, self.size_mm, offset):
                        self._keep(stamp)

    def _sides(self, plan: Straddle, pages: Sequence[int]) -> Iterator[tuple[Side, Sequence[int]]]:
        """Answer the edges to seal and their pages; of a face that has one page only, tell, unless both have."""
        if not plan.double_sided:
            yield plan.side, pages
            return
        odd, even = _of_parity(pages, "odd"), _of_parity(pages, "even")
        for side, own, other in ((plan.side, odd, even), (_BACK[plan.side], even, odd)):
            if len(own) > 1 or len(other) <= 1:
                yield side, own
            elif own:
                told = f"双面骑缝时第 {own[0]} 页没有同一面的其他页，该页不加盖。"
                self.warnings.append(PlanWarning("single-page", own[0], told))


_BACK: Final[Mapping[Side, Side]] = {"left": "right", "right": "left", "top": "top", "bottom": "bottom"}
"""Where the same edge of the paper is seen from its back, turned like a leaf of a book."""


def _of_parity(pages: Sequence[int], parity: Parity) -> Sequence[int]:
    if parity == "all":
        return pages
    return [page for page in pages if (page % 2 == 1) == (parity == "odd")]


def _collisions(stamps: Sequence[Stamp], taken: Iterable[Box]) -> Iterator[PlanWarning]:
    """Tell of every two impressions of a page that overlap, and of each that covers something that was there."""
    own, there = defaultdict[int, list[Stamp]](list), defaultdict[int, list[Box]](list)
    for stamp in stamps:
        own[stamp.page].append(stamp)
    for box in taken:
        there[box.page].append(box)
    for page, group in own.items():
        if any(_overlap(one, two) for one, two in combinations(group, 2)):
            yield PlanWarning("overlap", page, f"第 {page} 页的印章互相重叠。")
        hidden = dict.fromkeys(box.what for stamp, box in product(group, there[page]) if _overlap(stamp, box))
        for what in hidden:
            yield PlanWarning("overlap", page, f"第 {page} 页的印章压住了已有的{what or '内容'}。")


def _overlap(one: Stamp, two: Stamp | Box) -> bool:
    across = min(one.x_mm + one.w_mm, two.x_mm + two.w_mm) - max(one.x_mm, two.x_mm)
    down = min(one.y_mm + one.h_mm, two.y_mm + two.h_mm) - max(one.y_mm, two.y_mm)
    return across > _TOUCHING and down > _TOUCHING
