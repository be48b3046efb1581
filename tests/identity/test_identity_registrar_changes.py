"""Changes of a registered unit, and the letters that tell the seal maker."""

from typing import Any

import pytest
from identity_town import KINDS, PIN, Town

from identity.licence import parse_licence
from signing.certificates import parse_certificate


def post(town: Town, company: dict[str, Any], what: str, body: dict[str, str], expect: int | str = 200) -> Any:
    return town.post(f"/registrar/licences/{company['uscc']}/{what}", body, expect=expect)


def letters(town: Town, cause: str) -> list[dict[str, Any]]:
    return [asked for asked in town.maker.asked if asked.get("cause") == cause]


def fresh(town: Town, name: str) -> dict[str, Any]:
    return town.open_company(name, "钱多多")


def test_a_new_representative_has_a_certificate_and_the_maker_hears_of_it(town: Town) -> None:
    company = fresh(town, "换人有限公司")
    post(town, company, "representative", {"legal_representative": "孙小美", "pin": PIN})
    answer = town.register.fetch_licence(company["uscc"])
    head = parse_certificate(answer.legal_representative.certificate)
    assert (parse_licence(answer.licence).legal_representative, head.common_name) == ("孙小美", "孙小美")
    assert answer.legal_representative.person != company["person"]
    (asked,) = letters(town, "representative-changed")
    assert asked["order"]["legal_representative"] == "孙小美"
    assert asked["order"]["unit_certificate"] == company["unit_certificate"]
    assert town.vault.find(f"legal-representative:{company['uscc']}").certificate == head.der
    gone = town.platform.register.read().person(company["person"])
    assert gone.credential != f"legal-representative:{company['uscc']}"


def test_the_old_representatives_certificate_is_revoked(town: Town) -> None:
    company = fresh(town, "撤证有限公司")
    before = sum(len(crl.revoked) for crl in town.authority.trust().evidence.crls)
    post(town, company, "representative", {"legal_representative": "孙小美", "pin": PIN})
    assert sum(len(crl.revoked) for crl in town.authority.trust().evidence.crls) == before + 1


def test_a_new_name_has_a_certificate_and_seals_of_their_own(town: Town) -> None:
    company = fresh(town, "旧名有限公司")
    post(town, company, "name", {"name": "新名有限公司"})
    answer = town.register.fetch_licence(company["uscc"])
    unit = parse_certificate(town.vault.find(f"unit:{company['uscc']}").certificate)
    assert (parse_licence(answer.licence).name, unit.organisation) == ("新名有限公司", "新名有限公司")
    (asked,) = [one for one in letters(town, "renamed") if one["order"]["uscc"] == company["uscc"]]
    assert asked["order"]["company"] == "新名有限公司"
    notes = town.platform.register.read().company(company["uscc"]).seals
    assert [note.kind for note in notes] == list(KINDS)
    assert not {note.number for note in notes} & {seal["number"] for seal in company["seals"]}


def test_a_taken_name_is_refused(town: Town) -> None:
    company = fresh(town, "先来有限公司")
    fresh(town, "后到有限公司")
    post(town, company, "name", {"name": "后到有限公司"}, expect="company_exists")
    assert parse_licence(town.register.fetch_licence(company["uscc"]).licence).name == "先来有限公司"


@pytest.mark.parametrize(("state", "cause"), [("revoked", "licence-revoked"), ("cancelled", "licence-cancelled")])
def test_the_maker_hears_of_a_licence_that_is_no_more(town: Town, state: str, cause: str) -> None:
    company = fresh(town, f"没了{state}有限公司")
    post(town, company, "state", {"state": state, "reason": "试验"})
    (asked,) = [one for one in letters(town, cause) if one["uscc"] == company["uscc"]]
    assert asked["reason"] == "试验"
    assert town.platform.register.read().letters == ()


def test_a_maker_that_is_away_hears_later_and_in_order(town: Town) -> None:
    first, second = fresh(town, "第一有限公司"), fresh(town, "第二有限公司")
    town.maker.fails = True
    post(town, first, "state", {"state": "revoked", "reason": "一"})
    assert len(town.platform.register.read().letters) == 1
    town.maker.fails = False
    post(town, second, "state", {"state": "revoked", "reason": "二"})
    assert [one["reason"] for one in letters(town, "licence-revoked")][-2:] == ["一", "二"]
    assert town.platform.register.read().letters == ()


def test_a_revoked_unit_changes_nothing_more(town: Town) -> None:
    company = fresh(town, "不再变更有限公司")
    post(town, company, "state", {"state": "revoked", "reason": "吊销"})
    post(town, company, "name", {"name": "想改名有限公司"}, expect="licence_revoked")
    body = {"legal_representative": "孙小美", "pin": PIN}
    post(town, company, "representative", body, expect="licence_revoked")


def test_a_short_password_of_the_new_representative_is_refused(town: Town) -> None:
    company = fresh(town, "短密码有限公司")
    body = {"legal_representative": "孙小美", "pin": "123"}
    post(town, company, "representative", body, expect="malformed_request")
    assert town.register.fetch_licence(company["uscc"]).legal_representative.person == company["person"]
