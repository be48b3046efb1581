"""Lists and what they say of one certificate at one time: before, after, on hold, partly, not at all."""

import base64
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import DAY, NOON, VECTORS, read_pem
from signing_suites import make_root

from signing import der
from signing.certificate_extensions import Addresses
from signing.checks import SubIndication
from signing.errors import MalformedError, SigningError
from signing.issuing import Revocation, Subject, build_crl
from signing.issuing_extensions import CrlExtensions, Extras, encode_extension
from signing.revocation import REASONS, parse_crl
from signing.revocation_status import check_revocation

CA = make_root("CA")
HERE = "http://ca.example/1.crl"
LEAF = CA.issue("叶", extras=Extras(Addresses(crls=(HERE,))))
BELOW = CA.issue_authority("下级")
SERIAL = LEAF.certificate.serial_number


def _ask(*crls: bytes, at: datetime = NOON, holder: Any = LEAF) -> tuple[str, str]:
    found = check_revocation(holder.certificate, CA.certificate, crls=[parse_crl(one) for one in crls], at=at)
    return found.code, found.why


def _gone(at: datetime = NOON - DAY, reason: str = "keyCompromise", since: datetime | None = None) -> Revocation:
    return Revocation(SERIAL, at, reason, since)


@pytest.mark.parametrize(
    ("crl", "code"),
    [
        pytest.param(CA.crl(), "REVOCATION", id="not listed"),
        pytest.param(CA.crl(_gone(NOON)), "REVOKED_BEFORE", id="in that second"),
        pytest.param(CA.crl(_gone(NOON + DAY / 24)), "REVOKED_AFTER", id="an hour later"),
        pytest.param(CA.crl(_gone(NOON + DAY, since=NOON - DAY)), "REVOKED_NOPOE", id="invalid since before"),
        pytest.param(CA.crl(_gone(NOON + DAY, since=NOON + DAY / 2)), "REVOKED_AFTER", id="invalid since after"),
        pytest.param(CA.crl(next_update=NOON), "REV_UNKNOWN", id="outdated"),
        pytest.param(CA.crl(next_update=None), "REV_UNKNOWN", id="no next update, and older"),
        pytest.param(CA.crl(this_update=NOON, next_update=None), "REVOCATION", id="no next update, of that second"),
        pytest.param(CA.crl(this_update=NOON + DAY), "REVOCATION", id="made later"),
        pytest.param(CA.crl(this_update=NOON + 90 * DAY), "REV_UNKNOWN", id="made after it expired"),
        pytest.param(
            CA.crl(this_update=NOON + 90 * DAY, extras=CrlExtensions(expired_from=NOON)),
            "REVOCATION",
            id="made after it expired, by one who keeps them",
        ),
        pytest.param(
            CA.crl(this_update=NOON + 90 * DAY, extras=CrlExtensions(expired_from=NOON + 60 * DAY)),
            "REV_UNKNOWN",
            id="by one who keeps later ones",
        ),
        pytest.param(CA.crl(extras=CrlExtensions(base=1)), "REV_UNKNOWN", id="delta alone"),
        pytest.param(CA.crl(_gone(), extras=CrlExtensions(base=1)), "REVOKED_BEFORE", id="shown by a delta"),
        pytest.param(CA.crl(extras=CrlExtensions(users_only=True)), "REVOCATION", id="for end entities"),
        pytest.param(CA.crl(extras=CrlExtensions(authorities_only=True)), "REV_UNKNOWN", id="for authorities"),
        pytest.param(CA.crl(extras=CrlExtensions(address=HERE)), "REVOCATION", id="its own partition"),
        pytest.param(CA.crl(extras=CrlExtensions(address=f"{HERE}x")), "REV_UNKNOWN", id="another partition"),
        pytest.param(CA.crl(extras=CrlExtensions(indirect=True)), "REV_UNKNOWN", id="indirect"),
    ],
)
def test_one_list(crl: bytes, code: str) -> None:
    assert _ask(crl)[0] == code


def test_scope_for_authorities() -> None:
    crl = CA.crl(extras=CrlExtensions(authorities_only=True))
    assert _ask(crl, holder=BELOW)[0] == "REVOCATION"
    assert _ask(CA.crl(extras=CrlExtensions(users_only=True)), holder=BELOW)[0] == "REV_UNKNOWN"


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason and reason != "removeFromCRL"])
def test_reason_and_date_are_told(reason: str) -> None:
    code, why = _ask(CA.crl(_gone(NOON - DAY, reason, NOON - 2 * DAY)))
    assert code == "REVOKED_BEFORE"
    assert "2026-11-19 12:00:00 UTC" in why
    assert reason in why
    assert "2026-11-18 12:00:00 UTC 起失效" in why


def _at(day: int, *entries: Revocation, base: int | None = None) -> bytes:
    return CA.crl(
        *entries, this_update=NOON + day * DAY, next_update=NOON + (day + 9) * DAY, extras=CrlExtensions(base)
    )


HOLD = _gone(NOON - 5 * DAY, "certificateHold")


@pytest.mark.parametrize(
    ("crls", "code"),
    [
        pytest.param([_at(-4, HOLD)], "REVOKED_BEFORE", id="on hold"),
        pytest.param([_at(-4, HOLD), _at(-2)], "REVOCATION", id="lifted in the next list"),
        pytest.param([_at(-2), _at(-4, HOLD)], "REVOCATION", id="lifted, in any order"),
        pytest.param([_at(-4, HOLD), _at(-2, base=1)], "REVOKED_BEFORE", id="a delta is silent"),
        pytest.param([_at(-4, HOLD), _at(-2, _gone(reason="removeFromCRL"), base=1)], "REVOCATION", id="taken off"),
        pytest.param(
            [_at(-4, HOLD), _at(-2, _gone(reason="removeFromCRL"), base=1), _at(-1)], "REVOCATION", id="and silence"
        ),
        pytest.param([_at(-4, HOLD), _at(-2, _gone(NOON - 3 * DAY))], "REVOKED_BEFORE", id="hold becomes final"),
        pytest.param([_at(-4, HOLD), _at(90)], "REVOKED_BEFORE", id="dropped when it expired, never lifted"),
        pytest.param([_at(-4, _gone()), _at(-2)], "REVOKED_BEFORE", id="final, though dropped later"),
        pytest.param([_at(-4), _at(-2, _gone(NOON - 3 * DAY))], "REVOKED_BEFORE", id="revoked in between"),
        pytest.param(
            [_at(-2, _gone(NOON + DAY)), _at(-1, _gone(NOON - DAY))], "REVOKED_BEFORE", id="the earliest counts"
        ),
    ],
)
def test_lists_in_a_row(crls: list[bytes], code: str) -> None:
    assert _ask(*crls)[0] == code


@pytest.mark.parametrize(
    "crl",
    [
        pytest.param(make_root("CA", "sm2:other").crl(), id="same name, another key"),
        pytest.param(make_root("别").crl(), id="another name"),
        pytest.param(make_root("CA", "p256").crl(), id="another suite"),
    ],
)
def test_lists_of_others_say_nothing(crl: bytes) -> None:
    assert _ask(crl)[0] == "REV_UNKNOWN"


def test_a_ca_without_crl_sign_issues_no_lists() -> None:
    mute = CA.issue_authority("哑", key_usage=("keyCertSign",))
    leaf = mute.issue("叶")
    found = check_revocation(leaf.certificate, mute.certificate, crls=[parse_crl(mute.crl())], at=NOON)
    assert (found.code, found.sub) == ("REV_UNKNOWN", SubIndication.TRY_LATER)


# Forms


def _signed(*parts: bytes) -> bytes:
    algorithm = CA.key.scheme.algorithm.encode()
    tbs = der.sequence(*parts)
    return der.sequence(tbs, algorithm, der.bit_string(CA.key.sign(tbs)))


def _times() -> tuple[bytes, bytes, bytes, bytes]:
    moments = (der.time(one, utc_until_2050=True) for one in (NOON - DAY, NOON + DAY))
    first, second = moments
    return CA.key.scheme.algorithm.encode(), CA.certificate.subject_der, first, second


def _entry(serial: int, *extensions: bytes) -> bytes:
    block = [der.sequence(*extensions)] if extensions else []
    return der.sequence(der.integer(serial), der.time(NOON - DAY, utc_until_2050=True), *block)


def _issuer(name: bytes) -> bytes:
    return encode_extension("2.5.29.29", der.sequence(der.explicit(4, name)), critical=True)


def test_a_list_of_version_1() -> None:
    assert _ask(_signed(*_times(), der.sequence(_entry(7))))[0] == "REVOCATION"
    assert _ask(_signed(*_times(), der.sequence(_entry(SERIAL))))[0] == "REVOKED_BEFORE"


def test_entries_of_other_issuers_are_not_ours() -> None:
    """An indirect list names the issuer once, and the entries below are its as well (RFC 5280 5.3.3)."""
    entries = der.sequence(_entry(7), _entry(8, _issuer(Subject("别").encode())), _entry(SERIAL))
    crl = parse_crl(_signed(der.integer(1), *_times(), entries))
    assert crl.revoked.keys() == {7}
    back = der.sequence(_entry(8, _issuer(Subject("别").encode())), _entry(9, _issuer(CA.certificate.subject_der)))
    assert parse_crl(_signed(der.integer(1), *_times(), back)).revoked.keys() == {9}


@pytest.mark.parametrize("where", ["list", "entry"])
def test_unknown_critical_extensions_make_a_list_partial(where: str) -> None:
    strange = encode_extension("1.2.9", b"\5\0", critical=True)
    entries = der.sequence(_entry(7, *([strange] if where == "entry" else [])))
    rest = [der.explicit(0, der.sequence(strange))] if where == "list" else []
    crl = _signed(der.integer(1), *_times(), entries, *rest)
    assert (parse_crl(crl).partial, _ask(crl)[0]) == (True, "REV_UNKNOWN")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(CA.crl() + b"\0", id="trailing byte"),
        pytest.param(CA.crl()[:-1], id="truncated"),
        pytest.param(LEAF.certificate.der, id="a certificate"),
        pytest.param(_signed(der.integer(1), *_times()[:2]), id="no time"),
        pytest.param(_signed(der.integer(1), *_times(), b"\5\0"), id="something left over"),
        pytest.param(
            _signed(*_times(), der.explicit(0, der.sequence(*[encode_extension("1.2.9", b"")] * 2))), id="twice"
        ),
        pytest.param(
            _signed(*_times(), der.sequence(_entry(7, encode_extension("2.5.29.21", b"")))), id="empty reason"
        ),
    ],
)
def test_what_is_no_list(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_crl(data)


def test_a_large_list_is_read_in_time() -> None:
    many = [Revocation(n, NOON - DAY, "superseded") for n in range(1, 20_001)]
    assert len(parse_crl(CA.crl(*many)).revoked) == 20_000


LISTED = CA.crl(_gone(), Revocation(7, NOON))


@given(at=st.integers(0, len(LISTED) - 1), bit=st.integers(0, 7))
@settings(deadline=None)
def test_a_changed_list_never_says_good(at: int, bit: int) -> None:
    data = bytearray(LISTED)
    data[at] ^= 1 << bit
    try:
        code, _ = _ask(bytes(data))
    except SigningError:
        return
    assert code == "REV_UNKNOWN"


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(datetime.fromisoformat("2026-11-21T20:00:00Z"), "REVOCATION", id="signed before the list"),
        pytest.param(datetime.fromisoformat("2026-12-01T00:00:00Z"), "REVOCATION", id="within its time"),
        pytest.param(datetime.fromisoformat("2027-01-01T00:00:00Z"), "REV_UNKNOWN", id="after its time"),
    ],
)
def test_the_list_of_openssl(at: datetime, code: str) -> None:
    folder = VECTORS / "interop/openssl"
    body = re.search(r"-----BEGIN X509 CRL-----(.*?)-----END", (folder / "crl.pem").read_text(), re.DOTALL)
    assert body
    (ca,), (leaf,) = read_pem(folder / "ca.crt"), read_pem(folder / "sign.crt")
    assert check_revocation(leaf, ca, crls=[parse_crl(base64.b64decode(body[1]))], at=at).code == code


def test_a_list_needs_its_own_issuers_key() -> None:
    other = make_root("甲", "p256")
    with_other = build_crl(
        CA.certificate, [], number=1, this_update=NOON, next_update=None, sign=other.key.sign, scheme=other.key.scheme
    )
    assert _ask(with_other)[0] == "REV_UNKNOWN"
