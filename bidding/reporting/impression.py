"""Comparing two impressions of a seal (印模比对): pure, over two rasters of ink.

Both are cut at their ink and brought to one size, so that scale and margins do not matter, and laid over each other at
the best of a few small shifts. Seals of two companies have the same ring and star and differ in some characters: so
each part of the picture is judged by itself, moved by a point where that fits better, and the worst parts decide.
Marks smaller than a part, such as one digit of the record number, are not told apart here; they are compared as data.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

EDGE: Final = 192
"""Points across the normalised picture."""
_CELL: Final = 16
_SHIFTS: Final = 3
_SAME: Final = 0.6
_DIFFERS: Final = 0.42
_BAD: Final = 0.55
"""Overlap below which a part shows something else …"""
_BAD_BESIDE: Final = 0.62
"""… or below so much of what the parts in the middle of the field reach."""
_CLEARLY_BAD: Final = 0.5
_MIN_INK: Final = 0.2
"""Share of a part that must be ink, counted in both, to be worth judging."""
_COARSE: Final = 72
"""Points across below which characters are blots: parts that differ are then no finding."""
_MAX_STRETCH: Final = 1.12
"""By how much the shapes may differ before nothing further needs to be asked."""

Result = Literal["same", "differs", "unknown"]


@dataclass(frozen=True)
class Raster:
    """Ink of a picture, row by row: 0 is paper, 255 full ink."""

    width: int
    height: int
    ink: bytes = field(repr=False)


@dataclass(frozen=True)
class Likeness:
    """How alike two impressions are: `overlap` of all ink, `worst` of any part (0 to 1), the best shift in points."""

    result: Result
    overlap: float
    worst: float
    shift: tuple[int, int]
    stretch: float
    """Aspect ratio of the one over that of the other, at least 1."""


@dataclass(frozen=True)
class _Ink:
    bits: int
    aspect: float
    edge: int
    """Points of the original across the shorter side of its ink."""


_NOTHING: Final = Likeness("unknown", 0.0, 0.0, (0, 0), 1.0)


def compare_impressions(one: Raster, other: Raster) -> Likeness:
    """Say whether two impressions show the same seal; unknown when one has no ink or the answer is in doubt."""
    first, second = _normalise(one), _normalise(other)
    if first is None or second is None:
        return _NOTHING
    ratio = first.aspect / second.aspect
    stretch = max(ratio, 1 / ratio)
    best = max(((_overlap(first.bits, _shift(second.bits, x, y)), x, y) for x, y in _steps()), key=_nearest)
    parts = sorted(_parts(first.bits, _shift(second.bits, best[1], best[2])))
    limit = max(_BAD, _BAD_BESIDE * parts[len(parts) // 2]) if parts else 1.0
    bad = sum(part < limit for part in parts)
    result = _decide(best[0], parts, bad, stretch)
    if result == "differs" and min(first.edge, second.edge) < _COARSE and stretch <= _MAX_STRETCH:
        result = "unknown" if best[0] >= _DIFFERS else result
    return Likeness(result, best[0], min(parts, default=0.0), best[1:], stretch)


def _nearest(found: tuple[float, int, int]) -> tuple[float, int]:
    """Prefer more overlap, and among equals the smaller shift."""
    return round(found[0], 4), -abs(found[1]) - abs(found[2])


def _decide(overlap: float, parts: list[float], bad: int, stretch: float) -> Result:
    """One bad part may be a fold or a speck, and many that are nearly good a coarse picture: neither is a finding."""
    if stretch > _MAX_STRETCH or overlap < _DIFFERS or (bad > 1 and parts[0] < _CLEARLY_BAD):
        return "differs"
    return "same" if overlap >= _SAME and parts and not bad else "unknown"


def _steps() -> Iterator[tuple[int, int]]:
    reach = range(-_SHIFTS, _SHIFTS + 1)
    return ((x, y) for y in reach for x in reach)


def _normalise(raster: Raster) -> _Ink | None:
    """Cut a picture at its ink and bring it to EDGE × EDGE points; None without ink."""
    width, height, ink = raster.width, raster.height, raster.ink
    if width < 2 or height < 2 or len(ink) != width * height:  # noqa: PLR2004 - nothing to compare
        return None
    threshold = max(ink, default=0) // 2
    if threshold < _FAINT:
        return None
    dark = ink.translate(bytes(i > threshold for i in range(256)))
    rows = [dark[y * width : (y + 1) * width] for y in range(height)]
    filled = [y for y, row in enumerate(rows) if any(row)]
    left = min(row.index(1) for row in rows if 1 in row)
    right = max(row.rindex(1) for row in rows if 1 in row) + 1
    top, bottom = filled[0], filled[-1] + 1
    if right - left < _MIN_EDGE or bottom - top < _MIN_EDGE:
        return None
    edge = min(right - left, bottom - top)
    return _Ink(_sample(rows, (left, top, right, bottom)), (right - left) / (bottom - top), edge)


_FAINT: Final = 20
_MIN_EDGE: Final = 16


def _sample(rows: list[bytes], box: tuple[int, int, int, int]) -> int:
    """Answer the mask of a box, EDGE × EDGE bits: a point is ink when a good part of its area is."""
    left, top, right, bottom = box
    across = [left + (right - left) * i // EDGE for i in range(EDGE + 1)]
    down = [top + (bottom - top) * i // EDGE for i in range(EDGE + 1)]
    bits = 0
    for j in range(EDGE):
        band = rows[down[j] : max(down[j + 1], down[j] + 1)]
        for i in range(EDGE):
            start, stop = across[i], max(across[i + 1], across[i] + 1)
            area = (stop - start) * len(band)
            if sum(sum(row[start:stop]) for row in band) * 5 >= area * 2:
                bits |= 1 << (j * EDGE + i)
    return bits


def _overlap(one: int, other: int) -> float:
    """Answer which share of all ink stands in both (intersection over union)."""
    union = (one | other).bit_count()
    return (one & other).bit_count() / union if union else 0.0


def _shift(bits: int, x: int, y: int) -> int:
    """Move a mask right and down; what leaves the picture is lost."""
    moved = bits << (y * EDGE) if y >= 0 else bits >> (-y * EDGE)
    moved &= _ALL
    for _ in range(abs(x)):
        moved = (moved << 1) & _NOT_FIRST if x > 0 else (moved >> 1) & _NOT_LAST
    return moved


_ALL: Final = (1 << (EDGE * EDGE)) - 1
_COLUMN: Final = sum(1 << (row * EDGE) for row in range(EDGE))
_NOT_FIRST: Final = _ALL ^ _COLUMN
_NOT_LAST: Final = _ALL ^ (_COLUMN << (EDGE - 1))


def _parts(one: int, other: int) -> Iterator[float]:
    """Judge each part of the picture that has ink."""
    near = [_shift(other, x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    for part in _PARTS:
        mine = one & part
        if mine.bit_count() + (other & part).bit_count() >= _MIN_INK * _CELL * _CELL:
            yield max(_overlap(mine, moved & part) for moved in near)


def _square(left: int, top: int) -> int:
    row = ((1 << _CELL) - 1) << left
    return sum(row << ((top + down) * EDGE) for down in range(_CELL))


_PARTS: Final = tuple(_square(x, y) for y in range(0, EDGE, _CELL) for x in range(0, EDGE, _CELL))
