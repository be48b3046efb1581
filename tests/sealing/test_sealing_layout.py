"""Geometry of seals: characters keep apart, stay inside, stand evenly, and their strokes hold on paper."""

import math
from collections.abc import Callable
from io import BytesIO
from itertools import combinations, pairwise

import pytest
from PIL import Image, ImageChops, ImageFilter
from seal_geometry import Piece, apart, pieces

from sealing import artwork, drawing
from sealing.artwork import Artwork
from sealing.artwork_sizes import INVOICE_SIZE, UNIT_SIZES, UnitKind
from sealing.drawing_personal import Practice, oval_practice_seal, plate_practice_seal

NUMBER = "3501000000001"
USCC = "91350100M000100Y43"
LONG = "福建省厦门市海峡两岸建筑工程技术咨询与项目管理服务股份有限公司"
NAMES = {
    4: "一照公司",
    5: "3M（中国）",
    8: "测试建设有限公司",
    10: "测试建设工程有限公司",
    15: "测试（北京）建设工程技术有限公司"[:15],
    20: "中国测试公共资源交易技术服务股份有限公司",
    21: "ABC-88（臺灣）營造工程顧問股份有限公司"[:21],
    26: "新疆维吾尔自治区昌吉回族自治州疆鑫囊龘建筑劳务公司"[:26],
    30: LONG[:15] + LONG[-15:],
}
SIZES = (UnitKind.LIMITED_COMPANY, UnitKind.SOLE_TRADER, UnitKind.INSTITUTION)
KINDS: dict[str, Callable[[str], Artwork]] = {
    **{kind.name: lambda name, kind=kind: drawing.unit_seal(name, NUMBER, kind) for kind in SIZES},
    "finance": lambda name: drawing.finance_seal(name, NUMBER),
    "contract 12": lambda name: drawing.contract_seal(name, NUMBER, order=12),
    "bid": lambda name: drawing.bid_seal(name, NUMBER),
    "department": lambda name: drawing.department_seal(name, "第一项目经理部", NUMBER),
    "invoice": lambda name: drawing.invoice_seal(name, USCC),
    "invoice 2": lambda name: drawing.invoice_seal(name, USCC, order=2),
    "invoice with number": lambda name: drawing.invoice_seal(name, USCC, number=NUMBER),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", NAMES)
def test_no_two_characters_touch(kind: str, count: int) -> None:
    drawn = pieces(KINDS[kind](NAMES[count]))
    assert min(apart(one, two) for one, two in combinations(drawn, 2) if _near(one, two)) > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", NAMES)
def test_everything_stays_inside_the_border(kind: str, count: int) -> None:
    drawn = KINDS[kind](NAMES[count])
    width, height = drawn.size_mm
    border = max(stroke.width for stroke in drawn.strokes if not stroke.fill) / 100
    for one in pieces(drawn):
        a, b = width / 2 - border - one.grown, height / 2 - border - one.grown
        assert max(((x - width / 2) / a) ** 2 + ((y - height / 2) / b) ** 2 for x, y in one.hull) < 1


@pytest.mark.parametrize("count", [4, 10, 20, 30])
def test_characters_stand_evenly_and_the_name_is_centred(count: int) -> None:
    drawn = drawing.unit_seal("国" * count, NUMBER)
    angles = [math.atan2(x - 20, 20 - y) for x, y in (one.mean for one in pieces(drawn)[:count])]
    steps = [two - one for one, two in pairwise(angles)]
    assert max(steps) - min(steps) < math.radians(0.1)
    name = pieces(drawn)[:count]
    assert min(p.box[0] for p in name) == pytest.approx(40 - max(p.box[2] for p in name), abs=0.4)


@pytest.mark.parametrize("kind", UnitKind)
def test_the_star_is_upright_in_the_middle_and_of_its_size(kind: UnitKind) -> None:
    size = UNIT_SIZES[kind]
    (star,) = [s for s in drawing.unit_seal("测试建设工程有限公司", NUMBER, kind).strokes if s.fill and not s.width]
    numbers = [int(n) / 100 for n in star.d.replace("M", "").replace("L", "").replace("Z", "").split()]
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    top = min(points, key=lambda p: p[1])
    middle = size.diameter / 2
    assert top == pytest.approx((middle, middle - size.star / 2), abs=0.011)
    tips = sorted(math.dist(p, (middle, middle)) for p in points)
    assert tips[5:] == pytest.approx([size.star / 2] * 5, abs=0.02)
    assert tips[:5] == pytest.approx([size.star / 2 * (3 - math.sqrt(5)) / 2] * 5, abs=0.02)


def test_the_invoice_seal_is_laid_out_as_the_tax_office_says() -> None:
    drawn = pieces(drawing.invoice_seal("测试建设工程有限公司", USCC, order=1))
    name, number, line, order = drawn[:10], drawn[10:28], drawn[28:33], drawn[33:]
    assert len(order) == 3
    left, right = min(p.box[0] for p in number), max(p.box[2] for p in number)
    top, bottom = min(p.box[1] for p in number), max(p.box[3] for p in number)
    assert right - left == pytest.approx(INVOICE_SIZE.number_width, abs=0.6)
    assert bottom - top == pytest.approx(INVOICE_SIZE.number_height, abs=0.25)
    assert min(p.box[1] for p in line) == pytest.approx(15 + INVOICE_SIZE.line_below, abs=0.35)
    assert max(p.box[3] for p in line) - min(p.box[1] for p in line) == pytest.approx(4.6, abs=0.5)
    assert min(p.box[1] for p in name) == pytest.approx(1 + 0.5, abs=0.35)
    assert min(p.box[1] for p in order) == pytest.approx(25, abs=0.35)


SQUARES = [("张三", ""), ("张三", "之印"), ("李小明", ""), ("李小明", "印"), ("欧阳修远", ""), ("欧阳修远", "auto")]


@pytest.mark.parametrize("side", [18.0, 20.0, 22.0])
@pytest.mark.parametrize(("name", "ending"), SQUARES)
def test_name_seals_are_full_and_balanced(name: str, ending: drawing.Ending, side: float) -> None:
    drawn = drawing.representative_seal(name, side_mm=side, ending=ending)
    assert drawn.size_mm == (side, side)
    shown = pieces(drawn)
    assert min(apart(one, two) for one, two in combinations(shown, 2)) > 0
    left, top = min(p.box[0] for p in shown), min(p.box[1] for p in shown)
    right, bottom = max(p.box[2] for p in shown), max(p.box[3] for p in shown)
    border = drawn.strokes[0].width / 100
    assert min(left, top, side - right, side - bottom) > border + 0.2
    assert max(left, top, side - right, side - bottom) < side * 0.18
    assert left == pytest.approx(side - right, abs=side * 0.04)
    assert top == pytest.approx(side - bottom, abs=side * 0.04)


PRACTICE = Practice(
    "中华人民共和国一级注册建造师执业印章", "李小明", "京111050700001(02)", "2027.09.07", "建筑 公路", NAMES[20]
)


@pytest.mark.parametrize("draw", [oval_practice_seal, plate_practice_seal])
def test_practice_seals_have_no_two_characters_that_touch(draw: Callable[[Practice], Artwork]) -> None:
    shown = pieces(draw(PRACTICE))
    assert min(apart(one, two) for one, two in combinations(shown, 2) if _near(one, two)) > 0


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param(drawing.unit_seal(NAMES[10], NUMBER), id="unit, 10"),
        pytest.param(drawing.unit_seal(NAMES[30], NUMBER), id="unit, 30"),
        pytest.param(drawing.finance_seal(NAMES[20], NUMBER), id="finance"),
        pytest.param(drawing.invoice_seal(NAMES[20], USCC, number=NUMBER), id="invoice"),
        pytest.param(drawing.representative_seal("欧阳修远"), id="name"),
        pytest.param(plate_practice_seal(PRACTICE), id="practice"),
    ],
)
def test_strokes_are_at_least_a_quarter_of_a_millimetre(drawn: Artwork) -> None:
    """A square of 0.25 mm, in any of four turns, reaches nearly all of the ink; only tips of strokes are left out."""
    dpi = 508  # 20 pixels a millimetre
    ink = Image.open(BytesIO(artwork.png(drawn, dpi))).convert("RGBA").getchannel("A").point(lambda v: 255 * (v > 127))
    reached = Image.new("L", ink.size, 0)
    for turn in (0.0, 22.5, 45.0, 67.5):
        turned = ink.rotate(turn, expand=True)
        opened = turned.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.MaxFilter(5))
        back = opened.rotate(-turn, expand=True)
        left, top = (back.width - ink.width) // 2, (back.height - ink.height) // 2
        reached = ImageChops.lighter(reached, back.crop((left, top, left + ink.width, top + ink.height)))
    lost = ImageChops.subtract(ink, reached.filter(ImageFilter.MaxFilter(3)))
    assert lost.histogram()[255] < 0.03 * ink.histogram()[255]


def _near(one: Piece, two: Piece) -> bool:
    return math.dist(one.middle, two.middle) < 9
