"""OFD beside PDF in one signing, by a unit and a natural person; and the forms of signature that platforms ask for."""

from pathlib import Path

import pytest
from ofd_paper import contract
from signings_world import Api, Person, placing
from workbench_world import Town, now, pdf

from bidding.verification import Question, judge_file
from signing.digests import sm3


def test_pdf_and_ofd_in_one_signing(api: Api, town: Town, person: Person, tmp_path: Path) -> None:
    ofd = contract(3).write(tmp_path / "contract.ofd").read_bytes()
    signers = [{"kind": "enterprise", "uscc": town.bidder.uscc}, {"kind": "person", "person": person.id}]
    name = api.make(pdf(1), signers=signers)
    view = api.put(name, 2, ofd, "合同.ofd")
    assert [(one["format"], one["pages"]) for one in view["documents"]] == [("pdf", 1), ("ofd", 3)]
    keyword = {"kind": "keyword", "text": "投标人（盖章）", "anchor": "right"}
    plan = api.plan(
        name,
        placing(1, 1),
        placing(1, 2, keyword, {"kind": "straddle"}),
        placing(2, 2, {"kind": "point", "page": -1, "x_mm": 40, "y_mm": 100}),
    )
    assert [(one["document"], len(one["stamps"]), len(one["pictures"])) for one in plan["placed"]] == [
        (1, 1, 1), (2, 4, 0), (2, 1, 0),
    ]  # fmt: skip
    api.refused(415, "document_format", "GET", f"/signings/{name}/documents/2/pages/1")
    first = api.begin(name)
    assert [file["name"] for file in first["consent"]["files"]] == ["文件1.pdf", "合同.ofd"]
    town.confirm(first["consent"]["url"])
    assert api.go_on(name)["state"] == "ready"
    town.confirm(api.begin(name)["consent"]["url"], person=person.id)
    view = api.go_on(name)
    assert (view["state"], [one["verdict"] for one in view["documents"]]) == ("completed", ["TOTAL-PASSED"] * 2)
    fetched = api.call("GET", f"/signings/{name}/documents/2")
    assert fetched.headers["content-type"] == "application/ofd"
    path = tmp_path / "sealed.ofd"
    path.write_bytes(fetched.content)
    judged = judge_file(path, Question(trust=town.outside.trust.anchors(), at=now())).as_json()
    assert (judged["indication"], len(judged["signatures"])) == ("TOTAL-PASSED", 2)


@pytest.mark.parametrize("profile", ["gm-cms", "pades", "pades-ses"])
def test_every_form_of_signature(api: Api, town: Town, profile: str) -> None:
    name = api.make(pdf(2), signers=[{"kind": "enterprise", "uscc": town.bidder.uscc}], profile=profile)
    api.plan(name, placing(1, 1, {"kind": "pages", "x_mm": 90, "y_mm": 90}))
    town.confirm(api.begin(name)["consent"]["url"])
    view = api.go_on(name)
    assert (view["state"], view["documents"][0]["verdict"]) == ("completed", "TOTAL-PASSED")
    assert [use["profile"] for use in api.ask("GET", f"/signings/{name}/uses")] == [profile]


def test_an_ofd_that_was_cut_short(api: Api, town: Town, tmp_path: Path) -> None:
    data = contract(1).write(tmp_path / "contract.ofd").read_bytes()[:-40]
    name = api.make(signers=[{"kind": "enterprise", "uscc": town.bidder.uscc}])
    headers = {"x-content-sm3": sm3(data).hex()}
    answer = api.call("PUT", f"/signings/{name}/documents/1", content=data, headers=headers)
    assert answer.status_code == 422
