"""Judging CMS signatures and document timestamps in PDF: what `signing.cms` and `signing.timestamps` say of them."""

from typing import Any

from sealing.evidence import Payload, SignatureEvidence
from sealing.judging import Policy, check_identity, check_still_good, read_signer
from sealing.judging_inner import add_inner_seal
from sealing.report import SignatureKind, SignatureReport, TimeSource
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.cms import ParsedCms, parse_cms, verify_attached, verify_detached
from signing.cms_judging import Judge
from signing.errors import SigningError
from signing.path import Purpose
from signing.timestamps import TimestampToken, parse_token, verify_token


def judge_cms(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:
    """Judge the contents of a signature field that holds a CMS message."""
    name, profile = evidence.signature.name, _cms_profile(evidence)
    try:
        parsed = parse_cms(evidence.message)
        verdict = _cms_verdict(evidence, parsed, policy)
        stamp = _find_stamp(parsed, policy)
    except SigningError as error:
        broken = check("format", ok=False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=str(error))
        return SignatureReport(name, SignatureKind.SIGNATURE, profile, Verdict(broken))
    certificate = parsed.certificate
    if stamp is None and certificate is not None:
        verdict = _without_proof(verdict, check_still_good(certificate, policy))
    if policy.expect_uscc:
        verdict += Verdict(check_identity([certificate] if certificate else [], policy.expect_uscc))
    claimed = parsed.signing_time or evidence.signature.claimed_time
    report = SignatureReport(
        id=name,
        kind=SignatureKind.SIGNATURE,
        profile="PAdES-B-T" if stamp and profile == "PAdES-B-B" else profile,
        verdict=verdict,
        signer=read_signer(certificate),
        signed_at=stamp.gen_time if stamp else claimed,
        time_source=TimeSource.TIMESTAMP if stamp else TimeSource.CLAIMED if claimed else TimeSource.NONE,
        authority=stamp.certificate.common_name if stamp and stamp.certificate else "",
    )
    return add_inner_seal(report, evidence, certificate, policy)


def _without_proof(verdict: Verdict, checks: list[Check]) -> Verdict:
    told = any(text.startswith("TIME_UNTRUSTED") for text in verdict.warnings)
    unproven = () if told else ("TIME_UNTRUSTED：签名时间取自签名者本机，未经可信时间戳证明。",)
    return Verdict(*verdict.checks, *checks, warnings=(*verdict.warnings, *unproven))


def _cms_verdict(evidence: SignatureEvidence, parsed: ParsedCms, policy: Policy) -> Verdict:
    trust: dict[str, Any] = {
        "anchors": policy.anchors,
        "evidence": policy.evidence,
        "purpose": Purpose.LICENCE,
        "at": None if parsed.signing_time else evidence.signature.claimed_time,
        "strict": False,
        "known": policy.known,
    }
    if evidence.payload is Payload.GM_CMS and parsed.content is not None:
        same = parsed.content == evidence.digests.get("sm3")
        inner = check("content", same, code="HASH", sub=SubIndication.HASH_FAILURE)
        return Verdict(inner) + verify_attached(evidence.message, **trust)
    if not parsed.signer.signed_attributes and evidence.content is not None:
        return verify_attached(evidence.message, content=evidence.content, **trust)
    return verify_detached(evidence.message, content_digest=lambda name: evidence.digests.get(name, b""), **trust)


def _find_stamp(parsed: ParsedCms, policy: Policy) -> TimestampToken | None:
    """Answer the token by which the verdict was reached: of several, the one that holds, wherever it stands."""
    judge = Judge(parsed, None, policy.anchors, policy.evidence, strict=False, known=policy.known)
    return judge.judge_tokens()[1]


def _cms_profile(evidence: SignatureEvidence) -> str:
    if evidence.payload is Payload.GM_CMS:
        return "GM-CMS"
    return "PAdES-B-B" if evidence.signature.sub_filter == "/ETSI.CAdES.detached" else "PKCS7"


def judge_document_timestamp(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:
    """Judge a document timestamp (ETSI.RFC3161)."""
    name = evidence.signature.name
    try:
        token = parse_token(evidence.message)
    except SigningError as error:
        broken = check("timestamp-format", ok=False, code="TST_BAD", sub=SubIndication.FORMAT_FAILURE, why=str(error))
        return SignatureReport(name, SignatureKind.TIMESTAMP, "RFC3161", Verdict(broken))
    imprint = evidence.digests.get(token.digest_algorithm, b"")
    verdict = verify_token(
        evidence.message,
        imprint=imprint,
        anchors=policy.anchors,
        evidence=policy.evidence,
        strict=False,
        certificates=policy.known,
    )
    return SignatureReport(
        id=name,
        kind=SignatureKind.TIMESTAMP,
        profile="RFC3161",
        verdict=verdict,
        signer=read_signer(token.certificate),
        signed_at=token.gen_time,
        time_source=TimeSource.TIMESTAMP,
        authority=token.certificate.common_name if token.certificate else "",
    )


def judge_unknown(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:  # noqa: ARG001 - one shape
    """Name what cannot be judged."""
    kind = evidence.signature.sub_filter.removeprefix("/") or "（未注明）"
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    named = Check("kind", "SUPERSEDED_KIND", Result.UNKNOWN, f"签名类型 {kind}", sub)
    return SignatureReport(evidence.signature.name, SignatureKind.SIGNATURE, kind, Verdict(named))
