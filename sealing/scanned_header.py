"""What a picture file says of itself in its first bytes: format, size, resolution; nothing is decoded.

PNG (ISO/IEC 15948), JPEG (ITU-T T.81), BMP and baseline TIFF 6.0. It is read before any decoder sees the bytes, so
that a picture whose pixels would not fit is refused while it is small.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sealing.errors import SealFormatError, SealLimitError

MAX_BYTES: Final = 32 << 20
MAX_PIXELS: Final = 36_000_000
"""An A4 sheet at 600 dpi has 35 million."""
MAX_SIDE: Final = 20_000
_MM_PER_INCH: Final = 25.4
_LEAST_SIDE: Final = 16
_MAX_SEGMENTS: Final = 4096
_MAX_TAGS: Final = 512
_APP0: Final = 0xE0
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

Format = Literal["PNG", "JPEG", "BMP", "TIFF"]


@dataclass(frozen=True)
class Header:
    """Format, pixels across and down, and the resolution in dots per inch if the file states one."""

    format: Format
    width: int
    height: int
    dpi: float | None


def read_header(data: bytes) -> Header:
    """Read the header of a picture. Raises SealLimitError over the limits, SealFormatError for anything else."""
    if len(data) > MAX_BYTES:
        raise SealLimitError(f"{len(data)} bytes of picture; at most {MAX_BYTES} are read")
    try:
        header = _read(data)
    except (struct.error, IndexError, OverflowError, ZeroDivisionError) as error:
        raise SealFormatError(f"a picture that ends in its header: {error}") from error
    if header.width < _LEAST_SIDE or header.height < _LEAST_SIDE:
        raise SealFormatError(f"a picture of {header.width} by {header.height} pixels")
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > MAX_PIXELS:
        raise SealLimitError(f"a picture of {header.width} by {header.height} pixels; at most {MAX_PIXELS} are decoded")
    return header


def _read(data: bytes) -> Header:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"BM"):
        return _bmp(data)
    if data[:4] in {b"II*\0", b"MM\0*"}:
        return _tiff(data)
    raise SealFormatError("not a PNG, JPEG, BMP or TIFF picture")


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise SealFormatError("a PNG that does not begin with its header")
    width, height = struct.unpack_from(">II", data, 16)
    at, dpi = 8, None
    for _ in range(_MAX_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"pHYs":
            across, _down, unit = struct.unpack_from(">IIB", data, at + 8)
            dpi = across * _MM_PER_INCH / 1000 if unit == 1 and across else None
        if kind in {b"pHYs", b"IDAT", b"IEND"}:
            break
        at += 12 + length
    return Header("PNG", width, height, _believable(dpi))


def _jpeg(data: bytes) -> Header:
    dpi = None
    for marker, at in _jpeg_segments(data):
        if marker == _APP0 and data[at : at + 5] == b"JFIF\0":
            unit, across = struct.unpack_from(">BH", data, at + 7)
            dpi = {1: float(across), 2: across * 2.54}.get(unit)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 1)
            return Header("JPEG", width, height, _believable(dpi))
    raise SealFormatError("a JPEG without a frame")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker segment before the scan: its marker and where its content begins."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            raise SealFormatError("a JPEG whose segments do not follow each other")
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill bytes may stand before a marker
            at += 1
            continue
        if marker in {0xD9, 0xDA}:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, at + 4
        at += 2 + max(length, 2)


def _bmp(data: bytes) -> Header:
    size, width, height = struct.unpack_from("<Iii", data, 14)
    if size < 40:  # noqa: PLR2004 - BITMAPINFOHEADER; the older form is not written by scanners
        raise SealFormatError("a BMP of a form before Windows 3")
    (across,) = struct.unpack_from("<i", data, 38)
    return Header("BMP", width, abs(height), _believable(across * _MM_PER_INCH / 1000))


def _tiff(data: bytes) -> Header:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    tags = dict(_tiff_tags(data, order, at + 2, min(count, _MAX_TAGS)))
    if 256 not in tags or 257 not in tags:  # noqa: PLR2004 - ImageWidth, ImageLength
        raise SealFormatError("a TIFF without a size")
    across = tags.get(282)
    unit = {2: 1.0, 3: 2.54}.get(int(tags.get(296, 2)))
    return Header("TIFF", int(tags[256]), int(tags[257]), _believable(across * unit if across and unit else None))


def _tiff_tags(data: bytes, order: str, at: int, count: int) -> Iterator[tuple[int, float]]:
    """Size, resolution and its unit from the first directory."""
    for index in range(count):
        tag, kind, _number, value = struct.unpack_from(f"{order}HHI4s", data, at + 12 * index)
        if tag not in {256, 257, 282, 296}:
            continue
        if kind == 3:  # noqa: PLR2004 - SHORT
            yield tag, struct.unpack_from(f"{order}H", value)[0]
        elif kind == 4:  # noqa: PLR2004 - LONG
            yield tag, struct.unpack(f"{order}I", value)[0]
        elif kind == 5:  # noqa: PLR2004 - RATIONAL
            upper, lower = struct.unpack_from(f"{order}II", data, struct.unpack(f"{order}I", value)[0])
            yield tag, upper / lower


def _believable(dpi: float | None) -> float | None:
    """Answer a resolution that a scanner may have: cameras and editors write 72 or 96, which says nothing."""
    return dpi if dpi is not None and 100 <= dpi <= 4800 else None  # noqa: PLR2004 - dpi of scanners
