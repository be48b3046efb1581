"""Measuring artworks in tests: points of paths, convex hulls, how far two of them are apart. Lengths in mm."""

import math
import re
from dataclasses import dataclass

from sealing.artwork import Artwork, Stroke

Point = tuple[float, float]
_NUMBERS = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Piece:
    """One stroke: convex hull and mean of all control points, so never too small, and half its outline."""

    hull: tuple[Point, ...]
    mean: Point
    grown: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the ink."""
        xs, ys = [x for x, _ in self.hull], [y for _, y in self.hull]
        return min(xs) - self.grown, min(ys) - self.grown, max(xs) + self.grown, max(ys) + self.grown

    @property
    def middle(self) -> Point:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


def pieces(drawn: Artwork) -> list[Piece]:
    """Answer all filled strokes (not rings and frames)."""
    return [piece(stroke) for stroke in drawn.strokes if stroke.fill]


def piece(stroke: Stroke) -> Piece:
    numbers = [int(n) / 100 for n in _NUMBERS.findall(stroke.d)]
    xs, ys = numbers[::2], numbers[1::2]
    mean = (sum(xs) / len(xs), sum(ys) / len(ys))
    return Piece(_hull(list(zip(xs, ys, strict=True))), mean, stroke.width / 200)


def apart(one: Piece, two: Piece) -> float:
    """Answer a lower bound of the distance between the inks of two pieces; negative when their hulls meet."""
    most = max(*_gaps(one.hull, two.hull), *_gaps(two.hull, one.hull))
    return most - one.grown - two.grown


def _gaps(one: tuple[Point, ...], two: tuple[Point, ...]) -> list[float]:
    """For each edge of the first: how far the second lies beyond it."""
    gaps = []
    for (ax, ay), (bx, by) in zip(one, one[1:] + one[:1], strict=True):
        length = math.hypot(bx - ax, by - ay)
        nx, ny = (by - ay) / length, (ax - bx) / length
        gaps.append(min((x - ax) * nx + (y - ay) * ny for x, y in two))
    return gaps


def _hull(points: list[Point]) -> tuple[Point, ...]:
    """Convex hull, counter-clockwise with y up (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    halves = []
    for chain in (ordered, ordered[::-1]):
        half: list[Point] = []
        for p in chain:
            while len(half) > 1 and _cross(half[-2], half[-1], p) <= 0:
                half.pop()
            half.append(p)
        halves.append(half[:-1])
    return tuple(halves[0] + halves[1])


def _cross(o: Point, a: Point, b: Point) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
