"""Signatures of a pen: smooth closed paths whose width follows the hand; limits before the work."""

import math
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from seal_gallery import INK

from sealing import artwork
from sealing.artwork_faces import NAMES, find_face
from sealing.artwork_glyphs import glyph
from sealing.artwork_sizes import UnitKind
from sealing.drawing_ink import MAX_HEIGHT_MM, MAX_SAMPLES, MAX_STROKES, ink_signature
from sealing.drawing_personal import signature_seal
from sealing.errors import EmptySignatureError, SealTextError, SignatureTooLargeError

LINE = [[(0, 0, 0), (10, 0, 10), (20, 1, 20)]]


def ink_of(drawn: artwork.Artwork) -> Image.Image:
    return Image.open(BytesIO(artwork.png(drawn, 600))).convert("RGBA").getchannel("A")


def column(image: Image.Image, x: float) -> int:
    """Answer how many pixels of a column are inked."""
    at = round(x * image.width)
    return sum(value > 128 for value in image.crop((at, 0, at + 1, image.height)).tobytes())


def test_a_signature_is_black_whole_millimetres_and_reads_back() -> None:
    drawn = ink_signature(INK)
    assert artwork.decode(artwork.encode(drawn)) == drawn
    assert (drawn.size_mm[0], drawn.colour) == (40, "black")
    assert drawn.size_mm[1] == int(drawn.size_mm[1]) <= MAX_HEIGHT_MM
    assert len(artwork.png(drawn)) <= artwork.PNG_LIMIT


def test_a_fast_pen_leaves_less_ink() -> None:
    slow = [(x, 0, x * 10) for x in range(100)]
    fast = [(100 + x, 0, 1000 + x * 2) for x in range(100)]
    image = ink_of(ink_signature([[*slow, *fast]]))
    assert column(image, 0.3) > 1.3 * column(image, 0.7) > 3


def test_where_times_say_nothing_the_width_is_even() -> None:
    image = ink_of(ink_signature([[(x, 0, 0) for x in range(200)]]))
    assert abs(column(image, 0.3) - column(image, 0.6)) <= 1


def test_a_stroke_that_crosses_itself_has_no_hole() -> None:
    """Winding must never cancel out: where two legs cross there is more ink, not none."""
    circle = [(10 * math.cos(a / 10), 10 * math.sin(a / 10), a) for a in range(90)]
    image = ink_of(ink_signature([circle, [(-12, 0, 100), (12, 0.5, 160)], [(0, -12, 200), (0.5, 12, 260)]]))
    middle = image.crop([side // 2 - 3 for side in image.size] + [side // 2 + 3 for side in image.size])
    assert middle.getextrema()[0] > 200


@pytest.mark.parametrize(
    "strokes",
    [
        pytest.param([], id="nothing"),
        pytest.param([[]], id="an empty stroke"),
        pytest.param([[(5, 5, 0)]], id="a dot alone"),
        pytest.param([[(5, 5, 0), (5, 5, 9)], [(6, 6, 0)]], id="dots"),
        pytest.param([[(0, 0, 0), (5e-324, 0, 1), (1e-323, 5e-324, 2)]], id="a move too small to be told"),
    ],
)
def test_no_signature_at_all(strokes: list[list[tuple[float, float, float]]]) -> None:
    with pytest.raises(EmptySignatureError):
        ink_signature(strokes)


@pytest.mark.parametrize(
    ("strokes", "width"),
    [
        pytest.param(LINE * (MAX_STROKES + 1), 40, id="too many strokes"),
        pytest.param([[(i, i % 9, i) for i in range(MAX_SAMPLES + 1)]], 40, id="too many points"),
        pytest.param([[(i % 2 * 100, i % 3, i) for i in range(1000)]], 40, id="a scribble"),
        pytest.param([[(0, 0, 0), (float("nan"), 1, 1)]], 40, id="not a number"),
        pytest.param([[(0, 0, 0), (float("inf"), 1, 1)]], 40, id="without end"),
        pytest.param([[(0, 0, 0), (1e9, 1, 1)]], 40, id="out of this world"),
        pytest.param([[(0, 0, 0), (1, float("nan"), 1)]], 40, id="not a number, after one"),
        pytest.param([[(0, 0, 0), (10**400, 1, 1)]], 40, id="a whole number beyond all floats"),
        pytest.param([[(0, 0, 0), (1, 1, 10**400)]], 40, id="a time beyond all floats"),
        pytest.param([[(0, 0, float("nan")), (1, 1, 1)]], 40, id="a time that is none"),
        pytest.param(LINE, 5, id="too small on paper"),
        pytest.param(LINE, 200, id="too large on paper"),
    ],
)
def test_too_much_of_a_signature(strokes: list[list[tuple[float, float, float]]], width: float) -> None:
    with pytest.raises(SignatureTooLargeError):
        ink_signature(strokes, width_mm=width)


@pytest.mark.parametrize("strokes", [[[(0, 0, 0), (0, 9, 5)]], [[(3, 0, 0), (3.0001, 90, 5), (3, 180, 7)]]])
def test_an_upright_stroke_is_no_taller_than_allowed(strokes: list[list[tuple[float, float, float]]]) -> None:
    assert ink_signature(strokes).size_mm[1] <= MAX_HEIGHT_MM


points = st.tuples(st.floats(-500, 500, width=32), st.floats(-500, 500, width=32), st.integers(0, 9999))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(points, max_size=12), max_size=6), st.integers(10, 60))
def test_whatever_a_pen_does_is_ink_or_refused(strokes: list[list[tuple[float, float, float]]], width: int) -> None:
    try:
        drawn = ink_signature(strokes, width_mm=width, mark="仿真环境")
    except SealTextError:
        return
    assert artwork.decode(artwork.encode(drawn)).size_mm[0] <= width
    assert len(artwork.encode(drawn)) < 400_000


def test_a_name_stays_in_its_box() -> None:
    for name in ("李", "欧阳修远", "阿卜杜热依木·买买提"):
        image = ink_of(signature_seal(name, size_mm=(40, 15)))
        assert image.getbbox() is not None
        assert all(
            a > 0 and b < side for a, b, side in zip(image.getbbox()[:2], image.getbbox()[2:], image.size, strict=True)
        )


# Faces


def test_the_most_wanted_face_is_found_by_name(tmp_path: Path) -> None:
    assert find_face([tmp_path, tmp_path / "missing"]) is None
    for name in ("SimFang.ttf", "other.ttf", "sub/GKAI00MP.TTF"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert find_face([tmp_path]) == tmp_path / "sub" / "GKAI00MP.TTF"
    assert len(set(NAMES)) == len(NAMES)


def test_the_calligraphic_face_is_never_required() -> None:
    assert glyph("李", "kai").contours


@pytest.mark.parametrize(
    ("type_", "name", "kind"),
    [
        pytest.param("有限责任公司(自然人投资或控股)", "甲有限公司", UnitKind.LIMITED_COMPANY, id="limited"),
        pytest.param("股份有限公司(上市)", "甲", UnitKind.JOINT_STOCK_COMPANY, id="joint stock"),
        pytest.param("", "中国甲股份有限公司", UnitKind.JOINT_STOCK_COMPANY, id="joint stock by name"),
        pytest.param("有限责任公司", "乙股份有限公司", UnitKind.LIMITED_COMPANY, id="the licence counts"),
        pytest.param("个体工商户", "小明五金店", UnitKind.SOLE_TRADER, id="sole trader"),
        pytest.param("全民所有制", "丙厂", UnitKind.STATE_COMPANY, id="state"),
        pytest.param("事业单位", "交易中心", UnitKind.INSTITUTION, id="institution"),
        pytest.param("", "福州大学", UnitKind.SCHOOL, id="school"),
        pytest.param("", "某某大学出版社有限公司", UnitKind.LIMITED_COMPANY, id="a company of a school"),
        pytest.param("合伙企业", "丁事务所", UnitKind.LIMITED_COMPANY, id="others"),
    ],
)
def test_the_kind_of_a_unit_is_read_from_its_licence(type_: str, name: str, kind: UnitKind) -> None:
    assert UnitKind.of(type_, name) is kind
