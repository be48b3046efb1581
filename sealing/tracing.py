"""Tracing a cleaned scan: its ink as one vector artwork, so that a scanned seal is drawn like every other.

Each row of ink becomes rectangles, joined with equal ones of the rows below. Nothing is smoothed: at 200 dots an inch
the steps are finer than the paper's grain, and the picture inside the SESeal stays the scan itself.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from sealing.artwork import UNIT_PER_MM, Artwork, Stroke
from sealing.errors import NoImpressionError, SealFormatError, SealLimitError

_DOTS_PER_MM: Final = 8
_MAX_RECTANGLES: Final = 40_000
_PER_STROKE: Final = 1800
"""Rectangles of one stroke, whose path text has a limit."""
_OPAQUE: Final = 128
_MAX_SIDE: Final = 800
"""Dots; artworks are of at most 100 mm."""
_MAX_PIXELS: Final = 16 << 20

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in dots."""


def trace_picture(data: bytes, *, width_mm: float, height_mm: float) -> Artwork:
    """Trace the ink of a picture at its real size: what is opaque, and dark or coloured on white.

    Raises SealFormatError, SealLimitError before a bomb is decoded, NoImpressionError when there is no ink.
    """
    from PIL import Image, ImageChops  # noqa: PLC0415 - drawing is asked for rarely, importing Pillow costs each start

    size = (max(round(width_mm * _DOTS_PER_MM), 1), max(round(height_mm * _DOTS_PER_MM), 1))
    if max(size) > _MAX_SIDE:
        raise SealLimitError(f"a seal of {width_mm:.0f} by {height_mm:.0f} mm")
    try:
        with Image.open(BytesIO(data), formats=("PNG", "GIF", "JPEG", "BMP")) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise SealLimitError(f"a picture of {image.width} by {image.height} dots")
            layer = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, MemoryError) as error:
        raise SealFormatError(f"a picture that cannot be decoded: {error}") from error
    red, green, blue, opaque = layer.split()
    ink = ImageChops.invert(ImageChops.darker(ImageChops.darker(red, green), blue))
    alpha = ImageChops.multiply(ink, opaque).resize(size)
    found = sorted(_rectangles(alpha))
    if not found:
        raise NoImpressionError("no ink in the picture")
    if len(found) > _MAX_RECTANGLES:
        raise SealLimitError("a picture too ragged to be traced")
    strokes = (
        Stroke("".join(map(_path, found[at : at + _PER_STROKE])), fill=True, width=0)
        for at in range(0, len(found), _PER_STROKE)
    )
    return Artwork(1, round(width_mm * UNIT_PER_MM), round(height_mm * UNIT_PER_MM), tuple(strokes))


def _rectangles(alpha: Any) -> Iterator[Rectangle]:
    width, height = alpha.size
    data, growing = alpha.tobytes(), dict[tuple[int, int], int]()
    for y in range(height):
        runs = set(_runs(data[y * width : (y + 1) * width]))
        yield from ((left, top, right, y) for (left, right), top in growing.items() if (left, right) not in runs)
        growing = {run: growing.get(run, y) for run in runs}
    yield from ((left, top, right, height) for (left, right), top in growing.items())


def _runs(row: bytes) -> Iterator[tuple[int, int]]:
    start = None
    for x, value in enumerate(row):
        if value >= _OPAQUE and start is None:
            start = x
        if value < _OPAQUE and start is not None:
            yield start, x
            start = None
    if start is not None:
        yield start, len(row)


def _path(one: Rectangle) -> str:
    left, top, right, bottom = (round(side * UNIT_PER_MM / _DOTS_PER_MM) for side in one)
    return f"M {left} {top}L {right} {top}L {right} {bottom}L {left} {bottom}Z"
