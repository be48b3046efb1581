"""The Litestar application of one party, put together from routers; nothing is decided here."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from litestar import Litestar, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.router import Router
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import Message, Scope

from bidding.web.problems import EXCEPTION_HANDLERS

_WEB = Path(str(files("bidding.web")))
_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_COMPONENTS = Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")})


@get("/healthz", include_in_schema=False, sync_to_thread=False)
def healthz() -> dict[str, str]:
    """Answer when the party is up."""
    return {"status": "ok"}


async def _secure(message: Message, scope: Scope) -> None:
    """Put the headers on every answer, files and streams included; a handler's own header stands."""
    del scope
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if "html" in headers.get("content-type", ""):
        headers.setdefault("cache-control", "no-store")


def create_app(
    routes: Sequence[HTTPRouteHandler | Router],
    dependencies: dict[str, Any],
    *,
    title: str,
    on_shutdown: Sequence[Any] = (),
) -> Litestar:
    """Mount the routes with their services given as named dependencies."""
    static = create_static_files_router(path="/static", directories=[_WEB / "static"], include_in_schema=False)
    return Litestar(
        route_handlers=[healthz, static, *routes],
        dependencies={
            name: Provide(_always(value), sync_to_thread=False, use_cache=True) for name, value in dependencies.items()
        },
        exception_handlers=EXCEPTION_HANDLERS,
        template_config=TemplateConfig(directory=_WEB / "templates", engine=JinjaTemplateEngine),
        openapi_config=OpenAPIConfig(title=title, version="1", path="/schema", components=_COMPONENTS),
        logging_config=None,
        compression_config=CompressionConfig(backend="gzip", exclude=["/files", "/static"]),
        before_send=[_secure],
        state=State({"login_desk": dependencies.get("desk")}),
        on_shutdown=list(on_shutdown),
    )


def _always(value: Any) -> Any:
    def provide() -> Any:
        return value

    return provide
