"""Judging the SES_Signature inside a CMS message (profile pades-ses): it must be the one that the signer named.

The signer's certificate and time are judged with the message; the seal is judged as of the message's time.
"""

from dataclasses import replace

from sealing import ses
from sealing.errors import SealFormatError
from sealing.evidence import SignatureEvidence
from sealing.judging import Policy
from sealing.judging_identity import check_owner
from sealing.judging_seal import judge_seal, judge_ses, seal_notices
from sealing.pdf_profiles import read_inner
from sealing.report import SignatureKind, SignatureReport
from signing.certificates import Certificate
from signing.checks import Check, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import SigningError

_KEPT = {"signature": "ses-signature", "digest": "ses-digest", "certificate-list": "certificate-list"}


def add_inner_seal(
    report: SignatureReport, evidence: SignatureEvidence, certificate: Certificate | None, policy: Policy
) -> SignatureReport:
    """Add to the report of a CMS message what is to be said of the seal inside; as it is if none is named or there."""
    try:
        inner, named = read_inner(evidence.message)
        if not inner and not named:
            return report
        signed = ses.parse_signature(inner)
    except (SigningError, SealFormatError) as error:
        return replace(report, verdict=report.verdict + Verdict(_fault(f"签名中指明的签章不在或无法读取：{error}")))
    statement = signed.statement
    own = judge_ses(replace(evidence, message=inner), replace(policy, expect_uscc=""))
    checks = [replace(one, name=_KEPT[one.name]) for one in own.verdict.checks if one.name in _KEPT]
    same = certificate is not None and signed.certificate == certificate.der
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    checks += [
        _fault("") if named == sm3(statement.raw) else _fault("签章不是签名所指明的那一个"),
        check("ses-certificate", same, code="SEAL_CERTLIST", sub=sub, why="" if same else "签章与签名的证书不同"),
        *judge_seal(statement.seal, policy, report.basis.judged_at, proven=report.basis.proof is not None),
        *check_owner(statement.seal, certificate),
    ]
    verdict = report.verdict + Verdict(*checks, warnings=seal_notices(statement.seal, policy))
    return replace(
        report,
        kind=SignatureKind.SEAL,
        profile=f"{report.profile}+{own.profile}",
        verdict=verdict,
        seal=own.seal,
        consent_sm3=own.consent_sm3,
        basis=replace(report.basis, maker=own.basis.maker),
    )


def _fault(why: str) -> Check:
    return check("ses-statement", not why, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=why)
