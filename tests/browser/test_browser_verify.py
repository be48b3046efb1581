"""核验机构 in a real browser: drop good, changed and locked PDFs, see the verdicts, unlock, download."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_world import DESK, PHONE, Watch, drop, keep
from playwright.sync_api import Browser, Page, sync_playwright

from bidding.demo.parties import free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "verifying"))

from verifying_world import PASSWORD, Files, make_app, make_files, serve

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("YIZHAO_CHROMIUM", "/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--lang=zh-CN")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def site(files: Files) -> Iterator[str]:
    with serve(make_app(files)[0], free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, locale="zh-CN", accept_downloads=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    watch.follow(page)
    yield page
    context.close()


def test_files_are_dropped_and_judged(page: Page, watch: Watch, site: str, files: Files, tmp_path: Path) -> None:
    page.goto(f"{site}/verify")
    watch.look(page, "verify-empty")
    drop(page, "#drop", [files.sealed, files.changed, files.locked])
    page.wait_for_selector("#chosen li >> nth=2")
    watch.look(page, "verify-chosen")
    page.click("#verify")
    page.wait_for_selector("#summary")
    found = [one.get_attribute("data-indication") for one in page.locator("[data-indication]").all()]
    assert found == ["REFUSED", "TOTAL-FAILED", "TOTAL-PASSED"]
    watch.look(page, "verify-result", pictures=True)
    assert page.locator("[data-sandbox]").count() == 1

    page.fill(".password input[type=password]", "wrong")
    page.press(".password input[type=password]", "Enter")
    page.wait_for_selector("text=打开密码不正确")
    page.fill(".password input[type=password]", PASSWORD)
    page.click(".password button")
    page.wait_for_selector("[data-indication=NO-SIGNATURE]")
    assert PASSWORD not in page.content()

    for name, start in (("report-pdf", b"%PDF-"), ("matrix-xlsx", b"PK"), ("report-json", b"["), ("evidence", b"{")):
        with page.expect_download() as download:
            page.click(f"#{name}")
        data = keep(download.value, tmp_path).read_bytes()
        assert data.startswith(start), name
    answers = json.loads((tmp_path / "核验报告.json").read_bytes())
    assert [one["indication"] for one in answers] == ["TOTAL-PASSED", "TOTAL-FAILED", "NO-SIGNATURE"]
    assert watch.complaints == []


def test_by_keyboard_in_the_dark_on_a_phone(browser: Browser, watch: Watch, site: str, files: Files) -> None:
    context = browser.new_context(viewport=PHONE, color_scheme="dark", locale="zh-CN")
    page = context.new_page()
    watch.follow(page)
    page.goto(f"{site}/verify?r=R:HY-2026-0001")
    assert "HY-2026-0001" in page.inner_text("#recheck")
    page.set_input_files("#files", files.sealed)
    page.focus("#verify")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-indication=TOTAL-PASSED]")
    page.screenshot(path=watch.shots / "verify-dark-phone.png", full_page=True)
    page.emulate_media(media="print")
    page.screenshot(path=watch.shots / "verify-print.png", full_page=True)
    context.close()
    assert watch.complaints == []


def test_what_is_refused_is_told_on_the_page(page: Page, watch: Watch, site: str, files: Files) -> None:
    page.goto(f"{site}/verify")
    page.set_input_files("#files", files.sealed)
    page.fill("#uscc", "123")
    watch.announced[422] += 1
    page.click("#verify")
    page.wait_for_selector("#sending:has-text('统一社会信用代码不正确')")
    assert page.is_enabled("#verify")
    page.fill("#uscc", "")
    page.click("#verify")
    page.wait_for_selector("[data-indication=TOTAL-PASSED]")
    assert watch.complaints == []
