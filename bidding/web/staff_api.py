"""The centre's own staff at `/api/v1`: a session of the centre's unit (`staff`), and the wall before the lids.

Every route that could tell names or number of bidders asks the wall first; before closing it answers 403
`sealed_until_opening` and notes who asked. No path here is one of the public router's: two routers of one prefix
cannot share a path.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta, Struct

from bidding.centre.service import Centre
from bidding.errors import NoLiveBidError
from bidding.faults import Fault
from bidding.lids import StageId
from bidding.web.centre_views import (
    BidderView,
    DocumentView,
    OpeningView,
    RecordView,
    document_view,
    opening_view,
    record_view,
)
from bidding.web.parameters import StageQuery
from bidding.web.upload import address_of
from identity.actor import Actor

AnyRequest = Request[Any, Any, Any]


class StageRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Which opening stage."""

    stage: StageId = 1


class DecisionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """主持人认定: whose a failed opening is, and why."""

    bundle_sm3: str
    cause: Literal["bidder", "platform", "officer"]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    stage: StageId = 1


@get("/sections/{code:str}/bidders", sync_to_thread=True)
def list_bids(
    request: AnyRequest,
    code: FromPath[str],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
    stage: StageQuery = 1,
) -> Sequence[BidderView]:
    """投标人名单（截止后）."""
    _wall(request, code, centre, staff, "list")
    return [
        BidderView(
            released.bid.identity.name,
            released.bid.identity.uscc,
            released.bid.bundle_sm3,
            released.bid.received_at,
            released.released_at,
        )
        for released in centre.releasing.released(code, stage)
    ]


@get("/sections/{code:str}/bidders/count", sync_to_thread=True)
def count_bids(
    request: AnyRequest,
    code: FromPath[str],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> dict[str, int]:
    """投标人数（截止后）."""
    _wall(request, code, centre, staff, "count")
    return {"bids": len(centre.wall.bidders(code))}


@get("/sections/{code:str}/bidders/export", sync_to_thread=True)
def export_bids(
    request: AnyRequest,
    code: FromPath[str],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> Response[str]:
    """导出投标人名单（截止后），CSV."""
    _wall(request, code, centre, staff, "export")
    rows = [("统一社会信用代码", "投标人"), *((b.uscc, b.name) for b in centre.wall.bidders(code))]
    text = "\r\n".join(",".join(_cell(value) for value in row) for row in rows) + "\r\n"
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8")


@get("/storage", sync_to_thread=True)
def storage(
    request: AnyRequest, centre: NamedDependency[SkipValidation[Centre]], staff: NamedDependency[SkipValidation[Actor]]
) -> dict[str, int]:
    """收件存储占用（全部标段截止后）."""
    centre.wall.require_all_closed(staff, "storage", centre.arrival(address_of(request)))
    files = [path.stat().st_size for path in centre.uploads.intake.root.rglob("*") if path.is_file()]
    return {"files": len(files), "bytes": sum(files)}


@post("/sections/{code:str}/freeze", sync_to_thread=True, status_code=200)
def freeze(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[StageRequest],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> OpeningView:
    """冻结解密名单（封签二）."""
    who = _staff(centre, staff)
    centre.releasing.freeze(code, data.stage, who, centre.arrival(address_of(request)))
    return opening_view(centre, centre.sections.get(code))


@post("/sections/{code:str}/decisions", sync_to_thread=True, status_code=200)
def decide(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[DecisionRequest],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> OpeningView:
    """主持人认定未能开启的原因."""
    who, arrival = _staff(centre, staff), centre.arrival(address_of(request))
    centre.opening.decide(code, data.stage, data.bundle_sm3, Fault(data.cause), data.reason, who, arrival)
    return opening_view(centre, centre.sections.get(code))


@post("/sections/{code:str}/records", sync_to_thread=True, status_code=201)
def make_record(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[StageRequest],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> RecordView:
    """生成开标记录."""
    who, arrival = _staff(centre, staff), centre.arrival(address_of(request))
    return record_view(centre.records.make(code, data.stage, who, arrival))


@post("/sections/{code:str}/end", sync_to_thread=True, status_code=200)
def end(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[StageRequest],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> OpeningView:
    """结束这一阶段的开标."""
    centre.records.end(code, data.stage, _staff(centre, staff), centre.arrival(address_of(request)))
    return opening_view(centre, centre.sections.get(code))


@post("/sections/{code:str}/stages", sync_to_thread=True, status_code=200)
def begin_stage(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[StageRequest],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
) -> OpeningView:
    """开始下一阶段的解密."""
    centre.records.begin_stage(code, data.stage, _staff(centre, staff), centre.arrival(address_of(request)))
    return opening_view(centre, centre.sections.get(code))


@get("/sections/{code:str}/bids/{bundle_sm3:str}/documents", sync_to_thread=True)
def list_documents(
    request: AnyRequest,
    code: FromPath[str],
    *,
    bundle_sm3: FromPath[str],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
    stage: StageQuery = 1,
) -> Sequence[DocumentView]:
    """一份投标文件开启后的文件与印章核验结果."""
    _wall(request, code, centre, staff, "documents")
    return [document_view(document) for document in centre.opening.documents_of(code, stage, bundle_sm3)]


@get("/sections/{code:str}/bids/{bundle_sm3:str}/documents/{document:str}", sync_to_thread=True)
def get_document(
    request: AnyRequest,
    code: FromPath[str],
    *,
    bundle_sm3: FromPath[str],
    document: FromPath[str],
    centre: NamedDependency[SkipValidation[Centre]],
    staff: NamedDependency[SkipValidation[Actor]],
    stage: StageQuery = 1,
) -> Response[bytes]:
    """一个开启后的文件."""
    _wall(request, code, centre, staff, "documents")
    for found in centre.opening.documents_of(code, stage, bundle_sm3):
        if found.document == document:
            with centre.opening.objects.open(found.object) as stream:
                headers = {"cache-control": "no-store", "content-disposition": "attachment"}
                return Response(stream.read(), media_type="application/pdf", headers=headers)
    raise NoLiveBidError("no such document")


def _staff(centre: Centre, staff: Actor) -> str:
    centre.wall.require_staff(staff)
    return f"{staff.person_name} {staff.person}"


def _wall(request: AnyRequest, code: str, centre: Centre, staff: Actor, what: str) -> None:
    centre.wall.require_closed(code, staff, what, centre.arrival(address_of(request)))


def _cell(value: str) -> str:
    """One CSV cell that no spreadsheet takes for a formula."""
    guarded = f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
    return '"' + guarded.replace('"', '""') + '"'


STAFF_ROUTES: Final = [
    list_bids,
    count_bids,
    export_bids,
    storage,
    freeze,
    decide,
    make_record,
    end,
    begin_stage,
    list_documents,
    get_document,
]
