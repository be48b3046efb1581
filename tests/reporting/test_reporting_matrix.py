"""Many answers in one table: the worst first, and nothing that a spreadsheet would run."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from reporting_world import answer, check, signature

from bidding.errors import ReportAnswerError, ReportFormatError
from bidding.reporting.matrix import Submission, matrix_of_bidders, matrix_of_files
from bidding.reporting.matrix_files import as_csv, as_table, as_xlsx
from bidding.reporting.reports import write_matrix

GOOD = answer(signature(checks=[check("signature", "SIG", "ok")]), file="好.pdf")
NOTED = answer(signature(), file="有说明.pdf", warnings=["时间未经证明"])
OPEN = answer(signature(), file="未定.pdf", indication="INDETERMINATE")
BARE = answer(file="无签.pdf", indication="NO-SIGNATURE")
BAD = answer(
    signature(checks=[check("signature", "SIG", "ok")], id="a"),
    signature(checks=[check("signature", "SIG", "failed"), check("digest", "HASH", "ok")], id="b"),
    file="坏.pdf", indication="TOTAL-FAILED",
)  # fmt: skip
LOST = answer(file="=HYPERLINK(1).pdf", indication="REFUSED")
ALL = [GOOD, BARE, BAD, NOTED, LOST, OPEN]


def test_the_worst_comes_first() -> None:
    rows = matrix_of_files(ALL).rows
    assert [row[0].text for row in rows] == [
        "=HYPERLINK(1).pdf",
        "坏.pdf",
        "未定.pdf",
        "无签.pdf",
        "有说明.pdf",
        "好.pdf",
    ]


def test_a_cell_is_the_worst_of_all_signatures() -> None:
    matrix = matrix_of_files([BAD])
    assert matrix.rows[0][matrix.heads.index("签名值")].state == "failed"
    assert matrix.rows[0][matrix.heads.index("原文摘要")].state == "ok"


def test_bidders_and_documents() -> None:
    matrix = matrix_of_bidders(
        [
            Submission("甲公司", "投标函", GOOD),
            Submission("甲公司", "商务文件", GOOD),
            Submission("乙公司", "投标函", GOOD),
            Submission("丙公司", "投标函", BAD),
            Submission("丙公司", "商务文件", GOOD),
            Submission("丙公司", "商务文件", OPEN),
        ]
    )
    assert matrix.heads == ("投标人", "投标函", "商务文件")
    assert [[cell.text for cell in row] for row in matrix.rows] == [
        ["丙公司", "✗ 不通过", "？ 无法确定（2 份）"],
        ["乙公司", "✓ 通过", "— 未提交"],
        ["甲公司", "✓ 通过", "✓ 通过"],
    ]


def test_csv_opens_in_a_spreadsheet_and_runs_nothing() -> None:
    data = as_csv(matrix_of_files(ALL))
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == 1 + len(ALL)
    assert rows[1][0] == "'=HYPERLINK(1).pdf"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d", " =", "\n@"])
def test_no_cell_is_a_formula(start: str) -> None:
    data = as_csv(matrix_of_files([answer(file=f"{start}1+1")]))
    cell = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1][0]
    assert cell.startswith("'")


def test_xlsx_holds_text_only() -> None:
    data = as_xlsx(matrix_of_files(ALL))
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet, strings = book.read("xl/worksheets/sheet1.xml"), book.read("xl/sharedStrings.xml")
        assert not [name for name in book.namelist() if "externalLink" in name or "vba" in name]
    cells = [element for element in etree.fromstring(sheet).iter() if element.tag.endswith("}c")]
    assert {cell.get("t") for cell in cells} == {"s"}
    assert b"<f>" not in sheet
    assert "=HYPERLINK(1).pdf" in strings.decode()


def test_the_same_answers_make_the_same_workbook() -> None:
    assert as_xlsx(matrix_of_files(ALL)) == as_xlsx(matrix_of_files(ALL))


def test_the_fragment_escapes_and_says_states_in_words() -> None:
    table = as_table(matrix_of_files([answer(file="<b>x</b>", indication="REFUSED")]))
    assert "&lt;b&gt;x&lt;/b&gt;" in table
    assert '<b class="failed">✗ 不能读取</b>' in table


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html", ".CSV"])
def test_written_by_its_ending(tmp_path: Path, suffix: str) -> None:
    write_matrix(ALL, tmp_path / f"m{suffix}")
    assert (tmp_path / f"m{suffix}").stat().st_size > 500
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("given", "name", "error"),
    [(ALL, "m.ods", ReportFormatError), ([{"file": 1}], "m.csv", ReportAnswerError)],
    ids=["another format", "no answers"],
)
def test_refused_without_a_trace(tmp_path: Path, given: list[Any], name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        write_matrix(given, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_table_is_a_table() -> None:
    assert as_csv(matrix_of_files([])).count(b"\r\n") == 1
    assert as_xlsx(matrix_of_files([]))
