"""Judging a batch of files in bounded children (核验引擎): what the command line, the pages and the API all call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from bidding.errors import PictureError, ReportAnswerError
from bidding.evidence import DocumentPart, Evidence, differences, document_part
from bidding.isolation import WALL_SECONDS, WorkerDiedError, patience
from bidding.reporting.picture_types import Compared
from bidding.verification_asking import Asked
from bidding.verification_batch import Item
from bidding.verification_report import refused
from signing.digests import Sm3, read_chunks
from signing.path import TrustAnchors

PASSWORD_CODES: Final = frozenset({"pdf_password_needed", "pdf_password_wrong"})
"""A file that is refused with one of these can be judged once its password is given."""


class Worker(Protocol):
    """One bounded child, or several."""

    def ask(self, request: dict[str, Any], *, seconds: float = WALL_SECONDS) -> dict[str, Any]:
        """Answer the child's answer; WorkerDiedError."""


@dataclass(frozen=True)
class Judged:
    """One file with its answer, and the SM3 (hex) of the file that its detached signature is about."""

    item: Item
    answer: dict[str, Any]
    content_sm3: str = ""
    compared: tuple[Compared, ...] = ()
    """Comparisons of impressions, with their pictures, for a report."""

    @property
    def part(self) -> DocumentPart:
        """Answer what evidence keeps of it."""
        return document_part(self.answer, self.content_sm3)


@dataclass(frozen=True)
class Engine:
    """`trust` is named in the answers about files that no child could judge."""

    worker: Worker
    trust: TrustAnchors
    evidence: Evidence | None = None
    """What is replayed; None: files are judged anew."""

    def judge(self, item: Item, asked: Asked, password: str = "") -> Judged:
        """Answer for one file, whatever it does to its parser."""
        if item.refusal:
            return Judged(item, self._refused(item.name, *item.refusal))
        try:
            if not item.path.is_file():
                why = "找不到这个文件，或它不是普通文件。"
                return Judged(item, self._refused(item.name, "not_found", why))
            size = item.path.stat().st_size + (_size(item.content) if item.content else 0)
            request = asked.request(item.path, content=item.content, password=password)
            answer = self.worker.ask(request, seconds=patience(size)) | {"file": item.name}
            content = _digest(Path(item.content["file"])) if item.content and self._keeps(asked) else ""
        except WorkerDiedError as error:
            return Judged(item, self._refused(item.name, f"resources_{error.cause}", error.why))
        except OSError as error:
            return Judged(item, self._refused(item.name, "unreadable", f"文件无法读取：{error.strerror}。"))
        return self._replayed(_compared(Judged(item, answer, content), asked), asked)

    def _keeps(self, asked: Asked) -> bool:
        return bool(asked.evidence)

    def _replayed(self, judged: Judged, asked: Asked) -> Judged:
        """Compare with the verdict of then; a document that the evidence does not know is refused."""
        if self.evidence is None or not judged.answer["sm3"]:
            return judged
        kept = self.evidence.find(judged.answer["sm3"])
        if kept is None or kept.content_sm3 != judged.content_sm3:
            what = "这份文件" if kept is None else "所给的原文"
            why = f"证据文件中没有{what}（SM3 不同），不能据它重新核验。"
            return Judged(judged.item, self._refused(judged.item.name, "evidence_other_document", why))
        found, other = differences(kept, judged.part), bool(asked.policy)
        replay = {"same": not found, "differences": list(found), "other_policy": other, "evidence": self.evidence.sm3}
        warnings = list(judged.answer["warnings"])
        if found:
            because = "所用策略不同" if other else "程序的规则可能已改变"
            warnings.append(f"与证据保存时的结论不同（{because}）：{'；'.join(found[:5])}")
        return replace(judged, answer={**judged.answer, "warnings": warnings, "replay": replay})

    def _refused(self, name: str, code: str, why: str) -> dict[str, Any]:
        return refused(name, self.trust, why, code=code).as_json()


def judge_side_by_side(
    engine: Engine,
    items: Sequence[Item],
    asked: Asked,
    password: str = "",
    *,
    each: Callable[[Judged], None] = lambda _: None,
) -> list[Judged]:
    """Judge with as many children as the engine's pool has; `each` is told of every file, in any order."""

    def one(item: Item) -> Judged:
        judged = engine.judge(item, asked, password)
        each(judged)
        return judged

    worker = engine.worker
    side_by_side = getattr(worker, "map", map)
    return list(side_by_side(one, items))


def refuse_all(items: Sequence[Item], trust: TrustAnchors, code: str, why: str) -> list[Judged]:
    """Refuse every file for a reason that lies elsewhere."""
    return [Judged(item, refused(item.name, trust, why, code=code).as_json()) for item in items]


def _compared(judged: Judged, asked: Asked) -> Judged:
    """Compare what is drawn with the pictures inside the seals and a filed impression (印模), when that was asked."""
    answer = judged.answer
    if not (asked.impression or asked.compare) or answer["indication"] == "REFUSED":
        return judged
    from bidding.reporting.comparing import (  # noqa: PLC0415 - costs a second, and only who compares pays
        ask_comparison,
        with_comparisons,
    )

    try:
        compared = ask_comparison(answer, judged.item.path, asked.impression)
    except (PictureError, ReportAnswerError):
        warnings = [*answer["warnings"], "印模比对没有完成：图像无法读取。"]
        return replace(judged, answer={**answer, "warnings": warnings})
    return replace(judged, answer=with_comparisons(answer, compared), compared=compared)


def _size(content: dict[str, Any]) -> int:
    return Path(content["file"]).stat().st_size


def _digest(path: Path) -> str:
    state = Sm3()
    with path.open("rb") as stream:
        for chunk in read_chunks(stream):
            state.update(chunk)
    return state.hexdigest()
