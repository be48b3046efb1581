"""Writing on a seal: along an arc, in a line, in columns from the right. Lengths in mm.

Along an arc every character stands on the same curve, and the gaps between neighbours, measured there at their
feet where they are closest, are equal: brackets and digits take less room than ideographs.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sealing.artwork import Stroke
from sealing.artwork_glyphs import Face, Placing, Point, embolden, glyph, is_wide, optical_width, outline
from sealing.artwork_shapes import Oval, Track
from sealing.errors import SealTextError

_INK_TOP: Final = 0.84
_INK_FOOT: Final = -0.08
"""Where the ink of ideographs lies in the em, seen over the whole font."""
_INK: Final = _INK_TOP - _INK_FOOT
_MIDDLE: Final = (_INK_TOP + _INK_FOOT) / 2
_DIGIT: Final = 0.733
"""Height of a digit in the em of the sans face."""
_CLEARANCE_MM: Final = 0.1


@dataclass(frozen=True)
class Arc:
    """Where writing stands: its heads touch `edge` (its feet, if `below`), spread over up to `sweep` radians.

    `height` is that of the ink of an ideograph, `narrow` its natural width as a part of it, `each` the most that one
    character may take of the sweep.
    """

    edge: Oval
    sweep: float
    height: float
    narrow: float = 0.8
    each: float = math.radians(32)
    below: bool = False


def along(text: str, arc: Arc) -> Iterator[Stroke]:
    """Set words on an arc: upper ones read clockwise with feet inwards, lower ones (`below`) with heads inwards."""
    widths = [optical_width(c) for c in text]
    track = _piece(arc.edge.shrunk(arc.height), min(arc.each * len(text), arc.sweep), below=arc.below)
    tall = arc.height / _INK
    wide = min(tall * arc.narrow, track.length * 0.9 / sum(widths))
    line = embolden(wide, tall)
    gap = track.length / len(text) - wide * sum(widths) / len(text)
    if gap < line + _CLEARANCE_MM:  # narrow the letters until their outlines keep apart
        wide = (track.length - len(text) * (line + _CLEARANCE_MM)) / sum(widths)
        gap = line + _CLEARANCE_MM
    if wide < 0.22 * tall:
        raise SealTextError(f"{len(text)} characters do not fit this arc")
    wide, tall = wide - line / max(widths) / 2, tall - line  # the outline belongs to the letter
    gap = (track.length - wide * sum(widths)) / len(text)
    reach = gap / 2
    for character, width in zip(text, widths, strict=True):
        angle = track.angle(reach + wide * width / 2)
        reach += wide * width + gap
        centre, turn = _standing(track, angle, arc.height, below=arc.below)
        place = turned(centre, turn, (wide, tall), (glyph(character).centre[0], _MIDDLE))
        yield from _drawn(character, place, line, "serif")


def numbered(number: str, edge: Oval, *, height: float, half: float) -> Iterator[Stroke]:
    """Set digits on the lower arc (防伪编码), heads to the centre, read from left to right, feet on `edge`."""
    track = _piece(edge.shrunk(height), 2 * half, below=True)
    share = track.length / len(number)
    tall = height / _DIGIT
    line = embolden(tall, tall, "sans")
    wide = min(tall, (share - line - 0.08) / 0.49)
    for index, digit in enumerate(number):
        angle = track.angle(share * (index + 0.5))
        at, turn = _standing(track, angle, height, below=True)
        place = turned(at, turn, (wide, tall - line), (glyph(digit, "sans").centre[0], _DIGIT / 2))
        yield from _drawn(digit, place, line, "sans")


def straight(
    text: str, centre: Point, *, height: float, widest: float, face: Face = "serif", narrow: float = 0.92
) -> Iterator[Stroke]:
    """Set one line around a point; `height` is that of its ink, and it is narrowed to be at most `widest`."""
    ink = _INK if face == "serif" else _DIGIT
    tall = height / ink
    advances = [_advance(c, face) for c in text]
    wide = min(tall * narrow, widest / sum(advances))
    line = embolden(wide, tall, face)
    x = centre[0] - wide * sum(advances) / 2
    middle = _MIDDLE if face == "serif" and any(map(is_wide, text)) else _DIGIT / 2
    for character, advance in zip(text, advances, strict=True):
        at = (x + wide * advance / 2, centre[1])
        fit = 1 - line / wide / max(advance, 0.3) * 0.8
        place = turned(at, 0.0, (wide * fit, tall - line), (glyph(character, face).centre[0], middle))
        yield from _drawn(character, place, line, face)
        x += wide * advance


def columns(text: str, box: tuple[float, float, float, float], rows: Sequence[int]) -> Iterator[Stroke]:
    """Set columns of so many characters from right to left, each filling the box (left, top, right, bottom)."""
    left, top, right, bottom = box
    width, height = (right - left) / len(rows), bottom - top
    characters = iter(text)
    for column, count in enumerate(rows):
        tall = height / count
        for row, character in enumerate(islice(characters, count)):
            centre = (right - width * (column + 0.5), top + tall * (row + 0.5))
            yield from _filling(character, centre, width, tall)


def turned(centre: Point, turn: float, size: Point, middle: Point) -> Placing:
    """Put an em of `size` mm so that its point `middle` falls on `centre`, its head turned clockwise by `turn`."""
    cos, sin = math.cos(turn), math.sin(turn)

    def place(x: float, y: float) -> Point:
        across, up = (x - middle[0]) * size[0], (y - middle[1]) * size[1]
        return centre[0] + across * cos + up * sin, centre[1] + across * sin - up * cos

    return place


def _advance(character: str, face: Face) -> float:
    """Answer the room of a character in a line: ideographs keep their square, others their ink and a little air."""
    if is_wide(character):
        return 1.0
    return max(optical_width(character, face) + 0.14, 0.3)


def _piece(oval: Oval, sweep: float, *, below: bool) -> Track:
    half = sweep / 2
    if below:
        return Track(oval, oval.parameter(math.pi + half), oval.parameter(math.pi - half))
    return Track(oval, oval.parameter(-half), oval.parameter(half))


def _standing(track: Track, angle: float, height: float, *, below: bool) -> tuple[Point, float]:
    """Answer the middle and the turn of a character that stands between the inner `track` and the border."""
    at, turn = track.oval.at(angle), track.oval.outward(angle)
    centre = (at[0] + height / 2 * math.sin(turn), at[1] - height / 2 * math.cos(turn))
    return centre, turn + (math.pi if below else 0.0)


def _filling(character: str, centre: Point, width: float, height: float) -> Iterator[Stroke]:
    """Draw a character so that its ink nearly fills a cell; one of few strokes keeps some of its own proportions."""
    left, bottom, right, top = glyph(character).box
    line = embolden(width, height)
    room = (width * 0.9 - line, height * 0.9 - line)
    size = (
        min(room[0] / max(right - left, 0.1), room[0] * 1.18),
        min(room[1] / max(top - bottom, 0.1), room[1] * 1.18),
    )
    yield from _drawn(character, turned(centre, 0.0, size, glyph(character).centre), line, "serif")


def _drawn(character: str, place: Placing, line: float, face: Face) -> Iterator[Stroke]:
    stroke = outline(character, place, line, face)
    if stroke:
        yield stroke
