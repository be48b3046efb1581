"""Judging seals and signatures: the steps of GB/T 38540-2020 and GM/T 0031 as named checks, pure.

`verify_pdf` and `verify_esl` gather and judge; `judge_*` take evidence only. Steps that depend on time are judged
at the proven time (a valid timestamp), else at the claimed one; then a certificate that is no longer good at `at`
leaves the answer open, because nothing proves that the signature is older.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sealing import ses
from sealing.evidence import DocumentEvidence, Payload, SignatureEvidence, gather_pdf
from sealing.judging import (
    Policy,
    check_identity,
    check_not_later,
    make_policy,
    policy_words,
    read_certificate,
    read_certificates,
    read_signer,
    soften_untrusted,
)
from sealing.judging_archive import Archive, prove_archive
from sealing.judging_finish import finish_reports
from sealing.judging_identity import Expected
from sealing.judging_message import judge_cms, judge_document_timestamp, judge_unknown
from sealing.judging_seal import judge_seal, judge_ses, seal_facts, seal_notices
from sealing.judging_state import SealStatuses
from sealing.report import Basis, DocumentVerdict, SignatureKind, SignatureReport, TimeSource
from sealing.seal import TITLES, SealKind
from signing.checks import Check, SubIndication, Verdict, check
from signing.path import RevocationEvidence, TrustAnchors
from signing.pdf_changes import Change
from signing.policy import PolicyFacts, ValidationPolicy


def verify_pdf(
    path: Path,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    expect_uscc: str = "",
    require_seals: Collection[SealKind | str] = (),
    policy: ValidationPolicy | None = None,
    expect: Expected | None = None,
    statuses: SealStatuses | None = None,
    password: str | None = None,
) -> DocumentVerdict:
    """Find and judge every signature, seal and timestamp of a PDF; `password` opens an encrypted one.

    `policy` says what is accepted (DEFAULT_POLICY), `expect` who should have signed (`expect_uscc` is short for its
    code), `statuses` are the seal platform's signed answers: without them the seal's state is "not asked".
    Raises the errors of `signing.pdf_reading` for a file that cannot be read. A hostile file can also cost much
    time: callers run this in a child process with limits.
    """
    asked = make_policy(anchors, evidence, at, expect_uscc=expect_uscc, rules=policy, expect=expect, statuses=statuses)
    verdict = judge_document(gather_pdf(path, password), asked, require_seals)
    return replace(verdict, warnings=(*policy_words(anchors, asked.rules), *verdict.warnings))


def verify_esl(
    data: bytes,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    expect_uscc: str = "",
    require_seals: Collection[SealKind | str] = (),
    policy: ValidationPolicy | None = None,
    expect: Expected | None = None,
    statuses: SealStatuses | None = None,
) -> DocumentVerdict:
    """Judge a seal by itself (an `.esl` file) as of `at` (GM/T 0031 6.1.2); what is asked as in `verify_pdf`.

    Raises SealFormatError.
    """
    seal = ses.parse_seal(data)
    asked = make_policy(anchors, evidence, at, expect_uscc=expect_uscc, rules=policy, expect=expect, statuses=statuses)
    verdict = soften_untrusted(
        Verdict(
            check("format", ok=True, code="FMT_CMS"),
            *judge_seal(seal, asked, at),
            warnings=seal_notices(seal, asked),
        )
    )
    owners, maker = read_certificates(seal.info.property.certificates), read_certificate(seal.certificate)
    if asked.expect_uscc:
        verdict += Verdict(check_identity(owners, asked.expect_uscc))
    report = SignatureReport(
        id=seal.info.number,
        kind=SignatureKind.SEAL,
        profile=f"SES-v{seal.layout}-seal",
        verdict=verdict,
        signer=read_signer(maker),
        seal=seal_facts(seal),
        signed_at=seal.info.property.created,
        time_source=TimeSource.CLAIMED,
        covers="whole-document",
        basis=Basis(maker=maker, owners=tuple(owners), judged_at=at),
    )
    reports = finish_reports((report,), asked)
    missing = _missing(reports, require_seals)
    words = (*policy_words(anchors, asked.rules), *reports[0].verdict.warnings, *_missing_words(missing))
    return DocumentVerdict(reports, words, missing=missing, policy=PolicyFacts.of(asked.rules))


def judge_document(
    evidence: DocumentEvidence, policy: Policy, require_seals: Collection[SealKind | str] = ()
) -> DocumentVerdict:
    """Judge everything that was gathered from one PDF."""
    embedded = evidence.embedded
    policy = replace(policy, evidence=policy.evidence + embedded.evidence, known=embedded.certificates)
    archive = prove_archive(evidence, policy)
    reports = tuple(judge_signature(one, policy, archive) for one in evidence.signatures)
    intact = {r.id for r in reports if not r.verdict.failed and "kind" not in r.verdict.unknown}
    reports = tuple(replace(r, changes_after=_unvouched(r.changes_after, intact)) for r in reports)
    reports = tuple(_with_level(r, one, evidence, intact) for r, one in zip(reports, evidence.signatures, strict=True))
    reports = finish_reports(reports, policy)
    missing = _missing(reports, require_seals)
    warnings = [f"{r.id}：{text}" for r in reports for text in r.verdict.warnings]
    warnings += embedded.notes
    facts = PolicyFacts.of(policy.rules)
    return DocumentVerdict(reports, (*warnings, *_missing_words(missing)), evidence.mode, missing, facts)


def _with_level(
    report: SignatureReport, one: SignatureEvidence, document: DocumentEvidence, intact: Collection[str]
) -> SignatureReport:
    """Say how lasting a PAdES signature is (EN 319 142-1 6.3): by validation data and a later archive timestamp."""
    kept, (level, plus, inside) = document.embedded, report.profile.partition("+")
    if level != "PAdES-B-T" or not (kept.certificates and (kept.evidence.crls or kept.evidence.ocsps)):
        return report
    archived = any(
        later.payload is Payload.TIMESTAMP
        and later.signature.end > one.signature.end
        and later.signature.name in intact
        for later in document.signatures
    )
    return replace(report, profile=f"PAdES-B-{'LTA' if archived else 'LT'}{plus}{inside}")


def _missing(reports: Iterable[SignatureReport], required: Collection[SealKind | str]) -> tuple[SealKind, ...]:
    present = {report.seal.kind for report in reports if report.seal}
    return tuple(SealKind(kind) for kind in required if SealKind(kind) not in present)


def _missing_words(missing: Iterable[SealKind]) -> list[str]:
    return [f"缺少要求的{TITLES[kind]}。" for kind in missing]


def judge_signature(evidence: SignatureEvidence, policy: Policy, archive: Archive | None = None) -> SignatureReport:
    """Judge one signature field by the kind of its contents, as of what later timestamps prove of it."""
    judges = {
        Payload.SEAL: judge_ses,
        Payload.CMS: judge_cms,
        Payload.GM_CMS: judge_cms,
        Payload.TIMESTAMP: judge_document_timestamp,
        Payload.UNKNOWN: judge_unknown,
    }
    proven = archive.policy_for(evidence.signature, policy) if archive else policy
    known = archive.report_of(evidence) if archive else None
    report = known or judges[evidence.payload](evidence, proven)
    judged = soften_untrusted(report.verdict)
    late = check_not_later(report.signed_at, policy.at, policy.rules.slack)
    verdict = Verdict(*_structure(evidence), *judged.checks, *late, *_modified(evidence.changes))
    verdict = replace_warnings(verdict, (*judged.warnings, *evidence.remarks))
    signature = evidence.signature
    return replace(
        report,
        verdict=verdict,
        covers=str(signature.covers),
        page=signature.page,
        changes_after=evidence.changes,
        basis=replace(report.basis, signed_bytes=signature.end, revision=signature.revision + 1),
    )


def replace_warnings(verdict: Verdict, warnings: Iterable[str]) -> Verdict:
    """Answer the same checks with these warnings, each once."""
    return Verdict(*verdict.checks, warnings=tuple(dict.fromkeys(warnings)))


# Shared steps


def _structure(evidence: SignatureEvidence) -> list[Check]:
    defects = evidence.signature.defects
    sub = SubIndication.FORMAT_FAILURE
    return [check("byte-range", not defects, code="FMT_BYTERANGE", sub=sub, why="".join(defects))]


def _modified(changes: tuple[Change, ...]) -> list[Check]:
    denied = [c for c in changes if not c.allowed]
    places = "；".join(f"第 {c.page} 页：{c.what}" if c.page else c.what for c in denied[:5])
    return [check("changes", not denied, code="MODIFIED", sub=SubIndication.FORMAT_FAILURE, why=places)]


def _unvouched(changes: tuple[Change, ...], intact: set[str]) -> tuple[Change, ...]:
    """Drop what was allowed and is itself under a later intact signature: that is no change after the signing."""
    return tuple(c for c in changes if not (c.allowed and c.vouched_by in intact))
