"""The one byte form of everything that is signed or hashed as data.

Canonical JSON here: UTF-8, keys sorted by code point, no white space, shortest escapes, integers only (no
floats), instants as RFC 3339 in UTC with a `Z`, bytes as padded standard base64. Decoding demands that
re-encoding gives the same bytes, so duplicate keys, other spellings and trailing bytes are refused.
"""

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from signing.errors import LimitError, MalformedError, NotCanonicalError

MAX_DOCUMENT = 4 << 20
"""Bytes; nothing that we sign as data is longer."""
_MAX_DEPTH = 32

Sm3Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""A 32-byte SM3 digest in lower-case hex."""
Name = Annotated[str, Meta(min_length=1, max_length=200)]
"""A human-readable name of at most 200 characters."""
Code = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}\Z")]
"""A short machine code."""

T = TypeVar("T", bound=Struct)

_encoder = msgspec.json.Encoder(order="sorted")


def encode(value: Struct | dict[str, Any] | list[Any]) -> bytes:
    """Encode a Struct (or plain data) in its one byte form."""
    return _encoder.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """Decode, refusing every encoding but the canonical one.

    Raises LimitError over MAX_DOCUMENT or 32 levels, MalformedError for other data, NotCanonicalError for other
    spellings of the same data.
    """
    value = decode_lenient(data, kind)
    if encode(value) != data:
        raise NotCanonicalError("not the canonical encoding")
    return value


def decode_lenient(data: bytes, kind: type[T]) -> T:
    """Decode any spelling of the same data: for requests, never for what was signed."""
    if len(data) > MAX_DOCUMENT:
        raise LimitError(f"{len(data)} bytes; at most {MAX_DOCUMENT} are read")
    if _depth(data) > _MAX_DEPTH:
        raise LimitError(f"nested deeper than {_MAX_DEPTH}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MalformedError(f"not a {kind.__name__}: {error}") from error


def _depth(data: bytes) -> int:
    """Answer the deepest bracket level outside of strings; bytes that are no JSON may give any number."""
    deepest = level = 0
    for match in _TOKENS.finditer(data):
        if match[0] in _OPENING:
            level += 1
            deepest = max(deepest, level)
        elif match[0] in _CLOSING:
            level -= 1
    return deepest


_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{}]', re.DOTALL)
_OPENING = frozenset((b"[", b"{"))
_CLOSING = frozenset((b"]", b"}"))
