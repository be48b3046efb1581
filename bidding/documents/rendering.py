"""Drawing pages and flattening forms with pdfium, inside the child process."""

import io
from pathlib import Path
from typing import Any, Literal

import msgspec
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from msgspec import Struct
from PIL import Image

from bidding.errors import DamagedDocumentError, EmptyDocumentError

MAX_PIXELS = 40_000_000
"""Of one picture; a larger page is drawn smaller."""


class Render(Struct, frozen=True):
    """Draw these pages (from 1) into `folder` as page-N.png or page-N.jpg."""

    path: str
    folder: str
    pages: tuple[int, ...]
    dpi: int
    form: Literal["png", "jpeg"]


class Picture(Struct, frozen=True):
    """One drawn page."""

    page: int
    path: str
    width: int
    height: int


class Pictures(Struct, frozen=True):
    """All drawn pages, and how many the file has."""

    drawn: tuple[Picture, ...]
    pages: int


class Flatten(Struct, frozen=True):
    """Draw form fields and comments into the pages of `path`, and write the result to `target`."""

    path: str
    target: str


class Flattened(Struct, frozen=True):
    """How many pages were written."""

    pages: int


def render(request: bytes) -> Any:
    """Answer Pictures; DamagedDocumentError for a page that pdfium cannot draw."""
    asked = msgspec.json.decode(request, type=Render)
    with pdfium.PdfDocument(asked.path) as document:
        document.init_forms()  # or signature appearances are not drawn
        count = len(document)
        drawn = tuple(_draw(document, number, asked) for number in asked.pages)
        return msgspec.to_builtins(Pictures(drawn, count))


def _draw(document: Any, number: int, asked: Render) -> Picture:
    if not 1 <= number <= len(document):
        raise EmptyDocumentError(f"there is no page {number}")
    page = document[number - 1]
    width, height = page.get_size()
    scale = asked.dpi / 72
    if width * height * scale * scale > MAX_PIXELS:
        scale = (MAX_PIXELS / (width * height)) ** 0.5
    image: Image.Image = page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
    buffer = io.BytesIO()
    if asked.form == "png":
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=80)
    path = Path(asked.folder) / f"page-{number}.{'png' if asked.form == 'png' else 'jpg'}"
    path.write_bytes(buffer.getvalue())
    return Picture(number, str(path), image.width, image.height)


def flatten(request: bytes) -> Any:
    """Answer Flattened; pdfium draws what a reader shows of fields and comments into the page content."""
    asked = msgspec.json.decode(request, type=Flatten)
    with pdfium.PdfDocument(asked.path) as document:
        document.init_forms()
        for number in range(len(document)):
            page = document[number]
            page.render(scale=0.05, may_draw_forms=True)  # makes the appearances that annotations lack
            if pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) == pdfium_c.FLATTEN_FAIL:
                raise DamagedDocumentError(f"the fields of page {number + 1} cannot be drawn")
            page.close()
        document.save(asked.target)
        return msgspec.to_builtins(Flattened(len(document)))
