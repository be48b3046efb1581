"""Who may ask the signing service: a bearer token of an interface or of a login, its scope, and not too often.

Every route names its scope in `opt`; one without is refused. Cookies are not looked at, so that no page of another
site can ask anything.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final, TypeVar

import msgspec
from anyio import to_thread
from litestar import Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, SkipValidation
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Struct

from bidding.errors import NotAllowedError, NotLoggedInError, TokenRefusedError, TooManyRequestsError
from bidding.sessions import LoginDesk
from bidding.signings.service import SigningService
from bidding.signings.tokens import PREFIX, Principal, RateLimit, of_session
from bidding.web.problems import on_known_error
from bidding.web.signings_views import ProblemView
from bidding.web.workbench_common import PRIVATE

View = TypeVar("View", bound=Struct)
AnyRequest = Request[Any, Any, Any]
Asking = NamedDependency[SkipValidation[Principal]]
Service = NamedDependency[SkipValidation[SigningService]]
IdempotencyKey = Annotated[str, HeaderParameter(name="Idempotency-Key", description="同一请求重发时不重复办理")]
_COUNT: Final = "yizhao.rate"
_MEANING: Final = {
    304: "没有变化（If-None-Match）",
    400: "请求格式不正确",
    401: "没有令牌，或令牌无效、过期、已吊销",
    403: "令牌没有所需的权限范围，或身份不允许",
    404: "没有，或属于其他单位",
    409: "当前状态不允许，或同一 Idempotency-Key 用于另一请求",
    412: "If-Match 与当前版本不符",
    413: "超过大小上限",
    415: "不支持的格式",
    422: "内容不能接受，code 说明原因",
    429: "请求过于频繁，或数量超过上限",
    503: "外部服务没有应答，数据没有改变",
}


def problems(*codes: int) -> dict[int, ResponseSpec]:
    """Answer how OpenAPI tells refusals; 400, 401, 403 and 429 may come from every route."""
    return {
        code: ResponseSpec(ProblemView, description=_MEANING[code], media_type="application/problem+json")
        for code in sorted({400, 401, 403, 429, *codes})
    }


def provide_principal(request: AnyRequest) -> Principal:
    """Answer who asks, as the guard found out."""
    found = request.scope.get("auth")
    if not isinstance(found, Principal):
        raise NotAllowedError("nobody looked who asks")
    return found


class RateHeaders(ASGIMiddleware):
    """Tell how many requests are left in this minute (RateLimit-Limit, -Remaining, -Reset)."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Add the headers to the answer."""

        async def tell(message: Message) -> None:
            count = scope.get(_COUNT)
            if message["type"] == "http.response.start" and isinstance(count, dict):
                added = [(name.encode(), value.encode()) for name, value in count.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await next_app(scope, receive, tell)


def with_scopes(path: str, routes: Sequence[HTTPRouteHandler], service: SigningService, desk: LoginDesk) -> Router:
    """Mount routes that ask for a scope; the app gives `signings` (SigningService)."""
    limit = RateLimit(600, service.desk.clock)
    return Router(
        path,
        route_handlers=list(routes),
        dependencies={"principal": Provide(provide_principal, sync_to_thread=False)},
        guards=[_guard(service, desk, limit)],
        middleware=[RateHeaders()],
        exception_handlers={
            TokenRefusedError: _challenge,
            NotLoggedInError: _challenge,
            TooManyRequestsError: _later,
        },
        security=[{"bearer": []}],
        tags=["电子签署中心"],
    )


def _guard(service: SigningService, desk: LoginDesk, limit: RateLimit) -> Callable[..., Any]:
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Find out who asks, before a byte of the body is read."""
        scope = handler.opt.get("scope")
        if not isinstance(scope, str):
            raise NotAllowedError("the route names no scope")
        found = await to_thread.run_sync(partial(_who, connection, service, desk))
        left, seconds = limit.take(found.token or found.uscc)
        connection.scope[_COUNT] = {  # type: ignore[typeddict-unknown-key]
            "ratelimit-limit": str(limit.limit),
            "ratelimit-remaining": str(max(left, 0)),
            "ratelimit-reset": str(seconds),
        }
        if left < 0:
            raise TooManyRequestsError(str(seconds))
        found.require(scope)
        connection.scope["auth"] = found

    return guard


def _who(connection: ASGIConnection[Any, Any, Any, Any], service: SigningService, desk: LoginDesk) -> Principal:
    scheme, _, text = connection.headers.get("authorization", "").partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise NotLoggedInError("no token")
    if text.startswith(PREFIX):
        return service.tokens.who(text)
    actor = desk.who(text).actor
    service.tokens.require_entitled(actor)
    return of_session(actor)


def _challenge(request: AnyRequest, error: Exception) -> Response[Any]:
    answer = on_known_error(request, error)
    answer.headers["www-authenticate"] = 'Bearer realm="yizhao"'
    return answer


def _later(request: AnyRequest, error: Exception) -> Response[Any]:
    answer = on_known_error(request, error)
    answer.headers["retry-after"] = str(error)
    return answer


def once(
    request: AnyRequest,
    signings: SigningService,
    uscc: str,
    key: str,
    data: Struct | None,
    *,
    work: Callable[[], View],
    status: int = 200,
) -> Response[View]:
    """Do the work once for a key, and answer what it answered."""
    kept = list[View]()

    def encoded() -> bytes:
        kept.append(work())
        return msgspec.json.encode(kept[0])

    asked = f"{request.method} {request.url.path}\n".encode() + (msgspec.json.encode(data) if data else b"")
    answer, before = signings.repeating.once(uscc, key, asked, encoded)
    content: Any = msgspec.Raw(answer) if before else kept[0]
    headers = dict(PRIVATE)
    if before:
        headers["idempotency-replayed"] = "true"
    version = msgspec.json.decode(answer).get("version")
    if version is not None:
        headers["etag"] = f'"{version}"'
    return Response(content, status_code=status, headers=headers)
