"""自然人: a person who signs for themselves, with a certificate of their own and no unit behind it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self

from identity.errors import PersonRevokedError, ResidentIdError

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_CHECKS: Final = "10X98765432"
_LENGTH: Final = 18
_BORN: Final = slice(6, 14)
_OF_AGE: Final = 18
"""民法典 17, 18: from eighteen years on a person may do every civil act alone."""
_EARLIEST: Final = 1900


class ResidentId(str):
    """公民身份号码 (GB 11643-1999): eighteen characters, a day of birth in them, the last checking the others.

    Personal information (个人信息保护法): it shows itself masked, and nothing may keep or print it otherwise.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check once, here; a small x is written X. ResidentIdError, whose words never hold the number."""
        text = text.strip().upper()
        body, last = text[:-1], text[-1:]
        if len(text) != _LENGTH or not (body.isascii() and body.isdecimal()) or body[0] == "0":
            raise ResidentIdError("应为 18 位，前 17 位是数字")
        if _CHECKS[sum(w * int(d) for w, d in zip(_WEIGHTS, body, strict=True)) % len(_CHECKS)] != last:
            raise ResidentIdError("校验码不符")
        _day(text)
        return super().__new__(cls, text)

    @property
    def born(self) -> date:
        """Answer the day of birth."""
        return _day(self)

    @property
    def masked(self) -> str:
        """Answer what may be shown: the first and the last character."""
        return f"{self[0]}{'*' * (_LENGTH - 2)}{self[-1]}"

    def __repr__(self) -> str:
        """Show it masked, so that no log or trace holds it."""
        return f"ResidentId({self.masked!r})"

    def require_of_age(self, today: date) -> None:
        """Pass for somebody of eighteen years or more on `today`; ResidentIdError."""
        born = self.born
        if today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < _OF_AGE:
            raise ResidentIdError("未满十八周岁，须由监护人办理")


def _day(text: str) -> date:
    digits = text[_BORN]
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise ResidentIdError("出生日期不存在") from None
    if day.year < _EARLIEST:
        raise ResidentIdError("出生日期不可信")
    return day


class PersonState(StrEnum):
    """Whether a natural person can sign now."""

    ACTIVE = "active"
    REVOKED = "revoked"

    @property
    def label(self) -> str:
        """The register's word."""
        return "有效" if self is PersonState.ACTIVE else "已吊销"

    def require(self) -> None:
        """PersonRevokedError unless the person holds a certificate that was not revoked."""
        if self is PersonState.REVOKED:
            raise PersonRevokedError(self.label)


@dataclass(frozen=True)
class PersonAnswer:
    """The register's answer about one natural person, as of the moment of asking; the certificate is DER."""

    person: str
    name: str
    certificate: bytes
    state: PersonState
    state_since: datetime
