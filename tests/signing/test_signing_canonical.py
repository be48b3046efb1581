"""There is exactly one byte form of what is signed as data."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from signing.canonical import MAX_DOCUMENT, Name, Sm3Hex, decode, encode
from signing.errors import LimitError, MalformedError, NotCanonicalError


class Thing(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    data: bytes
    at: datetime


THING = Thing("投标函", b"\x00\xff", datetime(2026, 11, 21, 8, 0, 0, 123000, tzinfo=UTC))
BYTES = encode(THING)


def test_the_published_form() -> None:
    assert BYTES.decode() == '{"at":"2026-11-21T08:00:00.123000Z","data":"AP8=","name":"投标函"}'
    assert decode(BYTES, Thing) == THING


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(BYTES + b"\n", id="trailing white space"),
        pytest.param(BYTES.replace(b":", b": ", 1), id="inner white space"),
        pytest.param(b'{"name":"x","at":"2026-11-21T08:00:00Z","data":""}', id="keys out of order"),
        pytest.param(b'{"at":"2026-11-21T08:00:00Z","data":"","data":"","name":"x"}', id="duplicate key"),
        pytest.param(BYTES.replace(b"Z", b"+00:00"), id="another spelling of UTC"),
        pytest.param(BYTES.replace("投".encode(), b"\\u6295"), id="escaped letter"),
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        decode(data, Thing)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="nothing"),
        pytest.param(BYTES[:-1], MalformedError, id="truncated"),
        pytest.param(BYTES[:-1] + b',"more":1}', MalformedError, id="unknown field"),
        pytest.param(b"[" * 40 + b"]" * 40, LimitError, id="too deep"),
        pytest.param(b" " * (MAX_DOCUMENT + 1), LimitError, id="too long"),
        pytest.param(b"\xff\xfe", MalformedError, id="not UTF-8"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode(data, Thing)


def test_brackets_inside_a_name_are_letters() -> None:
    thing = Thing("[" * 100 + '"]\\{', b"", datetime(2026, 11, 21, tzinfo=UTC))
    assert decode(encode(thing), Thing) == thing


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_surprise(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(data, Thing)


def test_a_digest_with_a_newline_is_no_digest() -> None:
    class Holder(Struct, frozen=True):
        sm3: Sm3Hex

    with pytest.raises(MalformedError):
        decode(b'{"sm3":"' + b"0" * 64 + b'\\n"}', Holder)
