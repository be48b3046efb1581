"""Writing a matrix: CSV that spreadsheets open as they should, XLSX, and a table for a page."""

import csv
import io
from datetime import UTC, datetime
from typing import Any, Final

import xlsxwriter
from markupsafe import Markup

from bidding.reporting.characters import show_hidden
from bidding.reporting.matrix import Matrix

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
_MAX_CELL: Final = 4000
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""A workbook always says this date: the same answers make the same bytes."""
_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "ok": {"font_color": "#0F5F33"},
    "failed": {"font_color": "#A01D16", "bold": True, "bg_color": "#FBE9E7"},
    "unknown": {"font_color": "#7A4E00", "bold": True, "bg_color": "#FDF3DC"},
    "not-asked": {"font_color": "#4E5A67", "italic": True},
}
_WIDE: Final = 60


def as_csv(matrix: Matrix) -> bytes:
    """Answer UTF-8 with a byte order mark; no cell is taken for a formula (CWE-1236)."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([_safe(head) for head in matrix.heads])
    writer.writerows([[_safe(cell.text) for cell in row] for row in matrix.rows])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "backslashreplace")


def as_xlsx(matrix: Matrix) -> bytes:
    """Answer a workbook with one sheet: heads fixed and filterable, text only, nothing that is computed or linked."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": matrix.title, "author": "一照通投", "created": _MADE})
        sheet = book.add_worksheet("核验结果")
        base = {"valign": "top", "text_wrap": True, "border": 1, "border_color": "#C9D1DA"}
        looks = {state: book.add_format(base | look) for state, look in _LOOKS.items()}
        plain, head = book.add_format(base), book.add_format(base | {"bold": True, "bottom": 2})
        for column, text in enumerate(matrix.heads):
            longest = max([_width(text), *(_width(row[column].text) for row in matrix.rows)])
            sheet.set_column(column, column, min(longest + 2, _WIDE))
            sheet.write_string(0, column, _text(text), head)
        for number, row in enumerate(matrix.rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, _text(cell.text), looks.get(cell.state or "", plain))
        sheet.freeze_panes(1, 1)
        if matrix.rows:
            sheet.autofilter(0, 0, len(matrix.rows), len(matrix.heads) - 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
    return out.getvalue()


def as_table(matrix: Matrix) -> Markup:
    """Answer the fragment of a page; every state has its sign and word, colours come from the style sheet."""
    heads = Markup("").join(Markup("<th scope=col>{}</th>").format(show_hidden(head)) for head in matrix.heads)
    rows = Markup("").join(_table_row(matrix, number) for number in range(len(matrix.rows)))
    shape = Markup(
        '<h2>{}</h2><div class="scroll"><table class="matrix"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    )
    return shape.format(matrix.title, heads, rows)


def _table_row(matrix: Matrix, number: int) -> Markup:
    cells = Markup("").join(
        Markup('<td><b class="{}">{}</b></td>').format(cell.state, show_hidden(cell.text))
        if cell.state
        else Markup('<td class="text">{}</td>').format(show_hidden(cell.text))
        for cell in matrix.rows[number]
    )
    return Markup("<tr>{}</tr>").format(cells)


def _safe(text: str) -> str:
    cut = show_hidden(text[:_MAX_CELL])
    return f"'{cut}" if cut.lstrip(" ").startswith(_FORMULA) else cut


def _text(text: str) -> str:
    return show_hidden(text[:_MAX_CELL])


def _width(text: str) -> int:
    return sum(2 if ord(char) > 0x2E80 else 1 for char in text)  # noqa: PLR2004 - where wide characters begin
