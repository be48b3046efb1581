"""Editions of a trust list: only the pinned publisher's next one is taken."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import CA, CRLS, DAY, EVIDENCE, NOON, ROOT, TRUST, UNIT, make_root

from signing import canonical, sm2
from signing.checks import Indication
from signing.errors import LimitError, MalformedError, TrustUpdateError
from signing.path import Anchor, Purpose, TrustAnchors, verify_path
from signing.trust import decode_trust, encode_trust, load_trust, make_trust, merge_trust, save_trust
from signing.trust_updates import (
    TrustUpdate,
    encode_update,
    judge_update,
    parse_update,
    update_statement,
)

PUBLISHER, STRANGER = CA.issue("名单发布者", serial=900), CA.issue("旁人", serial=901)
OTHER_ROOT = make_root("另一个根")
CURRENT = replace(TRUST, number=4, issued_at=NOON - DAY, next_update=NOON + DAY, publisher=PUBLISHER.certificate.sm3)
NEXT = replace(CURRENT, number=5, issued_at=NOON, next_update=NOON + 30 * DAY)


def sign(trust: TrustAnchors, holder: object = PUBLISHER) -> bytes:
    signature = sm2.sign(holder.key, update_statement(trust))  # type: ignore[attr-defined]
    return encode_update(trust, certificate=holder.certificate.der, signature=signature)  # type: ignore[attr-defined]


def test_the_next_edition_is_taken_and_says_what_it_changes() -> None:
    kept = replace(TRUST.anchors[0], source="国家名单")
    new = replace(NEXT, anchors=(kept, Anchor(OTHER_ROOT.certificate, frozenset({Purpose.TIMESTAMP}))))
    change = judge_update(sign(new), CURRENT, at=NOON)
    assert change.number == 5
    assert [one.certificate.common_name for one in change.added] == ["另一个根"]
    assert change.altered == (kept,)
    assert change.removed == ()
    assert not change.publisher_changes
    assert change.trust.crls == CRLS


REFUSED = {
    "an older edition": (replace(NEXT, number=3), "rollback"),
    "the same number with another content": (replace(NEXT, number=4), "rollback"),
    "another list": (replace(NEXT, name="别的名单"), "name"),
    "from the future": (replace(NEXT, issued_at=NOON + timedelta(minutes=6)), "early"),
    "no longer current": (replace(NEXT, issued_at=NOON - 2 * DAY, next_update=NOON), "expired"),
}


@pytest.mark.parametrize(("new", "fault"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_the_next_edition_is_refused(new: TrustAnchors, fault: str) -> None:
    with pytest.raises(TrustUpdateError) as caught:
        judge_update(sign(new), CURRENT, at=NOON)
    assert caught.value.fault == fault


def test_a_production_list_never_becomes_a_sandbox() -> None:
    real = replace(CURRENT, sandbox=False)
    with pytest.raises(TrustUpdateError) as caught:
        judge_update(sign(NEXT), real, at=NOON)
    assert caught.value.fault == "sandbox"
    assert judge_update(sign(replace(NEXT, sandbox=False)), CURRENT, at=NOON).number == 5


def test_the_same_edition_once_more_is_no_fault() -> None:
    change = judge_update(sign(NEXT), judge_update(sign(NEXT), CURRENT, at=NOON).trust, at=NOON + DAY)
    assert (change.added, change.removed, change.altered) == ((), (), ())


def test_only_the_pinned_publisher_signs() -> None:
    with pytest.raises(TrustUpdateError) as caught:
        judge_update(sign(NEXT, STRANGER), CURRENT, at=NOON)
    assert caught.value.fault == "publisher"
    with pytest.raises(TrustUpdateError, match="publisher"):
        judge_update(sign(NEXT), CURRENT, at=NOON, pinned=STRANGER.certificate.sm3)


def test_a_list_without_a_publisher_needs_one_from_a_person() -> None:
    with pytest.raises(TrustUpdateError) as caught:
        judge_update(sign(NEXT), TRUST, at=NOON)
    assert caught.value.fault == "not-pinned"
    assert judge_update(sign(NEXT), TRUST, at=NOON, pinned=PUBLISHER.certificate.sm3).number == 5


def test_the_publisher_hands_over_in_an_edition_that_the_old_one_signs() -> None:
    change = judge_update(sign(replace(NEXT, publisher=STRANGER.certificate.sm3)), CURRENT, at=NOON)
    assert change.publisher_changes
    after = replace(NEXT, number=6, publisher=STRANGER.certificate.sm3)
    assert judge_update(sign(after, STRANGER), change.trust, at=NOON).number == 6
    with pytest.raises(TrustUpdateError, match="publisher"):
        judge_update(sign(after), change.trust, at=NOON)


@pytest.mark.parametrize("missing", ["number", "issued_at", "next_update", "publisher"])
def test_an_edition_says_what_it_is(missing: str) -> None:
    with pytest.raises(TrustUpdateError, match="incomplete"):
        sign(replace(NEXT, **{missing: type(getattr(NEXT, missing))() if missing in {"number", "publisher"} else None}))


def test_another_signature_under_the_publishers_name() -> None:
    update = TrustUpdate(1, "trust-update", encode_trust(NEXT), PUBLISHER.certificate.der, STRANGER.sign(b"x"))
    with pytest.raises(TrustUpdateError) as caught:
        judge_update(canonical.encode(update), CURRENT, at=NOON)
    assert caught.value.fault == "signature"


def test_a_signature_over_the_bare_list_is_none() -> None:
    """What a publisher signs elsewhere as data must not be an update."""
    signature = PUBLISHER.sign(encode_trust(NEXT))
    update = TrustUpdate(1, "trust-update", encode_trust(NEXT), PUBLISHER.certificate.der, signature)
    with pytest.raises(TrustUpdateError, match="signature"):
        judge_update(canonical.encode(update), CURRENT, at=NOON)


@given(st.integers(0, len(sign(NEXT)) - 1), st.integers(1, 255))
def test_no_byte_of_an_update_can_be_changed(place: int, by: int) -> None:
    data = bytearray(sign(NEXT))
    data[place] ^= by
    with pytest.raises((TrustUpdateError, MalformedError, LimitError)):
        judge_update(bytes(data), CURRENT, at=NOON)


@given(st.binary(max_size=400))
def test_anything_else_is_malformed(data: bytes) -> None:
    with pytest.raises((MalformedError, LimitError)):
        parse_update(data)


def test_an_edition_survives_the_folder_and_keeps_its_fingerprint(tmp_path: Path) -> None:
    change = judge_update(sign(NEXT), CURRENT, at=NOON)
    save_trust(tmp_path, change.trust)
    kept = load_trust(tmp_path)
    assert replace(kept, crls=()) == replace(change.trust, crls=())
    assert set(kept.crls) == set(change.trust.crls)
    save_trust(tmp_path, replace(change.trust, crls=()))
    assert load_trust(tmp_path).fingerprint == change.trust.fingerprint


def test_lists_without_an_edition_have_the_bytes_they_always_had() -> None:
    content = canonical.decode_lenient(encode_trust(TRUST), dict)  # type: ignore[type-var]
    assert b'"number"' not in encode_trust(TRUST)
    assert set(content) == {"v", "list", "certificates", "crls"}


PERIODS = {
    "no bounds": (None, None, Indication.TOTAL_PASSED),
    "within": (NOON - DAY, NOON + DAY, Indication.TOTAL_PASSED),
    "from this very instant": (NOON, None, Indication.TOTAL_PASSED),
    "not yet": (NOON + DAY, None, Indication.INDETERMINATE),
    "until this very instant": (None, NOON, Indication.INDETERMINATE),
}


@pytest.mark.parametrize(("begin", "end", "expected"), PERIODS.values(), ids=PERIODS.keys())
def test_an_anchor_vouches_in_its_period_only(
    begin: datetime | None, end: datetime | None, expected: Indication
) -> None:
    anchor = Anchor(ROOT.certificate, frozenset(Purpose), begin, end, "试行")
    anchors = decode_trust(encode_trust(replace(TRUST, anchors=(anchor,))))
    assert anchors.anchors == (anchor,)
    verdict = verify_path(UNIT.certificate, anchors=anchors, evidence=EVIDENCE, at=NOON, purpose=Purpose.LICENCE)
    assert verdict.indication is expected


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"trusted_from": NOON, "trusted_until": NOON}, id="an empty period"),
        pytest.param({"trusted_from": NOON.replace(tzinfo=None)}, id="an instant without a zone"),
    ],
)
def test_periods_that_make_no_sense_are_malformed(bad: dict[str, datetime]) -> None:
    broken = replace(TRUST, anchors=(replace(TRUST.anchors[0], **bad),))
    with pytest.raises((MalformedError, ValueError)):
        decode_trust(encode_trust(broken))


def test_lists_side_by_side() -> None:
    own = make_trust("机构自建", "7", sandbox=False, anchors=(Anchor(OTHER_ROOT.certificate, frozenset(Purpose)),))
    merged = merge_trust(own, TRUST)
    assert merged.name == "机构自建 + 测试"
    assert merged.sandbox
    assert [one.source for one in merged.anchors] == ["机构自建", "测试"]
    assert merged.fingerprint not in {own.fingerprint, TRUST.fingerprint}
    verdict = verify_path(UNIT.certificate, anchors=merged, evidence=EVIDENCE, at=NOON, purpose=Purpose.LICENCE)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert merge_trust(TRUST) == TRUST
