"""The ZIP of an OFD package (GB/T 33190-2016 7.2): opened strictly, or leniently where honest makers are careless.

Strict is `signing.asic_zip`: one meaning for all readers. Lenient takes, with a remark, names in GB 18030 or with
backslashes, a comment, and stored entries with sizes afterwards; entries under names that lead out of the package are
put aside, never read and never written. What would have two meanings is refused either way.
"""

import stat
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Final

from signing.asic_names import require_distinct, require_name
from signing.asic_zip import DEFLATED, STORED, ZipEntry, ZipLimits, read_content, read_index, stream_content
from signing.errors import LimitError, MalformedError, UnsupportedAlgorithmError

LIMITS: Final = ZipLimits(file=512 << 20, entries=20_000, directory=8 << 20, content=256 << 20, total=512 << 20)

_END: Final = struct.Struct("<4s4H2LH")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_MAX_COMMENT: Final = 0xFFFF
_FULL32: Final = 0xFFFFFFFF
_DESCRIPTOR, _UTF8, _ENCRYPTED = 1 << 3, 1 << 11, 1 | 1 << 6 | 1 << 13
_DESCRIPTOR_SIZES: Final = frozenset({12, 16, 20, 24})
_STRONG, _AES, _OTHER_NAMES = 0x0017, 0x9901, frozenset({0x6375, 0x7075})
_FREE_RATIO: Final = 1 << 20


@dataclass(frozen=True)
class OfdPackage:
    """An opened package. `parts` are its files by name; `strays` were put aside; `remarks` are Chinese sentences."""

    stream: BinaryIO
    mode: str
    parts: dict[str, ZipEntry]
    strays: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @cached_property
    def folded(self) -> dict[str, str]:
        """Answer the names of the parts by their folded case."""
        return {name.casefold(): name for name in self.parts}

    def read(self, name: str, *, limit: int) -> bytes:
        """Read one part whole. Raises LimitError, MalformedError (also for a part that is not there)."""
        entry = self.parts.get(name)
        if entry is None:
            raise MalformedError(f"there is no part {name}")
        return read_content(self.stream, entry, limit=limit)

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield one part in pieces; MalformedError when its size or CRC is wrong."""
        return stream_content(self.stream, self.parts[name])

    def find(self, base: str, location: str) -> str:
        """Answer the part that a location (ST_Loc) in the part `base` names, or an empty string.

        Absolute from the root, else relative to the folder of `base`; some makers leave out the leading slash, or
        write other cases than those of the entry (no two entries differ in case only).
        """
        names = resolve(base, location)
        exact = next((name for name in names if name in self.parts), "")
        return exact or next((self.folded[name.casefold()] for name in names if name.casefold() in self.folded), "")


def open_package(stream: BinaryIO, size: int, limits: ZipLimits = LIMITS) -> OfdPackage:
    """Read the directory of a package of `size` bytes; contents are not read.

    Raises LimitError, MalformedError, and UnsupportedAlgorithmError for encryption and unknown methods.
    """
    try:
        entries = read_index(stream, size, limits).entries
    except LimitError:
        raise
    except MalformedError:
        return _open_tolerantly(stream, size, limits)
    return OfdPackage(stream, "strict", {one.name: one for one in entries if not one.is_folder})


def resolve(base: str, location: str) -> list[str]:
    """Answer the names that a location may mean, best first; none when it leads out of the package."""
    text = location.strip().replace("\\", "/")
    if not text or "\0" in text:
        return []
    folder = "" if text.startswith("/") else base.rpartition("/")[0]
    names = [_normal(f"{folder}/{text}"), _normal(text)]
    return [name for name in dict.fromkeys(names) if name]


def _normal(path: str) -> str:
    parts = list[str]()
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


# Lenient


@dataclass(frozen=True)
class _Record:
    raw: bytes
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    place: int
    is_stray: bool


def _open_tolerantly(stream: BinaryIO, size: int, limits: ZipLimits) -> OfdPackage:
    start, directory, count = _read_directory(stream, size, limits)
    remarks = dict[str, None]()
    records = sorted(_read_records(directory, count, limits, remarks), key=lambda one: one.place)
    if sum(one.size for one in records) > limits.total:
        raise LimitError(f"more than {limits.total} bytes after inflating")
    kept, strays = [one for one in records if not one.is_stray], [one.name for one in records if one.is_stray]
    # a stray that some reader takes for one of the parts makes two documents of one file
    require_distinct([one.name for one in kept])
    names = {_normal(one.name).casefold() for one in kept}
    if any(reading.casefold() in names for name in strays for reading in (_normal(name), _climbed(name))):
        raise MalformedError("an entry under a second name")
    bounds = [one.place for one in records] + [start]
    if bounds[0] != 0:
        raise MalformedError("there are bytes before the first entry")
    entries = [_read_local(stream, one, until) for one, until in zip(records, bounds[1:], strict=True)]
    parts = {
        entry.name: entry
        for entry, record in zip(entries, records, strict=True)
        if not record.is_stray and not entry.is_folder
    }
    remarks |= {f"条目名 {name!r} 指向包外，未读取。": None for name in strays[:20]}
    return OfdPackage(stream, "lenient", parts, tuple(strays), tuple(remarks))


def _climbed(name: str) -> str:
    """Read a stray name as a careless reader would: without drive, dots and leading slashes."""
    text = name.replace("\\", "/").rpartition(":")[2]
    return "/".join(part.rstrip(". ") for part in text.split("/") if part.rstrip(". "))


def _read_directory(stream: BinaryIO, size: int, limits: ZipLimits) -> tuple[int, bytes, int]:
    if not _END.size <= size <= limits.file:
        raise LimitError(f"{size} bytes are no ZIP file, or more than {limits.file}")
    reach = min(size, _END.size + _MAX_COMMENT)
    tail = _read(stream, size - reach, reach)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise MalformedError("this is no ZIP file, or something stands after its end")
    _, disk, first, here, count, length, start, comment = _END.unpack_from(tail, at)
    if len(tail) - at - _END.size != comment or (disk, first) != (0, 0) or here != count:
        raise MalformedError("something stands after the end of the ZIP file, or it is one of several disks")
    if b"PK" in tail[at + _END.size :]:
        raise MalformedError("a comment with ZIP records inside")
    if not 0 < count <= limits.entries or length > limits.directory:
        raise LimitError(f"{count} entries in a directory of {length} bytes")
    if start + length != size - reach + at:
        raise MalformedError("the directory does not end at the end record")
    return start, _read(stream, start, length), count


def _read_records(directory: bytes, count: int, limits: ZipLimits, remarks: dict[str, None]) -> Iterator[_Record]:
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
        _require_plain_extra(directory[name_at + names : name_at + names + extras])
        yield _read_record(fields, directory[name_at : name_at + names], limits, remarks)
    if at != len(directory):
        raise MalformedError("the directory holds more than its entries")


def _read_record(fields: Sequence[int], raw: bytes, limits: ZipLimits, remarks: dict[str, None]) -> _Record:
    flags, method, crc, packed, size, attributes, place = (fields[i] for i in (3, 4, 7, 8, 9, 15, 16))
    if not 0 < len(raw) <= limits.name:
        raise LimitError(f"a name of {len(raw)} bytes")
    name = _decode(raw, flags, remarks)
    if flags & _ENCRYPTED:
        raise UnsupportedAlgorithmError(f"{name} is encrypted")
    if method not in (STORED, DEFLATED):
        raise UnsupportedAlgorithmError(f"{name} is packed by method {method}")
    if _FULL32 in (packed, size, place) or fields[13] != 0 or (method == STORED and packed != size):
        raise MalformedError(f"{name} has no sizes that can be relied on")
    if stat.S_IFMT(attributes >> 16) == stat.S_IFLNK:
        raise MalformedError(f"{name} is a link")
    if size > limits.content or (size > _FREE_RATIO and size > packed * limits.ratio):
        raise LimitError(f"{name}: {packed} bytes that become {size}")
    try:
        require_name(name, limits.depth)
    except LimitError:
        raise
    except MalformedError:
        return _Record(raw, name, flags, method, crc, packed, size, place, is_stray=True)
    return _Record(raw, name, flags, method, crc, packed, size, place, is_stray=False)


def _decode(raw: bytes, flags: int, remarks: dict[str, None]) -> str:
    for charset in ("utf-8",) if flags & _UTF8 else ("ascii", "utf-8", "gb18030"):
        try:
            name = raw.decode(charset)
        except UnicodeDecodeError:
            continue
        if charset == "gb18030" or "\\" in name:
            remarks["条目名未按 ZIP 的规定书写（字符集或反斜杠）。"] = None
        return name.replace("\\", "/")
    raise MalformedError("a name in an unknown character set")


def _require_plain_extra(extra: bytes) -> None:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4 + length
        if kind in (_STRONG, _AES):
            raise UnsupportedAlgorithmError("an encrypted entry")
        if kind in _OTHER_NAMES or at > len(extra):
            raise MalformedError("an entry with two names, or an extra field that ends too early")


def _read_local(stream: BinaryIO, record: _Record, until: int) -> ZipEntry:
    """See that the header before a content says the same, and that the content ends where the next entry starts."""
    fields = _LOCAL.unpack(_read(stream, record.place, _LOCAL.size))
    magic, _, flags, method, _, _, crc, packed, size, names, extras = fields
    raw = _read(stream, record.place + _LOCAL.size, names + extras)
    if magic != b"PK\x03\x04" or (raw[:names], method) != (record.raw, record.method) or flags & _ENCRYPTED:
        raise MalformedError(f"the two headers of {record.name} disagree")
    _require_plain_extra(raw[names:])
    offset = record.place + _LOCAL.size + len(raw)
    gap, real = until - offset - record.packed, (record.crc, record.packed, record.size)
    after = bool(flags & _DESCRIPTOR)
    known = all(one in (0, other) for one, other in zip((crc, packed, size), real, strict=True))
    if not (known if after else (crc, packed, size) == real) or gap not in (_DESCRIPTOR_SIZES if after else {0}):
        raise MalformedError(f"the two headers of {record.name} disagree, or its bytes are not its own")
    return ZipEntry(record.name, record.place, offset, record.packed, record.size, record.crc, record.method)


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    data = stream.read(length)
    if len(data) != length:
        raise MalformedError("the file is shorter than it says")
    return data
