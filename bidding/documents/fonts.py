"""Chinese fonts for PDFs: the characters used, as TrueType outlines that reportlab embeds.

The one font dependency has CFF outlines, which reportlab refuses; each glyph used is converted once (cu2qu) and a
font of exactly the characters asked for is built from them. A character without a glyph is an error that names it.
"""

import io
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfmetrics import _dynFaceNames, _fonts
from reportlab.pdfbase.ttfonts import TTFont as EmbeddedFont

from bidding.errors import MissingGlyphError

ASCII: Final = frozenset(map(chr, range(0x20, 0x7F)))
"""Always part of a font that we build, so that digits and Latin letters share one width table."""
_MAX_ERROR: Final = 0.5
"""Font units (of 1,000 an em) by which a quadratic outline may differ from the cubic one."""


class Face(StrEnum):
    """Which of the two faces."""

    SERIF = "serif"
    """宋体-like: body text and seals."""
    SANS = "sans"
    """黑体-like: headings."""


def require_glyphs(text: str, face: Face = Face.SERIF) -> None:
    """Raise MissingGlyphError for the first character that the face cannot draw."""
    cmap = _open(face).cmap
    for char in text:
        if ord(char) not in cmap:
            name = unicodedata.name(char, "no name")
            raise MissingGlyphError(f"“{char}” (U+{ord(char):04X}, {name}): the font has no glyph for it")


@contextmanager
def embedded_fonts(characters: Mapping[Face, frozenset[str]]) -> Iterator[dict[Face, str]]:
    """Yield the names under which reportlab knows fonts of these characters, until the block ends; MissingGlyphError.

    reportlab keeps fonts in one table of the process and reads a font without a lock of its own, so one document
    is drawn at a time, and its fonts are taken out again.
    """
    with _lock:
        names = {face: f"Yizhao{face.title()}" for face in characters}
        fonts = [
            EmbeddedFont(names[face], io.BytesIO(build_font(face, used | ASCII))) for face, used in characters.items()
        ]
        try:
            for font in fonts:
                pdfmetrics.registerFont(font)
            yield names
        finally:
            for font in fonts:
                _fonts.pop(font.fontName, None)
                _dynFaceNames.pop(font.face.name, None)


@lru_cache(maxsize=64)
def build_font(face: Face, characters: frozenset[str]) -> bytes:
    """Build a TrueType font with glyf outlines for exactly these characters; MissingGlyphError."""
    require_glyphs("".join(sorted(characters)), face)
    source = _open(face)
    names = {ord(char): source.cmap[ord(char)] for char in sorted(characters)}
    order = [".notdef", *sorted(set(names.values()))]
    drawn = [_convert(face, name) for name in order]
    builder = FontBuilder(source.units, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: glyph for name, (glyph, _) in zip(order, drawn, strict=True)})
    left = {
        name: builder.font["glyf"][name].xMin if glyph.numberOfContours else 0
        for name, (glyph, _) in zip(order, drawn, strict=True)
    }
    builder.setupHorizontalMetrics({name: (width, left[name]) for name, (_, width) in zip(order, drawn, strict=True)})
    builder.setupHorizontalHeader(ascent=source.ascent, descent=source.descent)
    builder.setupNameTable(
        {"familyName": f"Yizhao {face.title()}", "styleName": "Regular", "psName": f"Yizhao-{face.title()}"}
    )
    builder.setupOS2(sTypoAscender=source.ascent, sTypoDescender=source.descent, sCapHeight=733, fsType=0)
    builder.setupPost()
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()


class _Source:
    """An opened font file; parsed lazily, so every use stands under the lock or on finished tables."""

    def __init__(self, path: Path) -> None:
        font = TTFont(path, lazy=True)
        self.cmap: dict[int, str] = font.getBestCmap()
        self.units: int = font["head"].unitsPerEm
        self.ascent: int = font["hhea"].ascent
        self.descent: int = font["hhea"].descent
        self.widths: dict[str, tuple[int, int]] = font["hmtx"].metrics
        self.glyphs: Any = font.getGlyphSet()


_lock = threading.RLock()


@lru_cache(maxsize=2)
def _open(face: Face) -> _Source:
    with _lock:
        return _Source(pylopdf_fonts_zh_cn.serif_path() if face is Face.SERIF else pylopdf_fonts_zh_cn.sans_path())


@lru_cache(maxsize=8192)
def _convert(face: Face, name: str) -> tuple[Any, int]:
    """One glyph with quadratic outlines, and its width."""
    with _lock:
        source = _open(face)
        pen = TTGlyphPen(None)
        source.glyphs[name].draw(Cu2QuPen(pen, _MAX_ERROR, reverse_direction=True))
        return pen.glyph(), source.widths[name][0]
