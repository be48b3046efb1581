"""Timestamp messages that are hostile, odd or damaged: bounded, and answered by typed errors only."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import EVIDENCE, NOON, POLICY, TRUST, TSA

from signing import der
from signing.checks import Indication, Verdict
from signing.digests import sm3
from signing.errors import LimitError, MalformedError, SigningError, TimestampError, TimestampRefusedError
from signing.signed_data import SIGNED_DATA
from signing.timestamps import (
    MAX_MESSAGE,
    Stamp,
    build_refusal,
    build_request,
    build_response,
    make_token,
    parse_request,
    parse_response,
    parse_token,
    verify_token,
)

IMPRINT = sm3(b"tender")
STAMP = Stamp(IMPRINT, 55, NOON, POLICY, 7)
TOKEN = make_token(STAMP, TSA.certificate, TSA.sign)


def _verify(data: bytes, *, strict: bool = False) -> Verdict:
    return verify_token(data, imprint=IMPRINT, anchors=TRUST, evidence=EVIDENCE, strict=strict)


def test_a_refusal_says_why() -> None:
    with pytest.raises(TimestampRefusedError, match=r"status 2.*badAlg、只收 SM3") as caught:
        parse_response(build_refusal(0, "只收 SM3"), IMPRINT, 7)
    assert (caught.value.status, caught.value.failures, caught.value.words) == (2, ("badAlg",), "只收 SM3")


def test_a_policy_that_is_not_taken() -> None:
    assert parse_response(build_response(TOKEN), IMPRINT, 7, policies={POLICY}) == TOKEN
    with pytest.raises(TimestampError, match="policy"):
        parse_response(build_response(TOKEN), IMPRINT, 7, policies={"1.2.3"})


def test_requests_say_what_they_want() -> None:
    data = build_request(bytes(48), 9, digest="sha384", policy="1.2.3", wants_certificate=False)
    asked = parse_request(data)
    assert (asked.digest_algorithm, asked.policy, asked.wants_certificate) == ("sha384", "1.2.3", False)
    der.require_der(data, limit=1 << 16)


def _nested(depth: int, *, indefinite: bool = False) -> bytes:
    return b"\x30\x80" * depth if indefinite else bytes(_wrap(depth))


def _wrap(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = der.sequence(data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_nested(2000), id="deep"),
        pytest.param(_nested(100_000, indefinite=True), id="deep and endless"),
        pytest.param(der.sequence(b"\x05\0" * ((MAX_MESSAGE - 8) // 2)), id="many elements"),
        pytest.param(
            b"\x30\x80" + b"\x05\0" * ((MAX_MESSAGE - 8) // 2) + b"\0\0", id="many elements of indefinite length"
        ),
        pytest.param(
            der.sequence(
                der.oid(SIGNED_DATA), der.explicit(0, der.sequence(der.integer(3), der.set_of(), b"\x05\0" * 100_000))
            ),
            id="many elements further inside",
        ),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", id="a giant length"),
        pytest.param(b"\x30\x88" + b"\xff" * 8, id="a length of eight octets"),
        pytest.param(bytes(MAX_MESSAGE + 1), id="too large"),
    ],
)
def test_hostile_sizes_are_bounded(data: bytes) -> None:
    start = time.process_time()
    with pytest.raises(MalformedError):
        parse_token(data)
    with pytest.raises(SigningError):
        parse_response(data, IMPRINT, 7)
    assert _verify(data).failed == ["timestamp-format"]
    assert time.process_time() - start < 4  # three readings, each of which has two seconds


def test_a_token_over_the_limit_is_not_read() -> None:
    with pytest.raises(LimitError):
        parse_token(bytes(MAX_MESSAGE + 1))


@given(st.data())
def test_damage_never_ends_in_anything_but_our_errors(data: st.DataObject) -> None:
    """Splice noise into a token: verdicts and typed errors only, and no new "valid"."""
    at, size = data.draw(st.integers(0, len(TOKEN))), data.draw(st.integers(0, 40))
    changed = TOKEN[:at] + data.draw(st.binary(max_size=40)) + TOKEN[at + size :]
    if changed == TOKEN:
        return
    assert _verify(changed, strict=True).indication is not Indication.TOTAL_PASSED
    verdict = _verify(changed)
    if verdict.indication is Indication.TOTAL_PASSED:
        assert parse_token(changed).signed.content == STAMP.encode()
    for parse in (parse_token, parse_request, lambda raw: parse_response(build_response(raw), IMPRINT, 7)):
        try:
            parse(changed)
        except SigningError:
            continue
