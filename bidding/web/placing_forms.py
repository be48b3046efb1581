"""Reading the placing form (盖章定位): numbers as people type them, plans that travel with the page, the one button."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import structs

from bidding.workbench.placing_values import MOST_FURTHER, Wish
from sealing.errors import KeywordError, PageRangeError, PlanError, StraddleError
from sealing.page_ranges import format_pages
from sealing.planning import Keyword, Pages, Point, SealPlan, Straddle, parse_plans
from sealing.straddle import LARGEST_MINIMUM

_LONGEST: Final = 100_000
_FARTHEST: Final = 15_000.0
_OCCURRENCES: Final = {"all": "all", "每一处": "all", "last": "last", "最后": "last", "最后一处": "last"}
Fields = Mapping[str, Any]


def read_wish(fields: Fields) -> Wish:
    """Read the main place and the plans of the page, with points as their own fields say. PlanError."""
    main = Point(whole(fields, "main-page", "主位置的页"), _length(fields, "main-x"), _length(fields, "main-y"))
    further = _text(fields, "further") or "[]"
    if len(further) > _LONGEST:
        raise PlanError("另加的位置过多")
    plans = parse_plans(further.encode())
    if len(plans) > MOST_FURTHER:
        raise PlanError(f"另加的位置最多 {MOST_FURTHER} 条")
    return Wish(main, tuple(_typed(fields, at, plan) for at, plan in enumerate(plans)))


def act_on(wish: Wish, fields: Fields, page: int, pages: int) -> Wish:
    """Do what the pressed button says: add or remove a plan, or bring the main place to the page that is shown.

    PlanError and its subclasses for what was typed wrong. Any other button changes nothing.
    """
    do, further = _text(fields, "do"), wish.further
    if do.startswith("remove-"):
        gone = do.removeprefix("remove-")
        return Wish(wish.main, tuple(plan for at, plan in enumerate(further) if str(at) != gone))
    if do == "here":
        return Wish(structs.replace(wish.main, page=page), further)
    added = _added(do, wish, fields, page, pages)
    if added is None:
        return wish
    if len(further) >= MOST_FURTHER:
        raise PlanError(f"另加的位置最多 {MOST_FURTHER} 条")
    return Wish(wish.main, (*further, added))


def whole(fields: Fields, name: str, what: str) -> int:
    """Read a whole number. PageRangeError."""
    text = _text(fields, name)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6):  # noqa: PLR2004 - no document has more pages
        raise PageRangeError(f"{what}应为整数")
    return int(text)


def encode_further(wish: Wish) -> str:
    """Write the further plans as they travel with the page."""
    return msgspec.json.encode(wish.further).decode()


def _added(do: str, wish: Wish, fields: Fields, page: int, pages: int) -> SealPlan | None:
    main = wish.main
    match do:
        case "point":
            return Point(page, main.x_mm, main.y_mm)
        case "every":
            others = [number for number in range(1, pages + 1) if number != main.page]
            if not others:
                raise PageRangeError("文件只有主位置所在的一页")
            return Pages(main.x_mm, main.y_mm, pages=format_pages(others)[:2_000])
        case "range":
            parity = _choice(fields, "parity", ("all", "odd", "even"))
            return Pages(main.x_mm, main.y_mm, pages=_pages(fields, "range-pages"), parity=parity)
        case "straddle":
            share = _share(fields)
            side = _choice(fields, "side", ("right", "left", "top", "bottom"))
            pages_text, double = _pages(fields, "straddle-pages"), bool(_text(fields, "double"))
            return Straddle(side=side, pages=pages_text, min_share=share, double_sided=double)
        case "keyword":
            return _keyword(fields)
    return None


def _keyword(fields: Fields) -> Keyword:
    text, nth = _text(fields, "keyword"), _text(fields, "occurrence") or "1"
    if not 1 <= len(text) <= 100:  # noqa: PLR2004 - as the plan takes it
        raise KeywordError("关键字应为 1 到 100 个字")
    occurrence: Any = _OCCURRENCES.get(nth)
    if occurrence is None:
        if not (nth.isascii() and nth.isdigit() and 1 <= int(nth[:9]) <= 10**6):
            raise KeywordError("第几处应为从 1 起的序号、“最后一处”或“每一处”")
        occurrence = int(nth[:9])
    return Keyword(text, occurrence=occurrence, anchor=_choice(fields, "anchor", ("over", "right", "below")))


def _typed(fields: Fields, at: int, plan: SealPlan) -> SealPlan:
    """Answer a point as its own fields say, if the page has them."""
    if not isinstance(plan, Point) or f"p{at}-page" not in fields:
        return plan
    page = whole(fields, f"p{at}-page", f"另加第 {at + 1} 条的页")
    return Point(page, _length(fields, f"p{at}-x"), _length(fields, f"p{at}-y"), plan.corner)


def _length(fields: Fields, name: str) -> float:
    try:
        length = float(_text(fields, name))
    except ValueError as error:
        raise PlanError("横、纵应为毫米数") from error
    if not (math.isfinite(length) and abs(length) <= _FARTHEST):
        raise PlanError("横、纵应为毫米数")
    return round(length, 2)


def _share(fields: Fields) -> float:
    try:
        share = float(_text(fields, "share") or "4") / 100
    except ValueError as error:
        raise StraddleError("每页最小份额应为百分数") from error
    if not 0 < share <= LARGEST_MINIMUM + 0.001:
        raise StraddleError("每页最小份额应大于 0，不超过 33%")
    return min(share, LARGEST_MINIMUM)


def _pages(fields: Fields, name: str) -> str:
    text = _text(fields, name) or "all"
    if len(text) > 2_000:  # noqa: PLR2004 - as a plan takes it
        raise PageRangeError("页码范围过长")
    return text


def _choice(fields: Fields, name: str, choices: tuple[str, ...]) -> Any:
    given = _text(fields, name)
    return given if given in choices else choices[0]


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name, "")
    return value.strip() if isinstance(value, str) else ""
