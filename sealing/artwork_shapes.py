"""Shapes that are not writing: rings, frames, stars, and the curves that writing stands on. Lengths in mm."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sealing.artwork import Artwork, Colour, Stroke
from sealing.artwork_glyphs import Point, segment, unit

_KAPPA: Final = 0.5522847498
_STEPS: Final = 1440


@dataclass(frozen=True)
class Oval:
    """An ellipse (a circle when both axes agree) around the seal's centre, half axes in mm."""

    centre: Point
    a: float
    b: float

    def shrunk(self, by: float) -> "Oval":
        """Answer the parallel-looking ellipse `by` mm further inside."""
        return Oval(self.centre, self.a - by, self.b - by)

    def at(self, angle: float) -> Point:
        """Answer the point at a parameter angle, 0 on top, clockwise, in radians."""
        return self.centre[0] + self.a * math.sin(angle), self.centre[1] - self.b * math.cos(angle)

    def outward(self, angle: float) -> float:
        """Answer the direction of the outer normal there, as an angle like those of `at`."""
        return math.atan2(self.b * math.sin(angle), self.a * math.cos(angle))

    def parameter(self, direction: float) -> float:
        """Answer the parameter angle of the point seen in this direction (0 on top, clockwise) from the centre."""
        turns = round(direction / math.tau) * math.tau
        rest = direction - turns
        return turns + math.atan2(self.b * math.sin(rest), self.a * math.cos(rest))


class Track:
    """A piece of an oval, measured: from distances along it to parameter angles."""

    def __init__(self, oval: Oval, start: float, end: float) -> None:
        """Measure from one parameter angle to the other; going backwards is allowed."""
        self.oval = oval
        self._angles = [start + (end - start) * i / _STEPS for i in range(_STEPS + 1)]
        self._lengths = [0.0]
        for one, two in pairwise(map(oval.at, self._angles)):
            self._lengths.append(self._lengths[-1] + math.dist(one, two))

    @property
    def length(self) -> float:
        """How long it is, in mm."""
        return self._lengths[-1]

    def angle(self, distance: float) -> float:
        """Answer the parameter angle `distance` mm from the start, clamped to the piece."""
        low, high = 0, _STEPS
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._lengths[middle] <= distance else (low, middle)
        span = self._lengths[high] - self._lengths[low]
        share = min(max((distance - self._lengths[low]) / span, 0.0), 1.0)
        return self._angles[low] + share * (self._angles[high] - self._angles[low])


def circle(diameter: float) -> Oval:
    """Answer the outer edge of a round seal."""
    return Oval((diameter / 2, diameter / 2), diameter / 2, diameter / 2)


def ring(edge: Oval, width: float) -> Stroke:
    """Draw a line `width` mm wide just inside an oval."""
    line = edge.shrunk(width / 2)
    (x, y), a, b = line.centre, line.a, line.b
    ka, kb = a * _KAPPA, b * _KAPPA
    curves = [
        ((x + ka, y - b), (x + a, y - kb), (x + a, y)),
        ((x + a, y + kb), (x + ka, y + b), (x, y + b)),
        ((x - ka, y + b), (x - a, y + kb), (x - a, y)),
        ((x - a, y - kb), (x - ka, y - b), (x, y - b)),
    ]
    path = segment("moveTo", [(x, y - b)]) + "".join(segment("curveTo", list(c)) for c in curves) + "Z"
    return Stroke(path, fill=False, width=unit(width))


def frame(width: float, height: float, line: float, *, inset: float = 0.0) -> Stroke:
    """Draw a rectangular border `line` mm wide, `inset` mm inside the edge."""
    low = inset + line / 2
    right, bottom = width - low, height - low
    return polygon([(low, low), (right, low), (right, bottom), (low, bottom)], fill=False, width=line)


def star(centre: Point, radius: float) -> Stroke:
    """Draw an upright five-pointed star (五角星) whose tips lie on a circle of this radius around `centre`."""
    inner = radius * math.sin(math.radians(18)) / math.sin(math.radians(126))
    points = [
        (
            centre[0] + (inner if i % 2 else radius) * math.sin(math.pi * i / 5),
            centre[1] - (inner if i % 2 else radius) * math.cos(math.pi * i / 5),
        )
        for i in range(10)
    ]
    return polygon(points, fill=True, width=0)


def polygon(points: list[Point], *, fill: bool, width: float) -> Stroke:
    """Draw a closed polygon."""
    path = segment("moveTo", points[:1]) + "".join(segment("lineTo", [p]) for p in points[1:]) + "Z"
    return Stroke(path, fill=fill, width=unit(width))


def compose(width: float, height: float, parts: Iterable[Stroke], colour: Colour = "red") -> Artwork:
    """Answer the artwork of these strokes."""
    return Artwork(1, unit(width), unit(height), tuple(parts), colour)
