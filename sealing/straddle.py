"""The seal across page edges (骑缝章): which pages share one picture, and who shows which part of it.

Laid beside one another in page order, from left to right (from top to bottom for the upper and lower edge), the
slices of a group are the whole picture, each part once.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from sealing.errors import StraddleError
from sealing.placement import PageView, Stamp

Side = Literal["left", "right", "top", "bottom"]

LARGEST_MINIMUM: Final = 1 / 3
"""With at least three pages to a picture, no number of pages leaves one alone."""
_ROUNDING: Final = 1e-9


def split_pages(pages: Sequence[int], min_share: float) -> tuple[tuple[int, ...], ...]:
    """Split pages into as few groups as possible, as even as possible, with no slice under `min_share` of the picture.

    Raises StraddleError for fewer than two pages, a page named twice, or a share that is not in (0, 1/3].
    """
    if not 0 < min_share <= LARGEST_MINIMUM + _ROUNDING:
        raise StraddleError(f"a share of {min_share:g}; it must be above 0 and at most a third of the picture")
    if len(pages) < 2:  # noqa: PLR2004 - one page has no seam
        raise StraddleError(f"a 骑缝章 needs at least two pages, not {len(pages)}")
    if len(set(pages)) != len(pages):
        raise StraddleError("a page stands twice in one 骑缝章")
    count, most = len(pages), int(1 / min_share + _ROUNDING)
    groups = -(-count // most)
    bounds = [count * at // groups for at in range(groups + 1)]
    return tuple(tuple(pages[start:stop]) for start, stop in pairwise(bounds))


def slice_group(
    group: Sequence[int], views: Sequence[PageView], side: Side, size_mm: tuple[float, float], offset_mm: float
) -> tuple[Stamp, ...]:
    """Answer one stamp for each page of a group, flush with the edge; `views` are those of all pages.

    `offset_mm` is where the picture's middle stands along the edge, from the top (from the left for the upper and
    lower edge).
    """
    return tuple(
        _slice(page, views[page - 1].size_mm, side, size_mm, offset_mm=offset_mm, share=_share(at, len(group)))
        for at, page in enumerate(group)
    )


def middle_of(pages: Sequence[int], views: Sequence[PageView], side: Side) -> float:
    """Answer the middle of the shortest of the edges, in mm: an offset at which all pages agree."""
    axis = 1 if side in {"left", "right"} else 0
    return min(views[page - 1].size_mm[axis] for page in pages) / 2


def _share(at: int, count: int) -> tuple[float, float]:
    return at / count, (at + 1) / count


def _slice(
    page: int,
    page_mm: tuple[float, float],
    side: Side,
    size_mm: tuple[float, float],
    *,
    offset_mm: float,
    share: tuple[float, float],
) -> Stamp:
    width, height = size_mm
    part = share[1] - share[0]
    if side in {"left", "right"}:
        x = 0.0 if side == "left" else page_mm[0] - width * part
        return Stamp(page, x, offset_mm - height / 2, width * part, height, share, "width")
    y = 0.0 if side == "top" else page_mm[1] - height * part
    return Stamp(page, offset_mm - width / 2, y, width, height * part, share, "height")
