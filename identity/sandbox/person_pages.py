"""The page on which a natural person makes their signature-seal (手写签名): a plain form and a pad to write on."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, URLEncodedBody
from msgspec import Struct

from identity import wire
from identity.errors import BadFormTokenError, IdentityError, MalformedRequestError
from identity.sandbox.pages import HEADERS
from identity.sandbox.problems import code_for, detail_of, row_of
from identity.sandbox.registrar import Registrar

_OWN: Final = frozenset({"", "same-origin", "none"})
"""Where a form may come from; the password in it is what the person proves themselves by."""
_MOST: Final = 1 << 18
_STROKES: Final = msgspec.json.Decoder(tuple[wire.Stroke, ...])
Req = Request[Any, Any, Any]


class Form(Struct, frozen=True):
    """What the form holds; `strokes` is JSON."""

    pin: str = ""
    kind: str = ""
    strokes: str = ""


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("identity.sandbox", "templates"), autoescape=True, trim_blocks=True)


def _page(request: Req, registrar: Registrar, person: str, error: IdentityError | None = None) -> Response[str]:
    told = {"detail": detail_of(error), "code": code_for(error)} if error else None
    status = row_of(error).status if error else 200
    found = None
    try:
        found = registrar.persons.answer(person)
    except IdentityError as unknown:
        told, status = {"detail": detail_of(unknown), "code": code_for(unknown)}, row_of(unknown).status
    page = _environment().get_template("signature.html")
    html = page.render(person=found, error=told, path=request.url.path)
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=HEADERS)


@get("/persons/{person:str}/signature", sync_to_thread=True, include_in_schema=False)
def show(request: Req, person: FromPath[str], registrar: NamedDependency[Registrar]) -> Response[str]:
    """个人签名章: the pad."""
    return _page(request, registrar, person)


@post("/persons/{person:str}/signature", sync_to_thread=True, include_in_schema=False)
def make(
    request: Req, person: FromPath[str], data: URLEncodedBody[Form], registrar: NamedDependency[Registrar]
) -> Response[Any]:
    """Have the seal made, and lead back to the wallet."""
    try:
        if request.headers.get("sec-fetch-site", "") not in _OWN:
            raise BadFormTokenError(request.url.path)
        registrar.persons.make_seal(person, wire.PersonSealRequest(data.pin, _appearance(data)))
    except IdentityError as error:
        return _page(request, registrar, person, error)
    return Response(None, status_code=303, headers={**HEADERS, "location": "/wallet/"})


def _appearance(form: Form) -> wire.SealAppearance:
    if form.kind == "name":
        return wire.SealAppearance()
    if form.kind != "strokes" or len(form.strokes) > _MOST:
        raise MalformedRequestError("签名笔迹过多或缺失")
    try:
        return wire.SealAppearance("strokes", _STROKES.decode(form.strokes or "[]"))
    except msgspec.MsgspecError as error:
        raise MalformedRequestError("签名笔迹无法读取") from error


def _asset(name: str, media_type: str) -> Response[bytes]:
    content = (files("identity.sandbox") / "templates" / name).read_bytes()
    headers = {"cache-control": "public, max-age=300", "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@get("/signature.css", sync_to_thread=True, include_in_schema=False)
def stylesheet() -> Response[bytes]:
    """Serve the pad's style."""
    return _asset("signature.css", "text/css; charset=utf-8")


@get("/signature.js", sync_to_thread=True, include_in_schema=False)
def script() -> Response[bytes]:
    """Serve the pen."""
    return _asset("signature.js", "text/javascript; charset=utf-8")


ROUTES: Final[tuple[HTTPRouteHandler, ...]] = (show, make, stylesheet, script)
