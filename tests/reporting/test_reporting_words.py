"""What reports say: one file of words, no promise that nobody may make, and a report for whatever was answered."""

import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from reporting_world import answer, details, judge_shared, signature

from bidding.errors import ReportFormatError
from bidding.reporting.composing import MAX_DETAILED
from bidding.reporting.facts import MAX_SIGNATURES
from bidding.reporting.reports import REPORT_SUFFIXES, make_html, make_pdf, write_report
from bidding.web.render import render_report
from sealing import texts

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "samples" / "verify"
FORBIDDEN = "合法有效"


@pytest.mark.parametrize(
    "folder", ["sealing/texts", "bidding/reporting", "bidding/web/templates", "bidding/web", "bidding/cli"]
)
def test_no_source_of_words_promises_legal_validity(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".toml", ".html", ".js"}]
    assert files
    assert [path.name for path in files if FORBIDDEN in path.read_text("utf-8")] == []


def test_every_state_and_every_code_has_its_words() -> None:
    assert set(texts.report_words("results")) == {"ok", "failed", "unknown", "not-asked"}
    assert len(set(texts.report_words("results").values())) == 4
    assert all(texts.step(code) or code.isupper() for code in texts.codes())


def test_an_unknown_code_or_result_is_told_as_it_is() -> None:
    given = answer(signature(checks=[{"name": "new", "code": "NEW_CODE", "result": "maybe", "why": "新的检查"}]))
    page = make_html([given], details())
    assert "NEW_CODE" in page
    assert "新的检查" in page
    assert "？ 无法确定" in page


@pytest.mark.parametrize("suffix", REPORT_SUFFIXES)
def test_written_by_its_ending_whole_or_not_at_all(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"report{suffix}"
    path.write_bytes(b"what was there before")
    write_report(answer(signature()), path, details(), random=os.urandom)
    assert path.stat().st_size > 500
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["report.docx", "report", "report.htm"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReportFormatError):
        write_report(answer(), tmp_path / name, details(), random=os.urandom)
    assert list(tmp_path.iterdir()) == []


def test_a_page_without_details_is_a_report_still() -> None:
    page = render_report([answer(signature())])
    assert "验证通过" in page
    assert "盖章处" not in page


def test_as_many_signatures_as_an_answer_may_have() -> None:
    given = answer(*[signature(id=f"s{n}") for n in range(MAX_SIGNATURES)])
    page = make_html([given], details())
    assert page.count('class="block') == MAX_SIGNATURES
    assert page.count('class="checks"') == MAX_DETAILED
    assert "逐项检查表只列出其中一部分" in page


SAMPLES = [
    "attack/gen_mod_annotation_cover.pdf", "attack/gen_mod_page_content.pdf", "attack/gen_trail_comment.pdf",
    "attack/form-update-override-appearance-stream-sneaky.pdf", "attack/gen_byterange_zero.pdf",
    "broken/gen_bitflip.pdf", "changes/gen_mod_info_only.pdf", "hostile/gen_ref_self.pdf",
    "hostile/gen_ofd_zip_slip.ofd",
    "malformed/circular-page-tree.pdf", "ofd/gen_ofd_extra_part.ofd", "esl/gen_esl_UserV4_bitflip.esl",
    "esl/gen_esl_truncated.esl", "sm2/gen_sm2_pades_bt.pdf", "valid/pades-lta-dss-indirect-arrs-test.pdf",
]  # fmt: skip


@pytest.mark.conformance
@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_sample_has_a_report(name: str) -> None:
    given: dict[str, Any] = judge_shared(SHARED / name)
    paper = make_pdf([given], details(), [SHARED / name], random=os.urandom)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(paper.pdf)).pages)
    page = make_html([given], details(), [SHARED / name])
    assert FORBIDDEN not in re.sub(r"\s", "", text) + page
    assert "五、说明与限制" in re.sub(r"\s", "", text)
    if given["indication"] == "TOTAL-FAILED" and any(s["changes_after"] for s in given["signatures"]):
        assert "✗ 不允许" in page


@pytest.mark.conformance
def test_a_cover_over_the_price_is_shown() -> None:
    name = SHARED / "attack" / "gen_mod_annotation_cover.pdf"
    page = make_html([judge_shared(name)], details(), [name])
    assert page.count('src="data:image/jpeg;base64,') == 2


def test_the_expected_unit_is_a_question_of_its_own() -> None:
    owner = {"name": "seal-owner", "code": "ID_MISMATCH", "result": "ok"}
    asked = make_html([answer(signature(kind="seal", checks=[owner]))], details())
    assert "印章所有者即签章人</span> <b>✓ 符合</b>" in asked
    assert "与应签单位一致</span> <b>— 未询问</b>" in asked
    assert "与应签单位一致 ✓" not in asked
