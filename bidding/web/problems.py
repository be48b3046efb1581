"""From an exception to problem+json (RFC 9457) for programs or a Chinese page for people."""

import logging
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Template

from bidding.errors import BiddingError
from bidding.web.errors import Words, readable, words_of
from identity.errors import IdentityError
from sealing.errors import SealingError
from signing.errors import SigningError
from storage.errors import StorageError

_log = logging.getLogger("yizhao.web")
_HTTP_TEXT = {
    400: "请求内容不正确，请检查填写内容后重试。",
    401: "请先用电子营业执照登录。",
    403: "您没有此项权限。",
    404: "没有这个页面或对象，请检查地址。",
    405: "此地址不支持这种操作。",
    412: "内容已有变化，请重新查询后再办理。",
    413: "内容超过大小上限。",
    415: "不支持的内容类型。",
    429: "操作过于频繁，请稍后再试。",
}


def _answer(request: Request[Any, Any, Any], words: Words, detail: str) -> Response[Any]:
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(("/api/", "/files")):
        context = {"party": "一照通投", "path": request.url.path, "words": words, "detail": readable(detail)}
        return Template("error.html", context=context, status_code=words.status)
    problem = {
        "type": f"urn:yizhao:problem:{words.code}",
        "title": words.text,
        "status": words.status,
        "code": words.code,
        "detail": detail,
    }
    return Response(problem, status_code=words.status, media_type="application/problem+json")


def on_known_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer a refusal of ours: its row of the table; the message is for people, never a secret."""
    words = words_of(error)
    if words.status >= 500:  # noqa: PLR2004 - the class of server errors
        _log.error("%s: %s", type(error).__name__, error)
    return _answer(request, words, str(error))


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer what the framework refused by itself."""
    status = error.status_code
    text = _HTTP_TEXT.get(status, "请求无法处理。")
    return _answer(request, Words(status, f"http_{status}", text), error.detail)


def on_deep_json(request: Request[Any, Any, Any], _error: RecursionError) -> Response[Any]:
    """Answer JSON that is nested deeper than it can be read."""
    return _answer(request, Words(400, "http_400", _HTTP_TEXT[400]), "nested too deeply")


def on_unknown_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer a fault of ours: logged whole, told without any inside."""
    _log.error("unexpected error at %s %s", request.method, request.url.path, exc_info=error)
    return _answer(request, words_of(error), "")


EXCEPTION_HANDLERS: dict[Any, Any] = {
    BiddingError: on_known_error,
    IdentityError: on_known_error,
    SealingError: on_known_error,
    SigningError: on_known_error,
    StorageError: on_known_error,
    HTTPException: on_http_error,
    RecursionError: on_deep_json,
    Exception: on_unknown_error,
}
