"""From marked cells of a grid to a few boxes around them: pure, for showing where two pictures differ."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

Cell = tuple[int, int]
Region = tuple[int, int, int, int]
"""Left, top, right, bottom; right and bottom are outside."""

MAX_REGIONS: Final = 16
_REACH: Final = 2
"""Cells between two marks that still belong together: words of a line, lines of a paragraph."""


def regions_of(marked: AbstractSet[Cell]) -> tuple[Region, ...]:
    """Answer the boxes (in cells) of what hangs together, from the top down."""
    left, boxes = set(marked), list[Region]()
    while left:
        group, border = set[Cell](), [left.pop()]
        while border:
            across, down = border.pop()
            group.add((across, down))
            near = {
                (across + i, down + j) for i in range(-_REACH, _REACH + 1) for j in range(-_REACH, _REACH + 1)
            } & left
            left -= near
            border += near
        columns, rows = [cell[0] for cell in group], [cell[1] for cell in group]
        boxes.append((min(columns), min(rows), max(columns) + 1, max(rows) + 1))
    return tuple(sorted(boxes, key=lambda box: (box[1], box[0])))


def merge_regions(boxes: Iterable[Region], cell: int, size: tuple[int, int]) -> tuple[Region, ...]:
    """Answer boxes in pixels inside the picture; more than so many become one around all."""
    scaled = [
        (left * cell, top * cell, min(right * cell, size[0]), min(bottom * cell, size[1]))
        for left, top, right, bottom in boxes
    ]
    if len(scaled) <= MAX_REGIONS:
        return tuple(scaled)
    lefts, tops, rights, bottoms = zip(*scaled, strict=True)
    return ((min(lefts), min(tops), max(rights), max(bottoms)),)
