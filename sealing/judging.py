"""What all judgements share: the policy, and reading the certificate that came along."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from identity.errors import IdentityError
from identity.uscc import UnifiedSocialCreditCode
from sealing.report import Signer
from signing.certificates import Certificate, parse_certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import MalformedError, SigningError
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path

MAX_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of an authority may be ahead of the asker's."""


@dataclass(frozen=True)
class Policy:
    """Against what is judged: trust list, revocation evidence, the present, and the expected subject (or empty).

    `known` are certificates that came with the document: they help to build paths and are trusted for nothing.
    """

    anchors: TrustAnchors
    evidence: RevocationEvidence
    at: datetime
    expect_uscc: str = ""
    known: tuple[Certificate, ...] = ()


def check_identity(certificates: Iterable[Certificate], expected: str) -> Check:
    """Ask whether the certificate is the expected subject's (统一社会信用代码), by the first code that it carries."""
    codes = [code for certificate in certificates for code in certificate.uscc_candidates[:1]]
    why = "" if expected in codes else f"证书为 {codes[0] if codes else '（无统一社会信用代码）'}，应为 {expected}"
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    return check("identity", expected in codes, code="ID_MISMATCH", sub=sub, why=why)


def read_certificate(data: bytes) -> Certificate | None:
    """Read a certificate; None when it cannot be read, which its user reports."""
    try:
        return parse_certificate(data)
    except (MalformedError, SigningError):
        return None


def read_certificates(listed: Iterable[bytes]) -> list[Certificate]:
    """Read those of the certificates that can be read."""
    return [one for one in map(read_certificate, listed) if one is not None]


def read_signer(certificate: Certificate | None) -> Signer | None:
    """Say who a certificate names."""
    if certificate is None:
        return None
    codes = (code for code in certificate.uscc_candidates if _is_code(code))
    return Signer(certificate.common_name, next(codes, ""), certificate.serial)


def _is_code(text: str) -> bool:
    try:
        UnifiedSocialCreditCode(text)
    except IdentityError:
        return False
    return True


def check_still_good(certificate: Certificate, policy: Policy) -> list[Check]:
    """Without a proven time, a certificate that is no longer good may have been misused after its end."""
    found, now = list[Check](), judge_licence(certificate, policy, policy.at)
    for one in now.checks:
        if one.name == "validity" and one.result is Result.FAILED:
            found.append(Check("proof", "EXPIRED_NOPOE", Result.UNKNOWN, one.why, SubIndication.OUT_OF_BOUNDS_NO_POE))
        if one.code == "REVOKED_BEFORE":
            found.append(Check("proof", "REVOKED_NOPOE", Result.UNKNOWN, one.why, SubIndication.REVOKED_NO_POE))
    return found


def check_not_later(signed_at: datetime | None, at: datetime) -> list[Check]:
    """Leave open what was signed after the instant of the judgement: as of then it was not there yet."""
    if signed_at is None or signed_at - at <= MAX_AHEAD:
        return []
    why = f"签章时间 {signed_at:%Y-%m-%d %H:%M:%S} 晚于验证所依的时刻 {at:%Y-%m-%d %H:%M:%S} UTC"
    return [Check("time-order", "TST_BAD", Result.UNKNOWN, why, SubIndication.TIMESTAMP_ORDER_FAILURE)]


def judge_licence(certificate: Certificate, policy: Policy, at: datetime) -> Verdict:
    """Judge a signer's certificate as of `at` against the anchors for licences."""
    return verify_path(
        certificate,
        anchors=policy.anchors,
        evidence=policy.evidence,
        at=at,
        purpose=Purpose.LICENCE,
        extra=policy.known,
    )


def soften_untrusted(verdict: Verdict) -> Verdict:
    """Leave open what only a trusted issuer could tell: without a chain, a certificate's dates prove nothing.

    EN 319 102-1 5.2.6 stops at NO_CERTIFICATE_CHAIN_FOUND; the dates are still reported.
    """
    loose = {one.name.removesuffix("chain") for one in verdict.checks if one.code == "CHAIN_NONE"}
    softened = (
        replace(one, result=Result.UNKNOWN, sub=SubIndication.OUT_OF_BOUNDS_NO_POE)
        if one.result is Result.FAILED and one.code == "OUTSIDE" and one.name.removesuffix("validity") in loose
        else one
        for one in verdict.checks
    )
    return Verdict(*softened, warnings=verdict.warnings)
