"""How places of seals are told in Chinese: a plan in one line, and why one was refused."""

import math
from collections.abc import Sequence
from typing import Final

from bidding.workbench.placing_child import Refused
from bidding.workbench.placing_values import Wish
from sealing.errors import KeywordNotFoundError, PlanError
from sealing.placement import PageView
from sealing.planning import Keyword, Pages, Point, SealPlan, Straddle

SIDES: Final = {"right": "右侧", "left": "左侧", "top": "上边", "bottom": "下边"}
ANCHORS: Final = {"over": "压在文字上", "right": "文字右侧", "below": "文字下方"}
PARITIES: Final = {"all": "", "odd": "中的单数页", "even": "中的双数页"}
_CORNERS: Final = {
    "top-right": "自右上角",
    "bottom-left": "自左下角",
    "bottom-right": "自右下角",
    "centre": "自页面中心",
}
_OCCURRENCES: Final = {"all": "每一处", "last": "最后一处"}
_EVERY: Final = frozenset({"all", "*", "每页", "全部"})


def describe(plan: SealPlan) -> str:
    """Say in one line what a plan asks for."""
    match plan:
        case Point():
            return f"第 {plan.page} 页，{_spot(plan)}"
        case Pages():
            return f"{_pages(plan.pages)}{PARITIES[plan.parity]}，{_spot(plan)}"
        case Keyword():
            where = _OCCURRENCES.get(str(plan.occurrence), f"第 {plan.occurrence} 处")
            confined = "" if plan.pages in _EVERY else f"，{_pages(plan.pages)}"
            return f"关键字“{plan.text}”{where}（{ANCHORS[plan.anchor]}）{confined}"
        case Straddle():
            pages = "；".join(_pages(text) for text in plan.groups) or _pages(plan.pages)
            double = "，双面打印（单数页在此侧，双数页在对侧）" if plan.double_sided else ""
            return f"骑缝章：{SIDES[plan.side]}，{pages}，每页不少于 {plan.min_share * 100:g}%{double}"


def error_of(refused: Refused, wish: Wish, first: int, views: Sequence[PageView]) -> PlanError:
    """Make the error of a refused plan, with particulars that people can read.

    `first` is the position in the wish of the first plan that was asked for.
    """
    at = refused.plan + first
    plan = wish.plans[at] if refused.plan >= 0 and at < len(wish.plans) else None
    which = f"{f'另加第 {at} 条' if at else '主位置'}：{describe(plan)}" if plan else ""
    if refused.kind == KeywordNotFoundError.__name__ and isinstance(plan, Keyword):
        error = KeywordNotFoundError(plan.text, refused.found, refused.near)
        near = "；最接近的文字：" + "、".join(f"“{line}”" for line in refused.near) if refused.near else ""
        error.args = (f"{which}；找到 {refused.found} 处{near}",)
        return error
    kind = next((one for one in PlanError.__subclasses__() if one.__name__ == refused.kind), PlanError)
    return kind(f"{which}{_sizes(plan, views)}" if which else refused.message)


def _sizes(plan: SealPlan | None, views: Sequence[PageView]) -> str:
    """Say how large the page is that a point is on, or how many pages there are."""
    if isinstance(plan, Point) and 1 <= plan.page <= len(views):
        width, height = views[plan.page - 1].size_mm
        return f"；该页 {_mm(width)} × {_mm(height)} 毫米"
    return f"；文件共 {len(views)} 页"


def _pages(text: str) -> str:
    return "每页" if text in _EVERY else f"第 {text} 页"


def _spot(plan: Point | Pages) -> str:
    corner = _CORNERS.get(plan.corner, "")
    return f"{corner}横 {_mm(plan.x_mm)}、纵 {_mm(plan.y_mm)} 毫米"


def _mm(length: float) -> str:
    return f"{length:.1f}" if math.isfinite(length) else "—"
