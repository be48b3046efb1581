"""Small pictures drawn on the server (示意图): SVG that follows light and dark and says nothing by colour alone.

Colours are the style sheet's variables; every picture has a title, every state a sign and a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from markupsafe import Markup

from bidding.money import format_amount
from bidding.web.site import beijing

Tone = Literal["good", "wait", "bad", "warn", "none"]
_SIGNS: Final[dict[Tone, str]] = {"good": "✓", "wait": "…", "bad": "✗", "warn": "？", "none": "—"}
_INK: Final[dict[Tone, str]] = {
    "good": "var(--good)",
    "wait": "var(--accent)",
    "bad": "var(--bad)",
    "warn": "var(--warn)",
    "none": "var(--none)",
}
_GROUND: Final[dict[Tone, str]] = {
    "good": "var(--good-bg)",
    "wait": "none",
    "bad": "var(--bad-bg)",
    "warn": "var(--warn-bg)",
    "none": "var(--none-bg)",
}
_NAME, _CELL, _ROW = 200, 122, 36
_WIDE: Final = 860
_LONGEST_NAME: Final = 13
"""Characters of a name that fit; the table below the picture has all of it."""


@dataclass(frozen=True)
class Cell:
    """One state on the board."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class BoardRow:
    """One bidder on the board."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Moment:
    """One step of the integrity timeline; `at` is None while it is still to come, `mark` a digest's beginning."""

    label: str
    at: datetime | None
    mark: str = ""
    proof: str = ""


def opening_board(columns: Sequence[str], rows: Sequence[BoardRow]) -> Markup:
    """Draw stages × bidders (开标看板)."""
    width, height = _NAME + _CELL * len(columns), _ROW * (len(rows) + 1)
    centres = [_NAME + _CELL * (i + 0.5) for i in range(len(columns))]
    heads = [_text(x, 23, name, "middle", 13, "var(--soft)") for x, name in zip(centres, columns, strict=True)]
    body = [_board_row(row, _ROW * number) for number, row in enumerate(rows, 1)]
    return _svg(width, height, "开标看板：每家投标人所处的步骤", [*heads, *body])


def timeline(moments: Sequence[Moment]) -> Markup:
    """Draw what was fixed when, and by which digest (完整性时间轴)."""
    step = _WIDE / max(len(moments), 1)
    done = [moment for moment in moments if moment.at is not None]
    lines = [_line(step / 2, 30, _WIDE - step / 2, 30, "var(--line)", 3)]
    if len(done) > 1:
        lines.append(_line(step / 2, 30, step / 2 + step * (len(done) - 1), 30, "var(--good)", 3))
    points = [_moment(moment, step * (i + 0.5)) for i, moment in enumerate(moments)]
    return _svg(_WIDE, 118, "完整性时间轴：每一步的时间与摘要", [*lines, *points])


def deadline_line(begin: datetime, deadline: datetime, now: datetime) -> Markup:
    """Draw the time from release to deadline, and where now is (截止线)."""
    whole = max((deadline - begin).total_seconds(), 1)
    part = min(max((now - begin).total_seconds() / whole, 0), 1)
    left, right = 12, _WIDE - 12
    x = left + (right - left) * part
    over = now >= deadline
    return _svg(
        _WIDE,
        74,
        "投标截止线",
        [
            _line(left, 34, right, 34, "var(--line)", 8),
            _line(left, 34, x, 34, "var(--none)" if over else "var(--accent)", 8),
            _line(right, 18, right, 50, "var(--bad)", 3),
            _circle(x, 34, 8, "var(--accent)"),
            _text(min(max(x, 70), _WIDE - 70), 16, "已截止" if over else "现在", "middle", 12, "var(--accent)"),
            _text(left, 66, f"发布 {beijing(begin)}", "start", 12, "var(--soft)"),
            _text(right, 66, f"截止 {beijing(deadline)}", "end", 12, "var(--bad)"),
        ],
    )


def price_scatter(prices: Sequence[tuple[str, int]]) -> Markup:
    """Draw the prices (name, fen) on one line each, lowest and highest named (报价分布)."""
    if not prices:
        return Markup("")
    low, high = min(fen for _, fen in prices), max(fen for _, fen in prices)
    mean, span = round(sum(fen for _, fen in prices) / len(prices)), max(high - low, 1)
    left, right, height = 230, _WIDE - 150, 34 * len(prices) + 46

    def place(fen: int) -> float:
        return left + (right - left) * ((fen - low) / span if high > low else 0.5)

    body = [
        _line(place(mean), 8, place(mean), height - 30, "var(--warn)", 1.5, dash="5 4"),
        _text(place(mean), height - 12, f"平均 {format_amount(mean)} 元", "middle", 12, "var(--warn)"),
    ]
    for number, (name, fen) in enumerate(prices):
        y = 34 * number + 24
        note = " 最低" if fen == low else " 最高" if fen == high else ""
        note = note if high > low else ""
        body += [
            _line(left, y, right, y, "var(--line)", 1),
            _text(4, y + 5, _short(name), "start", 13),
            _circle(place(fen), y, 7, "var(--accent)"),
            _text(place(fen) + 12, y - 5, format_amount(fen) + note, "start", 12),
        ]
    return _svg(_WIDE, height, "报价分布（元）", body)


def two_locks() -> Markup:
    """Draw a bid behind two locks: the bidder's own and the officer's (两把锁)."""
    return _svg(
        560,
        190,
        "投标文件由两把锁锁住：一把在投标人手中，一把在开标人手中",
        [
            Markup(
                '<rect x="215" y="22" width="130" height="150" rx="8" fill="var(--card)" stroke="var(--ink)"/>'
                '<path d="M240 58h80M240 82h80M240 106h52" stroke="var(--line)" stroke-width="6"/>'
                '<path d="M150 100h65M345 100h65" stroke="var(--soft)" stroke-width="3" stroke-dasharray="6 5"/>'
            ),
            _text(280, 152, "投标文件", "middle", 14),
            _padlock(104),
            _padlock(456),
            _text(104, 164, "投标人的锁", "middle", 14),
            _text(104, 184, "投标人截止后才交出", "middle", 12, "var(--soft)"),
            _text(456, 164, "开标人的锁", "middle", 14),
            _text(456, 184, "冻结名单后才交出", "middle", 12, "var(--soft)"),
        ],
        fits=True,
    )


def _board_row(row: BoardRow, top: float) -> Markup:
    parts = [_line(0, top, _NAME + _CELL * len(row.cells), top, "var(--line)", 1)]
    parts.append(_text(4, top + 23, _short(row.name), "start", 14))
    for number, cell in enumerate(row.cells):
        left, ink = _NAME + _CELL * number, _INK[cell.tone]
        box = '<rect x="{}" y="{}" width="{}" height="{}" rx="6" fill="{}" stroke="{}" stroke-width="{}"{}/>'
        dash = Markup(' stroke-dasharray="4 3"') if cell.tone == "wait" else ""
        ground = _GROUND[cell.tone]
        parts.append(Markup(box).format(left + 4, top + 5, _CELL - 8, _ROW - 10, ground, ink, 1, dash))  # noqa: S704
        parts.append(_text(left + _CELL / 2, top + 23, f"{_SIGNS[cell.tone]} {cell.text}", "middle", 13, ink))
    return Markup("").join(parts)


def _moment(moment: Moment, x: float) -> Markup:
    tone: Tone = "none" if moment.at is None else "good"
    day, _, hour = beijing(moment.at).partition(" ") if moment.at is not None else ("", "", "")
    rows = [
        _circle(x, 30, 9, _INK[tone] if moment.at else "var(--card)", _INK[tone]),
        _text(x, 34.5, _SIGNS[tone] if moment.at else "", "middle", 12, "var(--card)"),
        _text(x, 14, moment.label, "middle", 13),
        _text(x, 56, hour or "待办理", "middle", 13, "" if hour else "var(--soft)"),
        _text(x, 73, day, "middle", 11, "var(--soft)"),
        _text(x, 92, f"SM3 {moment.mark[:8]}" if moment.mark else "", "middle", 11, "var(--soft)"),
        _text(x, 109, moment.proof, "middle", 11, "var(--soft)"),
    ]
    return Markup("").join(rows)


def _padlock(x: float) -> Markup:
    shape = (
        '<path d="M{} 84v-18a22 22 0 0 1 44 0v18" fill="none" stroke="var(--accent)" stroke-width="8"/>'
        '<rect x="{}" y="82" width="84" height="58" rx="9" fill="var(--accent)"/>'
        '<circle cx="{}" cy="106" r="8" fill="var(--accent-ink)"/>'
        '<path d="M{} 110v14" stroke="var(--accent-ink)" stroke-width="6" stroke-linecap="round"/>'
    )
    return Markup(shape).format(x - 22, x - 42, x, x)  # noqa: S704 - numbers only


def _svg(width: float, height: float, title: str, parts: Sequence[Markup], *, fits: bool = False) -> Markup:
    """Draw a picture; one that `fits` shrinks with a narrow page, others are moved sideways in their frame."""
    head = Markup(
        '<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}"{3} role="img" aria-label="{2}" '
        'xmlns="http://www.w3.org/2000/svg"><title>{2}</title>'
    )
    more = Markup(' class="fits"') if fits else ""
    return head.format(round(width), round(height), title, more) + Markup("").join(parts) + Markup("</svg>")


def _text(x: float, y: float, text: str, anchor: str, size: int, ink: str = "") -> Markup:  # noqa: PLR0917 - a pen
    if not text:
        return Markup("")
    shape = Markup('<text x="{}" y="{}" text-anchor="{}" font-size="{}" fill="{}">{}</text>')
    return shape.format(round(x, 1), round(y, 1), anchor, size, ink or "var(--ink)", text)


def _line(  # noqa: PLR0917 - a pen
    x1: float, y1: float, x2: float, y2: float, ink: str, width: float, dash: str = ""
) -> Markup:
    shape = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/>')
    return shape.format(round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1), ink, width, dash or "none")


def _circle(x: float, y: float, radius: float, fill: str, stroke: str = "none") -> Markup:
    shape = Markup('<circle cx="{}" cy="{}" r="{}" fill="{}" stroke="{}" stroke-width="2"/>')
    return shape.format(round(x, 1), round(y, 1), radius, fill, stroke)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
