"""The report as a PDF: A4, in Chinese, with a place for the agency's seal and the answer inside."""

import os
import re
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from reporting_world import Judged, answer, details, signature

from bidding.documents.paper import Paper
from bidding.reporting.details import answer_bytes
from bidding.reporting.reports import make_pdf, write_report
from signing.digests import sm3


def made(given: dict[str, Any], path: Path | None = None, **more: Any) -> Paper:
    return make_pdf([given], details(**more), [path], random=os.urandom)


def text_of(paper: Paper) -> str:
    """Answer all text without spaces: lines are justified, and their spaces are places."""
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(paper.pdf)).pages)
    return re.sub(r"\s", "", text)


def test_the_first_page_says_what_a_report_must_say(sealed: Judged) -> None:
    paper = made(sealed.answer, sealed.path)
    reader = pypdf.PdfReader(BytesIO(paper.pdf))
    first = re.sub(r"\s", "", reader.pages[0].extract_text())
    wanted = [
        "电子签章验证报告", "HY-2026-0001", "核验投标文件的电子签章", "测试招标人", "测试核验中心", "甲某", "乙某",
        "yizhao-2026.1",        "ab" * 32, sealed.answer["trust"]["fingerprint"], "验证通过", sealed.answer["sm3"],
        sm3(answer_bytes(sealed.answer)).hex(),        "（盖章处）", "法定代表人章", "3页", "仿真环境",
    ]  # fmt: skip
    assert [word for word in wanted if word not in first] == []
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages} == {(595, 842)}
    assert "第1页共" in text_of(paper)


def test_the_place_for_the_seal_is_on_the_first_page(sealed: Judged) -> None:
    assert [(one.party, one.page, one.w_mm) for one in made(sealed.answer).places] == [("agency", 1, 40)]
    assert made(sealed.answer, agency="").places == ()


def test_the_answer_is_inside(sealed: Judged) -> None:
    reader = pypdf.PdfReader(BytesIO(made(sealed.answer).pdf))
    assert dict(reader.attachments) == {"answer.json": [answer_bytes(sealed.answer)]}


def test_a_changed_page_is_shown_twice(changed: Judged) -> None:
    pages = pypdf.PdfReader(BytesIO(made(changed.answer, changed.path).pdf)).pages
    sizes = [image.image.size for page in pages for image in page.images if image.name.endswith(".jpg")]
    assert len(sizes) == 4, "the note, and the second seal after the first, each before and after"
    assert len(set(sizes)) == 1


def test_two_reports_differ_by_their_identifier_only(sealed: Judged) -> None:
    one, two = made(sealed.answer).pdf, made(sealed.answer).pdf
    pattern = re.compile(rb"\[<[0-9a-f]{32}><[0-9a-f]{32}>\]")
    assert one != two
    assert pattern.sub(b"", one) == pattern.sub(b"", two)


@pytest.mark.parametrize("name", ["𰻞.pdf", "a\udcff\x00\x07.pdf", "\u202egpj.pdf", "名" * 900], ids=range(4))
def test_any_name_can_be_drawn(name: str) -> None:
    given = answer(signature(profile=name), file=name, reason=name)
    assert made(given).pages >= 2


def test_a_character_without_glyph_is_named() -> None:
    assert "[U+1F600]" in text_of(made(answer(file="😀.pdf")))


def test_a_signature_with_very_many_checks_fills_pages() -> None:
    checks = [{"name": f"n{i}", "code": "HASH", "result": "failed", "why": f"第 {i} 处" * 9} for i in range(60)]
    paper = made(answer(signature(checks=checks)))
    assert paper.pages > 3
    assert "第59处" in text_of(paper)


def test_several_answers_make_one_report(sealed: Judged) -> None:
    paper = make_pdf([sealed.answer, answer(indication="REFUSED")], details(), [sealed.path], random=os.urandom)
    reader = pypdf.PdfReader(BytesIO(paper.pdf))
    assert "批量核验结果" in re.sub(r"\s", "", reader.pages[0].extract_text())
    assert sorted(reader.attachments) == ["answer-001.json", "answer-002.json"]


@pytest.mark.interop
def test_qpdf_and_poppler_read_it(changed: Judged, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    write_report(changed.answer, path, details(), changed.path, random=os.urandom)
    subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)
    fonts = subprocess.run(["pdffonts", path], check=True, capture_output=True, text=True).stdout.splitlines()[2:]
    assert fonts
    assert {line.split()[-5] for line in fonts} == {"yes"}, "every font is embedded"


def test_nothing_that_a_file_says_takes_the_place_of_the_seal() -> None:
    long = "长" * 4000
    given = answer(signature(profile=long), file=long, reason=long, warnings=[f"TIME_UNTRUSTED: {long}"] * 5)
    paper = made(given)
    assert [(one.party, one.page) for one in paper.places] == [("agency", 1)]
    assert "TIME_UNTRUSTED" not in text_of(paper)
