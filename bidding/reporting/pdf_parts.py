"""The parts of a report's pages: headings, rows of facts, blocks of a signature, ruled tables."""

from collections.abc import Sequence
from typing import Final

from bidding.documents.fonts import Face
from bidding.documents.lines import Word
from bidding.reporting.paper import BOTTOM, GREY, LEFT, LIGHT, RIGHT, TOP, ReportPaper, step_of
from bidding.reporting.sheets import SIGNS, Mark, Row, SignatureBlock

Cells = list[list[list[Word]]]
"""The cells of a row, each the lines that are left to draw."""
_FULL: Final = RIGHT - LEFT
_SIZE: Final = 9.0
_MONO: Final = 7.2
_PICTURE: Final = 30.0
_PAD: Final = 1.3
_INNER: Final = _FULL - 6
_LABEL: Final = 26.0


def heading(paper: ReportPaper, text: str, *, keep: float = 14) -> None:
    """Draw the heading of a part; so many millimetres below it stay on the same page."""
    paper.need(12 + keep)
    paper.y += 4
    paper.write(text, LEFT, _FULL, size=11.5, face=Face.SANS, bold=True)
    paper.line(LEFT, paper.y + 0.6, RIGHT, paper.y + 0.6, width=1)
    paper.y += 2.2


def draw_rows(paper: ReportPaper, rows: Sequence[Row], x: float, width: float, *, label: float) -> None:
    """Write facts: labels in grey, values beside them."""
    for row in rows:
        size = _MONO if row.mono else _SIZE
        if paper.y + step_of(_SIZE) > BOTTOM:
            paper.new_page()
        paper.put(row.label, x, paper.y + step_of(_SIZE) * 0.7, size=_SIZE, colour=GREY)
        top = paper.y
        paper.write(row.value, x + label, width - label, size=size)
        paper.y = max(paper.y, top + step_of(_SIZE)) if paper.y > top else paper.y


def rows_height(paper: ReportPaper, rows: Sequence[Row], width: float, label: float) -> float:
    """Answer how many millimetres the facts will take."""
    total = 0.0
    for row in rows:
        size = _MONO if row.mono else _SIZE
        total += max(len(paper.wrap(row.value, width - label, size)) * step_of(size), step_of(_SIZE))
    return total


def _body_height(paper: ReportPaper, block: SignatureBlock) -> float:
    return max(rows_height(paper, block.rows, _room(block), _LABEL), _PICTURE if block.picture else 0) + 3


def _room(block: SignatureBlock) -> float:
    return _INNER - (_PICTURE + 4 if block.picture else 0)


def block_height(paper: ReportPaper, block: SignatureBlock) -> float:
    """Answer how many millimetres a block will take."""
    marks = -(-len(block.marks) // 3) * 4.9 + 2.5
    notes = sum(len(paper.wrap(note, _INNER, 8.8)) for note in block.notes) * step_of(8.8) + (3 if block.notes else 0)
    return 7.5 + _body_height(paper, block) + marks + notes


def draw_block(paper: ReportPaper, block: SignatureBlock) -> None:
    """Draw one seal or signature in its frame: who, when, what it covers, check marks, and what is wrong."""
    body = _body_height(paper, block)
    paper.need(block_height(paper, block))
    top, page = paper.y, paper.page
    paper.put(block.title, LEFT + 3, top + 5.2, size=10.5, face=Face.SANS, bold=True)
    state = f"{SIGNS[block.tone]} {block.headline}".replace("✗", "×")
    paper.put(state, RIGHT - 3, top + 5.2, size=9.5, face=Face.SANS, anchor="end", bold=block.tone == "bad")
    paper.line(LEFT, top + 7.5, RIGHT, top + 7.5, width=0.7)
    paper.y = top + 9
    left = LEFT + 3
    if block.picture:
        paper.picture(block.picture, left, paper.y + 0.5, _PICTURE, _PICTURE)
        left += _PICTURE + 4
    draw_rows(paper, block.rows, left, _room(block), label=_LABEL)
    paper.y = max(paper.y, top + 7.5 + body) if paper.page == page else paper.y
    _draw_marks(paper, block.marks)
    if block.notes:
        paper.line(LEFT, paper.y, RIGHT, paper.y, width=0.4, colour=LIGHT)
        paper.y += 1
        for note in block.notes:
            paper.write(note, LEFT + 3, _INNER, size=8.8)
        paper.y += 1
    if paper.page == page:
        paper.frame(LEFT, top, _FULL, paper.y - top + 0.8)
    else:
        paper.line(LEFT, paper.y + 0.8, RIGHT, paper.y + 0.8)
    paper.y += 4.5


def _draw_marks(paper: ReportPaper, marks: Sequence[Mark]) -> None:
    paper.line(LEFT, paper.y, RIGHT, paper.y, width=0.4, colour=LIGHT)
    paper.y += 1
    column = _FULL / 3
    for number, mark in enumerate(marks):
        x = LEFT + number % 3 * column
        y = paper.y + number // 3 * 4.9 + 3.6
        word = mark.word.replace("✗", "×")
        paper.put(mark.label, x + 3, y, size=8.4)
        bold, colour = mark.state in {"failed", "unknown"}, GREY if mark.state == "not-asked" else (0.0, 0.0, 0.0)
        paper.put(word, x + column - 3, y, size=8.4, face=Face.SANS, anchor="end", bold=bold, colour=colour)
    paper.y += -(-len(marks) // 3) * 4.9 + 1.5


def draw_table(
    paper: ReportPaper,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    size: float = 9,
) -> None:
    """Draw ruled rows; the head repeats on every page, and a row is parted only if it is longer than a page."""
    unit = _FULL / sum(widths)
    edges = [LEFT]
    for width in widths:
        edges.append(edges[-1] + width * unit)
    head_height = step_of(size) + 2 * _PAD
    paper.need(head_height * 3)
    _draw_head(paper, heads, edges, size)
    for row in rows:
        cells = [
            [line for part in cell.split("\n") for line in paper.wrap(part, edges[i + 1] - edges[i] - 2 * _PAD, size)]
            for i, cell in enumerate(row)
        ]
        while any(cells):
            height = max(len(cell) for cell in cells) * step_of(size) + 2 * _PAD
            if paper.y + height > BOTTOM and paper.y > TOP + head_height:
                paper.new_page()
                _draw_head(paper, heads, edges, size)
            cells = _draw_cells(paper, cells, edges, size)
    paper.y += 2


def _draw_cells(paper: ReportPaper, cells: Cells, edges: Sequence[float], size: float) -> Cells:
    """Draw of a row what fits on the page, and answer the rest."""
    room = max(int((BOTTOM - paper.y - 2 * _PAD) / step_of(size)), 1)
    drawn = [cell[:room] for cell in cells]
    for i, cell in enumerate(drawn):
        for number, words in enumerate(cell, 1):
            paper.words(words, edges[i] + _PAD, paper.y + _PAD + (number - 0.3) * step_of(size), size)
    paper.y += max(len(cell) for cell in drawn) * step_of(size) + 2 * _PAD
    paper.line(edges[0], paper.y, edges[-1], paper.y, width=0.4, colour=LIGHT)
    return [cell[room:] for cell in cells]


def _draw_head(paper: ReportPaper, heads: Sequence[str], edges: Sequence[float], size: float) -> None:
    height = step_of(size) + 2 * _PAD
    paper.line(edges[0], paper.y, edges[-1], paper.y, width=0.9)
    for i, head in enumerate(heads):
        paper.put(head, edges[i] + _PAD, paper.y + _PAD + step_of(size) * 0.7, size=size, face=Face.SANS, colour=GREY)
    paper.y += height
    paper.line(edges[0], paper.y, edges[-1], paper.y, width=0.6)
