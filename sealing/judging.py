"""What all judgements share: what is judged against, and reading the certificate that came along."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from identity.errors import IdentityError
from identity.uscc import UnifiedSocialCreditCode
from sealing.judging_identity import Expected
from sealing.judging_state import SealStatuses
from sealing.report import Signer
from signing.certificates import Certificate, parse_certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import MalformedError, SigningError
from signing.path import PathJudgement, Purpose, RevocationEvidence, TrustAnchors, judge_path
from signing.poe import Proof
from signing.policy import DEFAULT_POLICY, ValidationPolicy, narrow

MAX_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of an authority may be ahead of the asker's."""


@dataclass(frozen=True)
class Policy:
    """Against what is judged: trust list, revocation evidence, the present, and the expected subject (or empty).

    `known` are certificates that came with the document: they help to build paths and are trusted for nothing.
    `rules` say what is accepted, `expect` who should have signed, `statuses` what the seal platform answered. `proof`
    is what proves, by a timestamp over it, since when the signature under judgement exists.
    """

    anchors: TrustAnchors
    evidence: RevocationEvidence
    at: datetime
    expect_uscc: str = ""
    known: tuple[Certificate, ...] = ()
    rules: ValidationPolicy = DEFAULT_POLICY
    expect: Expected | None = None
    statuses: SealStatuses | None = None
    proof: Proof | None = None

    @property
    def reference(self) -> datetime:
        """Answer the time until which nothing may have happened to a certificate: the proven one, or the present."""
        return self.proof.at if self.proof else self.at


def make_policy(
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    *,
    expect_uscc: str = "",
    rules: ValidationPolicy | None = None,
    expect: Expected | None = None,
    statuses: SealStatuses | None = None,
    known: tuple[Certificate, ...] = (),
) -> Policy:
    """Put together what a caller asks; the trust list is narrowed to what the rules accept."""
    chosen = rules or DEFAULT_POLICY
    if expect is not None and expect_uscc and not expect.uscc:
        expect = replace(expect, uscc=expect_uscc)
    asked = "" if expect is not None else expect_uscc
    return Policy(narrow(anchors, chosen), evidence, at, asked, known, chosen, expect, statuses)


def policy_words(anchors: TrustAnchors, rules: ValidationPolicy) -> tuple[str, ...]:
    """Say what a reader must know about the trust list under these rules."""
    if anchors.sandbox and rules.sandbox == "refused":
        return (f"策略 {rules.id} 不接受仿真信任名单，名单中的机构一律不作依据。",)
    return ()


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
    """Without a timestamp of its own, a signature may be younger than the end of its certificate.

    What proves its existence otherwise (an archive timestamp) counts: only what ended before that leaves it open. So
    does the trust list's word for whoever issued it (`trusted_until`).
    """
    now = judge_licence(certificate, policy, policy.reference)
    found = check_still_trusted(certificate, now, policy, Purpose.LICENCE)
    for one in now.checks:
        if one.name == "validity" and one.result is Result.FAILED:
            found.append(Check("proof", "EXPIRED_NOPOE", Result.UNKNOWN, one.why, SubIndication.OUT_OF_BOUNDS_NO_POE))
        if one.code == "REVOKED_BEFORE":
            found.append(Check("proof", "REVOKED_NOPOE", Result.UNKNOWN, one.why, SubIndication.REVOKED_NO_POE))
    return found


def check_still_trusted(certificate: Certificate, now: Verdict, policy: Policy, purpose: Purpose) -> list[Check]:
    """Leave open what rests on an anchor that the list vouched for once (`trusted_until`), when `now` finds no other.

    Of such an anchor only what is proven to be older counts, and nothing proves this.
    """
    ended = [one.trusted_until for one in policy.anchors.anchors if one.trusted_until and purpose in one.purposes]
    if not ended or all(one.code != "CHAIN_NONE" for one in now.checks):
        return []
    lasting = replace(policy.anchors, anchors=tuple(replace(one, trusted_until=None) for one in policy.anchors.anchors))
    once = judge_for(certificate, replace(policy, anchors=lasting), policy.reference, purpose)
    if once.path is None:
        return []
    until = next((one.trusted_until for one in policy.anchors.anchors if one.certificate == once.path[-1]), None)
    why = f"信任名单对 {once.path[-1].common_name} 的信任已于 {until or max(ended):%Y-%m-%d %H:%M:%S} UTC 终止，"
    return [Check("proof", "TRUST_NOPOE", Result.UNKNOWN, f"{why}没有更早的存在证明", SubIndication.NO_POE)]


def check_not_later(signed_at: datetime | None, at: datetime, slack: timedelta = MAX_AHEAD) -> list[Check]:
    """Leave open what was signed after the instant of the judgement: as of then it was not there yet."""
    if signed_at is None or signed_at - at <= slack:
        return []
    why = f"签章时间 {signed_at:%Y-%m-%d %H:%M:%S} 晚于验证所依的时刻 {at:%Y-%m-%d %H:%M:%S} UTC"
    return [Check("time-order", "TST_BAD", Result.UNKNOWN, why, SubIndication.TIMESTAMP_ORDER_FAILURE)]


def judge_licence(certificate: Certificate, policy: Policy, at: datetime) -> Verdict:
    """Judge a signer's certificate as of `at` against the anchors for licences."""
    return judge_for(certificate, policy, at, Purpose.LICENCE).verdict


def judge_for(certificate: Certificate, policy: Policy, at: datetime, purpose: Purpose) -> PathJudgement:
    """Judge a certificate as of `at` for a purpose, with everything that is known."""
    return judge_path(
        certificate,
        anchors=policy.anchors,
        evidence=policy.evidence,
        at=at,
        purpose=purpose,
        extra=policy.known,
        legacy=policy.rules.uses_sha1,
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
