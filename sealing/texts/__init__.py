"""What every check asks and answers, in plain Chinese: one file of words, looked up by stable reason code."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from signing.checks import Indication, Result

_UNWORDED: Final = {
    Result.OK: "此项检查符合。",
    Result.FAILED: "此项检查不符合。",
    Result.UNKNOWN: "此项检查无法确定。",
}


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("sealing.texts") / "zh_CN.toml").read_text("utf-8"))


def codes() -> frozenset[str]:
    """Answer all reason codes that have words."""
    return frozenset(code for code in _words() if code.isupper())


def question(code: str, name: str = "") -> str:
    """Answer what the check asks; some checks of one code ask something of their own."""
    return _words()["questions"].get(name) or _words().get(code, {}).get("question", code)


def explain(code: str, result: Result) -> str:
    """Answer the sentence for one answer of one check."""
    return _words().get(code, {}).get(str(result), _UNWORDED[result])


def explain_result(code: str, result: str) -> str:
    """Answer the same for a result that came as text; an unknown one is told as unknown."""
    return explain(code, Result(result) if result in set(Result) else Result.UNKNOWN)


def step(code: str) -> str:
    """Answer which step of GM/T 0031 or GB/T 38540 the check is, empty where the standards have none."""
    return _words()["steps"].get(code, "")


def report_words(section: str = "") -> Mapping[str, str]:
    """Answer the words of one section of the reports (`labels`, `results`, …); without a name, those of the page."""
    return _words()[f"report_{section}" if section else "report"]


def verdict_sentence(indication: Indication, *, warnings: bool = False) -> str:
    """Answer the sentence for a whole verdict; with warnings a passed one says that there is more to know."""
    key = f"{indication}+" if warnings and indication is Indication.TOTAL_PASSED else str(indication)
    return _words()["verdict"][key]
