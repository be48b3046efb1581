"""Placing seals by program, `/api/v1/drafts/{draft}/items/{item}/placings/{kind}` (盖章位置)."""

from typing import Final

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from bidding.web.workbench_common import PRIVATE, Wb, Who
from bidding.workbench.placing_values import Placement, PlacingWarning, Wish
from sealing.placement import Stamp
from sealing.planning import Point, SealPlan


class PlacingSealView(Struct, frozen=True):
    """The seal that is placed, and its size on paper."""

    kind: str
    name: str
    number: str
    width_mm: float
    height_mm: float


class PlacingView(Struct, frozen=True):
    """Where a seal goes on a part: `main` and `further` as they were wished for, `stamps` what comes of them.

    Lengths are mm from the upper left corner of the page as displayed; points are the middle of an impression. `lost`
    are plans that did not fit any more when the part was assembled again, `main_reset` that its main place is the
    letter's again.
    """

    part: str
    seal: PlacingSealView
    page_sizes_mm: tuple[tuple[float, float], ...]
    main: Point
    further: tuple[SealPlan, ...]
    stamps: tuple[Stamp, ...]
    warnings: tuple[PlacingWarning, ...]
    saved: bool
    lost: tuple[SealPlan, ...]
    main_reset: bool


@get("/drafts/{draft:str}/items/{item:str}/placings/{kind:str}", sync_to_thread=True)
def show_placing(
    draft: FromPath[str], item: FromPath[str], kind: FromPath[str], workbench: Wb, session: Who
) -> PlacingView:
    """一枚印章在一份文件上的位置."""
    return _view(workbench.placing.look(session.actor, draft, item, kind))


@put("/drafts/{draft:str}/items/{item:str}/placings/{kind:str}", sync_to_thread=True)
def put_placing(
    *,
    draft: FromPath[str],
    item: FromPath[str],
    kind: FromPath[str],
    workbench: Wb,
    session: Who,
    data: JSONBody[Wish],
) -> PlacingView:
    """保存位置：主位置，以及另加的点、关键字、多页和骑缝章."""
    return _view(workbench.placing.save(session.actor, draft, item, kind, data))


@post("/drafts/{draft:str}/items/{item:str}/placings/{kind:str}/plan", sync_to_thread=True, status_code=200)
def plan_placing(
    *,
    draft: FromPath[str],
    item: FromPath[str],
    kind: FromPath[str],
    workbench: Wb,
    session: Who,
    data: JSONBody[Wish],
) -> PlacingView:
    """试排位置，不保存."""
    return _view(workbench.placing.plan(session.actor, draft, item, kind, data))


@get("/drafts/{draft:str}/items/{item:str}/placings/{kind:str}/pages/{page:int}", sync_to_thread=True)
def show_placed_page(
    *,
    draft: FromPath[str],
    item: FromPath[str],
    kind: FromPath[str],
    page: FromPath[int],
    workbench: Wb,
    session: Who,
) -> Response[bytes]:
    """盖章后页面的预览，与签章后的文件一致."""
    placing = workbench.placing
    drawn = placing.picture(placing.look(session.actor, draft, item, kind), page)
    return Response(drawn, media_type="image/png", headers=PRIVATE)


def _view(placement: Placement) -> PlacingView:
    look, kept = placement.look, placement.kept
    return PlacingView(
        part=placement.part.id,
        seal=PlacingSealView(look.kind, look.name, look.number, *look.size_mm),
        page_sizes_mm=tuple(view.size_mm for view in placement.views),
        main=placement.wish.main,
        further=placement.wish.further,
        stamps=placement.stamps,
        warnings=placement.warnings,
        saved=placement.saved,
        lost=kept.lost_plans if kept else (),
        main_reset=kept.reset if kept else False,
    )


PLACING_API: Final[list[HTTPRouteHandler]] = [show_placing, put_placing, plan_placing, show_placed_page]
"""Handlers for `workbench_drafts_api.DRAFTS_API`."""
