"""Judging CMS signatures and document timestamps in PDF: what `signing.cms` and `signing.timestamps` say of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from sealing import ses
from sealing.evidence import Payload, SignatureEvidence
from sealing.judging import Policy, check_identity, check_still_good, judge_for, read_signer
from sealing.judging_inner import add_inner_seal
from sealing.judging_stamps import NO_STAMP, JudgedStamp, SignatureTime, find_time, judge_token, weigh_stamp
from sealing.report import Basis, SignatureKind, SignatureReport, TimeSource
from signing import der
from signing.algorithm_uses import Use, check_uses, path_uses, signer_uses, token_uses
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.cms import ParsedCms, parse_cms, verify_attached, verify_detached
from signing.cms_judging import Judge
from signing.errors import SigningError
from signing.path import PathJudgement, Purpose, RevocationEvidence, TrustAnchors
from signing.poe import ProofKind
from signing.timestamps import parse_token

_SM3_SIZE = 32
_UNTIMED = "TIME_UNTRUSTED：签名时间取自签名者本机，未经可信时间戳证明。"


def judge_cms(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:
    """Judge the contents of a signature field that holds a CMS message."""
    name, profile = evidence.signature.name, _cms_profile(evidence)
    try:
        parsed = parse_cms(evidence.message, policy.known)
        verdict = _cms_verdict(evidence, parsed, policy)
        more = (Use("sha1", 0, "原文的摘要"),) if _is_wrapped(evidence) else ()
        claimed = evidence.signature.claimed_time
        report = report_message(name, profile, parsed, verdict, policy, claimed=claimed, uses=more)
    except SigningError as error:
        return broken_message(name, profile, error)
    if report.profile == "PAdES-B-B" and report.basis.stamped:
        report = replace(report, profile="PAdES-B-T")
    return add_inner_seal(report, evidence, parsed.certificate, policy)


def broken_message(name: str, profile: str, error: Exception) -> SignatureReport:
    """Report a message that cannot be read."""
    broken = check("format", ok=False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=str(error))
    return SignatureReport(name, SignatureKind.SIGNATURE, profile, Verdict(broken))


def report_message(
    name: str,
    profile: str,
    parsed: ParsedCms,
    verdict: Verdict,
    policy: Policy,
    *,
    claimed: datetime | None,
    uses: tuple[Use, ...] = (),
) -> SignatureReport:
    """Report on a message whose form, digest, value, token and path were judged (`verdict`), by the policy and proofs.

    `claimed` is the time beside the message, for one that says none itself; `uses` are algorithms outside it on which
    it rests. Raises what reading a token raises.
    """
    stamp = _find_stamp(parsed, policy, name)
    certificate, claimed = parsed.certificate, parsed.signing_time or claimed
    time = find_time(stamp, claimed, policy)
    path = judge_for(certificate, policy, time.at, Purpose.LICENCE) if certificate and time.at else None
    uses = (*uses, *_uses(parsed, path))
    verdict = _weigh(verdict, parsed.certificate, policy, stamp=stamp, time=time, uses=uses)
    if policy.expect_uscc:
        verdict += Verdict(check_identity([certificate] if certificate else [], policy.expect_uscc))
    return SignatureReport(
        id=name,
        kind=SignatureKind.SIGNATURE,
        profile=profile,
        verdict=verdict,
        signer=read_signer(certificate),
        signed_at=time.told,
        time_source=time.source,
        authority=time.authority,
        consent_sm3=_consent_of(parsed),
        basis=Basis(
            certificate=certificate,
            chain=(path.path if path else None) or (),
            stamp=stamp.certificate,
            stamped=time.proven,
            status=path.status if path else None,
            proof=time.proof,
            claimed=claimed,
            judged_at=time.at,
            algorithms=_labels(parsed, certificate),
            uses=uses,
        ),
    )


def _consent_of(parsed: ParsedCms) -> str:
    """Answer SM3(consent) (hex) that the signer put among the signed attributes (profile pades), or nothing."""
    values = parsed.signer.attributes.get(ses.CONSENT, ())
    one = values[0] if len(values) == 1 else None
    return one.body.hex() if one and one.tag == der.OCTET_STRING and len(one.body) == _SM3_SIZE else ""


def _weigh(
    verdict: Verdict,
    certificate: Certificate | None,
    policy: Policy,
    *,
    stamp: JudgedStamp,
    time: SignatureTime,
    uses: Sequence[Use],
) -> Verdict:
    """Add to the verdict on the message what the policy and the proofs of existence make of it."""
    checks, warnings = list(verdict.checks), list(verdict.warnings)
    if stamp.left_aside:
        checks = [one for one in checks if not one.name.startswith("timestamp-") or one.result is Result.OK]
    warnings += [*stamp.warnings, *time.notices]
    if not time.proven:
        checks += check_still_good(certificate, policy) if certificate is not None else []
        told = any(text.startswith("TIME_UNTRUSTED") for text in warnings)
        if time.proof is not None:
            warnings = [text for text in warnings if not text.startswith("TIME_UNTRUSTED")]
        elif not told:
            warnings.append(_UNTIMED)
    at = time.proof.at if time.proof else policy.at
    algorithms, weak = check_uses(uses, policy.rules, at=at, claimed=time.at)
    return Verdict(*checks, algorithms, warnings=(*warnings, *weak))


class _Trust(TypedDict):
    anchors: TrustAnchors
    evidence: RevocationEvidence
    purpose: Purpose
    strict: bool
    known: tuple[Certificate, ...]
    legacy: bool


def _cms_verdict(evidence: SignatureEvidence, parsed: ParsedCms, policy: Policy) -> Verdict:
    trust = _Trust(
        anchors=policy.anchors,
        evidence=policy.evidence,
        purpose=Purpose.LICENCE,
        strict=False,
        known=policy.known,
        legacy=policy.rules.uses_sha1,
    )
    proven = policy.proof.at if policy.proof else None
    at = None if parsed.signing_time else evidence.signature.claimed_time or proven
    wrapped = "sm3" if evidence.payload is Payload.GM_CMS else "sha1" if _is_wrapped(evidence) else ""
    if wrapped and parsed.content is not None:
        same = bool(parsed.content) and parsed.content == evidence.digests.get(wrapped)
        inner = check("content", same, code="HASH", sub=SubIndication.HASH_FAILURE)
        return Verdict(inner) + verify_attached(evidence.message, at=at, proven=proven, **trust)
    if not parsed.signer.signed_attributes and evidence.content is not None:
        return verify_attached(evidence.message, content=evidence.content, at=at, proven=proven, **trust)
    digest = evidence.digests
    return verify_detached(
        evidence.message, content_digest=lambda name: digest.get(name, b""), at=at, proven=proven, **trust
    )


def _is_wrapped(evidence: SignatureEvidence) -> bool:
    """Whether the message holds SHA-1 of the covered bytes as its content (ISO 32000-1 12.8.3.3.1)."""
    return evidence.signature.sub_filter == "/adbe.pkcs7.sha1"


def _find_stamp(parsed: ParsedCms, policy: Policy, name: str) -> JudgedStamp:
    """Answer the token by which the verdict was reached: of several, the one that holds, wherever it stands."""
    proven = policy.proof.at if policy.proof else None
    legacy = policy.rules.uses_sha1
    judge = Judge(
        parsed, None, policy.anchors, policy.evidence, False, known=policy.known, proven=proven, legacy=legacy
    )
    verdict, token = judge.judge_tokens()
    if verdict is None or token is None:
        return NO_STAMP
    return weigh_stamp(token, verdict, policy, ProofKind.SIGNATURE_TIMESTAMP, name)


def _uses(parsed: ParsedCms, path: PathJudgement | None) -> tuple[Use, ...]:
    certificate = parsed.certificate
    above = (path.path if path else None) or ((certificate,) if certificate else ())
    return (*signer_uses(parsed.signer, "签名"), *path_uses(above, "签名人"))


def _labels(parsed: ParsedCms, certificate: Certificate | None) -> tuple[str, ...]:
    uses = [*path_uses([certificate] if certificate else [], ""), *signer_uses(parsed.signer, "")]
    return tuple(dict.fromkeys(use.label for use in uses))


def _cms_profile(evidence: SignatureEvidence) -> str:
    if evidence.payload is Payload.GM_CMS:
        return "GM-CMS"
    return "PAdES-B-B" if evidence.signature.sub_filter == "/ETSI.CAdES.detached" else "PKCS7"


def judge_document_timestamp(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:
    """Judge a document timestamp (ETSI.RFC3161). What it proves stands in its basis, as the proof of itself."""
    name = evidence.signature.name
    try:
        token = parse_token(evidence.message)
    except SigningError as error:
        broken = check("timestamp-format", ok=False, code="TST_BAD", sub=SubIndication.FORMAT_FAILURE, why=str(error))
        return SignatureReport(name, SignatureKind.TIMESTAMP, "RFC3161", Verdict(broken))
    judged = judge_token(token, evidence.digests.get(token.digest_algorithm, b""), policy)
    stamp = weigh_stamp(token, judged, policy, ProofKind.DOCUMENT_TIMESTAMP, name)
    # It stands for itself: what keeps it from proving its time leaves its own verdict open.
    whole = stamp.checks if not stamp.left_aside else (*judged.checks, *stamp.policy_faults(judged))
    by = token.certificate or stamp.certificate
    return SignatureReport(
        id=name,
        kind=SignatureKind.TIMESTAMP,
        profile="RFC3161",
        verdict=Verdict(*whole, warnings=stamp.warnings),
        signer=read_signer(token.certificate),
        signed_at=token.gen_time,
        time_source=TimeSource.TIMESTAMP,
        authority=token.certificate.common_name if token.certificate else "",
        basis=Basis(
            certificate=by,
            stamp=by,
            proof=stamp.proof,
            judged_at=token.gen_time,
            uses=tuple(token_uses(token, by)),
        ),
    )


def judge_unknown(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:  # noqa: ARG001 - one shape
    """Name what cannot be judged."""
    kind = evidence.signature.sub_filter.removeprefix("/") or "（未注明）"
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    named = Check("kind", "SUPERSEDED_KIND", Result.UNKNOWN, f"签名类型 {kind}", sub)
    return SignatureReport(evidence.signature.name, SignatureKind.SIGNATURE, kind, Verdict(named))
