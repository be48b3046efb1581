"""Signed containers of others (ASiC-E and ASiC-S, EN 319 162-1) as files to verify."""

from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from bidding.verification_messages import (
    complete_verdict,
    policy_of,
    report_signer,
    report_token,
)
from bidding.verification_report import FileReport, Question, document_report, gather_warnings
from sealing.report import DocumentVerdict, SignatureKind, SignatureReport
from sealing.seal import SealKind
from signing.asic import MAX_SIGNATURE, AsicReport, AsicSignature, Kind, verify_asic
from signing.asic_zip import ZipIndex, read_content, read_index
from signing.checks import Verdict
from signing.cms_parsing import ParsedCms, parse_signers
from signing.errors import SigningError
from signing.path import Purpose
from signing.timestamps import parse_token

_PROFILES: Final = {Kind.XADES: "XAdES", Kind.EVIDENCE: "evidence-record", Kind.MANIFEST: "ASiC-Manifest"}


def judge_asic(path: Path, question: Question) -> FileReport:
    """Answer for a container: one entry for each signature or timestamp in it, with the files that it covers.

    Raises LimitError, MalformedError or UnsupportedAlgorithmError for a ZIP that not everybody reads in the same way.
    """
    with path.open("rb") as stream:
        found = verify_asic(stream, anchors=question.trust, evidence=question.trust.evidence, purpose=Purpose.LICENCE)
        index = read_index(stream, stream.seek(0, 2))
        reports = tuple(_report(one, _read(stream, index, one), found, question) for one in found.signatures)
    missing = tuple(SealKind(kind) for kind in question.require_seals)
    warnings = tuple(dict.fromkeys((*found.warnings, *gather_warnings(reports))))
    extras: dict[str, dict[str, Any]] = {
        one.name: {"covered": list(one.covered), "manifest": one.manifest, "container": found.form}
        for one in found.signatures
    }
    return document_report(path, question, "asice", DocumentVerdict(reports, warnings, missing=missing), extras)


def _read(stream: BinaryIO, index: ZipIndex, one: AsicSignature) -> bytes:
    """Answer the bytes of a signature; none for what cannot be read, which its verdict says."""
    entry = index.find(one.name)
    if entry is None or entry.is_folder or one.kind not in (Kind.CADES, Kind.TIMESTAMP):
        return b""
    try:
        return read_content(stream, entry, limit=MAX_SIGNATURE)
    except SigningError:
        return b""


def _report(one: AsicSignature, data: bytes, found: AsicReport, question: Question) -> SignatureReport:
    covers = "whole-document" if one.covered and set(one.covered) >= set(found.objects) else "partial"
    try:
        if one.kind is Kind.TIMESTAMP:
            return report_token(one.name, parse_token(data), one.verdict, question, covers=covers)
        if one.kind is Kind.CADES:
            return _report_messages(one, parse_signers(data), question, covers)
    except SigningError:
        pass  # what is wrong with it is in its verdict
    kind = SignatureKind.TIMESTAMP if one.kind is Kind.TIMESTAMP else SignatureKind.SIGNATURE
    return SignatureReport(one.name, kind, _PROFILES.get(one.kind, one.kind.value), one.verdict)


def _report_messages(
    one: AsicSignature, messages: tuple[ParsedCms, ...], question: Question, covers: str
) -> SignatureReport:
    """Answer a message of one or more signers: the verdict is that of all, who and when are the first's."""
    first, *others = messages
    policy = policy_of(question, first.signed.certificates)
    report = report_signer(one.name, first, one.verdict, policy, covers=covers)
    if not others:
        return report
    names = "、".join(str(message.certificate.common_name) for message in others if message.certificate)
    verdict = complete_verdict(list(messages), one.verdict, policy)
    word = f"另有 {len(others)} 名签名人（{names}），结论是全部签名人的。"
    whole = Verdict(*verdict.checks, warnings=(*verdict.warnings, word))
    return replace(report, verdict=whole)
