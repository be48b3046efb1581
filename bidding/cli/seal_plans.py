"""From what stands on the command line to plans of impressions; what is wrong with it is told in Chinese."""

import math
from typing import TYPE_CHECKING, Final, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealing.planning import Corner, Parity, SealPlan

CORNERS: Final[dict[str, "Corner"]] = {
    "top-left": "top-left",
    "左上": "top-left",
    "top-right": "top-right",
    "右上": "top-right",
    "bottom-left": "bottom-left",
    "左下": "bottom-left",
    "bottom-right": "bottom-right",
    "右下": "bottom-right",
    "centre": "centre",
    "center": "centre",
    "中心": "centre",
}
_AT: Final = (
    "应为 页,横,纵，如 1,150,220（毫米，印章中心，自左上角起；-1 为末页）；自其他角起写在中间，如 1,右下,40,30；"
    "与 --pages 或 --all-pages 同用时不写页。"
)
_FARTHEST: Final = 15_000
_MOST: Final = 64
_EVERY: Final[dict[str, Literal["all", "last"]]] = {"all": "all", "last": "last"}


def read_plans(
    at: "Sequence[str]",
    keywords: "Sequence[str]",
    pages: str,
    *,
    straddle: bool,
    occurrence: str = "1",
    parity: "Parity" = "all",
    side: str = "right",
    double_sided: bool = False,
) -> "tuple[SealPlan, ...]":
    """Turn what stands on the command line into plans; click.BadParameter says what is wrong with it.

    `pages` is a range such as 1-3,5,8 for points without a page and for the 骑缝章, empty for none; `occurrence` a
    number from 1, "last" or "all".
    """
    from sealing.planning import Keyword, Straddle

    plans: list[SealPlan] = [_point(text, pages, parity) for text in at]
    nth = _occurrence(occurrence)
    for text in keywords:
        if not 1 <= len(text) <= 100:  # noqa: PLR2004 - as the plan takes it
            raise click.BadParameter("关键词应为 1 到 100 个字。", param_hint="--keyword")
        plans.append(Keyword(text, occurrence=nth, pages=pages or "all"))
    if straddle:
        plans.append(Straddle(side=side, pages=pages or "all", double_sided=double_sided))  # type: ignore[arg-type]
    elif double_sided:
        raise click.UsageError("--double-sided 用于骑缝章，请同时给出 --straddle。")
    if not plans:
        raise click.UsageError("请说明盖在何处：--at、--keyword 或 --straddle。")
    if len(plans) > _MOST:
        raise click.UsageError(f"一次最多 {_MOST} 处规则。")
    return tuple(plans)


def on_pages_of(plans: "Sequence[SealPlan]", count: int, parity: "Parity") -> "tuple[SealPlan, ...]":
    """Confine keywords and 骑缝章 to the odd or even pages of a document of `count` pages. PageRangeError."""
    from msgspec.structs import replace

    from sealing.errors import PageRangeError
    from sealing.page_ranges import format_pages, parse_pages
    from sealing.planning import Keyword, Straddle

    if parity == "all":
        return tuple(plans)
    found: list[SealPlan] = []
    for plan in plans:
        if not isinstance(plan, Keyword | Straddle):
            found.append(plan)
            continue
        chosen = [page for page in parse_pages(plan.pages, count) if page % 2 == (parity == "odd")]
        if not chosen:
            raise PageRangeError(f"of the pages {plan.pages!r} none is {parity}")
        found.append(replace(plan, pages=format_pages(chosen)))
    return tuple(found)


def _point(text: str, pages: str, parity: "Parity") -> "SealPlan":
    from sealing.planning import Pages, Point

    parts = [part.strip() for part in text.replace("，", ",").split(",")]
    named = [part for part in parts if part in CORNERS]
    corner: Corner = CORNERS[named[0]] if named else "top-left"
    numbers = _numbers([part for part in parts if part not in CORNERS])
    if len(named) <= 1 and len(numbers) == 3 and numbers[0] == int(numbers[0]):  # noqa: PLR2004
        return Point(int(numbers[0]), numbers[1], numbers[2], corner)
    if len(named) <= 1 and len(numbers) == 2 and pages:  # noqa: PLR2004 - across, down
        return Pages(numbers[0], numbers[1], corner, pages, parity)
    raise click.BadParameter(_AT, param_hint="--at")


def _occurrence(text: str) -> int | Literal["all", "last"]:
    if text in _EVERY:
        return _EVERY[text]
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 10**6):
        raise click.BadParameter("应为从 1 起的序号、last（最后一处）或 all（每一处）。", param_hint="--occurrence")
    return int(text)


def _numbers(parts: "Sequence[str]") -> list[float]:
    try:
        numbers = [float(part) for part in parts]
    except ValueError as error:
        raise click.BadParameter(_AT, param_hint="--at") from error
    if not all(math.isfinite(number) and abs(number) <= _FARTHEST for number in numbers):
        raise click.BadParameter(_AT, param_hint="--at")
    return numbers
