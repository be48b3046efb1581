"""Where a seal stands on a page: millimetres as people measure them, rectangles as PDF wants them.

Positions are measured from the top left corner of the page *as displayed*: after /Rotate, inside the /CropBox.
"""

from dataclasses import dataclass
from typing import Final

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

    def rectangle(self, field: SealField) -> Rect:
        """Answer the field's rectangle in user space. Raises FieldError when it does not lie on the page."""
        width, height = self.size_mm
        slack = _TOLERANCE / POINTS_PER_MM
        inside_x = field.x_mm >= -slack and field.x_mm + field.w_mm <= width + slack
        inside_y = field.y_mm >= -slack and field.y_mm + field.h_mm <= height + slack
        if not (field.w_mm > 0 and field.h_mm > 0 and inside_x and inside_y):
            raise FieldError(f"{field.name} does not lie on a page of {width:.0f} × {height:.0f} mm")
        one = self._point(field.x_mm, field.y_mm)
        two = self._point(field.x_mm + field.w_mm, field.y_mm + field.h_mm)
        xs, ys = sorted((one[0], two[0])), sorted((one[1], two[1]))
        return round(xs[0], 2), round(ys[0], 2), round(xs[1], 2), round(ys[1], 2)

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


def upright(rotate: int) -> tuple[int, int, int, int, int, int]:
    """Answer the form matrix that makes an appearance stand upright on a page turned clockwise by `rotate`."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotate % 360]
    return cos, sin, -sin, cos, 0, 0
