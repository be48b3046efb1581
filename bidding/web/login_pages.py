"""Logging in with the e-licence (执照登录): the page with the QR code, its form for programs, and who is there.

Pages take `session: NamedDependency[Session]`; the router of `with_session` gives it, checks that what changes
something came from our own page, and leads whoever is not logged in to the login page.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import segno
from anyio import to_thread
from litestar import Request, Response, Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter
from litestar.response import Redirect
from markupsafe import Markup
from msgspec import Struct

from bidding.errors import BiddingError, FormTokenError, LoginFailedError, NotLoggedInError
from bidding.sessions import LONGEST, BrowserLogin, LoginDesk, Session
from bidding.web.errors import notice_of
from bidding.web.problems import on_known_error
from bidding.web.site import Site, Viewer
from identity.actor import Actor
from identity.errors import IdentityError, LicencePlatformUnavailableError
from signing.digests import sm3
from signing.errors import SigningError, UnavailableError

AnyRequest = Request[Any, Any, Any]
REFRESH: Final = 2
"""Seconds between two looks at a waiting login."""
_OVER: Final = {
    "refused": "您在执照钱包中拒绝了这次登录。",
    "expired": "二维码已过期。",
    "failed": "这次登录没有成功。",
    "confirmed": "这次登录已在别处完成。",
}
_LOGIN_COOKIE: Final = 600
"""Seconds that a browser keeps a login's secret: longer than the login lives, so that the page can say it is over."""
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class LoginView(Struct, frozen=True):
    """What a program that logs in gets: it shows `url` and `number`, and keeps `secret` to itself."""

    login: str
    url: str
    number: str
    expires_at: datetime
    secret: str


class LoginStateView(Struct, frozen=True, omit_defaults=True):
    """How a login stands; `token` once, with `confirmed`: send it as `Authorization: Bearer`."""

    state: str
    token: str = ""


class SessionView(Struct, frozen=True):
    """Who is logged in."""

    uscc: str
    company: str
    person: str
    person_name: str
    role: str
    authorisation: str
    expires_at: datetime


def viewer_of(session: Session) -> Viewer:
    """Answer who is logged in, as pages show it."""
    actor = session.actor
    return Viewer(actor.company, str(actor.uscc), actor.person, actor.person_name, actor.role.label)


def page_context(session: Session) -> dict[str, Any]:
    """Answer what every page of somebody logged in needs: `actor` and `csrf`."""
    return {"actor": viewer_of(session), "csrf": session.csrf}


async def provide_session(request: AnyRequest, desk: NamedDependency[LoginDesk]) -> Session:
    """Answer the session of this request, by bearer token or cookie. NotLoggedInError, FormTokenError."""
    token, by_cookie = _token(request, desk)
    session = await to_thread.run_sync(partial(desk.who, token))
    if by_cookie and request.method not in _SAFE:
        await _require_own_page(request, session.csrf)
    return session


async def require_session(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse whoever has no session before a byte of the body is read: forms carry files of any size."""
    del handler
    desk = connection.app.state.get("login_desk")
    if isinstance(desk, LoginDesk):
        await to_thread.run_sync(partial(desk.who, _token(connection, desk)[0]))


async def provide_staff(request: AnyRequest, desk: NamedDependency[LoginDesk]) -> Actor:
    """Answer the centre's own person who asks. NotLoggedInError, FormTokenError, NotStaffError."""
    session = await provide_session(request, desk)
    desk.require_staff(session.actor)
    return session.actor


def to_login(request: AnyRequest, error: NotLoggedInError) -> Response[Any]:
    """Lead a person to the login page and back; a program gets the problem."""
    asks_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
    if not asks_page:
        return on_known_error(request, error)
    back = request.url.path if request.method == "GET" else "/"
    if request.method == "GET" and request.url.query:
        back = f"{back}?{request.url.query}"
    return Redirect(f"/login?{urlencode({'next': back})}", status_code=303)


def with_session(path: str, routes: Sequence[HTTPRouteHandler | Router], *, staff: bool = False) -> Router:
    """Mount routes that need `session` (and, of the centre, `staff`); the app gives `desk` and `site`."""
    dependencies = {"session": Provide(provide_session)}
    if staff:
        dependencies["staff"] = Provide(provide_staff)
    handlers: dict[Any, Any] = {NotLoggedInError: to_login}
    return Router(
        path,
        route_handlers=list(routes),
        dependencies=dependencies,
        exception_handlers=handlers,
        guards=[require_session],
    )


@get("/login", sync_to_thread=True, include_in_schema=False)
def login_page(request: AnyRequest, desk: NamedDependency[LoginDesk], site: NamedDependency[Site]) -> Response[Any]:
    """执照登录：显示二维码和两位数字，等待本人在执照钱包中确认."""
    back = _local(request.query_params.get("next", "/"))
    if _is_in(request, desk):
        return Redirect(back, status_code=303)
    known = _known(request, desk)
    if known is None:
        begun = desk.begin(_address(request))
        page = _waiting(request, desk, site, begun, "pending")
        _set_cookie(page, desk, "login", f"{begun.id}.{begun.secret}", max_age=_LOGIN_COOKIE)
        return page
    return _look(request, desk, site, known, back)


def _look(request: AnyRequest, desk: LoginDesk, site: Site, known: BrowserLogin, back: str) -> Response[Any]:
    """Look again at a login that this browser began, and go on if it is confirmed."""
    try:
        answer = desk.poll(known.id, known.secret)
    except (LicencePlatformUnavailableError, UnavailableError):
        return _waiting(request, desk, site, known, "unavailable")
    except (BiddingError, IdentityError, SigningError) as error:
        return _over(request, desk, site, notice_of(error), back)
    if answer.token:
        return _enter(desk, answer.token, back)
    if answer.state in _OVER:
        notice = {"kind": "warn", "text": _OVER[answer.state], "code": f"login_{answer.state}"}
        return _over(request, desk, site, notice, back)
    return _waiting(request, desk, site, known, answer.state)


def _enter(desk: LoginDesk, token: str, back: str) -> Response[Any]:
    done = Redirect(back, status_code=303)
    _set_cookie(done, desk, "session", token, max_age=int(LONGEST.total_seconds()))
    _set_cookie(done, desk, "login", "", max_age=0)
    return done


@post("/logout", sync_to_thread=True, include_in_schema=False, status_code=303)
def logout_page(
    request: AnyRequest, desk: NamedDependency[LoginDesk], session: NamedDependency[Session]
) -> Response[Any]:
    """退出登录."""
    del session  # asked for, so that only our own page can log somebody out
    desk.logout(_token(request, desk)[0])
    gone = Redirect("/", status_code=303)
    _set_cookie(gone, desk, "session", "", max_age=0)
    return gone


@post("/api/v1/logins", sync_to_thread=True)
def begin_login(request: AnyRequest, desk: NamedDependency[LoginDesk]) -> LoginView:
    """发起执照登录."""
    login = desk.begin(_address(request))
    return LoginView(login.id, login.url, login.number, login.expires_at, login.secret)


@get("/api/v1/logins/{login:str}", sync_to_thread=True)
def poll_login(
    login: FromPath[str],
    desk: NamedDependency[LoginDesk],
    secret: Annotated[str, HeaderParameter(name="X-Login-Secret")],
) -> LoginStateView:
    """查询执照登录；确认后给出一次会话令牌."""
    answer = desk.poll(login, secret)
    return LoginStateView(answer.state, answer.token)


@get("/api/v1/session", sync_to_thread=False)
def show_session(session: NamedDependency[Session]) -> SessionView:
    """当前会话."""
    actor = session.actor
    return SessionView(
        uscc=str(actor.uscc),
        company=actor.company,
        person=actor.person,
        person_name=actor.person_name,
        role=actor.role.value,
        authorisation=actor.authorisation,
        expires_at=session.expires_at,
    )


@delete("/api/v1/session", sync_to_thread=True)
def end_session(request: AnyRequest, desk: NamedDependency[LoginDesk], session: NamedDependency[Session]) -> None:
    """结束会话."""
    del session
    desk.logout(_token(request, desk)[0])


LOGIN_ROUTES: Final[list[HTTPRouteHandler | Router]] = [
    login_page,
    begin_login,
    poll_login,
    with_session("/", [logout_page, show_session, end_session]),
]
"""Mount these; the app gives `desk` (LoginDesk) and `site` (Site) as named dependencies."""


def _waiting(request: AnyRequest, desk: LoginDesk, site: Site, login: BrowserLogin, state: str) -> Response[Any]:
    code = segno.make_qr(login.url, error="m")
    left = max(0, int((login.expires_at - desk.clock()).total_seconds()))
    picture = Markup(code.svg_inline(omitsize=True, border=2))  # noqa: S704 - drawn by the library, holds no text
    return site.page(request, "login.html", login=login, state=state, qr=picture, left=left, refresh=REFRESH)


def _over(request: AnyRequest, desk: LoginDesk, site: Site, notice: dict[str, str], back: str) -> Response[Any]:
    again = f"/login?{urlencode({'next': back})}"
    page = site.page(request, "login_over.html", notice=notice, again=again)
    _set_cookie(page, desk, "login", "", max_age=0)
    return page


def _known(request: AnyRequest, desk: LoginDesk) -> BrowserLogin | None:
    """Answer the login that this browser waits for, if it does."""
    login, _, secret = request.cookies.get(_cookie(desk, "login"), "").partition(".")
    try:
        return desk.show(login, secret) if login else None
    except LoginFailedError:
        return None


def _is_in(request: AnyRequest, desk: LoginDesk) -> bool:
    try:
        desk.who(_token(request, desk)[0])
    except NotLoggedInError:
        return False
    return True


def _token(request: ASGIConnection[Any, Any, Any, Any], desk: LoginDesk) -> tuple[str, bool]:
    """Answer the token, and whether a cookie carried it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip(), False
    if kept := request.cookies.get(_cookie(desk, "session"), ""):
        return kept, True
    raise NotLoggedInError("no session")


async def _require_own_page(request: AnyRequest, csrf: str) -> None:
    """Demand the page's own token, in the form or as `X-CSRF`: a cookie comes along by itself."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise FormTokenError("the request came from another site")
    sent = request.headers.get("x-csrf", "")
    if not sent and request.headers.get("content-type", "").startswith(_FORMS):
        sent = str((await request.form()).get("csrf", ""))
    if sm3(sent.encode()) != sm3(csrf.encode()):  # digests, so that the comparison tells nothing by its time
        raise FormTokenError("the form came without this session's token")


def _cookie(desk: LoginDesk, what: str) -> str:
    """Name a cookie. Ports share cookies, so that two parties on one host need names of their own."""
    name = f"yizhao-{sm3(desk.audience.encode()).hex()[:8]}-{what}"
    return f"__Host-{name}" if desk.secure else name


def _set_cookie(response: Response[Any], desk: LoginDesk, what: str, value: str, *, max_age: int) -> None:
    response.set_cookie(
        _cookie(desk, what), value, max_age=max_age, path="/", httponly=True, samesite="lax", secure=desk.secure
    )


def _address(request: AnyRequest) -> str:
    return request.client.host if request.client else ""


def _local(page: str) -> str:
    """Answer the page to go to afterwards if it is one of ours, the first page otherwise."""
    ours = page.startswith("/") and not page.startswith("//") and "\\" not in page and page.isprintable()
    return page if ours else "/"
