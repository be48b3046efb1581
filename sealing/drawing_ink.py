"""A signature drawn from a pen's strokes (手写签名): smooth paths whose width follows the hand. Lengths in mm.

A pen that moves fast leaves a thinner line, one that lingers a broader one; strokes end in a taper. Each stroke is a
closed path of two smooth sides, so that it is ink of the one form that every artwork has.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from sealing.artwork import Artwork, Stroke
from sealing.artwork_glyphs import Point, unit
from sealing.artwork_shapes import compose
from sealing.artwork_text import straight
from sealing.errors import EmptySignatureError, SignatureTooLargeError

Sample = tuple[float, float, float]
"""Where the pen was (x, y down, in any unit) and when (ms; all the same where nobody knows)."""

MAX_STROKES, MAX_SAMPLES = 200, 5_000
DEFAULT_WIDTH_MM: Final = 40.0
MAX_HEIGHT_MM: Final = 25.0
_LEAST_MM, _MOST_MM = 10.0, 60.0
_REACH: Final = 1e6
"""Coordinates beyond this are no pen's."""
_LATEST: Final = 1e15
"""So are times (ms)."""
_SMALLEST: Final = 1e-6
"""A hand that moved less, in its own unit, left no mark."""
_LONGEST_MM: Final = 4_000.0
_STEP_MM: Final = 0.5
_MOST_STEPS: Final = 1_600
_NIB: Final = 0.62
"""Width of a line drawn at the usual speed of its hand."""
_THIN, _BROAD = 0.45, 1.3
_MARGIN: Final = 1.0
_TAPER: Final = 2.4
_KINK: Final = math.radians(42)
"""A turn within one step from which two sides would cross: there the stroke is parted, and a disc joins the parts."""
_DISC: Final = 0.5523
"""Control length of a quarter circle."""
_PARTS: Final = 150


@dataclass(frozen=True)
class _Nib:
    """One place of a stroke: where, and half the width of the line there."""

    x: float
    y: float
    half: float


def ink_signature(
    strokes: Sequence[Sequence[Sample]],
    *,
    width_mm: float = DEFAULT_WIDTH_MM,
    colour: Literal["black", "blue"] = "black",
    mark: str = "",
) -> Artwork:
    """Draw a signature `width_mm` wide (or less, so that it is no taller than 25 mm), on a canvas of whole mm.

    `mark` is a small line below, such as 仿真环境. Raises EmptySignatureError for strokes without a mark of the pen,
    SignatureTooLargeError over the limits or for a size that is no signature's.
    """
    if not _LEAST_MM <= width_mm <= _MOST_MM:
        raise SignatureTooLargeError(f"a signature is {_LEAST_MM:g} to {_MOST_MM:g} mm wide, not {width_mm:g}")
    lines = _scaled(_cleaned(strokes), width_mm - 2 * _MARGIN)
    wide, high = (max(p[axis] for line in lines for p in line) for axis in (0, 1))
    width = max(math.ceil(wide + 2 * _MARGIN - 1e-6), int(_LEAST_MM))
    foot = 2.2 if mark else 0.0
    height = max(math.ceil(high + 2 * _MARGIN + foot - 1e-6), 4)
    left, top = (width - wide) / 2, (height - foot - high) / 2
    drawn = _drawn([[(x + left, y + top, t) for x, y, t in line] for line in lines])
    below = straight(mark, (width / 2, height - 1.3), height=1.5, widest=width * 0.8, face="sans") if mark else ()
    return compose(width, height, [*drawn, *below], colour)


def _cleaned(strokes: Sequence[Sequence[Sample]]) -> list[list[Sample]]:
    """Drop empty strokes and points that stand still; times never go back."""
    if len(strokes) > MAX_STROKES or sum(map(len, strokes)) > MAX_SAMPLES:
        raise SignatureTooLargeError(f"a signature has at most {MAX_STROKES} strokes and {MAX_SAMPLES} points")
    # neither holds for what is not a number; whole numbers may be too large for a float
    if not all(abs(x) <= _REACH and abs(y) <= _REACH and abs(t) <= _LATEST for line in strokes for x, y, t in line):
        raise SignatureTooLargeError("a point that is nowhere on a page")
    lines = list[list[Sample]]()
    for line in strokes:
        kept = list[Sample]()
        for x, y, t in line:
            if not kept or (x, y) != kept[-1][:2]:
                kept.append((x, y, max(t, kept[-1][2]) if kept else t))
        if kept:
            lines.append(kept)
    if not any(len(line) > 1 for line in lines):
        raise EmptySignatureError("no stroke of the pen")
    return lines


def _scaled(lines: list[list[Sample]], room: float) -> list[list[Sample]]:
    """Bring the strokes to the wanted size, with their top left corner at the origin."""
    points = [p for line in lines for p in line]
    left, top = min(p[0] for p in points), min(p[1] for p in points)
    wide, high = max(p[0] for p in points) - left, max(p[1] for p in points) - top
    if max(wide, high) < _SMALLEST:
        raise EmptySignatureError("no stroke of the pen")
    scale = min(room / wide if wide else math.inf, (MAX_HEIGHT_MM - 2 * _MARGIN) / high if high else math.inf)
    scaled = [[((x - left) * scale, (y - top) * scale, t) for x, y, t in line] for line in lines]
    if sum(map(_length, scaled)) > _LONGEST_MM:
        raise SignatureTooLargeError("this is a scribble: too much ink for a signature")
    return scaled


def _drawn(lines: list[list[Sample]]) -> list[Stroke]:
    step = max(_STEP_MM, sum(map(_length, lines)) / _MOST_STEPS)
    walked = [_walk(line, step) for line in lines]
    usual = _usual_speed(walked)
    paths = [_path(_nibs(line, usual)) for line in walked]
    grouped = ["".join(paths[i::_PARTS]) for i in range(min(len(paths), _PARTS))]
    return [Stroke(path, fill=True, width=0) for path in grouped if path]


def _length(line: Sequence[Sample]) -> float:
    return sum(math.dist(a[:2], b[:2]) for a, b in pairwise(line))


def _walk(line: list[Sample], step: float) -> list[Sample]:
    """Go along a smooth curve through the points in even steps, ends included."""
    fine = list(_curve(line, step / 3))
    total = _length(fine)
    if total <= step:
        return [fine[0], fine[-1]] if total else [fine[0]]
    count = max(round(total / step), 2)
    found, gone, at = [fine[0]], 0.0, 0
    for index in range(1, count):
        wanted = total * index / count
        while gone + (leg := math.dist(fine[at][:2], fine[at + 1][:2])) < wanted:
            gone, at = gone + leg, at + 1
        share = (wanted - gone) / leg
        a, b = fine[at], fine[at + 1]
        found.append((a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share))
    return _calmed([*found, fine[-1]])


def _curve(line: list[Sample], step: float) -> Iterator[Sample]:
    """Interpolate between the points (Catmull-Rom), no coarser than `step` and no finer than is seen."""
    yield line[0]
    for i in range(len(line) - 1):
        a, b = line[i], line[i + 1]
        before, after = line[max(i - 1, 0)], line[min(i + 2, len(line) - 1)]
        pieces = min(max(math.ceil(math.dist(a[:2], b[:2]) / step), 1), 200)
        for k in range(1, pieces + 1):
            u = k / pieces
            x, y = (_between(before[n], a[n], b[n], after[n], u) for n in (0, 1))
            yield (x, y, a[2] + (b[2] - a[2]) * u)


def _between(p: float, a: float, b: float, q: float, u: float) -> float:
    """Answer a Catmull-Rom spline between a and b, with half its usual tension so that sparse points do not bulge."""
    m, n = 0.4 * (b - p), 0.4 * (q - a)
    return a + u * (m + u * (3 * (b - a) - 2 * m - n + u * (2 * (a - b) + m + n)))


def _calmed(line: list[Sample]) -> list[Sample]:
    """Take the tremor of a hand on glass away."""
    middle = [
        ((a[0] + 2 * b[0] + c[0]) / 4, (a[1] + 2 * b[1] + c[1]) / 4, b[2])
        for a, b, c in zip(line, line[1:], line[2:], strict=False)
    ]
    return [line[0], *middle, line[-1]]


def _usual_speed(lines: list[list[Sample]]) -> float:
    """Answer the middle of all speeds (mm per ms) of this hand; 0 where times say nothing."""
    speeds = sorted(v for line in lines for v in _speeds(line) if v > 0)
    return speeds[len(speeds) // 2] if speeds else 0.0


def _speeds(line: Sequence[Sample]) -> list[float]:
    return [math.dist(a[:2], b[:2]) / (b[2] - a[2]) if b[2] > a[2] else 0.0 for a, b in pairwise(line)]


def _nibs(line: list[Sample], usual: float) -> list[_Nib]:
    """Give every place the width that the pen's speed leaves there, changing no faster than ink does."""
    speeds = _speeds(line) or [0.0]
    speeds = [*speeds, speeds[-1]]
    long, total, gone = len(line) > 2, _length(line), 0.0  # noqa: PLR2004 - two places make a dot or a short dash
    nibs, factor = list[_Nib](), 1.0
    for index, (x, y, _) in enumerate(line):
        gone += math.dist(line[index - 1][:2], (x, y)) if index else 0.0
        wanted = 1.0 if not usual or not speeds[index] else 1.45 - 0.45 * min(speeds[index] / usual, 3.0)
        factor += 0.35 * (min(max(wanted, _THIN), _BROAD) - factor)
        ends = min(0.72 + 0.28 * gone, 0.3 + 0.7 * (total - gone) / min(_TAPER, total / 2 or 1.0), 1.0) if long else 1.0
        nibs.append(_Nib(x, y, _NIB / 2 * factor * ends))
    return nibs


def _path(nibs: list[_Nib]) -> str:
    """Write one stroke: its two sides as smooth curves, parted where it turns sharply, with round ends."""
    kinks = [0, *_kinks(nibs), len(nibs) - 1]
    discs = [_disc(nibs[i]) for i in dict.fromkeys(kinks)]
    parts = [_ribbon(nibs[a : b + 1]) for a, b in pairwise(kinks) if b > a]
    return "".join([*parts, *discs])


def _kinks(nibs: list[_Nib]) -> list[int]:
    found = list[int]()
    for i in range(1, len(nibs) - 1):
        a, b, c = nibs[i - 1 : i + 2]
        turn = math.atan2(c.y - b.y, c.x - b.x) - math.atan2(b.y - a.y, b.x - a.x)
        if abs((turn + math.pi) % math.tau - math.pi) > _KINK:
            found.append(i)
    return found


def _ribbon(nibs: list[_Nib]) -> str:
    """Write the closed path between the two sides."""
    left, right = list[Point](), list[Point]()
    for i, nib in enumerate(nibs):
        a, b = nibs[max(i - 1, 0)], nibs[min(i + 1, len(nibs) - 1)]
        reach = math.dist((a.x, a.y), (b.x, b.y)) or 1.0
        nx, ny = -(b.y - a.y) / reach * nib.half, (b.x - a.x) / reach * nib.half
        left.append((nib.x + nx, nib.y + ny))
        right.append((nib.x - nx, nib.y - ny))
    back = right[::-1]
    return f"M{_at(left[0])}{_smooth(left)}L{_at(back[0])}{_smooth(back)}Z"


def _smooth(points: list[Point]) -> str:
    """Write curves through the points, the first of which is where the path stands."""
    written = list[str]()
    for i in range(len(points) - 1):
        p, a, b, q = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, len(points) - 1)]
        one = (a[0] + (b[0] - p[0]) / 6, a[1] + (b[1] - p[1]) / 6)
        two = (b[0] - (q[0] - a[0]) / 6, b[1] - (q[1] - a[1]) / 6)
        written.append(f"C{_at(one)}{_at(two)}{_at(b)}")
    return "".join(written)


def _disc(nib: _Nib) -> str:
    """Write a disc that turns as the ribbons do, so that the two never cancel out."""
    x, y, r = nib.x, nib.y, max(nib.half, 0.08)
    k = r * _DISC
    quarters = (
        ((x - k, y - r), (x - r, y - k), (x - r, y)),
        ((x - r, y + k), (x - k, y + r), (x, y + r)),
        ((x + k, y + r), (x + r, y + k), (x + r, y)),
        ((x + r, y - k), (x + k, y - r), (x, y - r)),
    )
    return f"M{_at((x, y - r))}" + "".join(f"C{''.join(map(_at, q))}" for q in quarters) + "Z"


def _at(point: Point) -> str:
    return f" {unit(point[0])} {unit(point[1])}"
