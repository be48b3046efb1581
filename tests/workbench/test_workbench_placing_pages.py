"""The placing page without a script, and the same for programs: forms in, pages and problems out."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html
from placing_world import Bid, open_bid
from workbench_world import PIN, Company, Town, now

from bidding.sessions import LoginDesk
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES, with_session
from bidding.web.site import Site
from bidding.web.workbench_api import WORKBENCH_API
from bidding.web.workbench_pages import WORKBENCH_PAGES
from bidding.workbench.drafts import Draft
from bidding.workbench.placing_values import main_place
from bidding.workbench.service import Workbench
from sealing.planning import Keyword, Pages, Point, Straddle

HTML = {"accept": "text/html"}
GOOD = {"page": 1, "x_mm": 60, "y_mm": 60}


@contextmanager
def visiting(workbench: Workbench, town: Town) -> Iterator[TestClient[Litestar]]:
    """Mount pages and interface of a workbench."""
    outside = town.outside
    login = LoginDesk(
        engine=workbench.desk.engine,
        wallet=outside.wallet,
        register=outside.register,
        trust=outside.trust.anchors,
        clock=workbench.desk.clock,
        random=os.urandom,
        audience="投标人工作台",
        purpose="登录投标人工作台",
    )
    site = Site("投标人工作台", (), sandbox=True, clock=now)
    routes = [*LOGIN_ROUTES, with_session("/api/v1", WORKBENCH_API), *WORKBENCH_PAGES]
    app = create_app(routes, {"workbench": workbench, "site": site, "desk": login}, title="test")
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def bid(tmp_path_factory: pytest.TempPathFactory, town: Town) -> Iterator[Bid]:
    with open_bid(tmp_path_factory.mktemp("bid"), town) as opened:
        yield opened


@pytest.fixture
def client(bid: Bid, town: Town) -> Iterator[TestClient[Litestar]]:
    with visiting(bid.workbench, town) as client:
        yield client


@pytest.fixture(scope="module")
def bidder(bid: Bid, town: Town) -> Iterator[TestClient[Litestar]]:
    with visiting(bid.workbench, town) as client:
        yield log_in(client, town, town.bidder)


def log_in(client: TestClient[Litestar], town: Town, company: Company) -> TestClient[Litestar]:
    """Log a company's head in through the page."""
    page = html.fromstring(client.get("/login", headers=HTML).text)
    reference = page.xpath("//a[@id='wallet']/@href")[0].split("/")[-2]
    body = {
        "person": company.person,
        "uscc": company.uscc,
        "pin": PIN,
        "number": page.xpath("//*[@id='number']")[0].text,
    }
    town.post(f"/wallet/logins/{reference}/confirm", body, 200)
    client.get("/login", headers=HTML)
    return client


class Page:
    """The placing page as somebody without scripts has it."""

    def __init__(self, client: TestClient[Litestar], draft: str, item: str, kind: str) -> None:
        self.client, self.address = client, f"/bids/{draft}/parts/{item}/placing"
        self.show(client.get(self.address, params={"kind": kind}, headers=HTML))

    def show(self, answer: httpx.Response) -> None:
        """Look at an answer."""
        self.status, self.tree = answer.status_code, html.fromstring(answer.text)
        primary = self.tree.xpath("//main//*[contains(concat(' ', @class, ' '), ' primary ')]")
        assert len(primary) <= 1
        assert not self.tree.xpath("//*[@style]"), "the content security policy forbids inline styles"
        ids = self.tree.xpath("//@id")
        assert len(ids) == len(set(ids)), "an id twice"

    def press(self, button: str, expect: int = 200, **values: str) -> None:
        """Press a button with what stands in the form."""
        (found,) = self.tree.xpath(f"//button[@id='{button}']")
        form = next(found.iterancestors("form"))
        data = {
            **{k: v for k, v in form.form_values() if isinstance(v, str)},
            **values,
            found.get("name"): found.get("value"),
        }
        self.show(self.client.post(self.address, data=data, headers=HTML))
        assert self.status == expect, self.text

    @property
    def text(self) -> str:
        return " ".join(self.tree.text_content().split())

    @property
    def notice(self) -> str:
        return str(self.tree.xpath("string(//main/div[contains(@class, 'notice')])"))

    def value(self, name: str) -> str:
        """Answer what stands in a field."""
        return str(self.tree.xpath(f"string(//input[@name='{name}']/@value)"))

    @property
    def source(self) -> str:
        """Where the picture of the page comes from."""
        return str(self.tree.xpath("string(//*[@id='shown']/@href)"))


def test_everything_is_placed_by_buttons(workbench: Workbench, filled: Draft, town: Town) -> None:
    with visiting(workbench, town) as client:
        place_everything(log_in(client, town, town.bidder), workbench, filled, town)


def place_everything(bidder: TestClient[Litestar], workbench: Workbench, filled: Draft, town: Town) -> None:
    """Press every button once."""
    page = Page(bidder, filled.id, "technical", "unit")
    assert page.source.startswith("/bids/")
    assert bidder.get(page.source).content.startswith(b"\x89PNG")
    assert b"<svg" in bidder.get(page.tree.xpath("string(//g[@class='handle']/image/@href)")).content
    page.press("preview", **{"main-page": "1", "main-x": "60", "main-y": "200.5"})
    assert "未保存" in page.text
    assert page.source.startswith("data:image/png;base64,iVBOR")
    page.press("add-every")
    page.press("add-straddle", side="left", share="10")
    page.press("add-keyword", keyword="page 2", occurrence="最后一处", anchor="below")
    page.press("show-3")
    page.press("add-point", **{"main-x": "60.0"})
    page.press("add-range", **{"range-pages": "2-4", "parity": "even"})
    assert "互相重叠" in page.text
    page.press("remove-4")
    assert workbench.placing.kept(town.actor, filled.id) == {}, "nothing is kept before it is saved"
    page.press("save", **{"p3-x": "150", "p3-y": "60"})
    assert "位置已保存" in page.notice
    kept = workbench.placing.kept(town.actor, filled.id)[("technical", "unit")].plans
    assert kept == (
        Pages(60.0, 200.5, pages="2-4"),
        Straddle(side="left", min_share=0.1),
        Keyword("page 2", occurrence="last", anchor="below"),
        Point(3, 150.0, 60.0),
    )
    place = main_place(workbench.drafting.get(town.actor, filled.id).part("technical"), "unit")
    assert (place.page, place.x + place.w // 2, place.y + place.h // 2) == (1, 6000, 20050)
    page = Page(bidder, filled.id, "technical", "unit")
    assert (page.value("main-x"), page.value("p3-page")) == ("60.00", "3")
    assert page.tree.xpath("//*[contains(@class, 'unfolded')]//line")
    seals = bidder.get(f"/bids/{filled.id}/seals", headers=HTML).text
    assert "公章另加：骑缝章：左侧" in seals


@pytest.mark.parametrize(
    ("button", "values", "code", "told"),
    [
        pytest.param("save", {"main-x": "5"}, "stamp_outside", "该页 210.0 × 297.0 毫米", id="off the page"),
        pytest.param("preview", {"main-x": "far"}, "stamp_plan", "横、纵应为毫米数", id="no number"),
        pytest.param("preview", {"main-y": "nan"}, "stamp_plan", "横、纵应为毫米数", id="not a number"),
        pytest.param("preview", {"main-y": "1e9"}, "stamp_plan", "横、纵应为毫米数", id="beyond"),
        pytest.param("preview", {"main-page": "9"}, "page_range", "文件共 4 页", id="no such page"),
        pytest.param("preview", {"main-page": "１"}, "page_range", "应为整数", id="full-width page"),
        pytest.param("add-range", {"range-pages": "3-1"}, "page_range", "第 3-1 页", id="backwards"),
        pytest.param("add-keyword", {"keyword": "不存在的文字"}, "keyword_not_found", "找到 0 处", id="keyword"),
        pytest.param("add-keyword", {"keyword": "pagex"}, "keyword_not_found", "最接近的文字", id="near"),
        pytest.param("add-keyword", {"keyword": ""}, "keyword", "1 到 100 个字", id="no keyword"),
        pytest.param("add-keyword", {"keyword": "page", "occurrence": "0"}, "keyword", "第几处", id="nought"),
        pytest.param("add-straddle", {"share": "50"}, "straddle", "不超过 33%", id="share"),
        pytest.param("add-straddle", {"share": "?"}, "straddle", "百分数", id="no share"),
        pytest.param("add-straddle", {"straddle-pages": "2"}, "straddle", "骑缝章", id="one page"),
        pytest.param("preview", {"further": "[{}]"}, "stamp_plan", "", id="no plan"),
        pytest.param("preview", {"further": json.dumps([{"kind": "straddle"}] * 64)}, "stamp_plan", "最多", id="64"),
        pytest.param("preview", {"further": "\0"}, "stamp_plan", "", id="rubbish"),
        pytest.param("preview", {"further": "[" * 200_000}, "stamp_plan", "过多", id="too much"),
    ],
)
def test_what_is_refused_stays_in_the_form(
    *, button: str, values: dict[str, str], code: str, told: str, bidder: TestClient[Litestar], bid: Bid
) -> None:
    page = Page(bidder, bid.draft.id, "technical", "unit")
    page.press(button, 422, **values)
    assert f"（{code}）" in page.notice
    assert told in page.notice
    for name in set(values) - {"further"}:
        assert page.value(name) == values[name]
    assert page.value("further") == "[]", "what could not be added is not in the list"


def test_the_pages_own_token_is_asked_for(bidder: TestClient[Litestar], bid: Bid) -> None:
    address = f"/bids/{bid.draft.id}/parts/technical/placing"
    data = {"kind": "unit", "page": "1", "main-page": "1", "main-x": "60", "main-y": "60", "do": "save"}
    for path in (address, f"{address}/picture"):
        assert bidder.post(path, data=data).json()["code"] == "form_token"


def test_another_company_finds_nothing(client: TestClient[Litestar], town: Town, bid: Bid) -> None:
    other = log_in(client, town, town.other)
    address = f"/bids/{bid.draft.id}/parts/technical/placing"
    for path in (address, f"{address}/picture?kind=unit&page=1", f"{address}/seal.svg?kind=unit"):
        answer = other.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "draft_unknown")
    answer = other.get(f"/api/v1/drafts/{bid.draft.id}/items/technical/placings/unit")
    assert (answer.status_code, answer.json()["code"]) == (404, "draft_unknown")


def test_nobody_looks_without_login(client: TestClient[Litestar], bid: Bid) -> None:
    assert client.get(f"/bids/{bid.draft.id}/parts/technical/placing/picture?kind=unit&page=1").status_code == 401


@pytest.fixture(scope="module")
def api(bidder: TestClient[Litestar], bid: Bid) -> Any:
    """Ask for a placing by program: method, kind, the rest of the path, the body."""
    return asking(bidder, bid.draft)


def asking(bidder: TestClient[Litestar], draft: Draft) -> Any:
    """Answer a function that asks."""
    token = bidder.get(f"/bids/{draft.id}/parts/technical/placing?kind=unit", headers=HTML)
    csrf = html.fromstring(token.text).xpath("string(//form[@id='placing']//input[@name='csrf']/@value)")

    def ask(method: str, kind: str = "unit", rest: str = "", body: Any = None) -> httpx.Response:
        path = f"/api/v1/drafts/{draft.id}/items/technical/placings/{kind}{rest}"
        content = body if isinstance(body, str | None) else json.dumps(body)
        headers = {"content-type": "application/json", "x-csrf": csrf}
        return bidder.request(method, path, content=content, headers=headers)

    return ask


def test_a_program_places_a_seal(workbench: Workbench, filled: Draft, town: Town) -> None:
    with visiting(workbench, town) as client:
        place_by_program(asking(log_in(client, town, town.bidder), filled))


def place_by_program(api: Any) -> None:
    """Plan, keep, and look at what was kept."""
    before = api("GET").json()
    assert before["seal"]["kind"] == "unit"
    assert len(before["page_sizes_mm"]) == 4
    wish = {
        "main": {"page": 1, "x_mm": 60, "y_mm": 200},
        "further": [{"kind": "straddle"}, {"kind": "keyword", "text": "page 3"}],
    }
    planned = api("POST", rest="/plan", body=wish)
    assert planned.status_code == 200, planned.text
    assert (planned.json()["saved"], len(planned.json()["stamps"])) == (False, 6)
    assert api("GET").json() == before
    saved = api("PUT", body=wish)
    assert saved.status_code == 200, saved.text
    assert api("GET").json()["stamps"] == saved.json()["stamps"] == planned.json()["stamps"]
    assert api("GET", rest="/pages/1").content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"main": {"page": 1, "x_mm": 1, "y_mm": 1}}, 422, "stamp_outside", id="off the page"),
        pytest.param({"main": {"page": 7, "x_mm": 60, "y_mm": 60}}, 422, "page_range", id="page"),
        pytest.param({"main": {"page": 1, "x_mm": 1e99, "y_mm": 60}}, 400, "http_400", id="length"),
        pytest.param({"main": GOOD, "more": 1}, 400, "http_400", id="field"),
        pytest.param(
            {"main": {"page": 1, "x_mm": 60, "y_mm": 60}, "further": [{"kind": "x"}]}, 400, "http_400", id="plan"
        ),
        pytest.param({}, 400, "http_400", id="nothing"),
        pytest.param("{", 400, "http_400", id="no JSON"),
        pytest.param(
            {"main": GOOD, "further": [{"kind": "keyword", "text": "没有"}]},
            422,
            "keyword_not_found",
            id="keyword",
        ),
    ],
)
def test_what_a_program_is_refused(body: Any, status: int, code: str, api: Any) -> None:
    answer = api("PUT", body=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_pages_and_seals_that_are_not_there(api: Any) -> None:
    assert api("GET", "finance").json()["code"] == "item_unknown"
    assert api("GET", rest="/pages/9").json()["code"] == "document_empty"
    assert api("GET", rest="/pages/0").json()["code"] == "document_empty"
