import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from workbench_world import PIN, Town, Trading, free_port, now, pdf, serving

from bidding.sessions import LoginDesk
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES, with_session
from bidding.web.site import Site
from bidding.web.workbench_api import WORKBENCH_API
from bidding.workbench.service import Workbench

FORM = {"price": "1,833,000.56", "days": "180", "values": {"bond": "电子保函"}}


@pytest.fixture
def api(connected: Workbench, town: Town) -> Iterator[httpx.Client]:
    """Log the bidder's legal representative in, as a program does."""
    outside = town.outside
    desk = LoginDesk(
        engine=connected.desk.engine,
        wallet=outside.wallet,
        register=outside.register,
        trust=outside.trust.anchors,
        clock=now,
        random=os.urandom,
        audience="投标人工作台",
        purpose="登录投标人工作台",
    )
    site = Site("投标人工作台", (), sandbox=True, clock=now)
    routes = [*LOGIN_ROUTES, with_session("/api/v1", WORKBENCH_API)]
    app = create_app(routes, {"workbench": connected, "desk": desk, "site": site}, title="test workbench")
    with serving(app, free_port()) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
        client.headers["authorization"] = f"Bearer {log_in(client, town)}"
        yield client


def log_in(client: httpx.Client, town: Town) -> str:
    begun = client.post("/logins").json()
    reference = begun["url"].rstrip("/").removesuffix("/page").rpartition("/")[2]
    body = {"person": town.bidder.person, "uscc": town.bidder.uscc, "pin": PIN, "number": begun["number"]}
    town.post(f"/wallet/logins/{reference}/confirm", body, 200)
    for _ in range(50):
        answer = client.get(f"/logins/{begun['login']}", headers={"x-login-secret": begun["secret"]}).json()
        if answer.get("token"):
            return str(answer["token"])
        time.sleep(0.05)
    raise AssertionError("no session")


def ask(api: httpx.Client, method: str, path: str, *, expect: int = 200, **options: Any) -> Any:
    answer = api.request(method, path, **options)
    assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content


def go_on(api: httpx.Client, town: Town, path: str, view: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Confirm what waits, and go on."""
    town.confirm(view["url"])
    done: dict[str, Any] = ask(api, "POST", f"{path}/{view['id']}/advance", json=body or None)
    return done


def test_a_whole_bid_by_program(api: httpx.Client, town: Town, trading: Trading) -> None:
    name = trading.release().section
    assert name in [line["code"] for line in ask(api, "GET", "/sections", params={"centre": trading.url})]
    draft = ask(api, "POST", "/drafts", expect=201, json={"centre": trading.url, "section": name})
    base = f"/drafts/{draft['id']}"
    assert ask(api, "PUT", f"{base}/form", json=FORM)["form"]["price"] == FORM["price"]
    headers = {"x-file-name": quote("施工组织设计.pdf"), "content-type": "application/pdf"}
    document = ask(api, "POST", f"{base}/items/technical/documents", expect=201, content=pdf(3), headers=headers)
    assert (document["name"], document["pages"]) == ("施工组织设计.pdf", 3)
    assert ask(api, "GET", f"{base}/documents/{document['id']}/pages/2")[:2] == b"\xff\xd8"
    for item in ("letter", "technical"):
        ask(api, "POST", f"{base}/items/{item}/part", expect=201)
    assert {line["code"] for line in ask(api, "GET", f"{base}/checks")} == {"seal_missing", "fonts_not_embedded"}
    assert ask(api, "GET", f"{base}/items/letter/part")[:5] == b"%PDF-"

    sealing = ask(api, "POST", f"{base}/sealings", expect=201)
    while not sealing["ended"]:
        sealing = go_on(api, town, "/sealings", sealing)
    assert sealing["state"] == "sealed"
    assert [use["kind"] for use in sealing["uses"]] == ["legal-representative", "unit", "unit"]
    assert ask(api, "GET", f"{base}/items/letter/part/pages/1")[:2] == b"\xff\xd8"
    assert ask(api, "GET", f"{base}/folder")[:2] == b"PK"

    begun = ask(api, "POST", f"{base}/packings", expect=201)
    assert begun["who_can_read"].startswith("谁能在何时读到您的标书")
    packed = go_on(api, town, "/packings", begun["packing"])
    assert packed["state"] == "packed"
    bid = ask(api, "POST", "/submissions", expect=201, json={"packing": packed["id"]})
    bid = go_on(api, town, "/submissions", bid)
    assert (bid["state"], bid["has_receipt"]) == ("accepted", True)
    assert ask(api, "GET", f"/submissions/{bid['id']}/receipt")["kind"] == "receipt"
    act = ask(api, "POST", f"/submissions/{bid['id']}/withdrawals", expect=201)
    assert go_on(api, town, "/acts", act, recovery_code="")["state"] == "done"
    assert ask(api, "GET", f"/submissions/{bid['id']}")["state"] == "withdrawn"


def test_what_programs_are_told_when_it_does_not_work(api: httpx.Client, trading: Trading) -> None:
    name = trading.release().section
    draft = ask(api, "POST", "/drafts", expect=201, json={"centre": trading.url, "section": name})
    base = f"/drafts/{draft['id']}"
    for method, path, options in (
        ("POST", f"{base}/items/technical/documents", {"content": b"no PDF"}),
        ("POST", f"{base}/items/nothing/part", {}),
        ("POST", f"{base}/items/letter/part", {}),
        ("POST", f"{base}/packings", {}),
        ("POST", f"{base}/sealings", {}),
        ("GET", "/drafts/" + "0" * 32, {}),
        ("POST", "/drafts", {"json": {"centre": "http://elsewhere", "section": name}}),
        ("POST", "/bundles", {"params": {"centre": trading.url}, "content": b"PK a plain zip"}),
        ("PUT", f"{base}/form", {"json": {"unknown": 1}}),
    ):
        answer = api.request(method, path, **options)
        assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["code"]


def test_without_a_session_nothing_is_told(api: httpx.Client) -> None:
    for token in ("", "Bearer " + "0" * 64):
        answer = api.get("/drafts", headers={"authorization": token})
        assert answer.is_client_error
        assert "session" in answer.json()["detail"]
