"""Amounts of money: 元 in digits and in capital words (大写金额), counted in whole fen (分).

The words follow the rules for cheques (支付结算办法, 附一 正确填写票据和结算凭证的基本规定): 整 after 元 or 角,
零 for a gap, nothing after 分. Where those rules allow a 零 to be left out, one spelling is written and both are read.
"""

import re
from collections.abc import Iterator
from typing import Final

from bidding.errors import InvalidAmountError

MAX_FEN: Final = 10**14 - 1
"""999,999,999,999.99 元: more than any tender."""

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("仟", "佰", "拾", "")
_GROUPS: Final = ("", "万", "亿")
_PLAIN: Final = re.compile(r"(0|[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]*)(?:\.([0-9]{1,2}))?\Z", re.ASCII)


def parse_amount(text: str) -> int:
    """Read 元 in digits, `1234567.8` or `1,234,567.80`, as whole fen; InvalidAmountError."""
    match = _PLAIN.match(text) if len(text) <= 40 else None  # noqa: PLR2004
    if match is None:
        raise InvalidAmountError(f"not an amount in 元 with at most two decimals: {text[:40]!r}")
    return _in_range(int(match[1].replace(",", "")) * 100 + int((match[2] or "").ljust(2, "0")))


def format_amount(fen: int) -> str:
    """Write fen as 元 with thousands separators and two decimals: `1,234,567.80`."""
    return f"{_in_range(fen) // 100:,}.{fen % 100:02d}"


def amount_in_words(fen: int) -> str:
    """Write fen as a capital amount: 人民币壹佰贰拾叁万肆仟伍佰陆拾柒元捌角整."""
    return f"人民币{_words(_in_range(fen), wide=False, gap=False)}"


def parse_words(text: str) -> int:
    """Read a capital amount back as whole fen; InvalidAmountError for a spelling that the rules do not allow."""
    words = text.removeprefix("人民币").replace("圆", "元").replace("正", "整")
    match = _SHAPE.match(words)
    if not words or match is None:
        raise InvalidAmountError(f"not a capital amount: {text[:40]!r}")
    fen = _read(match["yuan"] or "") * 100 + 10 * _digit(match["jiao"]) + _digit(match["fen"])
    if fen > MAX_FEN or words not in set(_spellings(fen)):
        raise InvalidAmountError(f"not a capital amount: {text[:40]!r}")
    return fen


_SHAPE: Final = re.compile(
    r"(?:(?P<yuan>[零壹贰叁肆伍陆柒捌玖拾佰仟万亿]{1,40})元)?零?(?:(?P<jiao>[壹贰叁肆伍陆柒捌玖])角)?"
    r"(?:零?(?P<fen>[壹贰叁肆伍陆柒捌玖])分)?整?\Z"
)


def _in_range(fen: int) -> int:
    if not 0 <= fen <= MAX_FEN:
        raise InvalidAmountError(f"an amount from 0 to {MAX_FEN} fen is needed, not {fen}")
    return fen


def _words(fen: int, *, wide: bool, gap: bool) -> str:
    """Without 人民币; `wide` and `gap` write the zeros that may be left out between groups and before 角."""
    yuan, rest = divmod(fen, 100)
    jiao, cents = divmod(rest, 10)
    words = f"{_integer(yuan, wide=wide)}元" if yuan or not rest else ""
    if jiao:
        words += ("零" if gap and yuan and yuan % 10 == 0 else "") + f"{_DIGITS[jiao]}角"
    elif cents and yuan:
        words += "零"
    return words + (f"{_DIGITS[cents]}分" if cents else "整")


def _spellings(fen: int) -> Iterator[str]:
    for wide in (False, True):
        for gap in (False, True):
            words = _words(fen, wide=wide, gap=gap)
            yield words
            if words.endswith("角整"):
                yield words.removesuffix("整")


def _integer(number: int, *, wide: bool) -> str:
    """Say groups of four digits, each with its unit; one 零 for a group or a thousands digit that is empty."""
    if not number:
        return "零"
    words, skipped, tail = "", False, False
    for group in (2, 1, 0):
        value = number // 10_000**group % 10_000
        if value:
            zero = words and (skipped or value < 1000 or (wide and tail))  # noqa: PLR2004 - no thousands digit
            words += ("零" if zero else "") + _four(value) + _GROUPS[group]
            skipped, tail = False, value % 10 == 0
        else:
            skipped = True
    return words


def _four(value: int) -> str:
    """Up to four digits; one 零 for each gap between digits that are said."""
    words, gap = "", False
    for place, unit in enumerate(_PLACES):
        digit = value // 10 ** (3 - place) % 10
        if digit:
            words += ("零" if gap and words else "") + _DIGITS[digit] + unit
        gap = not digit
    return words


def _read(words: str) -> int:
    """Value of the words before 元; whether they are well formed is seen by writing the value again."""
    total = section = digit = 0
    for char in words:
        if char in _DIGITS:
            digit = _DIGITS.index(char)
        elif char in _PLACES:
            section, digit = section + digit * 10 ** (3 - _PLACES.index(char)), 0
        else:
            total, section, digit = total + (section + digit) * 10_000 ** _GROUPS.index(char), 0, 0
    return total + section + digit


def _digit(char: str | None) -> int:
    return _DIGITS.index(char) if char else 0
