"""The wallet's phone pages: plain HTML forms that work without scripts. docs/format/consent.md 8.4."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, URLEncodedBody
from msgspec import Struct

from identity.consent import ACT_NAMES, ConsentRecord, render_consent
from identity.errors import IdentityError, MalformedRequestError
from identity.sandbox.book import Book
from identity.sandbox.consents import ConsentEntry
from identity.sandbox.logins import LoginEntry
from identity.sandbox.phone import COOKIE, Phone
from identity.sandbox.platform import Wallet
from identity.sandbox.problems import code_for, detail_of, row_of
from identity.texts import beijing

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_STATES: Final = {
    "pending": "等待确认",
    "scanned": "等待确认",
    "confirmed": "已确认",
    "refused": "已拒绝",
    "expired": "已过期",
    "used": "已使用",
}
Req = Request[Any, Any, Any]


class Form(Struct, frozen=True):
    """Everything that any of the forms can hold."""

    token: str = ""
    action: str = ""
    person: str = ""
    back: str = ""
    pin: str = ""
    number: str = ""


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("identity.sandbox", "templates"), autoescape=True, trim_blocks=True)


def _phone(request: Req, wallet: Wallet) -> Phone:
    return wallet.phones.recognise(request.cookies.get(COOKIE, ""))


def _checked(request: Req, wallet: Wallet, form: Form) -> Phone:
    phone = _phone(request, wallet)
    fetched_from = request.headers.get("sec-fetch-site", "")
    wallet.phones.require(phone, request.url.path, form.token, fetched_from=fetched_from)
    return phone


def _page(
    template: str, request: Req, wallet: Wallet, phone: Phone, *, error: IdentityError | None = None, **context: Any
) -> Response[str]:
    path = request.url.path
    told = {"detail": detail_of(error), "code": code_for(error)} if error else None
    html = (
        _environment()
        .get_template(template)
        .render(
            error=told,
            token=wallet.phones.token(phone, path),
            phone_token=wallet.phones.token(phone, "/wallet/phone"),
            person=wallet.register.read().persons.get(phone.person),
            people=_people(wallet.register.read()),
            path=path,
            beijing=beijing,
            states=_STATES,
            act_names=ACT_NAMES,
            **context,
        )
    )
    cookie = Cookie(key=COOKIE, value=phone.cookie, path="/wallet", httponly=True, samesite="lax")
    status = row_of(error).status if error else 200
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=HEADERS, cookies=[cookie])


def _people(register: Book) -> list[tuple[str, list[tuple[str, str]]]]:
    """Units and their people, for the tester's choice."""
    found = dict[str, list[tuple[str, str]]]()
    for person in register.persons.values():
        name = register.company(person.uscc).face.name if person.uscc else "自然人"
        found.setdefault(name, []).append((person.id, f"{person.name}（{register.role(person.id).label}）"))
    return list(found.items())


def _see_other(path: str, phone: Phone | None = None) -> Response[None]:
    cookies = [Cookie(key=COOKIE, value=phone.cookie, path="/wallet", httponly=True, samesite="lax")] if phone else []
    return Response(None, status_code=303, headers={**HEADERS, "location": path}, cookies=cookies)


@get("/", sync_to_thread=True, include_in_schema=False)
def show_home(request: Req, wallet: NamedDependency[Wallet]) -> Response[str]:
    """我的电子营业执照: whose phone this is, and what waits on it."""
    phone, at = _phone(request, wallet), wallet.now()
    return _page(
        "home.html",
        request,
        wallet,
        phone,
        choosing=True,
        consents=wallet.consents.waiting(phone.person, at),
        logins=wallet.logins.waiting(phone.person, at),
        company=_company_of(wallet, phone.person),
        natural=wallet.register.read().naturals.get(phone.person),
    )


@post("/phone", sync_to_thread=True, include_in_schema=False)
def choose_phone(request: Req, data: URLEncodedBody[Form], wallet: NamedDependency[Wallet]) -> Response[Any]:
    """Let the tester say whose phone this is."""
    try:
        phone = _checked(request, wallet, data)
        person = wallet.register.read().person(data.person)
    except IdentityError as error:
        return _page("problem.html", request, wallet, _phone(request, wallet), error=error)
    return _see_other(_own_page(data.back), Phone(phone.name, person.id))


def _own_page(back: str) -> str:
    """Only ever lead back to a page of the wallet."""
    parts = back.split("/")
    ours = len(parts) == 5 and parts[:2] == ["", "wallet"] and parts[2] in ("logins", "consents")  # noqa: PLR2004
    return back if ours and parts[3].isalnum() and parts[4] == "page" else "/wallet/"


def _company_of(wallet: Wallet, person: str) -> Any:
    register = wallet.register.read()
    holder = register.persons.get(person)
    return register.company(holder.uscc) if holder and holder.uscc else None


@get("/logins/{reference:str}/page", sync_to_thread=True, include_in_schema=False)
def show_login(request: Req, reference: FromPath[str], wallet: NamedDependency[Wallet]) -> Response[str]:
    """登录确认: opening the link is what a scan is."""
    return _show_login(request, reference, wallet)


def _show_login(request: Req, reference: str, wallet: Wallet, error: IdentityError | None = None) -> Response[str]:
    phone, at = _phone(request, wallet), wallet.now()
    try:
        entry = wallet.logins.find(reference)
    except IdentityError as unknown:
        return _page("problem.html", request, wallet, phone, error=unknown)
    if phone.person in wallet.register.read().persons and entry.state_at(at) == "pending":
        entry = wallet.logins.scan(reference, phone.person, at=at)
    return _page(
        "login.html",
        request,
        wallet,
        phone,
        error=error,
        login=entry,
        state=entry.state_at(at),
        left=_seconds_left(entry.expires_at, at),
        company=_company_of(wallet, phone.person),
    )


@post("/logins/{reference:str}/page", sync_to_thread=True, include_in_schema=False)
def answer_login(
    request: Req, reference: FromPath[str], data: URLEncodedBody[Form], wallet: NamedDependency[Wallet]
) -> Response[Any]:
    """Confirm or refuse a login from its page."""

    def act(phone: Phone, at: datetime) -> LoginEntry:
        if data.action == "refuse":
            return wallet.logins.refuse(reference, phone.person, at=at)
        uscc = wallet.register.read().person(phone.person).uscc
        return wallet.logins.confirm(
            reference, person=phone.person, uscc=uscc, pin=data.pin, number=data.number.strip(), at=at
        )

    return _answer(request, wallet, data, act, lambda error: _show_login(request, reference, wallet, error))


@get("/consents/{reference:str}/page", sync_to_thread=True, include_in_schema=False)
def show_consent(request: Req, reference: FromPath[str], wallet: NamedDependency[Wallet]) -> Response[str]:
    """授权确认."""
    return _show_consent(request, reference, wallet)


def _show_consent(request: Req, reference: str, wallet: Wallet, error: IdentityError | None = None) -> Response[str]:
    phone, at = _phone(request, wallet), wallet.now()
    try:
        entry = wallet.consents.find(reference)
    except IdentityError as unknown:
        return _page("problem.html", request, wallet, phone, error=unknown)
    record = entry.content
    return _page(
        "consent.html",
        request,
        wallet,
        phone,
        error=error,
        mine=record.person == phone.person,
        choosing=record.person != phone.person,
        lines=_split(record),
        until=record.not_after,
        state=entry.state_at(at),
        left=_seconds_left(record.not_after, at),
    )


@post("/consents/{reference:str}/page", sync_to_thread=True, include_in_schema=False)
def answer_consent(
    request: Req, reference: FromPath[str], data: URLEncodedBody[Form], wallet: NamedDependency[Wallet]
) -> Response[Any]:
    """Confirm or refuse a consent from its page."""

    def act(phone: Phone, at: datetime) -> ConsentEntry:
        if data.action == "refuse":
            return wallet.consents.refuse(reference, person=phone.person, at=at)
        return wallet.consents.confirm(reference, person=phone.person, pin=data.pin, at=at)

    return _answer(request, wallet, data, act, lambda error: _show_consent(request, reference, wallet, error))


def _answer(
    request: Req,
    wallet: Wallet,
    form: Form,
    act: Callable[[Phone, datetime], object],
    again: Callable[[IdentityError], Response[str]],
) -> Response[Any]:
    """Do what a form asks and show the page anew, or show it again with the refusal."""
    try:
        phone = _checked(request, wallet, form)
        if form.action not in ("confirm", "refuse"):
            raise MalformedRequestError("action")
        act(phone, wallet.now())
    except IdentityError as error:
        return again(error)
    return _see_other(request.url.path)


def _seconds_left(until: datetime, at: datetime) -> int:
    return max(0, int((until - at).total_seconds()))


def _split(record: ConsentRecord) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Split the rendered lines into facts, files, and period; nothing is left out."""
    lines = render_consent(record)
    first = len(lines) - 1 - len(record.files)
    return lines[:first], lines[first:-1], lines[-1]


def _asset(name: str, media_type: str) -> Response[bytes]:
    content = (files("identity.sandbox") / "templates" / name).read_bytes()
    headers = {"cache-control": "public, max-age=300", "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@get("/wallet.css", sync_to_thread=True, include_in_schema=False)
def stylesheet() -> Response[bytes]:
    """Serve the pages' own style."""
    return _asset("wallet.css", "text/css; charset=utf-8")


@get("/wallet.js", sync_to_thread=True, include_in_schema=False)
def script() -> Response[bytes]:
    """Serve the countdown; the pages work without it."""
    return _asset("wallet.js", "text/javascript; charset=utf-8")


ROUTES: Final[Sequence[HTTPRouteHandler]] = (
    show_home,
    choose_phone,
    show_login,
    answer_login,
    show_consent,
    answer_consent,
    stylesheet,
    script,
)
