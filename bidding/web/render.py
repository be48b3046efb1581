"""Verification answers as one page that a person understands (validation.md 4.3)."""

from datetime import datetime
from typing import Any

from bidding.reporting.details import ReportDetails
from bidding.reporting.marking import mark_entry
from bidding.reporting.reports import make_html
from bidding.web.site import beijing
from sealing import texts

VERDICTS = {
    "TOTAL-PASSED": ("good", "验证通过"),
    "TOTAL-FAILED": ("bad", "验证不通过"),
    "INDETERMINATE": ("warn", "无法确定，不能作为通过依据"),
    "NO-SIGNATURE": ("none", "未发现签名或签章（不构成通过）"),
    "REFUSED": ("none", "文件无法读取或不予受理（不构成通过）"),
}
_TONES = {"ok": "good", "failed": "bad", "unknown": "warn", "not-asked": "none"}
RESULTS = {state: (_TONES[state], word) for state, word in texts.report_words("results").items()}
FORMATS = texts.report_words("formats")
COVERS = texts.report_words("covers")


def _hour(instant: str | None) -> str:
    """Answer an instant of an answer (ISO 8601) as people here read it."""
    return f"{beijing(datetime.fromisoformat(instant))} 北京时间" if instant else "无"


def report_context(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Answer what the report templates need beside the answers."""
    words = {"VERDICTS": VERDICTS, "RESULTS": RESULTS, "FORMATS": FORMATS, "TONES": _TONES, "COVERS": COVERS}
    return {"answers": answers, **words, "hour": _hour, "marks": mark_entry}


def render_report(answers: list[dict[str, Any]]) -> str:
    """Answer a self-contained HTML report, without pictures of pages: those need the files themselves."""
    return make_html(answers, ReportDetails())
