"""Licence passwords (执照密码): kept as scrypt hashes, counted when wrong, locked for a while after five."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from identity.errors import MalformedRequestError, PersonUnknownError, PinLockedError, PinWrongError
from identity.sandbox.state import StateFile

TRIES: Final = 5
LOCK: Final = timedelta(minutes=5)
SHORTEST, LONGEST = 6, 64
_COST: Final = 1 << 14


class Pin(Struct, frozen=True, forbid_unknown_fields=True):
    """One person's password hash and what happened to it lately."""

    salt: bytes
    hash: bytes
    wrong: int = 0
    locked_until: datetime | None = None


class PinBook(Struct, frozen=True, forbid_unknown_fields=True):
    """Person id → password."""

    pins: dict[str, Pin] = {}


class Pins:
    """All passwords of one wallet."""

    def __init__(self, folder: Path, random: Callable[[int], bytes]) -> None:
        """Keep them in `folder`/pins.json."""
        self._file = StateFile(folder / "pins.json", PinBook())
        self._random = random

    def put(self, person: str, pin: str) -> None:
        """Give a person a password; MalformedRequestError unless it has 6 to 64 characters."""
        require_length(pin)
        salt = self._random(16)
        entry = Pin(salt, _hash(pin, salt))
        self._file.change(lambda book: (PinBook({**book.pins, person: entry}), None))

    def require(self, person: str, pin: str, *, at: datetime) -> None:
        """Pass if the password is right; PinWrongError, PinLockedError. Tries queue up behind each other."""
        error = self._file.change(lambda book: _judge(book, person, pin, at))
        if error:
            raise error


def require_length(pin: str) -> None:
    """Refuse passwords that are too short or too long: MalformedRequestError."""
    if not SHORTEST <= len(pin) <= LONGEST:
        raise MalformedRequestError("执照密码须为 6 至 64 个字符")


def _judge(book: PinBook, person: str, pin: str, at: datetime) -> tuple[PinBook, Exception | None]:
    """Judge one try; a wrong one must be remembered, so the refusal is a result here, not raised."""
    if person not in book.pins:
        return book, PersonUnknownError(person)
    entry = book.pins[person]
    if entry.locked_until and at < entry.locked_until:
        return book, PinLockedError(f"锁定至 {entry.locked_until:%H:%M:%S} UTC")
    if compare_digest(_hash(pin, entry.salt), entry.hash):
        changed, error = structs.replace(entry, wrong=0, locked_until=None), None
    else:
        changed, error = _count(entry, at)
    return (book if changed == entry else PinBook({**book.pins, person: changed})), error


def _count(entry: Pin, at: datetime) -> tuple[Pin, Exception]:
    wrong = entry.wrong + 1
    if wrong >= TRIES:
        return structs.replace(entry, wrong=0, locked_until=at + LOCK), PinLockedError("已连续输错 5 次")
    return structs.replace(entry, wrong=wrong, locked_until=None), PinWrongError(f"还可再试 {TRIES - wrong} 次")


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_COST, r=8, p=1, dklen=32)
