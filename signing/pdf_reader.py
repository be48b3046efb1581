"""The PDF library's reader with bounds of our own: cross-reference entries, object streams, and where the file begins.

The library follows a cross-reference stream of any declared length, searches an object stream from its start for
every object, and wants the header at the first byte.
"""

import re
from collections import OrderedDict
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any, BinaryIO, Final

from signing.registrations import quicken_reading

MAX_ENTRIES: Final = 2_000_000
MAX_SECTIONS: Final = 5_000
_HEADER: Final = 1024
_TAIL: Final = 1100
_START: Final = re.compile(rb"startxref[\s\0]{0,64}(\d{1,19})[\s\0]{0,64}\Z")
_KEPT: Final = 4
_MAX_KEPT: Final = 32 << 20


def open_reader(stream: BinaryIO, *, strict: bool) -> Any:
    """Open a PDF with the library. Raises whatever the library raises, and its PdfReadError beyond our bounds."""
    quicken_reading()
    return _make_class()(stream, strict)


_Opened = tuple[bytes, list[tuple[int, int]]]
"""A decoded object stream, and (number, offset) of the objects in it."""


@cache
def _make_class() -> Any:
    reading: Any = import_module("pyhanko.pdf_utils.reader")
    tables: Any = import_module("pyhanko.pdf_utils.xref")
    misc: Any = import_module("pyhanko.pdf_utils.misc")
    builder_class = _make_builder(tables, misc)

    class Reader(_make_object_reader(reading, misc)):  # type: ignore[misc]
        """Reads as the library does."""

        def __init__(self, stream: BinaryIO, strict: bool) -> None:
            self._security_handler = None
            self.strict = strict
            size = stream.seek(0, 2)
            self._decode_context = reading.DecodeContext(reading.DecodeLimits(), input_size=size)
            self.resolved_objects: dict[tuple[int, int], Any] = {}
            self._historical_resolver_cache: dict[int, Any] = {}
            self._opened = OrderedDict[int, _Opened]()
            self._input_version = self._embedded_signatures = None
            self.stream = stream
            self._header_version = _read_version(stream, misc)
            builder = builder_class(self, stream, strict, _find_table(stream, size, misc))
            self.xrefs = tables.XRefCache(self, builder.read_xrefs())
            self.last_startxref, self.trailer = builder.last_startxref, builder.trailer
            self.has_xref_stream = builder.has_xref_stream

    return Reader


def _make_builder(tables: Any, misc: Any) -> Any:
    class Builder(tables.XRefBuilder):  # type: ignore[misc]
        """Reads no more entries and sections than anybody needs."""

        entries = 0

        def _read_xref_stream_object(self) -> Any:
            ref, stream = super()._read_xref_stream_object()
            widths = [int(one) for one in stream.raw_get("/W")]
            index = stream.get("/Index", [0, stream.raw_get("/Size")])
            self.entries += sum(int(count) for count in list(index)[1::2])
            too_many = self.entries > MAX_ENTRIES or len(self.sections) > MAX_SECTIONS
            if too_many or sum(widths) <= 0 or min(widths) < 0 or max(widths) > 8:  # noqa: PLR2004
                raise misc.PdfReadError("a cross-reference stream beyond the limits")
            return ref, stream

        def _read_xref_table(self, declared_startxref: int) -> Any:
            if len(self.sections) > MAX_SECTIONS:
                raise misc.PdfReadError("too many cross-reference sections")
            return super()._read_xref_table(declared_startxref)

    return Builder


def _make_object_reader(reading: Any, misc: Any) -> Any:  # noqa: C901 - a class in a function
    generic: Any = import_module("pyhanko.pdf_utils.generic")

    class ObjectReader(reading.PdfFileReader):  # type: ignore[misc]
        """Opens an object stream once for all its objects."""

        def _get_object_from_stream(self, idnum: int, stmnum: int, idx: int) -> Any:
            data, listed = self._open_stream(stmnum)
            offset, fits = _find_inner(listed, idnum, idx)
            if self.strict and not fits:
                raise misc.PdfStrictReadError("the object is not where the table says in its object stream")
            if offset is None:
                return generic.NullObject()
            content = BytesIO(data)
            content.seek(offset)
            return self._read_inner(content, idnum)

        def _read_inner(self, content: BytesIO, idnum: int) -> Any:
            try:
                found = generic.read_object(content, generic.Reference(idnum, 0, self))
            except (misc.PdfStreamError, misc.PdfReadError) as error:
                if self.strict:
                    raise misc.PdfStrictReadError("an object stream that cannot be read") from error
                return generic.NullObject()
            if self.strict and isinstance(found, generic.StreamObject | generic.IndirectObject):
                raise misc.PdfStrictReadError("a stream or a reference inside an object stream")
            return found

        def _open_stream(self, number: int) -> _Opened:
            known: _Opened | None = self._opened.get(number)
            if known is not None:
                self._opened.move_to_end(number)
                return known
            stream = self.get_object(generic.Reference(number, 0, self))
            if not isinstance(stream, generic.StreamObject) or stream["/Type"] != "/ObjStm":
                raise misc.PdfReadError("what should be an object stream is none")
            data = stream.read_data(reading.DecodePurpose.OBJECT_STREAM)
            self.resolved_objects.pop((0, number), None)
            listed = _list_inner(data, int(stream["/First"]), int(stream["/N"]))
            if len(listed) < int(stream["/N"]) and self.strict:
                raise misc.PdfStrictReadError("an object stream with a broken header")
            _keep(self._opened, number, (data, listed))
            return data, listed

    return ObjectReader


def _list_inner(data: bytes, first: int, count: int) -> list[tuple[int, int]]:
    numbers = [int(one) for one in re.findall(rb"\d+", data[:first])[: 2 * count]]
    return [(number, first + at) for number, at in zip(numbers[::2], numbers[1::2], strict=False)]


def _find_inner(listed: list[tuple[int, int]], number: int, index: int) -> tuple[int | None, bool]:
    """Answer where an object begins in its stream, and whether it stands at the place that the table says."""
    if 0 <= index < len(listed) and listed[index][0] == number:
        return listed[index][1], True
    found = next((at for one, at in listed if one == number), None) if 0 <= index < len(listed) else None
    return found, False


def _keep(opened: OrderedDict[int, _Opened], number: int, found: _Opened) -> None:
    opened[number] = found
    while len(opened) > _KEPT or (len(opened) > 1 and sum(len(data) for data, _ in opened.values()) > _MAX_KEPT):
        opened.popitem(last=False)


def _read_version(stream: BinaryIO, misc: Any) -> tuple[int, int]:
    stream.seek(0)
    match = re.search(rb"%PDF-(\d)\.(\d)", stream.read(_HEADER))
    if match is None:
        raise misc.PdfReadError("no header with a version")
    return int(match[1]), int(match[2])


def _find_table(stream: BinaryIO, size: int, misc: Any) -> int:
    """Answer where the last table is said to begin; the library would look for a line end through gigabytes."""
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    last = tail.rfind(b"%%EOF")
    match = _START.search(tail[:last]) if last >= 0 else None
    if match is None:
        raise misc.PdfReadError("no startxref and %%EOF at the end")
    start = int(match[1])
    stream.seek(min(start, size))
    if not stream.read(_TAIL).strip(b"\0\t\n\f\r "):
        raise misc.PdfReadError("nothing where startxref points")
    return start
