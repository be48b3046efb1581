"""统一社会信用代码 (GB 32100-2015): the one name of a unit everywhere in this system."""

from collections.abc import Callable
from typing import Annotated, Final, Self

from msgspec import Meta

from identity.errors import InvalidCreditCodeError

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_LENGTH: Final = 18
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
_ORGANISATION_LENGTH: Final = 9

Uscc = Annotated[str, Meta(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}\Z")]
"""The form only, for Structs; making a UnifiedSocialCreditCode of it checks the check character."""

OptionalUscc = Annotated[str, Meta(pattern=r"^([0-9A-HJ-NP-RTUW-Y]{18})?\Z")]
"""The same, or empty where a person acts for no unit."""


class UnifiedSocialCreditCode(str):
    """统一社会信用代码 (GB 32100): eighteen characters, the last checking the others.

    Lower case is not folded: what people see, what is signed and what is compared is one spelling.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check once, here; InvalidCreditCodeError."""
        if len(text) != _LENGTH or not set(text) <= set(_ALPHABET):
            raise InvalidCreditCodeError(f"not eighteen characters of {_ALPHABET}: {text!r}")
        if text[-1] != _check_character(text[:-1]):
            raise InvalidCreditCodeError(f"check character does not match: {text!r}")
        return super().__new__(cls, text)

    @property
    def organisation_code(self) -> str:
        """主体标识码: the nine characters 9 to 17 (GB 11714), its own check character included."""
        return self[8:17]

    @property
    def region(self) -> str:
        """登记管理机关行政区划码: six digits of GB/T 2260."""
        return self[2:8]


def _check_character(first: str) -> str:
    total = sum(w * _ALPHABET.index(c) for w, c in zip(_WEIGHTS, first, strict=True))
    return _ALPHABET[-total % 31]


def organisation_check(first: str) -> str:
    """Answer the check character of an organisation code's first eight characters (GB 11714): 0-9 or X."""
    if len(first) != _ORGANISATION_LENGTH - 1 or not (first.isascii() and first.isalnum() and first.upper() == first):
        raise InvalidCreditCodeError(f"not eight digits or capital letters: {first!r}")
    total = sum(w * int(c, 36) for w, c in zip(_ORGANISATION_WEIGHTS, first, strict=True))
    return "0123456789X0"[11 - total % 11]


def is_organisation_code(text: str) -> bool:
    """Whether this is an organisation code with a right check character; old codes in the field may not be."""
    try:
        return len(text) == _ORGANISATION_LENGTH and organisation_check(text[:-1]) == text[-1]
    except InvalidCreditCodeError:
        return False


def generate_uscc(random: Callable[[int], bytes], *, region: str = "370200") -> UnifiedSocialCreditCode:
    """Make a well-formed code of an enterprise (91) for a sandbox; `random(n)` gives n random bytes.

    The organisation code begins with `MA`, as those given out since 2015 do, and checks by GB 11714.
    """
    number = int.from_bytes(random(8), "big")
    body = "MA"
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        body += _ALPHABET[digit]
    first = f"91{region}{body}{organisation_check(body)}"
    return UnifiedSocialCreditCode(first + _check_character(first))
