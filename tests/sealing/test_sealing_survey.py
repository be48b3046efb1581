"""What a PDF tells of its pages: sizes, rotations, and what stands on them."""

from pathlib import Path

import pytest
from sealing_pages_world import A4, Leaf, write_pages
from sealing_world import World

from sealing.errors import FieldError, NoPagesError
from sealing.pages import survey_pdf
from sealing.pdf import prepare_fields
from sealing.placement import SealField
from sealing.planning import Point
from sealing.planning_pdf import plan_for_pdf

ANNOTATION = "/Annots [<< /Type /Annot /Subtype /{} /Rect [72 72 172 122] {} >>]"


@pytest.mark.parametrize(
    ("leaf", "box", "rotate", "unit"),
    [
        pytest.param(Leaf(), A4, 0, 1, id="A4"),
        pytest.param(Leaf(rotate=-90), A4, 270, 1, id="turned by a negative angle"),
        pytest.param(Leaf(rotate=450), A4, 90, 1, id="turned more than once"),
        pytest.param(Leaf((100, 900, 0, 0)), (0, 0, 100, 900), 0, 1, id="corners the other way round"),
        pytest.param(Leaf(crop=(-50, -50, 9_000, 500)), (0, 0, 595.276, 500), 0, 1, id="a crop box beyond the page"),
        pytest.param(Leaf(unit=2.5), A4, 0, 2.5, id="user unit"),
    ],
)
def test_pages(leaf: Leaf, box: tuple[float, ...], rotate: int, unit: float, tmp_path: Path) -> None:
    (view,) = survey_pdf(write_pages(tmp_path / "one.pdf", [leaf])).views
    assert view.box == pytest.approx(box)
    assert (view.rotate, view.user_unit) == (rotate, unit)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param("/Rotate 45", id="aslant"),
        pytest.param("/Rotate /Right", id="turned by a name"),
        pytest.param("/UserUnit 0", id="no unit"),
        pytest.param("/UserUnit -1", id="negative unit"),
        pytest.param("/UserUnit (a)", id="a unit in words"),
        pytest.param("/CropBox [0 0 0 0]", id="cropped to nothing"),
        pytest.param("/CropBox [600 900 700 1000]", id="cropped outside"),
        pytest.param("/CropBox [0 0 (a) 10]", id="a box with words"),
        pytest.param("/CropBox [0 0 10]", id="three numbers"),
        pytest.param("/CropBox << >>", id="no list"),
        pytest.param(f"/CropBox [0 0 1{'0' * 400} 10]", id="an endless page"),
    ],
)
def test_pages_without_a_usable_size(extra: str, tmp_path: Path) -> None:
    path = write_pages(tmp_path / "one.pdf", [Leaf(extra=extra)])
    with pytest.raises(FieldError):
        survey_pdf(path)


def test_no_pages(tmp_path: Path) -> None:
    with pytest.raises(NoPagesError):
        survey_pdf(write_pages(tmp_path / "none.pdf", []))


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        pytest.param(ANNOTATION.format("Stamp", ""), ["印章"], id="a stamp"),
        pytest.param(
            ANNOTATION.format("Widget", "/FT /Sig /T (unit)").removesuffix("]") + "<< /Subtype /Stamp >>]",
            ["签章域 unit"],
            id="a signature field outside the form, beside a stamp",
        ),
        pytest.param(ANNOTATION.format("Widget", "/FT /Tx /T (name)"), [], id="a text field"),
        pytest.param(ANNOTATION.format("Stamp", "/F 2"), [], id="hidden"),
        pytest.param(ANNOTATION.format("Link", ""), [], id="a link"),
        pytest.param("/Annots [<< /Subtype /Stamp /Rect [5 5 5 5] >>]", [], id="without extent"),
        pytest.param("/Annots [<< /Subtype /Stamp /Rect [(a)] >> 7 null]", [], id="nonsense"),
        pytest.param("/Annots 7", [], id="no list"),
    ],
)
def test_what_stands_on_a_page(extra: str, what: list[str], tmp_path: Path) -> None:
    path = write_pages(tmp_path / "one.pdf", [Leaf(rotate=90, extra=extra)])
    taken = survey_pdf(path, ignore=("own",)).taken
    assert [box.what for box in taken] == what
    for box in taken:
        assert (box.x_mm, box.y_mm, box.w_mm, box.h_mm) == pytest.approx((25.4, 25.4, 17.64, 35.28), abs=0.01)


def test_a_seal_over_a_seal_is_told(sealed: Path, world: World) -> None:
    assert world.trust.sandbox
    plan = plan_for_pdf(sealed, [Point(1, 40, 160), Point(2, 40, 160)], (20, 20))
    assert [(warning.page, "legal" in warning.text) for warning in plan.warnings] == [(1, True)]


def test_a_field_that_is_to_be_filled_is_not_in_the_way(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "one.pdf", [Leaf()])
    prepare_fields(path, [SealField("unit", 1, 30, 30, 40, 40)])
    (taken,) = survey_pdf(path).taken
    assert taken.what == "签章域 unit"
    assert (taken.x_mm, taken.y_mm, taken.w_mm, taken.h_mm) == pytest.approx((30, 30, 40, 40), abs=0.01)
    assert plan_for_pdf(path, [Point(1, 50, 50)], (40, 40)).warnings != ()
    assert plan_for_pdf(path, [Point(1, 50, 50)], (40, 40), ignore=("unit",)).warnings == ()
