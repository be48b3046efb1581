"""Keywords are found in every spelling, where they are seen, and within bounds."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing_pages_world import MANY, Leaf, by_pdfium, by_poppler, differ_mm, draw_stamps, seen_ink, write_pages
from sealing_words_world import BASE, LEFT, SIZE, SPELLINGS, WIDE, WORDS, one_run, write_words

from sealing.errors import KeywordError, KeywordNotFoundError
from sealing.keywords import KeywordLimits, find_keywords, fold, in_reading_order
from sealing.pages import survey_pdf
from sealing.placement import Box, PageView, Stamp
from sealing.planning import Keyword, KeywordHits, Occurrence, Straddle
from sealing.planning_pdf import plan_for_pdf
from signing.pdf_reading import EncryptedPdfError, NotAPdfError, UnreadablePdfError

WIDE_LATIN = "".join(chr(ord(char) + 0xFEE0) for char in "Seal") + "\u3000here"
NAMES = list(SPELLINGS)
WHOLE = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F<</Type/Font/Subtype/Type1"
    b"/BaseFont/Helvetica>>>>>>/Contents 4 0 R>>endobj 4 0 obj<</Length 44>>stream\n"
    b"BT /F 12 Tf 100 100 Td (Seal here) Tj ET\nendstream endobj trailer<</Root 1 0 R>>\n%%EOF"
)


def around(found: Occurrence) -> Box:
    """Join the lines of an occurrence."""
    left, top = (min(getattr(box, name) for box in found.boxes) for name in ("x_mm", "y_mm"))
    right = max(box.x_mm + box.w_mm for box in found.boxes)
    low = max(box.y_mm + box.h_mm for box in found.boxes)
    return Box(found.page, left, top, right - left, low - top)


def search(path: Path, *texts: str, **bounds: object) -> dict[str, KeywordHits]:
    return find_keywords(path, texts, survey_pdf(path).views, **bounds)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=[0, 90, 180, 270])
def spelt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Leaf]:
    """Answer a page for each spelling, on pages turned by so much, and how they look."""
    path = tmp_path_factory.mktemp("spelt") / "embedded.pdf"
    path.write_bytes(write_words(list(SPELLINGS.values()), rotate=request.param))
    return path, Leaf(rotate=request.param)


@pytest.mark.parametrize("word", [WORDS, WIDE, "法定 代表人（签字 或盖章)"])
@pytest.mark.parametrize("embedded", [True, False], ids=["embedded", "not embedded"])
def test_every_spelling_is_found(word: str, embedded: bool, tmp_path: Path) -> None:
    path = tmp_path / "words.pdf"
    path.write_bytes(write_words(list(SPELLINGS.values()), embedded=embedded))
    found = search(path, word)[word].found
    assert [one.page for one in found] == list(range(1, len(SPELLINGS) + 1))
    lines = [len(one.boxes) for one in found]
    assert lines == [2 if name == "over two lines" else 1 for name in NAMES]


def test_every_spelling_is_found_once_on_turned_pages(spelt: tuple[Path, Leaf]) -> None:
    """Letters that were put down one by one are in another order once the page is turned."""
    found = search(spelt[0], WORDS)[WORDS].found
    assert [one.page for one in found] == list(range(1, len(SPELLINGS) + 1))


@pytest.mark.parametrize("render", [by_pdfium, pytest.param(by_poppler, marks=pytest.mark.interop)])
def test_the_boxes_are_where_the_ink_is(
    render: Callable[[Path], list], spelt: tuple[Path, Leaf], tmp_path: Path
) -> None:
    path, leaf = spelt
    copy = tmp_path / "copy.pdf"
    copy.write_bytes(path.read_bytes())
    pictures = render(copy)
    for one in search(path, WORDS)[WORDS].found:
        ink, box, name = seen_ink(pictures[one.page - 1], leaf, one.page), around(one), NAMES[one.page - 1]
        assert ink is not None
        assert ink.centre == pytest.approx(box.centre, abs=0.5), name
        if name != "aslant":  # the box of a slanting glyph has corners without ink
            assert differ_mm(ink, box) <= 1, name


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_fonts_that_are_not_embedded_have_boxes(rotate: int, tmp_path: Path) -> None:
    path = tmp_path / "words.pdf"
    path.write_bytes(write_words([one_run], embedded=False, rotate=rotate))
    (view,) = survey_pdf(path).views
    (found,) = search(path, WORDS)[WORDS].found
    drawn = view.displayed((LEFT, BASE - 2, LEFT + 11 * SIZE, BASE + SIZE - 2), 1)
    assert found.boxes[0].centre == pytest.approx(drawn.centre, abs=2)


@pytest.mark.parametrize("anchor", ["over", "right", "below"])
@pytest.mark.parametrize("leaf", [pytest.param(leaf, id=name) for name, leaf in MANY.items()])
def test_a_stamp_at_a_keyword_on_every_kind_of_page(leaf: Leaf, anchor: str, tmp_path: Path) -> None:
    """Draw Latin words on the page, plan beside them, and measure both in the picture."""
    box = leaf.crop or leaf.media
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    words = write_pages(tmp_path / "words.pdf", [leaf], {1: f"BT /F 12 Tf {x} {y} Td (Seal here) Tj ET"})
    (stamp,) = plan_for_pdf(words, [Keyword(WIDE_LATIN, anchor=anchor)], (20, 10)).stamps
    ink = seen_ink(by_pdfium(words)[0], leaf, 1)
    assert ink is not None
    views = survey_pdf(words).views
    (picture,) = by_pdfium(draw_stamps(tmp_path / "drawn.pdf", [leaf], views, [stamp]))
    middle, low, right = ink.centre, ink.y_mm + ink.h_mm, ink.x_mm + ink.w_mm
    wanted = {
        "over": (middle[0] - 10, middle[1] - 5),
        "right": (right, middle[1] - 5),
        "below": (middle[0] - 10, low),
    }[anchor]
    assert differ_mm(seen_ink(picture, leaf, 1), Stamp(1, *wanted, 20, 10)) <= 1


def test_which_occurrence(tmp_path: Path) -> None:
    def draw(canvas: object) -> None:
        for x, y in ((300, 400), (100, 402), (100, 700), (100, 100)):
            canvas.drawString(x, y, "合同章")  # type: ignore[attr-defined]

    path = tmp_path / "words.pdf"
    path.write_bytes(write_words([draw, draw]))
    found = search(path, "合同章")["合同章"].found
    assert [(one.page, round(one.boxes[0].x_mm * 72 / 25.4, -2)) for one in found] == [
        (page, x) for page in (1, 2) for x in (100, 100, 300, 100)
    ]
    tops = [one.boxes[0].y_mm for one in found[:4]]
    assert tops[0] < tops[1] < tops[2] < tops[1] + 1 < tops[3]
    last = plan_for_pdf(path, [Keyword("合同章", "last", pages="1")], (10, 10)).stamps
    assert [(stamp.page, stamp.y_mm > 240) for stamp in last] == [(1, True)]


def test_one_keyword_beside_another_and_a_straddle(tmp_path: Path) -> None:
    path = tmp_path / "words.pdf"
    path.write_bytes(write_words([SPELLINGS["one run"], SPELLINGS["over two lines"]]))
    plan = plan_for_pdf(path, [Keyword("盖章"), Keyword("签字", "all"), Straddle()], (20, 20))
    assert [stamp.page for stamp in plan.stamps] == [1, 1, 1, 2, 2]
    assert [warning.code for warning in plan.warnings] == ["overlap"]


def test_words_that_are_cropped_away_are_not_there(tmp_path: Path) -> None:
    content = {1: "BT /F 12 Tf 100 100 Td (seen) Tj 0 700 Td (seen) Tj ET"}
    path = write_pages(tmp_path / "words.pdf", [Leaf(crop=(0, 0, 595, 400))], content)
    assert len(search(path, "seen")["seen"].found) == 1


def test_characters_beyond_the_basic_plane(tmp_path: Path) -> None:
    """A name with a rare character before the keyword: pdfium counts in UTF-16, Python does not."""
    rare = "\U00020087"

    def draw(canvas: object) -> None:
        canvas.drawString(LEFT, BASE, "AB盖章")  # type: ignore[attr-defined]

    path, fixed = tmp_path / "words.pdf", tmp_path / "fixed.pdf"
    path.write_bytes(write_words([draw]))
    writer = pypdf.PdfWriter(clone_from=path)
    for font in [one.get_object() for one in writer.pages[0]["/Resources"]["/Font"].values()]:  # type: ignore[index]
        if "/ToUnicode" in font:
            table = font["/ToUnicode"]
            table.set_data(table.get_data().replace(b"<0041>", b"<D840DC87>"))
    writer.write(fixed)
    plain, rarer = search(path, "盖章", "AB盖")["盖章"].found, search(fixed, "盖章", f"{rare}B盖")
    assert rarer["盖章"].found == plain
    assert [len(one.boxes) for one in rarer[f"{rare}B盖"].found] == [1]


@pytest.mark.parametrize(
    ("drawn", "sought"),
    [
        pytest.param("签字 盖章", "签字盖章", id="a blank in the document"),
        pytest.param("签字盖章", "签字　盖章", id="a wide blank in the keyword"),
        pytest.param("ＡＢ０１", "AB01", id="wide letters in the document"),  # noqa: RUF001
        pytest.param("AB01", "ＡＢ０１", id="wide letters in the keyword"),  # noqa: RUF001
        pytest.param("⻚", "页", id="a radical in the document"),
        pytest.param("⼈", "人", id="another radical"),
        pytest.param("签\u200b字", "签字", id="a blank of no width"),
        pytest.param("签\u00ad字", "签字", id="a soft hyphen"),
        pytest.param("签字：", "签字:", id="a wide colon"),
    ],
)
def test_what_makes_no_difference(drawn: str, sought: str) -> None:
    assert fold(drawn) == fold(sought)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_folding_leaves_no_blank_and_nothing_to_fold(text: str) -> None:
    once = fold(text)
    assert sorted(fold(once)) == sorted(once)  # accents that stand free now may change places
    assert not any(char.isspace() for char in once)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 280), st.floats(1, 50), st.floats(1, 10)), max_size=20))
def test_reading_order_loses_nothing(boxes: list[tuple[float, float, float, float]]) -> None:
    found = [Occurrence(1, (Box(1, *box),)) for box in boxes]
    ordered = in_reading_order(found)
    assert sorted(map(repr, ordered)) == sorted(map(repr, found))


def test_nothing_found_names_what_comes_near(tmp_path: Path) -> None:
    path = tmp_path / "words.pdf"
    path.write_bytes(write_words([one_run, SPELLINGS["full-width brackets"]]))
    hits = search(path, "法定代表人签章", "某某")
    assert hits["法定代表人签章"] == KeywordHits((), (f"第 1 页：{WORDS}", f"第 2 页：{WIDE}"))
    assert hits["某某"] == KeywordHits(())
    with pytest.raises(KeywordNotFoundError, match="第 1 页：法定代表人"):
        plan_for_pdf(path, [Keyword("法定代表人签章")], (20, 20))


@pytest.mark.parametrize(
    ("texts", "bounds"),
    [
        pytest.param([""], {}, id="empty"),
        pytest.param([" \u3000\u200b"], {}, id="nothing to see"),
        pytest.param(["章" * 101], {}, id="too long"),
        pytest.param(["章", "人"], {"limits": KeywordLimits(keywords=1)}, id="too many keywords"),
        pytest.param(["章"], {"limits": KeywordLimits(pages=2)}, id="too many pages"),
        pytest.param(["章"], {"limits": KeywordLimits(page_characters=5)}, id="a page too full"),
        pytest.param(["章"], {"limits": KeywordLimits(characters=20)}, id="too much text"),
        pytest.param(["章"], {"limits": KeywordLimits(occurrences=2)}, id="found too often"),
        pytest.param(["章"], {"limits": KeywordLimits(seconds=1.5), "clock": count(0.0).__next__}, id="too slow"),
    ],
)
def test_bounds(texts: list[str], bounds: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "words.pdf"
    path.write_bytes(write_words([one_run] * 3))
    with pytest.raises(KeywordError):
        search(path, *texts, **bounds)


def locked(path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=path)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(path)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        pytest.param(lambda path: path.write_bytes(b"not a PDF"), UnreadablePdfError, id="no PDF"),
        pytest.param(lambda path: path.write_bytes(b""), UnreadablePdfError, id="nothing"),
        pytest.param(lambda path: path.write_bytes(b"%PDF-1.7\n" + b"<<" * 9_000), UnreadablePdfError, id="damaged"),
        pytest.param(locked, EncryptedPdfError, id="encrypted"),
        pytest.param(lambda path: path.write_bytes(write_words([one_run])), UnreadablePdfError, id="other pages"),
    ],
)
def test_files_that_cannot_be_searched(spoil: Callable[[Path], object], error: type[Exception], tmp_path: Path) -> None:
    path = tmp_path / "words.pdf"
    path.write_bytes(write_words([one_run] * 2))
    spoil(path)
    with pytest.raises(error):
        find_keywords(path, ["章"], [PageView((0, 0, 595, 842))] * 2)
    if error is not EncryptedPdfError and path.stat().st_size < 20:
        with pytest.raises(NotAPdfError):
            plan_for_pdf(path, [Keyword("章")], (20, 20))


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 900))
def test_hostile_bytes_give_typed_errors(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    whole = bytearray(WHOLE)
    whole[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "hostile.pdf"
    path.write_bytes(whole)
    try:
        find_keywords(path, ["here"], [PageView((0, 0, 595, 842))])
    except (UnreadablePdfError, EncryptedPdfError, KeywordError):
        return
