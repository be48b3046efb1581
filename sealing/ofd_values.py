"""Judging the signature value of an OFD signature over the exact bytes of its Signature.xml, pure.

A seal signature and its seal are judged as in a PDF; a message may hold the bytes, their digest, or attributes.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sealing.evidence import Payload, SignatureEvidence
from sealing.judging import Policy, check_identity, check_still_good, judge_licence, read_signer
from sealing.judging_message import broken_message, report_message
from sealing.judging_seal import judge_ses
from sealing.ofd_evidence import OfdPayload, OfdSignature
from sealing.report import Basis, SignatureKind, SignatureReport, TimeSource
from signing import sm2
from signing.algorithms import compute_digest
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.cms import ParsedCms, parse_cms, verify_attached, verify_detached
from signing.digests import sm3
from signing.errors import BadSignatureError, SigningError
from signing.path import Purpose
from signing.pdf import Coverage, FilledSignature

_UNTIMED: Final = "TIME_UNTRUSTED：签名时间取自签名者本机，未经可信时间戳证明。"
_RAW: Final = 64


def judge_value(one: OfdSignature, policy: Policy) -> SignatureReport:
    """Judge the signature value by its own shape."""
    return _JUDGES[one.payload](one, policy)


def _judge_seal(one: OfdSignature, policy: Policy) -> SignatureReport:
    claimed = one.file.claimed_time if one.file else None
    field = FilledSignature(
        name=one.id,
        filter="",
        sub_filter="",
        is_timestamp=False,
        page=None,
        byte_range=None,
        contents=b"",
        claimed_time=claimed,
        covers=Coverage.PARTIAL,
        revision=0,
        defects=(),
        remarks=(),
        doc_mdp=None,
    )
    digests = {"sm3": sm3(one.document)}
    return judge_ses(SignatureEvidence(field, Payload.SEAL, one.message, digests, None, (), ()), policy)


def _judge_cms(one: OfdSignature, policy: Policy) -> SignatureReport:
    return judge_gm_message(
        one.id, one.document, one.message, policy, claimed=one.file.claimed_time if one.file else None
    )


def judge_gm_message(
    name: str,
    document: bytes,
    message: bytes,
    policy: Policy,
    *,
    claimed: datetime | None = None,
    profile: str = "GM-CMS",
) -> SignatureReport:
    """Judge a CMS message over `document`: inside, by its digest inside, or by the messageDigest attribute."""
    try:
        parsed = parse_cms(message, policy.known)
        verdict = _cms_verdict(parsed, document, policy, claimed)
        return report_message(name, profile, parsed, verdict, policy, claimed=claimed)
    except SigningError as error:
        return broken_message(name, profile, error)


def _cms_verdict(parsed: ParsedCms, document: bytes, policy: Policy, claimed: datetime | None) -> Verdict:
    message = parsed.signed.der
    trust: dict[str, Any] = {
        "anchors": policy.anchors,
        "evidence": policy.evidence,
        "purpose": Purpose.LICENCE,
        "at": None if parsed.signing_time else claimed or policy.at,
        "strict": False,
        "known": policy.known,
        "legacy": policy.rules.uses_sha1,
    }
    if parsed.content is None and not parsed.signer.signed_attributes:
        return verify_attached(message, content=document, **trust)
    return verify_detached(message, content_digest=lambda digest: compute_digest(digest, document), **trust)


def _without_proof(verdict: Verdict, certificate: Certificate | None, policy: Policy) -> Verdict:
    late = check_still_good(certificate, policy) if certificate else []
    told = any(text.startswith("TIME_UNTRUSTED") for text in verdict.warnings)
    return Verdict(*verdict.checks, *late, warnings=(*verdict.warnings, *(() if told else (_UNTIMED,))))


def _judge_bare(one: OfdSignature, policy: Policy) -> SignatureReport:
    """Judge an SM2 value without certificate: whose it is can only be told by certificates from elsewhere."""
    claimed = one.file.claimed_time if one.file else None
    source = TimeSource.CLAIMED if claimed else TimeSource.NONE
    plain = SignatureReport(
        one.id, SignatureKind.SIGNATURE, "SM2", Verdict(check("format", True, code="FMT_CMS")), None, None, claimed
    )
    plain = replace(plain, time_source=source)
    candidates = [c for c in policy.known if isinstance(c.public_key, sm2.PublicKey)]
    certificate = next((c for c in candidates if _verifies(c, one.document, one.message)), None)
    if certificate is None:
        if candidates:
            why = "给出的证书都不是签名人的" if len(candidates) > 1 else "不是给出的证书所签"
            wrong = check("signature", False, code="SIG", sub=SubIndication.SIG_CRYPTO_FAILURE, why=why)
            return replace(plain, verdict=plain.verdict + Verdict(wrong))
        sub = SubIndication.NO_SIGNING_CERTIFICATE_FOUND
        missing = Check("certificate", "NO_CERT", Result.UNKNOWN, "签名值内没有证书，签名人不明", sub)
        return replace(plain, verdict=plain.verdict + Verdict(missing))
    path = judge_licence(certificate, policy, claimed or policy.at)
    checks = [check("signature", True, code="SIG"), *path.checks]
    if policy.expect_uscc:
        checks.append(check_identity([certificate], policy.expect_uscc))
    verdict = _without_proof(plain.verdict + Verdict(*checks, warnings=path.warnings), certificate, policy)
    return replace(plain, verdict=verdict, signer=read_signer(certificate), basis=Basis(certificate=certificate))


def _verifies(certificate: Certificate, message: bytes, value: bytes) -> bool:
    """Whether a value, DER or r||s, is of the certificate's SM2 key."""
    key = certificate.public_key
    if len(value) == _RAW:  # a DER value of this length cannot be: r and s would be 29 bytes each
        value = sm2.encode_signature(int.from_bytes(value[:32]), int.from_bytes(value[32:]))
    try:
        if not isinstance(key, sm2.PublicKey):
            return False
        sm2.verify(key, message, value)
    except BadSignatureError:
        return False
    return True


def _judge_unknown(one: OfdSignature, _policy: Policy) -> SignatureReport:
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    named = Check("kind", "SUPERSEDED_KIND", Result.UNKNOWN, f"签名类型 {one.kind or '（未注明）'}", sub)
    return SignatureReport(one.id, SignatureKind.SIGNATURE, one.kind or "OFD", Verdict(named))


_JUDGES: Final = {
    OfdPayload.SEAL: _judge_seal,
    OfdPayload.CMS: _judge_cms,
    OfdPayload.BARE: _judge_bare,
    OfdPayload.UNKNOWN: _judge_unknown,
}
