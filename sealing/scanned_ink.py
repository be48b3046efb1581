"""Telling ink from paper in a picture: by colour against the paper around it, so that shadows and yellowing go.

Pillow does the pixels; images are its RGB or L images. Ink strength is a byte: 0 is paper.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Ink = Literal["red", "blue", "black"]
Rgb = tuple[int, int, int]
Box = tuple[int, int, int, int]

_LEAST_STRENGTH: Final = 34
_LEAST_SHARE: Final = 0.0012
_PAPER_SIDE: Final = 96
_NEAR: Final = 0.05
_SPECK: Final = 0.0004
_RAYS: Final = 120


@dataclass(frozen=True)
class Blob:
    """One impression in the survey: its box (left, top, right, bottom) and whether it touches the picture's edge."""

    box: Box
    clipped: bool

    @property
    def area(self) -> int:
        """Pixels of the box."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def paper_colour(image: Any) -> Rgb:
    """Answer the colour of most of the bright pixels."""
    small = image.resize((_PAPER_SIDE, _PAPER_SIDE))
    red, green, blue = (_quantile(band.histogram(), 0.7) for band in small.split())
    return red, green, blue


def find_blobs(image: Any) -> tuple[Ink, list[Blob]]:
    """Find impressions, the largest first, in the first of red, blue and black of which there is enough."""
    flat = _flat(image)
    for kind in _KINDS:
        strength = _strength(flat, kind)
        cut = max(_otsu(strength.histogram()), _LEAST_STRENGTH)
        mask = strength.point([255 * (value >= cut) for value in range(256)])
        if mask.histogram()[255] < _LEAST_SHARE * image.width * image.height:
            continue
        blobs = _merge(_components(mask), mask.size)
        if blobs:
            return kind, blobs
    return "black", []


def around(blobs: Sequence[Blob]) -> Blob:
    """Answer the one blob that holds all of these, at least one."""
    box = blobs[0].box
    for blob in blobs:
        box = _union(box, blob.box)
    return Blob(box, any(blob.clipped for blob in blobs))


def ink_map(image: Any, kind: Ink) -> tuple[Any, Rgb, int] | None:
    """Answer the opacity of the ink cropped to the impression, the ink's colour, and its contrast; None without ink."""
    from PIL import ImageFilter  # noqa: PLC0415 - drawing is asked for rarely, importing Pillow costs each start

    flat = _flat(image)
    strength = _strength(flat, kind)
    cut = max(_otsu(strength.histogram()), _LEAST_STRENGTH)
    full = _quantile(strength.histogram()[cut:], 0.6) + cut
    low = max(cut * 0.45, 14)
    high = max(full * 0.92, low + 8)
    alpha = strength.point([round(min(max((v - low) / (high - low), 0), 1) * 255) for v in range(256)])
    alpha = _without_specks(alpha)
    box = alpha.point([255 * (v >= 110) for v in range(256)]).getbbox()  # noqa: PLR2004 - nearly half covered
    if box is None:
        return None
    core = alpha.point([255 * (v >= 250) for v in range(256)]).filter(ImageFilter.MinFilter(3))  # noqa: PLR2004
    bands = [band.histogram(core if core.getbbox() else None) for band in image.split()]
    red, green, blue = (_quantile(bins, 0.5) for bins in bands)
    return alpha.crop(box), (red, green, blue), full


def off_round(alpha: Any) -> float:
    """Answer how far the outline is from a circle: the spread of its radii (5th to 95th percentile) by their mean."""
    width, height = alpha.size
    pixels = alpha.load()
    radii = sorted(_radius(pixels, width, height, math.tau * i / _RAYS) for i in range(_RAYS))
    middle = sum(radii) / len(radii)
    spread = radii[_RAYS * 95 // 100] - radii[_RAYS * 5 // 100]
    return max(spread / middle if middle else 1.0, abs(int(width) / int(height) - 1))


_KINDS: Final[tuple[Ink, ...]] = ("red", "blue", "black")


def _radius(pixels: Any, width: int, height: int, angle: float) -> float:
    """Walk from outside to the first ink in this direction."""
    cos, sin = math.cos(angle), math.sin(angle)
    reach = math.hypot(width, height) / 2
    while reach > 0:
        x, y = int(width / 2 + reach * cos), int(height / 2 + reach * sin)
        if 0 <= x < width and 0 <= y < height and pixels[x, y] >= 110:  # noqa: PLR2004 - as in ink_map
            return reach
        reach -= 1
    return 0.0


def _flat(image: Any) -> Any:
    """Divide the picture by its paper: the brightest that the neighbourhood shows, smoothed."""
    from PIL import Image, ImageChops, ImageFilter  # noqa: PLC0415 - see ink_map

    small = image.resize((_PAPER_SIDE, _PAPER_SIDE), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(25)).filter(ImageFilter.GaussianBlur(8))
    missing = ImageChops.invert(paper.resize(image.size, Image.Resampling.BICUBIC))
    return ImageChops.add(image, missing)


def _strength(image: Any, kind: Ink) -> Any:
    from PIL import ImageChops, ImageFilter  # noqa: PLC0415 - see ink_map

    red, green, blue = image.filter(ImageFilter.MedianFilter(3)).split()
    if kind == "red":
        return ImageChops.subtract(red, ImageChops.lighter(green, blue))
    if kind == "blue":
        return ImageChops.subtract(blue, ImageChops.lighter(red, ImageChops.darker(green, blue)))
    return ImageChops.invert(ImageChops.lighter(red, ImageChops.lighter(green, blue)))


def _otsu(histogram: list[int]) -> int:
    """Answer the cut that parts a histogram best (between-class variance)."""
    total, whole = sum(histogram), sum(i * n for i, n in enumerate(histogram))
    best, cut, count, weight = -1.0, 0, 0, 0
    for value, number in enumerate(histogram):
        count, weight = count + number, weight + value * number
        if not count or count == total:
            continue
        apart = (whole * count - weight * total) ** 2 / (count * (total - count))
        if apart > best:
            best, cut = apart, value + 1
    return cut


def _quantile(histogram: Iterable[int], share: float) -> int:
    bins = list(histogram)
    wanted, seen = sum(bins) * share, 0
    for value, number in enumerate(bins):
        seen += number
        if seen >= wanted and seen:
            return value
    return 0


def _components(mask: Any) -> list[tuple[Box, int]]:
    """Boxes and pixel counts of connected ink, by runs of each row joined to those of the row above."""
    width, height = mask.size
    data = mask.tobytes()
    parents: list[int] = []
    runs: list[tuple[int, int, int, int]] = []
    above: list[int] = []
    for y in range(height):
        row: list[int] = []
        for start, stop in _runs(data[y * width : (y + 1) * width]):
            label = len(parents)
            parents.append(label)
            runs.append((start, y, stop, y + 1))
            row.append(label)
            for other in above:
                if runs[other][0] <= stop and runs[other][2] >= start:
                    parents[_root(parents, other)] = _root(parents, label)
        above = row
    found: dict[int, tuple[Box, int]] = {}
    for label, run in enumerate(runs):
        root = _root(parents, label)
        box, count = found.get(root, (run, 0))
        found[root] = (_union(box, run), count + run[2] - run[0])
    return list(found.values())


def _runs(row: bytes) -> Iterator[tuple[int, int]]:
    start = row.find(255)
    while start >= 0:
        stop = row.find(0, start)
        stop = len(row) if stop < 0 else stop
        yield start, stop
        start = row.find(255, stop)


def _root(parents: list[int], label: int) -> int:
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


def _union(one: Box, two: Box) -> Box:
    return min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])


def _merge(parts: list[tuple[Box, int]], size: tuple[int, int]) -> list[Blob]:
    """Join what belongs together: parts within, or very near, the box of a larger one."""
    least = max(3, _SPECK * size[0] * size[1] * 0.05)
    boxes = sorted((box for box, count in parts if count >= least), key=_extent, reverse=True)[:400]
    groups: list[Box] = []
    for box in boxes:
        near = [g for g in groups if _touch(g, box, _NEAR * max(g[2] - g[0], g[3] - g[1]))]
        for group in near:
            groups.remove(group)
            box = _union(group, box)  # noqa: PLW2901 - it grows by what it touches
        groups.append(box)
    groups.sort(key=_extent, reverse=True)
    blobs = [Blob(g, clipped=g[0] <= 1 or g[1] <= 1 or g[2] >= size[0] - 1 or g[3] >= size[1] - 1) for g in groups]
    return [blob for blob in blobs if _extent(blob.box) >= 0.0008 * size[0] * size[1]]


def _extent(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _touch(one: Box, two: Box, near: float) -> bool:
    return two[0] <= one[2] + near and two[2] >= one[0] - near and two[1] <= one[3] + near and two[3] >= one[1] - near


def _without_specks(alpha: Any) -> Any:
    """Blot out dots of noise that no letter has."""
    from PIL import Image, ImageChops  # noqa: PLC0415 - see ink_map

    mask = alpha.point([255 * (v >= 60) for v in range(256)])  # noqa: PLR2004 - faint, yet ink
    least = max(4, _SPECK * alpha.width * alpha.height * 0.1)
    kept = Image.new("L", alpha.size, 255)
    for box, count in _components(mask):
        if count < least:
            kept.paste(0, box)
    return ImageChops.darker(alpha, kept)
