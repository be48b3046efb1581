"""The trading centre's interface for programs, `/api/v1` (design.md 4): decode, call, answer.

Where an instant decides, the handler is async so that t_a is taken when the body's last byte was read, before any
queue; the work then runs in a thread.
"""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, Response, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from msgspec import Struct

from bidding.centre.house import Arrival
from bidding.centre.ledger import Acknowledged
from bidding.centre.service import Centre
from bidding.web.centre_views import (
    OpeningView,
    OutcomeView,
    RecordView,
    SectionView,
    TimeView,
    lid_view,
    opening_view,
    outcome_view,
    record_view,
    section_view,
)
from bidding.web.outcomes import answer
from bidding.web.parameters import StageQuery
from bidding.web.upload import address_of, in_thread
from signing import canonical

SMALL: Final = 1 << 20
"""Bytes of a request that carries acts or statements."""
LARGE: Final = 64 << 20
"""Bytes of a request that carries an opening record, or the halves of a whole section."""
_JSON: Final = "application/json"
_PDF: Final = "application/pdf"

AnyRequest = Request[Any, Any, Any]


class BidRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """递交: the signed act (canonical bytes, base64), and the upload that it finalises."""

    act: bytes
    upload: str


class ReleaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """解密授权: the signed act (canonical bytes, base64), and K_B (32 bytes, base64)."""

    act: bytes
    half: bytes


async def read_body(request: AnyRequest, centre: Centre) -> tuple[bytes, Arrival]:
    """Answer the body, and the instant at which its last byte was read."""
    body = await request.body()
    return body, centre.arrival(address_of(request))


@get("/time", sync_to_thread=False)
def time(centre: NamedDependency[SkipValidation[Centre]]) -> TimeView:
    """平台时间."""
    source = centre.house.time_source
    return TimeView(centre.house.clock(), source.name, source.epsilon_ms)


@get("/sections", sync_to_thread=True)
def list_sections(centre: NamedDependency[SkipValidation[Centre]]) -> Sequence[SectionView]:
    """标段列表."""
    return [section_view(centre, section) for section in centre.sections.list()]


@post("/sections", request_max_body_size=SMALL)
async def release_section(request: AnyRequest, centre: NamedDependency[SkipValidation[Centre]]) -> SectionView:
    """发布标段：请求体是招标人签署的标段参数（SignedStatement）."""
    body, arrival = await read_body(request, centre)
    return await in_thread(lambda: section_view(centre, centre.sections.release(body, arrival)))


@get("/sections/{code:str}", sync_to_thread=True)
def get_section(code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]) -> SectionView:
    """一个标段."""
    return section_view(centre, centre.sections.get(code))


@get("/sections/{code:str}/params", sync_to_thread=True)
def get_params(code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]) -> Response[bytes]:
    """招标人签署的标段参数，原样."""
    return Response(canonical.encode(centre.sections.get(code).signed), media_type=_JSON)


@post("/sections/{code:str}/bids", request_max_body_size=SMALL, status_code=201)
async def finalise(
    request: AnyRequest, code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[Any]:
    """递交投标文件：201 回执，202 还缺内容，422 拒收凭证."""
    del code  # the act names its section, under signature
    body, arrival = await read_body(request, centre)
    data = canonical.decode_lenient(body, BidRequest)
    return answer(await in_thread(lambda: centre.reception.finalise(data.act, data.upload, arrival)))


@post("/sections/{code:str}/withdrawals", request_max_body_size=SMALL, status_code=201)
async def withdraw(
    request: AnyRequest, code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[Any]:
    """撤回：请求体是签署的撤回行为（SignedAct）."""
    del code
    body, arrival = await read_body(request, centre)
    return answer(await in_thread(lambda: centre.reception.withdraw(body, arrival)))


@get("/receipts/{key:str}", sync_to_thread=True)
def get_receipt(key: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]) -> Response[Any]:
    """凭递交编号取回执；时间戳到达后附在其中."""
    response = answer(centre.reception.receipt(key), created=False)
    response.headers["cache-control"] = "no-store"
    return response


@get("/sections/{code:str}/opening", sync_to_thread=True)
def get_opening(code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]) -> OpeningView:
    """开标的公开情况."""
    return opening_view(centre, centre.sections.get(code))


@get("/sections/{code:str}/closed-set", sync_to_thread=True)
def get_closed_set(code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]) -> dict[str, str]:
    """封签一：截止时的全部有效投标."""
    return lid_view(centre, code)


@post("/sections/{code:str}/releases", request_max_body_size=SMALL, status_code=201)
async def release_half(
    request: AnyRequest, code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[Any]:
    """投标人交出解密密钥 K_B."""
    del code
    body, arrival = await read_body(request, centre)
    data = canonical.decode_lenient(body, ReleaseRequest)
    return answer(Acknowledged(await in_thread(lambda: centre.releasing.release(data.act, data.half, arrival))))


@get("/sections/{code:str}/release-set", sync_to_thread=True)
def get_release_set(
    code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]], stage: StageQuery = 0
) -> Response[bytes]:
    """封签二与其依据：开标人据此打开；不指明阶段时为最近冻结的阶段."""
    number = stage or centre.releasing.newest_frozen(code)
    return Response(canonical.encode(centre.releasing.release_set(code, number)), media_type=_JSON)


@get("/sections/{code:str}/labels/{bundle_sm3:str}", sync_to_thread=True)
def get_label(
    code: FromPath[str], bundle_sm3: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[bytes]:
    """冻结后：一份投标文件包的包头、清单与签名."""
    return Response(canonical.encode(centre.releasing.label(code, bundle_sm3)), media_type=_JSON)


@post("/sections/{code:str}/officer-releases", request_max_body_size=LARGE, status_code=202)
async def release_officer_halves(
    request: AnyRequest, code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> dict[str, str]:
    """开标人交出 K_T；唱标随即进行."""
    body, arrival = await read_body(request, centre)
    await in_thread(lambda: centre.opening.accept(body, arrival))
    return {"section": code, "state": "accepted"}


@get("/sections/{code:str}/readout", sync_to_thread=True)
def get_readout(
    code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]], stage: StageQuery = 1
) -> Sequence[OutcomeView]:
    """唱标."""
    section = centre.sections.get(code)
    return [outcome_view(section, stage, outcome) for outcome in centre.opening.outcomes(code, stage)]


@get("/sections/{code:str}/record", sync_to_thread=True)
def get_record(
    code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]], stage: StageQuery = 1
) -> Response[bytes]:
    """开标记录的最新版本；ETag 是其 SM3."""
    version, data = centre.records.get(code, stage)
    return Response(data, media_type=_PDF, headers={"etag": f'"{version.sm3}"', "cache-control": "no-store"})


@put("/sections/{code:str}/record", request_max_body_size=LARGE)
async def put_record(
    request: AnyRequest, code: FromPath[str], centre: NamedDependency[SkipValidation[Centre]], stage: StageQuery = 1
) -> Response[RecordView]:
    """加盖一枚印章后的开标记录；If-Match 是上一版的 SM3."""
    body, arrival = await read_body(request, centre)
    expected = request.headers.get("if-match", "").strip().strip('"')
    version = await in_thread(lambda: centre.records.add(code, stage, body, expected, arrival))
    return Response(record_view(version), headers={"etag": f'"{version.sm3}"'})


PUBLIC_ROUTES: Final = [
    time,
    list_sections,
    release_section,
    get_section,
    get_params,
    finalise,
    withdraw,
    get_receipt,
    get_opening,
    get_closed_set,
    release_half,
    get_release_set,
    get_label,
    release_officer_halves,
    get_readout,
    get_record,
    put_record,
]
CENTRE_API: Final = Router("/api/v1", route_handlers=PUBLIC_ROUTES)
"""Needs the dependency `centre`."""
