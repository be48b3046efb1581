"""ZIP files of strangers (APPNOTE 6.3), read without believing them: nothing is unpacked, nothing is guessed.

Every byte of the file must belong to exactly one entry, the directory or the end records, and both places that
describe an entry must say the same. So all readers of such a file see the same entries. Names never reach a file
system; an archive inside an archive is a content like any other and is not opened.
"""

import re
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO, Final

from signing.asic_names import require_distinct, require_name
from signing.digests import CHUNK
from signing.errors import LimitError, MalformedError, UnsupportedAlgorithmError

STORED, DEFLATED = 0, 8

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END: Final = struct.Struct("<4s4H2LH")
_FULL16: Final = 0xFFFF
_FULL32: Final = 0xFFFFFFFF
_MAX_COMMENT: Final = 256
_COMMENT = re.compile(rb"mimetype=[!-~]{1,200}\Z")
_NEWEST: Final = 45
_DESCRIPTOR, _UTF8 = 1 << 3, 1 << 11
_ENCRYPTED: Final = 1 | 1 << 6 | 1 << 13
_KNOWN_FLAGS: Final = 0b110 | _DESCRIPTOR | _UTF8
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_REFUSED_EXTRAS: Final = {0x0017: "强加密", 0x9901: "AES 加密", 0x6375: "另一个名称", 0x0008: "未定的名称"}
_DESCRIPTORS: Final = {
    12: struct.Struct("<3L"),
    16: struct.Struct("<4s3L"),
    20: struct.Struct("<L2Q"),
    24: struct.Struct("<4sL2Q"),
}
_FREE_RATIO: Final = 1 << 20


@dataclass(frozen=True)
class ZipLimits:
    """What is read at most, all in bytes but `entries`, `depth` (parts of a name) and `ratio` (of larger contents)."""

    file: int = 1 << 34
    entries: int = 2000
    directory: int = 4 << 20
    name: int = 512
    depth: int = 16
    content: int = 1 << 32
    total: int = 1 << 33
    ratio: int = 100


@dataclass(frozen=True)
class ZipEntry:
    """One content: `offset` and `packed` are its bytes in the file, `size` and `crc` those after inflating."""

    name: str
    header_offset: int
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    extra: bytes = field(default=b"", repr=False)
    """The extra field of the local header."""

    @property
    def is_folder(self) -> bool:
        """Whether it only says that a folder is there."""
        return self.name.endswith("/")


@dataclass(frozen=True)
class ZipIndex:
    """The entries in the order of their bytes, and the comment of the file."""

    entries: tuple[ZipEntry, ...]
    comment: bytes = b""

    @cached_property
    def _by_name(self) -> dict[str, ZipEntry]:
        return {entry.name: entry for entry in self.entries}

    def find(self, name: str) -> ZipEntry | None:
        """Answer the content of exactly this name."""
        return self._by_name.get(name)


def read_index(stream: BinaryIO, size: int, limits: ZipLimits | None = None) -> ZipIndex:
    """Read all headers of a file of `size` bytes; contents are not read.

    Raises LimitError, MalformedError, and UnsupportedAlgorithmError for encryption and unknown methods.
    """
    limits = limits or ZipLimits()
    if not _END.size <= size <= limits.file:
        raise LimitError(f"{size} bytes are no ZIP file, or more than {limits.file}")
    end = _read_end(stream, size)
    if not 0 < end.count <= limits.entries or end.length > limits.directory:
        raise LimitError(f"{end.count} entries in a directory of {end.length} bytes")
    directory = _read(stream, end.start, end.length)
    records = sorted(_read_records(directory, end.count, limits), key=lambda record: record.place)
    require_distinct([record.name for record in records])
    _require_total(records, limits)
    bounds = [record.place for record in records] + [end.start]
    if bounds[0] != 0:
        raise MalformedError("there are bytes before the first entry")
    entries = tuple(_read_local(stream, record, until) for record, until in zip(records, bounds[1:], strict=True))
    return ZipIndex(entries, end.comment)


def stream_content(stream: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """Yield a content in pieces of at most 1 MiB; MalformedError at its end if size, CRC or packing are wrong."""
    pieces = _packed(stream, entry) if entry.method == STORED else _inflate(_packed(stream, entry), entry)
    crc = size = 0
    for piece in pieces:
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        if size > entry.size:
            break
        yield piece
    if size != entry.size or crc != entry.crc:
        raise MalformedError(f"size or CRC of {entry.name} is wrong")


def read_content(stream: BinaryIO, entry: ZipEntry, *, limit: int) -> bytes:
    """Read one small content whole; LimitError over `limit` bytes, MalformedError as in `stream_content`."""
    if entry.size > limit:
        raise LimitError(f"{entry.name} has {entry.size} bytes; at most {limit} are read")
    return b"".join(stream_content(stream, entry))


def _packed(stream: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    at, left = entry.offset, entry.packed
    while left:
        piece = _read(stream, at, min(left, CHUNK))
        at, left = at + len(piece), left - len(piece)
        yield piece


def _inflate(pieces: Iterator[bytes], entry: ZipEntry) -> Iterator[bytes]:
    """Inflate with output bounded at each step; the packed bytes must end where the DEFLATE stream ends."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            data = piece
            while data:
                yield inflater.decompress(data, CHUNK)
                data = inflater.unconsumed_tail
                if inflater.unused_data:
                    raise MalformedError(f"{entry.name} has bytes after its end")
        while not inflater.eof and (rest := inflater.decompress(b"", CHUNK)):
            yield rest
    except zlib.error as error:
        raise MalformedError(f"{entry.name} is no DEFLATE stream: {error}") from error
    if not inflater.eof:
        raise MalformedError(f"{entry.name} ends too early")


# The end records


@dataclass(frozen=True)
class _End:
    count: int
    length: int
    start: int
    comment: bytes


def _read_end(stream: BinaryIO, size: int) -> _End:
    tail = _read(stream, max(0, size - _END.size - _MAX_COMMENT), min(size, _END.size + _MAX_COMMENT))
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise MalformedError("this is no ZIP file, or something stands after its end")
    _, disk, first, here, count, length, start, comment_length = _END.unpack_from(tail, at)
    comment = tail[at + _END.size :]
    if len(comment) != comment_length or (comment and not _COMMENT.match(comment)):
        raise MalformedError("something stands after the end of the ZIP file")
    if (disk, first) not in ((0, 0), (_FULL16, _FULL16)) or here != count:
        raise MalformedError("one of several disks")
    place = size - len(tail) + at
    end = _read_end64(stream, place, (count, length, start), comment)
    if end is None:
        end, stop = _End(count, length, start, comment), place
    else:
        stop = place - _LOCATOR.size - _END64.size
    if end.start + end.length != stop:
        raise MalformedError("the directory does not end at the end records")
    return end


def _read_end64(stream: BinaryIO, place: int, small: tuple[int, int, int], comment: bytes) -> _End | None:
    """Read the ZIP64 end records if they stand before the end record; None if there are none and none are needed."""
    if place < _LOCATOR.size + _END64.size:
        return None
    both = _read(stream, place - _LOCATOR.size - _END64.size, _LOCATOR.size + _END64.size)
    magic, disk, where, disks = _LOCATOR.unpack_from(both, _END64.size)
    if magic != b"PK\x06\x07":
        if small[0] == _FULL16 or _FULL32 in small[1:]:
            raise MalformedError("the ZIP64 end records are missing")
        return None
    fields = _END64.unpack_from(both)
    expected = (b"PK\x06\x06", _END64.size - 12)
    if fields[:2] != expected or (disk, disks) != (0, 1) or where != place - len(both):
        raise MalformedError("ZIP64 end records that lead elsewhere")
    _, _, _, needed, on, first, here, count, length, start = fields
    if (on, first) != (0, 0) or here != count or needed > _NEWEST:
        raise MalformedError("one of several disks")
    full = (_FULL16, _FULL32, _FULL32)
    if any(said not in (top, real) for said, top, real in zip(small, full, (count, length, start), strict=True)):
        raise MalformedError("the two end records disagree")
    return _End(count, length, start, comment)


# The directory


@dataclass(frozen=True)
class _Record:
    raw_name: bytes
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    place: int


def _read_records(directory: bytes, count: int, limits: ZipLimits) -> Iterator[_Record]:
    at = 0
    for _ in range(count):
        if len(directory) - at < _CENTRAL.size:
            raise MalformedError("the directory ends too early")
        fields = _CENTRAL.unpack_from(directory, at)
        names, extras, comments = fields[10:13]
        name_at = at + _CENTRAL.size
        at = name_at + names + extras + comments
        if fields[0] != b"PK\x01\x02" or at > len(directory):
            raise MalformedError("the directory ends too early")
        extra = directory[name_at + names : name_at + names + extras]
        yield _read_record(fields, directory[name_at : name_at + names], extra, limits)
    if at != len(directory):
        raise MalformedError("the directory holds more than its entries")


def _read_record(fields: tuple[int, ...], raw: bytes, extra: bytes, limits: ZipLimits) -> _Record:
    _, _, needed, flags, method, _, _, crc, packed, size, _, _, _, disk, _, attributes, place = fields
    name = _decode_name(raw, flags, limits)
    _require_readable(name, flags, method, needed)
    packed, size, place, disk = _widen(_read_extra(extra, raw), packed, size, place, disk)
    if disk != 0:
        raise MalformedError(f"{name} is on another disk")
    if stat.S_IFMT(attributes >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise MalformedError(f"{name} is a link or a device")
    if size > limits.content or (size > _FREE_RATIO and size > packed * limits.ratio):
        raise LimitError(f"{name}: {packed} bytes that become {size}")
    if method == STORED and packed != size:
        raise MalformedError(f"{name} is stored, in two sizes")
    if name.endswith("/") and size:
        raise MalformedError(f"the folder {name} has a content")
    return _Record(raw, name, flags, method, crc, packed, size, place)


def _decode_name(raw: bytes, flags: int, limits: ZipLimits) -> str:
    if not 0 < len(raw) <= limits.name:
        raise LimitError(f"a name of {len(raw)} bytes")
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise MalformedError("a name in an unknown character set") from error
    require_name(name, limits.depth)
    return name


def _require_readable(name: str, flags: int, method: int, needed: int) -> None:
    if flags & _ENCRYPTED:
        raise UnsupportedAlgorithmError(f"{name} is encrypted")
    if method not in (STORED, DEFLATED) or needed & 0xFF > _NEWEST:
        raise UnsupportedAlgorithmError(f"{name} is packed by method {method}")
    if flags & ~_KNOWN_FLAGS:
        raise MalformedError(f"{name} has flags {flags:#06x}")
    if flags & _DESCRIPTOR and method == STORED:
        raise MalformedError(f"{name} is stored and says its size only afterwards: its end depends on the reader")


def _widen(extra: dict[int, bytes], packed: int, size: int, place: int, disk: int) -> tuple[int, int, int, int]:
    """Put the ZIP64 values in place of those that are full; the extra field holds these and no others."""
    wide = extra.get(_ZIP64, b"")
    order = ((size, _FULL32, 8), (packed, _FULL32, 8), (place, _FULL32, 8), (disk, _FULL16, 4))
    values, at = list[int](), 0
    for value, full, length in order:
        taken = wide[at : at + length] if value == full else b""
        if value == full and len(taken) != length:
            raise MalformedError("a ZIP64 field is missing")
        values.append(int.from_bytes(taken, "little") if taken else value)
        at += len(taken)
    if at != len(wide):
        raise MalformedError("a ZIP64 field holds more than it must")
    return values[1], values[0], values[2], values[3]


def _read_extra(extra: bytes, raw_name: bytes) -> dict[int, bytes]:
    found, at = dict[int, bytes](), 0
    while at < len(extra):
        kind, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        value = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if at > len(extra) or kind in found:
            raise MalformedError("an extra field that ends too early or comes twice")
        if kind in _REFUSED_EXTRAS:
            raise UnsupportedAlgorithmError(f"an extra field for {_REFUSED_EXTRAS[kind]}")
        found[kind] = value
    if _UNICODE_PATH in found and found[_UNICODE_PATH][5:] != raw_name:
        raise MalformedError("an entry with two names")
    return found


# Local headers


def _require_total(records: Sequence[_Record], limits: ZipLimits) -> None:
    total = sum(record.size for record in records)
    if total > limits.total:
        raise LimitError(f"{total} bytes after inflating; at most {limits.total} are read")


def _read_local(stream: BinaryIO, record: _Record, until: int) -> ZipEntry:
    """Read the header before a content, and see that content and descriptor end at `until`."""
    fields = _LOCAL.unpack(_read(stream, record.place, _LOCAL.size))
    magic, needed, flags, method, _, _, crc, packed, size, names, extras = fields
    rest = _read(stream, record.place + _LOCAL.size, names + extras)
    raw, extra = rest[:names], rest[names:]
    if magic != b"PK\x03\x04" or (raw, flags, method) != (record.raw_name, record.flags, record.method):
        raise MalformedError(f"the two headers of {record.name} disagree")
    _require_readable(record.name, flags, method, needed)
    packed, size = _widen_local(_read_extra(extra, raw), packed, size)
    offset = record.place + _LOCAL.size + len(rest)
    said, real = (crc, packed, size), (record.crc, record.packed, record.size)
    gap = until - offset - record.packed
    if not flags & _DESCRIPTOR:
        ok = said == real and gap == 0
    else:
        known = all(one in (0, other) for one, other in zip(said, real, strict=True))
        ok = known and gap in _DESCRIPTORS and _matches(_read(stream, until - gap, gap), real)
    if not ok:
        raise MalformedError(f"the two headers of {record.name} disagree, or its bytes are not its own")
    return ZipEntry(record.name, record.place, offset, record.packed, record.size, record.crc, method, extra)


def _widen_local(extra: dict[int, bytes], packed: int, size: int) -> tuple[int, int]:
    """Read a local ZIP64 field, which always holds both sizes (APPNOTE 4.5.3)."""
    wide = extra.get(_ZIP64)
    if wide is None:
        return packed, size
    if len(wide) != 16 or {packed, size} - {_FULL32}:  # noqa: PLR2004 - two numbers of eight bytes
        raise MalformedError("a ZIP64 field that is not needed, or too short")
    return int.from_bytes(wide[8:], "little"), int.from_bytes(wide[:8], "little")


def _matches(descriptor: bytes, real: tuple[int, int, int]) -> bool:
    values = _DESCRIPTORS[len(descriptor)].unpack(descriptor)
    return values in (real, (b"PK\x07\x08", *real))


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    data = stream.read(length)
    if len(data) != length:
        raise MalformedError("the file is shorter than it says")
    return data
