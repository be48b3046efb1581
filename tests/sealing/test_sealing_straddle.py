"""骑缝: every group shows the whole picture once, in page order, and no slice is too narrow."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing.errors import PageRangeError, StampOutsideError, StraddleError
from sealing.placement import PageView, Stamp
from sealing.planning import Straddle, plan_stamps
from sealing.straddle import split_pages

A4 = PageView((0.0, 0.0, 595.276, 841.89))
SIZE = (40.0, 40.0)

views = st.builds(
    lambda width, height, rotate, unit, left: PageView((left, 0.0, left + width / unit, height / unit), rotate, unit),
    st.floats(200, 2_000),
    st.floats(200, 2_000),
    st.sampled_from([0, 90, 180, 270]),
    st.sampled_from([1.0, 2.0]),
    st.floats(-50, 50),
)


def groups_of(stamps: tuple[Stamp, ...]) -> list[list[Stamp]]:
    """Cut the slices where a picture begins anew."""
    groups = list[list[Stamp]]()
    for stamp in stamps:
        if stamp.share[0] == 0:
            groups.append([])
        groups[-1].append(stamp)
    return groups


@settings(deadline=None)
@given(
    st.lists(views, min_size=2, max_size=80),
    st.sampled_from(["left", "right", "top", "bottom"]),
    st.floats(0.01, 1 / 3),
    st.tuples(st.floats(5, 60), st.floats(5, 60)),
)
def test_every_group_shows_the_whole_picture_once(
    pages: list[PageView], side: str, least: float, size: tuple[float, float]
) -> None:
    stamps = plan_stamps([Straddle(side=side, min_share=least)], pages, size).stamps
    assert [stamp.page for stamp in stamps] == list(range(1, len(pages) + 1))
    groups = groups_of(stamps)
    for group in groups:
        assert len(group) >= 2
        assert (group[0].share[0], group[-1].share[1]) == (0, 1)
        assert all(one.share[1] == two.share[0] for one, two in pairwise(group))
        assert all(stamp.share[1] - stamp.share[0] >= least - 1e-9 for stamp in group)
        shown = [stamp.w_mm if stamp.along == "width" else stamp.h_mm for stamp in group]
        assert sum(shown) == pytest.approx(size[0] if side in {"left", "right"} else size[1])
    sizes = {len(group) for group in groups}
    assert max(sizes) - min(sizes) <= 1


@settings(deadline=None)
@given(
    st.lists(views, min_size=2, max_size=20), st.sampled_from(["left", "right", "top", "bottom"]), st.floats(-50, 400)
)
def test_slices_stand_at_the_edge_and_on_the_page(pages: list[PageView], side: str, offset: float) -> None:
    try:
        stamps = plan_stamps([Straddle(side=side, offset_mm=offset)], pages, SIZE).stamps
    except StampOutsideError:
        edge = min(view.size_mm[side in {"left", "right"}] for view in pages)
        assert not 20 <= offset <= edge - 20
        return
    for stamp in stamps:
        width, height = pages[stamp.page - 1].size_mm
        gaps = {
            "left": stamp.x_mm,
            "right": width - stamp.x_mm - stamp.w_mm,
            "top": stamp.y_mm,
            "bottom": height - stamp.y_mm - stamp.h_mm,
        }
        assert gaps[side] == pytest.approx(0, abs=1e-6)
        assert min(gaps.values()) >= -0.2


@pytest.mark.parametrize(
    ("count", "least", "sizes"),
    [
        pytest.param(2, 0.1, [2], id="two pages"),
        pytest.param(10, 0.1, [10], id="just enough"),
        pytest.param(11, 0.1, [5, 6], id="one too many"),
        pytest.param(31, 0.1, [7, 8, 8, 8], id="as even as possible"),
        pytest.param(5, 1 / 3, [2, 3], id="a third at least"),
        pytest.param(4, 1 / 3, [2, 2], id="nobody is left alone"),
        pytest.param(5_000, 1 / 30, None, id="a book"),
    ],
)
def test_groups(count: int, least: float, sizes: list[int] | None) -> None:
    groups = split_pages(range(1, count + 1), least)
    assert [page for group in groups for page in group] == list(range(1, count + 1))
    if sizes:
        assert sorted(map(len, groups)) == sizes


def test_both_faces_of_the_sheets() -> None:
    plan = plan_stamps([Straddle(double_sided=True)], [A4] * 6, SIZE)
    at_left = [stamp for stamp in plan.stamps if stamp.x_mm == 0]
    assert [stamp.page for stamp in at_left] == [2, 4, 6]
    assert [stamp.share for stamp in at_left] == [(0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)]
    assert [stamp.page for stamp in plan.stamps if stamp.x_mm > 190] == [1, 3, 5]
    assert plan.warnings == ()


def test_a_lone_back_page_is_told() -> None:
    plan = plan_stamps([Straddle(double_sided=True)], [A4] * 3, SIZE)
    assert [stamp.page for stamp in plan.stamps] == [1, 3]
    assert [(warning.code, warning.page) for warning in plan.warnings] == [("single-page", 2)]


def test_groups_that_people_choose() -> None:
    plan = plan_stamps([Straddle(groups=("1-3", "4,6"), offset_mm=100)], [A4] * 6, SIZE)
    assert [[stamp.page for stamp in group] for group in groups_of(plan.stamps)] == [[1, 2, 3], [4, 6]]
    assert {stamp.y_mm for stamp in plan.stamps} == {80.0}


@pytest.mark.parametrize(
    ("plan", "pages", "error"),
    [
        pytest.param(Straddle(), 1, StraddleError, id="one page"),
        pytest.param(Straddle(double_sided=True), 2, StraddleError, id="one sheet"),
        pytest.param(Straddle(groups=("1-3", "3-5")), 6, StraddleError, id="a page in two groups"),
        pytest.param(Straddle(groups=("1-3", "4")), 6, StraddleError, id="a group of one"),
        pytest.param(Straddle(min_share=0.5), 6, StraddleError, id="half a picture a page"),
        pytest.param(Straddle(min_share=0), 6, StraddleError, id="no share"),
        pytest.param(Straddle(min_share=float("nan")), 6, StraddleError, id="no number"),
        pytest.param(Straddle(pages="1-9"), 6, PageRangeError, id="pages that are not there"),
        pytest.param(Straddle(offset_mm=10), 6, StampOutsideError, id="over the upper corner"),
        pytest.param(Straddle(offset_mm=float("nan")), 6, StampOutsideError, id="nowhere"),
    ],
)
def test_refused_straddles(plan: Straddle, pages: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        plan_stamps([plan], [A4] * pages, SIZE)
