"""Login by e-licence: the ceremony over HTTP, every refusal, and the relying party's judgement."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_town import PIN, Town
from msgspec import structs

from identity.actor import Role
from identity.consent import parse_record
from identity.errors import (
    LoginUnknownError,
    MalformedConsentError,
    MalformedLoginError,
    TooManyPendingError,
)
from identity.login import LoginAssertion, SignedLogin, parse_assertion, verify_assertion
from identity.ports import Pending
from identity.sandbox.logins import MOST_WAITING
from signing import canonical
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.errors import VerdictError
from signing.statement import SignedStatement

AUDIENCE = "投标人工作台"


@pytest.fixture
def challenge() -> bytes:
    return os.urandom(32)


@pytest.fixture
def pending(town: Town, challenge: bytes) -> Pending:
    return town.wallet.request_login(audience=AUDIENCE, purpose="登录", challenge=challenge, number="42")


def body(company: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"person": company["person"], "uscc": company["uscc"], "pin": PIN, "number": "42"} | changes


def confirm(town: Town, pending: Pending, who: dict[str, Any]) -> SignedLogin:
    town.post(f"/wallet/logins/{pending.id}/confirm", who)
    answer = town.wallet.fetch_login(pending.id)
    assert answer.state == "confirmed"
    assert answer.assertion is not None
    return answer.assertion


def judge(town: Town, signed: SignedLogin, sent: bytes, uscc: str, **changes: Any) -> Any:
    trust = town.authority.trust()
    facts: dict[str, Any] = {
        "anchors": trust,
        "evidence": trust.evidence,
        "at": town.clock.at,
        "challenge": sent,
        "audience": AUDIENCE,
        "licence": town.register.fetch_licence(uscc),
    }
    return verify_assertion(signed, **(facts | changes))


def test_the_link_carries_only_a_one_time_reference(pending: Pending, town: Town) -> None:
    reference = pending.url.split("/")[-2]
    assert pending.url == f"http://wallet.test/wallet/logins/{reference}/page"
    assert len(bytes.fromhex(reference)) * 8 == 128
    assert reference != pending.id
    with pytest.raises(LoginUnknownError):  # who saw the QR code cannot poll with it
        town.wallet.fetch_login(reference)
    assert pending.expires_at == town.clock.at + timedelta(seconds=120)


def test_the_legal_representative_logs_in(town: Town, company: Any, pending: Pending, challenge: bytes) -> None:
    signed = confirm(town, pending, body(company))
    login = judge(town, signed, challenge, company["uscc"])
    actor = login.require()
    assert login.verdict.indication is Indication.TOTAL_PASSED
    assert (actor.person_name, actor.company, actor.role) == (
        "张三丰",
        "仿真市第一建筑有限公司",
        Role.LEGAL_REPRESENTATIVE,
    )


def test_the_agent_logs_in(town: Town, company: Any, agent: Any, pending: Pending, challenge: bytes) -> None:
    signed = confirm(town, pending, body(company, person=agent["person"]))
    assertion = parse_assertion(signed)
    assert (assertion.role, assertion.authorisation) == (Role.AGENT, agent["id"])
    granted = town.register.fetch_authorisation(agent["id"])
    assert judge(town, signed, challenge, company["uscc"], authorisation=granted).require().role is Role.AGENT
    unasked = judge(town, signed, challenge, company["uscc"])
    assert unasked.verdict.unknown == ["person-authority"]
    with pytest.raises(VerdictError):
        unasked.require()


def test_the_reference_of_the_link_confirms_too(town: Town, company: Any, pending: Pending) -> None:
    town.post(f"/wallet/logins/{pending.url.split('/')[-2]}/confirm", body(company))
    assert town.wallet.fetch_login(pending.id).state == "confirmed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"number": "43"}, "number_mismatch", id="another number"),
        pytest.param({"number": "4"}, "malformed_request", id="one digit"),
        pytest.param({"pin": "000000"}, "pin_wrong", id="wrong password"),
        pytest.param({"person": "P000000000000"}, "person_unknown", id="nobody"),
        pytest.param({"uscc": "91350100M000100Y43"}, "person_not_entitled", id="another unit"),
        pytest.param({"extra": True}, "malformed_request", id="unknown field"),
    ],
)
def test_refused_confirmations_leave_it_open(
    town: Town, company: Any, pending: Pending, changes: dict[str, Any], code: str
) -> None:
    town.post(f"/wallet/logins/{pending.id}/confirm", body(company, **changes), expect=code)
    assert town.wallet.fetch_login(pending.id).state == "pending"
    confirm(town, pending, body(company))


def test_a_login_works_once(town: Town, company: Any, pending: Pending) -> None:
    confirm(town, pending, body(company))
    town.post(f"/wallet/logins/{pending.id}/confirm", body(company), expect="login_used")
    town.post(f"/wallet/logins/{pending.id}/refuse", {"person": company["person"]}, expect="login_used")


def test_a_login_is_over_after_two_minutes(town: Town, company: Any, pending: Pending) -> None:
    town.clock.forward(seconds=121)
    assert town.wallet.fetch_login(pending.id).state == "expired"
    town.post(f"/wallet/logins/{pending.id}/confirm", body(company), expect="login_expired")
    town.clock.forward(minutes=20)
    town.wallet.request_login(audience=AUDIENCE, purpose="登录", challenge=os.urandom(32), number="11")
    town.post(f"/wallet/logins/{pending.id}/confirm", body(company), expect="login_unknown")


def test_a_refused_login_stays_refused(town: Town, company: Any, pending: Pending) -> None:
    town.post(f"/wallet/logins/{pending.id}/refuse", {"person": company["person"]})
    assert town.wallet.fetch_login(pending.id).state == "refused"
    town.post(f"/wallet/logins/{pending.id}/confirm", body(company), expect="login_refused")


def test_three_wrong_numbers_refuse_it(town: Town, company: Any, pending: Pending) -> None:
    for number in ("10", "11", "12"):
        town.post(f"/wallet/logins/{pending.id}/confirm", body(company, number=number), expect="number_mismatch")
    town.post(f"/wallet/logins/{pending.id}/confirm", body(company), expect="login_refused")


@pytest.mark.parametrize(("state", "code"), [("revoked", "licence_revoked"), ("cancelled", "licence_cancelled")])
def test_a_dead_licence_does_not_log_in(town: Town, other: Any, pending: Pending, state: str, code: str) -> None:
    path = f"/registrar/licences/{other['uscc']}/state"
    town.post(path, {"state": state, "reason": "试验"})
    town.post(f"/wallet/logins/{pending.id}/confirm", body(other), expect=code)
    town.post(path, {"state": "active", "reason": "试验完"})
    confirm(town, pending, body(other))


@pytest.mark.parametrize(
    ("items", "start", "code"),
    [
        pytest.param(["seal"], 0, "authorisation_missing_item", id="not for logins"),
        pytest.param(["login"], 1, "authorisation_not_started", id="from tomorrow"),
        pytest.param(["login"], -2, "authorisation_expired", id="until yesterday"),
    ],
)
def test_authorisations_that_do_not_log_in(town: Town, other: Any, items: list[str], start: int, code: str) -> None:
    pending = town.wallet.request_login(audience=AUDIENCE, purpose="登录", challenge=bytes(32), number="42")
    granted = town.authorise(other["uscc"], "吴九", items, start=timedelta(days=start), days=1)
    who = body(other, person=granted["person"])
    town.post(f"/wallet/logins/{pending.id}/confirm", who, expect=code)
    assert town.wallet.fetch_login(pending.id).state == "pending"


def test_a_cancelled_authorisation_does_not_log_in(town: Town, other: Any, pending: Pending) -> None:
    granted = town.authorise(other["uscc"], "吴九", ["login"])
    town.post(f"/registrar/authorisations/{granted['id']}/cancel", {"pin": PIN})
    who = body(other, person=granted["person"])
    town.post(f"/wallet/logins/{pending.id}/confirm", who, expect="authorisation_cancelled")


def test_the_relying_party_notices(town: Town, company: Any, other: Any, pending: Pending, challenge: bytes) -> None:
    signed = confirm(town, pending, body(company))
    uscc = company["uscc"]
    stranger = town.register.fetch_licence(other["uscc"])
    by_person = structs.replace(signed.assertion, certificate=signed.certificate)
    cases: list[tuple[SignedLogin, dict[str, Any], str]] = [
        (signed, {"challenge": os.urandom(32)}, "login-challenge"),
        (signed, {"audience": "别的系统"}, "login-audience"),
        (signed, {"at": town.clock.at + timedelta(seconds=121)}, "login-fresh"),
        (signed, {"at": town.clock.at - timedelta(seconds=6)}, "login-fresh"),
        (signed, {"licence": stranger}, "licence-unit"),
        (structs.replace(signed, signature=signed.assertion.signature), {}, "person-signature"),
        (structs.replace(signed, certificate=signed.assertion.certificate), {}, "person-identity"),
        (
            structs.replace(signed, assertion=by_person),
            {},
            "login-unit",
        ),
        (structs.replace(signed, certificate=b"0"), {}, "person-certificate"),
        (structs.replace(signed, assertion=structs.replace(signed.assertion, certificate=b"0")), {}, "login-unit"),
        (structs.replace(signed, assertion=structs.replace(signed.assertion, statement=b"{}")), {}, "login-form"),
    ]
    for changed, facts, name in cases:
        login = judge(town, changed, challenge, uscc, **facts)
        assert name in login.verdict.failed
        with pytest.raises(VerdictError):
            login.require()


def test_subject_state_at_login_is_the_registers_answer(
    town: Town, other: Any, pending: Pending, challenge: bytes
) -> None:
    signed = confirm(town, pending, body(other))
    path = f"/registrar/licences/{other['uscc']}/state"
    town.post(path, {"state": "revoked", "reason": "试验"})
    login = judge(town, signed, challenge, other["uscc"])
    town.post(path, {"state": "active", "reason": "试验完"})
    assert login.verdict.failed == ["subject-state"]
    assert [c.code for c in login.verdict.checks if c.name == "subject-state"] == ["licence_revoked"]


def test_a_revoked_certificate_does_not_log_in(town: Town, challenge: bytes) -> None:
    unit = town.open_company("吊销证书有限公司", "钱二")
    pending = town.wallet.request_login(audience=AUDIENCE, purpose="登录", challenge=challenge, number="42")
    signed = confirm(town, pending, body(unit))
    certificate = town.vault.find(f"legal-representative:{unit['uscc']}").certificate
    serial = parse_certificate(certificate).serial
    town.authority.revoke(serial, "keyCompromise", town.clock.at - timedelta(seconds=1))
    assert judge(town, signed, challenge, unit["uscc"]).verdict.failed == ["revocation"]


def test_too_many_waiting_logins_are_refused(town: Town) -> None:
    def ask() -> None:
        town.wallet.request_login(audience=AUDIENCE, purpose="登录", challenge=os.urandom(32), number="42")

    for _ in range(MOST_WAITING):
        ask()
    with pytest.raises(TooManyPendingError):
        ask()
    town.clock.forward(minutes=3)
    ask()


def assertion(**changes: Any) -> LoginAssertion:
    fields: dict[str, Any] = {
        "v": 1,
        "audience": AUDIENCE,
        "purpose": "登录",
        "challenge": bytes(32),
        "uscc": "91350100M000100Y43",
        "company": "甲",
        "person": "P1",
        "person_name": "乙",
        "role": Role.AGENT,
        "authorisation": "A1",
        "at": datetime(2026, 9, 1, tzinfo=UTC),
        "nonce": "0" * 32,
    }
    return LoginAssertion(**(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"role": Role.LEGAL_REPRESENTATIVE}, id="representative with an authorisation"),
        pytest.param({"authorisation": "legal-representative"}, id="agent without one"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedLoginError):
        assertion(**changes)


def test_a_login_is_never_a_consent() -> None:
    data = canonical.encode(assertion())
    assert canonical.decode(data, LoginAssertion) == assertion()
    with pytest.raises(MalformedConsentError):
        parse_record(data)


@given(st.binary(max_size=200))
def test_noise_is_no_login(noise: bytes) -> None:
    signed = SignedLogin(1, SignedStatement(1, noise, b"", b""), b"", b"")
    with pytest.raises(MalformedLoginError):
        parse_assertion(signed)
