"""What is planned is what is seen: within a millimetre, on every kind of page, by two renderers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from sealing_pages_world import A3, A4, MANY, Leaf, by_pdfium, by_poppler, differ_mm, draw_stamps, seen_red, write_pages
from sealing_world import NOON, World

from sealing.pages import survey_pdf
from sealing.pdf import prepare_fields, prepare_seal
from sealing.placement import SealField
from sealing.planning import Pages, Point, SealPlan, Straddle, plan_stamps
from sealing.seal import SealKind

RENDERERS = [
    pytest.param(by_pdfium, id="pdfium"),
    pytest.param(by_poppler, id="poppler", marks=pytest.mark.interop),
]
Render = Callable[[Path], list[Image.Image]]
LEAVES = list(MANY.values())
MIXED = [Leaf(A4), Leaf(A3), Leaf(A4, 90), Leaf((0, 0, 1190.551, 841.89)), Leaf(A4, 270)]


@pytest.fixture(params=RENDERERS)
def render(request: pytest.FixtureRequest) -> Render:
    drawing: Render = request.param
    return drawing


def worst_of(render: Render, tmp_path: Path, leaves: list[Leaf], plan: SealPlan, size: tuple[float, float]) -> float:
    """Plan on the pages as read from the file, draw the boxes, and look."""
    views = survey_pdf(write_pages(tmp_path / "plain.pdf", leaves)).views
    stamps = plan_stamps([plan], views, size).stamps
    pictures = render(draw_stamps(tmp_path / "drawn.pdf", leaves, views, stamps))
    assert len(pictures) == len(leaves)
    return max(
        differ_mm(seen_red(pictures[stamp.page - 1], leaves[stamp.page - 1], stamp.page), stamp) for stamp in stamps
    )


@pytest.mark.parametrize("leaf", [pytest.param(leaf, id=name) for name, leaf in MANY.items()])
def test_sizes_as_displayed(leaf: Leaf, tmp_path: Path) -> None:
    (view,) = survey_pdf(write_pages(tmp_path / "one.pdf", [leaf])).views
    assert view.size_mm == pytest.approx(leaf.seen_mm, abs=0.01)


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Pages(30, 45), id="top left"),
        pytest.param(Pages(25, 30, "top-right"), id="top right"),
        pytest.param(Pages(22, 61, "bottom-left"), id="bottom left"),
        pytest.param(Pages(20, 20, "bottom-right"), id="into the corner"),
        pytest.param(Pages(-12.5, 8, "centre"), id="from the centre"),
    ],
)
def test_points_on_every_kind_of_page(render: Render, plan: SealPlan, tmp_path: Path) -> None:
    assert worst_of(render, tmp_path, LEAVES, plan, (40, 30)) <= 1


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Straddle(), id="right"),
        pytest.param(Straddle(side="left", offset_mm=60), id="left"),
        pytest.param(Straddle(side="top", offset_mm=70), id="top"),
        pytest.param(Straddle(side="bottom", min_share=0.2), id="bottom, several groups"),
        pytest.param(Straddle(double_sided=True), id="both faces of a sheet"),
    ],
)
@pytest.mark.parametrize(
    "leaves", [pytest.param(LEAVES, id="every kind"), pytest.param(MIXED, id="A3 among A4, on end and across")]
)
def test_straddles_on_every_kind_of_page(render: Render, leaves: list[Leaf], plan: SealPlan, tmp_path: Path) -> None:
    assert worst_of(render, tmp_path, leaves, plan, (40, 40)) <= 1


@pytest.mark.parametrize("name", ["A4 turned by 90", "A4 cropped, turned by 180", "UserUnit 2, turned by 270", "A3"])
def test_a_real_seal_stands_where_it_was_planned(render: Render, name: str, world: World, tmp_path: Path) -> None:
    leaf = MANY[name]
    draft = write_pages(tmp_path / "draft.pdf", [leaf])
    seal = world.seals[SealKind.UNIT]
    (stamp,) = plan_stamps([Point(1, 45, 38, "bottom-right")], survey_pdf(draft).views, (40, 40)).stamps
    prepare_fields(draft, [SealField("unit", 1, stamp.x_mm, stamp.y_mm, stamp.w_mm, stamp.h_mm)])
    target = tmp_path / "target.pdf"
    prepare_seal(draft, target, field="unit", seal=seal, signer=world.unit.certificate, at=NOON)
    (picture,) = render(target)
    assert differ_mm(seen_red(picture, leaf, 1), stamp) <= 1


def test_all_impressions_of_one_act_stand_where_they_were_planned(render: Render, world: World, tmp_path: Path) -> None:
    """One seal on every kind of page; on the last pages, slices, which show nothing outside their boxes."""
    leaves = [Leaf(A4), *LEAVES, *MIXED]
    draft, target = write_pages(tmp_path / "draft.pdf", leaves), tmp_path / "target.pdf"
    prepare_fields(draft, [SealField("unit", 1, 30, 40, 40, 40)])
    whole, sliced = f"2-{len(LEAVES) + 1}", f"{len(LEAVES) + 2}-last"
    plans = [Pages(35, 30, "bottom-right", whole), Straddle(pages=sliced)]
    stamps = plan_stamps(plans, survey_pdf(draft).views, (40, 40)).stamps
    seal, signer = world.seals[SealKind.UNIT], world.unit.certificate
    prepare_seal(draft, target, field="unit", seal=seal, signer=signer, at=NOON, stamps=stamps)
    pictures = render(target)
    for stamp in stamps:
        seen = seen_red(pictures[stamp.page - 1], leaves[stamp.page - 1], stamp.page)
        assert seen is not None
        if stamp.share == (0.0, 1.0):
            assert differ_mm(seen, stamp) <= 1
        else:
            assert stamp.x_mm - 1 <= seen.x_mm
            assert seen.x_mm + seen.w_mm <= stamp.x_mm + stamp.w_mm + 1
            assert seen.w_mm >= stamp.w_mm - 1
            assert stamp.y_mm - 1 <= seen.y_mm
            assert seen.y_mm + seen.h_mm <= stamp.y_mm + stamp.h_mm + 1
