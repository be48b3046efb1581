"""Pages side by side: what changed is boxed, told or not; a file that cannot be drawn costs its pictures only."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting_world import Judged, answer, signature

from bidding.errors import PictureError
from bidding.reporting.facts import read_answer
from bidding.reporting.picture_types import MAX_PAIRS, PictureRequest, Scan, StoredPicture, WantedPage
from bidding.reporting.pictures import ask, gather_pictures
from bidding.reporting.regions import MAX_REGIONS, merge_regions, regions_of


def test_the_changed_page_as_it_was_and_as_it_is(changed: Judged) -> None:
    drawn = gather_pictures(changed.answer, changed.path)
    assert [one.caption.partition("：")[0] for one in drawn.pairs] == ["第 2 页", "第 3 页"]
    assert drawn.pairs[0].before
    assert drawn.pairs[0].after
    assert drawn.pairs[0].before != drawn.pairs[0].after
    assert drawn.pages == 3
    assert set(drawn.seals) == {"legal", "unit"}


def test_a_difference_that_nobody_told_is_found(changed: Judged) -> None:
    sealed_bytes = read_answer(changed.answer).signatures[-1].signed_bytes
    wanted = WantedPage(2, "unit", "变更", sealed_bytes)
    (pair,) = ask(PictureRequest(document=str(changed.path), pages=(wanted,))).pairs
    assert (pair.found, pair.same) == (1, False)
    told = WantedPage(2, "unit", "变更", sealed_bytes, ((65, 130, 145, 160, False),))
    (pair,) = ask(PictureRequest(document=str(changed.path), pages=(told,))).pairs
    assert (pair.found, pair.same) == (0, False)


def test_all_pages_are_looked_at_when_a_change_names_none(changed: Judged) -> None:
    scan = Scan("unit", "数据", 0)
    pairs = ask(PictureRequest(document=str(changed.path), scans=(scan,))).pairs
    assert [one.page for one in pairs] == [2]


def test_a_page_that_is_only_now_there(changed: Judged) -> None:
    (pair,) = ask(PictureRequest(document=str(changed.path), pages=(WantedPage(9, "unit", "x", 0),))).pairs
    assert (pair.before, pair.after) == (b"", b"")


def test_no_more_pages_than_a_report_shows(changed: Judged) -> None:
    changes = [{"page": page, "what": "变更", "allowed": False} for page in range(1, 40)]
    given = answer(signature(id="unit", changes_after=changes))
    drawn = gather_pictures(given, changed.path)
    assert len(drawn.pairs) == MAX_PAIRS
    assert "上限" in drawn.note


@pytest.mark.parametrize(
    "data",
    [b"", b"%PDF-1.7\n", b"\x00" * 4096, b"%PDF-1.4\n1 0 obj<</Type/Pages/Kids[1 0 R]/Count 9999999>>endobj"],
    ids=["empty", "no body", "zeros", "a tree in itself"],
)
def test_a_file_that_cannot_be_drawn_has_a_report_still(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(data)
    given = answer(signature(changes_after=[{"page": 1, "what": "变更", "allowed": False}]))
    drawn = gather_pictures(given, path)
    assert drawn.pairs == ()
    assert "没有取得页面图像" in drawn.note


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 60, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe"],
    ids=["empty", "cut", "rubbish", "svg", "postscript"],
)
def test_a_picture_that_cannot_be_read_is_left_out(data: bytes) -> None:
    assert ask(PictureRequest(seals=(StoredPicture("a", "PNG", data),))).seals == ()


def test_a_child_that_dies_is_an_error(changed: Judged) -> None:
    with pytest.raises(PictureError):
        ask(PictureRequest(document=str(changed.path)), seconds=0)


def test_neighbours_are_one_box() -> None:
    assert regions_of({(1, 1), (2, 1), (4, 2), (20, 20)}) == ((1, 1, 5, 3), (20, 20, 21, 21))


CELLS = st.sets(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=120)


@given(CELLS)
def test_every_mark_is_in_a_box(marked: set[tuple[int, int]]) -> None:
    boxes = merge_regions(regions_of(marked), 8, (41 * 8, 41 * 8))
    assert len(boxes) <= MAX_REGIONS
    assert all(any(b[0] <= x * 8 < b[2] and b[1] <= y * 8 < b[3] for b in boxes) for x, y in marked)
