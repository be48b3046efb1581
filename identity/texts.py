"""Names, digests and instants as people see them: the same on wallet, screen and paper."""

from datetime import datetime, timedelta, timezone
from typing import Annotated

from msgspec import Meta

_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufff0-\ufffb\U000e0000-\U000e007f"
)
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=rf"^[^{_HIDDEN}]*\Z")]
"""A name without control, line, direction or invisible characters, so that what is shown is what is signed."""


OptionalText = Annotated[str, Meta(max_length=200, pattern=rf"^[^{_HIDDEN}]*\Z")]
"""The same, or empty."""

PersonName = Annotated[str, Meta(min_length=1, max_length=200, pattern=rf"^(?!\s)[^{_HIDDEN}]*(?<!\s)\Z")]
"""A person's name: as Text, with no blank at either end, by which two names could look alike."""


def grouped(digest: str) -> str:
    """Answer the beginning of a hex digest (64 bits) as people compare it: four groups of four."""
    return " ".join(digest[i : i + 4] for i in range(0, 16, 4))


def beijing(at: datetime) -> str:
    """Write an instant as 北京时间, to the second."""
    return at.astimezone(timezone(timedelta(hours=8))).strftime("%Y-%m-%d %H:%M:%S")


def is_plain(at: datetime) -> bool:
    """Whether an instant is UTC in whole milliseconds, the one form that is signed."""
    return at.tzinfo is not None and at.utcoffset() == timedelta(0) and at.microsecond % 1000 == 0
