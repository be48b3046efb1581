"""Comparing two revisions of a PDF along their references: what differs, and in what part of the document.

Everything that the newer revision wrote is followed from the catalogue downwards. Where no rule of the parts
(`signing.pdf_catalog_rules` and below) says otherwise, both revisions must say the same, however the objects are
shared: an object that is used in two places must satisfy the rules of both. What nothing leads to is no part of the
document and is not looked at.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from signing.pdf_boxes import Box
from signing.pdf_objects import Name, Objects, array, is_stream, name_of, plain, raw_entry
from signing.pdf_reading import is_dictionary

MAX_STEPS: Final = 2_000_000
_MAX_EVENTS: Final = 2_000
_EMPTY: Final = frozenset[str]()
_CODING: Final = frozenset({"/Length", "/Filter", "/DecodeParms"})


class Act(StrEnum):
    """What a difference amounts to; who may do it is for `signing.pdf_changes` to say."""

    DENIED = "denied"
    BENIGN = "benign"
    METADATA = "metadata"
    VALIDATION = "validation"
    TIMESTAMP = "timestamp"
    SIGNED = "signed"
    SIGNED_ANEW = "signed-anew"
    SHOWN_ANEW = "shown-anew"
    EMPTY_FIELD = "empty-field"
    REDRAWN = "redrawn"
    IMPRESSION = "impression"
    FILLED = "filled"
    FORM = "form"
    COMMENT = "comment"


@dataclass(frozen=True)
class Place:
    """Where in the document something stands, and the Chinese words for a change of it."""

    kind: str
    what: str
    page: int | None = None
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Event:
    """One difference between a revision and the one before. `name` is the form field that it is about, if any."""

    act: Act
    place: Place
    name: str = ""


class TooManyStepsError(Exception):
    """The comparison takes more steps than anybody would wait for."""


@dataclass
class Comparison:
    """Two successive revisions, what the newer one wrote, and what was found so far.

    `homes` are objects that are judged where they belong: pages, form fields, the catalogue. A reference to one of
    them is the same as long as its number is.
    """

    objects: Objects
    old: int
    new: int
    touched: set[int] = field(default_factory=set)
    affected: set[int] = field(default_factory=set)
    homes: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    _steps: int = 0

    def report(self, act: Act, place: Place, name: str = "") -> None:
        """Note one difference, once."""
        event = Event(act, place, name)
        if len(self.events) < _MAX_EVENTS and event not in self.events[-50:]:
            self.events.append(event)

    def deny(self, place: Place) -> None:
        """Note a difference that nothing permits."""
        self.report(Act.DENIED, place)

    def concerns(self, number: int) -> bool:
        """Whether the newer revision wrote this object or one to which it leads."""
        return number in self.touched or number in self.affected

    def was(self, raw: Any) -> Any:
        """Follow a reference as of the older revision."""
        return self.objects.resolve(raw, self.old)

    def now(self, raw: Any) -> Any:
        """Follow a reference as of the newer revision."""
        return self.objects.resolve(raw, self.new)

    def freeze(self, was: Any, now: Any, place: Place) -> None:
        """Demand that two values are the same all the way down."""
        if not self.is_same(was, now):
            self.deny(place)

    def freeze_entries(self, was: Any, now: Any, place: Place, free: Iterable[str] = _EMPTY) -> None:
        """Demand that two dictionaries have the same entries, some apart."""
        for key in sorted((set(was) | set(now)) - set(free)):
            self.freeze(raw_entry(was, key), raw_entry(now, key), place)

    def is_same(self, was: Any, now: Any) -> bool:
        """Whether two values are the same all the way down; references to homes are the same by number."""
        seen, waiting = set[tuple[Any, Any]](), deque([(was, now)])
        while waiting:
            one, other = waiting.pop()
            self._count()
            names = (name_of(one), name_of(other))
            if all(names):
                if names in seen:
                    continue
                seen.add(names)
            more = self._compare(one, other, *names)
            if more is None:
                return False
            waiting += more
        return True

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooManyStepsError

    def _compare(self, one: Any, other: Any, was: Name | None, now: Name | None) -> list[tuple[Any, Any]] | None:
        """Answer what is left to compare; None when the two differ."""
        if was is not None and was == now:
            number = was.number
            if number in self.homes or not self.concerns(number):
                return []
            named = None if number in self.touched else self.objects.names(number, self.old)
            if named is not None:
                return [self._current(child) for child in named if self.concerns(child) and child not in self.homes]
        elif (was and was.number in self.homes) or (now and now.number in self.homes):
            return None
        return self._values(self.was(one), self.now(other))

    def _current(self, number: int) -> tuple[Any, Any]:
        """Answer an object that an untouched one names, as each revision has it."""
        states = (self.objects.state(number, self.old), self.objects.state(number, self.new))
        known = [Reference(number, state.generation) if state else None for state in states]
        return known[0], known[1]

    def _values(self, was: Any, now: Any) -> list[tuple[Any, Any]] | None:
        if is_stream(was) or is_stream(now):
            return self._streams(was, now)
        if is_dictionary(was) and is_dictionary(now):
            return self._entries(was, now)
        if isinstance(was, list) and isinstance(now, list):
            one, other = array(was), array(now)
            return list(zip(one, other, strict=True)) if len(one) == len(other) else None
        return [] if _same_scalar(was, now) else None

    def _entries(self, was: Any, now: Any, apart: frozenset[str] = _EMPTY) -> list[tuple[Any, Any]]:
        return [(raw_entry(was, key), raw_entry(now, key)) for key in (set(was) | set(now)) - apart]

    def _streams(self, was: Any, now: Any) -> list[tuple[Any, Any]] | None:
        if not (is_stream(was) and is_stream(now)):
            return None
        if was.encoded_data == now.encoded_data:
            return self._entries(was, now)
        coded = any(name_of(raw_entry(one, key)) for one in (was, now) for key in _CODING - {"/Length"})
        try:
            recoded = not coded and was.data == now.data
        except Exception:  # noqa: BLE001 - the library may raise anything at all on hostile bytes: not the same
            recoded = False
        return self._entries(was, now, _CODING) if recoded else None


@dataclass(frozen=True)
class Reference:
    """A reference of our own making, read like the library's."""

    idnum: int
    generation: int


def _same_scalar(was: Any, now: Any) -> bool:
    one, other = plain(was), plain(now)
    if one is None or other is None:
        return one is None and other is None
    texts = [getattr(value, "original_bytes", None) for value in (one, other)]
    if any(text is not None for text in texts):
        return texts[0] == texts[1]
    kinds = [_kind(value) for value in (one, other)]
    return kinds[0] == kinds[1] and bool(one == other)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "number" if name in {"NumberObject", "FloatObject"} else name


Rule = Callable[[Comparison], None]
