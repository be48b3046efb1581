"""Plans: points, keywords, page ranges, several at once; what is refused and what is told."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing.errors import (
    KeywordError,
    KeywordNotFoundError,
    PageRangeError,
    PlanError,
    StampOutsideError,
)
from sealing.placement import Box, PageView, Stamp
from sealing.planning import (
    Keyword,
    KeywordHits,
    Occurrence,
    Pages,
    Point,
    SealPlan,
    Straddle,
    keyword_texts,
    parse_plans,
    plan_stamps,
)

A4 = PageView((0.0, 0.0, 210 * 72 / 25.4, 297 * 72 / 25.4))
ACROSS = PageView(A4.box, 90)
SIZE = (40.0, 30.0)


def words(page: int, *boxes: tuple[float, float, float, float]) -> Occurrence:
    return Occurrence(page, tuple(Box(page, *box) for box in boxes))


HITS = {
    "盖章": KeywordHits(
        (
            words(1, (60, 100, 20, 6)),
            words(2, (150, 40, 20, 6)),
            words(2, (150, 60, 30, 6), (20, 70, 10, 6)),
            words(3, (200, 290, 8, 4)),
        )
    ),
    "签字": KeywordHits((), ("第 1 页：签名",)),
}


def corners(plan: SealPlan) -> list[tuple[int, float, float]]:
    stamps = plan_stamps([plan], [A4, A4, A4, ACROSS], SIZE, keywords=HITS).stamps
    return [(stamp.page, round(stamp.x_mm, 3), round(stamp.y_mm, 3)) for stamp in stamps]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(Point(1, 50, 60), [(1, 30, 45)], id="from the top left"),
        pytest.param(Point(1, 50, 60, "top-right"), [(1, 140, 45)], id="from the top right"),
        pytest.param(Point(1, 50, 60, "bottom-left"), [(1, 30, 222)], id="from the bottom left"),
        pytest.param(Point(1, 50, 60, "bottom-right"), [(1, 140, 222)], id="from the bottom right"),
        pytest.param(Point(1, 10, -20, "centre"), [(1, 95, 113.5)], id="from the centre"),
        pytest.param(Point(-1, 50, 60, "bottom-right"), [(4, 227, 135)], id="the last page, turned"),
        pytest.param(Pages(30, 30, pages="1-2,4"), [(1, 10, 15), (2, 10, 15), (4, 10, 15)], id="some pages"),
        pytest.param(Pages(30, 30, parity="odd"), [(1, 10, 15), (3, 10, 15)], id="odd pages"),
        pytest.param(Pages(30, 30, "top-right", parity="even"), [(2, 160, 15), (4, 247, 15)], id="even pages"),
        pytest.param(Keyword("盖章"), [(1, 50, 88)], id="over the words"),
        pytest.param(Keyword("盖章", anchor="right", dx_mm=2), [(1, 82, 88)], id="right of the words"),
        pytest.param(Keyword("盖章", anchor="below", dy_mm=1), [(1, 50, 107)], id="below the words"),
        pytest.param(Keyword("盖章", 2), [(2, 140, 28)], id="the second time"),
        pytest.param(Keyword("盖章", 3), [(2, 145, 48)], id="two lines: over the longer"),
        pytest.param(Keyword("盖章", 3, anchor="right"), [(2, 30, 58)], id="two lines: right of the last"),
        pytest.param(Keyword("盖章", "last", pages="1-2"), [(2, 145, 48)], id="the last on some pages"),
        pytest.param(
            Keyword("盖章", "all", pages="1-2"), [(1, 50, 88), (2, 140, 28), (2, 145, 48)], id="wherever they stand"
        ),
        pytest.param(Keyword("盖章", 4), [(3, 170, 267)], id="moved onto the page"),
    ],
)
def test_where_it_goes(plan: SealPlan, expected: list[tuple[int, float, float]]) -> None:
    assert corners(plan) == expected


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        pytest.param(Point(0, 50, 50), PageRangeError, id="page zero"),
        pytest.param(Point(5, 50, 50), PageRangeError, id="no such page"),
        pytest.param(Point(-5, 50, 50), PageRangeError, id="no such page from the end"),
        pytest.param(Point(1, 19, 50), StampOutsideError, id="over the left edge"),
        pytest.param(Point(1, 50, 10, "bottom-left"), StampOutsideError, id="over the lower edge"),
        pytest.param(Point(1, 150, 0, "centre"), StampOutsideError, id="far from the centre"),
        pytest.param(Point(1, float("nan"), 50), StampOutsideError, id="no number"),
        pytest.param(Pages(50, 270), StampOutsideError, id="fits one page, not the other"),
        pytest.param(Pages(50, 50, pages="2,9"), PageRangeError, id="a page that is not there"),
        pytest.param(Pages(50, 50, pages="2,4", parity="odd"), PageRangeError, id="no odd page among them"),
        pytest.param(Keyword("盖章", 5), KeywordNotFoundError, id="not so often"),
        pytest.param(Keyword("盖章", 0), KeywordNotFoundError, id="the zeroth time"),
        pytest.param(Keyword("盖章", pages="4"), KeywordNotFoundError, id="not on that page"),
        pytest.param(Keyword("签字", "all"), KeywordNotFoundError, id="nowhere"),
        pytest.param(Keyword("公章"), KeywordError, id="never searched for"),
    ],
)
def test_refused_places(plan: SealPlan, error: type[PlanError]) -> None:
    with pytest.raises(error):
        corners(plan)


def test_a_missing_keyword_tells_what_comes_near() -> None:
    with pytest.raises(KeywordNotFoundError, match="签名") as raised:
        corners(Keyword("签字"))
    assert (raised.value.text, raised.value.found, raised.value.near) == ("签字", 0, ("第 1 页：签名",))


@pytest.mark.parametrize(
    ("plans", "size"),
    [
        pytest.param([], SIZE, id="no plan"),
        pytest.param([Point(1, 50, 50)] * 65, SIZE, id="too many"),
        pytest.param([Point(1, 50, 50)], (0, 10), id="no width"),
        pytest.param([Point(1, 50, 50)], (10, float("inf")), id="no end"),
        pytest.param([Keyword("盖章")], (220, 20), id="wider than the page"),
    ],
)
def test_refused_plans(plans: list[SealPlan], size: tuple[float, float]) -> None:
    with pytest.raises(PlanError):
        plan_stamps(plans, [A4] * 4, size, keywords=HITS)


@pytest.mark.parametrize(
    ("plans", "taken", "told"),
    [
        pytest.param([Point(1, 50, 50), Point(2, 50, 50)], [], [], id="apart"),
        pytest.param([Point(1, 50, 50), Point(1, 90, 50)], [], [], id="side by side"),
        pytest.param([Point(1, 50, 50), Point(1, 88, 70)], [], [("overlap", 1)], id="one over the other"),
        pytest.param([Point(1, 185, 148.5), Straddle()], [], [("overlap", 1)], id="over a slice"),
        pytest.param([Point(1, 50, 50)], [Box(1, 60, 50, 40, 40, "印章")], [("overlap", 1)], id="over another seal"),
        pytest.param([Point(1, 50, 50)], [Box(2, 60, 50, 40, 40, "印章")], [], id="a seal on another page"),
        pytest.param([Keyword("盖章", 4)], [], [("moved", 3)], id="moved"),
    ],
)
def test_what_is_told(plans: list[SealPlan], taken: list[Box], told: list[tuple[str, int]]) -> None:
    plan = plan_stamps(plans, [A4] * 4, SIZE, keywords=HITS, taken=taken)
    assert [(warning.code, warning.page) for warning in plan.warnings] == told


def test_several_plans_make_one_list_by_page() -> None:
    plan = plan_stamps([Straddle(), Point(-1, 50, 50), Keyword("盖章", 2)], [A4] * 4, SIZE, keywords=HITS)
    assert [stamp.page for stamp in plan.stamps] == [1, 2, 2, 3, 4, 4]
    assert sum(stamp.share == (0.0, 1.0) for stamp in plan.stamps) == 2


def test_plans_are_json() -> None:
    plans = (
        Point(2, 30.5, 40, "bottom-right"),
        Keyword("盖章", "last", anchor="below"),
        Pages(30, 30, pages="1-3,5,8", parity="odd"),
        Straddle(groups=("1-4", "5-9"), double_sided=True),
    )
    assert parse_plans(msgspec.json.encode(plans)) == plans
    assert keyword_texts([*plans, Keyword("盖章"), Keyword("签字")]) == ("盖章", "签字")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'[{"kind":"circle"}]', id="unknown kind"),
        pytest.param(b'[{"kind":"point","page":1,"x_mm":1e9,"y_mm":0}]', id="too far"),
        pytest.param(b'[{"kind":"point","page":1,"x_mm":1,"y_mm":0,"z":0}]', id="unknown member"),
        pytest.param(b'[{"kind":"keyword","text":""}]', id="empty keyword"),
        pytest.param(b'[{"kind":"keyword","text":"a","occurrence":0}]', id="the zeroth time"),
        pytest.param(b'[{"kind":"straddle","min_share":0.5}]', id="half a picture"),
        pytest.param(b'[{"kind":"straddle","side":"\xff"}]', id="not UTF-8"),
    ],
)
def test_refused_json(data: bytes) -> None:
    with pytest.raises(PlanError):
        parse_plans(data)


lengths = st.floats(-400, 400)
any_corner = st.sampled_from(["top-left", "top-right", "bottom-left", "bottom-right", "centre"])
any_plan = st.one_of(
    st.builds(Point, st.integers(-5, 5), lengths, lengths, any_corner),
    st.builds(Pages, lengths, lengths, any_corner, st.just("all"), st.sampled_from(["all", "odd", "even"])),
    st.builds(
        Keyword,
        st.sampled_from(["盖章", "签字"]),
        st.sampled_from([1, 2, 3, 4, 5, "all", "last"]),
        lengths,
        lengths,
        st.sampled_from(["over", "right", "below"]),
    ),
    st.builds(
        Straddle,
        st.sampled_from(["left", "right", "top", "bottom"]),
        offset_mm=st.none() | lengths,
        min_share=st.floats(0.01, 0.33),
        double_sided=st.booleans(),
    ),
)


@settings(deadline=None)
@given(st.lists(any_plan, min_size=1, max_size=4), st.tuples(st.floats(1, 120), st.floats(1, 120)))
def test_nothing_leaves_its_page(plans: list[SealPlan], size: tuple[float, float]) -> None:
    views = [A4, A4, A4, ACROSS]
    try:
        stamps = plan_stamps(plans, views, size, keywords=HITS).stamps
    except PlanError:
        return
    assert stamps
    for stamp in stamps:
        left, bottom, right, top = views[stamp.page - 1].rectangle(stamp)
        box = views[stamp.page - 1].box
        assert min(left - box[0], bottom - box[1], box[2] - right, box[3] - top) >= -0.6


@settings(deadline=None)
@given(
    st.floats(0, 100), st.floats(0, 100), st.sampled_from([0, 90, 180, 270]), st.floats(0.5, 4), st.floats(-300, 300)
)
def test_rectangles_and_displayed_boxes_agree(x: float, y: float, rotate: int, unit: float, left: float) -> None:
    view = PageView((left, -left, left + 700 / unit, 900 / unit - left), rotate, unit)
    stamp = Stamp(7, x, y, 40, 20)
    seen = view.displayed(view.rectangle(stamp), 7)
    assert (seen.x_mm, seen.y_mm, seen.w_mm, seen.h_mm) == pytest.approx((x, y, 40, 20), abs=0.05)
