"""Draw docs/gallery/seals: every kind of seal as SVG and PNG, and a page with the digest of each path list.

Run `python tests/sealing/seal_gallery.py` from the top folder after a change that is meant to be seen.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sealing import artwork, drawing
from sealing.artwork import Artwork
from sealing.artwork_sizes import UnitKind
from sealing.drawing_ink import ink_signature
from sealing.drawing_personal import (
    Practice,
    name_signature,
    oval_practice_seal,
    pen_signature,
    plate_practice_seal,
    signature_seal,
)
from signing.digests import sm3

FOLDER = Path(__file__).parents[2] / "docs" / "gallery" / "seals"
NUMBER, USCC = "3501000000001", "91350100M000100Y43"
SHORT, USUAL, LONG = "一照公司", "测试建设工程有限公司", "中国测试公共资源交易技术服务股份有限公司"
LONGEST = "福建省厦门市海峡两岸建筑工程技术咨询与项目管理服务有限公司"
BUILDER = Practice(
    "中华人民共和国一级注册建造师执业印章", "李小明", "京111050700001(02)", "2027.09.07", "建筑 公路", USUAL
)
COSTER = Practice(
    "中华人民共和国一级注册造价工程师执业印章", "欧阳修远", "建[造]11013500000001", "2028年12月31日", "土建", LONG
)
PEN = (
    ((0, 6), (4, 5), (9, 4), (8, 9), (5, 14), (1, 18)),
    ((6, 0), (6, 7), (6, 20), (4, 17)),
    ((14, 8), (15, 14), (13, 19), (20, 9), (23, 6), (24, 12), (26, 17), (31, 10), (38, 7)),
)
INK = (
    ((10, 30, 0), (18, 27, 60), (28, 24, 120), (38, 24, 175), (50, 27, 230)),
    ((32, 5, 420), (32, 18, 470), (31, 34, 520), (30, 50, 570), (29, 66, 600), (30, 75, 612)),
    ((30, 32, 800), (24, 38, 860), (15, 52, 920), (6, 69, 950)),
    ((34, 34, 1100), (37, 44, 1170), (45, 54, 1240), (54, 61, 1290), (62, 68, 1320)),
    (
        (75, 67, 1500),
        (86, 62, 1570),
        (95, 48, 1640),
        (96, 30, 1720),
        (88, 24, 1800),
        (84, 36, 1870),
        (90, 52, 1930),
        (104, 62, 1980),
        (120, 60, 2030),
        (132, 47, 2070),
        (134, 30, 2100),
        (130, 18, 2120),
    ),
    ((141, 23, 2300),),
    (
        (124, 70, 2500),
        (134, 79, 2560),
        (144, 76, 2600),
        (156, 55, 2630),
        (166, 30, 2650),
        (176, 4, 2670),
        (190, -8, 2700),
    ),
    ((158, 70, 2900), (186, 42, 2950), (162, 70, 3020), (160, 74, 3060), (178, 72, 3100), (226, 67, 3150)),
)
"""A hand that slows and hurries: points and milliseconds."""


@dataclass(frozen=True)
class Entry:
    """One picture: its file name, its title, and how it is drawn."""

    file: str
    title: str
    draw: Callable[[], Artwork]


ENTRIES = (
    Entry("unit-4", "公章 40 mm，4 字", lambda: drawing.unit_seal(SHORT, NUMBER)),
    Entry("unit-10", "公章 40 mm，10 字", lambda: drawing.unit_seal(USUAL, NUMBER)),
    Entry(
        "unit-20", "公章（股份公司）42 mm，20 字", lambda: drawing.unit_seal(LONG, NUMBER, UnitKind.JOINT_STOCK_COMPANY)
    ),
    Entry("unit-29", "公章 40 mm，29 字", lambda: drawing.unit_seal(LONGEST, NUMBER)),
    Entry(
        "unit-sole-trader",
        "公章（个体工商户）38 mm",
        lambda: drawing.unit_seal("福州市鼓楼区小明五金店", NUMBER, UnitKind.SOLE_TRADER),
    ),
    Entry(
        "unit-institution",
        "公章（事业单位）45 mm",
        lambda: drawing.unit_seal("福州市测试公共资源交易中心", NUMBER, UnitKind.INSTITUTION),
    ),
    Entry(
        "unit-national",
        "公章（国务院所属事业单位）50 mm",
        lambda: drawing.unit_seal("中国测试科学研究总院", NUMBER, UnitKind.NATIONAL_INSTITUTION),
    ),
    Entry("unit-mixed", "公章，数字、外文和括号", lambda: drawing.unit_seal("3M（中国）ABC-88有限公司", NUMBER)),
    Entry("unit-rare", "公章，生僻字与扩展区汉字", lambda: drawing.unit_seal("龘囍堃淼䶮𬭎𫖯工程有限公司", NUMBER)),
    Entry("unit-traditional", "公章，繁体", lambda: drawing.unit_seal("臺灣營造工程顧問股份有限公司", NUMBER)),
    Entry("finance", "财务专用章 38 mm", lambda: drawing.finance_seal(USUAL, NUMBER)),
    Entry("finance-29", "财务专用章，29 字", lambda: drawing.finance_seal(LONGEST, NUMBER)),
    Entry(
        "contract",
        "合同专用章（1）40 mm",
        lambda: drawing.contract_seal("测试（北京）建设工程技术有限公司", NUMBER, order=1),
    ),
    Entry("bid", "投标专用章 40 mm", lambda: drawing.bid_seal(USUAL, NUMBER)),
    Entry("department", "内设机构章 38 mm", lambda: drawing.department_seal(LONG, "第一项目经理部", NUMBER)),
    Entry("branch", "分支机构章 38 mm", lambda: drawing.department_seal(USUAL, "福州分公司", NUMBER)),
    Entry("invoice", "发票专用章 40×30 mm", lambda: drawing.invoice_seal(USUAL, USCC)),
    Entry("invoice-20-order", "发票专用章（2），20 字", lambda: drawing.invoice_seal(LONG, USCC, order=2)),
    Entry("invoice-29", "发票专用章，29 字", lambda: drawing.invoice_seal(LONGEST, USCC)),
    Entry(
        "invoice-marked",
        "发票专用章，带编码与仿真标记",
        lambda: drawing.oval_seal(USUAL, NUMBER, size_mm=(40, 30), middle=USCC, line="发票专用章", mark="仿真环境"),
    ),
    Entry("name-2", "名章 18 mm，两字，无“印”", lambda: drawing.representative_seal("张三", side_mm=18, ending="")),
    Entry("name-2-zhiyin", "名章 20 mm，两字，“之印”", lambda: drawing.representative_seal("张三", ending="之印")),
    Entry("name-3", "名章 20 mm，三字，无“印”", lambda: drawing.representative_seal("李小明", ending="")),
    Entry("name-3-yin", "名章 20 mm，三字，“印”", lambda: drawing.representative_seal("李小明", ending="印")),
    Entry("name-4", "名章 20 mm，四字，无“印”", lambda: drawing.representative_seal("欧阳修远", ending="")),
    Entry("name-4-yin", "名章 20 mm，四字，“印”", lambda: drawing.representative_seal("欧阳修远", ending="印")),
    Entry(
        "name-4-zhiyin",
        "名章 22 mm，四字，“之印”",
        lambda: drawing.representative_seal("欧阳修远", side_mm=22, ending="之印"),
    ),
    Entry("name-rare", "名章 20 mm，生僻字", lambda: drawing.representative_seal("龘䶮", ending="之印")),
    Entry("name-long", "名章 22 mm，少数民族姓名", lambda: drawing.representative_seal("买买提·阿卜杜", side_mm=22)),
    Entry("practice-oval", "执业印章（双椭圆）50×36 mm", lambda: oval_practice_seal(BUILDER)),
    Entry("practice-oval-long", "执业印章，单位名称 20 字", lambda: oval_practice_seal(COSTER)),
    Entry("practice-plate", "执业印章（矩形）50×30 mm", lambda: plate_practice_seal(COSTER)),
    Entry("signature-3", "手写体签名", lambda: name_signature("李小明")),
    Entry("signature-latin", "手写体签名，外文", lambda: name_signature("John Smith", colour="blue")),
    Entry("signature-pen", "手写笔迹", lambda: pen_signature(PEN)),
    Entry("signature-ink", "手写签名，笔画随运笔快慢变化", lambda: ink_signature(INK)),
    Entry("signature-ink-marked", "手写签名，带仿真标记", lambda: ink_signature(INK, width_mm=30, mark="仿真环境")),
    Entry(
        "signature-seal",
        "个人签名章 40×15 mm，按姓名",
        lambda: signature_seal("李小明", mark="仿真环境", face="serif"),
    ),
    Entry("signature-seal-long", "个人签名章，少数民族姓名", lambda: signature_seal("阿卜杜·买买提", face="serif")),
)


def index(drawn: dict[str, Artwork]) -> str:
    """Write the page: a row for each seal."""
    rows = [
        f"| ![{e.title}]({e.file}.png) | {e.title} | [{e.file}.svg]({e.file}.svg) | "
        f"{drawn[e.file].size_mm[0]:g} × {drawn[e.file].size_mm[1]:g} | `{digest(drawn[e.file])}` |"
        for e in ENTRIES
    ]
    head = (
        "# Seals\n\nEvery kind of seal, drawn from one path list each; PNG at 300 dpi as it stands in the SESeal. "
        "The digest is SM3 over the canonical artwork.\n"
        "Made by `python tests/sealing/seal_gallery.py`; a test compares the digests.\n\n"
        "| Picture | Seal | Vector | mm | SM3 |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def digest(drawn: Artwork) -> str:
    """Answer SM3 over the artwork's one byte form, in hex."""
    return sm3(artwork.encode(drawn)).hex()


def main() -> None:
    """Write the folder anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    drawn = {entry.file: entry.draw() for entry in ENTRIES}
    for name, one in drawn.items():
        (FOLDER / f"{name}.svg").write_text(artwork.svg(one), encoding="utf-8")
        (FOLDER / f"{name}.png").write_bytes(artwork.png(one))
    (FOLDER / "index.md").write_text(index(drawn), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
