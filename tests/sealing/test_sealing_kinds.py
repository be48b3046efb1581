"""Each kind of seal: its size and colour, what it refuses, and rare, old and foreign characters."""

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from sealing import artwork, drawing
from sealing.artwork import Artwork
from sealing.artwork_sizes import UNIT_SIZES, UnitKind
from sealing.drawing_personal import (
    Practice,
    name_signature,
    oval_practice_seal,
    pen_signature,
    plate_practice_seal,
)
from sealing.errors import MissingGlyphError, SealTextError

NAME, NUMBER, USCC = "测试建设工程有限公司", "3501000000001", "91350100M000100Y43"
LONGEST = "福建省厦门市海峡两岸建筑工程技术咨询与项目管理股份有限公司"
PRACTICE = Practice("中华人民共和国一级注册建造师执业印章", "李小明", "京111050700001(02)", "2027.09.07", "建筑", NAME)
PEN = (((0.0, 0.0), (10.0, 3.0), (20.0, 1.0), (30.0, 9.0)), ((5.0, 10.0), (9.0, 2.0)))

KINDS: dict[str, tuple[Callable[[], Artwork], tuple[float, float], str]] = {
    "unit": (lambda: drawing.unit_seal(NAME, NUMBER), (40, 40), "red"),
    "finance": (lambda: drawing.finance_seal(NAME, NUMBER), (38, 38), "red"),
    "contract": (lambda: drawing.contract_seal(NAME, NUMBER, order=1), (40, 40), "red"),
    "bid": (lambda: drawing.bid_seal(NAME, NUMBER), (40, 40), "red"),
    "department": (lambda: drawing.department_seal(NAME, "福州分公司", NUMBER), (38, 38), "red"),
    "invoice": (lambda: drawing.invoice_seal(NAME, USCC), (40, 30), "red"),
    "invoice, 29": (lambda: drawing.invoice_seal(LONGEST, USCC, number=NUMBER), (40, 30), "red"),
    "unit, 29": (lambda: drawing.unit_seal(LONGEST, NUMBER), (40, 40), "red"),
    "representative": (lambda: drawing.representative_seal("欧阳修远"), (20, 20), "red"),
    "oval practice": (lambda: oval_practice_seal(PRACTICE), (50, 36), "blue"),
    "plate practice": (lambda: plate_practice_seal(PRACTICE), (50, 30), "red"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_size_and_colour_and_a_small_picture(kind: str) -> None:
    draw, size, colour = KINDS[kind]
    drawn = draw()
    assert (drawn.size_mm, drawn.colour) == (size, colour)
    data = artwork.png(drawn)
    image = Image.open(BytesIO(data))
    assert len(data) <= artwork.PNG_LIMIT
    assert image.mode == "P"
    assert image.size == pytest.approx([side / 25.4 * 300 for side in size], abs=1)
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seal_is_the_same_bytes_and_reads_back(kind: str) -> None:
    draw, _, _ = KINDS[kind]
    assert artwork.encode(draw()) == artwork.encode(draw())
    assert artwork.decode(artwork.encode(draw())) == draw()


def test_red_is_not_written_down_so_that_older_artworks_stay_the_same_bytes() -> None:
    assert b"colour" not in artwork.encode(drawing.unit_seal(NAME, NUMBER))
    assert b'"colour":"blue"' in artwork.encode(oval_practice_seal(PRACTICE))


@pytest.mark.parametrize("kind", UnitKind)
def test_units_have_the_sizes_of_their_kind(kind: UnitKind) -> None:
    size = UNIT_SIZES[kind]
    assert drawing.unit_seal(NAME, NUMBER, kind).size_mm == (size.diameter, size.diameter)
    assert size.diameter <= 50


@pytest.mark.parametrize(
    ("character", "code"),
    [
        pytest.param("\U00020bb7", "U+20BB7", id="second plane"),
        pytest.param("\U00030edd", "U+30EDD", id="third plane"),
        pytest.param("\ue000", "U+E000", id="private use"),
        pytest.param("\U000e0100", "U+E0100", id="variation selector"),
        pytest.param("\u200b", "U+200B", id="invisible"),
        pytest.param("\n", "U+000A", id="control"),
    ],
)
@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda name: drawing.unit_seal(f"测试{name}公司", NUMBER), id="unit"),
        pytest.param(lambda name: drawing.invoice_seal(f"测试{name}公司", USCC), id="invoice"),
        pytest.param(lambda name: drawing.representative_seal(f"张{name}"), id="name"),
        pytest.param(lambda name: drawing.department_seal(NAME, f"第{name}部", NUMBER), id="line"),
        pytest.param(lambda name: name_signature(f"张{name}"), id="signature"),
    ],
)
def test_a_character_without_outline_is_named(draw: Callable[[str], Artwork], character: str, code: str) -> None:
    with pytest.raises(MissingGlyphError) as caught:
        draw(character)
    assert caught.value.character == character
    assert code in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("𬭎𫖯建設有限公司", 8, id="supplementary plane with outlines"),
        pytest.param("臺灣營造股份有限公司", 10, id="traditional"),
        pytest.param("龘囍堃喆淼䶮工程公司", 10, id="rare"),
        pytest.param("3M（中国）Co., Ltd.", 14, id="latin, digits, brackets; spaces are not drawn"),
    ],
)
def test_names_of_all_sorts(name: str, shown: int) -> None:
    drawn = drawing.unit_seal(name, NUMBER)
    assert len(drawn.strokes) == 1 + shown + 1 + 13
    assert artwork.decode(artwork.encode(drawn)) == drawn


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda: drawing.unit_seal("测" * 31, NUMBER), id="31 characters"),
        pytest.param(lambda: drawing.department_seal(NAME, "部" * 15, NUMBER), id="a long line"),
        pytest.param(lambda: drawing.contract_seal(NAME, NUMBER, order=100), id="the hundredth"),
        pytest.param(lambda: drawing.invoice_seal(NAME, USCC, number="12"), id="a short number"),
        pytest.param(lambda: drawing.representative_seal("张"), id="half a name"),
        pytest.param(lambda: name_signature(""), id="no signature"),
        pytest.param(lambda: name_signature("  "), id="a signature of spaces"),
        pytest.param(lambda: pen_signature(()), id="no pen"),
        pytest.param(lambda: pen_signature((((0, 0), (0, 9)),)), id="an upright line"),
        pytest.param(lambda: pen_signature((((0, 0), (float("nan"), 9)),)), id="not a number"),
        pytest.param(lambda: oval_practice_seal(Practice("印", "张三", "1", "2027")), id="a title of one"),
    ],
)
def test_what_does_not_fit_is_refused(draw: Callable[[], Artwork]) -> None:
    with pytest.raises(SealTextError):
        draw()


@pytest.mark.parametrize("draw", [lambda: name_signature("欧阳修远"), lambda: pen_signature(PEN)])
def test_signatures_are_black_and_read_back(draw: Callable[[], Artwork]) -> None:
    drawn = draw()
    assert drawn.colour == "black"
    assert artwork.decode(artwork.encode(drawn)) == drawn
    assert b"0.08 0.08 0.1 rg" in artwork.pdf_content(drawn)
    assert "#14141a" in artwork.svg(drawn)
