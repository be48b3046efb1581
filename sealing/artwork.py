"""Vector pictures of seals (印模): one list of paths, drawn in PDF, SVG and PNG alike.

Lengths are hundredths of a millimetre, the origin is the top left corner, y goes down. The byte form of an
artwork is canonical JSON; its SM3 stands in the seal (`ses.ARTWORK`), so that a picture cannot be exchanged.
"""

import re
import zlib
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from sealing.errors import SealFormatError
from sealing.pdfium import LOCK
from signing import canonical
from signing.errors import MalformedError

UNIT_PER_MM: Final = 100
Colour = Literal["red", "blue", "black"]
RED: Final = (0.85, 0.04, 0.06)
"""The colour of seal paste (印泥), as RGB in 0..1."""
INKS: Final[dict[Colour, tuple[float, float, float]]] = {
    "red": RED,
    "blue": (0.05, 0.13, 0.55),
    "black": (0.08, 0.08, 0.1),
}
"""Red for seals, deep blue for practice seals (执业印章), black for signatures."""

_POINTS: Final = 72 / 25.4 / UNIT_PER_MM
_TOKEN: Final = re.compile(r"([MLCZ])((?: -?\d{1,5}){0,6})")
_PATH: Final = re.compile(r"(?:M -?\d{1,5} -?\d{1,5}(?:L(?: -?\d{1,5}){2}|C(?: -?\d{1,5}){6})*Z)+")
_OPERATOR: Final = {"M": "m", "L": "l", "C": "c", "Z": "h"}
_LEVELS: Final = (16, 8, 4)
"""Depths of ink in a PNG: the first that keeps it within PNG_LIMIT."""
_DPI: Final = 300
PNG_LIMIT: Final = 16 << 10
"""Bytes of a picture at 300 dpi: it travels inside every seal signature."""


class Stroke(Struct, frozen=True, forbid_unknown_fields=True):
    """Closed contours, filled by the non-zero rule unless `fill` is false, and outlined `width` wide."""

    d: Annotated[str, Meta(min_length=1, max_length=100_000)]
    fill: bool
    width: Annotated[int, Meta(ge=0, le=1000)]


class Artwork(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The picture of one seal; width and height in hundredths of a millimetre; red is not written down."""

    v: Literal[1]
    width: Annotated[int, Meta(ge=100, le=10_000)]
    height: Annotated[int, Meta(ge=100, le=10_000)]
    strokes: Annotated[tuple[Stroke, ...], Meta(min_length=1, max_length=200)]
    colour: Colour = "red"

    @property
    def ink(self) -> tuple[float, float, float]:
        """The colour as RGB in 0..1."""
        return INKS[self.colour]

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height in millimetres."""
        return self.width / UNIT_PER_MM, self.height / UNIT_PER_MM

    @property
    def size_points(self) -> tuple[float, float]:
        """Width and height in PDF points."""
        return self.width * _POINTS, self.height * _POINTS


def encode(artwork: Artwork) -> bytes:
    """Answer the one byte form."""
    return canonical.encode(artwork)


def decode(data: bytes) -> Artwork:
    """Read an artwork, refusing every path but closed ones of the plain form. Raises SealFormatError."""
    try:
        artwork = canonical.decode(data, Artwork)
    except MalformedError as error:
        raise SealFormatError(f"not an artwork: {error}") from error
    if not all(_PATH.fullmatch(stroke.d) for stroke in artwork.strokes):
        raise SealFormatError("an artwork path of another form")
    return artwork


def pdf_content(artwork: Artwork, ink: tuple[float, float, float] | None = None) -> bytes:
    """Operators of a form XObject whose BBox is [0 0 width height] in points, in its own or another ink (RGB)."""
    colour = " ".join(f"{part:g}" for part in ink or artwork.ink)
    matrix = f"{_POINTS:.7f} 0 0 {-_POINTS:.7f} 0 {artwork.height * _POINTS:.4f} cm"
    lines = ["q", matrix, f"{colour} rg", f"{colour} RG", "1 j", *map(_operators, artwork.strokes), "Q"]
    return "\n".join(lines).encode("ascii")


def svg(artwork: Artwork) -> str:
    """Draw a stand-alone SVG of the seal, transparent, sized in millimetres."""
    width, height = artwork.size_mm
    colour = "#" + "".join(f"{round(part * 255):02x}" for part in artwork.ink)
    paths = "".join(_svg_path(stroke, colour) for stroke in artwork.strokes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {artwork.width} {artwork.height}" stroke-linejoin="round">{paths}</svg>'
    )


def png(artwork: Artwork, dpi: int = _DPI) -> bytes:
    """Draw a transparent palette PNG (up to sixteen depths of one ink): at most PNG_LIMIT bytes at 300 dpi."""
    size, rows = _coverage(artwork, dpi)
    ink = (round(artwork.ink[0] * 255), round(artwork.ink[1] * 255), round(artwork.ink[2] * 255))
    return ink_png(size, rows.translate(bytes(range(255, -1, -1))), ink, dpi)


def ink_png(size: tuple[int, int], alpha: bytes, ink: tuple[int, int, int], dpi: float) -> bytes:
    """Write one ink with the opacity `alpha` (a byte per pixel) as a palette PNG, as deep as PNG_LIMIT allows."""
    data = b""
    for levels in _LEVELS:
        data = _palette_png(size, alpha, ink, dpi, levels)
        if len(data) <= PNG_LIMIT:
            break
    return data


def _palette_png(size: tuple[int, int], alpha: bytes, ink: tuple[int, int, int], dpi: float, levels: int) -> bytes:
    from io import BytesIO  # noqa: PLC0415 - kept beside the import that it serves

    from PIL import Image  # noqa: PLC0415 - drawing is asked for rarely, importing Pillow costs each start

    step = 255 / (levels - 1)
    table = bytes(round(value / step) for value in range(256))
    indexed = Image.frombytes("P", size, alpha.translate(table))
    indexed.putpalette([*ink] * levels)
    out = BytesIO()
    depths = bytes(round(level * step) for level in range(levels))
    indexed.save(out, "PNG", bits=4, transparency=depths, optimize=True, dpi=(dpi, dpi))
    return out.getvalue()


def _operators(stroke: Stroke) -> str:
    parts = [f"{stroke.width} w"] if stroke.width else []
    for letter, numbers in _TOKEN.findall(stroke.d):
        parts.append(f"{numbers.strip()} {_OPERATOR[letter]}".strip())
    paint = "B" if stroke.fill and stroke.width else "f" if stroke.fill else "S"
    return "\n".join([*parts, paint])


def _svg_path(stroke: Stroke, colour: str) -> str:
    fill = colour if stroke.fill else "none"
    line = f' stroke="{colour}" stroke-width="{stroke.width}"' if stroke.width else ""
    return f'<path fill="{fill}"{line} d="{stroke.d}"/>'


def _coverage(artwork: Artwork, dpi: int) -> tuple[tuple[int, int], bytes]:
    """Size in pixels, and a grey byte per pixel: 0 where the seal is, 255 where it is not."""
    with LOCK:  # around a call, so that the library's objects are gone before another thread comes
        return _draw_coverage(artwork, dpi)


def _draw_coverage(artwork: Artwork, dpi: int) -> tuple[tuple[int, int], bytes]:
    import pypdfium2  # noqa: PLC0415 - see png

    black = pdf_content(artwork, (0, 0, 0))
    document = pypdfium2.PdfDocument(one_page_pdf(black, artwork.size_points))
    try:
        bitmap = document[0].render(scale=dpi / 72, grayscale=True)
        size = (int(bitmap.width), int(bitmap.height))
        rows = bytes(bitmap.buffer)
        packed = b"".join(rows[y * bitmap.stride : y * bitmap.stride + size[0]] for y in range(size[1]))
    finally:
        document.close()
    return size, packed


def one_page_pdf(content: bytes, size: tuple[float, float]) -> bytes:
    """Answer a PDF of one page of `size` points that shows this content."""
    packed = zlib.compress(content)
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.3f %.3f]/Contents 4 0 R/Resources<<>>>>" % size,
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed),
    )
    return b"".join(_numbered(objects))


def _numbered(objects: Iterable[bytes]) -> Iterable[bytes]:
    at, rows = 9, list[bytes]()
    yield b"%PDF-1.7\n"
    for number, body in enumerate(objects, 1):
        text = b"%d 0 obj%b endobj\n" % (number, body)
        rows.append(b"%010d 00000 n \n" % at)
        at += len(text)
        yield text
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(rows) + 1)
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(rows) + 1, at)
    yield head + b"".join(rows) + tail
