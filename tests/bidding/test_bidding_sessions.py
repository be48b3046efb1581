"""Logins and sessions: the attacks of RFC 10027 on them, and the pages. Wallet and register are the sandbox's own."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from litestar import Litestar, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import URLEncodedBody
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig
from litestar.testing import TestClient
from msgspec import Struct
from sqlalchemy import select

import bidding.web
from bidding.errors import LoginFailedError, NotLoggedInError, NotStaffError
from bidding.sessions import IDLE, LONGEST, MOST_WAITING, BrowserLogin, LoginDesk, Session, csrf_of
from bidding.web.login_pages import LOGIN_ROUTES, page_context, with_session
from bidding.web.problems import EXCEPTION_HANDLERS
from bidding.web.site import Site
from identity.actor import Actor, Role
from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from identity.errors import LicenceRevokedError, TooManyPendingError
from identity.ports import LoginAnswer
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from signing.errors import VerdictError
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault
from storage.database import Role as Party
from storage.database import migrate, open_database, reading, require_migrated, sqlite_url
from storage.models.sessions import login_requests, login_sessions

BASE, PIN = "http://wallet.test", "246810"
TEMPLATES = Path(bidding.web.__file__).parent / "templates"
KINDS = ("unit", "finance", "contract", "invoice", "legal-representative")


@dataclass
class Clock:
    at: datetime = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **delta: float) -> None:
        self.at += timedelta(**delta)


def make_seals(request: httpx.Request) -> httpx.Response:
    """Answer like a seal maker; no seal is needed to log in."""
    start = int.from_bytes(os.urandom(3)) % 9_000_000
    made = [{"number": f"370200{start + n:07d}", "kind": kind, "name": kind} for n, kind in enumerate(KINDS)]
    return httpx.Response(201 if json.loads(request.content) else 400, json={"seals": made})


@dataclass
class Town:
    """A registrar and a wallet with two units."""

    client: TestClient[Litestar]
    clock: Clock
    authority: CertificateAuthority
    units: dict[str, dict[str, Any]] = field(default_factory=dict)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def open_unit(self, name: str, person: str) -> None:
        body = {"name": name, "legal_representative": person, "pin": PIN}
        self.units[person] = self.post("/registrar/companies", body)

    def confirm(self, url: str, number: str, who: str = "张三丰", **changes: str) -> None:
        unit = self.units[who]
        body = {"person": unit["person"], "uscc": unit["uscc"], "pin": PIN, "number": number} | changes
        self.post(f"/wallet/logins/{url.split('/')[-2]}/confirm", body)


@pytest.fixture(scope="module")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, clock = tmp_path_factory.mktemp("licence"), Clock()
    authority = CertificateAuthority(folder / "ca", "a passphrase", clock=clock, random=os.urandom)
    vault = KeyVault(folder / "keys", "a passphrase", random=os.urandom)
    platform = open_platform(
        folder / "platform", vault=vault, random=os.urandom, clock=clock, passphrase="a passphrase"
    )
    maker = httpx.Client(transport=httpx.MockTransport(make_seals))
    routers = [
        registrar_http.create_router(platform, authority=authority, maker=maker, maker_url="http://maker.test"),
        wallet.create_router(platform, readers={}, base_url=BASE),
    ]
    with TestClient(Litestar(routers), base_url=BASE) as client:
        made = Town(client, clock, authority)
        made.open_unit("仿真市第一建筑有限公司", "张三丰")
        made.open_unit("仿真市公共资源交易中心", "李四光")
        yield made


@pytest.fixture
def town(whole_town: Town) -> Iterator[Town]:
    yield whole_town
    whole_town.client.cookies.clear()
    whole_town.clock.forward(minutes=15)


@pytest.fixture
def desk(town: Town, tmp_path: Path) -> Iterator[LoginDesk]:
    engine = open_database(sqlite_url(tmp_path / "w.db"))
    migrate(engine, Party.WORKBENCH)
    platform = Platform(town.client, BASE)
    yield LoginDesk(
        engine=engine,
        wallet=HttpWallet(platform),
        register=HttpRegister(platform),
        trust=town.authority.trust,
        clock=town.clock,
        random=os.urandom,
        audience="投标人工作台",
        purpose="登录投标人工作台",
    )
    engine.dispose()


def log_in(town: Town, desk: LoginDesk, who: str = "张三丰") -> str:
    login = desk.begin()
    town.confirm(login.url, login.number, who)
    return desk.poll(login.id, login.secret).token


@pytest.mark.parametrize("party", list(Party))
def test_both_schemas_have_sessions(party: Party, tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path / "one.db"))
    migrate(engine, party)
    require_migrated(engine, party)
    with reading(engine) as tx:
        assert tx.execute(select(login_sessions)).all() == []
    engine.dispose()


def test_a_person_logs_in(town: Town, desk: LoginDesk) -> None:
    login = desk.begin()
    assert desk.poll(login.id, login.secret).state == "pending"
    town.confirm(login.url, login.number)
    state = desk.poll(login.id, login.secret)
    assert state.state == "confirmed"
    session = desk.who(state.token)
    assert (session.actor.person_name, session.actor.role) == ("张三丰", Role.LEGAL_REPRESENTATIVE)
    assert session.expires_at == town.clock.at + LONGEST
    assert session.idle_until == town.clock.at + IDLE


def test_the_token_comes_once_and_is_new(town: Town, desk: LoginDesk) -> None:
    login = desk.begin()
    town.confirm(login.url, login.number)
    first, second = desk.poll(login.id, login.secret), desk.poll(login.id, login.secret)
    assert (len(first.token), second.state, second.token) == (64, "confirmed", "")
    assert first.token not in (login.secret, login.id)
    assert first.token not in login.url


def test_no_secret_is_kept(town: Town, desk: LoginDesk) -> None:
    login = desk.begin()
    town.confirm(login.url, login.number)
    token = desk.poll(login.id, login.secret).token
    with reading(desk.engine) as tx:
        kept = repr([*tx.execute(select(login_requests)), *tx.execute(select(login_sessions))])
        challenge = tx.execute(select(login_requests.c.challenge)).scalar_one()
    assert challenge is None
    assert all(secret not in kept for secret in (token, login.secret, csrf_of(token)))
    names = ("张三丰", "仿真市第一建筑有限公司", town.units["张三丰"]["uscc"])
    assert all(name not in kept and repr(name.encode())[2:-1] not in kept for name in names)
    assert all(secret not in repr((login, desk.who(token))) for secret in (token, login.secret, csrf_of(token)))


def test_another_browser_gets_nothing(town: Town, desk: LoginDesk) -> None:
    """QR phishing: the attacker's page shows the victim's code, or the other way round."""
    mine, theirs = desk.begin(), desk.begin()
    town.confirm(mine.url, mine.number)
    for secret in (theirs.secret, "", "0" * 64):
        with pytest.raises(LoginFailedError):
            desk.poll(mine.id, secret)
    assert desk.poll(theirs.id, theirs.secret).state == "pending"


@dataclass(frozen=True)
class Replay:
    """A wallet between us and the real one that answers every poll with another login's assertion."""

    wallet: HttpWallet
    other: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wallet, name)

    def fetch_login(self, login: str) -> LoginAnswer:
        del login
        return self.wallet.fetch_login(self.other)


def test_an_assertion_of_another_login_is_refused_and_spends_the_challenge(town: Town, desk: LoginDesk) -> None:
    first = desk.begin()
    with reading(desk.engine) as tx:
        wallet_id = tx.execute(select(login_requests.c.wallet_id)).scalar_one()
    town.confirm(first.url, first.number)
    deceived = replace(desk, wallet=Replay(desk.wallet, wallet_id))  # type: ignore[arg-type]
    second = deceived.begin()
    with pytest.raises(VerdictError):
        deceived.poll(second.id, second.secret)
    assert deceived.poll(second.id, second.secret).state == "failed"


def test_another_audience_is_refused(town: Town, desk: LoginDesk) -> None:
    login = desk.begin()
    town.confirm(login.url, login.number)
    with pytest.raises(VerdictError):
        replace(desk, audience="别的系统").poll(login.id, login.secret)


@pytest.mark.parametrize(
    ("step", "state"),
    [pytest.param("refuse", "refused", id="refused on the wallet"), pytest.param("wait", "expired", id="too late")],
)
def test_what_is_over_is_over(town: Town, desk: LoginDesk, step: str, state: str) -> None:
    login = desk.begin()
    if step == "wait":
        town.clock.forward(seconds=121)
    else:
        path = f"/wallet/logins/{login.url.split('/')[-2]}/refuse"
        town.post(path, {"person": town.units["张三丰"]["person"]})
    assert desk.poll(login.id, login.secret).state == state
    assert desk.poll(login.id, login.secret).state == state


def test_only_the_centres_own_people_get_in(town: Town, desk: LoginDesk) -> None:
    centre = replace(desk, only_uscc=town.units["李四光"]["uscc"])
    with pytest.raises(NotStaffError):
        log_in(town, centre)
    assert centre.who(log_in(town, centre, "李四光")).actor.company == "仿真市公共资源交易中心"


def test_a_revoked_licence_does_not_log_in(town: Town, desk: LoginDesk) -> None:
    town.open_unit("仿真市第九建筑有限公司", "周九")
    login = desk.begin()
    town.confirm(login.url, login.number, "周九")
    town.post(f"/registrar/licences/{town.units['周九']['uscc']}/state", {"state": "revoked", "reason": "测试"})
    with pytest.raises((LicenceRevokedError, VerdictError)):
        desk.poll(login.id, login.secret)


def test_a_session_ends_with_the_licence_or_the_authorisation(town: Town, desk: LoginDesk) -> None:
    town.open_unit("仿真市第八建筑有限公司", "周八")
    uscc, at = town.units["周八"]["uscc"], town.clock.at
    days = {"not_before": at.isoformat(), "not_after": (at + timedelta(days=1)).isoformat()}
    body = {"uscc": uscc, "person_name": "办事人", "items": ["login"], "pin": PIN, "person_pin": PIN, **days}
    granted = town.post("/registrar/authorisations", body)
    town.units["办事人"] = {"uscc": uscc, "person": granted["person"]}
    agent, head = log_in(town, desk, "办事人"), log_in(town, desk, "周八")
    town.clock.forward(minutes=1)
    assert desk.who(agent).actor.person_name == "办事人"
    town.post(f"/registrar/authorisations/{granted['id']}/cancel", {"pin": PIN})
    town.clock.forward(minutes=1)
    with pytest.raises(NotLoggedInError):
        desk.who(agent)
    silent = replace(desk, register=HttpRegister(Platform(httpx.Client(transport=httpx.MockTransport(_gone)), BASE)))
    assert silent.who(head).actor.person_name == "周八"
    town.clock.forward(minutes=1)
    town.post(f"/registrar/licences/{uscc}/state", {"state": "revoked", "reason": "测试"})
    with pytest.raises(NotLoggedInError):
        desk.who(head)


def _gone(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("down", request=request)


@pytest.mark.parametrize(
    ("steps", "alive"),
    [
        pytest.param([29, 29, 29], True, id="used all the time"),
        pytest.param([29, 31], False, id="idle for half an hour"),
        pytest.param([25] * 19, True, id="just under eight hours"),
        pytest.param([25] * 20, False, id="eight hours"),
    ],
)
def test_sessions_end(town: Town, desk: LoginDesk, steps: list[int], alive: bool) -> None:
    token = log_in(town, desk)
    for step in steps[:-1]:
        town.clock.forward(minutes=step)
        desk.who(token)
    town.clock.forward(minutes=steps[-1])
    if alive:
        assert desk.who(token).actor.person_name == "张三丰"
    else:
        with pytest.raises(NotLoggedInError):
            desk.who(token)


def test_logging_out_ends_one_session_only(town: Town, desk: LoginDesk) -> None:
    one, two = log_in(town, desk), log_in(town, desk)
    desk.logout(one)
    desk.logout("nobody's")
    assert desk.who(two)
    with pytest.raises(NotLoggedInError):
        desk.who(one)


def test_nobody_floods_the_wallet(desk: LoginDesk, town: Town) -> None:
    for _ in range(MOST_WAITING):
        desk.begin("192.0.2.1")
    with pytest.raises(TooManyPendingError):
        desk.begin("192.0.2.1")
    assert isinstance(desk.begin("192.0.2.2"), BrowserLogin)
    town.clock.forward(minutes=3)
    assert desk.begin("192.0.2.1")


# -- over HTTP


class Said(Struct):
    """A form of some page."""

    word: str


@get("/mine", sync_to_thread=False)
def mine(session: NamedDependency[Session]) -> str:
    """Say who is there."""
    return session.actor.person_name


@post("/say", sync_to_thread=False)
def say(session: NamedDependency[Session], data: URLEncodedBody[Said]) -> str:
    """Change something."""
    return f"{session.actor.person_name}：{data.word}"


@get("/staff", sync_to_thread=False)
def staff_only(staff: NamedDependency[Actor]) -> str:
    """Only for the centre's people."""
    return staff.company


Browser = Annotated[Callable[..., TestClient[Litestar]], "opens a browser at a desk"]


@pytest.fixture
def browser(desk: LoginDesk, town: Town) -> Iterator[Browser]:
    opened: list[TestClient[Litestar]] = []

    def open_browser(other: LoginDesk = desk) -> TestClient[Litestar]:
        site = Site("投标人工作台", (), sandbox=True, clock=town.clock)
        routes = [*LOGIN_ROUTES, with_session("/", [mine, say]), with_session("/c", [staff_only], staff=True)]
        app = Litestar(
            routes,
            dependencies={
                "desk": Provide(lambda: other, sync_to_thread=False),
                "site": Provide(lambda: site, sync_to_thread=False),
            },
            exception_handlers=EXCEPTION_HANDLERS,
            template_config=TemplateConfig(directory=TEMPLATES, engine=JinjaTemplateEngine),
        )
        client = TestClient(app, base_url="https://w.test" if other.secure else "http://w.test")
        client.headers["accept"] = "text/html"
        client.follow_redirects = False
        client.__enter__()
        opened.append(client)
        return client

    yield open_browser
    for client in opened:
        client.__exit__(None, None, None)


def number_and_url(page: str) -> tuple[str, str]:
    number, url = re.search(r'id="number">(\d\d)<', page), re.search(r'id="wallet" href="([^"]+)"', page)
    assert number
    assert url
    return number[1], url[1]


def enter(town: Town, client: TestClient[Litestar], who: str = "张三丰") -> None:
    number, url = number_and_url(client.get("/login").text)
    town.confirm(url, number, who)
    assert client.get("/login").status_code == 303


def test_the_login_page(town: Town, browser: Browser) -> None:
    client = browser()
    to = client.get("/mine?a=1")
    assert (to.status_code, to.headers["location"]) == (303, "/login?next=%2Fmine%3Fa%3D1")
    page = client.get(to.headers["location"])
    number, url = number_and_url(page.text)
    assert "<svg" in page.text
    assert 'http-equiv="refresh" content="2"' in page.text
    cookie = page.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax"))
    assert "Secure" not in cookie
    assert number_and_url(client.get("/login").text) == (number, url)  # looking again begins nothing anew
    town.confirm(url, number)
    done = client.get(to.headers["location"])
    assert (done.status_code, done.headers["location"]) == (303, "/mine?a=1")
    assert client.get("/mine").text == "张三丰"


def test_cookies_are_tied_to_the_host_under_https(browser: Browser, desk: LoginDesk) -> None:
    cookie = browser(replace(desk, secure=True)).get("/login").headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie
    assert "Path=/" in cookie


@pytest.mark.parametrize("page", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:1", "/a\r\nb"])
def test_nobody_is_led_elsewhere(town: Town, browser: Browser, page: str) -> None:
    client = browser()
    enter(town, client)
    assert client.get("/login", params={"next": page}).headers["location"] == "/"


def test_forms_carry_the_sessions_token(town: Town, browser: Browser) -> None:
    client = browser()
    enter(town, client)
    token = next(value for name, value in client.cookies.items() if name.endswith("session"))
    good = csrf_of(token)
    cases: list[tuple[dict[str, str], dict[str, str], int]] = [
        ({"word": "好"}, {}, 403),
        ({"word": "好", "csrf": "0" * 64}, {}, 403),
        ({"word": "好", "csrf": good}, {"sec-fetch-site": "cross-site"}, 403),
        ({"word": "好", "csrf": good}, {"sec-fetch-site": "same-site"}, 403),
        ({"word": "好", "csrf": good}, {"sec-fetch-site": "same-origin"}, 201),
        ({"word": "好"}, {"x-csrf": good}, 201),
    ]
    for form, headers, status in cases:
        answer = client.post("/say", data=form, headers={**headers, "accept": "*/*"})
        if status == 403:
            assert answer.status_code >= 400, (form, headers)
        else:
            assert (answer.status_code, answer.text) == (status, "张三丰：好")


def test_logging_out_needs_the_token_too(town: Town, browser: Browser) -> None:
    client = browser()
    enter(town, client)
    token = next(value for name, value in client.cookies.items() if name.endswith("session"))
    assert client.post("/logout").status_code >= 400
    assert client.get("/mine").status_code == 200
    assert client.post("/logout", data={"csrf": csrf_of(token)}).headers["location"] == "/"
    assert client.get("/mine").status_code == 303


def test_programs_log_in(town: Town, browser: Browser) -> None:
    client = browser()
    client.headers["accept"] = "application/json"
    begun = client.post("/api/v1/logins")
    assert begun.status_code == 201
    login = begun.json()
    assert set(login) == {"login", "url", "number", "expires_at", "secret"}
    path, secret = f"/api/v1/logins/{login['login']}", {"X-Login-Secret": login["secret"]}
    assert client.get(path, headers=secret).json() == {"state": "pending"}
    assert client.get(path, headers={"X-Login-Secret": "0" * 64}).status_code >= 400
    town.confirm(login["url"], login["number"])
    token = client.get(path, headers=secret).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/session", headers=bearer).json()["person_name"] == "张三丰"
    assert client.post("/say", data={"word": "好"}, headers=bearer).text == "张三丰：好"
    assert client.get("/api/v1/session").status_code >= 400
    assert client.delete("/api/v1/session", headers=bearer).status_code == 204
    assert client.get("/api/v1/session", headers=bearer).status_code >= 400


def test_the_staff_of_the_centre(town: Town, browser: Browser, desk: LoginDesk) -> None:
    workbench = browser()
    enter(town, workbench)
    assert workbench.get("/c/staff").status_code >= 400
    centre = browser(replace(desk, only_uscc=town.units["李四光"]["uscc"]))
    open_to_all = browser(replace(desk, staff_of=town.units["李四光"]["uscc"]))
    enter(town, open_to_all)
    assert open_to_all.get("/c/staff").status_code >= 400
    number, url = number_and_url(centre.get("/login").text)
    town.confirm(url, number)
    refused = centre.get("/login")
    assert "重新登录" in refused.text
    assert centre.get("/c/staff").status_code == 303
    enter(town, centre, "李四光")
    assert centre.get("/c/staff").text == "仿真市公共资源交易中心"


def test_pages_know_who_is_there(town: Town, desk: LoginDesk) -> None:
    token = log_in(town, desk)
    context = page_context(desk.who(token))
    assert context["csrf"] == csrf_of(token)
    assert context["actor"].role_name == "法定代表人"
