"""The trace of seal uses for programs (用章记录接口): pages by cursor, and exports that can be checked."""

from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter

from bidding.errors import TraceQueryError
from bidding.web import workbench_views as views
from bidding.web.workbench_common import AnyRequest, Wb, Who, download_headers
from bidding.workbench.trace_exporting import Form, TraceExporting
from bidding.workbench.trace_service import MOST, PAGE, Wanted

Number = Annotated[int, QueryParameter(ge=1, le=10**12)]
LastNumber = Annotated[int | None, QueryParameter(ge=1, le=10**12)]
Cursor = Annotated[int, QueryParameter(ge=0, le=10**12)]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST)]
SealNumber = Annotated[str, QueryParameter(pattern=r"^[0-9]{0,13}$")]
Kind = Literal["", "unit", "finance", "contract", "invoice", "legal-representative", "personal"]
Outcome = Literal["", "sealed", "refused", "expired", "failed"]
Section = Annotated[str, QueryParameter(pattern=r"^[0-9A-Za-z._-]{0,64}$")]


@get("/seal-uses", sync_to_thread=True)
def list_seal_uses(
    request: AnyRequest,
    workbench: Wb,
    session: Who,
    *,
    after: Cursor = 0,
    limit: Limit = PAGE,
    seal: SealNumber = "",
    kind: FromQuery[Kind] = "",
    outcome: FromQuery[Outcome] = "",
    section: Section = "",
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
) -> Response[list[views.SealUseView]]:
    """用章记录，先登记的在前；`after` 是上一页最后一条的编号，还有下一页时 Link 标头给出它的地址."""
    wanted = Wanted(seal=seal, kind=kind, outcome=outcome, section=section, since=_aware(since), until=_aware(until))
    page = workbench.traces.page(session.actor, wanted, after=after, limit=limit)
    headers = {"cache-control": "no-store"}
    if page.more is not None:
        kept = [(k, v) for k, v in request.query_params.multi_items() if k != "after"]
        headers["link"] = f'<{request.url.path}?{urlencode([*kept, ("after", page.more)])}>; rel="next"'
    return Response([views.seal_use_view(use) for use in page.uses], headers=headers)


@get("/seal-uses/export.json", sync_to_thread=True)
def export_json(workbench: Wb, session: Who, first: Number = 1, last: LastNumber = None) -> Response[bytes]:
    """用章记录的一段，经签署并加盖时间戳（docs/format/trace.md），原样."""
    return _export(workbench, session, "json", first, last)


@get("/seal-uses/export.csv", sync_to_thread=True)
def export_csv(workbench: Wb, session: Who, first: Number = 1, last: LastNumber = None) -> Response[bytes]:
    """用章记录的一段，CSV（UTF-8，带字节序标记）."""
    return _export(workbench, session, "csv", first, last)


@get("/seal-uses/export.pdf", sync_to_thread=True)
def export_pdf(workbench: Wb, session: Who, first: Number = 1, last: LastNumber = None) -> Response[bytes]:
    """用章记录的一段，PDF."""
    return _export(workbench, session, "pdf", first, last)


@get("/seal-uses/export.zip", sync_to_thread=True)
def export_zip(workbench: Wb, session: Who, first: Number = 1, last: LastNumber = None) -> Response[bytes]:
    """用章记录的一段，三种格式的压缩包."""
    return _export(workbench, session, "zip", first, last)


def _export(workbench: Wb, session: Who, form: Form, first: int, last: int | None) -> Response[bytes]:
    exporting = TraceExporting(workbench.traces, workbench.desk.random)
    made = exporting.make(session.actor, form, first=first, last=last)
    return Response(made.data, media_type=made.media_type, headers=download_headers(made.name))


def _aware(at: datetime | None) -> datetime | None:
    """Demand a zone; what is below a millisecond is cut off, as it is in the entries."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise TraceQueryError("时间须带时区，如 2026-11-22T08:00:00Z")
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


TRACE_API: Final[list[HTTPRouteHandler]] = [list_seal_uses, export_json, export_csv, export_pdf, export_zip]
