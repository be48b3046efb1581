"""Seals of persons: practice seals (执业印章), oval or rectangular, and signatures. Lengths in mm."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final, Literal

from sealing.artwork import Artwork, Stroke
from sealing.artwork_glyphs import Face, Placing, Point, glyph, is_wide, outline, unit
from sealing.artwork_shapes import Oval, compose, frame, polygon, ring
from sealing.artwork_sizes import PRACTICE_PLATE, PRACTICE_SIZE, SIGNATURE_SIZE, PracticeSize
from sealing.artwork_text import Arc, along, straight
from sealing.errors import SealTextError

_MAX_TITLE: Final = 30
_MAX_SIGNATURE: Final = 12
_LEAST_SAMPLE: Final = 2
_PEN_MM: Final = 0.55


@dataclass(frozen=True)
class Practice:
    """What a practice seal says: its title, who holds it, number with check code, validity, speciality, employer."""

    title: str
    name: str
    number: str
    valid_until: str
    speciality: str = ""
    employer: str = ""


def oval_practice_seal(
    practice: Practice, *, size: PracticeSize = PRACTICE_SIZE, colour: Literal["red", "blue"] = "blue"
) -> Artwork:
    """Draw a practice seal of two ovals (注册建造师执业印章): title and employer between them, facts inside."""
    _require(practice)
    (a, b), (c, d) = size.outer, size.inner
    centre = (a / 2, b / 2)
    outer, inner = Oval(centre, a / 2, b / 2), Oval(centre, c / 2, d / 2)
    band = (a - c) / 2
    inset = (band - size.title) / 2
    upper, lower = _shares(len(practice.title), len(practice.employer))
    title = Arc(outer.shrunk(inset), upper, size.title, narrow=0.82, each=math.radians(17))
    parts = [ring(outer, 0.6), ring(inner, 0.35), *along(practice.title, title)]
    if practice.employer:
        employer = Arc(outer.shrunk(inset), lower, size.title, narrow=0.82, each=math.radians(15), below=True)
        parts += along(practice.employer, employer)
    lines = (
        (practice.name, size.name),
        (practice.number, size.number),
        (practice.speciality, size.speciality),
        (practice.valid_until, size.validity),
    )
    parts += _stack(lines, centre, lambda y: 1.62 * math.sqrt(max((d / 2) ** 2 - y * y, 1)) * c / d)
    return compose(a, b, parts, colour)


def plate_practice_seal(
    practice: Practice, *, size: Point = PRACTICE_PLATE, colour: Literal["red", "blue"] = "red"
) -> Artwork:
    """Draw a rectangular practice seal with a double frame: title, name, number, validity, employer downwards."""
    _require(practice)
    width, height = size
    lines = (
        (practice.title, height * 0.125),
        (practice.name, height * 0.155),
        (practice.number, height * 0.11),
        (practice.speciality, height * 0.1),
        (practice.valid_until and f"有效期至：{practice.valid_until}", height * 0.1),
        (practice.employer, height * 0.105),
    )
    parts = [frame(width, height, 0.8), frame(width, height, 0.3, inset=1.3)]
    parts += _stack(lines, (width / 2, height / 2), lambda _: width - 6.5, span=height - 4.6)
    return compose(width, height, parts, colour)


def name_signature(
    name: str, *, height_mm: float = 12.0, colour: Literal["black", "blue"] = "black", face: Face = "serif"
) -> Artwork:
    """Draw a name in the manner of a running hand: leaning, rising, each character a little unlike its neighbours.

    Made of the outlines of the seal font, or with `kai` of the system's calligraphic face where there is one; for a
    real hand see `drawing_ink`. SealTextError, MissingGlyphError.
    """
    if not 1 <= len(name) <= _MAX_SIGNATURE:
        raise SealTextError(f"a signature holds 1 to {_MAX_SIGNATURE} characters, not {len(name)}")
    tall = height_mm * 0.72
    x, parts = height_mm * 0.16, list[Stroke]()
    for index, character in enumerate(name):
        sway = _SWAY[(index * 3 + ord(character)) % len(_SWAY)]
        wide = tall * (0.86 if is_wide(character) else 0.8) * (1 + 0.06 * sway)
        left, _, right, _ = glyph(character, face).box
        base = height_mm * (0.79 - 0.012 * index + 0.02 * sway)
        place = _leaning((x - left * wide, base), wide, tall * (1 + 0.09 * sway), math.radians(-4 + 3 * sway))
        drawn = outline(character, place, 0.2, face)
        parts += [drawn] if drawn else []
        x += (right - left) * wide * (1.03 if is_wide(character) else 1.12) if drawn else tall * 0.3
    if not parts:
        raise SealTextError("a signature of nothing but spaces")
    return compose(x + height_mm * 0.34, height_mm, parts, colour)


def signature_seal(
    name: str, *, size_mm: tuple[int, int] = SIGNATURE_SIZE, mark: str = "", face: Face = "kai"
) -> Artwork:
    """Draw a personal signature seal (个人签名章) of the name alone, in the middle of its box; `mark` below it.

    SealTextError, MissingGlyphError.
    """
    width, height = size_mm
    drawn = name_signature(name, height_mm=height - 2.2 if mark else height, face=face)
    wide, high = drawn.size_mm
    scale = min(1.0, width / wide)
    left, top = (width - wide * scale) / 2, (height - (2.2 if mark else 0.0) - high * scale) / 2
    parts = [_moved(stroke, scale, left, top) for stroke in drawn.strokes]
    if mark:
        parts += straight(mark, (width / 2, height - 1.2), height=1.5, widest=width * 0.8, face="sans")
    return compose(width, height, parts, "black")


def _moved(stroke: Stroke, scale: float, left: float, top: float) -> Stroke:
    """Scale a path and move it; its numbers are x and y in turn."""
    shift = cycle((unit(left), unit(top)))
    path = _NUMBER.sub(lambda found: str(round(int(found[0]) * scale) + next(shift)), stroke.d)
    return Stroke(path, stroke.fill, round(stroke.width * scale))


_NUMBER: Final = re.compile(r"-?[0-9]+")


def pen_signature(
    strokes: Sequence[Sequence[Point]], *, width_mm: float = 40.0, colour: Literal["black", "blue"] = "black"
) -> Artwork:
    """Draw a signature from the points of a pen or finger (y down), scaled to `width_mm`. Raises SealTextError."""
    lines = [line for line in strokes if len(line) >= _LEAST_SAMPLE]
    points = [point for line in lines for point in line]
    if not points or len(points) > _MAX_POINTS or not all(map(math.isfinite, (n for p in points for n in p))):
        raise SealTextError(f"a signature has up to {_MAX_POINTS} points, and at least one line")
    left, top = min(x for x, _ in points), min(y for _, y in points)
    wide, high = max(x for x, _ in points) - left, max(y for _, y in points) - top
    if wide <= 0 or high > 4 * wide or len(lines) > _MAX_LINES:
        raise SealTextError("a signature without width, or of too many lines")
    scale = (width_mm - 2) / wide
    scaled = [[(1 + (x - left) * scale, 1 + (y - top) * scale) for x, y in line] for line in lines]
    drawn = [polygon([*line, *reversed(line[1:-1])], fill=False, width=_PEN_MM) for line in scaled]
    return compose(width_mm, high * scale + 2, drawn, colour)


_MAX_POINTS: Final = 5_000
_MAX_LINES: Final = 150
_SWAY: Final = (0.0, 0.7, -0.5, 1.0, -0.9, 0.3, -0.2)


def _stack(
    lines: Sequence[tuple[str, float]], centre: Point, room: Callable[[float], float], *, span: float = 0.0
) -> Iterator[Stroke]:
    """Set lines (text, height of ink) under each other around the centre, as wide as there is room; gaps are even."""
    shown = [(text, height) for text, height in lines if text]
    total = sum(height for _, height in shown)
    gap = (span - total) / (len(shown) + 1) if span else 0.95
    y = -(total + gap * (len(shown) - 1)) / 2
    for text, height in shown:
        widest = room(max(abs(y), abs(y + height)))
        digits = all(c.isascii() for c in text)
        yield from straight(
            text,
            (centre[0], centre[1] + y + height / 2),
            height=height,
            widest=widest,
            face="sans" if digits else "serif",
        )
        y += height + gap


def _leaning(origin: Point, width: float, height: float, turn: float) -> Placing:
    cos, sin = math.cos(turn), math.sin(turn)

    def place(x: float, y: float) -> Point:
        across, up = (x + 0.2 * y + 0.05 * math.sin(3 * y)) * width, (y + 0.05 * math.sin(2.6 * x)) * height
        return origin[0] + across * cos + up * sin, origin[1] + across * sin - up * cos

    return place


def _shares(above: int, below: int) -> tuple[float, float]:
    """Share the band between title and employer by their lengths, leaving air at both ends."""
    if not below:
        return math.radians(250), 0.0
    upper = min(max(300 * above / (above + below), 120), 215)
    return math.radians(upper), math.radians(300 - upper)


def _require(practice: Practice) -> None:
    if not _LEAST_SAMPLE <= len(practice.title) <= _MAX_TITLE or not practice.name or not practice.number:
        raise SealTextError("a practice seal has a title of 2 to 30 characters, a name and a number")
    if max(map(len, (practice.name, practice.number, practice.speciality, practice.employer))) > _MAX_TITLE:
        raise SealTextError(f"a text of a practice seal has at most {_MAX_TITLE} characters")
