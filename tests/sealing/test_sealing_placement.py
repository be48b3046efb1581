"""Millimetres on the page as displayed, whatever /Rotate and /CropBox say."""

import pytest

from sealing.errors import FieldError
from sealing.placement import POINTS_PER_MM, PageView, SealField, upright

A4 = (0.0, 0.0, 595.28, 841.89)


def field(x: float, y: float, w: float = 20, h: float = 10) -> SealField:
    return SealField("f", 1, x, y, w, h)


@pytest.mark.parametrize(
    ("rotate", "expected_mm"),
    [
        # where the corner of a 20 × 10 mm field, 30 mm from the left and 40 mm from the top, lies in user space
        pytest.param(0, (30, 297 - 50, 50, 297 - 40), id="upright"),
        pytest.param(90, (40, 30, 50, 50), id="turned right"),
        pytest.param(180, (210 - 50, 40, 210 - 30, 50), id="upside down"),
        pytest.param(270, (210 - 50, 297 - 50, 210 - 40, 297 - 30), id="turned left"),
    ],
)
def test_rectangles(rotate: int, expected_mm: tuple[float, ...]) -> None:
    found = PageView(A4, rotate).rectangle(field(30, 40))
    assert [n / POINTS_PER_MM for n in found] == pytest.approx(expected_mm, abs=0.1)


def test_a_crop_box_moves_the_corner() -> None:
    view = PageView((100.0, 100.0, 500.0, 700.0))
    left, _, _, top = view.rectangle(field(0, 0))
    assert (left, top) == (100.0, 700.0)


def test_a_user_unit_scales() -> None:
    view = PageView((0.0, 0.0, 100.0, 100.0), user_unit=10.0)
    assert view.size_mm == pytest.approx((352.8, 352.8), abs=0.1)
    left, *_ = view.rectangle(field(35.28, 0))
    assert left == pytest.approx(10.0, abs=0.01)


def test_a_turned_page_is_displayed_turned() -> None:
    assert PageView(A4, 90).size_mm == pytest.approx((297, 210), abs=0.1)


@pytest.mark.parametrize(
    "outside",
    [
        pytest.param(field(-5, 0), id="left"),
        pytest.param(field(200, 0), id="right"),
        pytest.param(field(0, 290), id="below"),
        pytest.param(field(0, 0, 0, 10), id="no width"),
        pytest.param(field(float("nan"), 0), id="no number"),
    ],
)
def test_places_outside_the_page(outside: SealField) -> None:
    with pytest.raises(FieldError):
        PageView(A4).rectangle(outside)


@pytest.mark.parametrize(("rotate", "matrix"), [(0, (1, 0, 0, 1)), (90, (0, 1, -1, 0)), (270, (0, -1, 1, 0))])
def test_the_picture_is_turned_back(rotate: int, matrix: tuple[int, ...]) -> None:
    assert upright(rotate)[:4] == matrix
