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
    return frozenset(_words()) - {"verdict"}


def question(code: str) -> str:
    """Answer what the check asks."""
    return _words().get(code, {}).get("question", code)


def explain(code: str, result: Result) -> str:
    """Answer the sentence for one answer of one check."""
    return _words().get(code, {}).get(str(result), _UNWORDED[result])


def verdict_sentence(indication: Indication, *, warnings: bool = False) -> str:
    """Answer the sentence for a whole verdict; with warnings a passed one says that there is more to know."""
    key = f"{indication}+" if warnings and indication is Indication.TOTAL_PASSED else str(indication)
    return _words()["verdict"][key]
