"""The bidder's journey through the pages alone: forms are read from the page, sent, and led on as a browser would."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import workbench_world
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html
from msgspec import structs
from workbench_world import PASSPHRASE, PIN, Town, Trading, now, pdf

from bidding.bundle import parse_bundle
from bidding.documents.fields import field_name
from bidding.errors import WorkbenchError
from bidding.judging import DocumentJudging
from bidding.officer import generate_opening_keys
from bidding.officer_desk import OfficerDesk
from bidding.params import SectionParams
from bidding.sessions import LoginDesk
from bidding.verification import Question, judge_file
from bidding.web.app import create_app
from bidding.web.login_pages import LOGIN_ROUTES
from bidding.web.site import Site
from bidding.web.workbench_pages import WORKBENCH_PAGES
from bidding.web.workbench_words import WORKBENCH_WORDS
from bidding.workbench.acting import find_actor
from bidding.workbench.drafts import Draft
from bidding.workbench.seal_batch import FileToSeal, SealOrder
from bidding.workbench.service import Workbench
from identity.uscc import UnifiedSocialCreditCode
from sealing.seal import SealKind

Make = Callable[..., Draft]
HTML = {"accept": "text/html"}


@dataclass
class Browser:
    """What a person without scripts has: links, forms, and a page at a time."""

    client: TestClient[Litestar]
    town: Town
    page: httpx.Response | None = None

    def get(self, path: str, expect: int = 200) -> "Browser":
        return self._show(self.client.get(path, headers=HTML), expect)

    def press(self, button: str, expect: int = 200, files: Any = None, **values: str) -> "Browser":
        """Press the button with this id: send its form with what the page put into it."""
        found = self.find(f"//button[@id='{button}']")
        form = next(found.iterancestors("form"))
        data = {k: v for k, v in form.form_values() if isinstance(v, str)} | values
        if found.get("name"):
            data[found.get("name")] = found.get("value", "")
        for box in form.xpath(".//input[@type='checkbox' and @required]"):
            data[box.get("name")] = box.get("value", "on")
        return self._show(self.client.post(form.get("action"), data=data, files=files, headers=HTML), expect)

    def follow(self, link: str) -> "Browser":
        return self.get(self.find(f"//a[@id='{link}']").get("href"))

    def confirm(self, person: str = "") -> "Browser":
        """Confirm on the wallet what the page asks, and look at the page again."""
        self.town.confirm(self.find("//a[@id='wallet']").get("href"), person=person)
        return self.get(self.path)

    @property
    def path(self) -> str:
        assert self.page is not None
        return self.page.url.raw_path.decode()

    @property
    def tree(self) -> Any:
        assert self.page is not None
        return html.fromstring(self.page.text)

    def find(self, where: str) -> Any:
        found = self.tree.xpath(where)
        assert len(found) == 1, f"{len(found)} of {where} on {self.path}: {self.text}"
        return found[0]

    def has(self, where: str) -> bool:
        return bool(self.tree.xpath(where))

    @property
    def text(self) -> str:
        return " ".join(self.tree.text_content().split())

    @property
    def code(self) -> str:
        """The stable code in the notice on top."""
        return str(self.tree.xpath("string(//main/div[contains(@class, 'notice')]//span[@class='code'])")).strip("（）")

    def _show(self, response: httpx.Response, expect: int) -> "Browser":
        self.page = response
        assert response.status_code == expect, self.text
        primary = self.tree.xpath("//main//*[contains(concat(' ', @class, ' '), ' primary ')]")
        assert len(primary) <= 1, f"{len(primary)} primary buttons on {self.path}"
        assert not self.tree.xpath("//*[@style]"), "the content security policy forbids inline styles"
        ids = self.tree.xpath("//@id")
        assert len(ids) == len(set(ids)), f"an id twice on {self.path}"
        return self


@pytest.fixture
def client(connected: Workbench, town: Town) -> Iterator[TestClient[Litestar]]:
    login = LoginDesk(
        engine=connected.desk.engine,
        wallet=town.outside.wallet,
        register=town.outside.register,
        trust=town.outside.trust.anchors,
        clock=connected.desk.clock,
        random=os.urandom,
        audience="投标人工作台",
        purpose="登录投标人工作台",
    )
    site = Site("投标人工作台", (("/", "我的项目"),), sandbox=True, clock=now)
    app = create_app(
        [*LOGIN_ROUTES, *WORKBENCH_PAGES], {"workbench": connected, "site": site, "desk": login}, title="test"
    )
    with TestClient(app) as client:
        yield client


@pytest.fixture
def stranger(client: TestClient[Litestar], town: Town) -> Browser:
    return Browser(client, town)


@pytest.fixture
def browser(stranger: Browser, town: Town) -> Browser:
    """Log in through the page, as the legal representative."""
    stranger.get("/")
    assert stranger.path.startswith("/login")
    reference = stranger.find("//a[@id='wallet']").get("href").split("/")[-2]
    number = stranger.find("//*[@id='number']").text
    body = {"person": town.bidder.person, "uscc": town.bidder.uscc, "pin": PIN, "number": number}
    town.post(f"/wallet/logins/{reference}/confirm", body, 200)
    return stranger.get(stranger.path)


def begin(browser: Browser, trading: Trading) -> Browser:
    section = trading.release().section
    return browser.get("/").press(f"begin-{section}")


def fill(browser: Browser, section: str) -> str:
    """From my projects to assembled parts; answers the draft's address."""
    browser.get("/").press(f"begin-{section}")
    address = browser.path
    browser.press("add-technical", files=[("files", ("施工组织设计.pdf", pdf(3), "application/pdf"))])
    browser.follow("next")
    values = {"price": "1,833,000.56", "days": "180", "value-bond": "电子保函"}
    browser.press("save", **values)
    assert browser.path == f"{address}/assembly"
    browser.press("assemble")
    return address


def seal(browser: Browser) -> None:
    browser.follow("to-seals").press("ask-representative")
    assert "法定代表人章" in browser.text
    browser.confirm()
    assert browser.find("//h1").text == "请授权加盖公章"
    browser.confirm()


def pack(browser: Browser) -> str:
    """Answer the recovery code."""
    browser.follow("to-pack").press("pack")
    code = str(browser.find("//*[@id='recovery-code']").text)
    browser.press("copied").confirm()
    return code


def test_the_whole_way_to_the_receipt(browser: Browser, trading: Trading, connected: Workbench, town: Town) -> None:
    section = trading.release().section
    address = fill(browser, section)
    assert "人民币壹佰捌拾叁万叁仟元伍角陆分" in browser.text
    assert [one.text for one in browser.tree.xpath("//*[@data-pages]")] == ["1", "4"]
    for source in browser.tree.xpath("//main//img/@src")[:2]:
        assert browser.client.get(source).content.startswith(b"\x89PNG")
    seal(browser)
    assert browser.path == f"{address}/seals"
    assert browser.has("//a[@id='to-pack']")
    pictures = {browser.client.get(source).content for source in browser.tree.xpath("//main//img/@src")}
    assert len(pictures) == len(browser.tree.xpath("//main//img")), "before and after differ"
    code = pack(browser)
    assert "谁能在何时读到您的标书" not in browser.text
    digest = browser.find("//*[@id='bundle-sm3']").text
    bundle = browser.client.get(browser.find("//a[@id='download-bundle']").get("href")).content
    assert parse_bundle(io.BytesIO(bundle), len(bundle)).header.section == section
    assert code not in browser.get(browser.path).page.text  # type: ignore[union-attr]
    browser.press("submit")
    assert digest in browser.text
    browser.confirm()
    assert "有效，是本单位当前的投标" in browser.text
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", browser.find("//*[@id='received-at']").text)
    receipt = browser.client.get(browser.find("//a[@id='receipt']").get("href")).content
    path = connected.desk.bundles / "receipt.json"
    path.write_bytes(receipt)
    report = judge_file(path, Question(town.outside.trust.anchors(), now(), bundle_sm3=str(digest)))
    assert str(report.indication) == "TOTAL-PASSED"
    browser.get("/")
    assert browser.find(f"//section[@id='section-{section}']//*[@data-state]").text == "✓ 已递交"


def submitted(browser: Browser, draft: Draft) -> str:
    """Pack and submit a sealed draft; answers the recovery code."""
    browser.get(f"/bids/{draft.id}/seals")
    code = pack(browser)
    browser.press("submit").confirm()
    assert browser.has("//a[@id='receipt']"), browser.text
    return code


def test_replacing_and_withdrawing(browser: Browser, sealed: Make) -> None:
    draft = sealed()
    submitted(browser, draft)
    first = browser.path
    browser.press("replace")
    assert browser.path != f"/bids/{draft.id}"
    submitted(browser, sealed(section=draft.params.section))
    assert "第 2 版" in browser.text
    second = browser.path
    browser.get(first)
    assert "已被新版本取代" in browser.text
    assert not browser.has("//button[@id='withdraw']")
    browser.get(second).press("withdraw").confirm()
    assert browser.path == second
    assert browser.find("//*[@id='bid-state']").text == "已撤回"
    assert browser.has("//button[@id='replace']")


def test_a_bundle_packed_elsewhere(browser: Browser, sealed: Make, connected: Workbench, town: Town) -> None:
    draft = sealed()
    packing, _ = connected.packing.begin(town.actor, draft.id)
    town.confirm(packing.url)
    connected.packing.advance(town.actor, packing.id)
    data = connected.packing.path(packing.id).read_bytes()
    browser.get("/")
    other = connected.drafting.create(town.actor, draft.centre, draft.params_sm3)
    browser.get(f"/bids/{other.id}/pack")
    for wrong in (b"PK\x03\x04 plain", b""):
        browser.press("own-bundle", 422, files={"bundle": ("a.ytb", wrong, "application/octet-stream")})
        assert browser.code == "bundle_malformed"
    browser.press("own-bundle", files={"bundle": ("a.ytb", data, "application/octet-stream")}).confirm()
    assert browser.has("//a[@id='receipt']")
    assert not list(connected.desk.bundles.glob("*.upload"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"hello", "not_a_pdf", id="not a PDF"),
        pytest.param(b"", "document_empty", id="an empty file"),
        pytest.param(b"%PDF-1.7\nrubbish", "document_damaged", id="a damaged PDF"),
    ],
)
def test_documents_that_cannot_be_used(data: bytes, code: str, browser: Browser, trading: Trading) -> None:
    begin(browser, trading)
    files = [("files", ("好.pdf", pdf(), "application/pdf")), ("files", ("坏.pdf", data, "application/pdf"))]
    browser.press("add-technical", 422 if code != "document_too_large" else 413, files=files)
    assert browser.code == code
    assert "“坏.pdf”没有添加" in browser.text
    assert "先前的 1 个已添加" in browser.text


def test_documents_move_and_go(browser: Browser, trading: Trading) -> None:
    begin(browser, trading)
    address = browser.path
    files = [("files", (f"{name}.pdf", pdf(), "application/pdf")) for name in ("甲", "乙")]
    browser.press("add-technical", files=files)
    csrf = browser.tree.xpath("//input[@name='csrf']/@value")[0]
    rows = browser.tree.xpath("//section[@id='item-technical']//tbody//form/@action")
    browser.client.post(rows[1], data={"csrf": csrf, "do": "up"}, headers=HTML)
    names = "//section[@id='item-technical']//tbody/tr/td[1]/text()"
    assert browser.get(address).tree.xpath(names) == ["乙.pdf", "甲.pdf"]
    browser.client.post(rows[0], data={"csrf": csrf, "do": "remove"}, headers=HTML)
    assert browser.get(address).tree.xpath(names) == ["乙.pdf"]
    browser.press("delete")
    assert browser.path == "/"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param({"price": "a lot"}, "投标总报价", id="price"),
        pytest.param({"days": "soon"}, "工期", id="days"),
        pytest.param({"value-bond": ""}, "投标保证金", id="own field"),
    ],
)
def test_a_form_that_is_not_right_is_kept(
    values: dict[str, str], text: str, browser: Browser, trading: Trading
) -> None:
    begin(browser, trading)
    browser.follow("next")
    good = {"price": "100", "days": "10", "value-bond": "现金"}
    browser.press("save", 422, **(good | values))
    assert text in browser.text
    for name, value in (good | values).items():
        assert browser.find(f"//input[@name='{name}']").get("value") == value


@pytest.mark.parametrize("how", ["refuse", "cancel"])
def test_a_refused_seal_is_taken_up_where_it_stood(how: str, browser: Browser, trading: Trading, town: Town) -> None:
    fill(browser, trading.release().section)
    browser.follow("to-seals").press("ask-representative").confirm()
    if how == "refuse":
        town.refuse(browser.find("//a[@id='wallet']").get("href"))
        browser.get(browser.path)
        assert browser.code in {"consent_refused", "refused"}
        browser.press("again")
    else:
        browser.press("cancel").press("ask-unit")
    browser.confirm()
    assert browser.has("//a[@id='to-pack']")


def test_the_record_of_uses(browser: Browser, sealed: Make) -> None:
    draft = sealed()
    browser.get("/seal-uses")
    assert draft.params.section in browser.text
    rows = list(csv.reader(io.StringIO(browser.client.get("/seal-uses.csv").content.decode("utf-8-sig"))))
    mine = [row for row in rows if draft.params.section in row]
    assert [row[3] for row in mine] == ["法定代表人章", "公章", "公章"]
    entries = json.loads(browser.client.get("/seal-uses.json").content)
    assert {entry["after_sm3"] for entry in entries} >= {draft.part("letter").facts.sm3}


def test_an_open_page_leads_on_by_itself(browser: Browser, sealed: Make, town: Town) -> None:
    """The live part answers the same until the person has decided, and then leads to the next page."""
    draft = sealed()
    browser.get(f"/bids/{draft.id}/seals").follow("to-pack").press("pack").press("copied")
    live = browser.find("//*[@data-live]").get("data-live")
    fragment = browser.client.get(live, headers=HTML, follow_redirects=False)
    assert (fragment.status_code, "<html" in fragment.text) == (200, False)
    town.confirm(browser.find("//a[@id='wallet']").get("href"))
    on = browser.client.get(live, headers=HTML, follow_redirects=False)
    assert on.status_code == 303
    assert "fragment" not in on.headers["location"]


@pytest.mark.parametrize("path", ["", "/form", "/assembly", "/seals", "/pack", "/parts/letter/file", "/export.zip"])
def test_anothers_draft_is_not_there(path: str, browser: Browser, connected: Workbench, trading: Trading) -> None:
    section = connected.sections.follow(trading.url, trading.release().section)
    other = replace(browser.town.actor, uscc=UnifiedSocialCreditCode(browser.town.other.uscc))
    draft = connected.drafting.create(other, trading.url, section.params_sm3)
    answer = browser.client.get(f"/bids/{draft.id}{path}", headers=HTML)
    assert answer.is_client_error
    assert draft.params.title not in answer.text


def test_nobody_acts_without_the_page(browser: Browser, trading: Trading) -> None:
    data = {"centre": trading.url, "section": trading.release().section}
    for wrong in ({}, {"csrf": "0" * 64}):
        assert browser.client.post("/bids", data=data | wrong, headers=HTML).is_client_error
    browser.client.cookies.clear()
    browser.get("/seal-uses")
    assert browser.path.startswith("/login")


def closed(draft: Draft, trading: Trading) -> None:
    while now() <= draft.params.closes_at:
        pass
    trading.centre.tick()


def host_seals(trading: Trading, town: Town, connected: Workbench, section: str, folder: Path) -> None:
    """Put the host's seal on the record, as the centre's own pages do."""
    centre, arrival = trading.centre, trading.centre.arrival("")
    version, data = centre.records.get(section, 1)
    (folder / "record.pdf").write_bytes(data)
    actor = find_actor(town.outside.register, trading.unit.uscc)
    name = field_name(trading.unit.uscc)
    file = FileToSeal("开标记录.pdf", 1, folder / "record.pdf", folder / "sealed.pdf", name)
    batches = connected.sealing.flow.batch
    batch = batches.ask(SealOrder(actor, SealKind.UNIT, [file], act="record"))
    town.confirm(batch.consent.url, person=trading.unit.person)
    batches.finish(batch)
    centre.records.add(section, 1, (folder / "sealed.pdf").read_bytes(), version.sm3, arrival)


@pytest.mark.slow
def test_the_opening(
    browser: Browser,
    sealed: Make,
    trading: Trading,
    *,
    town: Town,
    connected: Workbench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Release by the wallet, readout, and the bidder's own seal on the record."""
    keys = generate_opening_keys(tmp_path / "officer", (1,), PASSPHRASE, os.urandom).keys
    plain = workbench_world.make_params

    def make_params(*args: Any, **options: Any) -> SectionParams:
        made = plain(*args, **options)
        return structs.replace(made, stages=(structs.replace(made.stages[0], opening_key=keys[0].public_key),))

    monkeypatch.setattr(workbench_world, "make_params", make_params)
    draft = sealed(minutes=0.3)
    section = draft.params.section
    submitted(browser, draft)
    closed(draft, trading)
    browser.get(browser.path).follow("to-opening")
    assert "在名单中" in browser.text
    opening = browser.path
    browser.press("release").confirm()
    assert browser.path.startswith(opening)
    assert "已交出" in browser.find("//*[@id='released']").text_content()
    trading.centre.releasing.freeze(section, 1, "主持人", trading.centre.arrival(""))
    trading.centre.tick()
    with httpx.Client(base_url=trading.url, timeout=30) as http:
        OfficerDesk(http, tmp_path / "officer", town.outside.trust.anchors, now).open(section, 1, PASSPHRASE)
    trading.centre.tick()
    browser.get(opening)
    assert [one.text for one in browser.tree.xpath("//table[@id='readout']//td")][1:4] == [
        "1,833,000.56",
        "180",
        "电子保函",
    ]
    trading.centre.records.make(section, 1, "主持人", trading.centre.arrival(""))
    assert "等待主持方先加盖公章" in browser.get(opening).text
    host_seals(trading, town, connected, section, tmp_path)
    browser.get(opening).press("seal-record").confirm()
    assert browser.has("//*[@id='record-sealed']"), browser.text
    assert town.bidder.uscc in trading.centre.records.signers(section, 1)
    uses = [use for use in connected.sealing.flow.uses(town.bidder.uscc) if use.file.startswith("开标记录")]
    assert [(use.outcome, use.kind, use.section) for use in uses] == [("sealed", "unit", section)]
    picture = browser.tree.xpath("//main//img/@src")[0]
    assert browser.client.get(picture).content.startswith(b"\x89PNG")
    assert browser.client.get(f"{opening.removesuffix('/opening')}/record.pdf").content.startswith(b"%PDF")
    judge = trading.centre.opening.judge
    assert isinstance(judge, DocumentJudging)
    judge.worker.close()


@pytest.mark.slow
def test_releasing_with_the_recovery_code(browser: Browser, sealed: Make, trading: Trading, town: Town) -> None:
    draft = sealed(minutes=0.25)
    code = submitted(browser, draft)
    closed(draft, trading)
    browser.get(f"{browser.path}/opening").press("release-by-code")
    browser.press("give-code", code=code)
    assert browser.code == "consent_pending"
    town.confirm(browser.find("//a[@id='wallet']").get("href"))
    browser.press("give-code", code="0000-0000")
    assert browser.code == "recovery_code_wrong"
    browser.press("give-code", code=code)
    assert "已交出" in browser.find("//*[@id='released']").text_content()


@pytest.mark.slow
def test_a_late_bid_shows_its_refusal(browser: Browser, sealed: Make, trading: Trading) -> None:
    draft = sealed(minutes=0.25)
    browser.get(f"/bids/{draft.id}/seals")
    pack(browser)
    closed(draft, trading)
    browser.press("submit").confirm()
    assert browser.code == "deadline_passed"
    assert b"refus" in browser.client.get(browser.find("//a[@id='refusal']").get("href")).content


def test_every_refusal_of_the_workbench_has_words() -> None:
    def below(kind: type[Exception]) -> Iterator[type[Exception]]:
        yield kind
        for one in kind.__subclasses__():
            yield from below(one)

    assert all(any(base in WORKBENCH_WORDS for base in kind.__mro__) for kind in below(WorkbenchError))
    assert all(text.endswith("。") and 400 <= status < 600 for status, _, text in WORKBENCH_WORDS.values())
    codes = [code for _, code, _ in WORKBENCH_WORDS.values()]
    assert len(codes) == len(set(codes))
