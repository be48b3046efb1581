"""The signing service beside a sandbox on loopback: real documents, real SM2, real HTTP; nothing of ours is mocked."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from lxml import html
from workbench_world import PIN, Company, Town, free_port, now, open_desk, serving

from bidding.sessions import LoginDesk
from bidding.signings.posting import HttpPoster, resolve_host
from bidding.signings.service import AUDIENCE, SigningService
from bidding.verification import Question, judge_file
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES
from bidding.web.signings_access import with_scopes
from bidding.web.signings_api import SIGNINGS_API
from bidding.web.signings_pages import SIGNINGS_PAGES
from bidding.web.site import Site
from bidding.workbench.desk import Desk
from signing.digests import sm3

_NAMES = iter("甲乙丙丁戊己庚辛")
POINT = {"kind": "point", "page": 1, "x_mm": 100, "y_mm": 200}


@dataclass(frozen=True)
class Person:
    id: str
    name: str


def make_person(town: Town, name: str = "周小满", resident_id: str = "11010519491231002X") -> Person:
    """Enrol a natural person, with a certificate and a handwritten-style signature seal."""
    made = town.post("/registrar/persons", {"name": name, "resident_id": resident_id, "pin": PIN})
    town.post(f"/registrar/persons/{made['person']}/seals", {"pin": PIN})
    return Person(made["person"], name)


def make_company(town: Town) -> Company:
    """Register a unit of one's own, with its seals: what is done to it harms no other test."""
    name = f"{next(_NAMES)}一时商贸有限公司"
    made = town.post("/registrar/companies", {"name": name, "legal_representative": "赵六", "pin": PIN})
    return Company(made["uscc"], name, made["person"])


def make_service(folder: Path, town: Town, clock: Callable[[], datetime] = now) -> SigningService:
    desk = replace(open_desk(folder, town, clock), audience=AUDIENCE)
    return assemble(desk, town)


def assemble(desk: Desk, town: Town) -> SigningService:
    def judge(path: Path) -> str:
        return judge_file(path, Question(trust=town.outside.trust.anchors(), at=desk.now())).as_json()["indication"]

    return SigningService.assemble(
        desk,
        seals=town.outside.seals,
        judge=judge,
        post=HttpPoster(loopback=True),
        resolve=resolve_host,
    )


@dataclass(frozen=True)
class Api:
    """A program that uses the service with one token."""

    http: httpx.Client
    town: Town
    service: SigningService
    token: str

    def ask(self, method: str, path: str, *, expect: int = 200, **options: Any) -> Any:
        answer = self.call(method, path, **options)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text[:600]}"
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **options)

    def page(self, path: str, *, expect: int = 200, **form: Any) -> Any:
        """Open a page, or send a form; answers the parsed page."""
        url = str(self.http.base_url.join(path))
        headers = {"authorization": f"Bearer {self.token}", "accept": "text/html"}
        method = "POST" if form else "GET"
        answer = self.http.request(method, url, headers=headers, data=form or None, follow_redirects=True)
        assert answer.status_code == expect, answer.text[:600]
        return html.fromstring(answer.text)

    def refused(self, status: int, code: str, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.call(method, path, **options)
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text[:600]
        assert answer.headers["content-type"].startswith("application/problem+json")
        return answer

    def as_(self, token: str) -> "Api":
        return replace(self, token=token)

    def put(self, signing: str, number: int, data: bytes, name: str = "合同.pdf", *, expect: int = 200) -> Any:
        headers = {"x-content-sm3": sm3(data).hex(), "x-file-name": quote(name)}
        return self.ask("PUT", f"/signings/{signing}/documents/{number}", expect=expect, content=data, headers=headers)

    def make(self, *documents: bytes, signers: list[dict[str, Any]], **more: Any) -> str:
        """Order a signing, and upload its documents; answers its id."""
        body = {"title": "采购合同", "signers": signers, **more}
        name = self.ask("POST", "/signings", expect=201, json=body)["id"]
        for number, data in enumerate(documents, 1):
            self.put(name, number, data, f"文件{number}.pdf")
        return str(name)

    def plan(self, signing: str, *placings: dict[str, Any], expect: int = 200) -> Any:
        return self.ask("PUT", f"/signings/{signing}/plan", expect=expect, json={"placings": list(placings)})

    def begin(self, signing: str, *, expect: int = 200) -> Any:
        return self.ask("POST", f"/signings/{signing}/consent", expect=expect)

    def go_on(self, signing: str) -> Any:
        return self.ask("POST", f"/signings/{signing}/advance")


def placing(signer: int, document: int, *places: dict[str, Any], seal: str = "") -> dict[str, Any]:
    return {"signer": signer, "document": document, "places": list(places or (POINT,)), "seal": seal}


def log_in(http: httpx.Client, town: Town, company: Company) -> str:
    """Log a legal representative in, and answer the session's token."""
    begun = http.post("/logins").json()
    reference = begun["url"].rstrip("/").removesuffix("/page").rpartition("/")[2]
    body = {"person": company.person, "uscc": company.uscc, "pin": PIN, "number": begun["number"]}
    town.post(f"/wallet/logins/{reference}/confirm", body, 200)
    for _ in range(100):
        answer = http.get(f"/logins/{begun['login']}", headers={"x-login-secret": begun["secret"]}).json()
        if answer.get("token"):
            return str(answer["token"])
        time.sleep(0.05)
    raise AssertionError("no session")


@contextmanager
def open_api(service: SigningService, town: Town) -> Iterator[Api]:
    """Serve the interface, and log the bidder's legal representative in."""
    outside = town.outside
    login = LoginDesk(
        engine=service.desk.engine,
        wallet=outside.wallet,
        register=outside.register,
        trust=outside.trust.anchors,
        clock=service.desk.clock,
        random=os.urandom,
        audience=AUDIENCE,
        purpose="登录电子签署中心",
    )
    site = Site(AUDIENCE, (), sandbox=True, clock=now)
    routes = [*LOGIN_ROUTES, with_scopes("/api/v1", SIGNINGS_API, service, login), *SIGNINGS_PAGES]
    app = create_app(routes, {"signings": service, "desk": login, "site": site}, title="test signings")
    with serving(app, free_port()) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=60) as http:
        yield Api(http, town, service, log_in(http, town, town.bidder))


def token_of(api: Api, *scopes: str, days: int = 1) -> Api:
    """Answer the same program with an interface token of these scopes."""
    listed = scopes or ("signings:read", "signings:write", "webhooks:manage", "seal-uses:read")
    made = api.ask("POST", "/tokens", expect=201, json={"name": "业务系统", "scopes": list(listed), "days": days})
    return api.as_(made["secret"])


@dataclass
class Listener:
    """Another system's end of a webhook: keeps what comes, and answers as it is told."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            listener.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(listener.status)
            for name, value in listener.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(listener.body)))
            self.end_headers()
            self.wfile.write(listener.body)

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
