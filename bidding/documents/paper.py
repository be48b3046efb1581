"""Typesetting our own papers (投标函, 封面, 开标记录): blocks on A4 sheets, in embedded Chinese fonts.

The result is deterministic but for sixteen random bytes in `/ID`, which stand inside every signed range, so that a
digest in ledger, consent or timestamp tells nothing of a price that could be guessed.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any, Final, Protocol

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from bidding.documents.fonts import Face, embedded_fonts
from bidding.documents.lines import Word

BEIJING: Final = timezone(timedelta(hours=8), "北京时间")
MM: Final = 72 / 25.4
"""Points in a millimetre."""
WIDTH, HEIGHT = 210.0, 297.0
"""A4, in millimetres."""
LEFT, RIGHT, TOP, BOTTOM = 28.0, 26.0, 30.0, 26.0
"""Margins in millimetres, near those of GB/T 9704."""
SANDBOX: Final = "仿真环境"
_BLACK, _GREY, _FAINT = (0.0, 0.0, 0.0), (0.45, 0.45, 0.45), (0.92, 0.92, 0.92)


@dataclass(frozen=True)
class Place:
    """A marked place for a seal: page from 1, millimetres from the page's upper left corner to the box's."""

    party: str
    """Whose seal: `legal-representative`, `unit`, or a party of an opening record."""
    page: int
    x_mm: float
    y_mm: float
    w_mm: float
    h_mm: float


@dataclass(frozen=True)
class SealPlace:
    """One place in a band of places: whose seal, the grey words in it, its size in millimetres."""

    party: str
    caption: str
    w_mm: float
    h_mm: float
    round: bool


@dataclass(frozen=True)
class Paper:
    """A finished PDF, how many pages it has, and where seals belong."""

    pdf: bytes
    pages: int
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Layout:
    """What all pages of a paper share."""

    title: str
    """Document title, in the PDF's own data."""
    dated: datetime
    """Creation date in the PDF's own data."""
    header: str = ""
    numbered: bool = False
    """Draw 第 n 页 共 m 页; left out where the paper becomes a piece of an assembled part."""
    sandbox: bool = False
    """Draw the watermark 仿真环境 on every page."""


class Sheet:
    """The pages being drawn, and a pen position in millimetres from the top of the current page."""

    def __init__(self, canvas: Any, fonts: Mapping[Face, str], layout: Layout, total: int) -> None:
        """Begin the first page; `total` pages are announced in the page numbers."""
        self._canvas, self._fonts, self._layout, self._total = canvas, fonts, layout, total
        self.page = 0
        self.y = 0.0
        self.places: list[Place] = []
        self.new_page()

    def new_page(self) -> None:
        """Turn to the next page and draw what all pages share."""
        if self.page:
            self._canvas.showPage()
        self.page += 1
        self.y = TOP
        if self._layout.sandbox:
            self._watermark()
        if self._layout.header:
            self.put(self._layout.header, LEFT, 20, size=9, colour=_GREY)
            self.line(LEFT, 22.5, WIDTH - RIGHT, 22.5, width=0.4, colour=_GREY)
        if self._layout.numbered:
            text = f"第 {self.page} 页　共 {self._total} 页"
            self.put(text, WIDTH / 2, HEIGHT - 14, size=9, anchor="middle", colour=_GREY)

    def need(self, height: float) -> None:
        """Turn the page unless so many millimetres are left on it."""
        if self.y + height > HEIGHT - BOTTOM:
            self.new_page()

    def measure(self, size: float, face: Face = Face.SERIF) -> Callable[[str], float]:
        """Make a measure of text in points for this size."""
        return lambda text: float(stringWidth(text, self._fonts[face], size))

    def put(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float,
        face: Face = Face.SERIF,
        anchor: str = "start",
        colour: tuple[float, float, float] = _BLACK,
        bold: bool = False,
    ) -> None:
        """Draw one line of text with its base line at y (millimetres)."""
        shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * self.measure(size, face)(text)
        pen = self._canvas.beginText(x * MM - shift, (HEIGHT - y) * MM)
        pen.setFont(self._fonts[face], size)
        pen.setFillColorRGB(*colour)
        if bold:  # the one weight at hand, with a thin outline
            self._canvas.setLineWidth(size / 40)
            self._canvas.setStrokeColorRGB(*colour)
            pen.setTextRenderMode(2)
        pen.textOut(text)
        if bold:
            pen.setTextRenderMode(0)
        self._canvas.drawText(pen)

    def words(self, words: Sequence[Word], x: float, y: float, size: float) -> None:
        """Draw a broken line; what was filled in gets its underline."""
        for word in words:
            if word.text.strip():
                self.put(word.text, x + word.x / MM, y, size=size)
        for underlined, run in groupby(words, key=lambda word: word.underlined):
            if underlined:
                stretch = list(run)
                end = x + (stretch[-1].x + stretch[-1].width) / MM
                self.line(x + stretch[0].x / MM, y + 1.1, end, y + 1.1, width=0.5)

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        width: float = 0.6,
        colour: tuple[float, float, float] = _BLACK,
    ) -> None:
        """Draw a straight line (millimetres; width in points)."""
        self._canvas.setLineWidth(width)
        self._canvas.setStrokeColorRGB(*colour)
        self._canvas.line(x1 * MM, (HEIGHT - y1) * MM, x2 * MM, (HEIGHT - y2) * MM)

    def place(self, place: SealPlace, x: float, y: float) -> None:
        """Mark a place for a seal with a dotted outline that the seal will cover, and remember it."""
        w, h = place.w_mm, place.h_mm
        self._canvas.saveState()
        self._canvas.setLineWidth(0.5)
        self._canvas.setStrokeColorRGB(0.6, 0.6, 0.6)
        self._canvas.setDash(1, 2)
        if place.round:
            self._canvas.ellipse(x * MM, (HEIGHT - y) * MM, (x + w) * MM, (HEIGHT - y - h) * MM)
        else:
            self._canvas.rect(x * MM, (HEIGHT - y - h) * MM, w * MM, h * MM)
        self._canvas.restoreState()
        if place.caption:  # below, where the seal does not come to lie over it
            self.put(place.caption, x + w / 2, y + h + 3.2, size=7.5, anchor="middle", colour=_GREY)
        self.places.append(Place(place.party, self.page, x, y, w, h))

    def _watermark(self) -> None:
        self._canvas.saveState()
        self._canvas.translate(WIDTH / 2 * MM, HEIGHT / 2 * MM)
        self._canvas.rotate(40)
        self._canvas.setFillColorRGB(*_FAINT)
        self._canvas.setFont(self._fonts[Face.SANS], 64)
        for row in (-1, 0, 1):
            self._canvas.drawCentredString(0, row * 78 * MM, SANDBOX)
        self._canvas.restoreState()


class Block(Protocol):
    """Something that draws itself on a sheet and knows its text beforehand."""

    def texts(self) -> Iterable[str]:
        """All text, for the fonts."""

    def draw(self, sheet: Sheet) -> None:
        """Draw, turning pages as needed, and leave the pen below."""


def typeset(layout: Layout, blocks: Sequence[Block], *, random: Callable[[int], bytes]) -> Paper:
    """Draw the blocks; MissingGlyphError names a character that no font at hand can draw."""
    text = "".join(text for block in blocks for text in block.texts())
    characters = frozenset(text + layout.header + SANDBOX + "第页共　") - {"\n"}
    with embedded_fonts({Face.SERIF: characters, Face.SANS: characters}) as fonts:
        total = _draw(layout, blocks, fonts, 0, bytes(16)).pages if layout.numbered else 0
        return _draw(layout, blocks, fonts, total, random(16))


def _draw(layout: Layout, blocks: Sequence[Block], fonts: Mapping[Face, str], total: int, identifier: bytes) -> Paper:
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=(WIDTH * MM, HEIGHT * MM), invariant=1, pageCompression=1, initialFontName=fonts[Face.SERIF]
    )
    canvas.setTitle(layout.title)
    canvas.setCreator("一照通投")
    canvas.setProducer("yizhao")
    stamp = layout.dated.astimezone(BEIJING).strftime("D:%Y%m%d%H%M%S+08'00'")
    canvas.setDateFormatter(lambda *_: stamp)
    canvas._doc._ID = f"[<{identifier.hex()}><{identifier.hex()}>]".encode()  # noqa: SLF001 - the one way to set it
    sheet = Sheet(canvas, fonts, layout, total)
    for block in blocks:
        block.draw(sheet)
    canvas.showPage()
    canvas.save()
    return Paper(buffer.getvalue(), sheet.page, tuple(sheet.places))
