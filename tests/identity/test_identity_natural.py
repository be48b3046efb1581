"""Natural persons: resident ids by GB 11643, and consent records that name no unit."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.actor import Actor, PersonActor, Role, actor_of, owner_of
from identity.consent import ConsentFile, ConsentRecord, encode_record, parse_record, render_consent
from identity.errors import MalformedConsentError, PersonRevokedError, ResidentIdError
from identity.natural import PersonState, ResidentId

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
DIGITS = "0123456789X"


def checked(body: str) -> str:
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, body, strict=True)) % 11]


def test_the_published_example() -> None:
    """GB 11643-1999, annex: 11010519491231002X."""
    found = ResidentId("11010519491231002x")
    assert (found, found.born, found.masked) == ("11010519491231002X", date(1949, 12, 31), "1****************X")
    assert "491231" not in repr(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("110105194912310020", "校验码", id="check"),
        pytest.param(checked("11010519490230002"), "出生日期", id="a day that is none"),
        pytest.param(checked("11010500000101002"), "出生日期", id="the year nought"),
        pytest.param(checked("11010518991231002"), "出生日期", id="before 1900"),
        pytest.param("", "18 位", id="empty"),
        pytest.param("110105491231002", "18 位", id="the old form of fifteen"),
        pytest.param("11010519491231002XX", "18 位", id="nineteen"),
        pytest.param(f"{checked('11010519491231002')[:16]}\u0662X", "18 位", id="an Arabic digit"),
        pytest.param(checked("01010519491231002"), "18 位", id="nought first"),
    ],
)
def test_numbers_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(ResidentIdError, match=words) as caught:
        ResidentId(text)
    assert not text or text not in str(caught.value)


@given(st.integers(1, 6), st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 999), st.integers(0, 17))
def test_one_wrong_character_is_noticed(place: int, born: date, serial: int, at: int) -> None:
    good = checked(f"{place}10105{born:%Y%m%d}{serial:03d}")
    assert ResidentId(good).born == born
    for other in DIGITS:
        bad = good[:at] + other + good[at + 1 :]
        if bad != good:
            with pytest.raises(ResidentIdError):
                ResidentId(bad)


@pytest.mark.parametrize(
    ("today", "of_age"),
    [
        pytest.param(date(2018, 2, 27), False, id="the day before the day before"),
        pytest.param(date(2018, 2, 28), False, id="the 28th"),
        pytest.param(date(2018, 3, 1), True, id="the 1st of March"),
    ],
)
def test_of_age_for_one_born_on_a_leap_day(today: date, of_age: bool) -> None:
    found = ResidentId(checked("11010520000229002"))
    if of_age:
        found.require_of_age(today)
        return
    with pytest.raises(ResidentIdError):
        found.require_of_age(today)


def test_a_revoked_person_is_refused() -> None:
    PersonState.ACTIVE.require()
    with pytest.raises(PersonRevokedError):
        PersonState.REVOKED.require()


# Consent


def record(**changes: Any) -> ConsentRecord:
    fields: dict[str, Any] = {
        "v": 1,
        "act": "seal",
        "uscc": "",
        "company": "",
        "person": "P0123456789ab",
        "person_name": "李小明",
        "authorisation": "self",
        "audience": "电子签署中心",
        "files": (ConsentFile("合同.pdf", 2, 12345, "ab" * 32),),
        "seal": "0000000000001",
        "section": "",
        "params_sm3": "",
        "nonce": "0f" * 16,
        "not_before": NOON,
        "not_after": NOON + timedelta(minutes=10),
    }
    return ConsentRecord(**(fields | changes))


def test_a_person_signs_for_themselves() -> None:
    data = encode_record(record())
    assert b'"authorisation":"self"' in data
    assert b'"company":""' in data
    assert b'"uscc":""' in data
    assert parse_record(data) == record()
    lines = render_consent(record())
    assert "本人：李小明（自然人，人员编号 P0123456789ab）" in lines
    assert not any(line.startswith(("单位", "办理人")) for line in lines)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"uscc": "91350100M000100Y43"}, id="a code without a company"),
        pytest.param({"company": "仿真建筑有限公司"}, id="a company without a code"),
        pytest.param({"uscc": "91350100M000100Y43", "company": "仿真建筑有限公司"}, id="a unit under self"),
        pytest.param({"authorisation": "legal-representative"}, id="the representative of nobody"),
        pytest.param({"authorisation": "A0123456789ab"}, id="an agent of nobody"),
        pytest.param({"act": "publish"}, id="an act for units"),
        pytest.param({"act": "register-device", "seal": ""}, id="a device"),
        pytest.param({"seal": ""}, id="no seal"),
        pytest.param({"act": "apply-seal"}, id="an application that uses a seal"),
        pytest.param({"company": "\u200b"}, id="an invisible company"),
    ],
)
def test_records_of_persons_that_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedConsentError):
        encode_record(record(**changes))


def test_an_application_names_no_seal() -> None:
    lines = render_consent(record(act="apply-seal", seal=""))
    assert lines[0] == "办理事项：申领电子印章"


def test_the_actor_is_read_back_from_the_record() -> None:
    actor = actor_of(record())
    assert actor == PersonActor("P0123456789ab", "李小明")
    assert (actor.uscc, actor.company, actor.role, actor.authorisation) == ("", "", Role.SELF, "self")
    assert (owner_of(actor), actor.role.label) == ("P0123456789ab", "本人")
    changes = {"uscc": "91350100M000100Y43", "company": "甲公司", "authorisation": "A1"}
    agent = actor_of(record(**changes))
    assert isinstance(agent, Actor)
    assert (agent.role, owner_of(agent)) == (Role.AGENT, "91350100M000100Y43")
