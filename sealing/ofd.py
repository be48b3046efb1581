"""Verifying OFD packages (OFD 验证): gather from the package, then judge by the steps of the seal standards, pure."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sealing.judging import Policy, make_policy, policy_words
from sealing.judging_finish import finish_reports
from sealing.judging_identity import Expected
from sealing.judging_state import SealStatuses
from sealing.ofd_evidence import OfdEvidence, gather_ofd
from sealing.ofd_judging import judge_ofd_signature, judge_protection
from sealing.report import DocumentVerdict
from sealing.seal import TITLES, SealKind
from signing.certificates import Certificate
from signing.path import RevocationEvidence, TrustAnchors
from signing.policy import PolicyFacts, ValidationPolicy


def verify_ofd(
    path: Path,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    expect_uscc: str = "",
    require_seals: Collection[SealKind | str] = (),
    known: tuple[Certificate, ...] = (),
    policy: ValidationPolicy | None = None,
    expect: Expected | None = None,
    statuses: SealStatuses | None = None,
) -> DocumentVerdict:
    """Find and judge every seal and signature of an OFD package, and its signed list of files (GM/T 0099).

    `known` are certificates from elsewhere, for signatures that carry none; `policy`, `expect` and `statuses` as in
    `sealing.verify.verify_pdf`. Raises UnreadableOfdError,
    EncryptedOfdError, MalformedError, LimitError and UnsupportedAlgorithmError. A hostile file can also cost much
    time: callers run this in a child process with limits.
    """
    asked = make_policy(
        anchors,
        evidence,
        at,
        expect_uscc=expect_uscc,
        rules=policy,
        expect=expect,
        statuses=statuses,
        known=known,
    )
    verdict = judge_ofd(gather_ofd(path), asked, require_seals)
    return replace(verdict, warnings=(*policy_words(anchors, asked.rules), *verdict.warnings))


def judge_ofd(evidence: OfdEvidence, policy: Policy, require_seals: Collection[SealKind | str] = ()) -> DocumentVerdict:
    """Judge everything that was gathered from one package."""
    reports = [judge_ofd_signature(one, evidence, policy) for one in evidence.signatures]
    if evidence.protection is not None:
        reports.append(judge_protection(evidence.protection, evidence, policy))
    reports = list(finish_reports(reports, policy))
    present = {report.seal.kind for report in reports if report.seal}
    missing = tuple(SealKind(kind) for kind in require_seals if SealKind(kind) not in present)
    warnings = [
        *evidence.remarks,
        *(f"{report.id}：{text}" for report in reports for text in report.verdict.warnings),
        *(f"缺少要求的{TITLES[kind]}。" for kind in missing),
    ]
    return DocumentVerdict(tuple(reports), tuple(warnings), evidence.mode, missing, PolicyFacts.of(policy.rules))
