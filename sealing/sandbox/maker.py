"""The sandbox's seal maker over HTTP: its routes and its refusals (docs/format/seal.md 8)."""

import base64
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Final, TypeVar

from litestar import Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, RawBody
from msgspec import Struct

from sealing import artwork, ses
from sealing.errors import (
    EmptySignatureError,
    MissingGlyphError,
    NoImpressionError,
    ScanWorkerDiedError,
    SealApplicationError,
    SealClosedError,
    SealFormatError,
    SealImportError,
    SealingError,
    SealLimitError,
    SealNumberTakenError,
    SealTextError,
    SealTransitionError,
    SignatureTooLargeError,
    UnknownScanSizeError,
    UnknownSealError,
)
from sealing.sandbox.book import SealBook
from sealing.sandbox.making import SealMaker, SealsExistError, TrustMissingError
from sealing.sandbox.orders import OrderError
from sealing.sandbox.personal import PersonalDesk
from sealing.sandbox.scanning import CleanScan, ScanDesk, ScanningMissingError, clean_scan
from sealing.seal import IssuedSeal
from sealing.wire import (
    ImportOrder,
    MadeSeal,
    MadeSeals,
    Notice,
    PersonSealOrder,
    ReissueOrder,
    ScanDecision,
    ScanOrder,
    SealFile,
    SealOrder,
    StateOrder,
)
from signing import canonical
from signing.certificates import Certificate
from signing.errors import MalformedError
from signing.path import TrustAnchors
from signing.sm2 import PrivateKey

__all__ = ("OrderError", "SealClosedError", "SealMaker", "SealsExistError", "create_router")

T = TypeVar("T", bound=Struct)
_log = logging.getLogger("yizhao.sandbox")
_PROBLEM: Final = "application/problem+json"
_BAD_REQUEST: Final = 400
_MIME: Final = {"png": "image/png", "gif": "image/gif", "jpg": "image/jpeg", "bmp": "image/bmp", "svg": "image/svg+xml"}


def create_router(
    folder: Path,
    *,
    key: PrivateKey,
    certificate: Certificate,
    clock: Callable[[], datetime],
    anchors: Callable[[], TrustAnchors] | None = None,
    stamp: Callable[[bytes], bytes] | None = None,
    clean: CleanScan | None = clean_scan,
    token: str = "",
) -> Router:
    """Serve the seal maker under /maker; its state is the files in `folder`.

    `anchors` answers the trust list by which applications and imported seals are judged; without it nothing is
    imported. `stamp` stamps v5 seals. `clean` cleans scanned pictures (from outside: `scan_worker.clean_in_child`);
    None takes none. With a `token` only those who bear it may write; everybody may ask.
    """
    maker = SealMaker(SealBook(folder), key, certificate, clock, anchors, stamp)
    desk = ScanDesk(maker, clean)
    return Router(
        path="/maker",
        route_handlers=[
            *_issuing(maker),
            *_asking(maker),
            *_changing(maker),
            *_scanning(desk),
            *_personal(PersonalDesk(maker, clean)),
        ],
        guards=[_only_for(token)] if token else None,
        exception_handlers={SealingError: _problem, HTTPException: _http_problem, OSError: _disk_problem},
    )


def _only_for(token: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Answer a guard that lets only the bearers of the token write."""

    def require(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        told = connection.headers.get("authorization", "")
        if connection.scope.get("method") != "GET" and not hmac.compare_digest(
            told.encode(), f"Bearer {token}".encode()
        ):
            raise NotAuthorizedException

    return require


def _issuing(maker: SealMaker) -> list[Any]:
    @post("/seals", status_code=201, sync_to_thread=True)
    def issue(body: RawBody) -> Response[Any]:
        """制作一套五枚印章."""
        return _json(_made_all(maker.issue(_read(body, SealOrder))), 201)

    @post("/reissues", status_code=201, sync_to_thread=True)
    def reissue(body: RawBody) -> Response[Any]:
        """变更后注销并重新制作."""
        return _json(_made_all(maker.reissue(_read(body, ReissueOrder))), 201)

    @post("/imports", status_code=201, sync_to_thread=True)
    def import_seal(body: RawBody) -> Response[Any]:
        """导入已有印章."""
        return _json(_made_all((maker.import_seal(_read(body, ImportOrder)),)), 201)

    return [issue, reissue, import_seal]


def _asking(maker: SealMaker) -> list[Any]:
    @get("/seals", sync_to_thread=True)
    def find(uscc: FromQuery[str] = "", person: FromQuery[str] = "") -> Response[Any]:
        """一家单位、或一位自然人的全部印章."""
        if bool(uscc) == bool(person):
            raise OrderError("whose seals?")
        return _json(_made_all(maker.seals_of(uscc, person)))

    @get("/seals/{number:str}", sync_to_thread=True)
    def show(number: FromPath[str]) -> Response[Any]:
        """一枚印章的全部信息."""
        return _json(_file(maker, number))

    @get("/seals/{number:str}/status", sync_to_thread=True)
    def status(number: FromPath[str], at: FromQuery[str] = "") -> Response[Any]:
        """一枚印章在某一时刻的状态（公开查询，答复经制章单位签名）."""
        return _json(maker.status(number, _instant(at)))

    return [find, show, status]


def _changing(maker: SealMaker) -> list[Any]:
    @post("/seals/{number:str}/state", status_code=200, sync_to_thread=True)
    def change(number: FromPath[str], body: RawBody) -> Response[Any]:
        """停用、挂失、恢复、注销."""
        maker.change_state(number, _read(body, StateOrder))
        return _json(_file(maker, number))

    @post("/notices", status_code=200, sync_to_thread=True)
    def hear(body: RawBody) -> Response[Any]:
        """登记机关通知：变更、吊销、注销."""
        return _json(_made_all(maker.hear(_read(body, Notice))))

    return [change, hear]


def _scanning(desk: ScanDesk) -> list[Any]:
    @post("/scans", status_code=201, sync_to_thread=True)
    def propose(body: RawBody) -> Response[Any]:
        """提交实物印章的扫描件."""
        return _json(desk.propose(_read(body, ScanOrder)), 201)

    @post("/scans/{scan:str}/decision", status_code=200, sync_to_thread=True)
    def decide(scan: FromPath[str], body: RawBody) -> Response[Any]:
        """确认或放弃清理后的印模."""
        made = desk.decide(scan, _read(body, ScanDecision))
        return _json(_made_all((made,) if made else ()))

    return [propose, decide]


def _personal(desk: PersonalDesk) -> list[Any]:
    @post("/person-seals", status_code=201, sync_to_thread=True)
    def make(body: RawBody) -> Response[Any]:
        """制作个人签名章."""
        return _json(_made_all((desk.make(_read(body, PersonSealOrder)),)), 201)

    return [make]


# Refusals


@dataclass(frozen=True)
class _Row:
    status: int
    code: str
    detail: str


_WORDS: Final[dict[type[SealingError], _Row]] = {
    UnknownSealError: _Row(404, "seal_unknown", "没有这枚印章，请核对印章编码。"),
    SealsExistError: _Row(409, "seals_exist", "这家单位已有印章；请先注销原有印章再制作。"),
    SealNumberTakenError: _Row(409, "seal_number_taken", "印章编码已被登记，不能重复登记。"),
    SealClosedError: _Row(409, "seal_cancelled", "印章已注销，不能恢复；请重新制作。"),
    SealTransitionError: _Row(409, "seal_transition", "印章现在的状态不允许此操作，请先查询印章状态。"),
    OrderError: _Row(400, "order_malformed", "制章请求有误，请核对单位、证书和有效期。"),
    TrustMissingError: _Row(409, "trust_missing", "本机构没有配置信任名单，无法核验他方制作的印章。"),
    ScanningMissingError: _Row(409, "scanning_missing", "本机构未开通扫描件制章，请选择由系统绘制印章。"),
    SealImportError: _Row(422, "seal_not_importable", "不能导入这枚印章。"),
    SealApplicationError: _Row(403, "application_refused", "制章申请未通过核对。"),
    EmptySignatureError: _Row(422, "signature_empty", "没有签名笔迹，请重新手写签名。"),
    SignatureTooLargeError: _Row(422, "signature_too_large", "签名笔迹过多或尺寸不合适，请清除后重新手写。"),
    ScanWorkerDiedError: _Row(
        422, "picture_not_processed", "图像无法处理，所需的内存或时间超过限度，请另存后重新提交。"
    ),
    SealTextError: _Row(422, "seal_text", "单位名称或姓名太长或太短，排不进印章，请核对。"),
    MissingGlyphError: _Row(422, "glyph_missing", "名称中有字库没有的字，请联系制章单位补字。"),
    SealLimitError: _Row(413, "picture_too_large", "图像过大，请缩小后再提交。"),
    SealFormatError: _Row(422, "picture_unreadable", "图像无法读取，请提交 PNG、JPG 等常见格式的扫描件。"),
    UnknownScanSizeError: _Row(422, "scan_size", "印模的尺寸不像印章，请核对所填的毫米数。"),
    NoImpressionError: _Row(422, "no_impression", "图中没有找到印模，请重新扫描。"),
    SealingError: _Row(500, "seal_maker_fault", "制章单位内部出错，请稍后再试。"),
}


def _problem(_request: Request[Any, Any, Any], error: SealingError) -> Response[Any]:
    row = next(_WORDS[kind] for kind in type(error).__mro__ if kind in _WORDS)
    detail = row.detail
    if isinstance(error, MissingGlyphError):
        detail = f"{detail}（“{error.character}”）"
    if isinstance(error, SealImportError | SealApplicationError) and not isinstance(error, ScanningMissingError):
        detail = f"{detail}{error.why}。"
    return _refusal(row.status, row.code, detail)


def _http_problem(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code == _BAD_REQUEST:
        return _refusal(_BAD_REQUEST, "order_malformed", "请求的参数或内容有误，请核对后重试。")
    if isinstance(error, NotAuthorizedException):
        return _refusal(error.status_code, "maker_token", "制章、变更状态只接受登记机关或电子营业执照的请求。")
    return _refusal(error.status_code, f"http_{error.status_code}", "请求无法处理，请核对地址、方式和大小。")


def _disk_problem(_request: Request[Any, Any, Any], error: OSError) -> Response[Any]:
    _log.error("the seal maker's folder: %s", error)
    row = _WORDS[SealingError]
    return _refusal(row.status, row.code, row.detail)


def _refusal(status: int, code: str, detail: str) -> Response[Any]:
    body = {"type": f"urn:yizhao:sealing:{code}", "title": "制章请求被拒绝", "status": status}
    return Response(canonical.encode({**body, "code": code, "detail": detail}), status_code=status, media_type=_PROBLEM)


# Reading and writing


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return canonical.decode_lenient(body, kind)
    except MalformedError as error:
        raise OrderError(str(error)) from error


def _instant(text: str) -> datetime | None:
    """Read an RFC 3339 instant; a `+` that arrived as a space is meant."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise OrderError(f"not an instant: {text[:40]!r}") from error
    if at.tzinfo is None:
        raise OrderError("an instant without its zone")
    return at


def _file(maker: SealMaker, number: str) -> SealFile:
    entry = maker.entry(maker.book.read(), number)
    one = maker.load(number, entry)
    return SealFile(
        seal=_made(one),
        uscc=entry.uscc,
        svg=_svg(one),
        history=entry.history,
        not_after=entry.not_after,
        replaces=entry.replaces,
        replaced_by=entry.replaced_by,
        applicant=entry.applicant,
        authorisation=entry.authorisation,
        consent_sm3=entry.consent_sm3,
        person=entry.person,
    )


def _svg(one: IssuedSeal) -> str:
    """Draw the seal's picture; one without vector artwork is shown by its own bytes, at its size in mm."""
    if one.artwork:
        return artwork.svg(artwork.decode(one.artwork))
    picture = ses.parse_seal(one.esl).info.picture
    mime = _MIME.get(picture.sniffed, "")
    data = base64.b64encode(picture.data).decode() if mime else ""
    image = f'<image width="100%" height="100%" href="data:{mime};base64,{data}"/>' if mime else ""
    size = f'width="{picture.width}mm" height="{picture.height}mm"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><title>{escape(one.name)}</title>{image}</svg>'


def _made(one: IssuedSeal) -> MadeSeal:
    return MadeSeal(one.number, one.kind, one.name, one.state, one.esl, one.artwork)


def _made_all(seals: tuple[IssuedSeal, ...]) -> MadeSeals:
    return MadeSeals(tuple(map(_made, seals)))


def _json(value: Any, status: int = 200) -> Response[Any]:
    return Response(canonical.encode(value), status_code=status, media_type="application/json")
