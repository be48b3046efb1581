"""Asking whether a seal shows what it should (印模比对): its picture, the stamp on the page, the filed impression.

Three steps for whoever judges a file: `ask_comparison` (in a bounded child), `with_comparisons` adds the outcome to
the answer, `tell_comparisons` shows it in a report. What nobody asked stays “not asked”.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bidding.reporting.facts import FileFacts, read_answer
from bidding.reporting.picture_types import Compared, PictureRequest, StoredPicture, ToCompare
from bidding.reporting.pictures import ask, stored_seals
from bidding.reporting.sheets import Comparison, State
from sealing import texts

MAX_COMPARED: Final = 30
_CODES: Final = {"drawn": ("stamp-picture", "STAMP_PICTURE"), "filed": ("impression", "IMPRESSION")}
_RESULTS: Final[dict[str, State]] = {"same": "ok", "differs": "failed", "unknown": "unknown"}
_CAPTIONS: Final = {"filed": "备案印模", "seal": "印章数据中的图像", "drawn": "页面上画出的印章"}


def ask_comparison(answer: Mapping[str, Any], source: Path | None, filed: bytes = b"") -> tuple[Compared, ...]:
    """Compare the seals of an answer with what is drawn in the file and with a filed impression, if one is given.

    `filed` is a picture or an `.esl`. ReportAnswerError; PictureError when the child ended without an answer.
    """
    facts = read_answer(answer)
    seals = tuple(stored_seals(facts))[:MAX_COMPARED]
    pages = {one.id: one.page or 0 for one in facts.signatures}
    paged = source is not None and facts.format == "pdf"
    own = tuple(_drawn_by_data(facts))
    if not seals or not (paged or filed):
        return own
    wanted = tuple(ToCompare(one.signature, _page(one, pages)) for one in seals)
    document = str(source.resolve()) if source is not None and paged else ""
    return own + ask(PictureRequest(document=document, seals=seals, compare=wanted, filed=filed)).compared


def _drawn_by_data(facts: FileFacts) -> Iterator[Compared]:
    """In OFD a reader draws the stamp from the seal's own data, at the signed place (GB/T 33190-2016 clause 18)."""
    for one in facts.signatures if facts.format == "ofd" else ():
        if one.seal and any(check.name == "stamp" and check.result == "ok" for check in one.checks):
            yield Compared(one.id, "drawn", "same", 1.0, "by_data")


def _page(one: StoredPicture, pages: Mapping[str, int]) -> int:
    return pages.get(one.signature, 0)


def with_comparisons(
    answer: Mapping[str, Any], compared: Iterable[Compared], *, decisive: bool = True
) -> dict[str, Any]:
    """Answer the answer with the comparisons among the checks of each signature.

    A difference fails signature and file unless it is not `decisive`; what cannot be told changes no verdict.
    """
    found: dict[str, list[dict[str, str]]] = {}
    for one in compared:
        found.setdefault(one.signature, []).append(_entry(one))
    failing = {name for name, entries in found.items() if decisive and any(e["result"] == "failed" for e in entries)}
    signatures = [_with_checks(one, found, one["id"] in failing) for one in answer["signatures"]]
    changed = {**answer, "signatures": signatures}
    if failing and answer["indication"] not in {"TOTAL-FAILED", "REFUSED"}:
        first = next(e for name in found if name in failing for e in found[name] if e["result"] == "failed")
        changed |= {"indication": "TOTAL-FAILED", "sub_indication": _SUB, "reason": first["text"]}
    return changed


_SUB: Final = "SIG_CONSTRAINTS_FAILURE"


def _with_checks(one: Mapping[str, Any], found: Mapping[str, list[dict[str, str]]], failing: bool) -> dict[str, Any]:
    entry = {**one, "checks": [*one["checks"], *found.get(one["id"], ())]}
    if failing and one["indication"] != "TOTAL-FAILED":
        entry |= {"indication": "TOTAL-FAILED", "sub_indication": _SUB}
    return entry


def _entry(one: Compared) -> dict[str, str]:
    name, code = _CODES[one.what]
    result = _RESULTS.get(one.result, "unknown")
    why = _why(one)
    return {"name": name, "code": code, "result": result, "why": why, "text": texts.explain_result(code, result)}


def _why(one: Compared) -> str:
    return texts.report_words("comparison").get(one.why, "") or f"重合度 {one.overlap:.0%}"


def tell_comparisons(compared: Sequence[Compared], answer: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """Answer the comparisons as a report shows them, pictures side by side, under the seals' own names."""
    names = {one.id: one.seal.name for one in read_answer(answer).signatures if one.seal}
    return tuple(_told(compared, names))


def _told(compared: Sequence[Compared], names: Mapping[str, str]) -> Iterator[Comparison]:
    results = texts.report_words("results")
    for one in compared:
        state = _RESULTS.get(one.result, "unknown")
        sentence = texts.explain_result(_CODES[one.what][1], state)
        pictures = tuple((_CAPTIONS[name], picture) for name, picture in one.pictures if name in _CAPTIONS)
        yield Comparison(
            f"印模比对：{names.get(one.signature) or one.signature}",
            state,
            results[state],
            f"{sentence}{_why(one)}",
            pictures,
        )
