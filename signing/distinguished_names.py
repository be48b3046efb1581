"""Distinguished names (可辨别名称, X.501): reading, RFC 4514 text, and the comparison of RFC 5280 7.1."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from signing import der
from signing.errors import MalformedError

COMMON_NAME: Final = "2.5.4.3"
SERIAL_NUMBER: Final = "2.5.4.5"
COUNTRY: Final = "2.5.4.6"
ORGANISATION: Final = "2.5.4.10"
UNIT: Final = "2.5.4.11"
TITLE: Final = "2.5.4.12"
ORGANISATION_IDENTIFIER: Final = "2.5.4.97"
EMAIL: Final = "1.2.840.113549.1.9.1"
_SHORT_NAMES: Final = {
    COMMON_NAME: "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    ORGANISATION: "O",
    UNIT: "OU",
    COUNTRY: "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_LIMIT: Final = 64 << 10
_SHORT: Final = 1024

Name = tuple[tuple[str, str], ...]
"""(OID, text) in the order of the encoding."""
Folded = tuple[frozenset[tuple[str, str]], ...]
"""A name made ready for comparison: case, width, white space and string type no longer matter."""


def read_name(name: der.Element) -> Name:
    """Read a distinguished name as (OID, text) pairs in their order; values that are no text become hex."""
    return tuple(pair for rdn in name.expect(der.SEQUENCE).children() for pair in _read_rdn(rdn))


def _read_rdn(rdn: der.Element) -> list[tuple[str, str]]:
    pairs = list[tuple[str, str]]()
    for attribute in rdn.expect(der.SET).children():
        parts = attribute.fields()
        pairs.append((parts.take(der.OID).oid(), _text(parts.take())))
    return pairs


def format_name(name: Name) -> str:
    """Format as RFC 4514: the most specific first, special characters escaped."""
    return ",".join(f"{_SHORT_NAMES.get(oid, oid)}={_escape(text)}" for oid, text in reversed(name))


def first_of(name: Name, *oids: str) -> str:
    """Answer the first value of the first of these attributes that the name has; empty when it has none."""
    return next((text for wanted in oids for oid, text in name if oid == wanted), "")


def fold_name(name_der: bytes) -> Folded:
    """Make a DER name ready for comparison (caseIgnoreMatch, RFC 4518); MalformedError."""
    return _fold_short(name_der) if len(name_der) <= _SHORT else _fold_any(name_der)


@lru_cache(maxsize=256)
def _fold_short(name_der: bytes) -> Folded:
    """Remember the names of the few authorities that every judgement meets again."""
    return _fold_any(name_der)


def _fold_any(name_der: bytes) -> Folded:
    rdns = der.read(name_der, limit=_LIMIT).expect(der.SEQUENCE).children()
    return tuple(frozenset((oid, _fold(text)) for oid, text in _read_rdn(rdn)) for rdn in rdns)


def same_name(one: bytes, other: bytes) -> bool:
    """Whether two DER names are one name (RFC 5280 7.1); names that are empty or no names never match."""
    if len(one) <= len(b"\x30\x00"):
        return False
    try:
        return one == other or fold_name(one) == fold_name(other)
    except MalformedError:
        return False


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _escape(text: str) -> str:
    text = re.sub(r'([\\,+"<>;=])', r"\\\1", text).replace("\0", "\\00")
    if text.startswith((" ", "#")):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") and len(text) > 1 else text


def _text(value: der.Element) -> str:
    try:
        return value.text()
    except MalformedError:
        return f"#{value.raw.hex()}"
