"""The consent record: its one byte form, what it refuses, what the wallet shows, and how it is judged."""

import contextlib
import os
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_town import Confirm, MakeRecord, Town
from msgspec import structs

from identity.consent import (
    ACT_NAMES,
    ConsentFile,
    ConsentRecord,
    SignedConsent,
    consent_sm3,
    encode_consent,
    encode_record,
    parse_consent,
    parse_record,
    render_consent,
    verify_consent,
)
from identity.errors import InvalidCreditCodeError, MalformedConsentError
from identity.uscc import UnifiedSocialCreditCode
from signing.checks import Indication
from signing.digests import sm3

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
DIGEST = sm3(b"tender").hex()


def record(**changes: Any) -> ConsentRecord:
    fields: dict[str, Any] = {
        "v": 1,
        "act": "submit",
        "uscc": "91350100M000100Y43",
        "company": "仿真建筑有限公司",
        "person": "P0123456789ab",
        "person_name": "张三丰",
        "authorisation": "legal-representative",
        "audience": "投标人工作台",
        "files": (ConsentFile("投标函.pdf", 2, 12345, DIGEST),),
        "seal": "",
        "section": "S-1",
        "params_sm3": "ab" * 32,
        "nonce": "0f" * 16,
        "not_before": NOON,
        "not_after": NOON + timedelta(minutes=10),
    }
    return ConsentRecord(**(fields | changes))


def test_known_bytes() -> None:
    """Written by hand from docs/format/consent.md."""
    expected = (
        '{"act":"submit","audience":"投标人工作台","authorisation":"legal-representative","company":"仿真建筑有限公司",'
        f'"files":[{{"name":"投标函.pdf","pages":2,"size":12345,"sm3":"{DIGEST}"}}],'
        f'"nonce":"{"0f" * 16}","not_after":"2026-09-01T04:10:00Z","not_before":"2026-09-01T04:00:00Z",'
        f'"params_sm3":"{"ab" * 32}","person":"P0123456789ab","person_name":"张三丰","seal":"","section":"S-1",'
        '"type":"consent","uscc":"91350100M000100Y43","v":1}'
    ).encode()
    assert encode_record(record()) == expected
    assert parse_record(expected) == record()


def test_a_credit_code_object_is_taken() -> None:
    assert record(uscc=UnifiedSocialCreditCode("91350100M000100Y43")) == record()
    assert encode_record(record(uscc=UnifiedSocialCreditCode("91350100M000100Y43")))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"act": "seal"}, id="seal without a seal"),
        pytest.param({"seal": "3702000000001"}, id="submit with a seal"),
        pytest.param({"section": ""}, id="submit without a section"),
        pytest.param({"params_sm3": ""}, id="submit without parameters"),
        pytest.param({"files": (ConsentFile("a", 0, 1, DIGEST),) * 2}, id="a digest twice"),
        pytest.param({"not_after": NOON}, id="empty period"),
        pytest.param({"not_after": NOON + timedelta(minutes=10, milliseconds=1)}, id="longer than ten minutes"),
        pytest.param({"not_before": NOON.replace(tzinfo=None)}, id="no time zone"),
        pytest.param({"not_before": NOON.astimezone(timezone(timedelta(hours=8)))}, id="another time zone"),
        pytest.param({"not_before": NOON.replace(microsecond=1)}, id="finer than milliseconds"),
        pytest.param({"act": "login"}, id="login is no act"),
        pytest.param({"files": ()}, id="nothing to sign"),
        pytest.param({"company": "甲\u202e乙"}, id="a name that turns its direction"),
        pytest.param({"company": "甲\n乙"}, id="a name over two lines"),
        pytest.param({"audience": "甲\u200b乙"}, id="a name with an invisible character"),
        pytest.param({"audience": "甲\u061c乙"}, id="a name with an Arabic letter mark"),
        pytest.param({"audience": "甲\u00ad乙"}, id="a name with a soft hyphen"),
        pytest.param({"audience": "甲\u3164乙"}, id="a name with a filler that is not drawn"),
        pytest.param({"audience": "甲\U000e0041乙"}, id="a name with a tag character"),
        pytest.param({"audience": "甲\u206e乙"}, id="a name with a digit shape"),
        pytest.param({"files": (ConsentFile("a\x00", 0, 1, DIGEST),)}, id="a file name with a control character"),
        pytest.param({"files": (ConsentFile("a", 0, 1, DIGEST.upper()),)}, id="a digest in capitals"),
        pytest.param({"nonce": "0f" * 15}, id="a short nonce"),
        pytest.param({"seal": "37020000000012", "act": "seal"}, id="a seal number of fourteen digits"),
        pytest.param({"type": "login"}, id="another type"),
        pytest.param({"v": 2}, id="another version"),
    ],
)
def test_records_that_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedConsentError):
        encode_record(record(**changes))


def test_a_wrong_credit_code_is_refused() -> None:
    with pytest.raises(InvalidCreditCodeError):
        record(uscc="91350100M000100Y44")
    data = encode_record(record()).replace(b"91350100M000100Y43", b"91350100M000100Y44")
    with pytest.raises(MalformedConsentError):
        parse_record(data)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: d + b" ", id="trailing space"),
        pytest.param(lambda d: d.replace(b":", b": ", 1), id="white space"),
        pytest.param(lambda d: d.replace(b'"v":1', b'"v":1,"v":1'), id="a key twice"),
        pytest.param(lambda d: d.replace(b'"v":1', b'"v":1,"w":1'), id="unknown field"),
        pytest.param(lambda d: d.replace(b"04:00:00Z", b"04:00:00+00:00"), id="another spelling of UTC"),
        pytest.param(lambda d: d.replace(b'"type":"consent",', b""), id="without its type"),
        pytest.param(lambda d: d.replace("张".encode(), b"\\u5f20"), id="an escape that is not needed"),
        pytest.param(lambda d: b"\xef\xbb\xbf" + d, id="byte order mark"),
    ],
)
def test_other_spellings_are_refused(change: Any) -> None:
    data = change(encode_record(record()))
    with pytest.raises(MalformedConsentError):
        parse_record(data)


@given(st.binary(max_size=300))
def test_noise_is_no_consent(noise: bytes) -> None:
    for parse in (parse_record, parse_consent):
        with pytest.raises(MalformedConsentError):
            parse(noise)


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=40)


@given(
    st.sampled_from(sorted(set(ACT_NAMES) - {"seal"})),
    names,
    names,
    st.lists(st.binary(max_size=4), min_size=1, max_size=9, unique=True),
    st.integers(1, 600_000),
)
def test_every_record_comes_back_from_its_bytes(
    act: str, company: str, name: str, contents: list[bytes], milliseconds: int
) -> None:
    files = tuple(ConsentFile(name, n, n, sm3(c).hex()) for n, c in enumerate(contents))
    after = NOON + timedelta(milliseconds=milliseconds)
    made = record(act=act, company=company, files=files, not_after=after)
    data = encode_record(made)
    assert parse_record(data) == made
    assert encode_record(parse_record(data)) == data


@given(st.data())
def test_any_changed_byte_changes_or_breaks_the_record(data: st.DataObject) -> None:
    original = encode_record(record())
    place = data.draw(st.integers(0, len(original) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda b: b != original[place]))
    changed = original[:place] + bytes([value]) + original[place + 1 :]
    with contextlib.suppress(MalformedConsentError):
        assert parse_record(changed) != record()


def test_what_the_wallet_shows() -> None:
    assert render_consent(record(act="seal", seal="3702000000001")) == (
        "办理事项：加盖电子印章",
        "请求方：投标人工作台",
        "单位：仿真建筑有限公司（91350100M000100Y43）",
        "办理人：张三丰（法定代表人本人）",
        "使用印章：编号 3702000000001",
        "标段：S-1",
        "标段参数 SM3：abab abab abab abab…",
        "共 1 项内容：",
        f"1. 投标函.pdf，2 页，12,345 字节，SM3：{DIGEST[:4]} {DIGEST[4:8]} {DIGEST[8:12]} {DIGEST[12:16]}…",
        "有效期：2026-09-01 12:00:00 至 2026-09-01 12:10:00（北京时间）",
    )
    assert "办理人：张三丰（经办人，授权编号 A1）" in render_consent(record(authorisation="A1"))


def test_every_act_has_a_name_and_no_two_the_same() -> None:
    assert len(set(ACT_NAMES.values())) == len(ACT_NAMES)


def signed_by(town: Town, made: ConsentRecord, confirm: Confirm) -> SignedConsent:
    signed = town.wallet.fetch_consent(confirm(made)).signed
    assert signed is not None
    return signed


def judge(town: Town, signed: SignedConsent, *, expected: tuple[str, ...] = (), at: datetime | None = None) -> Any:
    trust = town.authority.trust()
    return verify_consent(signed, anchors=trust, evidence=trust.evidence, at=at or town.clock.at, expected=expected)


def test_a_consent_verifies(town: Town, make_record: MakeRecord, confirm: Confirm) -> None:
    made = make_record((b"one", b"two"))
    signed = signed_by(town, made, confirm)
    digests = tuple(file.sm3 for file in made.files)
    assert judge(town, signed, expected=digests).indication is Indication.TOTAL_PASSED
    assert parse_consent(encode_consent(signed)) == (made, signed)
    assert consent_sm3(signed) == sm3(encode_consent(signed))


def test_consents_that_do_not_verify(town: Town, make_record: MakeRecord, confirm: Confirm, other: Any) -> None:
    made = make_record((b"one",))
    signed = signed_by(town, made, confirm)
    renamed = encode_record(structs.replace(made, person_name="张三"))
    unit = town.vault.find(f"unit:{made.uscc}").certificate
    stranger = town.vault.find(f"legal-representative:{other['uscc']}").certificate
    cases: list[tuple[SignedConsent, dict[str, Any], str]] = [
        (signed, {"expected": (DIGEST,)}, "consent-digests"),
        (signed, {"at": made.not_after + timedelta(milliseconds=1)}, "consent-period"),
        (signed, {"at": made.not_before - timedelta(milliseconds=1)}, "consent-period"),
        (structs.replace(signed, record=renamed), {}, "consent-signature"),
        (structs.replace(signed, record=renamed), {}, "consent-person"),
        (structs.replace(signed, certificate=unit), {}, "consent-person"),
        (structs.replace(signed, certificate=stranger), {}, "consent-unit"),
        (structs.replace(signed, signature=os.urandom(70)), {}, "consent-signature"),
        (structs.replace(signed, certificate=b""), {}, "consent-form"),
        (structs.replace(signed, record=b"{}"), {}, "consent-form"),
    ]
    for changed, facts, name in cases:
        assert name in judge(town, changed, **facts).failed
