"""The signed container (ASiC-E, EN 319 162-1) as a ZIP file in exactly one byte form.

Everything outside of the contents follows from the list of (name, size, CRC-32); the reader encodes it anew and
compares every byte. Pure: streams come as arguments. Specification: docs/format/bundle.md 2 and 6.
"""

import base64
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from signing.digests import Sm3, read_chunks
from signing.errors import LimitError, MalformedError

MIMETYPE: Final = b"application/vnd.yizhao.bid+zip"
MANIFEST_NAME: Final = "META-INF/ASiCManifest.xml"
SIGNATURE_NAME: Final = "META-INF/signature.p7s"
MAX_SIZE: Final = 1 << 34
"""Bytes of a whole container."""

_FIRST: Final = "mimetype"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,3}\Z")
_DATE: Final = 0x21  # 1980-01-01
_FULL16: Final = 0xFFFF
_FULL32: Final = 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL64 = struct.Struct("<HHQQ")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_CENTRAL64 = struct.Struct("<HHQQQ")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_TAIL: Final = _END64.size + _LOCATOR.size + _END.size


@dataclass(frozen=True)
class Entry:
    """One stored file: its name, where its bytes start, how many they are, and their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def header_offset(self) -> int:
        """Where its local header starts."""
        return self.offset - _header_length(self.name)

    @property
    def end(self) -> int:
        """The first offset after its bytes."""
        return self.offset + self.size


def encode_local(entry: Entry) -> bytes:
    """Encode the local header that stands right before the content."""
    name = entry.name.encode("ascii")
    plain = entry.name == _FIRST
    size = entry.size if plain else _FULL32
    extra = b"" if plain else _LOCAL64.pack(1, 16, entry.size, entry.size)
    fixed = (20 if plain else 45, 0, 0, 0, _DATE, entry.crc, size, size, len(name), len(extra))
    return _LOCAL.pack(b"PK\x03\x04", *fixed) + name + extra


def encode_directory(entries: Sequence[Entry]) -> bytes:
    """Encode everything after the last content: central directory and the three end records."""
    start = entries[-1].end
    records = b"".join(_encode_record(entry) for entry in entries)
    count, place = len(entries), start + len(records)
    end64 = _END64.pack(b"PK\x06\x06", _END64.size - 12, 45, 45, 0, 0, count, count, len(records), start)
    locator = _LOCATOR.pack(b"PK\x06\x07", 0, place, 1)
    return records + end64 + locator + _END.pack(b"PK\x05\x06", 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, 0)


class ContainerWriter:
    """Writes entries one after the other; sizes and CRC are patched by seeking back, so contents may stream."""

    def __init__(self, stream: BinaryIO, entries: Sequence[Entry] = ()) -> None:
        """Start at the beginning of a seekable stream, or go on after `entries` that are there already."""
        self._stream = stream
        self._entries = list(entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What was written so far."""
        return tuple(self._entries)

    def add(self, name: str, chunks: Iterable[bytes]) -> bytes:
        """Write one entry from its chunks; answer the SM3 of the content (32 bytes). MalformedError for a bad name."""
        if not _NAME.match(name) or any(entry.name == name for entry in self._entries):
            raise MalformedError(f"an entry cannot be called {name!r} here")
        start = self._entries[-1].end if self._entries else 0
        offset = start + _header_length(name)
        self._stream.seek(offset)
        state, crc, size = Sm3(), 0, 0
        for chunk in chunks:
            self._stream.write(chunk)
            state.update(chunk)
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        entry = Entry(name, offset, size, crc)
        self._stream.seek(start)
        self._stream.write(encode_local(entry))
        self._stream.seek(entry.end)
        self._entries.append(entry)
        return state.digest()

    def finish(self) -> int:
        """Write the directory, cut off whatever came after it, and answer the size of the whole file."""
        directory = encode_directory(self._entries)
        self._stream.seek(self._entries[-1].end)
        self._stream.write(directory)
        self._stream.truncate()
        return self._stream.tell()


def read_container(stream: BinaryIO, size: int, *, max_entries: int) -> tuple[Entry, ...]:
    """Read the list of entries and prove that every byte outside of their contents is as it must be.

    Contents are not read, but for `mimetype`: `read_entry` and `digest_entry` check their CRC. Raises MalformedError
    and LimitError.
    """
    if not _TAIL < size <= MAX_SIZE:
        raise LimitError(f"{size} bytes; at most {MAX_SIZE} are read")
    count, start = _read_tail(_read(stream, size - _TAIL, _TAIL))
    if not 0 < count <= max_entries or not 0 < start < size - _TAIL or size - start > _TAIL + count * 512:
        raise LimitError(f"{count} entries, directory at {start}")
    directory = _read(stream, start, size - start)
    entries = tuple(_read_records(directory, count))
    if entries[-1].end != start or encode_directory(entries) != directory:
        raise MalformedError("the central directory is not in the one form")
    for entry, before in zip(entries, (0, *(e.end for e in entries)), strict=False):
        if entry.header_offset != before or _read(stream, before, entry.offset - before) != encode_local(entry):
            raise MalformedError(f"the local header of {entry.name} is not in the one form")
    if entries[0].name != _FIRST or read_entry(stream, entries[0], limit=len(MIMETYPE)) != MIMETYPE:
        raise MalformedError("the first entry is not the mimetype of a signed container")
    return entries


def read_entry(stream: BinaryIO, entry: Entry, *, limit: int) -> bytes:
    """Read one small content whole and check its CRC; LimitError over `limit` bytes."""
    if entry.size > limit:
        raise LimitError(f"{entry.name} has {entry.size} bytes; at most {limit} are read")
    content = _read(stream, entry.offset, entry.size)
    if zlib.crc32(content) != entry.crc:
        raise MalformedError(f"the CRC of {entry.name} is wrong")
    return content


def stream_entry(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Yield one content in pieces of 1 MiB; MalformedError where the file ends before it."""
    stream.seek(entry.offset)
    left = entry.size
    for chunk in read_chunks(stream, entry.size):
        left -= len(chunk)
        yield chunk
    if left:
        raise MalformedError(f"the file ends inside {entry.name}")


def digest_entry(stream: BinaryIO, entry: Entry) -> tuple[bytes, bool]:
    """SM3 of one content, streamed, and whether its CRC is right."""
    state, crc = Sm3(), 0
    for chunk in stream_entry(stream, entry):
        state.update(chunk)
        crc = zlib.crc32(chunk, crc)
    return state.digest(), crc == entry.crc


def encode_manifest(digests: Sequence[tuple[str, bytes]]) -> bytes:
    """Encode ASiCManifest.xml over the SM3 of each entry, in order."""
    lines = (_REFERENCE % (name.encode("ascii"), base64.b64encode(digest)) for name, digest in digests)
    return _MANIFEST_HEAD + b"".join(lines) + _MANIFEST_END


def parse_manifest(data: bytes) -> tuple[tuple[str, bytes], ...]:
    """Read names and digests back; MalformedError unless `encode_manifest` gives the same bytes."""
    found = _REFERENCE_PATTERN.findall(data)
    try:
        digests = tuple((name.decode("ascii"), base64.b64decode(value, validate=True)) for name, value in found)
    except ValueError as error:
        raise MalformedError("a digest that is not base64") from error
    if encode_manifest(digests) != data:
        raise MalformedError("the manifest is not in the one form")
    return digests


def _header_length(name: str) -> int:
    return _LOCAL.size + len(name) + (0 if name == _FIRST else _LOCAL64.size)


def _encode_record(entry: Entry) -> bytes:
    name = entry.name.encode("ascii")
    plain = entry.name == _FIRST
    size, place = (entry.size, entry.header_offset) if plain else (_FULL32, _FULL32)
    extra = b"" if plain else _CENTRAL64.pack(1, 24, entry.size, entry.size, entry.header_offset)
    head = (45, 20 if plain else 45, 0, 0, 0, _DATE, entry.crc, size, size, len(name), len(extra), 0, 0, 0, 0, place)
    return _CENTRAL.pack(b"PK\x01\x02", *head) + name + extra


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    data = stream.read(length)
    if len(data) != length:
        raise MalformedError("the file is shorter than it says")
    return data


def _read_tail(tail: bytes) -> tuple[int, int]:
    """Only the two numbers are believed here; the rest is compared after encoding it anew."""
    fields = _END64.unpack_from(tail)
    if fields[0] != b"PK\x06\x06":
        raise MalformedError("not a container: the end records are not there")
    return fields[6], fields[9]


def _read_records(directory: bytes, count: int) -> Iterator[Entry]:
    """Take name, size, CRC and place out of each record, whatever else stands in it."""
    at = 0
    for _ in range(count):
        try:
            fields = _CENTRAL.unpack_from(directory, at)
            raw = directory[at + _CENTRAL.size : at + _CENTRAL.size + fields[10]]
            extra = at + _CENTRAL.size + fields[10]
            size, place = (fields[8], fields[16]) if not fields[11] else _CENTRAL64.unpack_from(directory, extra)[2:5:2]
        except struct.error as error:
            raise MalformedError("the central directory ends too early") from error
        name = raw.decode("ascii", "replace")
        if not _NAME.match(name):
            raise MalformedError("an entry has a name that is not allowed")
        yield Entry(name, place + _header_length(name), size, fields[7])
        at = extra + fields[11]


_MANIFEST_HEAD: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n'
    b'<asic:SigReference URI="META-INF/signature.p7s" MimeType="application/x-pkcs7-signature"/>\n'
)
_REFERENCE: Final = (
    b'<asic:DataObjectReference URI="%s">'
    b'<ds:DigestMethod Algorithm="urn:oid:1.2.156.10197.1.401"/><ds:DigestValue>%s</ds:DigestValue>'
    b"</asic:DataObjectReference>\n"
)
_MANIFEST_END: Final = b"</asic:ASiCManifest>\n"
_REFERENCE_PATTERN = re.compile(
    rb'<asic:DataObjectReference URI="([A-Za-z0-9./_-]{1,200})">'
    rb'<ds:DigestMethod Algorithm="urn:oid:1\.2\.156\.10197\.1\.401"/>'
    rb"<ds:DigestValue>([A-Za-z0-9+/]{43}=)</ds:DigestValue>"
    rb"</asic:DataObjectReference>\n"
)
