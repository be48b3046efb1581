"""Consents on the wallet over HTTP: confirm, refuse, redeem, release; every refusal, and that nothing changed."""

import base64
import os
from datetime import timedelta
from typing import Any

import pytest
from identity_town import PIN, Confirm, MakeRecord, Town, seal_number
from msgspec import structs

from identity.consent import ConsentFile, ConsentRecord, SignedConsent, consent_sm3, encode_record
from identity.errors import (
    AuthorisationExpiredError,
    AuthorisationMissingItemError,
    AuthorisationNotStartedError,
    ConsentDiffersError,
    ConsentExpiredError,
    ConsentUnknownError,
    ConsentUsedError,
    DeviceUnknownError,
    DigestNotListedError,
    IdentityError,
    LicenceRevokedError,
    PersonNotEntitledError,
    SealMismatchError,
    StatementNotAllowedError,
    TooManyPendingError,
    WrapUnopenableError,
)
from identity.sandbox.consents import MOST_WAITING
from identity.sandbox.devices import DeviceCertificate
from identity.sandbox.platform import Wallet, open_platform
from signing import sm2
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.digests import sm3
from signing.path import Purpose
from signing.statement import parse_statement, verify_statement

SUBMIT = b'{"act":"submit","v":1}'


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signed(town: Town, consent: str) -> SignedConsent:
    found = town.wallet.fetch_consent(consent).signed
    assert found is not None
    return found


def act(data: bytes = SUBMIT) -> dict[str, str]:
    return {"kind": "act", "to_be_signed": b64(data)}


def ses(digest: str, consent: str, seal: str) -> dict[str, str]:
    return {"kind": "ses", "to_be_signed": b64(b"\x30" + f"{digest}|{consent}|{seal}".encode())}


def cms(digest: str) -> dict[str, str]:
    return {"kind": "cms", "to_be_signed": b64(b"\x31" + digest.encode())}


def redeem(
    town: Town, consent: str, record: ConsentRecord, *statements: dict[str, str], key: str = "unit", **more: Any
) -> Any:
    body = {"credential": f"{key}:{record.uscc}", "statements": list(statements)}
    return town.post(f"/wallet/consents/{consent}/redeem", body, **more)


# -- asking


def test_the_link_carries_only_a_reference(town: Town, make_record: MakeRecord) -> None:
    pending = town.wallet.request_consent(encode_record(make_record()))
    reference = pending.url.split("/")[-2]
    assert len(bytes.fromhex(reference)) == 16
    assert reference != pending.id
    with pytest.raises(ConsentUnknownError):
        town.wallet.fetch_consent(reference)
    assert town.wallet.fetch_consent(pending.id).state == "pending"


def test_requests_that_are_refused(town: Town, make_record: MakeRecord, company: Any, other: Any, agent: Any) -> None:
    own = seal_number(company, "legal-representative")
    by_agent = {"person": agent["person"], "person_name": "王五", "authorisation": agent["id"]}
    late = town.clock.at - timedelta(minutes=6)
    early = town.clock.at + timedelta(minutes=2)
    cases: list[tuple[dict[str, Any], type[IdentityError]]] = [
        ({"company": "仿真市第二建筑有限公司"}, ConsentDiffersError),
        ({"person_name": "张三"}, ConsentDiffersError),
        ({"not_before": late, "not_after": late + timedelta(minutes=5)}, ConsentExpiredError),
        ({"not_before": early, "not_after": early + timedelta(minutes=5)}, ConsentDiffersError),
        ({"seal": seal_number(other, "unit")}, SealMismatchError),
        ({**by_agent, "seal": own}, PersonNotEntitledError),
        ({"person": agent["person"], "person_name": "王五"}, PersonNotEntitledError),
        ({"authorisation": agent["id"]}, PersonNotEntitledError),
        ({**by_agent, "act": "publish"}, AuthorisationMissingItemError),
        ({**by_agent, "act": "register-device"}, AuthorisationMissingItemError),
        ({"person": other["person"], "person_name": "李四光"}, PersonNotEntitledError),
    ]
    for changes, error in cases:
        with pytest.raises(error):
            town.wallet.request_consent(encode_record(make_record(**changes)))
    town.post("/wallet/consents", {"record": b64(b"{}")}, expect="malformed_request")
    town.post("/wallet/consents", {"record": "?"}, expect="malformed_request")


def test_the_same_record_is_asked_for_once(town: Town, make_record: MakeRecord) -> None:
    data = encode_record(make_record())
    town.wallet.request_consent(data)
    with pytest.raises(ConsentUsedError):
        town.wallet.request_consent(data)


def test_too_many_waiting_consents_are_refused(town: Town, make_record: MakeRecord) -> None:
    for _ in range(MOST_WAITING):
        town.wallet.request_consent(encode_record(make_record()))
    with pytest.raises(TooManyPendingError):
        town.wallet.request_consent(encode_record(make_record()))


# -- confirming


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"pin": "000000"}, "pin_wrong", id="wrong password"),
        pytest.param({"person": "P000000000000"}, "person_not_entitled", id="somebody else"),
        pytest.param({"person": "?"}, "malformed_request", id="no person id"),
    ],
)
def test_refused_confirmations_leave_it_pending(
    town: Town, make_record: MakeRecord, changes: dict[str, Any], code: str
) -> None:
    record = make_record()
    pending = town.wallet.request_consent(encode_record(record))
    body = {"person": record.person, "pin": PIN}
    town.post(f"/wallet/consents/{pending.id}/confirm", body | changes, expect=code)
    answer = town.wallet.fetch_consent(pending.id)
    assert (answer.state, answer.signed) == ("pending", None)
    town.post(f"/wallet/consents/{pending.id}/confirm", body)
    town.post(f"/wallet/consents/{pending.id}/confirm", body, expect="consent_used")


def test_a_refused_consent_stays_refused(town: Town, make_record: MakeRecord) -> None:
    record = make_record()
    pending = town.wallet.request_consent(encode_record(record))
    town.post(f"/wallet/consents/{pending.id}/refuse", {"person": "P1"}, expect="person_not_entitled")
    town.post(f"/wallet/consents/{pending.id}/refuse", {"person": record.person})
    body = {"person": record.person, "pin": PIN}
    town.post(f"/wallet/consents/{pending.id}/confirm", body, expect="consent_refused")
    redeem(town, pending.id, record, act(), expect="consent_refused")
    assert town.wallet.fetch_consent(pending.id).state == "refused"


def test_an_expired_consent_is_of_no_use(town: Town, make_record: MakeRecord, confirm: Confirm) -> None:
    record = make_record((SUBMIT,), act="submit")
    pending = town.wallet.request_consent(encode_record(record))
    confirmed = confirm(make_record((SUBMIT,), act="submit"))
    town.clock.forward(minutes=5, seconds=1)
    body = {"person": record.person, "pin": PIN}
    town.post(f"/wallet/consents/{pending.id}/confirm", body, expect="consent_expired")
    redeem(town, confirmed, record, act(), expect="consent_expired")
    assert [town.wallet.fetch_consent(c).state for c in (pending.id, confirmed)] == ["expired", "expired"]


@pytest.mark.parametrize(("state", "code"), [("revoked", "licence_revoked"), ("cancelled", "licence_cancelled")])
def test_a_dead_licence_neither_asks_confirms_nor_redeems(
    town: Town, make_record: MakeRecord, confirm: Confirm, state: str, code: str
) -> None:
    record = make_record((SUBMIT,), act="submit")
    confirmed = confirm(record)
    pending = town.wallet.request_consent(encode_record(make_record()))
    path = f"/registrar/licences/{record.uscc}/state"
    town.post(path, {"state": state, "reason": "试验"})
    town.post("/wallet/consents", {"record": b64(encode_record(make_record()))}, expect=code)
    body = {"person": record.person, "pin": PIN}
    town.post(f"/wallet/consents/{pending.id}/confirm", body, expect=code)
    redeem(town, confirmed, record, act(), expect=code)
    town.post(path, {"state": "active", "reason": "试验完"})
    redeem(town, confirmed, record, act())


def test_an_authorisation_must_run_when_confirmed_and_when_redeemed(
    town: Town, make_record: MakeRecord, confirm: Confirm, company: Any
) -> None:
    granted = town.authorise(company["uscc"], "郑十", ["submit"], days=10)
    by = {"person": granted["person"], "person_name": "郑十", "authorisation": granted["id"], "act": "submit"}
    one, two = make_record((SUBMIT,), **by), make_record((b'{"act":"submit","v":2}',), **by)
    confirmed = confirm(one)
    pending = town.wallet.request_consent(encode_record(two))
    town.post(f"/registrar/authorisations/{granted['id']}/cancel", {"pin": PIN})
    body = {"person": granted["person"], "pin": PIN}
    town.post(f"/wallet/consents/{pending.id}/confirm", body, expect="authorisation_cancelled")
    redeem(town, confirmed, one, act(), expect="authorisation_cancelled")
    assert town.wallet.fetch_consent(confirmed).state == "confirmed"


def test_an_authorisation_that_ends_while_a_consent_is_under_way(
    town: Town, make_record: MakeRecord, confirm: Confirm, company: Any
) -> None:
    granted = town.authorise(company["uscc"], "郑十", ["submit"], days=1 / 1440)
    by = {"person": granted["person"], "person_name": "郑十", "authorisation": granted["id"], "act": "submit"}
    record = make_record((SUBMIT,), **by)
    confirmed = confirm(record)
    town.clock.forward(minutes=2)
    redeem(town, confirmed, record, act(), expect="authorisation_expired")
    with pytest.raises(AuthorisationExpiredError):
        town.wallet.request_consent(encode_record(make_record((b"x",), **by)))


def test_an_authorisation_that_has_not_begun(town: Town, make_record: MakeRecord, company: Any) -> None:
    granted = town.authorise(company["uscc"], "郑十", ["submit"], start=timedelta(days=1))
    by = {"person": granted["person"], "person_name": "郑十", "authorisation": granted["id"], "act": "submit"}
    with pytest.raises(AuthorisationNotStartedError):
        town.wallet.request_consent(encode_record(make_record((SUBMIT,), **by)))


# -- passwords


def test_five_wrong_passwords_lock_for_five_minutes(town: Town, make_record: MakeRecord) -> None:
    unit = town.open_company("忘记密码有限公司", "冯一")
    changes = {
        "uscc": unit["uscc"],
        "company": "忘记密码有限公司",
        "person": unit["person"],
        "person_name": "冯一",
        "seal": seal_number(unit, "unit"),
        "not_after": town.clock.at + timedelta(minutes=10),
    }
    path = f"/wallet/consents/{town.wallet.request_consent(encode_record(make_record(**changes))).id}/confirm"
    wrong, right = {"person": unit["person"], "pin": "000000"}, {"person": unit["person"], "pin": PIN}
    for left in (4, 3, 2, 1):
        assert f"还可再试 {left} 次" in town.post(path, wrong, expect="pin_wrong")["detail"]
    town.post(path, wrong, expect="pin_locked")
    town.post(path, right, expect="pin_locked")
    town.clock.forward(minutes=4, seconds=59)
    town.post(path, right, expect="pin_locked")
    town.clock.forward(seconds=1)
    town.post(path, wrong, expect="pin_wrong")
    town.post(path, right)


def test_passwords_are_not_kept(town: Town, company: Any) -> None:
    assert company["person"].encode() in (town.folder / "platform" / "pins.json").read_bytes()
    for file in town.folder.rglob("*"):
        assert file.is_dir() or PIN.encode() not in file.read_bytes()


# -- redeeming


def test_every_digest_is_redeemed_once(town: Town, make_record: MakeRecord, confirm: Confirm) -> None:
    other_act = b'{"act":"submit","v":2}'
    record = make_record((SUBMIT, other_act), act="submit")
    consent = confirm(record)
    answer = redeem(town, consent, record, act())
    assert answer == {"state": "confirmed", "consent_sm3": consent_sm3(signed(town, consent)).hex()}
    redeem(town, consent, record, act(), expect="consent_used")
    redeem(town, consent, record, act(other_act), act(), expect="consent_used")  # all or nothing
    assert redeem(town, consent, record, act(other_act))["state"] == "used"
    assert town.wallet.fetch_consent(consent).state == "used"
    redeem(town, consent, record, act(other_act), expect="consent_used")


def test_one_call_cannot_redeem_a_digest_twice(town: Town, make_record: MakeRecord, confirm: Confirm) -> None:
    record = make_record((SUBMIT,), act="submit")
    consent = confirm(record)
    redeem(town, consent, record, act(), act(), expect="consent_used")
    redeem(town, consent, record, act())


def test_an_unconfirmed_consent_is_not_redeemed(town: Town, make_record: MakeRecord) -> None:
    record = make_record((SUBMIT,), act="submit")
    pending = town.wallet.request_consent(encode_record(record))
    redeem(town, pending.id, record, act(), expect="consent_not_confirmed")
    redeem(town, pending.url.split("/")[-2], record, act(), expect="consent_unknown")


@pytest.mark.parametrize(
    ("act_name", "statement", "code"),
    [
        pytest.param("submit", act(b'{"act":"submit","v":3}'), "digest_not_listed", id="other content"),
        pytest.param("submit", act(b'{"act":"withdraw","v":1}'), "statement_not_allowed", id="another act"),
        pytest.param("submit", act(b'{"v":1}'), "statement_not_allowed", id="no act"),
        pytest.param("submit", act(b'{"act":"submit","type":"login"}'), "statement_not_allowed", id="a login"),
        pytest.param("record", act(b'{"type":"consent"}'), "statement_not_allowed", id="a consent"),
        pytest.param("record", act(b'{"type":"device"}'), "statement_not_allowed", id="a device certificate"),
        pytest.param("publish", act(b'{"type":"authorisation"}'), "statement_not_allowed", id="an authorisation"),
        pytest.param("submit", act(b"[]"), "statement_malformed", id="no object"),
        pytest.param("submit", act(b"{"), "statement_malformed", id="no JSON"),
        pytest.param("submit", cms("00" * 32), "statement_not_allowed", id="cms under submit"),
        pytest.param("pack", act(), "statement_not_allowed", id="act under pack"),
        pytest.param("submit", ses("00" * 32, "", ""), "statement_not_allowed", id="seal under submit"),
        pytest.param("pack", {"kind": "cms", "to_be_signed": b64(b"0")}, "statement_malformed", id="not a SET"),
        pytest.param("seal", act(), "statement_not_allowed", id="act under seal"),
        pytest.param("seal", {"kind": "ses", "to_be_signed": b64(b"\x30")}, "statement_malformed", id="no TBS_Sign"),
        pytest.param("submit", {"kind": "raw", "to_be_signed": ""}, "malformed_request", id="unknown kind"),
    ],
)
def test_statements_that_are_refused(  # noqa: PLR0917 - three fixtures and a row of the table
    town: Town, make_record: MakeRecord, confirm: Confirm, act_name: str, statement: dict[str, str], code: str
) -> None:
    contents = base64.b64decode(statement["to_be_signed"])
    listed = (SUBMIT,) if code == "digest_not_listed" else (contents,)
    record = make_record(listed, act=act_name)
    consent = confirm(record)
    redeem(town, consent, record, statement, expect=code)
    assert town.wallet.fetch_consent(consent).state == "confirmed"


@pytest.mark.parametrize("act_name", ["publish", "record"])
def test_data_without_an_act_of_its_own(town: Town, make_record: MakeRecord, confirm: Confirm, act_name: str) -> None:
    record = make_record((b'{"section":"S-1"}',), act=act_name)
    redeem(town, confirm(record), record, act(b'{"section":"S-1"}'))


def test_the_bundle_is_signed_as_cms(town: Town, make_record: MakeRecord, confirm: Confirm, agent: Any) -> None:
    by = {"person": agent["person"], "person_name": "王五", "authorisation": agent["id"]}
    record = make_record((b"manifest",), act="pack", **by)
    redeem(town, confirm(record), record, cms(record.files[0].sm3))


# -- seals


@pytest.mark.parametrize(
    ("kind", "key"), [("unit", "unit"), ("contract", "unit"), ("legal-representative", "legal-representative")]
)
def test_each_seal_with_its_own_key(  # noqa: PLR0917 - four fixtures and a row of the table
    town: Town, make_record: MakeRecord, confirm: Confirm, company: Any, kind: str, key: str
) -> None:
    record = make_record((b"pdf",), seal=seal_number(company, kind))
    consent = confirm(record)
    digest = consent_sm3(signed(town, consent)).hex()
    good = ses(record.files[0].sm3, digest, record.seal)
    wrong_key = "unit" if key == "legal-representative" else "legal-representative"
    cases = [
        (ses(record.files[0].sm3, digest, seal_number(company, "finance")), key),
        (ses(record.files[0].sm3, "00" * 32, record.seal), key),
        (good, wrong_key),
    ]
    for statement, by in cases:
        redeem(town, consent, record, statement, key=by, expect="seal_mismatch")
    redeem(town, consent, record, good, key=key)


def test_an_agent_seals_for_the_unit_but_not_for_the_representative(
    town: Town, make_record: MakeRecord, confirm: Confirm, agent: Any
) -> None:
    by = {"person": agent["person"], "person_name": "王五", "authorisation": agent["id"]}
    record = make_record((b"pdf",), **by)
    consent = confirm(record)
    statement = ses(record.files[0].sm3, consent_sm3(signed(town, consent)).hex(), record.seal)
    redeem(town, consent, record, statement, key="legal-representative", expect="person_not_entitled")
    redeem(town, consent, record, statement)


def test_keys_that_no_consent_opens(
    town: Town, make_record: MakeRecord, confirm: Confirm, other: Any, agent: Any
) -> None:
    record = make_record((SUBMIT,), act="submit")
    consent = confirm(record)
    keys = [f"unit:{other['uscc']}", f"person:{agent['person']}", f"unit-encryption:{record.uscc}", "registrar:sandbox"]
    for key in keys:
        body = {"credential": key, "statements": [act()]}
        town.post(f"/wallet/consents/{consent}/redeem", body, expect="statement_not_allowed")
    redeem(town, consent, record, act(), key="legal-representative", expect="statement_not_allowed")
    redeem(town, consent, record, act())


# -- devices


def test_the_device_is_certified_by_the_licence(town: Town, company: Any) -> None:
    (device,) = town.wallet.fetch_devices(company["uscc"])
    facts, _ = parse_statement(device.certificate, DeviceCertificate)
    assert (facts.uscc, facts.device, facts.public_key) == (company["uscc"], device.id, device.public_key)
    trust = town.authority.trust()
    verdict = verify_statement(
        device.certificate, anchors=trust, evidence=trust.evidence, at=town.clock.at, purpose=Purpose.LICENCE
    )
    assert verdict.indication is Indication.TOTAL_PASSED
    assert parse_certificate(device.certificate.certificate).common_name == "仿真市第一建筑有限公司"
    assert town.wallet.fetch_devices("91350100M000100Y43") == ()


def test_a_rehearsal_proves_and_tells_nothing(town: Town, company: Any, other: Any) -> None:
    half = os.urandom(32)
    (device,), (stranger,) = town.wallet.fetch_devices(company["uscc"]), town.wallet.fetch_devices(other["uscc"])
    wrap = sm2.encrypt(sm2.PublicKey(device.public_key), half)
    assert town.wallet.rehearse(device.id, wrap) == sm3(b"rehearse", half).hex()
    for device_id, data in [(stranger.id, wrap), (device.id, wrap[:-1]), (device.id, b"x")]:
        with pytest.raises(WrapUnopenableError):
            town.wallet.rehearse(device_id, data)
    with pytest.raises(DeviceUnknownError):
        town.wallet.rehearse("D00", wrap)


def test_a_half_is_released_by_consent_only(
    town: Town, make_record: MakeRecord, confirm: Confirm, company: Any, other: Any
) -> None:
    half, statement = os.urandom(32), b'{"act":"release","v":1}'
    (device,), (stranger,) = town.wallet.fetch_devices(company["uscc"]), town.wallet.fetch_devices(other["uscc"])
    wrap = sm2.encrypt(sm2.PublicKey(device.public_key), half)
    unlisted = sm2.encrypt(sm2.PublicKey(device.public_key), half)
    record = make_record((statement, wrap), act="release")
    pending = town.wallet.request_consent(encode_record(record))
    town.post(
        f"/wallet/devices/{device.id}/release",
        {"wrap": b64(wrap), "consent": pending.id},
        expect="consent_not_confirmed",
    )
    town.post(f"/wallet/consents/{pending.id}/confirm", {"person": record.person, "pin": PIN})
    submitted = confirm(make_record((wrap,), act="submit"))
    cases: list[tuple[str, bytes, str, type[IdentityError]]] = [
        (device.id, wrap, "0" * 32, ConsentUnknownError),
        (device.id, wrap, submitted, StatementNotAllowedError),
        (device.id, unlisted, pending.id, DigestNotListedError),
        (stranger.id, wrap, pending.id, StatementNotAllowedError),
    ]
    for device_id, data, consent, error in cases:
        with pytest.raises(error):
            town.wallet.release(device_id, data, consent)
    assert town.wallet.release(device.id, wrap, pending.id) == half
    assert town.wallet.fetch_consent(pending.id).state == "confirmed"
    redeem(town, pending.id, record, act(statement))
    assert town.wallet.fetch_consent(pending.id).state == "used"
    assert town.wallet.release(device.id, wrap, pending.id) == half  # the answer may have been lost
    redeem(town, pending.id, record, cms(record.files[1].sm3), expect="statement_not_allowed")
    town.clock.forward(minutes=6)
    with pytest.raises(ConsentExpiredError):
        town.wallet.release(device.id, wrap, pending.id)


def test_a_revoked_licence_releases_nothing(town: Town, make_record: MakeRecord, confirm: Confirm) -> None:
    record = make_record()
    (device,) = town.wallet.fetch_devices(record.uscc)
    wrap = sm2.encrypt(sm2.PublicKey(device.public_key), bytes(32))
    consent = confirm(structs.replace(record, act="release", seal="", files=(ConsentFile("k", 0, 1, sm3(wrap).hex()),)))
    path = f"/registrar/licences/{record.uscc}/state"
    town.post(path, {"state": "revoked", "reason": "试验"})
    with pytest.raises(LicenceRevokedError):
        town.wallet.release(device.id, wrap, consent)
    town.post(path, {"state": "active", "reason": "试验完"})
    assert town.wallet.release(device.id, wrap, consent) == bytes(32)


# -- state


def test_state_survives_a_restart(town: Town, make_record: MakeRecord, confirm: Confirm) -> None:
    record = make_record((SUBMIT,), act="submit")
    consent = confirm(record)
    redeem(town, consent, record, act())
    again = open_platform(
        town.folder / "platform", vault=town.vault, random=os.urandom, clock=town.clock, passphrase="a passphrase"
    )
    wallet = Wallet(again, readers={}, base_url="http://wallet.test")
    assert again.register.read() == town.platform.register.read()
    assert wallet.consents.fetch(consent).used == (record.files[0].sm3,)
    (device,) = again.devices.of(record.uscc)
    wrap = sm2.encrypt(sm2.PublicKey(device.public_key), b"half")
    assert again.devices.unwrap(device.id, wrap) == b"half"
    assert {oct(file.stat().st_mode & 0o77) for file in (town.folder / "platform").rglob("*.*")} == {"0o0"}


def test_unknown_routes_and_bodies_are_problems(town: Town) -> None:
    assert town.client.get("/wallet/consents/none").json()["code"] == "consent_unknown"
    response = town.client.post("/wallet/consents", content=b"\xff", headers={"content-type": "application/json"})
    assert response.json()["code"] == "malformed_request"
