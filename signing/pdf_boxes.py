"""Where something stands on a page as it is displayed: millimetres from the top left, the page turned upright."""

from typing import Any, Final

from signing.pdf_objects import Objects, array, raw_entry
from signing.pdf_reading import is_dictionary

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_POINT: Final = 25.4 / 72
_SIDES: Final = 4
_DEPTH: Final = 32
_LETTER: Final = [0.0, 0.0, 612.0, 792.0]


def page_box(objects: Objects, page: int, revision: int) -> Box | None:
    """Answer the whole of a page, by the object number of the page."""
    return rectangle_box(objects, page, revision, _visible(objects, page, revision))


def rectangle_box(objects: Objects, page: int, revision: int, rectangle: list[float] | None) -> Box | None:
    """Answer a rectangle given in the page's own units; None when it is none."""
    if rectangle is None:
        return None
    left, bottom, right, top = _visible(objects, page, revision)
    unit = _number(objects.resolve(raw_entry(objects.load(page, revision), "/UserUnit"), revision)) or 1.0
    turn = int(_number(inherited(objects, page, revision, "/Rotate")) or 0) % 360
    a, b, c, d = rectangle
    x0, x1, y0, y1 = min(a, c) - left, max(a, c) - left, min(b, d) - bottom, max(b, d) - bottom
    width, height = right - left, top - bottom
    turned = {
        0: (x0, height - y1, x1, height - y0),
        90: (y0, x0, y1, x1),
        180: (width - x1, y0, width - x0, y1),
        270: (height - y1, width - x1, height - y0, width - x0),
    }
    scale = _POINT * unit
    x, y, u, v = turned.get(turn, turned[0])
    return (round(x * scale, 2), round(y * scale, 2), round(u * scale, 2), round(v * scale, 2))


def rectangle_of(objects: Objects, node: Any, revision: int) -> list[float] | None:
    """Answer the /Rect of an annotation as four numbers; None when it has no such."""
    return _numbers(objects, raw_entry(node, "/Rect"), revision)


def area(rectangle: list[float] | None) -> float:
    """Answer how much of a page a rectangle takes, in square points."""
    return abs(rectangle[2] - rectangle[0]) * abs(rectangle[3] - rectangle[1]) if rectangle else 0.0


def page_area(objects: Objects, page: int, revision: int) -> float:
    """Answer the size of a page in square points of its own."""
    return area(_visible(objects, page, revision))


def _visible(objects: Objects, page: int, revision: int) -> list[float]:
    for key in ("/CropBox", "/MediaBox"):
        found = _numbers(objects, inherited(objects, page, revision, key), revision)
        if found and area(found):
            a, b, c, d = found
            return [min(a, c), min(b, d), max(a, c), max(b, d)]
    return _LETTER


def _numbers(objects: Objects, raw: Any, revision: int) -> list[float] | None:
    found = [_number(objects.resolve(item, revision)) for item in array(objects.resolve(raw, revision))]
    numbers = [one for one in found if one is not None]
    return numbers if len(found) == len(numbers) == _SIDES else None


def _number(value: Any) -> float | None:
    try:
        return None if value is None or is_dictionary(value) or isinstance(value, (list, str)) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def inherited(objects: Objects, page: int, revision: int, key: str) -> Any:
    """Answer what a page has under a key itself or from a node above it (ISO 32000-2 7.7.3.4)."""
    node = objects.load(page, revision)
    for _ in range(_DEPTH):
        found = objects.resolve(raw_entry(node, key), revision)
        if found is not None or not is_dictionary(node):
            return found
        node = objects.resolve(raw_entry(node, "/Parent"), revision)
    return None
