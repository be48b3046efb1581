"""Where a seal stands on a page: millimetres as people measure them, rectangles as PDF wants them.

Positions are measured from the top left corner of the page *as displayed*: after /Rotate, inside the /CropBox.
"""

from dataclasses import dataclass
from typing import Final, Literal

from sealing.errors import FieldError

POINTS_PER_MM: Final = 72 / 25.4
_TOLERANCE: Final = 0.5
"""Points that a field may stand outside its page through rounding."""

Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class SealField:
    """A signature field to prepare: `page` counts from 1, or from the end as -1, -2, …; lengths in millimetres."""

    name: str
    page: int
    x_mm: float
    y_mm: float
    w_mm: float
    h_mm: float


@dataclass(frozen=True)
class Stamp:
    """One impression: `page` counts from 1; the box in mm from the top left corner of the page as displayed.

    `share` is the part of the picture that is shown, as fractions from a to b: (0, 1) for all of it, less for a
    slice of a 骑缝章. It runs from left to right (`along` "width") or from top to bottom ("height").
    """

    page: int
    x_mm: float
    y_mm: float
    w_mm: float
    h_mm: float
    share: tuple[float, float] = (0.0, 1.0)
    along: Literal["width", "height"] = "width"


@dataclass(frozen=True)
class Box:
    """An area of a page as displayed, in mm from its top left corner; `what` is there already, if anything is."""

    page: int
    x_mm: float
    y_mm: float
    w_mm: float
    h_mm: float
    what: str = ""

    @property
    def centre(self) -> tuple[float, float]:
        """Answer its middle."""
        return self.x_mm + self.w_mm / 2, self.y_mm + self.h_mm / 2


Area = SealField | Stamp | Box


@dataclass(frozen=True)
class PageView:
    """How a page is displayed: its visible box in user space, clockwise rotation, and points to a user unit."""

    box: Rect
    rotate: int = 0
    user_unit: float = 1.0

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the page as displayed."""
        left, bottom, right, top = self.box
        scale = self.user_unit / POINTS_PER_MM
        size = (right - left) * scale, (top - bottom) * scale
        return size if self.rotate % 180 == 0 else (size[1], size[0])

    def holds(self, area: Area) -> bool:
        """Say whether an area with some extent lies on the page, but for rounding."""
        width, height = self.size_mm
        slack = _TOLERANCE / POINTS_PER_MM
        inside_x = area.x_mm >= -slack and area.x_mm + area.w_mm <= width + slack
        inside_y = area.y_mm >= -slack and area.y_mm + area.h_mm <= height + slack
        return area.w_mm > 0 and area.h_mm > 0 and inside_x and inside_y

    def rectangle(self, area: Area) -> Rect:
        """Answer the area's rectangle in user space. Raises FieldError when it does not lie on the page."""
        if not self.holds(area):
            name = area.name if isinstance(area, SealField) else f"an area on page {area.page}"
            width, height = self.size_mm
            raise FieldError(f"{name} does not lie on a page of {width:.0f} × {height:.0f} mm")
        one = self._point(area.x_mm, area.y_mm)
        two = self._point(area.x_mm + area.w_mm, area.y_mm + area.h_mm)
        xs, ys = sorted((one[0], two[0])), sorted((one[1], two[1]))
        return round(xs[0], 2), round(ys[0], 2), round(xs[1], 2), round(ys[1], 2)

    def displayed(self, rect: Rect, page: int, what: str = "") -> Box:
        """Answer where a rectangle of user space is seen, the page's number being `page`; it may lie off the page."""
        one, two = self._millimetres(rect[0], rect[1]), self._millimetres(rect[2], rect[3])
        xs, ys = sorted((one[0], two[0])), sorted((one[1], two[1]))
        return Box(page, xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0], what)

    def _point(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Carry a displayed point back into user space, where y goes up and nothing is turned."""
        left, bottom, right, top = self.box
        x, y = (length * POINTS_PER_MM / self.user_unit for length in (x_mm, y_mm))
        match self.rotate % 360:
            case 90:
                return left + y, bottom + x
            case 180:
                return right - x, bottom + y
            case 270:
                return right - y, top - x
        return left + x, top - y

    def _millimetres(self, x: float, y: float) -> tuple[float, float]:
        """Carry a point of user space to where it is displayed; undoes `_point`."""
        left, bottom, right, top = self.box
        match self.rotate % 360:
            case 90:
                across, down = y - bottom, x - left
            case 180:
                across, down = right - x, y - bottom
            case 270:
                across, down = top - y, right - x
            case _:
                across, down = x - left, top - y
        scale = self.user_unit / POINTS_PER_MM
        return across * scale, down * scale


def upright(rotate: int) -> tuple[int, int, int, int, int, int]:
    """Answer the form matrix that makes an appearance stand upright on a page turned clockwise by `rotate`."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotate % 360]
    return cos, sin, -sin, cos, 0, 0
