"""A report as a PDF (A4, 黑白可读): the first page for people, then changes, checks, evidence and limits.

The answer itself is embedded as `answer.json`, so that whoever seals the report seals the evidence with it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from bidding.documents.fonts import Face, embedded_fonts
from bidding.documents.paper import WIDTH, Layout, Paper, SealPlace
from bidding.reporting.paper import (
    GREY,
    LEFT,
    RIGHT,
    ReportPaper,
    open_canvas,
    step_of,
)
from bidding.reporting.pdf_parts import block_height, draw_block, draw_rows, draw_table, heading
from bidding.reporting.sheets import SIGNS, PagePair, ReportSheet
from sealing import texts

_FULL: Final = RIGHT - LEFT
_CODE: Final = 31.0
_PLACE: Final = SealPlace("agency", "", 40, 40, round=True)
_FRAMES: Final = {"good": (1.4, ()), "noted": (1.4, ()), "warn": (1.4, (4, 2)), "bad": (2.6, ()), "none": (1.0, (1, 2))}
_UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)


def render_pdf(
    sheets: Sequence[ReportSheet],
    *,
    dated: datetime | None,
    random: Callable[[int], bytes],
    attachments: Mapping[str, bytes] | None = None,
    summary: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None,
) -> Paper:
    """Draw the reports, each from a new page; `summary` is a table (heads, rows) that stands before several.

    A report with an agency has a marked place for its seal on its first page, in `Paper.places`.
    """
    words = texts.report_words()
    layout = Layout(
        words["title"],
        dated or _UNDATED,
        numbered=True,
        sandbox=any(sheet.sandbox for sheet in sheets),
    )
    used, total, identifier = dict.fromkeys(Face, frozenset[str]()), 0, random(16)
    while True:
        with embedded_fonts(used) as fonts:
            with open_canvas(layout, fonts, identifier) as (canvas, buffer):
                paper = ReportPaper(canvas, fonts, layout, total, _header(sheets))
                _draw_all(paper, sheets, summary)
                if attachments:
                    paper.attach(attachments, layout.dated)
            if all(paper.used[face] <= used[face] for face in Face) and paper.page == total:
                return Paper(buffer.getvalue(), paper.page, tuple(paper.places))
            # once more, now that all characters and the number of pages are known
            used, total = {face: used[face] | paper.used[face] for face in Face}, paper.page


def _header(sheets: Sequence[ReportSheet]) -> str:
    """Answer what stands at the head of every page: which report it belongs to."""
    title, labels = texts.report_words()["title"], texts.report_words("labels")
    numbers = {row.value for sheet in sheets for row in sheet.details if row.label == labels["number"]}
    return "　".join([title, *(f"{labels['number']} {number}" for number in sorted(numbers))])


def _draw_all(
    paper: ReportPaper, sheets: Sequence[ReportSheet], summary: tuple[Sequence[str], Sequence[Sequence[str]]] | None
) -> None:
    if summary:
        heading(paper, texts.report_words("matrix")["title"])
        heads, rows = summary
        draw_table(paper, heads, rows, (2.4, 1.2, 4.0), size=8.5)
    for number, sheet in enumerate(sheets):
        if number or summary:
            paper.new_page()
        _first_page(paper, sheet)
        _changes(paper, sheet)
        _checks(paper, sheet)
        _rest(paper, sheet)


def _first_page(paper: ReportPaper, sheet: ReportSheet) -> None:
    paper.y = 20
    paper.y += step_of(19)
    paper.put(sheet.title, WIDTH / 2, paper.y, size=19, face=Face.SANS, anchor="middle", bold=True)
    paper.y += 6
    top = paper.y
    paper.code(sheet.reference, RIGHT - _CODE, top - 1.5, _CODE)
    paper.put(texts.report_words()["recheck"], RIGHT - _CODE / 2, top + _CODE + 0.6, size=7.5, anchor="middle")
    draw_rows(paper, sheet.details, LEFT, _FULL - _CODE - 4, label=31)
    paper.y = max(paper.y, top + _CODE + 3) + 2
    _conclusion(paper, sheet)
    if sheet.agency:  # first of all, so that nothing that a file says can take its place away
        paper.need(_PLACE.h_mm + 2)
        paper.place(_PLACE, RIGHT - _PLACE.w_mm - 2, paper.y)
        caption, middle = texts.report_words()["sealing_place"], paper.y + _PLACE.h_mm / 2
        paper.put(caption, RIGHT - _PLACE.w_mm / 2 - 2, middle, size=8, anchor="middle", colour=GREY)
    top, page = paper.y, paper.page
    width = _FULL - _PLACE.w_mm - 8 if sheet.agency else _FULL
    draw_rows(paper, sheet.file, LEFT, width, label=31)
    if sheet.warnings:
        paper.y += 2
        paper.write("须了解的事项", LEFT, width, size=9.5, face=Face.SANS, bold=True)
        for warning in sheet.warnings:
            paper.write(f"· {warning}", LEFT + 2, width - 2, size=9)
    if sheet.agency and paper.page == page:
        paper.y = max(paper.y, top + _PLACE.h_mm + 1)
    if sheet.blocks:
        heading(paper, "一、签章与签名", keep=block_height(paper, sheet.blocks[0]))
    for block in sheet.blocks:
        draw_block(paper, block)


def _conclusion(paper: ReportPaper, sheet: ReportSheet) -> None:
    """Draw the conclusion in a frame whose kind, sign and words all tell the state."""
    head = paper.wrap(f"{SIGNS[sheet.tone]}　{sheet.headline}", _FULL - 14, 14, Face.SANS)
    body = paper.wrap(sheet.reason, _FULL - 14, 10)
    height = len(head) * step_of(14) + len(body) * step_of(10) + 5
    width, dash = _FRAMES[sheet.tone]
    top = paper.y
    paper.frame(LEFT, top, _FULL, height, width=width, dash=dash)
    if sheet.tone == "bad":
        paper.frame(LEFT + 1.2, top + 1.2, _FULL - 2.4, height - 2.4, width=0.6)
    paper.bar(LEFT, top, 3.5, height)
    paper.y += 2
    paper.write(f"{SIGNS[sheet.tone]}　{sheet.headline}", LEFT + 8, _FULL - 14, size=14, face=Face.SANS, bold=True)
    paper.write(sheet.reason, LEFT + 8, _FULL - 14, size=10)
    paper.y = top + height + 4


def _changes(paper: ReportPaper, sheet: ReportSheet) -> None:
    heading(paper, texts.report_words()["part_changes"])
    if sheet.changes_note:
        paper.write(sheet.changes_note, LEFT, _FULL)
    if sheet.changes:
        rows = [(c.place, f"{c.kind}：{c.what}" if c.kind else c.what, c.after, c.word) for c in sheet.changes]
        draw_table(paper, ("位置", "变更", "在其后", "判定"), rows, (1.1, 4.4, 2.2, 1.0))
    for pair in sheet.pairs:
        _pair(paper, pair)
    for one in sheet.comparisons:
        paper.need(70)
        paper.y += 2
        paper.write(f"{one.title}　{one.word}", LEFT, _FULL, face=Face.SANS, bold=True)
        paper.write(one.why, LEFT, _FULL)
        _beside(paper, [(caption, data) for caption, data in one.pictures], 52)


def _pair(paper: ReportPaper, pair: PagePair) -> None:
    paper.need(128)
    paper.y += 2
    paper.write(pair.caption, LEFT, _FULL, face=Face.SANS, bold=True)
    if pair.note:
        paper.write(pair.note, LEFT, _FULL, size=8.5, colour=GREY)
    _beside(paper, [(pair.before_caption, pair.before), (pair.after_caption, pair.after)], 112)


def _beside(paper: ReportPaper, pictures: Sequence[tuple[str, bytes | None]], height: float) -> None:
    paper.y += 1.5
    width = (_FULL - 4 * (len(pictures) - 1)) / max(len(pictures), 1)
    width, tallest = min(width, height), 0.0
    for number, (caption, data) in enumerate(pictures):
        x = LEFT + number * (width + 4)
        if data is None:
            paper.frame(x, paper.y, width, 30, width=0.4, dash=(2, 2))
            paper.put("没有这一页", x + width / 2, paper.y + 16, size=9, anchor="middle", colour=GREY)
            tallest = max(tallest, 30)
        else:
            tallest = max(tallest, paper.picture(data, x, paper.y, width, height))
        paper.put(caption, x + width / 2, paper.y + height + 4, size=8.5, anchor="middle", colour=GREY)
    paper.y += height + 7 if tallest else 4


def _checks(paper: ReportPaper, sheet: ReportSheet) -> None:
    if not sheet.checks:
        return
    heading(paper, texts.report_words()["part_checks"], keep=46)
    for table in sheet.checks:
        paper.need(40)  # its head and a first row of several lines, so that no title stands alone
        paper.write(table.title, LEFT, _FULL, face=Face.SANS, bold=True)
        paper.y += 1
        rows = [
            (r.step, r.question if r.state == "ok" or not r.code else f"{r.question}\n{r.code}", r.word, r.evidence)
            for r in table.rows
        ]
        draw_table(paper, ("国标步骤", "检查", "结果", "证据"), rows, (1.25, 2.9, 1.3, 4.2), size=8.5)
        paper.y += 2


def _rest(paper: ReportPaper, sheet: ReportSheet) -> None:
    words = texts.report_words()
    tables = [table for table in sheet.evidence if table.rows]
    if tables:
        heading(paper, words["part_evidence"])
    for table in tables:
        paper.need(20)
        paper.write(table.title, LEFT, _FULL, face=Face.SANS, bold=True)
        draw_rows(paper, table.rows, LEFT, _FULL, label=31)
        paper.y += 2
    heading(paper, words["part_limits"])
    for number, limit in enumerate((*sheet.limits, words["recheck_note"]), 1):
        paper.write(f"{number}. {limit}", LEFT, _FULL, size=9)
