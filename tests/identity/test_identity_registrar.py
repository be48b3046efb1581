"""Registration, state and authorisation over HTTP, through the adapter that the others use."""

from typing import Any

import pytest
from identity_town import KINDS, PIN, Town

from identity.actor import AuthorisationState, parse_authorisation, verify_authorisation
from identity.errors import (
    AuthorisationUnknownError,
    CompanyUnknownError,
    LicencePlatformRefusedError,
    MalformedLicenceError,
    code_of,
    refusal,
)
from identity.licence import BusinessLicence, LicenceState, parse_licence, verify_licence
from identity.uscc import UnifiedSocialCreditCode
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.path import Purpose, verify_path
from signing.statement import complete_statement, prepare_statement


def test_registration_issues_licence_keys_seals_and_device(town: Town, company: dict[str, Any]) -> None:
    uscc = UnifiedSocialCreditCode(company["uscc"])
    answer = town.register.fetch_licence(uscc)
    face = parse_licence(answer.licence)
    assert (face.name, face.legal_representative) == ("仿真市第一建筑有限公司", "张三丰")
    assert list(face.texts())[:3] == ["统一社会信用代码", "名称", "类型"]
    assert len(face.texts()) == 12
    assert answer.state is LicenceState.ACTIVE
    assert answer.legal_representative.person == company["person"]
    assert [seal["kind"] for seal in company["seals"]] == list(KINDS)
    assert town.wallet.fetch_devices(uscc)[0].id == company["device"]


def test_certificates_are_dual_and_say_whose_they_are(town: Town, company: dict[str, Any]) -> None:
    ring = town.vault.ring(company["uscc"])
    unit = parse_certificate(ring.find("unit").certificate)
    encryption = parse_certificate(ring.find("unit-encryption").certificate)
    head = parse_certificate(ring.find("legal-representative").certificate)
    assert (unit.may_sign, unit.may_encrypt) == (True, False)
    assert (encryption.may_sign, encryption.may_encrypt) == (False, True)
    assert unit.subject_der == encryption.subject_der
    assert (head.title, head.common_name, head.person_id) == ("法定代表人", "张三丰", company["person"])
    assert {c.uscc_candidates[0] for c in (unit, encryption, head)} == {company["uscc"]}


def test_the_licence_verifies_and_only_as_this_units(town: Town, company: dict[str, Any], other: Any) -> None:
    trust = town.authority.trust()
    answer = town.register.fetch_licence(company["uscc"])
    facts = {"anchors": trust, "evidence": trust.evidence, "at": town.clock.at}
    assert verify_licence(answer.licence, uscc=company["uscc"], **facts).indication is Indication.TOTAL_PASSED
    assert verify_licence(answer.licence, uscc=other["uscc"], **facts).failed == ["licence-unit"]


def test_a_unit_cannot_make_itself_a_licence(town: Town, company: dict[str, Any]) -> None:
    face = parse_licence(town.register.fetch_licence(company["uscc"]).licence)
    unit = town.vault.find(f"unit:{company['uscc']}")
    statement = prepare_statement(face)
    forged = complete_statement(statement, town.vault.sign_with(unit.id, statement), unit.certificate)
    trust = town.authority.trust()
    verdict = verify_licence(forged, anchors=trust, evidence=trust.evidence, at=town.clock.at, uscc=company["uscc"])
    assert verdict.failed == ["licence-registrar"]


def test_the_maker_is_asked_with_the_units_own_certificates(town: Town, company: dict[str, Any]) -> None:
    asked = next(asked for asked in town.maker.asked if asked["uscc"] == company["uscc"])
    assert asked["unit_certificate"] == company["unit_certificate"]
    assert asked["representative_certificate"] == company["representative_certificate"]
    assert asked["legal_representative"] == "张三丰"
    assert asked["not_before"] < asked["not_after"]


def test_without_seals_there_is_no_registration(town: Town) -> None:
    town.maker.fails = True
    body = {"name": "没有印章有限公司", "legal_representative": "赵六", "pin": PIN}
    before = town.platform.register.read()
    town.post("/registrar/companies", body, expect="seal_maker_failed")
    assert town.platform.register.read() is before
    town.maker.fails = False
    town.post("/registrar/companies", body, expect=201)


def test_certificates_of_a_failed_registration_are_revoked(town: Town) -> None:
    town.maker.fails = True
    before = len(town.authority.trust().evidence.crls[1].revoked)
    body = {"name": "又没有印章有限公司", "legal_representative": "赵六", "pin": PIN}
    town.post("/registrar/companies", body, expect="seal_maker_failed")
    assert sum(len(crl.revoked) for crl in town.authority.trust().evidence.crls) == before + 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"name": "仿真市第一建筑有限公司"}, "company_exists", id="name taken"),
        pytest.param({"pin": "12345"}, "malformed_request", id="short password"),
        pytest.param({"name": ""}, "malformed_request", id="no name"),
        pytest.param({"name": "甲\u202e乙"}, "malformed_request", id="name that turns its direction"),
        pytest.param({"extra": 1}, "malformed_request", id="unknown field"),
        pytest.param({"established": "2026-02-30"}, "malformed_request", id="no such day"),
        pytest.param({"established": "2999-01-01"}, "malformed_request", id="established after approval"),
    ],
)
@pytest.mark.usefixtures("company")
def test_registrations_that_are_refused(town: Town, changes: dict[str, Any], code: str) -> None:
    body = {"name": "另一家有限公司", "legal_representative": "赵六", "pin": PIN} | changes
    before = town.platform.register.read()
    town.post("/registrar/companies", body, expect=code)
    assert town.platform.register.read() is before


def test_state_changes_are_answered_with_their_time(town: Town, other: dict[str, Any]) -> None:
    path = f"/registrar/licences/{other['uscc']}/state"
    town.post(path, {"state": "abnormal", "reason": "未年报"})
    answer = town.register.fetch_licence(other["uscc"])
    assert (answer.state, answer.state_since) == (LicenceState.ABNORMAL, town.clock.at)
    town.post(path, {"state": "active", "reason": "已移出"})
    town.post(path, {"state": "closed", "reason": "x"}, expect="malformed_request")


def test_an_authorisation_is_signed_by_the_legal_representative(town: Town, company: Any, agent: Any) -> None:
    answer = town.register.fetch_authorisation(agent["id"])
    granted = parse_authorisation(answer.authorisation)
    assert answer.state is AuthorisationState.ACTIVE
    assert (granted.person, granted.person_name, granted.granted_by) == (agent["person"], "王五", company["person"])
    assert list(granted.items) == sorted(granted.items)
    trust = town.authority.trust()
    facts = {"anchors": trust, "evidence": trust.evidence, "at": town.clock.at}
    good = verify_authorisation(answer.authorisation, granted_by=company["person"], **facts)
    assert good.indication is Indication.TOTAL_PASSED
    replaced = verify_authorisation(answer.authorisation, granted_by="P000000000000", **facts)
    assert replaced.failed == ["authorisation-grantor"]


def test_an_agents_certificate_is_theirs(town: Town, agent: Any) -> None:
    certificate = parse_certificate(town.vault.find(f"person:{agent['person']}").certificate)
    assert (certificate.common_name, certificate.title) == ("王五", "经办人")
    trust = town.authority.trust()
    verdict = verify_path(
        certificate, anchors=trust, evidence=trust.evidence, at=town.clock.at, purpose=Purpose.LICENCE
    )
    assert verdict.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"pin": "000000"}, "pin_wrong", id="not the legal representative's password"),
        pytest.param({"items": []}, "malformed_request", id="nothing authorised"),
        pytest.param({"items": ["everything"]}, "malformed_request", id="unknown item"),
        pytest.param({"items": ["register-device"]}, "malformed_request", id="not to be given away"),
        pytest.param({"not_after": "2020-01-01T00:00:00Z"}, "malformed_request", id="ends before it begins"),
        pytest.param({"not_before": "2026-01-01T00:00:00"}, "malformed_request", id="no time zone"),
        pytest.param({"uscc": "91350100M000100Y43"}, "company_unknown", id="unknown unit"),
        pytest.param({"uscc": "91350100M000100Y44"}, "company_unknown", id="no such code"),
        pytest.param({"person_pin": "1"}, "malformed_request", id="short password"),
    ],
)
def test_authorisations_that_are_refused(town: Town, company: Any, changes: dict[str, Any], code: str) -> None:
    body = {
        "uscc": company["uscc"],
        "person_name": "孙七",
        "items": ["login"],
        "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2027-01-01T00:00:00Z",
        "pin": PIN,
        "person_pin": PIN,
    } | changes
    before = town.platform.register.read()
    town.post("/registrar/authorisations", body, expect=code)
    assert town.platform.register.read() is before


def test_cancelling_needs_the_password_and_stays(town: Town, other: Any) -> None:
    granted = town.authorise(other["uscc"], "周八", ["login"])
    path = f"/registrar/authorisations/{granted['id']}/cancel"
    town.post(path, {"pin": "111111"}, expect="pin_wrong")
    assert town.register.fetch_authorisation(granted["id"]).state is AuthorisationState.ACTIVE
    town.post(path, {"pin": PIN})
    first = town.register.fetch_authorisation(granted["id"])
    town.clock.forward(seconds=5)
    town.post(path, {"pin": PIN})
    assert town.register.fetch_authorisation(granted["id"]) == first
    assert first.state is AuthorisationState.CANCELLED


def test_unknown_things_are_named(town: Town) -> None:
    with pytest.raises(CompanyUnknownError):
        town.register.fetch_licence("91350100M000100Y43")
    with pytest.raises(AuthorisationUnknownError):
        town.register.fetch_authorisation("A000000000000")


def test_codes_and_classes_lead_to_each_other() -> None:
    assert code_of(CompanyUnknownError) == "company_unknown"
    assert isinstance(refusal("company_unknown", "x"), CompanyUnknownError)
    strange = refusal("invented_later", "x")
    assert isinstance(strange, LicencePlatformRefusedError)
    assert strange.code == "invented_later"


def test_face_data_keep_their_days() -> None:
    with pytest.raises(MalformedLicenceError):
        BusinessLicence(1, "91350100M000100Y43", *["x"] * 4, "2026-13-01", *["x"] * 5, "2026-01-01")
