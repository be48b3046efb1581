"""The opening room (开标室) of the centre's staff, step by step from the lids to the sealed record."""

from typing import Any, Final, Literal

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation, URLEncodedBody
from litestar.response import Redirect, Template
from msgspec import Struct

from bidding.centre.sections import Phase
from bidding.errors import SealedUntilOpeningError
from bidding.faults import Fault
from bidding.web.centre_common import REFUSALS, attachment, qr_of
from bidding.web.centre_opening_view import report_of
from bidding.web.centre_room import Room
from bidding.web.parameters import StageQuery
from bidding.web.render import report_context
from bidding.web.site import beijing
from identity.consent import render_consent

_REASON_MISSING: Final = {"kind": "bad", "text": "请填写认定理由：理由将写入开标记录。", "code": "reason_missing"}


class StageForm(Struct):
    """Which stage a button is about."""

    stage: int = 1


class DecisionForm(Struct):
    """主持人认定."""

    bundle_sm3: str
    cause: Literal["bidder", "platform", "officer"]
    reason: str = ""
    stage: int = 1


@get("/sections/{code:str}/opening", sync_to_thread=True, include_in_schema=False)
def opening_page(
    code: FromPath[str],
    room: NamedDependency[SkipValidation[Room]],
    stage: StageQuery = 0,
    fragment: FromQuery[bool] = False,
    closing: FromQuery[bool] = False,
) -> Response[Any]:
    """开标室；截止前只有一面墙，来看的人会被记下。封标页以 `closing` 等待，封标后被带到这里."""
    section = room.centre.sections.get(code)
    phase = room.centre.sections.phases(section, room.centre.house.clock())[1]
    if phase is Phase.CLOSING:
        return room.closing(section)
    try:
        room.centre.wall.require_closed(code, room.staff, "opening-page", room.arrival())
    except SealedUntilOpeningError as error:
        return room.wall(section, error)
    if closing:
        return _back(code, 0)
    return room.show(room.page(code, stage), fragment=fragment)


@post("/sections/{code:str}/opening/freeze", sync_to_thread=True, include_in_schema=False, status_code=303)
def freeze_page(
    code: FromPath[str],
    data: URLEncodedBody[StageForm],
    room: NamedDependency[SkipValidation[Room]],
) -> Response[Any]:
    """冻结解密集合（封签二）."""
    try:
        room.centre.releasing.freeze(code, data.stage, room.who, room.arrival())
        room.centre.stamps.work(room.arrival())
    except REFUSALS as error:
        return room.refused(code, data.stage, error)
    return _back(code, data.stage)


@post("/sections/{code:str}/opening/decide", sync_to_thread=True, include_in_schema=False, status_code=303)
def decide_page(
    code: FromPath[str],
    data: URLEncodedBody[DecisionForm],
    room: NamedDependency[SkipValidation[Room]],
) -> Response[Any]:
    """认定未能开启的原因，理由必填."""
    reason, arrival = data.reason.strip(), room.arrival()
    if not reason:
        return room.show(room.page(code, data.stage), status=422, notice=_REASON_MISSING)
    try:
        room.centre.opening.decide(code, data.stage, data.bundle_sm3, Fault(data.cause), reason, room.who, arrival)
    except REFUSALS as error:
        return room.refused(code, data.stage, error)
    return _back(code, data.stage)


@post("/sections/{code:str}/opening/record", sync_to_thread=True, include_in_schema=False, status_code=303)
def make_record_page(
    code: FromPath[str],
    data: URLEncodedBody[StageForm],
    room: NamedDependency[SkipValidation[Room]],
) -> Response[Any]:
    """生成开标记录."""
    try:
        room.centre.records.make(code, data.stage, room.who, room.arrival())
    except REFUSALS as error:
        return room.refused(code, data.stage, error)
    return _back(code, data.stage)


@post("/sections/{code:str}/opening/seal", sync_to_thread=True, include_in_schema=False, status_code=303)
def seal_record_page(
    code: FromPath[str],
    data: URLEncodedBody[StageForm],
    room: NamedDependency[SkipValidation[Room]],
) -> Response[Any]:
    """提请本人在执照钱包中确认，在开标记录上加盖交易中心公章."""
    try:
        room.hosting.request(code, data.stage, room.staff, room.arrival())
    except REFUSALS as error:
        return room.refused(code, data.stage, error)
    return Redirect(f"/sections/{code}/opening/seal?stage={data.stage}", status_code=303)


@get("/sections/{code:str}/opening/seal", sync_to_thread=True, include_in_schema=False)
def sealing_page(
    code: FromPath[str],
    room: NamedDependency[SkipValidation[Room]],
    stage: StageQuery = 1,
) -> Response[Any]:
    """等待确认；确认后即盖章."""
    found = room.hosting.find(code, stage)
    try:
        if found is None or room.hosting.advance(code, stage, room.arrival()):
            return _back(code, stage)
    except REFUSALS as error:
        return room.refused(code, stage, error)
    context: dict[str, Any] = {
        "heading": "等待确认盖章",
        "lead": "请用执照钱包核对下列内容后确认；确认后在开标记录上加盖交易中心公章，并加可信时间戳。",
        "lines": render_consent(found.consent.record),
        "facts": (("开标记录版本", found.version), ("待签摘要 SM3", found.prepared.document_sm3)),
        "url": found.consent.url,
        "qr": qr_of(found.consent.url),
        "live": f"/sections/{code}/opening/seal?stage={stage}",
        "expires": beijing(found.consent.expires_at),
    }
    return room.template("centre_consent.html", **context)


@post("/sections/{code:str}/opening/end", sync_to_thread=True, include_in_schema=False, status_code=303)
def end_page(
    code: FromPath[str],
    data: URLEncodedBody[StageForm],
    room: NamedDependency[SkipValidation[Room]],
) -> Response[Any]:
    """结束这一阶段的开标."""
    try:
        room.centre.records.end(code, data.stage, room.who, room.arrival())
    except REFUSALS as error:
        return room.refused(code, data.stage, error)
    return _back(code, data.stage)


@post("/sections/{code:str}/opening/begin", sync_to_thread=True, include_in_schema=False, status_code=303)
def begin_stage_page(
    code: FromPath[str],
    data: URLEncodedBody[StageForm],
    room: NamedDependency[SkipValidation[Room]],
) -> Response[Any]:
    """开始一个后面的阶段."""
    try:
        room.centre.records.begin_stage(code, data.stage, room.who, room.arrival())
    except REFUSALS as error:
        return room.refused(code, data.stage, error)
    return _back(code, data.stage)


@get("/sections/{code:str}/opening/documents/{bundle:str}/{document:str}", sync_to_thread=True, include_in_schema=False)
def document_file(
    code: FromPath[str],
    bundle: FromPath[str],
    document: FromPath[str],
    room: NamedDependency[SkipValidation[Room]],
    stage: StageQuery = 1,
) -> Response[bytes]:
    """下载一个开启后的文件."""
    found = room.document(code, stage, bundle, document)
    with room.centre.opening.objects.open(found.object) as stream:
        return Response(stream.read(), media_type="application/pdf", headers=attachment(found.name))


@get(
    "/sections/{code:str}/opening/documents/{bundle:str}/{document:str}/report",
    sync_to_thread=True,
    include_in_schema=False,
)
def document_report(
    code: FromPath[str],
    bundle: FromPath[str],
    document: FromPath[str],
    room: NamedDependency[SkipValidation[Room]],
    stage: StageQuery = 1,
) -> Template:
    """一个文件的印章核验报告."""
    found = room.document(code, stage, bundle, document)
    return room.template("centre_report.html", code=code, stage=stage, **report_context([report_of(found)]))


@get("/sections/{code:str}/opening/record/{page:int}", sync_to_thread=True, include_in_schema=False)
def record_picture(
    code: FromPath[str], page: FromPath[int], room: NamedDependency[SkipValidation[Room]], stage: StageQuery = 1
) -> Response[bytes]:
    """开标记录一页的图像."""
    picture = room.hosting.picture(code, stage, page)
    return Response(picture, media_type="image/png", headers={"cache-control": "no-store"})


def _back(code: str, stage: int) -> Redirect:
    query = f"?stage={stage}" if stage else ""
    return Redirect(f"/sections/{code}/opening{query}", status_code=303)


OPENING_ROUTES: Final = [
    opening_page,
    freeze_page,
    decide_page,
    make_record_page,
    seal_record_page,
    sealing_page,
    end_page,
    begin_stage_page,
    document_file,
    document_report,
    record_picture,
]
