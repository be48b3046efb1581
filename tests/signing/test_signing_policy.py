"""Validation policies as data: read, refused, named by their fingerprint, and weighed by day and key size."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as change
from signing_pki import TRUST

from signing import canonical
from signing.digests import sm3
from signing.errors import LimitError, MalformedError
from signing.path import Purpose
from signing.policy import (
    DEFAULT_POLICY,
    MAX_POLICY,
    PRODUCTION_POLICY,
    PolicyFacts,
    Standing,
    ValidationPolicy,
    encode_policy,
    fingerprint,
    load_policy,
    narrow,
)

TOML = b"""
v = 1
id = "agency-1"
version = "3"
revocation_max_age = 86400
expired_authority = "needs-proof"
purposes = ["licence", "timestamp"]

[[algorithms]]
name = "sm2"

[[algorithms]]
name = "rsa"
bits = 2048
good_until = "2028-12-31"
usable_until = "2030-12-31"
"""


@pytest.mark.parametrize("policy", [DEFAULT_POLICY, PRODUCTION_POLICY], ids=["default", "production"])
def test_a_policy_has_one_byte_form(policy: ValidationPolicy) -> None:
    data = encode_policy(policy)
    assert load_policy(data) == policy
    assert canonical.decode(data, ValidationPolicy) == policy
    assert fingerprint(policy) == sm3(data).hex()
    assert PolicyFacts.of(policy) == PolicyFacts(policy.id, policy.version, fingerprint(policy))


def test_toml_says_the_same() -> None:
    policy = load_policy(TOML)
    assert (policy.id, policy.revocation_max_age, policy.clock_slack) == ("agency-1", 86400, 300)
    assert policy.purposes == (Purpose.LICENCE, Purpose.TIMESTAMP)
    assert load_policy(encode_policy(policy)) == policy
    assert fingerprint(policy) != fingerprint(DEFAULT_POLICY)


RULE = '[[algorithms]]\nname = "sm2"\n'


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="half"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(TOML + b'colour = "red"\n', id="unknown field of a rule"),
        pytest.param(b'colour = "red"\n' + TOML, id="unknown field"),
        pytest.param(TOML.replace(b"v = 1", b"v = 2"), id="another version"),
        pytest.param(TOML.replace(b"2028-12-31", b"2028-02-30"), id="no day"),
        pytest.param(TOML.replace(b"2028-12-31", b"2031-12-31"), id="days in the wrong order"),
        pytest.param(TOML.replace(b'"2028-12-31"', b'""'), id="usable without good"),
        pytest.param(TOML.replace(b"2048", b"-1"), id="bits below zero"),
        pytest.param(TOML.replace(b'"sm2"', b'"SM2"'), id="a name in capitals"),
        pytest.param(TOML.replace(b'"licence"', b'"everything"'), id="unknown purpose"),
        pytest.param(TOML + b"\n[[algorithms]]\nname = 'sm2'\n", id="two rules for one thing"),
        pytest.param(b'v = 1\nid = "a"\nversion = "1"\nalgorithms = []\n', id="no algorithms"),
        pytest.param(f'v = 1\nid = "a b"\nversion = "1"\n{RULE}'.encode(), id="an id with a space"),
        pytest.param(
            b'{"v":1,"id":"a","version":"1","algorithms":[{"name":"sm2","more":1}]}', id="JSON, unknown field"
        ),
        pytest.param(b"[" * 2000, id="deep TOML"),
        pytest.param(b'{"v":' + b"[" * 5000, id="deep JSON"),
    ],
)
def test_what_is_no_policy_is_refused(data: bytes) -> None:
    with pytest.raises((MalformedError, LimitError)):
        load_policy(data)


def test_a_policy_too_large_is_not_read() -> None:
    with pytest.raises(LimitError):
        load_policy(b"#" * (MAX_POLICY + 1))


@given(st.binary(max_size=200))
def test_hostile_bytes_end_in_typed_errors(data: bytes) -> None:
    with pytest.raises((MalformedError, LimitError)):
        load_policy(data)


def day(text: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(text).replace(hour=hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "name", "bits", "at", "standing"),
    [
        pytest.param(DEFAULT_POLICY, "sm2", 256, "2050-01-01", Standing.GOOD, id="SM2"),
        pytest.param(DEFAULT_POLICY, "rsa", 4096, "2026-01-01", Standing.GOOD, id="long RSA"),
        pytest.param(DEFAULT_POLICY, "rsa", 2048, "2026-01-01", Standing.GOOD, id="RSA of just the size"),
        pytest.param(DEFAULT_POLICY, "rsa", 2047, "2026-01-01", Standing.DEPRECATED, id="RSA one bit short"),
        pytest.param(DEFAULT_POLICY, "rsa", 1024, "2013-12-31", Standing.GOOD, id="short RSA in its time"),
        pytest.param(DEFAULT_POLICY, "rsa", 1023, "2026-01-01", Standing.FORBIDDEN, id="RSA too short"),
        pytest.param(DEFAULT_POLICY, "sha1", 0, "2026-01-01", Standing.DEPRECATED, id="SHA-1"),
        pytest.param(DEFAULT_POLICY, "md5", 0, "2000-01-01", Standing.FORBIDDEN, id="MD5"),
        pytest.param(DEFAULT_POLICY, "unknown", 0, "2000-01-01", Standing.FORBIDDEN, id="unknown"),
        pytest.param(PRODUCTION_POLICY, "sha1", 0, "2010-01-01", Standing.GOOD, id="production, SHA-1 in its time"),
        pytest.param(PRODUCTION_POLICY, "sha1", 0, "2020-12-31", Standing.DEPRECATED, id="production, the last day"),
        pytest.param(PRODUCTION_POLICY, "sha1", 0, "2021-01-01", Standing.FORBIDDEN, id="production, the day after"),
    ],
)
def test_algorithms_are_weighed(policy: ValidationPolicy, name: str, bits: int, at: str, standing: Standing) -> None:
    assert policy.weigh(name, bits, day(at)) is standing


def test_a_day_ends_at_its_midnight_in_utc() -> None:
    last = datetime(2020, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert PRODUCTION_POLICY.weigh("sha1", 0, last) is Standing.DEPRECATED
    assert PRODUCTION_POLICY.weigh("sha1", 0, last + timedelta(microseconds=1)) is Standing.FORBIDDEN


@given(st.integers(min_value=0, max_value=20_000), st.integers(min_value=0, max_value=20_000))
def test_an_algorithm_never_gets_better(first: int, second: int) -> None:
    order = list(Standing)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    early, late = sorted((first, second))
    for name, bits in (("sha1", 0), ("rsa", 1024), ("rsa", 2048), ("sm3", 0)):
        then, now = (PRODUCTION_POLICY.weigh(name, bits, start + timedelta(days=days)) for days in (early, late))
        assert order.index(then) <= order.index(now)


def test_a_policy_narrows_the_trust_list() -> None:
    assert narrow(TRUST, DEFAULT_POLICY) is TRUST
    assert narrow(TRUST, PRODUCTION_POLICY).anchors == ()
    few = change(DEFAULT_POLICY, purposes=(Purpose.LICENCE,))
    assert [one.purposes for one in narrow(TRUST, few).anchors] == [frozenset({Purpose.LICENCE})]
    assert narrow(TRUST, change(DEFAULT_POLICY, purposes=())).anchors == ()
