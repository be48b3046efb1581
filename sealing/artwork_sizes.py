"""Sizes of seals on paper, as data with where they come from. All in millimetres.

Seals of units: 国发 (1999) 25 号 (round, at most 45 mm for companies, institutions and social bodies, a star in the
middle, the name around it from left to right, Song face in simplified characters; 50 mm for ministries and provinces).
Within that limit the public security offices of the provinces set the sizes by kind of unit; those listed under
`UnitKind` are the ones most of them print. Invoice seals: 国家税务总局公告 2011 年第 7 号, annex. Practice seals
of constructors: the making rules for 注册建造师执业印章 (双椭圆, deep blue). Name seals: custom of the trade; no law.
All of it is data: a province that asks for another size is another value.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class UnitKind(StrEnum):
    """Kinds of units, which differ in the size of their seals."""

    LIMITED_COMPANY = "有限责任公司"
    JOINT_STOCK_COMPANY = "股份有限公司"
    STATE_COMPANY = "国有企业"
    SOLE_TRADER = "个体工商户"
    SOCIAL_BODY = "社会团体"
    SCHOOL = "高等学校"
    INSTITUTION = "事业单位"
    NATIONAL_INSTITUTION = "国务院所属事业单位"

    @classmethod
    def of(cls, type_: str, name: str = "") -> "UnitKind":
        """Read the kind from a licence's 类型, or where that says nothing from the end of the unit's name.

        What is not recognised gets the size of a limited company, which the rule of 1999 allows to everybody.
        """
        for words, kind in _SIGNS:
            if any(word in type_ for word in words) or (not type_ and any(name.endswith(word) for word in words)):
                return cls(kind)
        return cls.LIMITED_COMPANY


_SIGNS: Final = (
    (("国务院所属事业单位",), "国务院所属事业单位"),
    (("股份有限公司", "股份公司"), "股份有限公司"),
    (("国有企业", "全民所有制"), "国有企业"),
    (("个体工商户", "个体户"), "个体工商户"),
    (("社会团体", "协会", "学会", "商会"), "社会团体"),
    (("高等学校", "大学"), "高等学校"),
    (("事业单位", "事业法人"), "事业单位"),
)
"""Words of a licence (or of a register entry) by which a kind is known; the first that fits counts."""


@dataclass(frozen=True)
class RoundSize:
    """A round seal: diameter, width of its border, and the diameter of the star from tip to tip circle."""

    diameter: float
    border: float
    star: float


UNIT_SIZES: Final = {
    UnitKind.LIMITED_COMPANY: RoundSize(40, 1.2, 13.4),
    UnitKind.JOINT_STOCK_COMPANY: RoundSize(42, 1.2, 14),
    UnitKind.STATE_COMPANY: RoundSize(42, 1.2, 14),
    UnitKind.SOLE_TRADER: RoundSize(38, 1.0, 12.6),
    UnitKind.SOCIAL_BODY: RoundSize(42, 1.2, 14),
    UnitKind.SCHOOL: RoundSize(42, 1.2, 14),
    UnitKind.INSTITUTION: RoundSize(45, 1.2, 15),
    UnitKind.NATIONAL_INSTITUTION: RoundSize(50, 1.4, 16.6),
}
"""Name seals of units (法定名称章)."""

SPECIAL_SIZE: Final = RoundSize(38, 1.0, 11.4)
"""Finance, contract and other special seals, seals of departments and branches (专用章、内设机构章)."""
CONTRACT_SIZE: Final = RoundSize(40, 1.2, 12)
BID_SIZE: Final = RoundSize(40, 1.2, 12)


@dataclass(frozen=True)
class InvoiceSize:
    """The layout of 发票专用章: axes, border, heights of the three texts, and how far below the centre lines begin."""

    width: float = 40.0
    height: float = 30.0
    border: float = 1.0
    name_height: float = 4.2
    name_gap: float = 0.5
    name_degrees: float = 260.0
    number_height: float = 3.7
    number_width: float = 26.0
    line_height: float = 4.6
    line_letter: float = 3.0
    line_below: float = 4.2
    order_height: float = 2.2
    order_below: float = 10.0


INVOICE_SIZE: Final = InvoiceSize()
REPRESENTATIVE_SIDES: Final = (18.0, 20.0, 22.0)
"""Sides of a square name seal (法定代表人名章) that makers offer; 20 is the usual one."""


@dataclass(frozen=True)
class PracticeSize:
    """The layout of an oval practice seal: outer and inner axes, and heights of its texts."""

    outer: tuple[float, float] = (50.0, 36.0)
    inner: tuple[float, float] = (36.0, 22.0)
    title: float = 4.0
    name: float = 4.0
    number: float = 3.5
    speciality: float = 3.0
    validity: float = 2.5


PRACTICE_SIZE: Final = PracticeSize()
PRACTICE_PLATE: Final = (50.0, 30.0)
"""A rectangular practice seal (造价、监理 and others); its size differs from rule to rule, so it is an argument."""
SIGNATURE_SIZE: Final = (40, 15)
"""The box of a personal signature seal (个人签名章) that is written from the name; no rule sets one."""
