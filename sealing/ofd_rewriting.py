"""Writing an OFD package again with some entries replaced or added; all others keep their bytes (APPNOTE 6.3).

What stays is copied from header to header without being unpacked: names, dates, folders and packing are as they were.
Only places in the directory change. A comment is left out: no signature could cover it.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from sealing.ofd_zip import LIMITS
from signing.asic_zip import DEFLATED, STORED
from signing.digests import CHUNK
from signing.errors import LimitError, MalformedError

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_MAX_COMMENT: Final = 0xFFFF
_PLACE_AT: Final = 42
_UTF8: Final = 1 << 11
_DATE: Final = 0x21
"""1980-01-01: the time of a signature stands in the signature."""
_NEEDED, _MADE_BY = 20, 0x0314
_ATTRIBUTES: Final = 0o100644 << 16


@dataclass(frozen=True)
class Record:
    """One entry of the directory as it stands: `raw` are its bytes, `place` is where its local header begins."""

    raw: bytes
    place: int


@dataclass(frozen=True)
class Directory:
    """Where the directory of a package begins, and its entries in their order."""

    start: int
    records: tuple[Record, ...]


def read_directory(stream: BinaryIO, size: int) -> Directory:
    """Read the directory of a package that `ofd_zip.open_package` has accepted. Raises MalformedError."""
    reach = min(size, _END.size + _MAX_COMMENT)
    tail = _read(stream, size - reach, reach)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise MalformedError("this is no ZIP file")
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, at)
    if count == _FULL16 or _FULL32 in (length, start):
        before = size - reach + at - _LOCATOR.size - _END64.size
        _, _, _, _, _, _, _, count, length, start = _END64.unpack(_read(stream, max(before, 0), _END64.size))
    if start + length > size:
        raise MalformedError("the directory lies outside the file")
    return Directory(start, tuple(_records(_read(stream, start, length), count)))


@dataclass(frozen=True)
class Rewriting:
    """A package to be written: `changed` by the place of the entry that gets another content, `added` by name."""

    source: BinaryIO
    directory: Directory
    changed: Mapping[int, tuple[str, bytes]]
    added: Mapping[str, bytes]

    def write(self, target: BinaryIO) -> None:
        """Write it to a file that stands at its beginning. Raises LimitError, OSError."""
        _require_room(len(self.directory.records) + len(self.added))
        bounds = sorted(record.place for record in self.directory.records)
        moved = dict[int, Record]()
        records = {record.place: record for record in self.directory.records}
        for place, until in zip(bounds, [*bounds[1:], self.directory.start], strict=True):
            if place in self.changed:
                moved[place] = write_entry(target, *self.changed[place])
            else:
                moved[place] = _moved(records[place], target.tell())
                _copy(self.source, place, until - place, target)
        new = [write_entry(target, name, data) for name, data in self.added.items()]
        write_directory(target, [*(moved[record.place] for record in self.directory.records), *new])


def append(stream: BinaryIO, directory: Directory, name: str, data: bytes) -> None:
    """Add one entry to a package in place: over its directory, which is written again behind it."""
    _require_room(len(directory.records) + 1)
    stream.seek(directory.start)
    stream.truncate()
    record = write_entry(stream, name, data)
    write_directory(stream, [*directory.records, record])


def write_entry(stream: BinaryIO, name: str, data: bytes) -> Record:
    """Write one entry where the stream stands, packed if that saves room; answer its line of the directory."""
    raw, crc, place = name.encode(), zlib.crc32(data), stream.tell()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    method = DEFLATED if len(packed) < len(data) else STORED
    body = packed if method == DEFLATED else data
    flags = 0 if name.isascii() else _UTF8
    common = (_NEEDED, flags, method, 0, _DATE, crc, len(body), len(data), len(raw), 0)
    stream.write(_LOCAL.pack(b"PK\x03\x04", *common) + raw)
    stream.write(body)
    central = _CENTRAL.pack(b"PK\x01\x02", _MADE_BY, *common, 0, 0, 0, _ATTRIBUTES, place)
    return Record(central + raw, place)


def write_directory(stream: BinaryIO, records: list[Record]) -> None:
    """Write the directory and the end record where the stream stands."""
    start = stream.tell()
    stream.writelines(record.raw for record in records)
    length = stream.tell() - start
    if start + length >= _FULL32 or len(records) >= _FULL16:
        raise LimitError("more than a ZIP file holds")
    stream.write(_END.pack(b"PK\x05\x06", 0, 0, len(records), len(records), length, start, 0))


def _require_room(entries: int) -> None:
    if entries > LIMITS.entries:
        raise LimitError(f"more than {LIMITS.entries} entries")


def _records(directory: bytes, count: int) -> Iterator[Record]:
    at = 0
    for _ in range(count):
        if len(directory) - at < _CENTRAL.size:
            raise MalformedError("the directory ends too early")
        fields = _CENTRAL.unpack_from(directory, at)
        end = at + _CENTRAL.size + sum(fields[10:13])
        raw = directory[at:end]
        yield Record(raw, fields[16] if fields[16] != _FULL32 else _wide_place(raw)[1])
        at = end


def _moved(record: Record, place: int) -> Record:
    """Write another place into an entry of the directory, where it stands: in its field, or in the ZIP64 one."""
    at, length = _PLACE_AT, 4
    if record.raw[at : at + 4] == b"\xff" * 4:
        at, length = _wide_place(record.raw)[0], 8
    raw = record.raw[:at] + place.to_bytes(length, "little") + record.raw[at + length :]
    return replace(record, raw=raw, place=place)


def _wide_place(raw: bytes) -> tuple[int, int]:
    """Answer where the place stands in the ZIP64 extra field of an entry, and the place."""
    fields = _CENTRAL.unpack_from(raw)
    at = _CENTRAL.size + fields[10]
    end = at + fields[11]
    while at + 4 <= end:
        kind, length = struct.unpack_from("<2H", raw, at)
        if kind == 1:
            wide = at + 4 + 8 * sum(size == _FULL32 for size in fields[8:10])
            if wide + 8 <= at + 4 + length:
                return wide, int.from_bytes(raw[wide : wide + 8], "little")
        at += 4 + length
    raise MalformedError("a ZIP64 field is missing")


def _copy(source: BinaryIO, place: int, length: int, target: BinaryIO) -> None:
    source.seek(place)
    while length:
        piece = source.read(min(length, CHUNK))
        if not piece:
            raise MalformedError("the file is shorter than it says")
        target.write(piece)
        length -= len(piece)


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    data = stream.read(length)
    if len(data) != length:
        raise MalformedError("the file is shorter than it says")
    return data
