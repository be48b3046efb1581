"""Every reason code that the code can give has words, and none of them promises what we may not promise."""

import re
from pathlib import Path

from sealing import texts
from signing.checks import Indication, Result

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r'code="([A-Z][A-Z0-9_]+)"')


def test_every_code_in_the_sources_has_words() -> None:
    sources = [p for name in ("signing", "identity", "sealing", "bidding") for p in (ROOT / name).rglob("*.py")]
    used = {code for path in sources for code in _CODE.findall(path.read_text("utf-8"))}
    assert used
    assert used <= texts.codes()


def test_every_code_has_all_three_answers() -> None:
    for code in texts.codes():
        assert texts.question(code) != code
        for result in Result:
            assert texts.explain(code, result).endswith("。")


def test_no_sentence_promises_legal_validity() -> None:
    words = (ROOT / "sealing" / "texts" / "zh_CN.toml").read_text("utf-8")
    assert "合法有效" not in words


def test_every_indication_has_a_sentence() -> None:
    for indication in Indication:
        assert texts.verdict_sentence(indication)
