"""A simple picture of an OFD page as SVG: text, paths, boxes of pictures, and the seals on it.

It shows where things are, for whoever places a seal; it is no rendering: fonts are the viewer's own, and pictures and
composite objects are outlines. Nothing from the package reaches the SVG but numbers, escaped text and seal pictures.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from sealing import ses
from sealing.errors import PageRangeError, SealFormatError, UnsealableOfdError
from sealing.ofd_pages import OfdPage, read_numbers
from sealing.ofd_structure import read_bodies, read_list, read_signature
from sealing.ofd_survey import Ground, read_ground
from sealing.ofd_text import Glyph, read_text
from sealing.ofd_writing import boundary_of
from sealing.ofd_xml import MAX_XML, Handler, Node, parse_part, read_with
from sealing.ofd_zip import OfdPackage, open_package
from sealing.placement import Stamp
from signing.errors import MalformedError

_MAX_CHARACTERS: Final = 20_000
_MAX_SHAPES: Final = 5_000
_MAX_SEALS: Final = 500
_MAX_PICTURES: Final = 8 << 20
"""Bytes of seal pictures on one page; beyond it, seals are outlines."""
_MIME: Final = {"png": "image/png", "gif": "image/gif", "jpg": "image/jpeg", "bmp": "image/bmp"}
_BASELINE: Final = 0.88
_STEPS: Final = {
    "S": ("M", 2),
    "M": ("M", 2),
    "L": ("L", 2),
    "Q": ("Q", 4),
    "B": ("C", 6),
    "A": ("A", 7),
    "C": ("Z", 0),
}
"""Steps of AbbreviatedData (9.1.2.2), the same in SVG, and how many numbers follow."""
_BOX, _MATRIX = 4, 6

Four = tuple[float, float, float, float]


def draw_ofd_page(path: Path, page: int, *, document: int = 1, stamps: Sequence[Stamp] = (), esl: bytes = b"") -> bytes:
    """Draw one page (from 1) with the seals on it, and those that are planned: `stamps` of the SESeal `esl`.

    Answers SVG in mm, UTF-8. Raises what `survey_ofd` raises, PageRangeError, UnsealableOfdError for a page that cannot
    be read, SealFormatError for an `esl` that is none.
    """
    with path.open("rb") as stream:
        ground = read_ground(open_package(stream, path.stat().st_size), document)
        if not 1 <= page <= len(ground.pages):
            raise PageRangeError(f"there is no page {page} among {len(ground.pages)}")
        try:
            drawn = [*_content(ground.package, ground.pages[page - 1]), *_seals(ground, page)]
        except MalformedError as error:
            raise UnsealableOfdError(f"第 {page} 页：{error}") from error
    if stamps:
        picture = ses.parse_seal(esl).info.picture
        drawn += (_seal(*_boundary(one), picture, planned=True) for one in stamps if one.page == page)
    width, height = ground.pages[page - 1].view.size_mm
    size = f'width="{_n(width)}mm" height="{_n(height)}mm" viewBox="0 0 {_n(width)} {_n(height)}"'
    paper = f'<rect width="{_n(width)}" height="{_n(height)}" fill="#fff" stroke="#999" stroke-width="0.3"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{"".join(drawn)}</svg>'.encode()


def _content(package: OfdPackage, page: OfdPage) -> Iterator[str]:
    glyphs, shapes = list[Glyph](), list[str]()
    for part in dict.fromkeys((*page.templates, page.part)):
        data = package.read(part, limit=MAX_XML)
        glyphs += read_text(data, 10 * _MAX_CHARACTERS)
        reader = _Shapes()
        read_with(data, reader)
        shapes += reader.found
    yield from shapes[:_MAX_SHAPES]
    yield from map(_letter, glyphs[:_MAX_CHARACTERS])


def _letter(glyph: Glyph) -> str:
    left, top, right, bottom = glyph.box
    base, size = top + _BASELINE * (bottom - top), bottom - top
    words = f'x="{_n(left)}" y="{_n(base)}" font-size="{_n(size)}" textLength="{_n(right - left)}"'
    return f"<text {words}>{escape(glyph.char)}</text>" if glyph.char.isprintable() else ""


class _Shapes(Handler):
    """Collects paths, and outlines of what is not drawn."""

    most = 2_000_000

    def __init__(self) -> None:
        super().__init__()
        self.found = list[str]()
        self._attributes: dict[str, str] | None = None
        self._is_data = False
        self._text = list[str]()

    def opened(self, name: str, attributes: dict[str, str], *, is_ours: bool) -> None:
        self._is_data = name == "AbbreviatedData" and is_ours
        self._text = []
        if name == "PathObject" and is_ours:
            self._attributes = attributes
        if name in ("ImageObject", "CompositeObject") and is_ours:
            box = read_numbers(attributes.get("Boundary", ""))
            if len(box) == _BOX and len(self.found) < _MAX_SHAPES:
                self.found.append(_rectangle(box, "#999"))

    def closed(self) -> None:
        if self._is_data and self._attributes is not None and len(self.found) < _MAX_SHAPES:
            self.found.append(_path(self._attributes, "".join(self._text)))
        self._is_data = False

    def characters(self, text: str) -> None:
        if self._is_data:
            self._text.append(text)


def _path(attributes: dict[str, str], data: str) -> str:
    box, matrix = (read_numbers(attributes.get(name, "")) for name in ("Boundary", "CTM"))
    steps = " ".join(_steps(data.split()))
    if len(box) != _BOX or not steps:
        return ""
    inner = f" matrix({' '.join(map(_n, matrix))})" if len(matrix) == _MATRIX else ""
    move = f"translate({_n(box[0])} {_n(box[1])}){inner}"
    return f'<path d="{steps}" transform="{move}" fill="none" stroke="#555" stroke-width="0.25"/>'


def _steps(words: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(words):
        letter, count = _STEPS.get(words[at], ("", 0))
        numbers = read_numbers(" ".join(words[at + 1 : at + 1 + count]))
        if not letter or len(numbers) != count:
            return
        yield " ".join((letter, *map(_n, numbers)))
        at += 1 + count


# Seals


def _seals(ground: Ground, page: int) -> Iterator[str]:
    """Yield the impressions of earlier signatures on a page; a seal whose picture is unknown is an outline."""
    package, page_id = ground.package, ground.pages[page - 1].id
    body = read_bodies(package)[ground.body]
    listed = read_list(package, ground.list_path) if ground.list_path else ()
    count, room = 0, _MAX_PICTURES
    for one in listed:
        data = package.read(one.path, limit=MAX_XML)
        stamps = parse_part(data, "Signature").one("SignedInfo").all("StampAnnot")
        here = [stamp for stamp in stamps if stamp.attributes.get("PageRef") == page_id]
        picture = _picture(package, package.find(one.path, read_signature(data, body.pages).value)) if here else None
        for box, clip in _boxes(here):
            count += 1
            room -= len(picture.data) if picture else 0
            if count > _MAX_SEALS:
                return
            yield _seal(box, clip, picture if room >= 0 else None)


def _boxes(stamps: Iterable[Node]) -> Iterator[tuple[Four, Four | None]]:
    for stamp in stamps:
        box, clip = (read_numbers(stamp.attributes.get(name, "")) for name in ("Boundary", "Clip"))
        if len(box) == _BOX:
            yield (box[0], box[1], box[2], box[3]), (clip[0], clip[1], clip[2], clip[3]) if len(clip) == _BOX else None


def _boundary(stamp: Stamp) -> tuple[Four, Four | None]:
    box, clip = boundary_of(stamp)
    return (box[0], box[1], box[2], box[3]), (clip[0], clip[1], clip[2], clip[3]) if clip else None


def _picture(package: OfdPackage, part: str) -> ses.Picture | None:
    if not part:
        return None
    try:
        return ses.parse_signature(package.read(part, limit=ses.MAX_SIGNATURE)).statement.seal.info.picture
    except (SealFormatError, MalformedError):
        return None


def _seal(box: Four, clip: Four | None, picture: ses.Picture | None, *, planned: bool = False) -> str:
    """Draw one impression: the part `clip` of the picture that would fill `box`."""
    left, top, width, height = clip or (0.0, 0.0, box[2], box[3])
    shown = f'x="{_n(box[0] + left)}" y="{_n(box[1] + top)}" width="{_n(width)}" height="{_n(height)}"'
    window = f'{shown} viewBox="{_n(left)} {_n(top)} {_n(width)} {_n(height)}" preserveAspectRatio="none"'
    mime = _MIME.get(picture.sniffed) if picture else None
    if picture is None or mime is None:
        return _rectangle((box[0] + left, box[1] + top, width, height), "#d00")
    data = base64.b64encode(picture.data).decode()
    size = f'width="{_n(box[2])}" height="{_n(box[3])}" preserveAspectRatio="none"'
    image = f'<svg {window}><image {size} href="data:{mime};base64,{data}"/></svg>'
    return f'<g opacity="0.6">{image}</g>' if planned else image


def _rectangle(box: Sequence[float], colour: str) -> str:
    place = " ".join(f'{name}="{_n(value)}"' for name, value in zip(("x", "y", "width", "height"), box, strict=True))
    return f'<rect {place} fill="none" stroke="{colour}" stroke-width="0.25"/>' if min(box[2:]) > 0 else ""


def _n(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")
