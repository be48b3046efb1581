"""A business system has two documents signed by a unit and a natural person, without a browser (issue 4, shown by)."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from signings_world import Api, Listener, Person, assemble, open_api, placing, token_of
from sqlalchemy import text as text_of
from standardwebhooks import Webhook, WebhookVerificationError
from workbench_world import Town, now, pdf

from bidding.verification import Question, judge_file
from signing.digests import sm3

SEALS = ["legal-representative", "contract"]
LAST = {"kind": "point", "page": -1, "x_mm": 60, "y_mm": 60, "corner": "bottom-right"}
BESIDE = {"kind": "keyword", "text": "party", "occurrence": "last", "anchor": "right"}


def order(town: Town, person: Person) -> dict[str, Any]:
    signers = [
        {"kind": "enterprise", "uscc": town.bidder.uscc, "seals": SEALS},
        {"kind": "person", "person": person.id, "name": person.name},
    ]
    return {"title": "采购合同及廉洁承诺书", "signers": signers, "reference": "CG-2026-001"}


def confirm_all(api: Api, town: Town, name: str, person: Person) -> list[dict[str, Any]]:
    """Let everybody confirm on the wallet, one after the other; answers what each was shown."""
    shown = []
    view = api.begin(name)
    while view["state"] != "completed":
        shown.append(view["consent"])
        town.confirm(view["consent"]["url"], person=person.id if view["current"] == 2 else "")
        view = api.go_on(name)
        if view["state"] == "ready":
            view = api.begin(name)
    return shown


def test_a_unit_and_a_person_sign_two_documents(
    api: Api, town: Town, person: Person, listener: Listener, tmp_path: Path
) -> None:
    hook = api.ask("POST", "/webhooks", expect=201, json={"url": listener.url})
    documents = [pdf(3, "party"), pdf(2, "promise")]
    name = api.ask("POST", "/signings", expect=201, json=order(town, person))["id"]
    for number, data in enumerate(documents, 1):
        view = api.put(name, number, data, f"文件{number}.pdf")
    assert [(d["number"], d["pages"], d["sm3"]) for d in view["documents"]] == [
        (number, pages, sm3(data).hex()) for (number, pages), data in zip(((1, 3), (2, 2)), documents, strict=True)
    ]

    plan = api.plan(
        name,
        placing(1, 1, BESIDE, {"kind": "straddle"}, seal="contract"),
        placing(1, 1, LAST, seal="legal-representative"),
        placing(1, 2, LAST, seal="contract"),
        placing(2, 2, {"kind": "pages", "x_mm": 50, "y_mm": 80}),
    )
    told = {(one["signer"], one["seal"], one["document"]): len(one["stamps"]) for one in plan["placed"]}
    assert told == {
        (1, "legal-representative", 1): 1,
        (1, "contract", 1): 4,
        (1, "contract", 2): 1,
        (2, "personal", 2): 2,
    }
    picture = plan["placed"][0]["pictures"][0]["url"].removeprefix("/api/v1")
    assert api.ask("GET", picture)[:8] == b"\x89PNG\r\n\x1a\n"

    shown = confirm_all(api, town, name, person)
    assert [(one["seal"], [file["name"] for file in one["files"]]) for one in shown] == [
        ("legal-representative", ["文件1.pdf"]),
        ("contract", ["文件1.pdf", "文件2.pdf"]),
        ("personal", ["文件2.pdf"]),
    ]

    view = api.ask("GET", f"/signings/{name}")
    assert (view["state"], view["current"], view["consent"]) == ("completed", 0, None)
    for document, seals in zip(view["documents"], (2, 2), strict=True):
        answer = api.call("GET", f"/signings/{name}/documents/{document['number']}")
        assert answer.headers["x-content-sm3"] == sm3(answer.content).hex() == document["current_sm3"]
        assert answer.headers["x-verdict"] == document["verdict"] == "TOTAL-PASSED"
        path = tmp_path / f"{document['number']}.pdf"
        path.write_bytes(answer.content)
        judged = judge_file(path, Question(trust=town.outside.trust.anchors(), at=now())).as_json()
        assert (judged["indication"], len(judged["signatures"]), document["seals"]) == ("TOTAL-PASSED", seals, seals)
        original = api.ask("GET", f"/signings/{name}/documents/{document['number']}", params={"original": "true"})
        assert original == documents[document["number"] - 1]

    uses = api.ask("GET", f"/signings/{name}/uses")
    assert [(use["kind"], use["outcome"], use["file"]) for use in uses] == [
        ("legal-representative", "sealed", "文件1.pdf"),
        ("contract", "sealed", "文件1.pdf"),
        ("contract", "sealed", "文件2.pdf"),
        ("personal", "sealed", "文件2.pdf"),
    ]

    api.service.webhooks.tick()
    events = [Webhook(hook["secret"]).verify(body, headers) for headers, body in listener.seen]
    assert sorted(event["type"] for event in events) == ["document.sealed"] * 4 + ["signing.completed"]
    (done,) = [event["data"] for event in events if event["type"] == "signing.completed"]
    assert (done["signing"], done["reference"]) == (name, "CG-2026-001")
    assert [one["sm3"] for one in done["documents"]] == [document["current_sm3"] for document in view["documents"]]
    headers, body = listener.seen[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(hook["secret"]).verify(body.replace(b"sealed", b"SEALED"), headers)


def test_a_signing_goes_on_in_another_process(session: Api, town: Town, person: Person) -> None:
    """What was asked of the wallet before a restart is used after it; the token of before still holds."""
    before = token_of(session)
    signers = [{"kind": "person", "person": person.id}]
    name = before.make(pdf(1), signers=signers)
    before.plan(name, placing(1, 1))
    url = before.begin(name)["consent"]["url"]
    town.confirm(url, person=person.id)
    after = assemble(session.service.desk, town)
    after.flow.sweep()
    after.flow.tick()
    with open_api(after, town) as opened:
        view = opened.as_(before.token).ask("GET", f"/signings/{name}")
    assert (view["state"], view["documents"][0]["verdict"]) == ("completed", "TOTAL-PASSED")


def test_signatures_that_take_several_requests_are_all_kept(
    api: Api, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many documents with a large seal: what one request brought is kept before the next is made."""
    monkeypatch.setattr("bidding.workbench.seal_files._REQUEST", 1)  # so that every document takes one of its own
    unit = {"kind": "enterprise", "uscc": town.bidder.uscc}
    name = api.make(pdf(1, "one"), pdf(1, "two"), pdf(1, "three"), signers=[unit])
    api.plan(name, *(placing(1, number) for number in (1, 2, 3)))
    town.confirm(api.begin(name)["consent"]["url"])
    view = api.go_on(name)
    assert (view["state"], view["code"]) == ("completed", "")
    assert {one["verdict"] for one in view["documents"]} == {"TOTAL-PASSED"}


def test_nothing_plain_is_left_by_a_crash(api: Api, town: Town) -> None:
    """Plain working copies go at the next start; what cannot be carried on holds up nobody else."""
    service, unit = api.service, {"kind": "enterprise", "uscc": town.bidder.uscc}
    left = service.desk.shelf.work / "tmpcrash" / "1"
    left.parent.mkdir(parents=True)
    left.write_bytes(pdf(1))
    service.flow.sweep()
    assert not left.exists()
    both = []
    for text in ("one", "two"):
        name = api.make(pdf(1, text), signers=[unit])
        api.plan(name, placing(1, 1))
        both.append((name, api.begin(name)["consent"]["url"]))
    for _, url in both:
        town.confirm(url)
    with service.desk.engine.connect() as found:
        objects = found.execute(text_of("SELECT object FROM seal_batch_files")).scalars().all()
    root = service.desk.shelf.intake.root
    torn = next(path for path in root.rglob("*") if path.name == objects[0])
    torn.unlink()
    service.flow.tick()
    states = [api.ask("GET", f"/signings/{name}")["state"] for name, _ in both]
    assert sorted(states) == ["completed", "sealing"]


def test_a_change_is_waited_for_and_told_by_its_etag(api: Api, town: Town) -> None:
    name = api.make(pdf(1), signers=[{"kind": "enterprise", "uscc": town.bidder.uscc}])
    first = api.call("GET", f"/signings/{name}")
    same = api.call("GET", f"/signings/{name}", headers={"if-none-match": first.headers["etag"]}, params={"wait": 1})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    api.plan(name, placing(1, 1))
    changed = api.call("GET", f"/signings/{name}", headers={"if-none-match": first.headers["etag"]}, params={"wait": 9})
    assert (changed.status_code, changed.json()["state"]) == (200, "planned")
    stale = api.call("POST", f"/signings/{name}/consent", headers={"if-match": first.headers["etag"]})
    assert stale.status_code == 412
    assert api.ask("GET", f"/signings/{name}")["state"] == "planned"


def test_the_same_request_is_done_once(api: Api, town: Town) -> None:
    body = {"title": "合同", "signers": [{"kind": "enterprise", "uscc": town.bidder.uscc}]}
    key = {"idempotency-key": hashlib.sha256(b"one").hexdigest()}
    one = api.call("POST", "/signings", json=body, headers=key)
    again = api.call("POST", "/signings", json=body, headers=key)
    assert (one.status_code, again.status_code, again.json()) == (201, 201, one.json())
    assert again.headers["idempotency-replayed"] == "true"
    api.refused(409, "idempotency_key", "POST", "/signings", json={**body, "title": "别的合同"}, headers=key)
    api.refused(409, "idempotency_key", "POST", "/signings", json=body, headers={"idempotency-key": "x" * 300})
    assert len(api.ask("GET", "/signings")) == 1

    name = one.json()["id"]
    api.put(name, 1, pdf(1))
    api.plan(name, placing(1, 1))
    start = {"idempotency-key": "start"}
    asked = api.call("POST", f"/signings/{name}/consent", headers=start)
    assert api.call("POST", f"/signings/{name}/consent", headers=start).json() == asked.json()
    api.refused(409, "signing_state", "POST", f"/signings/{name}/consent", headers={"idempotency-key": "second"})


def test_the_interface_is_described(api: Api) -> None:
    root = str(api.http.base_url).removesuffix("/api/v1/")
    schema = httpx.get(f"{root}/schema/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    own = {
        path: methods
        for path, methods in schema["paths"].items()
        if path.startswith(("/api/v1/signings", "/api/v1/tokens", "/api/v1/webhooks"))
    }
    assert len(own) == 16
    for path, methods in own.items():
        for method, told in methods.items():
            codes = set(told["responses"])
            assert {"401", "403", "429"} <= codes, (method, path)
            assert told["security"] == [{"bearer": []}], (method, path)
            assert "{" not in path or "404" in codes, (method, path)
