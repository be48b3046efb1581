"""Verification answers as one page that a person understands (validation.md 4.3)."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from bidding.web.site import beijing

VERDICTS = {
    "TOTAL-PASSED": ("good", "验证通过"),
    "TOTAL-FAILED": ("bad", "验证不通过"),
    "INDETERMINATE": ("warn", "无法确定，不能作为通过依据"),
    "NO-SIGNATURE": ("none", "未发现签名或签章（不构成通过）"),
    "REFUSED": ("none", "文件无法读取或不予受理（不构成通过）"),
}
RESULTS = {"ok": ("good", "✓ 符合"), "failed": ("bad", "✗ 不符合"), "unknown": ("warn", "？ 无法确定")}
FORMATS = {
    "pdf": "PDF 文件",
    "ofd": "OFD 文件",
    "ytb": "投标文件包",
    "receipt": "回执",
    "refusal": "拒收凭证",
    "esl": "电子印章",
    "cms": "签名消息",
    "tst": "时间戳",
    "asice": "签名容器（ASiC）",
}


@cache
def _environment() -> Environment:
    folder = Path(str(files("bidding.web"))) / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape())


def _hour(instant: str | None) -> str:
    """Answer an instant of an answer (ISO 8601) as people here read it."""
    return f"{beijing(datetime.fromisoformat(instant))} 北京时间" if instant else "无"


def report_context(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Answer what the report templates need beside the answers."""
    return {"answers": answers, "VERDICTS": VERDICTS, "RESULTS": RESULTS, "FORMATS": FORMATS, "hour": _hour}


def render_report(answers: list[dict[str, Any]]) -> str:
    """Answer a self-contained HTML report."""
    css = (Path(str(files("bidding.web"))) / "static" / "yizhao.css").read_text("utf-8")
    return _environment().get_template("report.html").render(css=css, **report_context(answers))
