"""The A4 sheet of a report: narrower margins than a letter, wrapped text, frames, pictures and an embedded answer."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import segno
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream, PDFString
from reportlab.pdfgen.canvas import Canvas

from bidding.documents.fonts import Face, require_glyphs
from bidding.documents.lines import Run, Word, break_lines
from bidding.documents.paper import BEIJING, HEIGHT, MM, SANDBOX, WIDTH, Layout, Sheet
from bidding.errors import MissingGlyphError
from bidding.reporting.characters import show_hidden

LEFT: Final = 18.0
RIGHT: Final = WIDTH - 18.0
TOP: Final = 24.0
BOTTOM: Final = HEIGHT - 20.0
GREY: Final = (0.33, 0.33, 0.33)
LIGHT: Final = (0.72, 0.72, 0.72)
_LEADING: Final = 1.5
_INSTEAD: Final = {"✗": "×", "\t": " ", "\u3000": "　", "\n": " "}


class ReportPaper(Sheet):
    """The pages being drawn; positions in millimetres from the upper left corner, sizes of text in points."""

    def __init__(self, canvas: Any, fonts: Mapping[Face, str], layout: Layout, total: int, head: str) -> None:
        """Begin the first page; `total` pages are announced in the page numbers, `head` stands on all but the first."""
        self.used: dict[Face, set[str]] = {Face.SERIF: set(), Face.SANS: set(SANDBOX if layout.sandbox else "")}
        self.head = head
        self._widths: dict[tuple[str, float, Face], float] = {}
        super().__init__(canvas, fonts, layout, total)

    def new_page(self) -> None:
        """Turn to the next page and draw what all pages share."""
        super().new_page()
        if self.page > 1:  # the first page has its title there
            self.put(self.head, LEFT, 15.5, size=8.5, colour=GREY)
            self.line(LEFT, 18, RIGHT, 18, width=0.4, colour=GREY)
        self.y = TOP

    def put(self, text: str, x: float, y: float, **how: Any) -> None:
        """Draw one line of text, and remember its characters: the fonts hold no others."""
        drawn = drawable(text)
        self.used[how.get("face", Face.SERIF)].update(drawn)
        super().put(drawn, x, y, **how)

    def need(self, height: float) -> None:
        """Turn the page unless so many millimetres are left on it; what fits on no page turns none."""
        if self.y + height > BOTTOM and height <= BOTTOM - TOP:
            self.new_page()

    def measure(self, size: float, face: Face = Face.SERIF) -> Callable[[str], float]:
        """Make a measure of text in points for this size, which remembers: most of a report's words come again."""
        widths, fresh = self._widths, super().measure(size, face)

        def width(text: str) -> float:
            known = widths.get((text, size, face))
            if known is None:
                known = widths[text, size, face] = fresh(text)
            return known

        return width

    def wrap(self, text: str, width: float, size: float, face: Face = Face.SERIF) -> list[list[Word]]:
        """Break text into lines of so many millimetres."""
        return break_lines((Run(drawable(text)),), width * MM, self.measure(size, face))

    def write(
        self,
        text: str,
        x: float,
        width: float,
        *,
        size: float = 9.5,
        face: Face = Face.SERIF,
        colour: tuple[float, float, float] = (0, 0, 0),
        bold: bool = False,
    ) -> None:
        """Write wrapped text from the pen downwards, turning pages as needed."""
        step = step_of(size)
        for words in self.wrap(text, width, size, face):
            if self.y + step > BOTTOM:
                self.new_page()
            self.y += step
            for word in words:
                place = (x + word.x / MM, self.y - step * 0.3)
                self.put(word.text, *place, size=size, face=face, colour=colour, bold=bold)

    def frame(self, x: float, y: float, w: float, h: float, *, width: float = 0.7, dash: Sequence[float] = ()) -> None:
        """Draw an outline."""
        self._canvas.saveState()
        self._canvas.setLineWidth(width)
        self._canvas.setStrokeColorRGB(0, 0, 0)
        if dash:
            self._canvas.setDash(list(dash))
        self._canvas.rect(x * MM, (HEIGHT - y - h) * MM, w * MM, h * MM)
        self._canvas.restoreState()

    def bar(self, x: float, y: float, w: float, h: float) -> None:
        """Fill a black rectangle."""
        self._canvas.setFillColorRGB(0, 0, 0)
        self._canvas.rect(x * MM, (HEIGHT - y - h) * MM, w * MM, h * MM, stroke=0, fill=1)

    def picture(self, data: bytes, x: float, y: float, w: float, h: float) -> float:
        """Draw a PNG or JPEG of ours into a box, keeping its shape; answers the height that it took."""
        image = ImageReader(io.BytesIO(data))
        wide, tall = image.getSize()
        scale = min(w / wide, h / tall)
        size = (wide * scale, tall * scale)
        left = x + (w - size[0]) / 2
        self._canvas.drawImage(image, left * MM, (HEIGHT - y - size[1]) * MM, size[0] * MM, size[1] * MM, mask="auto")
        self.frame(left, y, *size, width=0.4)
        return float(size[1])

    def code(self, text: str, x: float, y: float, size: float) -> None:
        """Draw a QR code of so many millimetres, quiet zone included."""
        matrix = segno.make_qr(text, error="m").matrix
        cell = size / (len(matrix) + 4)
        for down, line in enumerate(matrix, 2):
            for across, dark in enumerate(line, 2):
                if dark:  # a hair wider than its cell, so that no light lines appear between cells
                    self.bar(x + across * cell, y + down * cell, cell * 1.04, cell * 1.04)

    def attach(self, files: Mapping[str, bytes], at: datetime) -> None:
        """Embed files (ISO 32000-1 7.11.4), so that who signs the report signs them."""
        listed = list[Any]()
        document = self._canvas._doc  # noqa: SLF001 - reportlab has no other way in
        stamp = PDFString(at.astimezone(BEIJING).strftime("D:%Y%m%d%H%M%S+08'00'"))
        for name, data in sorted(files.items()):
            stream = PDFStream(content=data)
            stream.dictionary["Type"] = PDFName("EmbeddedFile")
            stream.dictionary["Params"] = PDFDictionary({"Size": len(data), "ModDate": stamp})
            entry = PDFDictionary({"F": document.Reference(stream)})
            listed += [
                PDFString(name),
                document.Reference(
                    PDFDictionary(
                        {"Type": PDFName("Filespec"), "F": PDFString(name), "UF": PDFString(name), "EF": entry}
                    )
                ),
            ]
        tree = PDFDictionary({"EmbeddedFiles": PDFDictionary({"Names": PDFArray(listed)})})
        document.Catalog.Names = document.Reference(tree)


def step_of(size: float) -> float:
    """Answer the height of a line of this size, in millimetres."""
    return size * _LEADING / MM


@lru_cache(maxsize=4096)
def _drawable(char: str) -> str:
    try:
        require_glyphs(char, Face.SERIF)
        require_glyphs(char, Face.SANS)
    except MissingGlyphError:
        return f"[U+{ord(char):04X}]"
    return char


def drawable(text: str) -> str:
    """Answer the text with what no font of ours can draw replaced by its number: files are named by anybody."""
    return "".join(_INSTEAD.get(char) or _drawable(char) for char in show_hidden(text))


@contextmanager
def open_canvas(layout: Layout, fonts: Mapping[Face, str], identifier: bytes) -> Iterator[tuple[Any, io.BytesIO]]:
    """Yield a canvas that always writes the same bytes for the same calls, and the buffer that it fills at the end."""
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=(WIDTH * MM, HEIGHT * MM), invariant=1, pageCompression=1, initialFontName=fonts[Face.SERIF]
    )
    canvas.setTitle(drawable(layout.title))
    canvas.setCreator("一照通投")
    canvas.setProducer("yizhao")
    stamp = layout.dated.astimezone(BEIJING).strftime("D:%Y%m%d%H%M%S+08'00'")
    canvas.setDateFormatter(lambda *_: stamp)
    canvas._doc._ID = f"[<{identifier.hex()}><{identifier.hex()}>]".encode()  # noqa: SLF001 - the one way to set it
    yield canvas, buffer
    canvas.showPage()
    canvas.save()
