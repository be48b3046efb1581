"""The question of a verification and its answer, which is the JSON object of the command line (design.md 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sealing import texts
from sealing.report import DocumentVerdict, SignatureReport
from signing.checks import Check, Indication, Result, Verdict
from signing.path import TrustAnchors

POLICY = "yizhao-2026.1"


@dataclass(frozen=True)
class ContentFile:
    """The file (原文) that a detached signature or a timestamp is about.

    `given` says that the asker named it; otherwise it lay beside the signature under the name that this suggests.
    """

    path: Path
    name: str
    given: bool = True


@dataclass(frozen=True)
class Question:
    """What the asker wants to know beyond the signatures themselves."""

    trust: TrustAnchors
    at: datetime
    expect_uscc: str = ""
    require_seals: tuple[str, ...] = ()
    password: str = ""
    bundle_sm3: str = ""
    """A receipt must be about the bundle with this SM3, hex; empty: not asked."""
    content: ContentFile | None = None


@dataclass(frozen=True)
class FileReport:
    """One file's answer; `as_json` is the published form (design.md 5)."""

    file: str
    sha256: str
    sm3: str
    format: str
    indication: Indication
    sub_indication: str
    trust: dict[str, Any]
    signatures: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    reason: str
    read_mode: str = "strict"

    def as_json(self) -> dict[str, Any]:
        """Answer the object that `yizhao verify --json` prints."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "sm3": self.sm3,
            "format": self.format,
            "indication": str(self.indication),
            "sub_indication": self.sub_indication,
            "policy": POLICY,
            "trust": self.trust,
            "read_mode": self.read_mode,
            "signatures": list(self.signatures),
            "warnings": list(self.warnings),
            "reason": self.reason,
        }


def refused(name: str, trust: TrustAnchors, why: str, kind: str = "unknown") -> FileReport:
    """Give the answer for input that cannot be judged."""
    return FileReport(name, "", "", kind, Indication.REFUSED, "", trust_words(trust), (), (), why)


def trust_words(trust: TrustAnchors) -> dict[str, Any]:
    """Answer which trust list was asked."""
    return {"name": trust.name, "version": trust.version, "sandbox": trust.sandbox, "fingerprint": trust.fingerprint}


def check_words(item: Check) -> dict[str, Any]:
    """Answer a check with its words."""
    return {
        "name": item.name,
        "code": item.code,
        "result": str(item.result),
        "why": item.why,
        "text": texts.explain(item.code, item.result),
    }


def explain_verdict(verdict: Verdict) -> str:
    """One sentence that says why (validation.md 4.3)."""
    worst = verdict.worst
    if worst.result is Result.OK:
        return texts.verdict_sentence(verdict.indication, warnings=bool(verdict.warnings))
    return texts.explain(worst.code, worst.result) + (f"（{worst.why}）" if worst.why else "")


def document_report(
    path: Path,
    question: Question,
    kind: str,
    verdict: DocumentVerdict,
    extras: Mapping[str, Mapping[str, Any]] | None = None,
) -> FileReport:
    """Answer for a file with any number of signatures; `extras` are further fields of entries, by their id."""
    more, worst = extras or {}, verdict.worst
    if verdict.missing:
        reason = texts.explain("SEAL_MISSING", Result.FAILED)
    elif worst is None:
        reason = texts.verdict_sentence(Indication.NO_SIGNATURE)
    elif worst.indication is Indication.TOTAL_PASSED:
        reason = texts.verdict_sentence(worst.indication, warnings=bool(verdict.warnings or worst.verdict.warnings))
    else:
        reason = explain_verdict(worst.verdict)
    return FileReport(
        file=path.name,
        sha256="",
        sm3="",
        format=kind,
        indication=verdict.indication,
        sub_indication=verdict.sub_indication or "",
        trust=trust_words(question.trust),
        signatures=tuple({**_signature(one), **more.get(one.id, {})} for one in verdict.signatures),
        warnings=verdict.warnings,
        reason=reason,
        read_mode=verdict.read_mode,
    )


def _signature(report: SignatureReport) -> dict[str, Any]:
    """Answer the signature's own published form, with the words of each check beside its code."""
    return {**report.as_json(), "checks": [check_words(item) for item in report.verdict.checks]}


def gather_warnings(reports: Iterable[SignatureReport]) -> tuple[str, ...]:
    """Answer the warnings of all signatures, each once, with the signature's name when there are several."""
    listed = list(reports)
    words = (f"{one.id}：{text}" if len(listed) > 1 else text for one in listed for text in one.verdict.warnings)
    return tuple(dict.fromkeys(words))
