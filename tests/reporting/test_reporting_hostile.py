"""Answers that somebody made to deceive or to break a report: hidden characters, endless words, wrong digests."""

import csv
import io
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from reporting_world import answer, check, details, signature

from bidding.reporting.characters import show_hidden
from bidding.reporting.composing import compose
from bidding.reporting.details import recheck_reference
from bidding.reporting.matrix import matrix_of_files
from bidding.reporting.matrix_files import as_csv, as_table, as_xlsx
from bidding.reporting.reports import make_html, make_pdf, write_report

TURNED = "投标\u202efdp.exe"


def paper(given: dict[str, Any]) -> bytes:
    return make_pdf([given], details(), random=bytes).pdf


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\u202eb", "a[U+202E]b", id="turned"),
        pytest.param("a\u2066b\u2069", "a[U+2066]b[U+2069]", id="isolated"),
        pytest.param("a\u200bb\ufeff", "a[U+200B]b[U+FEFF]", id="no width"),
        pytest.param("a\0\x1b[31m", "a[U+0000][U+001B][31m", id="controls"),
        pytest.param("\udcff\uffff", "[U+DCFF][U+FFFF]", id="no characters"),
        pytest.param("甲\n\t𠮷😀مرحبا", "甲\n\t𠮷😀مرحبا", id="left alone"),
    ],
)
def test_what_hides_is_shown(text: str, shown: str) -> None:
    assert show_hidden(text) == shown


def test_no_name_reads_as_another_one() -> None:
    given = answer(signature(signer={"name": TURNED}, id=TURNED), file=TURNED, reason=TURNED, warnings=[TURNED])
    table = matrix_of_files([given])
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(table))).read("xl/sharedStrings.xml").decode()
    for page in (make_html([given], details()), str(as_table(table)), as_csv(table).decode(), book):
        assert "\u202e" not in page
        assert "投标[U+202E]fdp.exe" in page
    assert list(csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig"))))[1][0] == "投标[U+202E]fdp.exe"


@pytest.mark.parametrize(
    "digest", ["x" * 4000, "\ud800", "0" * 63, "A" * 64], ids=["long", "no text", "short", "upper"]
)
def test_what_is_no_digest_is_not_in_the_code(digest: str) -> None:
    for address in ("https://verify.test/r", ""):
        told = recheck_reference(details(check_url=address, number="\udcff" * 80), digest, b"{}")
        assert digest not in told
        assert len(told.encode()) < 1000
    assert make_html([answer(signature(), sm3=digest)], details())
    assert paper(answer(signature(), sm3=digest)).startswith(b"%PDF")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"changes_after": [{"what": "改了金额", "allowed": False, "page": 1}]}, id="a change not allowed"),
        pytest.param({"indication": "TOTAL-FAILED"}, id="a signature that failed"),
        pytest.param({"indication": "INDETERMINATE"}, id="a signature left open"),
    ],
)
def test_an_answer_that_contradicts_itself_is_no_pass(more: dict[str, Any]) -> None:
    sheet = compose(answer(signature(**more)), details())
    assert (sheet.tone, sheet.headline.partition("：")[0]) == ("warn", "无法确定")
    assert sheet.blocks[0].tone in {"warn", "bad"}


@pytest.mark.interop
def test_a_row_that_is_longer_than_a_page_loses_nothing(tmp_path: Path) -> None:
    words = "".join(f"第{number:04}段。" for number in range(550))
    path = tmp_path / "report.pdf"
    path.write_bytes(paper(answer(signature(checks=[check("digest", "HASH", "ok", words)]))))
    done = subprocess.run(["pdftotext", "-raw", path, "-"], check=True, capture_output=True, text=True)
    text = "".join(done.stdout.split())
    missing = [number for number in range(550) if f"{number:04}" not in text]
    assert not missing


@pytest.mark.interop
def test_a_row_behind_short_ones_is_kept_together(tmp_path: Path) -> None:
    checks = [check(f"c{n}", "HASH", "ok", "短。" * n) for n in range(60)]
    path = tmp_path / "report.pdf"
    path.write_bytes(paper(answer(signature(checks=checks))))
    done = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True)
    lowest = max(float(part.split('"')[0]) for part in done.stdout.split('yMax="')[1:])
    assert lowest < 842 - 20  # nothing runs off the paper


def test_a_report_may_have_the_longest_name_that_a_file_can_have(tmp_path: Path) -> None:
    path = tmp_path / f"{'标' * 83}.html"
    write_report(answer(signature()), path, details(), random=bytes)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.interop
def test_a_name_on_paper_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(paper(answer(signature(), file="投标\u202efdp\u200b.exe")))
    done = subprocess.run(["pdftotext", "-raw", path, "-"], check=True, capture_output=True, text=True)
    assert "投标[U+202E]fdp[U+200B].exe" in done.stdout
