"""Pictures of seals: what is drawn, what is refused, and that all three outputs are the same paths."""

from io import BytesIO

import pytest
from PIL import Image

from sealing import artwork, drawing, seal
from sealing.errors import MissingGlyphError, SealFormatError, SealTextError
from sealing.seal import Holder, SealKind

HOLDER = Holder("测试建设工程有限公司", "91350100M000100Y43", "欧阳明")
NUMBER = "3501000000001"
RARE = "\U0002b820"


@pytest.mark.parametrize("kind", SealKind)
def test_every_kind_has_its_size_and_reads_back(kind: SealKind) -> None:
    drawn = seal.draw(kind, HOLDER, NUMBER, mark="仿真环境")
    assert drawn.size_mm == seal.SIZES_MM[kind]
    assert artwork.decode(artwork.encode(drawn)) == drawn


def test_a_round_seal_has_ring_name_star_and_thirteen_digits() -> None:
    assert len(seal.draw(SealKind.UNIT, HOLDER, NUMBER).strokes) == 1 + len(HOLDER.company) + 1 + 13


@pytest.mark.parametrize(
    ("person", "characters"),
    [
        pytest.param("张三", 4, id="two and 之印"),
        pytest.param("李小明", 4, id="three and 印"),
        pytest.param("欧阳修远", 6, id="four and 之印"),
        pytest.param("买买提·阿卜杜", 8, id="the dot is left out"),
    ],
)
def test_a_name_seal_is_filled_to_an_even_count(person: str, characters: int) -> None:
    assert len(drawing.square_seal(person, side_mm=20).strokes) == 1 + characters


def test_a_name_seal_reads_from_the_right() -> None:
    first, *_, last = drawing.square_seal("张三", side_mm=20).strokes[1:]
    assert _leftmost(first) > 1000 > _leftmost(last)


def _leftmost(stroke: artwork.Stroke) -> int:
    return min(int(part.split()[0]) for part in stroke.d.replace("Z", "").split("M")[1:])


def test_thirty_characters_fit_on_the_arc() -> None:
    drawn = drawing.round_seal("测" * 30, NUMBER, diameter_mm=40)
    assert drawn.size_mm == (40, 40)


@pytest.mark.parametrize(
    "name",
    [pytest.param("", id="no name"), pytest.param("测" * 31, id="31 characters")],
)
def test_names_that_do_not_fit(name: str) -> None:
    with pytest.raises(SealTextError):
        drawing.round_seal(name, NUMBER, diameter_mm=40)


@pytest.mark.parametrize("number", ["", "123", "12345678901234", "350100000000a", "\uff11" * 13])
def test_a_number_has_thirteen_ascii_digits(number: str) -> None:
    with pytest.raises(SealTextError):
        drawing.round_seal("测试", number, diameter_mm=40)


def test_a_missing_glyph_is_named() -> None:
    with pytest.raises(MissingGlyphError) as caught:
        drawing.round_seal(f"测试{RARE}公司", NUMBER, diameter_mm=40)
    assert caught.value.character == RARE


def test_the_png_is_small_transparent_and_red() -> None:
    data = artwork.png(seal.draw(SealKind.UNIT, HOLDER, NUMBER))
    image = Image.open(BytesIO(data))
    assert len(data) < 20_000
    assert image.size == (473, 473)
    pixels = image.convert("RGBA")
    assert pixels.getpixel((1, 1))[3] == 0
    assert pixels.getpixel((236, 236)) == (217, 10, 15, 255)  # in the middle of the star


@pytest.mark.parametrize("mode", ["svg", "pdf"])
def test_svg_and_pdf_draw_the_same_paths(mode: str) -> None:
    drawn = seal.draw(SealKind.LEGAL_REPRESENTATIVE, HOLDER, NUMBER)
    text = artwork.svg(drawn) if mode == "svg" else artwork.pdf_content(drawn).decode()
    curves = sum(stroke.d.count("C") for stroke in drawn.strokes)
    assert text.count("C " if mode == "svg" else " c\n") == curves


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("M 0 0L 1 1", id="open"),
        pytest.param("L 0 0Z", id="starts nowhere"),
        pytest.param("M 0 0L 1 1Z Q", id="another operator"),
        pytest.param("M 0 0L 1.5 1Z", id="fraction"),
        pytest.param('M 0 0L 1 1Z"/>', id="markup"),
    ],
)
def test_paths_of_another_form_are_refused(path: str) -> None:
    forged = artwork.Artwork(1, 4000, 4000, (artwork.Stroke(path, fill=True, width=0),))
    with pytest.raises(SealFormatError):
        artwork.decode(artwork.encode(forged))
