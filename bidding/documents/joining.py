"""Joining PDFs into one numbered file with bookmarks, inside the child process.

Pages are copied with their content streams as they are. Page numbers are direct content streams in the coordinates
of the page as it is seen: turned by /Rotate, cut to the crop box, scaled by /UserUnit.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DecodedStreamObject,
    Destination,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NullObject,
    TextStringObject,
)

from bidding.documents.inspecting import MM, rotation, visible_box

_LEFT_OUT: Final = ("/Annots", "/B", "/AA", "/Metadata", "/PieceInfo", "/StructParents", "/Tabs", "/Thumb", "/DPart")
_LINK_KEYS: Final = ("/Rect", "/Border", "/BS", "/C", "/H", "/F")
_FONT: Final = "/YzNumber"
_MAX_DEPTH, _MAX_BOOKMARKS = 4, 3000


class Source(Struct, frozen=True):
    """One PDF that is joined, under this bookmark."""

    path: str
    title: str


class Numbers(Struct, frozen=True):
    """How page numbers are drawn: a PDF that holds their font, and for every character its code and its width."""

    font: str
    codes: dict[str, tuple[int, float]]
    """Code in the font's one-byte encoding; width in thousandths of the size."""
    size: float
    """Points."""
    up_mm: float
    """From the lower edge to the base line."""
    in_mm: float
    """From the right edge; documents have numbers of their own in the middle."""


class Join(Struct, frozen=True):
    """What is joined, and what the result says of itself."""

    sources: tuple[Source, ...]
    target: str
    title: str
    created: str
    """PDF date."""
    identifier: str
    """Sixteen bytes for /ID, hex."""
    numbers: Numbers


class Joined(Struct, frozen=True):
    """Pages of the result, and of each source."""

    pages: int
    counts: tuple[int, ...]


def join(request: bytes) -> Any:
    """Write the joined file and answer Joined."""
    asked = msgspec.json.decode(request, type=Join)
    writer = PdfWriter()
    layers = _Layers(writer)
    counts = tuple(_append(writer, layers, source) for source in asked.sources)
    layers.write()
    _number(writer, asked.numbers)
    identifier = ByteStringObject(bytes.fromhex(asked.identifier))
    writer._ID = ArrayObject([identifier, identifier])  # noqa: SLF001 - the one way to set it
    writer.metadata = {
        "/Title": asked.title,
        "/Creator": "一照通投",
        "/Producer": "yizhao",
        "/CreationDate": asked.created,
    }
    with Path(asked.target).open("wb") as stream:
        writer.write(stream)
    return msgspec.to_builtins(Joined(len(writer.pages), counts))


def _append(writer: PdfWriter, layers: "_Layers", source: Source) -> int:
    reader = PdfReader(source.path, strict=False)
    first = len(writer.pages)
    pages: dict[int, Any] = {}
    for page in reader.pages:
        copy = writer.add_page(page, _LEFT_OUT)
        if page.indirect_reference is not None:
            pages[page.indirect_reference.idnum] = copy.indirect_reference
    layers.take(reader)
    count = len(reader.pages)
    _link(writer, reader, pages, first)
    top = writer.add_outline_item(title=source.title, page_number=first)
    with suppress(PyPdfError, ValueError, KeyError, TypeError, AttributeError):  # a broken outline is left out
        _Outline(writer, {key: first + number for number, key in enumerate(pages)}).copy(reader.outline, top)
    return count


class _Outline:
    """The bookmarks of one source, copied below its own."""

    def __init__(self, writer: PdfWriter, numbers: dict[int, int]) -> None:
        self._writer, self._numbers = writer, numbers
        self._left = _MAX_BOOKMARKS

    def copy(self, items: Any, parent: Any, depth: int = 1) -> None:
        """Copy a level; a list after an item holds that item's children."""
        last = parent
        for item in items:
            if isinstance(item, list):
                if depth < _MAX_DEPTH:
                    self.copy(item, last, depth + 1)
                continue
            page = item.get("/Page")
            number = self._numbers.get(page.idnum) if isinstance(page, IndirectObject) else None
            if number is not None and self._left > 0:
                self._left -= 1
                title = str(item.title or "")[:200]
                last = self._writer.add_outline_item(title=title, page_number=number, parent=parent)


def _link(writer: PdfWriter, reader: PdfReader, pages: dict[int, Any], first: int) -> None:
    """Carry links over, with every target spelt out: names of two files may be the same."""
    names = reader.named_destinations
    for number, page in enumerate(reader.pages):
        links = ArrayObject()
        for old in _annotations(page):
            new = _target(old, names, pages)
            if new is None or "/Rect" not in old:
                continue
            new.update({NameObject(key): old[key].clone(writer) for key in _LINK_KEYS if key in old})
            new.update({NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject("/Link")})
            links.append(writer._add_object(new))  # noqa: SLF001 - pypdf's way to make an indirect object
        if links:
            writer.pages[first + number][NameObject("/Annots")] = links


def _annotations(page: Any) -> Iterator[DictionaryObject]:
    found = page.get("/Annots")
    found = found.get_object() if found is not None else None
    for item in found if isinstance(found, ArrayObject) else ():
        value = item.get_object()
        if isinstance(value, DictionaryObject) and value.get("/Subtype") == "/Link":
            yield value


def _target(old: DictionaryObject, names: dict[str, Destination], pages: dict[int, Any]) -> DictionaryObject | None:
    """/Dest or /A of the new link; None for what leads nowhere."""
    action = old.get("/A")
    action = action.get_object() if action is not None else None
    if isinstance(action, DictionaryObject) and action.get("/S") == "/URI":
        uri = action.get("/URI")
        made = DictionaryObject({NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject(str(uri))})
        return DictionaryObject({NameObject("/A"): made})
    goal: Any = (
        action.get("/D") if isinstance(action, DictionaryObject) and action.get("/S") == "/GoTo" else old.get("/Dest")
    )
    goal = goal.get_object() if goal is not None else None
    if isinstance(goal, (str, bytes)):
        named = names.get(str(goal))
        goal = named.dest_array if named is not None else None
    if not isinstance(goal, ArrayObject) or not goal or not isinstance(goal[0], IndirectObject):
        return None
    page = pages.get(goal[0].idnum)
    if page is None:
        return None
    rest = [value for value in goal[1:] if isinstance(value, (NameObject, NullObject, int, float))]
    return DictionaryObject({NameObject("/Dest"): ArrayObject([page, *rest])})


class _Layers:
    """Optional content (图层): what a file hides stays hidden."""

    def __init__(self, writer: PdfWriter) -> None:
        self._writer = writer
        self._groups, self._off = ArrayObject(), ArrayObject()

    def take(self, reader: PdfReader) -> None:
        """Take over the groups of one file, and which of them it shows."""
        root = reader.trailer["/Root"].get_object()
        properties = root.get("/OCProperties") if isinstance(root, DictionaryObject) else None
        if properties is None:
            return
        properties = properties.get_object()
        shown = properties.get("/D", DictionaryObject()).get_object()
        off = _references(shown.get("/OFF"))
        if shown.get("/BaseState") == "/OFF":
            off = _references(properties.get("/OCGs")) - _references(shown.get("/ON"))
        for item in properties.get("/OCGs", ArrayObject()).get_object():
            copy = item.get_object().clone(self._writer).indirect_reference
            self._groups.append(copy)
            if isinstance(item, IndirectObject) and item.idnum in off:
                self._off.append(copy)

    def write(self) -> None:
        """Put them into the catalogue."""
        if not self._groups:
            return
        shown = DictionaryObject({NameObject("/OFF"): self._off, NameObject("/Order"): ArrayObject()})
        made = DictionaryObject({NameObject("/OCGs"): self._groups, NameObject("/D"): shown})
        self._writer.root_object[NameObject("/OCProperties")] = made


def _references(array: Any) -> set[int]:
    found = array.get_object() if array is not None else ()
    return {item.idnum for item in found if isinstance(item, IndirectObject)}


def _number(writer: PdfWriter, numbers: Numbers) -> None:
    """第 n 页　共 N 页 at the right of every lower edge."""
    font = _font(writer, numbers.font)
    save = writer._add_object(_stream(b"q\n"))  # noqa: SLF001
    total = len(writer.pages)
    for number, page in enumerate(writer.pages, 1):
        text = f"第 {number} 页　共 {total} 页"
        drawn = writer._add_object(_stream(_drawing(page, text, numbers)))  # noqa: SLF001
        page[NameObject("/Contents")] = ArrayObject([save, *_contents(page), drawn])
        resources = page.setdefault(NameObject("/Resources"), DictionaryObject()).get_object()
        fonts = resources.setdefault(NameObject("/Font"), DictionaryObject()).get_object()
        fonts[NameObject(_FONT)] = font


def _font(writer: PdfWriter, path: str) -> Any:
    page: Any = PdfReader(path).pages[0]
    for font in page["/Resources"]["/Font"].values():
        if font.get_object().get("/Subtype") == "/TrueType":
            return font.get_object().clone(writer).indirect_reference
    raise LookupError("the file of the number font holds none")  # pragma: no cover - we made it


def _stream(data: bytes) -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(data)
    return stream


def _contents(page: Any) -> list[Any]:
    if "/Contents" not in page:
        return []
    raw = page.raw_get("/Contents")
    found = raw.get_object()
    if isinstance(found, ArrayObject):
        return list(found)
    return [] if isinstance(found, NullObject) else [raw]


def _drawing(page: Any, text: str, numbers: Numbers) -> bytes:
    left, bottom, right, top = visible_box(page)
    turn = rotation(page)
    unit = 1 / (MM * float(page.user_unit))
    wide = (top - bottom) if turn in (90, 270) else (right - left)
    size = numbers.size * MM * unit
    width = sum(numbers.codes[char][1] for char in text) / 1000 * size
    x, y = max(0.0, wide - width - numbers.in_mm * unit), numbers.up_mm * unit
    matrix = {
        0: (1, 0, 0, 1, left + x, bottom + y),
        90: (0, 1, -1, 0, right - y, bottom + x),
        180: (-1, 0, 0, -1, right - x, top - y),
        270: (0, -1, 1, 0, left + y, top - x),
    }[turn]
    codes = bytes(numbers.codes[char][0] for char in text).hex()
    place = " ".join(FloatObject(round(value, 4)).myrepr() for value in matrix)
    return (
        "\nQ\n/Artifact <</Type /Pagination>> BDC\nq 0 g 0 Tr 0 Tc 0 Tw 100 Tz 0 Ts BT "
        f"{_FONT} {size:.4f} Tf {place} Tm <{codes}> Tj ET Q\nEMC\n"
    ).encode()
