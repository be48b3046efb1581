"""Placing a seal (盖章定位): the page as it will be, with a seal to drag, and everything by fields and buttons too.

The form carries the whole wish, so that nothing is kept before 保存位置 and the page works without a script.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from bidding.errors import NoSuchItemError
from bidding.web.bid_common import REFUSALS, BidVisit, Visit, draft_line, notice_of, picture, status_of
from bidding.web.placing_drawing import unfolded
from bidding.web.placing_forms import act_on, encode_further, read_wish, whole
from bidding.workbench.checks import SEAL_NAMES
from bidding.workbench.drafts import Draft
from bidding.workbench.placing_values import Placement, SealLook, Wish, main_place, point_of
from bidding.workbench.placing_words import ANCHORS, SIDES, describe
from sealing import artwork
from sealing.errors import PlanError
from sealing.page_ranges import format_pages
from sealing.planning import Point

UrlEncoded = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
SHOWN: Final = 12
"""Pages of the small map that are drawn at a time."""
_ADDING: Final[tuple[str, ...]] = (
    "range-pages", "parity", "side", "straddle-pages", "share", "double", "keyword", "occurrence", "anchor",
)  # fmt: skip
"""Fields of what is to be added; they are kept when it is refused."""
_SVG: Final = {"cache-control": "private, max-age=300"}


@get("/bids/{draft:str}/parts/{item:str}/placing", sync_to_thread=True, include_in_schema=False)
def placing_page(
    draft: FromPath[str], item: FromPath[str], visit: Visit, kind: FromQuery[str] = "", page: FromQuery[int] = 0
) -> Response[Any]:
    """盖章定位：在页面图上拖动印章，或填写毫米数."""
    found = visit.draft(draft)
    if found.part(item).facts.seals:
        return Redirect(f"/bids/{draft}/parts/{item}", status_code=303)
    kind = kind or next(iter(reversed(found.item(item).seals)), "")
    return _show_kept(visit, found, item, kind, page)


@post("/bids/{draft:str}/parts/{item:str}/placing", sync_to_thread=True, include_in_schema=False, status_code=303)
def place_seal(draft: FromPath[str], item: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """预览、增减盖章位置，或保存；不能盖的位置说明原因，填写的内容保留."""
    placing, kind, found = visit.workbench.placing, str(data.get("kind", "")), visit.draft(draft)
    pages, typed = found.part(item).facts.pages, None
    page = _page(data, pages)
    try:
        typed = read_wish(data)
        wish = act_on(typed, data, page, pages)
        if data.get("do") == "save":
            placing.save(visit.actor, draft, item, kind, wish)
            query = urlencode({"kind": kind, "page": page, "saved": "true"})
            return Redirect(f"/bids/{draft}/parts/{item}/placing?{query}", status_code=303)
        placement = placing.plan(visit.actor, draft, item, kind, wish)
    except REFUSALS as error:
        return _show_kept(visit, found, item, kind, page, refused=(typed, data, error))
    return _show(visit, placement, page, drawn=placing.picture(placement, page))


@post(
    "/bids/{draft:str}/parts/{item:str}/placing/picture", sync_to_thread=True, include_in_schema=False, status_code=200
)
def preview_wish(draft: FromPath[str], item: FromPath[str], data: UrlEncoded, visit: Visit) -> Response[Any]:
    """尚未保存的位置的预览图像；拖动时由页面脚本请求."""
    placing = visit.workbench.placing
    placement = placing.plan(visit.actor, draft, item, str(data.get("kind", "")), read_wish(data))
    answer = picture(placing.picture(placement, _page(data, len(placement.views))))
    if placement.warnings:
        told = " ".join(one.text for one in placement.warnings[:5])
        answer.headers["x-warnings"] = base64.b64encode(told.encode()).decode()
    return answer


@get("/bids/{draft:str}/parts/{item:str}/placing/picture", sync_to_thread=True, include_in_schema=False)
def kept_picture(
    draft: FromPath[str], item: FromPath[str], visit: Visit, kind: FromQuery[str], page: FromQuery[int]
) -> Response[Any]:
    """已保存的位置的预览图像，与盖章后的页面一致."""
    placing = visit.workbench.placing
    return picture(placing.picture(placing.look(visit.actor, draft, item, kind), page))


@get("/bids/{draft:str}/parts/{item:str}/placing/seal.svg", sync_to_thread=True, include_in_schema=False)
def seal_picture(draft: FromPath[str], item: FromPath[str], visit: Visit, kind: FromQuery[str]) -> Response[bytes]:
    """本单位这枚印章的图样."""
    if kind not in visit.draft(draft).item(item).seals:
        raise NoSuchItemError(f"item {item} asks for no seal of kind {kind}")
    look = SealLook.find(visit.workbench.placing.seals, str(visit.actor.uscc), kind)
    return Response(artwork.svg(look.picture).encode(), media_type="image/svg+xml", headers=_SVG)


def _show_kept(
    visit: BidVisit,
    draft: Draft,
    item: str,
    kind: str,
    page: int,
    *,
    refused: tuple[Wish | None, dict[str, Any], Exception] | None = None,
) -> Response[Any]:
    """Show what is kept; a refused wish stands in the fields as it was typed, what could not be added is not in it.

    Where what is kept does not hold any more, because the seal has another size now, it stands there as refused.
    """
    placing = visit.workbench.placing
    try:
        base = placing.look(visit.actor, draft.id, item, kind)
    except PlanError as error:
        main = Wish(point_of(main_place(draft.part(item), kind)))
        base = placing.plan(visit.actor, draft.id, item, kind, main)
        kept = placing.kept(visit.actor, draft.id)[(item, kind)]
        refused = refused or (Wish(main.main, kept.plans), {}, error)
    if refused is None:
        return _show(visit, base, page or base.stamps[0].page)
    wish, data, reason = refused
    typed = {name: str(data.get(name, ""))[:2_000] for name in _ADDING if name in data}
    typed |= {name: str(data.get(name, shown)) for name, shown in _typed(base.wish).items()}
    more: dict[str, Any] = {"status": status_of(reason), "notice": notice_of(reason)}
    return _show(visit, base, page or base.stamps[0].page, wish=wish or base.wish, typed=typed, **more)


def _show(
    visit: BidVisit,
    placement: Placement,
    page: int,
    *,
    wish: Wish | None = None,
    typed: dict[str, str] | None = None,
    drawn: bytes = b"",
    status: int = 200,
    **more: Any,
) -> Response[Any]:
    """Show a placement; `drawn` is the picture of one that is not kept.

    `wish` is one that was refused: then the picture is that of what is kept, and the fields are as they were `typed`.
    """
    draft, part, kind = placement.draft, placement.part, placement.look.kind
    page = min(max(page, 1), len(placement.views))
    shown, base = wish or placement.wish, f"/bids/{draft.id}/parts/{part.item}"
    seal = f"{base}/placing/seal.svg?{urlencode({'kind': kind})}"
    kept = f"{base}/placing/picture?{urlencode({'kind': kind, 'page': page, 'v': part.id[:8]})}"
    saved = visit.request.query_params.get("saved") == "true" and placement.saved and wish is None
    notice = {"kind": "good", "text": "位置已保存。盖章时按此位置一次加盖。", "code": ""} if saved else None
    return visit.template(
        "bid_placing.html",
        status=status,
        **{"notice": notice, **more},
        steps=draft_line(draft, visit.workbench.exporting.check(draft)),
        draft=draft,
        params=draft.params,
        part=part,
        title=draft.item(part.item).title,
        kinds=draft.item(part.item).seals,
        kind=kind,
        SEAL_NAMES=SEAL_NAMES,
        SIDES=SIDES,
        ANCHORS=ANCHORS,
        base=base,
        seal=seal,
        wide=placement.look.size_mm[0],
        high=placement.look.size_mm[1],
        source=f"data:image/png;base64,{base64.b64encode(drawn).decode()}" if drawn else kept,
        placement=placement,
        wish=shown,
        further=encode_further(shown),
        typed=typed or _typed(shown),
        lines=[(describe(plan), plan if isinstance(plan, Point) else None) for plan in shown.further],
        page=page,
        size=placement.views[page - 1].size_mm,
        dots=_dots(placement),
        near=_near(page, len(placement.views)),
        sealed_pages=format_pages(stamp.page for stamp in placement.stamps),
        slices=unfolded(placement.stamps, placement.look.size_mm, seal),
        lost=[describe(plan) for plan in placement.kept.lost_plans] if placement.kept else [],
        reset=placement.kept is not None and placement.kept.reset,
        unsaved=not placement.saved or wish is not None,
    )


def _typed(wish: Wish) -> dict[str, str]:
    main = wish.main
    return {"main-page": str(main.page), "main-x": f"{main.x_mm:.2f}", "main-y": f"{main.y_mm:.2f}"}


def _page(data: dict[str, Any], pages: int) -> int:
    """Answer the page to show: the one that was pressed, the one that is shown, or the first."""
    for name in ("show", "page"):
        with suppress(PlanError):
            return min(max(whole(data, name, "页"), 1), pages)
    return 1


def _dots(placement: Placement) -> dict[int, list[tuple[float, float, str]]]:
    """Answer the middles of all impressions by page, and whether they are of this seal or of another."""
    found: dict[int, list[tuple[float, float, str]]] = {}
    groups = [(placement.stamps, "own"), *((one.stamps, "other") for one in placement.others)]
    for stamps, whose in groups:
        for stamp in stamps:
            middle = (stamp.x_mm + stamp.w_mm / 2, stamp.y_mm + stamp.h_mm / 2, whose)
            found.setdefault(stamp.page, []).append(middle)
    return found


def _near(page: int, count: int) -> Sequence[int]:
    """Answer the pages of the small map: a window around the shown one."""
    first = max(1, min(page - SHOWN // 2, count - SHOWN + 1))
    return range(first, min(first + SHOWN, count + 1))


PLACING_ROUTES: Final = [placing_page, place_seal, preview_wish, kept_picture, seal_picture]
