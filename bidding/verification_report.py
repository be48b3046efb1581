"""The question of a verification and its answer, which is the JSON object of the command line (design.md 5)."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sealing import texts
from sealing.judging_identity import Expected
from sealing.judging_state import SealStatuses
from sealing.report import DocumentVerdict, SealFacts, SignatureReport
from signing.checks import Check, Indication, Result, Verdict
from signing.digests import sm3
from signing.path import TrustAnchors
from signing.policy import DEFAULT_POLICY, PolicyFacts, ValidationPolicy

MAX_PICTURE: Final = 128 << 10
"""Bytes of a seal's picture that an answer carries; of a larger one it gives the digest only."""


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
    policy: ValidationPolicy = DEFAULT_POLICY
    partners: tuple[str, ...] = ()
    """Credit codes of the partners of a joint venture (联合体成员), who may sign as well."""
    person_name: str = ""
    """Whose personal seal or signature it should be."""
    statuses: SealStatuses | None = None
    """What the seal platform answered; None: nobody asked."""

    @property
    def units(self) -> tuple[str, ...]:
        """Answer the credit codes of all units that may sign; empty: any."""
        return tuple(code for code in (self.expect_uscc, *self.partners) if code)

    @property
    def expect(self) -> Expected | None:
        """Answer who should have signed, where that is more than one code."""
        if not self.partners and not self.person_name:
            return None
        return Expected(self.expect_uscc, self.partners, person_name=self.person_name)


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
    size: int = 0
    """Bytes; 0 when not told."""
    at: datetime | None = None
    """As of when it was judged."""
    policy: PolicyFacts | None = None
    code: str = ""
    """Why it was refused, for programs; empty when it was judged."""

    def as_json(self) -> dict[str, Any]:
        """Answer the object that `yizhao verify --json` prints."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "sm3": self.sm3,
            "format": self.format,
            "indication": str(self.indication),
            "sub_indication": self.sub_indication,
            "policy": self.policy.id if self.policy else DEFAULT_POLICY.id,
            "policy_details": vars(self.policy) if self.policy else None,
            "trust": self.trust,
            "read_mode": self.read_mode,
            "signatures": list(self.signatures),
            "warnings": list(self.warnings),
            "reason": self.reason,
            "code": self.code,
            "size": self.size,
            "at": _instant(self.at) or "",
        }


def refused(name: str, trust: TrustAnchors, why: str, kind: str = "unknown", code: str = "unreadable") -> FileReport:
    """Give the answer for input that cannot be judged."""
    return FileReport(name, "", "", kind, Indication.REFUSED, "", trust_words(trust), (), (), why, code=code)


def trust_words(trust: TrustAnchors) -> dict[str, Any]:
    """Answer which trust list was asked, which edition it is, and until when it is current."""
    return {
        "name": trust.name,
        "version": trust.version,
        "sandbox": trust.sandbox,
        "fingerprint": trust.fingerprint,
        "number": trust.number,
        "issued_at": _instant(trust.issued_at),
        "next_update": _instant(trust.next_update),
    }


def _instant(at: datetime | None) -> str | None:
    try:
        return at.astimezone(UTC).isoformat() if at else None
    except OverflowError:  # at the very ends of the calendar
        return at.isoformat() if at else None


def trust_notices(trust: TrustAnchors, at: datetime) -> tuple[str, ...]:
    """Say when the list should have been renewed by then: what it says may be out of date."""
    if trust.next_update is None or at <= trust.next_update:
        return ()
    return (f"信任名单 {trust.name} 应在 {trust.next_update:%Y-%m-%d %H:%M:%S} UTC 前更新，已过期限，可能不是最新的。",)


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
        size=path.stat().st_size,
        at=question.at,
    )


def _signature(report: SignatureReport) -> dict[str, Any]:
    """Answer the signature's own published form, with the words of each check beside its code."""
    entry = {**report.as_json(), "checks": [check_words(item) for item in report.verdict.checks]}
    if report.seal:
        entry["seal"] = {**seal_words(report.seal), **entry["seal"]}
    return entry


def seal_words(seal: SealFacts) -> dict[str, Any]:
    """Answer what a report shows of a seal beside its name: who made it, how long it is good, and its picture."""
    carried = b64encode(seal.picture).decode() if len(seal.picture) <= MAX_PICTURE else ""
    return {
        "maker": seal.maker,
        "not_before": seal.not_before.astimezone(UTC).isoformat(),
        "not_after": seal.not_after.astimezone(UTC).isoformat(),
        "picture": {"format": seal.picture_format, "sm3": sm3(seal.picture).hex(), "data": carried},
    }


def gather_warnings(reports: Iterable[SignatureReport]) -> tuple[str, ...]:
    """Answer the warnings of all signatures, each once, with the signature's name when there are several."""
    listed = list(reports)
    words = (f"{one.id}：{text}" if len(listed) > 1 else text for one in listed for text in one.verdict.warnings)
    return tuple(dict.fromkeys(words))
