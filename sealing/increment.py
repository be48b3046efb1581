"""Appending to a PDF: signature fields, and a seal with room for its signature. The PDF library, narrowly."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

from sealing import artwork
from sealing.artwork import Artwork
from sealing.pages import Place
from sealing.placement import upright
from signing.digests import CHUNK
from signing.pdf import ByteRange

FILTER: Final = "/Gomain.GMPkiLite"
SUB_FILTER: Final = "/GM.sm2seal"


@dataclass(frozen=True)
class Increment:
    """One seal to append: its field, picture, the page's rotation, hex digits of room, seal name, time for /M."""

    field: str
    drawn: Artwork
    rotate: int
    room: int
    name: str
    at: datetime


def append_fields(path: Path, places: Sequence[Place]) -> None:
    """Append one revision with these signature fields, in place."""
    fields: Any = _library("sign.fields")
    with path.open("r+b") as stream:
        writer = _writer(stream)
        for place in places:
            spec = fields.SigFieldSpec(place.name, on_page=place.page, box=place.rect)
            fields.append_signature_field(writer, spec)
        writer.write_in_place()
        _sync(stream)


def append_seal(path: Path, increment: Increment) -> ByteRange:
    """Append one revision that fills a field with a seal not yet signed, in place; answer what it covers."""
    generic: Any = _library("pdf_utils.generic")
    with path.open("r+b") as stream:
        writer = _writer(stream)
        found = _library("sign.fields").enumerate_sig_fields(writer.prev, with_name=increment.field)
        reference = next(ref for name, _, ref in found if name == increment.field).reference
        dictionary = _dictionary(increment)
        node = writer.get_object(reference)
        node["/V"] = writer.add_object(dictionary)
        node["/AP"] = generic.DictionaryObject({generic.pdf_name("/N"): writer.add_object(_appearance(increment))})
        writer.mark_update(reference)
        prepared, _ = next(dictionary.fill(writer, "sm3", in_place=True, chunk_size=CHUNK))
        start, stop = prepared.reserved_region_start, prepared.reserved_region_end
        _sync(stream)
        return 0, start, stop, stream.seek(0, 2) - stop


def _writer(stream: BinaryIO) -> Any:
    """Open for appending, without the library's habit of dating /Info by the machine's clock."""
    writer = _library("pdf_utils.incremental_writer").IncrementalPdfFileWriter(stream, strict=False)
    writer._update_meta = lambda: None  # noqa: SLF001 - there is no public switch; a test sees that it works
    return writer


def _dictionary(increment: Increment) -> Any:
    generic: Any = _library("pdf_utils.generic")
    dictionary = _library("sign.signers.pdf_byterange").PdfByteRangeDigest(bytes_reserved=increment.room)
    dictionary["/Type"] = generic.pdf_name("/Sig")
    dictionary["/Filter"] = generic.pdf_name(FILTER)
    dictionary["/SubFilter"] = generic.pdf_name(SUB_FILTER)
    dictionary["/M"] = generic.pdf_date(increment.at)
    dictionary["/Name"] = generic.pdf_string(increment.name)
    return dictionary


def _appearance(increment: Increment) -> Any:
    generic: Any = _library("pdf_utils.generic")
    width, height = increment.drawn.size_points
    box = [generic.FloatObject(round(n, 3)) for n in (0, 0, width, height)]
    matrix = [generic.NumberObject(n) for n in upright(increment.rotate)]
    entries = {
        "/Type": generic.pdf_name("/XObject"),
        "/Subtype": generic.pdf_name("/Form"),
        "/BBox": generic.ArrayObject(box),
        "/Matrix": generic.ArrayObject(matrix),
        "/Resources": generic.DictionaryObject(),
    }
    named = {generic.pdf_name(key): value for key, value in entries.items()}
    stream = generic.StreamObject(named, stream_data=artwork.pdf_content(increment.drawn))
    stream.compress()
    return stream


def _sync(stream: Any) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _library(module: str) -> Any:
    """Import a module of the library when it is first needed: it costs a second, and is untyped in part."""
    return import_module(f"pyhanko.{module}")
