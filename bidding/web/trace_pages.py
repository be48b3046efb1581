"""The record of seal uses (用章记录): every use and every attempt of the unit, with downloads that can be checked."""

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from bidding.errors import TraceQueryError
from bidding.web.bid_common import REFUSALS, BidVisit, Visit, attachment, notice_of, status_of
from bidding.web.trace_views import consent_lines, number_of, use_line, wanted_of
from bidding.workbench.trace_exporting import Form, TraceExporting
from bidding.workbench.trace_service import TracePage, Wanted
from bidding.workbench.trace_tables import CLOCK, KIND_NAMES, OUTCOMES, write_csv

_PAGE: Final = 50
_LAST: Final = 10**12
"""Above every number."""
_FILTERS: Final = ("seal", "outcome", "section", "since", "until")


@get("/seal-uses", sync_to_thread=True, include_in_schema=False)
def uses_page(visit: Visit) -> Response[Any]:
    """用章记录：最近的在前，可按印章、结果、标段和日期筛选."""
    return _show(visit)


def _show(visit: BidVisit, *, status: int = 200, **more: Any) -> Response[Any]:
    query = {name: visit.request.query_params.get(name, "") for name in _FILTERS}
    try:
        before = number_of(visit.request.query_params.get("before", ""))
        page = visit.workbench.traces.page(visit.actor, wanted_of(query), before=before or _LAST, limit=_PAGE)
    except TraceQueryError as error:
        status, page, before = status_of(error), TracePage((), None), None
        more["notice"] = notice_of(error)
    kept = {name: value for name, value in query.items() if value}
    older = urlencode({**kept, "before": page.more}) if page.more is not None else ""
    return visit.template(
        "bid_uses.html",
        status=status,
        lines=[use_line(use) for use in page.uses],
        query=query,
        filtered=bool(kept) or before is not None,
        older=f"/seal-uses?{older}" if older else "",
        seals=[
            (f"{kind}/{seal}", f"{KIND_NAMES.get(kind, kind)} {seal}")
            for kind, seal in visit.workbench.traces.seals(visit.actor)
        ],
        OUTCOMES=OUTCOMES,
        CLOCK=CLOCK,
        **more,
    )


def _seals(visit: BidVisit) -> list[tuple[str, str]]:
    """Answer the choices of the filter: value and name."""
    known = visit.workbench.traces.seals(visit.actor)
    return [(f"{kind}/{seal}", f"{KIND_NAMES.get(kind, kind)} {seal}") for kind, seal in known]


@get("/seal-uses/{number:int}", sync_to_thread=True, include_in_schema=False)
def use_page(number: FromPath[int], visit: Visit) -> Response[Any]:
    """一条用章记录：本人确认的内容、全部摘要、时间戳，以及它与前一条的链接."""
    traces = visit.workbench.traces
    use = traces.entry(visit.actor, number)
    before = traces.entry(visit.actor, number - 1) if number > 1 else None
    same = traces.page(visit.actor, Wanted(section=use.section), limit=_PAGE).uses if use.section else ()
    return visit.template(
        "bid_trace.html",
        line=use_line(use),
        before=before,
        consent=consent_lines(use),
        timeline=[use_line(one) for one in same],
        CLOCK=CLOCK,
    )


def _export(visit: BidVisit, form: Form) -> Response[Any]:
    try:
        made = TraceExporting(visit.workbench.traces, visit.workbench.desk.random).make(visit.actor, form)
    except REFUSALS as error:
        return _show(visit, status=status_of(error), notice=notice_of(error))
    return Response(made.data, media_type=made.media_type, headers=attachment(made.name))


@get("/seal-uses/export.json", sync_to_thread=True, include_in_schema=False)
def export_json(visit: Visit) -> Response[Any]:
    """下载 JSON：经签署并加盖时间戳，可离线核验."""
    return _export(visit, "json")


@get("/seal-uses/export.csv", sync_to_thread=True, include_in_schema=False)
def export_csv(visit: Visit) -> Response[Any]:
    """下载 CSV，供表格软件打开."""
    return _export(visit, "csv")


@get("/seal-uses/export.pdf", sync_to_thread=True, include_in_schema=False)
def export_pdf(visit: Visit) -> Response[Any]:
    """下载 PDF，供打印."""
    return _export(visit, "pdf")


@get("/seal-uses/export.zip", sync_to_thread=True, include_in_schema=False)
def export_zip(visit: Visit) -> Response[Any]:
    """下载三种格式的压缩包."""
    return _export(visit, "zip")


@get("/seal-uses.csv", sync_to_thread=True, include_in_schema=False)
def uses_csv(visit: Visit) -> Response[bytes]:
    """用章记录，CSV；先前的地址."""
    data = write_csv(visit.workbench.traces.uses(visit.actor))
    return Response(data, media_type="text/csv; charset=utf-8", headers=attachment("用章记录.csv"))


@get("/seal-uses.json", sync_to_thread=True, include_in_schema=False)
def uses_json(visit: Visit) -> Response[bytes]:
    """用章记录，未经签署的 JSON；先前的地址."""
    data = msgspec.json.encode(visit.workbench.traces.uses(visit.actor))
    return Response(data, media_type="application/json", headers=attachment("用章记录.json"))


TRACE_ROUTES: Final = [
    uses_page,
    use_page,
    export_json,
    export_csv,
    export_pdf,
    export_zip,
    uses_csv,
    uses_json,
]
