"""What the signing service refuses, and what stays as it was (拒绝)."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from signings_world import POINT, Api, Person, log_in, make_company, placing, token_of
from workbench_world import Clock, Town, now, pdf

from bidding.errors import SigningStateError
from bidding.signings.values import Placing
from sealing.planning import Point
from signing.digests import sm3

ALL = ["signings:read", "signings:write", "webhooks:manage", "seal-uses:read"]


@pytest.fixture
def unit(town: Town) -> list[dict[str, Any]]:
    return [{"kind": "enterprise", "uscc": town.bidder.uscc}]


@pytest.fixture
def planned(api: Api, unit: list[dict[str, Any]]) -> str:
    """Make a signing of one page by the unit, planned."""
    name = api.make(pdf(1), signers=unit)
    api.plan(name, placing(1, 1))
    return name


def locked() -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf(1))))
    writer.encrypt("246810")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


# -- tokens


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="none"),
        pytest.param("Basic eXo6eXo=", id="another scheme"),
        pytest.param("Bearer", id="empty"),
        pytest.param("Bearer yzt_", id="prefix only"),
        pytest.param("Bearer yzt_" + "0" * 96, id="unknown"),
        pytest.param("Bearer " + "0" * 64, id="unknown session"),
        pytest.param("Bearer yzt_\u00e9", id="not ascii"),
    ],
)
def test_a_bad_token_is_told_nothing(session: Api, header: str) -> None:
    answer = session.http.get("/signings", headers={"authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.json()["code"] in {"token_refused", "not_logged_in"}
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_with_a_wrong_secret_expired_or_revoked(session: Api, clock: Clock) -> None:
    good = token_of(session, "signings:read", days=1)
    good.ask("GET", "/signings")
    last = "0" if good.token[-1] != "0" else "1"
    good.as_(good.token[:-1] + last).refused(401, "token_refused", "GET", "/signings")
    good.as_(good.token + "0").refused(401, "token_refused", "GET", "/signings")
    other = token_of(session, "signings:read")
    listed = session.ask("GET", "/tokens")
    assert [(one["state"], one["scopes"]) for one in listed] == [("live", ["signings:read"])] * 2
    assert not any(good.token[36:] in str(one) for one in listed)
    session.ask("DELETE", f"/tokens/{other.token[4:36]}", expect=204)
    session.ask("DELETE", f"/tokens/{other.token[4:36]}", expect=204)
    other.refused(401, "token_refused", "GET", "/signings")
    clock.ahead["by"] = timedelta(days=1)
    good.refused(401, "token_refused", "GET", "/signings")


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("signings:read", "POST", "/signings"),
        ("signings:write", "GET", "/signings"),
        ("webhooks:manage", "GET", "/signings"),
        ("signings:read", "GET", "/webhooks"),
        ("signings:write", "GET", "/signings/0/uses"),
        ("signings:read", "GET", "/tokens"),
        ("signings:write", "POST", "/tokens"),
    ],
)
def test_a_token_does_what_its_scopes_say(session: Api, scope: str, method: str, path: str) -> None:
    token_of(session, scope).refused(403, "scope_missing", method, path, json={})


def test_only_people_make_tokens(session: Api) -> None:
    everything = token_of(session)
    body = {"name": "更多", "scopes": ["signings:read"]}
    everything.refused(403, "scope_missing", "POST", "/tokens", json=body)
    for wrong in (
        {"name": "", "scopes": ["signings:read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["all"]},
    ):
        assert session.call("POST", "/tokens", json=wrong).status_code == 400
    assert session.call("POST", "/tokens", json={**body, "days": 401}).status_code == 400


def test_a_token_ends_with_the_right_of_whoever_made_it(session: Api, town: Town, clock: Clock) -> None:
    company = make_company(town)
    token = token_of(session.as_(log_in(session.http, town, company)), "signings:read", days=30)
    token.ask("GET", "/signings")
    town.set_state(company.uscc, "cancelled")
    clock.ahead["by"] = timedelta(minutes=2)
    token.refused(401, "token_refused", "GET", "/signings")


def test_another_units_signing_is_not_there(api: Api, town: Town, planned: str) -> None:
    stranger = token_of(api.as_(log_in(api.http, town, town.other)), *ALL)
    for method, path in (
        ("GET", ""),
        ("GET", "/plan"),
        ("GET", "/documents/1"),
        ("GET", "/documents/1/pages/1"),
        ("GET", "/uses"),
        ("POST", "/consent"),
        ("POST", "/advance"),
        ("POST", "/cancel"),
    ):
        stranger.refused(404, "signing_unknown", method, f"/signings/{planned}{path}")
    stranger.refused(404, "signing_unknown", "PUT", f"/signings/{planned}/plan", json={"placings": [placing(1, 1)]})
    assert stranger.ask("GET", "/signings") == []
    assert api.ask("GET", f"/signings/{planned}")["state"] == "planned"


# -- orders and documents


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"signers": []}, id="nobody"),
        pytest.param({"signers": [{"kind": "enterprise", "uscc": "91110000000000000X"}]}, id="check digit"),
        pytest.param({"signers": [{"kind": "robot"}]}, id="kind"),
        pytest.param({"title": ""}, id="no title"),
        pytest.param({"title": "a\u202eb"}, id="hidden character"),
        pytest.param({"profile": "none"}, id="profile"),
        pytest.param({"days": 0}, id="no time"),
        pytest.param({"colour": "red"}, id="unknown field"),
    ],
)
def test_an_order_that_is_malformed(api: Api, unit: list[dict[str, Any]], change: dict[str, Any]) -> None:
    answer = api.call("POST", "/signings", json={"title": "合同", "signers": unit, **change})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_signers_who_do_not_exist_or_stand_twice(api: Api, town: Town, person: Person) -> None:
    def order(*signers: dict[str, Any]) -> dict[str, Any]:
        return {"title": "合同", "signers": list(signers)}

    unit = {"kind": "enterprise", "uscc": town.bidder.uscc}
    assert api.call("POST", "/signings", json=order(unit, unit)).status_code == 400
    assert api.call("POST", "/signings", json=order({**unit, "seals": ["unit", "unit"]})).status_code == 400
    api.refused(404, "person_unknown", "POST", "/signings", json=order({"kind": "person", "person": "P-nobody"}))
    wrong = {"kind": "person", "person": person.id, "name": "别人"}
    api.refused(403, "person_not_entitled", "POST", "/signings", json=order(wrong))
    unknown = {**unit, "uscc": "91350100M000100Y43"}
    api.refused(404, "company_unknown", "POST", "/signings", json=order(unknown))
    hook = {**order(unit), "notify": ["0" * 32]}
    api.refused(404, "webhook_unknown", "POST", "/signings", json=hook)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(lambda: b"hello", 415, "document_format", id="no document"),
        pytest.param(locked, 422, "pdf_encrypted", id="password"),
        pytest.param(lambda: b"%PDF-1.7\n" + b"\0" * 2000, 422, "pdf_unreadable", id="damaged"),
        pytest.param(lambda: b"PK\x03\x04" + b"\0" * 200, 422, "malformed", id="no OFD"),
    ],
)
def test_documents_that_cannot_be_signed(
    api: Api, unit: list[dict[str, Any]], data: Callable[[], bytes], status: int, code: str
) -> None:
    name, content = api.make(signers=unit), data()
    headers = {"x-content-sm3": sm3(content).hex()}
    api.refused(status, code, "PUT", f"/signings/{name}/documents/1", content=content, headers=headers)
    assert api.ask("GET", f"/signings/{name}")["documents"] == []


def test_uploads_that_are_not_what_was_said(api: Api, unit: list[dict[str, Any]]) -> None:
    name = api.make(signers=unit)
    path, good = f"/signings/{name}/documents", {"x-content-sm3": sm3(pdf(1)).hex()}
    api.refused(422, "document_digest", "PUT", f"{path}/1", content=pdf(2), headers=good)
    api.refused(422, "signing_plan", "PUT", f"{path}/2", content=pdf(1), headers=good)
    api.refused(422, "signing_plan", "PUT", f"{path}/0", content=pdf(1), headers=good)
    for headers in (
        {},
        {"x-content-sm3": "0"},
        {**good, "x-file-name": "a%0Ab.pdf"},
        {**good, "x-file-name": "a%C2%ADb"},
    ):
        assert api.call("PUT", f"{path}/1", content=pdf(1), headers=headers).status_code == 400
    assert api.call("PUT", f"{path}/1", content=b"", headers=good).status_code == 400
    api.put(name, 1, pdf(1), "../../etc/合同.pdf")
    assert api.ask("GET", f"/signings/{name}")["documents"][0]["name"] == "合同.pdf"
    api.refused(422, "signing_plan", "PUT", f"{path}/2", content=pdf(1), headers=good)
    api.refused(404, "signing_unknown", "GET", f"{path}/2")


# -- places


UNPLACEABLE = [
    ("outside the page", [placing(1, 1, {**POINT, "x_mm": 205})], "stamp_outside"),
    ("no such page", [placing(1, 1, {**POINT, "page": 9})], "page_range"),
    ("no such keyword", [placing(1, 1, {"kind": "keyword", "text": "nowhere"})], "keyword_not_found"),
    ("a straddle on one page", [placing(1, 1, {"kind": "straddle"})], "straddle"),
    ("no such signer", [placing(2, 1)], "signing_plan"),
    ("no such document", [placing(1, 2)], "signing_plan"),
    ("a seal that was not ordered", [placing(1, 1, seal="finance")], "signing_plan"),
    ("twice", [placing(1, 1), placing(1, 1)], "signing_plan"),
]


def test_places_where_nothing_can_be_sealed(api: Api, unit: list[dict[str, Any]]) -> None:
    name = api.make(pdf(1), signers=unit)
    for why, placings, code in UNPLACEABLE:
        answer = api.call("PUT", f"/signings/{name}/plan", json={"placings": placings})
        assert (why, answer.status_code, answer.json()["code"]) == (why, 422, code)
    assert api.ask("GET", f"/signings/{name}")["state"] == "draft"
    api.refused(409, "signing_state", "POST", f"/signings/{name}/consent")


def test_a_document_or_a_seal_without_a_place(api: Api, town: Town) -> None:
    signers = [{"kind": "enterprise", "uscc": town.bidder.uscc, "seals": ["unit", "finance"]}]
    name = api.make(pdf(1), pdf(2), signers=signers)
    for placings in ([placing(1, 1), placing(1, 2)], [placing(1, 1), placing(1, 1, seal="finance")]):
        api.refused(422, "signing_plan", "PUT", f"/signings/{name}/plan", json={"placings": placings})


def test_a_new_document_voids_the_plan(api: Api, planned: str) -> None:
    api.put(planned, 1, pdf(2))
    view = api.ask("GET", f"/signings/{planned}")
    assert (view["state"], api.ask("GET", f"/signings/{planned}/plan")["placed"]) == ("draft", [])


def test_if_match_holds_until_the_work_is_done(api: Api, town: Town, planned: str) -> None:
    """Two who saw the same version: the second's work is refused, however close behind the first it comes."""
    seen = api.call("GET", f"/signings/{planned}")
    body, tag = {"placings": [placing(1, 1)]}, seen.headers["etag"]
    assert api.call("PUT", f"/signings/{planned}/plan", json=body, headers={"if-match": tag}).status_code == 200
    late = api.call("PUT", f"/signings/{planned}/plan", json=body, headers={"if-match": tag})
    assert (late.status_code, late.json()["title"]) == (412, "内容已有变化，请重新查询后再办理。")
    version, service, uscc = seen.json()["version"], api.service, town.bidder.uscc
    for act in (
        lambda: service.put_places(uscc, planned, (Placing(1, 1, (Point(1, 100, 100),)),), version=version),
        lambda: service.ask(uscc, planned, version=version),
    ):
        with pytest.raises(SigningStateError):
            act()
    assert api.ask("GET", f"/signings/{planned}")["state"] == "planned"


def test_what_overlaps_is_told(api: Api, town: Town) -> None:
    signers = [{"kind": "enterprise", "uscc": town.bidder.uscc, "seals": ["legal-representative", "unit"]}]
    name = api.make(pdf(1), signers=signers)
    plan = api.plan(name, placing(1, 1), placing(1, 1, seal="unit"))
    assert [[w["code"] for w in one["warnings"]] for one in plan["placed"]] == [[], ["overlap"]]
    api.refused(404, "signing_unknown", "GET", f"/signings/{name}/documents/1/pages/2")


# -- signing


def test_nobody_is_asked_twice(api: Api, planned: str) -> None:
    first = api.begin(planned)
    assert first["consent"]["url"].startswith("http")
    api.refused(409, "signing_state", "POST", f"/signings/{planned}/consent")
    api.refused(409, "signing_state", "PUT", f"/signings/{planned}/plan", json={"placings": [placing(1, 1)]})
    headers = {"x-content-sm3": sm3(pdf(2)).hex()}
    path = f"/signings/{planned}/documents/1"
    api.refused(409, "signing_state", "PUT", path, content=pdf(2), headers=headers)
    assert api.go_on(planned)["consent"] == first["consent"]


def test_a_refusal_on_the_wallet_ends_it(api: Api, town: Town, planned: str) -> None:
    town.refuse(api.begin(planned)["consent"]["url"])
    view = api.go_on(planned)
    assert (view["state"], view["code"], view["consent"]) == ("refused", "consent_refused", None)
    assert [use["outcome"] for use in api.ask("GET", f"/signings/{planned}/uses")] == ["refused"]
    api.refused(409, "signing_state", "POST", f"/signings/{planned}/consent")
    api.refused(409, "signing_state", "POST", f"/signings/{planned}/cancel")
    document = api.call("GET", f"/signings/{planned}/documents/1", params={"original": "true"})
    assert document.content == pdf(1)


def test_a_consent_that_lapsed_is_asked_for_again(api: Api, town: Town, planned: str, clock: Clock) -> None:
    api.begin(planned)
    clock.ahead["by"] = timedelta(minutes=11)
    try:
        lapsed = api.go_on(planned)
    finally:
        clock.ahead.clear()
    assert (lapsed["state"], lapsed["code"]) == ("ready", "consent_expired")
    town.confirm(api.begin(planned)["consent"]["url"])
    assert api.go_on(planned)["state"] == "completed"
    uses = api.ask("GET", f"/signings/{planned}/uses")
    assert {use["outcome"]: use["code"] for use in uses} == {"expired": "consent_expired", "sealed": ""}


def test_a_signing_that_took_too_long_is_over(session: Api, unit: list[dict[str, Any]], clock: Clock) -> None:
    api = token_of(session, days=30)
    name = api.make(pdf(1), signers=unit, days=1)
    api.plan(name, placing(1, 1))
    clock.ahead["by"] = timedelta(days=1, minutes=1)
    api.service.flow.tick()
    view = api.ask("GET", f"/signings/{name}")
    assert (view["state"], view["code"]) == ("expired", "signing_expired")
    api.refused(409, "signing_state", "POST", f"/signings/{name}/consent")


def test_a_signing_that_is_cancelled(api: Api, town: Town, planned: str) -> None:
    url = api.begin(planned)["consent"]["url"]
    view = api.ask("POST", f"/signings/{planned}/cancel")
    assert (view["state"], view["current"]) == ("cancelled", 0)
    town.confirm(url)
    assert api.go_on(planned)["state"] == "cancelled"
    assert [(use["outcome"], use["code"]) for use in api.ask("GET", f"/signings/{planned}/uses")] == [
        ("refused", "cancelled")
    ]


def test_an_attempt_that_fails_before_anybody_is_asked_is_entered(api: Api, town: Town) -> None:
    company = make_company(town)
    name = api.make(pdf(1), signers=[{"kind": "enterprise", "uscc": company.uscc}])
    api.plan(name, placing(1, 1))
    town.set_state(company.uscc, "cancelled")
    assert api.call("POST", f"/signings/{name}/consent").is_client_error
    view = api.ask("GET", f"/signings/{name}")
    assert (view["state"], view["consent"], view["documents"][0]["sm3"]) == ("ready", None, sm3(pdf(1)).hex())
    (use,) = api.ask("GET", f"/signings/{name}/uses")
    assert (use["outcome"], use["code"]) == ("failed", view["code"])


def test_too_many_requests_are_told_when_to_come_back(session: Api) -> None:
    api = token_of(session, "signings:read")
    first = api.call("GET", "/signings")
    assert first.headers["ratelimit-limit"] == "600"
    assert int(first.headers["ratelimit-remaining"]) <= 599
    assert 1 <= int(first.headers["ratelimit-reset"]) <= 60
    assert now().tzinfo is not None
