"""The pages of 电子签署中心: one primary action each, secrets shown once, everything in Chinese."""

from typing import Any

import httpx
from signings_world import Api, Listener, Person, log_in, placing
from workbench_world import Town, pdf


def text(page: Any) -> str:
    return " ".join(page.text_content().split())


def primaries(page: Any) -> list[str]:
    return [one.text_content() for one in page.xpath("//*[contains(concat(' ', @class, ' '), ' primary ')]")]


def test_a_token_is_made_shown_once_and_revoked(session: Api) -> None:
    first = session.page("/signings")
    assert primaries(first) == ["创建接口令牌"]
    made = session.page("/signings/tokens", name="采购系统", scope=["signings:read", "signings:write"], days="30")
    secret = made.get_element_by_id("secret-text").text_content()
    assert session.as_(secret).ask("GET", "/signings") == []
    again = session.page("/signings")
    assert secret not in text(again)
    assert "采购系统" in text(again.get_element_by_id("tokens"))
    (form,) = again.get_element_by_id("tokens").xpath(".//form")
    assert "已吊销" in text(session.page(form.get("action"), csrf="x"))
    session.as_(secret).refused(401, "token_refused", "GET", "/signings")


def test_forms_that_are_not_filled_in(session: Api) -> None:
    for form in ({"name": "", "scope": "signings:read", "days": "9"}, {"name": "x", "days": "9"}, {"name": "x"}):
        page = session.page("/signings/tokens", expect=422, **form)
        assert "form_incomplete" in text(page)
    page = session.page("/signings/webhooks", expect=422, url="https://10.0.0.1/")
    assert "webhook_address" in text(page)


def test_a_webhook_is_tried_and_its_log_shown(session: Api, listener: Listener) -> None:
    made = session.page("/signings/webhooks", url=listener.url, event="signing.completed")
    assert made.get_element_by_id("secret-text").text_content().startswith("whsec_")
    (link,) = made.get_element_by_id("webhooks").xpath(".//a")
    assert "还没有投递" in text(session.page(link.get("href")))
    log = session.page(f"{link.get('href')}/test", csrf="x")
    assert primaries(log) == ["发送测试通知"]
    assert "已送达" in text(log.get_element_by_id("deliveries"))
    (form,) = log.get_element_by_id("deliveries").xpath(".//form")
    session.page(form.get("action"), csrf="x")
    assert len(listener.seen) == 2
    assert "还没有通知地址" in text(session.page(f"{link.get('href')}/delete", csrf="x"))


def test_a_signing_is_shown_with_the_code_to_scan(session: Api, town: Town, person: Person) -> None:
    signers = [{"kind": "person", "person": person.id}]
    name = session.make(pdf(1), signers=signers)
    session.plan(name, placing(1, 1))
    assert "已规划" in text(session.page(f"/signings/{name}"))
    session.begin(name)
    waiting = session.page(f"/signings/{name}")
    assert primaries(waiting) == ["在本机打开执照钱包"]
    assert waiting.get_element_by_id("consent").xpath(".//*[local-name()='svg']")
    town.confirm(waiting.get_element_by_id("consent").xpath(".//a")[0].get("href"), person=person.id)
    session.go_on(name)
    done = session.page(f"/signings/{name}")
    assert "✓ 有效" in text(done.get_element_by_id("documents"))
    assert "采购合同" in text(session.page("/signings").get_element_by_id("signings"))
    root = session.http.base_url.join("/")
    headers = {"authorization": f"Bearer {session.token}"}
    file = httpx.get(f"{root}signings/{name}/documents/1", headers=headers)
    assert file.content.startswith(b"%PDF-")
    stranger = session.as_(log_in(session.http, town, town.other))
    stranger.page(f"/signings/{name}", expect=404)


def test_who_is_not_logged_in_sees_nothing(session: Api) -> None:
    answer = httpx.get(str(session.http.base_url.join("/signings")), headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fsignings")
