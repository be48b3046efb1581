"""How a seal is composed: outer shape, text on its arc, star, number, centre lines, name squares.

Outlines come from Noto Serif SC (CFF). The font has one weight, so every glyph is also outlined: at the size
of a seal its thin strokes would vanish. Lengths here are millimetres; `sealing.artwork` keeps hundredths.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

from sealing.artwork import UNIT_PER_MM, Artwork, Stroke
from sealing.errors import MissingGlyphError, SealTextError

_KAPPA: Final = 0.5522847498
_MAX_NAME: Final = 30
_NUMBER_LENGTH: Final = 13

Point = tuple[float, float]
Placing = Callable[[float, float], Point]
"""Maps a point of a glyph's em square (1 wide, y up from the baseline) to the seal."""


@dataclass(frozen=True)
class Glyph:
    """An outline in an em of 1, y up, and its advance width; `centre` is the middle of its ink."""

    contours: tuple[tuple[str, tuple[Point, ...]], ...]
    advance: float
    centre: Point


@dataclass(frozen=True)
class Oval:
    """An ellipse (a circle when both axes agree) around the seal's centre, half axes in mm."""

    centre: Point
    a: float
    b: float

    def shrunk(self, by: float) -> "Oval":
        """Answer the parallel-looking ellipse `by` mm further inside."""
        return Oval(self.centre, self.a - by, self.b - by)

    def at(self, angle: float) -> Point:
        """Answer the point at a parameter angle, 0 on top, clockwise, in radians."""
        return self.centre[0] + self.a * math.sin(angle), self.centre[1] - self.b * math.cos(angle)

    def outward(self, angle: float) -> float:
        """Answer the direction of the outer normal there, as an angle like those of `at`."""
        return math.atan2(self.b * math.sin(angle), self.a * math.cos(angle))

    def spread(self, count: int, start: float, end: float) -> tuple[list[float], float]:
        """`count` angles, centred in equal shares of the arc, and the length of one share in mm."""
        steps = 720
        angles = [start + (end - start) * i / steps for i in range(steps + 1)]
        points = [self.at(angle) for angle in angles]
        lengths = [0.0]
        for one, two in pairwise(points):
            lengths.append(lengths[-1] + math.dist(one, two))
        share = lengths[-1] / count
        wanted = [share * (i + 0.5) for i in range(count)]
        return [angles[_first_at_least(lengths, w)] for w in wanted], share


def round_seal(name: str, number: str, *, diameter_mm: float, line: str = "", mark: str = "") -> Artwork:
    """Draw a round seal: name on the upper arc (up to 30 characters), star, number on the lower arc, maybe a line."""
    _require_text(name, number)
    radius = diameter_mm / 2
    edge = Oval((radius, radius), radius, radius)
    sweep = math.radians(226 if line else 278)
    parts = [
        _ring(edge, 1.2),
        *_arc_name(edge.shrunk(1.9), name, sweep, tallest=5.9),
        _star(edge.centre, 6.6 if not line else 6.0, lift=0.6 if line else 0.0),
        *_arc_number(edge.shrunk(1.75), number),
    ]
    if line:
        parts += _straight(line, (radius, radius + 8.6), height=3.5, widest=diameter_mm * 0.5)
    if mark:
        parts += _straight(mark, (radius, radius + 12.3), height=1.7, widest=9)
    return _artwork(diameter_mm, diameter_mm, parts)


def oval_seal(name: str, number: str, *, size_mm: Point, middle: str, line: str, mark: str = "") -> Artwork:
    """Draw an oval seal (发票专用章): name above, the taxpayer's number in the middle, the line below it."""
    _require_text(name, number)
    width, height = size_mm
    edge = Oval((width / 2, height / 2), width / 2, height / 2)
    parts = [
        _ring(edge, 1.0),
        *_arc_name(edge.shrunk(1.6), name, math.radians(236), tallest=4.4),
        *_straight(middle, (width / 2, height / 2 - 0.6), height=2.5, widest=width * 0.6),
        *_straight(line, (width / 2, height / 2 + 5.0), height=3.4, widest=width * 0.48),
        *_arc_number(edge.shrunk(1.5), number),
    ]
    if mark:
        parts += _straight(mark, (width / 2, height / 2 + 8.6), height=1.5, widest=9)
    return _artwork(width, height, parts)


def square_seal(name: str, *, side_mm: float, mark: str = "") -> Artwork:
    """Draw a square name seal (名章): columns read from right to left, ended by 印 or 之印 to an even count."""
    person = name.replace("·", "")
    if not 2 <= len(person) <= 14:  # noqa: PLR2004 - fewer is no name, more is unreadable at 20 mm
        raise SealTextError(f"a name seal holds 2 to 14 characters, not {len(person)}")
    text = person + ("印" if len(person) % 2 else "之印")
    border, foot = 0.9, 1.9 if mark else 0.0
    parts = [_frame(side_mm, border), *_columns(text, side_mm, border + 0.75, foot)]
    if mark:
        parts += _straight(mark, (side_mm / 2, side_mm - border - 1.15), height=1.5, widest=side_mm * 0.6)
    return _artwork(side_mm, side_mm, parts)


@cache
def glyph(character: str) -> Glyph:
    """Answer the outline of one character. Raises MissingGlyphError; never answers the font's box."""
    from fontTools.pens.recordingPen import RecordingPen  # noqa: PLC0415 - only who draws pays for fontTools

    glyphs, names, em = _font()
    if ord(character) not in names:
        raise MissingGlyphError(character)
    pen = RecordingPen()
    outline = glyphs[names[ord(character)]]
    outline.draw(pen)
    contours = tuple((verb, tuple((x / em, y / em) for x, y in points)) for verb, points in pen.value)
    inked = [p for _, points in contours for p in points]
    xs, ys = [x for x, _ in inked] or [0.0], [y for _, y in inked] or [0.0]
    return Glyph(contours, outline.width / em, ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2))


@cache
def _font() -> tuple[Any, dict[int, str], int]:
    import pylopdf_fonts_zh_cn  # noqa: PLC0415 - see glyph
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    font = TTFont(pylopdf_fonts_zh_cn.serif_path(), lazy=True)
    return font.getGlyphSet(), dict(font.getBestCmap()), int(font["head"].unitsPerEm)


def _require_text(name: str, number: str) -> None:
    if not 1 <= len(name) <= _MAX_NAME:
        raise SealTextError(f"a seal's arc holds 1 to {_MAX_NAME} characters, not {len(name)}")
    if len(number) != _NUMBER_LENGTH or not (number.isascii() and number.isdecimal()):
        raise SealTextError("a seal number has thirteen digits")


def _arc_name(edge: Oval, name: str, sweep: float, *, tallest: float) -> Iterator[Stroke]:
    """Characters stand on the arc, feet to the centre; the more there are, the narrower and lower."""
    step = min(math.radians(23.5), sweep / len(name))
    height = max(tallest - max(0, len(name) - 14) * 0.085, tallest * 0.74)
    middle = edge.shrunk(height / 2)
    half = step * len(name) / 2
    angles, share = middle.spread(len(name), -half, half)
    width = min(share * 0.9, height * 0.78)
    for character, angle in zip(name, angles, strict=True):
        yield _outline(character, _turned(middle.at(angle), middle.outward(angle), width, height), height)


def _arc_number(edge: Oval, number: str) -> Iterator[Stroke]:
    """Digits on the lower arc, heads to the centre, read from left to right."""
    height = 1.75
    middle = edge.shrunk(height / 2 - 0.1)
    half = math.radians(34)
    angles, share = middle.spread(len(number), math.pi + half, math.pi - half)
    for digit, angle in zip(number, angles, strict=True):
        turn = middle.outward(angle) + math.pi
        yield _outline(digit, _turned(middle.at(angle), turn, min(2.35, share * 1.45), 2.35), 1.5)


def _straight(text: str, centre: Point, *, height: float, widest: float) -> Iterator[Stroke]:
    """One line of text around a point, narrowed to fit; digits and letters keep their own widths."""
    advances = [glyph(c).advance for c in text]
    scale = min(height * 1.04, widest / sum(advances))
    x = centre[0] - scale * sum(advances) / 2
    for character, advance in zip(text, advances, strict=True):
        place = _turned((x + scale * advance / 2, centre[1]), 0.0, scale, height, middle=advance / 2)
        yield _outline(character, place, height)
        x += scale * advance


def _columns(text: str, side: float, margin: float, foot: float) -> Iterator[Stroke]:
    count = 2 if len(text) <= 8 else 3  # noqa: PLR2004 - four to a column stay readable
    rows = math.ceil(len(text) / count)
    width, height = (side - 2 * margin) / count, side - 2 * margin - foot
    for index, character in enumerate(text):
        column, row = divmod(index, rows)
        tall = height / min(rows, len(text) - column * rows)
        centre = (side - margin - width * (column + 0.5), margin + tall * (row + 0.5))
        yield _outline(character, _turned(centre, 0.0, width * 0.98, tall * 0.98), min(width, tall))


def _turned(centre: Point, turn: float, width: float, height: float, *, middle: float = 0.5) -> Placing:
    """Put the em square, `width` by `height` mm, around a point, its head turned clockwise by `turn`."""
    cos, sin = math.cos(turn), math.sin(turn)

    def place(x: float, y: float) -> Point:
        across, up = (x - middle) * width, (y - 0.38) * height  # 0.38 em: the optical middle of an ideograph
        return centre[0] + across * cos + up * sin, centre[1] + across * sin - up * cos

    return place


def _outline(character: str, place: Placing, size: float) -> Stroke:
    shape = glyph(character)
    parts = [_segment(verb, [place(x, y) for x, y in points]) for verb, points in shape.contours]
    bold = round(min(0.042 * size, 0.2) * UNIT_PER_MM)
    return Stroke("".join(parts), fill=True, width=bold)


def _segment(verb: str, points: list[Point]) -> str:
    letter = {"moveTo": "M", "lineTo": "L", "curveTo": "C", "closePath": "Z", "endPath": "Z"}[verb]
    return letter + "".join(f" {_unit(x)} {_unit(y)}" for x, y in points)


def _ring(edge: Oval, width: float) -> Stroke:
    line = edge.shrunk(width / 2)
    (x, y), a, b = line.centre, line.a, line.b
    ka, kb = a * _KAPPA, b * _KAPPA
    curves = [
        ((x + ka, y - b), (x + a, y - kb), (x + a, y)),
        ((x + a, y + kb), (x + ka, y + b), (x, y + b)),
        ((x - ka, y + b), (x - a, y + kb), (x - a, y)),
        ((x - a, y - kb), (x - ka, y - b), (x, y - b)),
    ]
    path = _segment("moveTo", [(x, y - b)]) + "".join(_segment("curveTo", list(c)) for c in curves) + "Z"
    return Stroke(path, fill=False, width=_unit(width))


def _frame(side: float, width: float) -> Stroke:
    low, high = width / 2, side - width / 2
    return _polygon([(low, low), (high, low), (high, high), (low, high)], fill=False, width=width)


def _star(centre: Point, radius: float, *, lift: float) -> Stroke:
    inner = radius * math.sin(math.radians(18)) / math.sin(math.radians(126))
    points = [
        (
            centre[0] + (inner if i % 2 else radius) * math.sin(math.pi * i / 5),
            centre[1] - lift - (inner if i % 2 else radius) * math.cos(math.pi * i / 5),
        )
        for i in range(10)
    ]
    return _polygon(points, fill=True, width=0)


def _polygon(points: list[Point], *, fill: bool, width: float) -> Stroke:
    path = _segment("moveTo", points[:1]) + "".join(_segment("lineTo", [p]) for p in points[1:]) + "Z"
    return Stroke(path, fill=fill, width=_unit(width))


def _artwork(width: float, height: float, parts: Iterable[Stroke]) -> Artwork:
    return Artwork(1, _unit(width), _unit(height), tuple(parts))


def _unit(length: float) -> int:
    return round(length * UNIT_PER_MM)


def _first_at_least(values: list[float], wanted: float) -> int:
    return next(i for i, value in enumerate(values) if value >= wanted)
