"""What the sandbox's seal maker keeps: seals, their states, the next serial of each place; one file, replaced whole."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct

from sealing.seal import SealKind, SealState
from signing import canonical
from signing.sandbox.files import replace_file

T = TypeVar("T")
_NAME: Final = "seals.json"


class StateEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """The state of a seal from an instant on, and why."""

    state: SealState
    since: datetime
    reason: Annotated[str, Meta(max_length=200)]


class SealEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One issued seal; `esl` and `artwork` are in files named after the number."""

    kind: SealKind
    name: str
    uscc: str
    history: Annotated[tuple[StateEntry, ...], Meta(min_length=1)]

    @property
    def state(self) -> SealState:
        """Answer the state now."""
        return self.history[-1].state

    def state_at(self, at: datetime) -> SealState | None:
        """Answer the state at an instant; None before the seal was issued."""
        past = [entry.state for entry in self.history if entry.since <= at]
        return past[-1] if past else None


class Book(Struct, frozen=True, forbid_unknown_fields=True):
    """All seals by number, and the next serial by place."""

    v: Literal[1]
    seals: dict[str, SealEntry]
    next_serial: dict[str, int]


class SealBook:
    """The book and the seal files in one folder. Thread-safe within one process."""

    def __init__(self, folder: Path) -> None:
        """Open the folder; an empty one starts an empty book."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._lock = folder, Lock()

    def read(self) -> Book:
        """Answer the book as it is."""
        path = self._folder / _NAME
        if not path.exists():
            return Book(1, {}, {})
        return canonical.decode(path.read_bytes(), Book)

    def change(self, rule: Callable[[Book], tuple[Book, T]]) -> T:
        """Apply a rule to the book and keep what it answers; when it raises, nothing has changed."""
        with self._lock:
            changed, answer = rule(self.read())
            replace_file(self._folder / _NAME, canonical.encode(changed))
            return answer

    def keep(self, number: str, esl: bytes, drawn: bytes) -> None:
        """Write the files of one seal, before the book names it."""
        replace_file(self._folder / f"{number}.esl", esl)
        replace_file(self._folder / f"{number}.artwork.json", drawn)

    def load(self, number: str) -> tuple[bytes, bytes]:
        """Read the files of one seal that the book names."""
        return (self._folder / f"{number}.esl").read_bytes(), (self._folder / f"{number}.artwork.json").read_bytes()
