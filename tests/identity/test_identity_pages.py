"""The wallet's phone pages, driven as a browser without scripts would: forms, cookie, token, same-origin."""

import html
import os
import re
from typing import Any

import httpx
import pytest
from identity_town import BASE, PIN, MakeRecord, Town

from identity.consent import encode_record, render_consent
from identity.ports import Pending


class Browser:
    """Posts the fields of a page's form as they stand, with what a person typed and the button pressed."""

    def __init__(self, town: Town) -> None:
        self.client = town.client
        self.page = ""
        self.url = ""
        self.status = 0

    def open(self, url: str) -> "Browser":
        return self._show(self.client.get(url))

    def choose(self, person: str) -> "Browser":
        assert 'id="choose"' in self.page
        return self._post("/wallet/phone", self._hidden("/wallet/phone") | {"person": person})

    def press(self, button: str, **typed: str) -> "Browser":
        assert f'id="{button}"' in self.page
        assert all(f'name="{name}"' in self.page for name in typed)
        return self._post(self.url, self._hidden(self.url) | typed | {"action": button})

    def _post(self, path: str, fields: dict[str, str], **headers: str) -> "Browser":
        return self._show(self.client.post(path, data=fields, headers={"sec-fetch-site": "same-origin", **headers}))

    def _show(self, response: httpx.Response) -> "Browser":
        self.status, self.url, self.page = response.status_code, response.url.path, html.unescape(response.text)
        self.headers = response.headers
        return self

    def _hidden(self, action: str) -> dict[str, str]:
        form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', self.page, re.DOTALL)
        assert form
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))

    @property
    def state(self) -> str:
        found = re.search(r'data-state="(\w+)"', self.page)
        return found[1] if found else ""

    @property
    def error(self) -> str:
        found = re.search(r'data-code="(\w+)"', self.page)
        return found[1] if found else ""


@pytest.fixture
def browser(town: Town) -> Browser:
    return Browser(town)


@pytest.fixture
def login(town: Town) -> Pending:
    return town.wallet.request_login(
        audience="投标人工作台", purpose="登录并办理投标", challenge=os.urandom(32), number="42"
    )


def test_a_phone_is_chosen_and_shows_its_licence(browser: Browser, company: Any) -> None:
    browser.open("/wallet/")
    assert "请选择这部手机的持有人" in browser.page
    browser.choose(company["person"])
    assert (browser.url, browser.status) == ("/wallet/", 200)
    assert f"<dd>{company['uscc']}</dd>" in browser.page
    assert "没有等待确认的请求" in browser.page


def test_login_by_page(town: Town, browser: Browser, company: Any, login: Pending) -> None:
    browser.open(login.url)
    assert "请先在下方选择" in browser.page
    assert town.wallet.fetch_login(login.id).state == "pending"
    browser.choose(company["person"])
    assert browser.url == login.url.removeprefix(BASE)
    assert town.wallet.fetch_login(login.id).state == "scanned"
    assert "登录并办理投标" in browser.page
    assert ">42<" not in browser.page  # the wallet never shows the number that must be matched
    assert browser.press("confirm", pin="000000", number="42").error == "pin_wrong"
    assert (browser.status, browser.state) == (403, "scanned")
    assert browser.press("confirm", pin=PIN, number="24").error == "number_mismatch"
    assert browser.press("confirm", pin=PIN, number="42").state == "confirmed"
    assert town.wallet.fetch_login(login.id).state == "confirmed"
    assert 'id="confirm"' not in browser.page


def test_login_waits_on_the_home_page_and_can_be_refused(browser: Browser, company: Any, login: Pending) -> None:
    browser.open(login.url).choose(company["person"])
    reference = login.url.split("/")[-2]
    assert reference in browser.open("/wallet/").page
    assert browser.open(login.url).press("refuse").state == "refused"
    assert reference not in browser.open("/wallet/").page


def test_an_expired_login_says_so(town: Town, browser: Browser, company: Any, login: Pending) -> None:
    browser.open(login.url).choose(company["person"])
    town.clock.forward(seconds=121)
    assert browser.press("confirm", pin=PIN, number="42").error == "login_expired"
    assert browser.open(login.url).state == "expired"


def test_consent_by_page(town: Town, browser: Browser, company: Any, make_record: MakeRecord) -> None:
    record = make_record((b"one", b"two"))
    pending = town.wallet.request_consent(encode_record(record))
    browser.open(pending.url).choose(company["person"])
    for line in render_consent(record):
        assert line in browser.page
    assert pending.url.split("/")[-2] in browser.open("/wallet/").page
    browser.open(pending.url)
    assert browser.press("confirm", pin="111111").error == "pin_wrong"
    assert town.wallet.fetch_consent(pending.id).state == "pending"
    assert browser.press("confirm", pin=PIN).state == "confirmed"
    assert town.wallet.fetch_consent(pending.id).signed is not None


def test_consent_refused_by_page(town: Town, browser: Browser, company: Any, make_record: MakeRecord) -> None:
    pending = town.wallet.request_consent(encode_record(make_record()))
    assert browser.open(pending.url).choose(company["person"]).press("refuse").state == "refused"
    assert town.wallet.fetch_consent(pending.id).state == "refused"


def test_anothers_consent_is_not_shown(town: Town, browser: Browser, agent: Any, make_record: MakeRecord) -> None:
    record = make_record((b"secret",))
    pending = town.wallet.request_consent(encode_record(record))
    browser.open(pending.url).choose(agent["person"])
    assert record.files[0].name not in browser.page
    assert "<details open>" in browser.page  # another phone can be chosen at once
    assert 'id="confirm"' not in browser.page


def test_names_are_text_never_markup(town: Town, browser: Browser, company: Any, make_record: MakeRecord) -> None:
    pending = town.wallet.request_consent(encode_record(make_record(audience="<script>alert(1)</script>")))
    browser.open(pending.url).choose(company["person"])
    raw = town.client.get(pending.url).text
    assert "&lt;script&gt;alert(1)" in raw
    assert "<script>alert" not in raw


def test_forms_need_their_own_pages_token(town: Town, browser: Browser, company: Any, login: Pending) -> None:
    browser.open(login.url).choose(company["person"])
    path = login.url.removeprefix(BASE)
    good = browser._hidden(path) | {"pin": PIN, "number": "42", "action": "confirm"}
    other_page = browser._hidden("/wallet/phone")["token"]
    cases = [
        (good | {"token": ""}, {}),
        (good | {"token": "0" * 64}, {}),
        (good | {"token": other_page}, {}),
        ({k: v for k, v in good.items() if k != "token"}, {}),
        (good, {"sec-fetch-site": "cross-site"}),
        (good, {"sec-fetch-site": "same-site"}),
    ]
    for fields, headers in cases:
        response = town.client.post(path, data=fields, headers=headers)
        assert (response.status_code, 'data-code="bad_form_token"' in response.text) == (403, True)
        assert town.wallet.fetch_login(login.id).state == "scanned"
    own = town.client.cookies["wallet_phone"]
    for stranger in ("0" * 32 + "." + company["person"], "none"):
        town.client.cookies.clear()
        town.client.cookies.set("wallet_phone", stranger, path="/wallet")
        assert town.client.post(path, data=good).status_code == 403
    town.client.cookies.clear()
    town.client.cookies.set("wallet_phone", own, path="/wallet")
    assert town.client.post(path, data=good).status_code == 200


def test_choosing_a_phone_leads_only_to_our_pages(town: Town, browser: Browser, company: Any) -> None:
    for back in ("https://evil.test/", "//evil.test/a/b/page", "/wallet/logins/../page", "/wallet/logins/a\n/page", ""):
        browser.open("/wallet/")
        fields = browser._hidden("/wallet/phone") | {"person": company["person"], "back": back}
        response = town.client.post("/wallet/phone", data=fields, follow_redirects=False)
        assert response.headers["location"] == "/wallet/"
    browser.open("/wallet/")
    fields = browser._hidden("/wallet/phone") | {"person": "P000000000000"}
    assert 'data-code="person_unknown"' in town.client.post("/wallet/phone", data=fields).text


def test_pages_are_closed_to_the_outside(browser: Browser, login: Pending) -> None:
    for url in ("/wallet/", login.url, "/wallet/logins/none/page", "/wallet/consents/none/page"):
        browser.open(url)
        assert "default-src 'none'" in browser.headers["content-security-policy"]
        assert browser.headers["cache-control"] == "no-store"
        assert "仿真环境" in browser.page
        assert not re.search(r'(?:src|href)="(?!/wallet/)', browser.page)
        assert not re.search(r"<[^>]+ (?:style|on\w+)=", browser.page)


def test_unknown_links_say_what_to_do(browser: Browser) -> None:
    assert browser.open("/wallet/logins/none/page").error == "login_unknown"
    assert browser.status == 404
    assert browser.open("/wallet/consents/none/page").error == "consent_unknown"


def test_assets_are_served(town: Town) -> None:
    assert town.client.get("/wallet/wallet.css").headers["content-type"].startswith("text/css")
    assert town.client.get("/wallet/wallet.js").headers["content-type"].startswith("text/javascript")


def test_the_cookie_is_for_the_wallet_only(town: Town) -> None:
    header = town.client.get("/wallet/").headers["set-cookie"]
    assert "HttpOnly" in header
    assert "Path=/wallet" in header
    assert "SameSite=lax" in header
