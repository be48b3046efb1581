"""Finding the 统一社会信用代码 (GB 32100-2015) in what a certificate says, each candidate checked.

Certification authorities write it under many object identifiers and in many spellings (with a tag letter, a label, a
country prefix). A code whose check character is wrong names nobody, so it is kept apart and never identifies a unit.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from signing import der
from signing.errors import MalformedError

USCC_EXTENSION: Final = "1.2.156.10260.4.1.4"
"""组织机构代码／统一社会信用代码 of GM/T 0015-2012: what we write."""
USCC_OIDS: Final = (USCC_EXTENSION, "1.2.156.10260.4.4.4", "1.2.156.10260.4.4", "1.2.86.11.7.3")
"""Extensions that may hold the code, best first (GM/T 0015-2012, -2023 in two readings, and an older CA habit)."""
USCC_ATTRIBUTES: Final = ("2.5.4.97", "2.5.4.5", "2.5.4.11", "2.5.4.45")
"""Attributes of the subject that may hold it: organizationIdentifier, serialNumber, OU, uniqueIdentifier."""

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_LENGTH: Final = 18
_CODE: Final = re.compile(r"(?<![0-9A-Z])N?([0-9A-HJ-NPQRTUWXY]{18})(?![0-9A-Z])")  # some CAs write a tag letter first
_MAX_VALUE: Final = 64 << 10
_MAX_DEPTH: Final = 4
_TAG_CLASS: Final = 0xC0
_CONTEXT: Final = 0x80


@dataclass(frozen=True)
class CreditCodes:
    """What was found, best first: `right` with a right check character, `wrong` with another one."""

    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def is_credit_code(text: str) -> bool:
    """Whether this is eighteen characters of GB 32100, the last checking the others."""
    if len(text) != _LENGTH or not set(text) <= set(_ALPHABET):
        return False
    total = sum(weight * _ALPHABET.index(c) for weight, c in zip(_WEIGHTS, text[:-1], strict=True))
    return text[-1] == _ALPHABET[-total % 31]


def find_credit_codes(
    extensions: Mapping[str, bytes], name: Sequence[tuple[str, str]], *, oids: Sequence[str], attributes: Sequence[str]
) -> CreditCodes:
    """Look through the extension values by `oids` in their order, then the name's attributes in theirs."""
    texts = [text for oid in oids if oid in extensions for text in read_texts(extensions[oid])]
    texts += [text for wanted in attributes for oid, text in name if oid == wanted]
    found = dict.fromkeys(code for text in texts for code in _CODE.findall(text.upper()))
    return CreditCodes(
        tuple(code for code in found if is_credit_code(code)),
        tuple(code for code in found if not is_credit_code(code)),
    )


def read_texts(value: bytes) -> tuple[str, ...]:
    """Answer the texts of an identity extension: strings, tagged or nested ones, or raw text as some CAs write."""
    try:
        return tuple(_walk(der.read(value, limit=_MAX_VALUE), 0))
    except MalformedError:
        return (value.decode("utf-8", "replace"),)


def _walk(element: der.Element, depth: int) -> Iterable[str]:
    if element.tag & 0x20 and depth < _MAX_DEPTH:
        for child in element.children():
            yield from _walk(child, depth + 1)
    elif element.tag & _TAG_CLASS == _CONTEXT:
        yield element.body.decode("utf-8", "replace")
    else:
        yield element.text()
