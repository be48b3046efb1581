"""What the sandbox's seal maker keeps: seals, their histories, the next serials; one file, replaced whole."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct, structs

from sealing.errors import SealApplicationError
from sealing.seal import SealKind, SealState
from sealing.seal_life import StateChange, state_at
from sealing.wire import ScanOrder
from signing import canonical
from signing.sandbox.files import replace_file

T = TypeVar("T")
_NAME: Final = "seals.json"
_SUFFIXES: Final = (".esl", ".artwork.json", ".consent", ".scan.png", ".scan.json")


class SealEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One seal; `esl` and `artwork` are in files named after the number. `consent_sm3` is lower hex.

    `person` is the opaque id of the natural person whose own it is; then `uscc` is empty.
    """

    kind: SealKind
    name: str
    uscc: str
    history: Annotated[tuple[StateChange, ...], Meta(min_length=1)]
    not_before: datetime | None = None
    not_after: datetime | None = None
    replaces: str = ""
    replaced_by: str = ""
    applicant: str = ""
    authorisation: str = ""
    consent_sm3: str = ""
    person: str = ""

    @property
    def closed(self) -> bool:
        """Whether it was cancelled."""
        return self.history[-1].state is SealState.CANCELLED

    def state_at(self, at: datetime) -> SealState | None:
        """Answer the state at an instant; None before the seal was issued."""
        return state_at(self.history, at, not_after=self.not_after)


class Book(Struct, frozen=True, forbid_unknown_fields=True):
    """All seals by number, the next serial by place, and the scans that wait for a confirmation."""

    v: Literal[1]
    seals: dict[str, SealEntry]
    next_serial: dict[str, int]
    scans: dict[str, ScanOrder] = {}

    def with_seals(self, *entries: tuple[str, SealEntry]) -> "Book":
        """Answer the book with these entries added or exchanged."""
        return structs.replace(self, seals={**self.seals, **dict(entries)})

    def latest(self, uscc: str, kind: SealKind, person: str = "") -> tuple[str, SealEntry] | None:
        """Answer a holder's present seal of a kind, or else the last of those that were cancelled."""
        wanted = (uscc, person, kind)
        found = [(number, one) for number, one in self.seals.items() if (one.uscc, one.person, one.kind) == wanted]
        return max(
            found,
            key=lambda pair: (not pair[1].closed, not pair[1].replaced_by, pair[1].history[0].since),
            default=None,
        )

    def require_unused(self, consent_sm3: str) -> None:
        """Pass if no seal was made under this consent yet: one consent, one act. SealApplicationError."""
        if consent_sm3 and any(one.consent_sm3 == consent_sm3 for one in self.seals.values()):
            raise SealApplicationError("此项授权已用于制作印章，请重新授权")

    def free_serial(self, region: str, number: Callable[[str, int], str]) -> int:
        """Answer the next serial of a place whose number no seal has; imported seals may have taken some."""
        serial = self.next_serial.get(region, 1)
        while number(region, serial) in self.seals:
            serial += 1
        return serial


class SealBook:
    """The book and the seal files in one folder. Thread-safe within one process."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, an empty one starts an empty book; files that a crash left without an entry go away."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._lock = folder, Lock()
        self._sweep()

    def read(self) -> Book:
        """Answer the book as it is."""
        path = self._folder / _NAME
        if not path.exists():
            return Book(1, {}, {})
        return canonical.decode_lenient(path.read_bytes(), Book)

    def change(self, rule: Callable[[Book], tuple[Book, T]]) -> T:
        """Apply a rule to the book and keep what it answers; when it raises, nothing has changed."""
        with self._lock:
            book = self.read()
            changed, answer = rule(book)
            if changed != book:
                replace_file(self._folder / _NAME, canonical.encode(changed))
            return answer

    def keep(self, number: str, esl: bytes, drawn: bytes) -> None:
        """Write the files of one seal, before the book names it."""
        replace_file(self._folder / f"{number}.esl", esl)
        replace_file(self._folder / f"{number}.artwork.json", drawn)

    def keep_consent(self, number: str, consent: bytes) -> None:
        """Write the consent of an application, before the book names its digest."""
        replace_file(self._folder / f"{number}.consent", consent)

    def keep_scan(self, scan: str, picture: bytes, drawn: bytes) -> None:
        """Write a cleaned picture and its vector artwork, before the book names it."""
        replace_file(self._folder / f"{scan}.scan.png", picture)
        replace_file(self._folder / f"{scan}.scan.json", drawn)

    def load_scan(self, scan: str) -> tuple[bytes, bytes]:
        """Read a cleaned picture and its artwork that the book names."""
        return (self._folder / f"{scan}.scan.png").read_bytes(), (self._folder / f"{scan}.scan.json").read_bytes()

    def load(self, number: str) -> tuple[bytes, bytes]:
        """Read the files of one seal that the book names."""
        return (self._folder / f"{number}.esl").read_bytes(), (self._folder / f"{number}.artwork.json").read_bytes()

    def _sweep(self) -> None:
        book = self.read()
        for path in self._folder.iterdir():
            stem = next((path.name.removesuffix(s) for s in _SUFFIXES if path.name.endswith(s)), "")
            if path.is_file() and stem and stem not in book.seals and stem not in book.scans:
                path.unlink()
