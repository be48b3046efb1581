"""How the seals of units are composed: border, name on its arc, star, record number, lines, name squares.

Lengths are millimetres here; `sealing.artwork` keeps hundredths. Sizes by law and custom stand in `artwork_sizes`.
"""

import math
from collections.abc import Iterator
from typing import Final, Literal

from sealing.artwork import Artwork, Stroke
from sealing.artwork_glyphs import Point, glyph
from sealing.artwork_shapes import Oval, circle, compose, frame, ring, star
from sealing.artwork_sizes import (
    BID_SIZE,
    CONTRACT_SIZE,
    INVOICE_SIZE,
    SPECIAL_SIZE,
    UNIT_SIZES,
    InvoiceSize,
    RoundSize,
    UnitKind,
)
from sealing.artwork_text import Arc, along, columns, numbered, straight
from sealing.errors import SealTextError

__all__ = [
    "bid_seal",
    "contract_seal",
    "department_seal",
    "finance_seal",
    "glyph",
    "invoice_seal",
    "oval_seal",
    "representative_seal",
    "round_seal",
    "square_seal",
    "unit_seal",
]

Ending = Literal["", "印", "之印", "章", "auto"]
"""What a name seal adds to the name; `auto` is whatever makes the count even."""

_MAX_NAME: Final = 30
_MAX_LINE: Final = 14
_NUMBER_LENGTH: Final = 13
_NUMBER_HEIGHT: Final = 1.65
_NUMBER_HALF: Final = math.radians(32)
_GAP: Final = 0.75
"""Between border and writing."""
_MAX_ORDER: Final = 99
_LONG: Final = 22
"""Characters around an invoice seal up to which the letters keep their prescribed height."""


def unit_seal(name: str, number: str, kind: UnitKind = UnitKind.LIMITED_COMPANY, *, mark: str = "") -> Artwork:
    """Draw the seal of a unit's legal name (法定名称章, 公章), in the size of its kind."""
    return _round(name, number, UNIT_SIZES[kind], mark=mark)


def finance_seal(name: str, number: str, *, mark: str = "") -> Artwork:
    """Draw 财务专用章."""
    return _round(name, number, SPECIAL_SIZE, line="财务专用章", mark=mark)


def contract_seal(name: str, number: str, *, order: int = 0, mark: str = "") -> Artwork:
    """Draw 合同专用章; `order` counts the contract seals of one company from 1 and is shown as （1）."""
    return _round(name, number, CONTRACT_SIZE, line="合同专用章", order=order, mark=mark)


def bid_seal(name: str, number: str, *, order: int = 0) -> Artwork:
    """Draw 投标专用章."""
    return _round(name, number, BID_SIZE, line="投标专用章", order=order)


def department_seal(name: str, department: str, number: str) -> Artwork:
    """Draw the seal of a department or branch (内设机构、分支机构章): the unit around, the department in the line."""
    return _round(name, number, SPECIAL_SIZE, line=department)


def invoice_seal(name: str, taxpayer: str, *, order: int = 0, number: str = "") -> Artwork:
    """Draw 发票专用章 as 国家税务总局公告 2011 年第 7 号 lays it out; `order` counts several of them from 1."""
    return _invoice(name, number, INVOICE_SIZE, taxpayer=taxpayer, line="发票专用章", order=order)


def round_seal(name: str, number: str, *, diameter_mm: float, line: str = "", mark: str = "") -> Artwork:
    """Draw a round seal of any size: name on the upper arc (up to 30 characters), star, number, maybe a line."""
    size = RoundSize(diameter_mm, 1.2, diameter_mm * (0.3 if line else 0.335))
    return _round(name, number, size, line=line, mark=mark)


def oval_seal(name: str, number: str, *, size_mm: Point, middle: str, line: str, mark: str = "") -> Artwork:
    """Draw an oval seal: name above, the taxpayer's number in the middle, the line below it, maybe a record number."""
    return _invoice(name, number, InvoiceSize(*size_mm), taxpayer=middle, line=line, mark=mark)


def square_seal(name: str, *, side_mm: float, mark: str = "") -> Artwork:
    """Draw a square name seal (名章) whose name is filled with 印 or 之印 to an even count."""
    return representative_seal(name, side_mm=side_mm, mark=mark)


def representative_seal(name: str, *, side_mm: float = 20.0, ending: Ending = "auto", mark: str = "") -> Artwork:
    """Draw a square name seal (法定代表人名章, 阳文): columns read from right to left inside a frame."""
    person = name.replace("·", "").replace("•", "").replace(" ", "")
    if not 2 <= len(person) <= 14:  # noqa: PLR2004 - fewer is no name, more is unreadable at 20 mm
        raise SealTextError(f"a name seal holds 2 to 14 characters, not {len(person)}")
    text = person + (("印" if len(person) % 2 else "之印") if ending == "auto" else ending)
    border, foot = round(side_mm * 0.045, 2), 1.9 if mark else 0.0
    margin = border + side_mm * 0.03
    box = (margin, margin, side_mm - margin, side_mm - margin - foot)
    parts = [frame(side_mm, side_mm, border), *columns(text, box, _COLUMNS[len(text)])]
    if mark:
        parts += straight(mark, (side_mm / 2, side_mm - border - 1.25), height=1.5, widest=side_mm * 0.6, face="sans")
    return compose(side_mm, side_mm, parts)


_COLUMNS: Final = {
    2: (1, 1),
    3: (1, 2),
    4: (2, 2),
    5: (2, 3),
    6: (2, 2, 2),
    7: (2, 2, 3),
    8: (3, 3, 2),
    9: (3, 3, 3),
    10: (3, 3, 4),
    11: (4, 4, 3),
    12: (3, 3, 3, 3),
    13: (4, 3, 3, 3),
    14: (4, 4, 3, 3),
    15: (4, 4, 4, 3),
    16: (4, 4, 4, 4),
}
"""How many characters stand in each column, from the right, so that the square looks full and even."""


def _round(name: str, number: str, size: RoundSize, *, line: str = "", order: int = 0, mark: str = "") -> Artwork:
    _require_text(name, number)
    _require_line(line, order)
    edge, scale = circle(size.diameter), size.diameter / 40
    inside = edge.shrunk(size.border + _GAP)
    lift = 0.75 * scale if line else 0.0
    parts = [
        ring(edge, size.border),
        *along(name, Arc(inside, _sweep(len(name), bool(line)), _height(len(name)) * scale)),
        star((edge.centre[0], edge.centre[1] - lift), size.star / 2),
        *_record(edge.shrunk(size.border + 0.5), number, scale),
    ]
    if line:
        parts += _line(line, edge, scale, len(name))
    if order:
        at = (edge.centre[0], edge.centre[1] + 13.2 * scale)
        parts += straight(f"（{order}）", at, height=2.1 * scale, widest=7 * scale)
    if mark:
        at = (edge.centre[0], edge.centre[1] + (15.2 if order else 13.2) * scale)
        parts += straight(mark, at, height=1.6 * scale, widest=9 * scale, face="sans")
    return compose(size.diameter, size.diameter, parts)


def _line(line: str, edge: Oval, scale: float, count: int) -> Iterator[Stroke]:
    """Set the line under the star; it gives way where the ends of a long name come near."""
    widest = 19.5 - 0.22 * max(0, count - 12)
    at = (edge.centre[0], edge.centre[1] + 9.3 * scale)
    return straight(line, at, height=3.5 * scale, widest=widest * scale, narrow=0.84)


def _invoice(
    name: str, number: str, size: InvoiceSize, *, taxpayer: str, line: str, order: int = 0, mark: str = ""
) -> Artwork:
    _require_text(name, number or "0" * _NUMBER_LENGTH)
    _require_line(line, order)
    x, y = size.width / 2, size.height / 2
    edge = Oval((x, y), x, y)
    sweep = math.radians(min(size.name_degrees, 150 + 6.5 * len(name)))
    tall = size.name_height if len(name) <= _LONG else size.name_height * 0.86
    arc = Arc(edge.shrunk(size.border + size.name_gap), sweep, tall, narrow=0.84, each=math.radians(24))
    line_middle = y + size.line_below + size.line_height / 2
    parts = [
        ring(edge, size.border),
        *along(name, arc),
        *straight(taxpayer, (x, y), height=size.number_height, widest=size.number_width, face="sans", narrow=0.6),
        *straight(line, (x, line_middle), height=size.line_height, widest=size.line_letter * len(line) * 1.12),
    ]
    if order:
        at = (x, y + size.order_below + size.order_height / 2)
        parts += straight(f"（{order}）", at, height=size.order_height, widest=1.7 * 4)
    elif mark:
        parts += straight(mark, (x, y + 10.0), height=1.45, widest=8, face="sans")
    if number:
        parts += numbered(number, edge.shrunk(size.border + 0.4), height=1.5, half=math.radians(37))
    return compose(size.width, size.height, parts)


def _record(edge: Oval, number: str, scale: float) -> Iterator[Stroke]:
    return numbered(number, edge, height=_NUMBER_HEIGHT * scale, half=_NUMBER_HALF)


def _height(count: int) -> float:
    """Answer the height of the letters on the arc of a 40 mm seal: long names are lower, so that they stay letters."""
    return max(6.0 + max(0, 7 - count) * 0.15 - max(0, count - 10) * 0.07, 4.6)


def _sweep(count: int, lined: bool) -> float:
    """Answer how far a name goes round: short names stay above the star, long ones come near the number."""
    widest = 258 if lined else 282
    return math.radians(min(widest, 165 + 5.5 * count))


def _require_text(name: str, number: str) -> None:
    if not 1 <= len(name) <= _MAX_NAME:
        raise SealTextError(f"a seal's arc holds 1 to {_MAX_NAME} characters, not {len(name)}")
    if len(number) != _NUMBER_LENGTH or not (number.isascii() and number.isdecimal()):
        raise SealTextError("a seal number has thirteen digits")


def _require_line(line: str, order: int) -> None:
    if len(line) > _MAX_LINE:
        raise SealTextError(f"the line of a seal holds up to {_MAX_LINE} characters, not {len(line)}")
    if not 0 <= order <= _MAX_ORDER:
        raise SealTextError(f"seals of one kind are counted from 1 to {_MAX_ORDER}, not {order}")
