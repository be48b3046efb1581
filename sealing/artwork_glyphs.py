"""Outlines of characters for seals, from the font package (Noto Serif SC for words, Noto Sans SC for numbers).

Both fonts have one weight, so an outline is also stroked: at the size of a seal the thin strokes of a Song face
would vanish. Lengths are ems unless a name says mm; y goes up from the baseline.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import RLock
from typing import Any, Final, Literal

from sealing.artwork import UNIT_PER_MM, Stroke
from sealing.artwork_faces import system_face
from sealing.errors import MissingGlyphError

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""
Face = Literal["serif", "sans", "kai"]
"""`kai` is the system's calligraphic face where it has one and the character is in it, else the same as `serif`."""
Placing = Callable[[float, float], Point]
"""Maps a point of a glyph's em square to the seal (mm, y down)."""

LEAST_STROKE_MM: Final = 0.25
"""No stroke of a letter is thinner on paper: thinner ones break off in print, scan and fax."""
_HAIR: Final[dict[Face, Point]] = {
    "serif": (0.060, 0.034),
    "sans": (0.070, 0.062),
    "kai": (0.050, 0.040),
}
"""The thinnest upright and the thinnest level strokes of each face, measured on the outlines."""
_WEIGHT: Final = 0.056
"""Level strokes of a letter, as a part of its height: about that of an engraved Song face."""
_SPARE_MM: Final = 0.03
_BUSY: Final = 150
"""Steps of an outline from which a character is too full to be made bolder: one in a thousand names has one."""
_IDEOGRAPH: Final = 0x2E80
_BRACKETS: Final = frozenset("（）\u3014\u3015【】《》“”‘’，。、：；！？\uff0e")


_READING: Final = RLock()
"""A font is read from its file as characters are asked for: by one thread at a time."""


@dataclass(frozen=True)
class Glyph:
    """An outline in an em of 1, its advance width, and the box of its ink; no contours for a space."""

    contours: tuple[tuple[str, tuple[Point, ...]], ...]
    advance: float
    box: Box

    @property
    def centre(self) -> Point:
        """The middle of the ink."""
        left, bottom, right, top = self.box
        return (left + right) / 2, (bottom + top) / 2


@cache
def glyph(character: str, face: Face = "serif") -> Glyph:
    """Answer the outline of one character. Raises MissingGlyphError; never answers the font's box."""
    if face == "kai":
        return _calligraphic(character)
    return _read(character, face)


def _calligraphic(character: str) -> Glyph:
    """Answer a character of the system's calligraphic face; one that it lacks is taken from the song face."""
    try:
        return _read(character, "kai")
    except MissingGlyphError:
        return glyph(character, "serif")


def _read(character: str, face: Face) -> Glyph:
    from fontTools.pens.boundsPen import BoundsPen  # noqa: PLC0415 - only who draws pays for fontTools
    from fontTools.pens.recordingPen import RecordingPen  # noqa: PLC0415

    with _READING:
        glyphs, names, em = _font(face)
        if ord(character) not in names:
            raise MissingGlyphError(character)
        pen, bounds = RecordingPen(), BoundsPen(glyphs)
        outline = glyphs[names[ord(character)]]
        outline.draw(pen)
        pen.replay(bounds)
    contours = tuple((verb, tuple((x / em, y / em) for x, y in points)) for verb, points in pen.value)
    if not contours and not character.isspace():
        raise MissingGlyphError(character)
    left, bottom, right, top = bounds.bounds or (0, 0, outline.width, 0)
    return Glyph(contours, outline.width / em, (left / em, bottom / em, right / em, top / em))


def is_wide(character: str) -> bool:
    """Tell ideographs, which share one square, from letters, digits and brackets, which have widths of their own."""
    return ord(character) >= _IDEOGRAPH and character not in _BRACKETS and not character.isspace()


def optical_width(character: str, face: Face = "serif") -> float:
    """Answer the width that the eye gives a character: its ink, but no ideograph is narrower than 0.6 em."""
    left, _, right, _ = glyph(character, face).box
    if character.isspace():
        return 0.3
    if is_wide(character):
        return max(right - left, 0.6)
    return max(right - left, 0.16)


def embolden(width: float, height: float, face: Face = "serif") -> float:
    """Answer how wide (mm) an em drawn `width` by `height` mm is outlined, so that its strokes hold on paper."""
    upright, level = _HAIR[face]
    thinnest = min(upright * width, level * height)
    wanted = max(LEAST_STROKE_MM + _SPARE_MM, _WEIGHT * min(height, 1.6 * width))
    return max(wanted - thinnest, 0.04)


def outline(character: str, place: Placing, line: float, face: Face = "serif") -> Stroke | None:
    """Draw one character, outlined `line` mm wide; None for a space."""
    shape = glyph(character, face)
    if not shape.contours:
        return None
    parts = [segment(verb, [place(x, y) for x, y in points]) for verb, points in shape.contours]
    return Stroke("".join(parts), fill=True, width=unit(line * _lightness(shape)))


def _lightness(shape: Glyph) -> float:
    """Answer how much of the outline a character bears: 龘 and its like would close up, and are outlined less."""
    return min(max(1 - (len(shape.contours) - _BUSY) / 320, 0.3), 1.0)


def segment(verb: str, points: list[Point]) -> str:
    """Write one step of a path whose points are in mm."""
    letter = {"moveTo": "M", "lineTo": "L", "curveTo": "C", "closePath": "Z", "endPath": "Z"}[verb]
    return letter + "".join(f" {unit(x)} {unit(y)}" for x, y in points)


def unit(length: float) -> int:
    """Round mm to the hundredths that an artwork keeps."""
    return round(length * UNIT_PER_MM)


@cache
def _font(face: Face) -> tuple[Any, dict[int, str], int]:
    import pylopdf_fonts_zh_cn  # noqa: PLC0415 - see glyph
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    own = system_face() if face == "kai" else None
    path = own or (pylopdf_fonts_zh_cn.sans_path() if face == "sans" else pylopdf_fonts_zh_cn.serif_path())
    font = TTFont(path, lazy=True, fontNumber=0)
    return font.getGlyphSet(), dict(font.getBestCmap()), int(font["head"].unitsPerEm)
