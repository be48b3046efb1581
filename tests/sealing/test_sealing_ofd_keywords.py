"""Words on OFD pages: every spelling is found, its box is where the words stand, and a seal can be planned there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ofd_paper import A4, Paper, page, text
from ofd_world import xml

from sealing.errors import KeywordError, KeywordNotFoundError, UnsealableOfdError
from sealing.keywords import KeywordLimits
from sealing.ofd_pages import page_view
from sealing.ofd_sealing import find_ofd_keywords, plan_for_ofd, survey_ofd
from sealing.ofd_text import read_text
from sealing.ofd_writing import boundary_of
from sealing.placement import Box
from sealing.planning import Keyword, Pages, Point, Straddle, plan_stamps
from signing.errors import MalformedError

WORDS = "法定代表人(签字或盖章)"
WIDE = "法定代表人（签字或盖章）"


def glyphs(words: str, x: float, y: float, *, size: float = 4.0, down: float = 0.0) -> list[str]:
    """Write each character as a text object of its own."""
    return [text(char, x + size * i, y + down * i, size=size) for i, char in enumerate(words)]


def group(words: str) -> str:
    return f' DeltaX="g {len(words) - 1} 4"'


SPELLINGS = [
    pytest.param([text(WORDS, 20, 100)], id="one run"),
    pytest.param([text(WIDE, 20, 100)], id="full-width brackets"),
    pytest.param([text(" ".join(WORDS), 20, 100)], id="spaced"),
    pytest.param([text("\u3000".join(WORDS), 20, 100)], id="spaced, full width"),
    pytest.param(glyphs(WIDE, 20, 100), id="glyph by glyph"),
    pytest.param([text("法定代表人", 20, 100), text("（签字或盖章）", 40, 100)], id="two objects"),
    pytest.param([text("法定代表人", 150, 100), text("（签字或盖章）", 20, 107)], id="over two lines"),
    pytest.param([text("（签字或盖章）", 40, 100), text("法定代表人", 20, 100)], id="drawn in another order"),
    pytest.param([text(WIDE, 20, 100, code=group(WIDE))], id="grouped offsets"),
    pytest.param([text(WIDE, 20, 100, code="")], id="no offsets"),
    pytest.param([text(WIDE, 20, 100, code=' DeltaX="4"')], id="too few offsets"),
    pytest.param([text(WIDE, 20, 100, code=' DeltaX="0" DeltaY="4"')], id="downwards"),
    pytest.param([text(WIDE, 20, 100, attributes=' CTM="0 1 -1 0 0 0"')], id="turned by the CTM"),
    pytest.param([text(WIDE, 20, 100, attributes=' ReadDirection="90" CharDirection="90"', code="")], id="read down"),
    pytest.param([f'<ofd:PageBlock ID="7">{text(WIDE, 20, 100)}</ofd:PageBlock>'], id="in a block"),
    pytest.param(
        [text("法定", 20, 100), "<ofd:PathObject/>", text("代表人(签字或盖章)", 28, 100)], id="a path between"
    ),
]


@pytest.mark.parametrize("objects", SPELLINGS)
def test_every_spelling_is_found(tmp_path: Path, objects: list[str]) -> None:
    source = Paper([page(text("投标函", 20, 20)), page(*objects)]).write(tmp_path / "a.ofd")
    found = find_ofd_keywords(source, [WORDS, "投标函"])
    assert [hit.page for hit in found[WORDS].found] == [2]
    assert [hit.page for hit in found["投标函"].found] == [1]
    assert all(box.page == 2 for box in found[WORDS].found[0].boxes)


def near(box: Box, place: tuple[float, float, float, float]) -> bool:
    mine = (box.x_mm, box.y_mm, box.x_mm + box.w_mm, box.y_mm + box.h_mm)
    return all(abs(one - other) < 0.6 for one, other in zip(mine, place, strict=True))


@pytest.mark.parametrize(
    ("words", "place"),
    [
        pytest.param(text("盖章处", 30, 50), (30, 50, 42, 54), id="plain"),
        pytest.param(text("盖章处", 30, 50, size=10), (30, 50, 60, 60), id="large"),
        pytest.param(text("盖章处", 30, 50, code=' DeltaX="8 8"'), (30, 50, 50, 54), id="wide offsets"),
        pytest.param(text("盖章处", 30, 50, code=' DeltaX="0 0" DeltaY="5 5"'), (30, 50, 34, 64), id="downwards"),
        pytest.param(text("盖章处", 30, 50, attributes=' CTM="2 0 0 2 0 0"'), (30, 50, 54, 58), id="scaled"),
        pytest.param(text("盖章处", 30, 50, attributes=' CTM="1 0 0 1 15 -3"'), (45, 47, 57, 51), id="shifted"),
        pytest.param(text("盖章处", 30, 50, attributes=' CTM="0 1 -1 0 0 0"'), (26, 50, 30, 62), id="a quarter turn"),
        pytest.param(text("盖章处", 30, 50, attributes=' CTM="-1 0 0 -1 0 0"'), (18, 46, 30, 50), id="upside down"),
        pytest.param(text("盖章处", 30, 50, attributes=' HScale="0.5"', code=""), (30, 50, 36, 54), id="narrow"),
    ],
)
def test_boxes_stand_where_the_words_do(tmp_path: Path, words: str, place: tuple[float, float, float, float]) -> None:
    source = Paper([page(words)]).write(tmp_path / "a.ofd")
    (hit,) = find_ofd_keywords(source, ["盖章处"])["盖章处"].found
    (box,) = hit.boxes
    assert near(box, place), box


def composed(objects: str, unit: str) -> Paper:
    inner = f'<ofd:CompositeGraphicUnit ID="40" Width="50" Height="20">{unit}</ofd:CompositeGraphicUnit>'
    res = f"<ofd:CompositeGraphicUnits>{inner}</ofd:CompositeGraphicUnits>"
    common = "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
    return Paper([page(objects)], common=common, more=(("Doc_0/PublicRes.xml", xml("Res", res)),))


@pytest.mark.parametrize(
    ("composite", "places"),
    [
        pytest.param('Boundary="100 50 50 20"', [(102, 53, 114, 57)], id="as it is"),
        pytest.param('Boundary="100 50 50 20" CTM="2 0 0 2 1 1"', [(105, 57, 129, 65)], id="enlarged"),
        pytest.param('Boundary="100 50 50 20" Visible="false"', [], id="not visible"),
        pytest.param("", [], id="no place"),
    ],
)
def test_text_of_composite_objects(
    tmp_path: Path, composite: str, places: list[tuple[float, float, float, float]]
) -> None:
    unit = f"<ofd:Content><ofd:PageBlock>{text('盖章处', 2, 3)}</ofd:PageBlock></ofd:Content>"
    paper = composed(f'<ofd:CompositeObject ResourceID="40" {composite}/>', unit)
    found = find_ofd_keywords(paper.write(tmp_path / "a.ofd"), ["盖章处"])["盖章处"].found
    assert len(found) == len(places)
    assert all(near(hit.boxes[0], place) for hit, place in zip(found, places, strict=True))


def test_composite_objects_count_as_often_as_they_are_shown(tmp_path: Path) -> None:
    paper = composed('<ofd:CompositeObject ResourceID="40" Boundary="1 1 9 9"/>' * 50, text("盖章处" * 20, 2, 3))
    source = paper.write(tmp_path / "a.ofd")
    with pytest.raises(KeywordError):
        find_ofd_keywords(source, ["盖章处"], limits=KeywordLimits(page_characters=2000))


def test_damaged_resources_show_nothing(tmp_path: Path) -> None:
    paper = composed('<ofd:CompositeObject ResourceID="40" Boundary="1 1 9 9"/>', "<ofd:open>")
    assert find_ofd_keywords(paper.write(tmp_path / "a.ofd"), ["盖章处"])["盖章处"].found == ()


def test_two_lines_have_two_boxes(tmp_path: Path) -> None:
    source = Paper([page(text("请在此处盖", 150, 100), text("章并签字", 20, 107))]).write(tmp_path / "a.ofd")
    (hit,) = find_ofd_keywords(source, ["盖章"])["盖章"].found
    one, two = hit.boxes
    assert near(one, (166, 100, 170, 104))
    assert near(two, (20, 107, 24, 111))


def test_occurrences_come_in_reading_order(tmp_path: Path) -> None:
    first = page(text("盖章", 120, 80), text("盖章", 20, 200), text("盖章", 20, 80))
    source = Paper([first, page(text("盖章", 20, 20))]).write(tmp_path / "a.ofd")
    found = find_ofd_keywords(source, ["盖章"])["盖章"].found
    places = [(hit.page, round(hit.boxes[0].x_mm), round(hit.boxes[0].y_mm)) for hit in found]
    assert places == [(1, 20, 80), (1, 120, 80), (1, 20, 200), (2, 20, 20)]
    plan = plan_for_ofd(source, [Keyword("盖章", occurrence=3), Keyword("盖章", occurrence="last")], (20, 20))
    assert [(stamp.page, round(stamp.y_mm)) for stamp in plan.stamps] == [(1, 192), (2, 12)]


def test_a_template_is_searched_on_every_page_that_uses_it(tmp_path: Path) -> None:
    paper = Paper([page(template="T0"), page(), page(template="T0")], templates=[page(text("骑缝处", 20, 20))])
    found = find_ofd_keywords(paper.write(tmp_path / "a.ofd"), ["骑缝处"])["骑缝处"].found
    assert [hit.page for hit in found] == [1, 3]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(text("盖章", 20, 20, attributes=' Visible="false"'), id="not visible"),
        pytest.param(text("盖章", 300, 20), id="beside the page"),
        pytest.param(text("盖章", 20, 20, size=0.0, code=""), id="no size"),
        pytest.param('<ofd:TextObject Size="4"><ofd:TextCode>盖章</ofd:TextCode></ofd:TextObject>', id="no place"),
        pytest.param("<ofd:TextCode>盖章</ofd:TextCode>", id="outside an object"),
        pytest.param(text("盖", 20, 20) + text("处", 24, 20) + text("章", 28, 20), id="something between"),
    ],
)
def test_what_is_not_there_is_not_found(tmp_path: Path, words: str) -> None:
    source = Paper([page(words, text("请盖公章", 20, 40))]).write(tmp_path / "a.ofd")
    found = find_ofd_keywords(source, ["盖章"])["盖章"]
    assert found.found == ()
    assert "第 1 页：请盖公章" in found.near
    with pytest.raises(KeywordNotFoundError):
        plan_for_ofd(source, [Keyword("盖章")], (20, 20))


@pytest.mark.parametrize("keyword", ["", " \u3000", "章" * 101])
def test_keywords_that_cannot_be_searched_for(tmp_path: Path, keyword: str) -> None:
    source = Paper([page()]).write(tmp_path / "a.ofd")
    with pytest.raises(KeywordError):
        find_ofd_keywords(source, [keyword])


@pytest.mark.parametrize(
    "limits",
    [
        KeywordLimits(page_characters=8),
        KeywordLimits(characters=20),
        KeywordLimits(occurrences=1),
        KeywordLimits(pages=1),
        KeywordLimits(keywords=0),
        KeywordLimits(seconds=-1.0),
    ],
    ids=["characters of a page", "characters", "occurrences", "pages", "keywords", "time"],
)
def test_limits(tmp_path: Path, limits: KeywordLimits) -> None:
    pages = [page(text("请在此盖章盖章盖章", 20, 20)), page(text("请在此处盖章", 20, 20))]
    source = Paper(pages * 2).write(tmp_path / "a.ofd")
    assert len(find_ofd_keywords(source, ["盖章"])["盖章"].found) == 8
    with pytest.raises(KeywordError):
        find_ofd_keywords(source, ["盖章"], limits=limits)


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    source = Paper([page().replace(b"</ofd:Page>", b"")]).write(tmp_path / "a.ofd")
    with pytest.raises(UnsealableOfdError):
        find_ofd_keywords(source, ["盖章"])


@given(
    words=st.text("盖章处（）() \u3000ab", min_size=1, max_size=12),
    offsets=st.text("g0123456789. -en", max_size=30),
    ctm=st.text("0123456789. -en", max_size=30),
)
def test_offsets_and_matrices_never_stop_the_reader(words: str, offsets: str, ctm: str) -> None:
    data = page(text(words, 20, 20, attributes=f' CTM="{ctm}"', code=f' DeltaX="{offsets}"'))
    for glyph in read_text(data, 1000):
        assert glyph.box[0] <= glyph.box[2]
        assert glyph.box[1] <= glyph.box[3]


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_malformed(data: bytes) -> None:
    try:
        read_text(data, 1000)
    except MalformedError:
        return


sizes = st.tuples(st.floats(60, 900), st.floats(60, 900))


@given(
    pages=st.lists(sizes, min_size=2, max_size=8),
    side=st.sampled_from(["left", "right", "top", "bottom"]),
    share=st.sampled_from([0.04, 0.1, 0.3]),
)
def test_slices_of_a_straddle_are_one_picture(pages: list[tuple[float, float]], side: str, share: float) -> None:
    """What Boundary and Clip show is inside the page, flush with its edge, and every part of the picture once."""
    views = [page_view(*size) for size in pages]
    plan = plan_stamps([Straddle(side=side, min_share=share)], views, (40, 40))  # type: ignore[arg-type]
    axis = 0 if side in ("left", "right") else 1
    shown = 0.0
    for stamp in plan.stamps:
        boundary, clip = boundary_of(stamp)
        assert boundary[2:] == pytest.approx((40, 40))
        start = boundary[axis] + clip[axis]
        stop, edge = start + clip[2 + axis], pages[stamp.page - 1][axis]
        assert (start if side in ("left", "top") else edge - stop) == pytest.approx(0, abs=1e-6)
        assert (boundary[0] + clip[0], boundary[1] + clip[1]) == pytest.approx((stamp.x_mm, stamp.y_mm))
        shown += clip[2 + axis]
    groups = round(shown / 40)
    assert groups >= 1
    assert shown == pytest.approx(40 * groups)


@given(pages=st.lists(sizes, min_size=1, max_size=5), x=st.floats(0, 60), y=st.floats(0, 60))
def test_points_keep_their_distance_from_the_corner(pages: list[tuple[float, float]], x: float, y: float) -> None:
    views = [page_view(*size) for size in pages]
    plans = [Pages(20 + x / 2, 20 + y / 2, corner="bottom-right")]
    for stamp in plan_stamps(plans, views, (20, 20)).stamps:
        boundary, clip = boundary_of(stamp)
        width, height = pages[stamp.page - 1]
        assert clip == ()
        assert (width - boundary[0] - 10, height - boundary[1] - 10) == pytest.approx((20 + x / 2, 20 + y / 2))


def test_a_survey_tells_pages_and_what_stands_there(tmp_path: Path) -> None:
    source = Paper([page(), page(size=(420, 297))]).write(tmp_path / "a.ofd")
    survey = survey_ofd(source)
    assert [tuple(round(side, 6) for side in view.size_mm) for view in survey.views] == [A4, (420, 297)]
    assert (survey.taken, survey.signatures, survey.closed) == ((), 0, "")
    plan = plan_for_ofd(source, [Point(2, 30, 30, corner="bottom-right"), Pages(50, 50, parity="odd")], (40, 40))
    assert [(stamp.page, round(stamp.x_mm), round(stamp.y_mm)) for stamp in plan.stamps] == [(1, 30, 30), (2, 370, 247)]
