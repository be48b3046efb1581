"""Sealing as a service for other systems (电子签署中心), `/api/v1`: upload, plan, consent, fetch. Decode, call, answer.

The specification is docs/format/signings.md. Mount with `signings_access.with_scopes`.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final
from urllib.parse import unquote

import msgspec
from anyio import open_file, sleep, to_thread
from litestar import Response, get, post, put
from litestar.exceptions import ClientException, HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.response import Stream

from bidding.signings.rows import Signing
from bidding.signings.service import MAX_SIZE, SigningService
from bidding.signings.values import NewSigning, Placings
from bidding.web import signings_views as views
from bidding.web.signings_access import AnyRequest, Asking, IdempotencyKey, Service, once, problems
from bidding.web.signings_admin_api import SIGNINGS_ADMIN
from bidding.web.workbench_common import PRIVATE, address_of, download_headers
from identity.texts import Text
from signing.digests import CHUNK

MAX_WAIT: Final = 25
"""Seconds that one look at a signing may wait for a change."""
_LOOK: Final = 0.5
_SM3: Final = re.compile(r"[0-9a-f]{64}")
_TYPES: Final = {"pdf": "application/pdf", "ofd": "application/ofd"}
Wait = Annotated[int, QueryParameter(ge=0, le=MAX_WAIT, description="等待变化的秒数，配合 If-None-Match")]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
IfMatch = Annotated[str, HeaderParameter(name="If-Match", description="只在版本（ETag）相符时办理")]
IfNoneMatch = Annotated[str, HeaderParameter(name="If-None-Match", description="版本（ETag）未变时答 304")]
Digest = Annotated[str, HeaderParameter(name="X-Content-SM3", description="文件内容的 SM3，64 位小写十六进制")]
FileName = Annotated[str, HeaderParameter(name="X-File-Name", description="文件名，百分号编码")]

READ: Final = {"scope": "signings:read"}
WRITE: Final = {"scope": "signings:write"}


# -- signings


@post("/signings", sync_to_thread=True, opt=WRITE, responses=problems(404, 409, 422, 503))
def create_signing(
    request: AnyRequest,
    signings: Service,
    principal: Asking,
    data: JSONBody[NewSigning],
    idempotency_key: IdempotencyKey = "",
) -> Response[views.SigningView]:
    """新建签署：签署人（企业或自然人）按顺序签."""

    def work() -> views.SigningView:
        return _view(signings, signings.create(principal.uscc, data, address_of(request)))

    return once(request, signings, principal.uscc, idempotency_key, data, work=work, status=201)


@get("/signings", sync_to_thread=True, opt=READ, responses=problems())
def list_signings(
    signings: Service, principal: Asking, limit: Limit = 50, before: FromQuery[datetime | None] = None
) -> list[views.SigningLine]:
    """本单位的签署，新的在前；下一页用最后一行的 created_at 作 before."""
    if before is not None and before.tzinfo is None:
        raise ClientException("before needs a time zone")
    return [views.signing_line(one) for one in signings.all(principal.uscc, limit=limit, before=before)]


@get("/signings/{signing:str}", opt=READ, responses=problems(404) | {304: problems(304)[304]})
async def show_signing(
    signing: FromPath[str],
    signings: Service,
    principal: Asking,
    wait: Wait = 0,
    if_none_match: IfNoneMatch = "",
) -> Response[views.SigningView | None]:
    """一项签署的状态；等待期间状态一变即答."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    for left in range(int(wait / _LOOK), -1, -1):
        found = await to_thread.run_sync(signings.get, principal.uscc, signing)
        if tag_of(found) not in known:
            return _answer(signings, found)
        if left:
            await sleep(_LOOK)
    return Response(None, status_code=304, headers={"etag": tag_of(found)})


@put(
    "/signings/{signing:str}/documents/{number:int}",
    opt=WRITE,
    request_max_body_size=MAX_SIZE,
    responses=problems(404, 409, 413, 415, 422),
)
async def put_document(
    request: AnyRequest,
    *,
    signing: FromPath[str],
    number: FromPath[int],
    signings: Service,
    principal: Asking,
    digest: Digest,
    file_name: FileName = "",
) -> Response[views.SigningView]:
    """上传第 number 份文件（从 1 起）：请求体是 PDF 或 OFD 本身；已有的被替换，位置须重新规划."""
    name = unquote(file_name).rpartition("/")[2].rpartition("\\")[2] or f"文件{number}"
    if not _SM3.fullmatch(digest) or not _can_be_shown(name):
        raise ClientException("X-Content-SM3 or X-File-Name is malformed")
    await to_thread.run_sync(signings.get, principal.uscc, signing)
    async with _body(request, signings) as path:
        found = await to_thread.run_sync(
            lambda: signings.put_document(principal.uscc, signing, number, path, file=name, digest=digest)
        )
    return _answer(signings, found)


@get(
    "/signings/{signing:str}/documents/{number:int}",
    sync_to_thread=True,
    opt=READ,
    responses=problems(404),
)
def fetch_document(
    signing: FromPath[str],
    number: FromPath[int],
    signings: Service,
    principal: Asking,
    original: FromQuery[bool] = False,
) -> Stream:
    """取第 number 份文件：当前已签章的字节；original=true 取上传的原件。摘要和核验结论在响应头."""
    return stream_document(signings, principal.uscc, signing, number, original=original)


@get(
    "/signings/{signing:str}/documents/{number:int}/pages/{page:int}",
    sync_to_thread=True,
    opt=READ,
    responses=problems(404, 415, 422),
    media_type="image/png",
)
def show_page(
    signing: FromPath[str], number: FromPath[int], page: FromPath[int], signings: Service, principal: Asking
) -> Response[bytes]:
    """页面预览：将要盖的章画在原页上."""
    picture = signings.preview(principal.uscc, signing, number, page)
    return Response(picture, media_type="image/png", headers=PRIVATE)


# -- places, consent, end


@put("/signings/{signing:str}/plan", sync_to_thread=True, opt=WRITE, responses=problems(404, 409, 412, 422, 503))
def put_plan(
    signing: FromPath[str],
    signings: Service,
    principal: Asking,
    data: JSONBody[Placings],
    if_match: IfMatch = "",
) -> Response[views.PlanView]:
    """规划签章位置：答复每处印模、提示和页面预览的地址；尚不请求任何人确认."""
    version = _matching(signings.get(principal.uscc, signing), if_match)
    found = signings.put_places(principal.uscc, signing, data.placings, version=version)
    return Response(views.plan_view(found), headers={"etag": tag_of(found)})


@get("/signings/{signing:str}/plan", sync_to_thread=True, opt=READ, responses=problems(404))
def show_plan(signing: FromPath[str], signings: Service, principal: Asking) -> Response[views.PlanView]:
    """已规划的签章位置."""
    found = signings.get(principal.uscc, signing)
    return Response(views.plan_view(found), headers={"etag": tag_of(found)})


@post(
    "/signings/{signing:str}/consent",
    sync_to_thread=True,
    status_code=200,
    opt=WRITE,
    responses=problems(404, 409, 412, 422, 503),
)
def ask_consent(
    request: AnyRequest,
    *,
    signing: FromPath[str],
    signings: Service,
    principal: Asking,
    idempotency_key: IdempotencyKey = "",
    if_match: IfMatch = "",
) -> Response[views.SigningView]:
    """请轮到的签署人在执照钱包中确认：答复中 consent.url 交给本人打开."""

    def work() -> views.SigningView:
        version = _matching(signings.get(principal.uscc, signing), if_match)
        return _view(signings, signings.ask(principal.uscc, signing, address_of(request), version=version))

    return once(request, signings, principal.uscc, idempotency_key, None, work=work)


@post(
    "/signings/{signing:str}/advance",
    sync_to_thread=True,
    status_code=200,
    opt=WRITE,
    responses=problems(404, 409, 503),
)
def advance_signing(
    request: AnyRequest, signing: FromPath[str], signings: Service, principal: Asking
) -> Response[views.SigningView]:
    """立即继续：查询确认并签章；不调用也会自行继续."""
    return _answer(signings, signings.advance(principal.uscc, signing, address_of(request)))


@post("/signings/{signing:str}/cancel", sync_to_thread=True, status_code=200, opt=WRITE, responses=problems(404, 409))
def cancel_signing(
    request: AnyRequest,
    signing: FromPath[str],
    signings: Service,
    principal: Asking,
    idempotency_key: IdempotencyKey = "",
) -> Response[views.SigningView]:
    """取消未完成的签署；已盖的章不受影响."""

    def work() -> views.SigningView:
        return _view(signings, signings.cancel(principal.uscc, signing, address_of(request)))

    return once(request, signings, principal.uscc, idempotency_key, None, work=work)


@get("/signings/{signing:str}/uses", sync_to_thread=True, opt={"scope": "seal-uses:read"}, responses=problems(404))
def list_uses(signing: FromPath[str], signings: Service, principal: Asking) -> list[views.UseView]:
    """这项签署的用章记录：每次使用、拒绝和失败."""
    return [views.use_view(use) for use in signings.uses(principal.uscc, signing)]


# -- what they share


def stream_document(
    signings: SigningService, uscc: str, signing: str, number: int, *, original: bool = False
) -> Stream:
    """Answer a document as a download; NoSuchSigningError."""
    found, stream = signings.open(uscc, signing, number, original=original)
    digest = found.sm3 if original else found.current_sm3
    headers = {
        **download_headers(found.facts.name),
        "etag": f'"{digest}"',
        "x-content-sm3": digest,
        "x-verdict": "" if original else found.verdict,
    }
    return Stream(_chunks(stream), media_type=_TYPES[found.facts.format], headers=headers)


def _view(signings: SigningService, signing: Signing) -> views.SigningView:
    return views.signing_view(signing, signings.pending(signing))


def _answer(signings: SigningService, signing: Signing) -> Response[Any]:
    return Response(_view(signings, signing), headers={"etag": tag_of(signing), **PRIVATE})


def tag_of(signing: Signing) -> str:
    """Answer the version as an ETag."""
    return f'"{signing.version}"'


def _can_be_shown(name: str) -> bool:
    """Whether a consent can list a file under this name."""
    try:
        msgspec.convert(name, Text)
    except msgspec.ValidationError:
        return False
    return True


def _matching(signing: Signing, wanted: str) -> int:
    """Answer the version that If-Match demands and that must still be there when work is done; 0 for any."""
    if wanted in ("", "*"):
        return 0
    if tag_of(signing) not in {tag.strip() for tag in wanted.split(",")}:
        raise HTTPException(status_code=412, detail=f"the version is {tag_of(signing)}")
    return signing.version


@asynccontextmanager
async def _body(request: AnyRequest, signings: SigningService) -> AsyncIterator[Path]:
    """Stream the body into a private file that is gone afterwards."""
    folder = signings.desk.shelf.folder()
    path = await to_thread.run_sync(folder.__enter__) / "body"
    try:
        async with await open_file(path, "wb") as file:
            async for chunk in request.stream():
                await file.write(chunk)
        if not path.stat().st_size:
            raise ClientException("the body is empty")
        yield path
    finally:
        await to_thread.run_sync(lambda: folder.__exit__(None, None, None))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(CHUNK):
            yield chunk


SIGNINGS_API: Final[list[HTTPRouteHandler]] = [
    create_signing,
    list_signings,
    show_signing,
    put_document,
    fetch_document,
    show_page,
    put_plan,
    show_plan,
    ask_consent,
    advance_signing,
    cancel_signing,
    list_uses,
    *SIGNINGS_ADMIN,
]
