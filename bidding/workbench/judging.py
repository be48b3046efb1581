"""Judging what comes from outside about a bid, before anything relies on it: parameters, receipts, refusals.

Pure: trust list, evidence and instant are arguments. Whether a receipt holds is `bidding.receipt`'s answer; here it
is also compared with the act that it must be about.
"""

from datetime import datetime
from typing import Final

from bidding.acts import Finalise, SignedAct
from bidding.errors import UntrustedParamsError
from bidding.params import SectionParams, parse_params
from bidding.receipt import Acknowledgement, parse_receipt, parse_refusal, verify_receipt, verify_refusal
from identity.people import belongs_to
from signing.certificates import parse_certificate
from signing.checks import Result, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import MalformedError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement, parse_statement, verify_statement

TOLERATED: Final = frozenset({"REV_UNKNOWN"})
"""A revocation list that is late makes no receipt worthless; the verifier tells of it."""


def verify_params(
    signed: SignedStatement, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime
) -> Verdict:
    """Judge section parameters as of `at`: signed by the tenderer whom they name. MalformedParamsError."""
    params = parse_params(signed.statement)
    certificate = parse_certificate(signed.certificate)
    own = belongs_to(certificate, params.tenderer.uscc) and certificate.person_id in ("", params.tenderer.uscc)
    why = "" if own else f"签署者为 {certificate.common_name}，不是招标人 {params.tenderer.name}"
    signer = check("tenderer", own, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)
    return Verdict(signer) + verify_statement(
        signed, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE
    )


def require_params(
    signed: SignedStatement, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime
) -> SectionParams:
    """Answer the parameters if they are validly signed; UntrustedParamsError, MalformedParamsError."""
    try:
        bad = why_not(verify_params(signed, anchors=anchors, evidence=evidence, at=at))
    except MalformedError as error:
        raise UntrustedParamsError(str(error)) from error
    if bad:
        raise UntrustedParamsError(bad)
    return parse_params(signed.statement)


def judge_receipt(
    data: bytes, act: Finalise, *, centre: str, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime
) -> Verdict:
    """Judge a receipt file, and that it is about exactly this act and by this centre (USCC)."""
    verdict = verify_receipt(data, anchors=anchors, evidence=evidence, at=at)
    if verdict.failed == ["receipt-format"]:
        return verdict
    leaf = parse_receipt(data).leaf
    said = (leaf.centre, leaf.section, leaf.params_sm3, leaf.bidder, leaf.bundle_sm3, leaf.size)
    meant = (centre, act.section, act.params_sm3, act.bidder, act.bundle_sm3, act.size)
    return verdict + _about(said == meant)


def judge_refusal(
    data: bytes,
    act: SignedAct,
    *,
    centre: str,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    """Judge a refusal file, and that it is about exactly this act and by this centre (USCC)."""
    verdict = verify_refusal(data, anchors=anchors, evidence=evidence, at=at)
    if verdict.failed == ["receipt-format"]:
        return verdict
    facts = parse_refusal(data).facts
    return verdict + _about((facts.centre, facts.act_sm3) == (centre, sm3(act.statement.statement).hex()))


def judge_acknowledgement(
    data: bytes,
    act: SignedAct,
    *,
    centre: str,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    """Judge what the centre signed about a withdrawal or a release; MalformedError."""
    told, signed = parse_statement(data, Acknowledgement)
    certificate = parse_certificate(signed.certificate)
    said = (told.centre, told.act_sm3, told.certificate_sm3)
    meant = (centre, sm3(act.statement.statement).hex(), sm3(signed.certificate).hex())
    return _about(said == meant and centre in certificate.uscc_candidates) + verify_statement(
        signed, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.CENTRE
    )


def _about(same: bool) -> Verdict:
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    why = "" if same else "所记的交易中心、标段、投标人、投标文件包或行为与本次办理不一致"
    return Verdict(check("answer-subject", same, code="ID_MISMATCH", sub=sub, why=why))


def why_not(verdict: Verdict) -> str:
    """Answer why a verdict is not good enough to rely on; empty when it is."""
    bad = (c for c in verdict.checks if c.result is not Result.OK and c.code not in TOLERATED)
    return "; ".join(f"{c.code}/{c.name}: {c.why or c.result}" for c in bad)
