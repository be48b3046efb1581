"""The characters on an OFD page and where they stand (GB/T 33190-2016 11): text objects, with their offsets and CTM.

A box is an estimate from the font's size: sizes of single glyphs stand in fonts, which are not opened. Composite
objects show the text of their unit in the resources, one level deep; text of annotations is not read.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final
from unicodedata import east_asian_width

from sealing.errors import KeywordError
from sealing.ofd_pages import read_numbers
from sealing.ofd_xml import Handler, read_with

_ABOVE, _BELOW = 0.88, 0.12
"""Parts of a character's size above and below its base line."""
_NARROW: Final = 0.5
_IDENTITY: Final = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_MAX_OFFSETS: Final = 100_000
_SIX, _TWO = 6, 2
_UNSEEN: Final = frozenset({"false", "0"})


@dataclass(frozen=True)
class Glyph:
    """One character and its box: left, top, right, bottom in mm on the page."""

    char: str
    box: tuple[float, float, float, float]

    @property
    def centre(self) -> tuple[float, float]:
        """Answer the middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def size(self) -> float:
        """Answer the longer side of the box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


Units = Mapping[str, Sequence[Glyph]]
"""The characters of composite graphic units (复合图元) by ID, as they stand in the unit."""


def read_text(data: bytes, most: int, units: Units | None = None) -> list[Glyph]:
    """Read the characters of a page or template in the order in which they are drawn.

    Raises MalformedError, LimitError, and KeywordError for more than `most` characters.
    """
    reader = _TextReader(most, units or {})
    read_with(data, reader)
    return reader.glyphs


def read_units(data: bytes, most: int) -> dict[str, list[Glyph]]:
    """Read the characters of the composite graphic units in a part of resources. Raises as `read_text`."""
    reader = _UnitReader(most, {})
    read_with(data, reader)
    return reader.units


@dataclass(frozen=True)
class _Frame:
    """Where an object lies: the corner of its boundary, and its transformation."""

    left: float
    top: float
    ctm: tuple[float, ...]

    @classmethod
    def of(cls, attributes: dict[str, str]) -> "_Frame | None":
        """Read it; None for an object that is not seen or has no place."""
        boundary, ctm = (read_numbers(attributes.get(name, "")) for name in ("Boundary", "CTM"))
        seen = attributes.get("Visible", "true").strip().casefold() not in _UNSEEN
        if not seen or len(boundary) < _TWO:
            return None
        return cls(boundary[0], boundary[1], ctm if len(ctm) == _SIX else _IDENTITY)

    def glyph(self, char: str, points: Iterable[tuple[float, float]]) -> Glyph:
        """Put the corners of a character from inside the object to where the object lies."""
        a, b, c, d, e, f = self.ctm
        moved = [(self.left + a * x + c * y + e, self.top + b * x + d * y + f) for x, y in points]
        xs, ys = zip(*moved, strict=True)
        return Glyph(char, (min(xs), min(ys), max(xs), max(ys)))


@dataclass(frozen=True)
class _Object:
    """A text object: its frame, size and directions."""

    frame: _Frame
    size: float
    stretch: float
    reading: int
    turned: int

    @classmethod
    def of(cls, attributes: dict[str, str]) -> "_Object | None":
        """Read its attributes; None for one that is not seen or has no place."""
        frame, size = _Frame.of(attributes), read_numbers(attributes.get("Size", ""))
        if frame is None or len(size) != 1 or size[0] <= 0:
            return None
        stretch = read_numbers(attributes.get("HScale", ""))
        return cls(
            frame,
            size[0],
            stretch[0] if len(stretch) == 1 else 1.0,
            _quarters(attributes.get("ReadDirection", "")),
            _quarters(attributes.get("CharDirection", "")),
        )

    def advance(self, char: str) -> tuple[float, float]:
        """Answer how far the next character stands off when no offsets say so."""
        return _turn(self.width(char), 0.0, self.reading)

    def width(self, char: str) -> float:
        """Estimate the width of a character."""
        wide = east_asian_width(char) in "WFA" and not char.isascii()
        return self.size * self.stretch * (1.0 if wide else _NARROW)

    def glyph(self, char: str, x: float, y: float) -> Glyph:
        """Put the box of a character with its origin at a point of the object onto the page."""
        left, right, up, down = 0.0, self.width(char), -_ABOVE * self.size, _BELOW * self.size
        turned = [_turn(dx, dy, self.turned) for dx in (left, right) for dy in (up, down)]
        return self.frame.glyph(char, [(x + dx, y + dy) for dx, dy in turned])


class _TextReader(Handler):
    """Collects characters."""

    most = 2_000_000

    def __init__(self, most: int, units: Units) -> None:
        super().__init__()
        self.glyphs = list[Glyph]()
        self._room, self._units = most, units
        self._object: _Object | None = None
        self._code: dict[str, str] | None = None
        self._start = (0.0, 0.0)
        self._text = list[str]()

    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        if name == "TextObject" and is_ours:
            self._object, self._start = _Object.of(attributes), (0.0, 0.0)
        if name == "CompositeObject" and is_ours:
            self._compose(attributes)
        self._code = attributes if name == "TextCode" and is_ours and self._object else None
        self._text = []

    def closed(self) -> None:
        if self._code is not None and self._object is not None:
            self._take(self._object, self._code, "".join(self._text))
        self._code = None

    def characters(self, text: str) -> None:
        if self._code is not None:
            self._text.append(text)

    def _take(self, shape: _Object, code: dict[str, str], text: str) -> None:
        if "\n" in text:  # laid out by whoever wrote the XML: no offsets count these blanks
            text = text.strip()
        self._count(len(text))
        # where X or Y is left out, that of the text before counts
        x, y = (read_numbers(code.get(name, "")) for name in ("X", "Y"))
        self._start = (x[0] if x else self._start[0], y[0] if y else self._start[1])
        steps = _steps(shape, code, text)
        xs = accumulate((step[0] for step in steps), initial=self._start[0])
        ys = accumulate((step[1] for step in steps), initial=self._start[1])
        self._keep(map(shape.glyph, text, xs, ys))

    def _compose(self, attributes: dict[str, str]) -> None:
        """Show the text of a unit where a composite object lies."""
        unit, frame = self._units.get(attributes.get("ResourceID", "")), _Frame.of(attributes)
        if unit and frame:
            self._count(len(unit))
            self._keep(frame.glyph(one.char, _corners(one.box)) for one in unit)

    def _count(self, characters: int) -> None:
        self._room -= characters
        if self._room < 0:
            raise KeywordError("too much text to search")

    def _keep(self, glyphs: Iterable[Glyph]) -> None:
        self.glyphs += (one for one in glyphs if all(map(math.isfinite, one.box)) and not one.char.isspace())


class _UnitReader(_TextReader):
    """Collects characters by the unit in which they stand."""

    def __init__(self, most: int, units: Units) -> None:
        super().__init__(most, units)
        self.units = dict[str, list[Glyph]]()

    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        if name == "CompositeGraphicUnit" and is_ours:
            self.glyphs = self.units.setdefault(attributes.get("ID", ""), [])
        super().opened(name, attributes, is_ours=is_ours)


def _corners(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    return [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]


def _steps(shape: _Object, code: dict[str, str], text: str) -> Sequence[tuple[float, float]]:
    """Answer how far each character but the first stands off the one before; offsets that are too few go on."""
    count = max(len(text) - 1, 0)
    if not (code.get("DeltaX", "").strip() or code.get("DeltaY", "").strip()):
        return [shape.advance(char) for char in text[:count]]
    across, down = (_offsets(code.get(name, ""), count) for name in ("DeltaX", "DeltaY"))
    return list(zip(across, down, strict=True))


def _offsets(text: str, count: int) -> list[float]:
    """Read an offset array, in which `g n v` stands for n times v (11.3)."""
    found, words = list[float](), text.split()
    at = 0
    while at < len(words) and len(found) < count:
        if words[at].casefold() == "g" and at + 2 < len(words):
            times, value = read_numbers(words[at + 1]), read_numbers(words[at + 2])
            if not times or not value or not 0 <= times[0] <= _MAX_OFFSETS:
                break
            found += [value[0]] * min(int(times[0]), count - len(found))
            at += 3
        else:
            found += read_numbers(words[at])[:1] or [0.0]
            at += 1
    last = found[-1] if found else 0.0
    return found + [last] * (count - len(found))


def _quarters(text: str) -> int:
    """Read a direction: 0, 90, 180 or 270 degrees clockwise, as quarters of a turn."""
    numbers = read_numbers(text)
    return round(numbers[0] / 90) % 4 if len(numbers) == 1 else 0


def _turn(x: float, y: float, quarters: int) -> tuple[float, float]:
    """Turn clockwise, y being downwards."""
    match quarters:
        case 1:
            return -y, x
        case 2:
            return -x, -y
        case 3:
            return y, -x
    return x, y
