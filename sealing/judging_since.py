"""What ended after the signing (曾有效、其后失效): told apart from what is invalid, for it undoes nothing.

Everything here is read from what was judged already; no verdict is changed.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from sealing.judging import Policy
from sealing.judging_state import StateJudgement
from sealing.report import SignatureKind, SignatureReport, Since
from sealing.seal import SealState
from signing.algorithm_uses import check_uses
from signing.certificates import Certificate
from signing.checks import SubIndication

_INSTANT = re.compile(r"：([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) UTC")
_WHO = {"signer": "签章人证书", "maker": "制章者证书", "timestamp": "时间戳签发者证书"}
_ENDS = {
    SealState.CANCELLED: ("seal-cancelled", "注销"),
    SealState.SUSPENDED: ("seal-suspended", "停用"),
    SealState.LOST: ("seal-lost", "挂失"),
    SealState.EXPIRED: ("seal-expired", "过期"),
}


def find_since(report: SignatureReport, policy: Policy, state: StateJudgement | None = None) -> tuple[Since, ...]:
    """List what was good when it was signed and had ended by `policy.at`."""
    found = [*_of_certificates(report, policy), *_of_revocations(report)]
    seal, then = report.seal, report.basis.judged_at
    if seal is not None and then is not None and then <= seal.not_after < policy.at:
        found.append(Since("seal-expired", "seal", seal.not_after, f"印章有效期已于 {_moment(seal.not_after)} 届满"))
    if state is not None and state.ended is not None and state.ended[1] <= policy.at:
        word, text = _ENDS.get(state.ended[0], (str(state.ended[0]), "失效"))
        if word not in {one.what for one in found}:
            found.append(Since(word, "seal", state.ended[1], f"印章已于 {_moment(state.ended[1])} {text}"))
    return tuple(found)


def find_weakness(report: SignatureReport, policy: Policy) -> SubIndication | None:
    """Say why the signature would not pass as of now without a proof of existence (EN 319 102-1 5.3); None if it would.

    A revocation comes before an expiry, as in the order of the standard's checks.
    """
    ended = {one.what for one in report.since if one.who in ("signer", "timestamp") and one.at <= policy.at}
    if report.kind is not SignatureKind.TIMESTAMP:
        ended = {one.what for one in report.since if one.who == "signer" and one.at <= policy.at}
    if "revoked" in ended:
        return SubIndication.REVOKED_NO_POE
    if "expired" in ended:
        return SubIndication.OUT_OF_BOUNDS_NO_POE
    now, _ = check_uses(report.basis.uses, policy.rules, at=policy.at, claimed=report.basis.judged_at)
    return now.sub


def _of_certificates(report: SignatureReport, policy: Policy) -> Iterator[Since]:
    basis = report.basis
    signer = None if report.kind is SignatureKind.TIMESTAMP else basis.certificate
    then = basis.judged_at or policy.at
    for who, one in (("signer", signer), ("maker", basis.maker), ("timestamp", basis.stamp)):
        if one is not None and _ended(one, then, policy.at):
            yield Since("expired", who, one.not_after, f"{_WHO[who]}已于 {_moment(one.not_after)} 过期")


def _ended(certificate: Certificate, then: datetime, now: datetime) -> bool:
    return then <= certificate.not_after < now


def _of_revocations(report: SignatureReport) -> Iterator[Since]:
    """Read what was revoked afterwards: of the signer by what was found out, of others by what the checks tell."""
    status, then = report.basis.status, report.basis.judged_at
    if status is not None and status.revoked is not None and then is not None and then < status.revoked.since:
        yield _revoked("signer", status.revoked.since)
    for one in report.verdict.checks:
        who = {"maker-revocation": "maker", "timestamp-revocation": "timestamp"}.get(one.name, "")
        at = _read_moment(one.why) if one.code in ("REVOKED_AFTER", "REVOKED_NOPOE") else None
        if who and at is not None:
            yield _revoked(who, at)


def _revoked(who: str, at: datetime) -> Since:
    return Since("revoked", who, at, f"{_WHO[who]}已于 {_moment(at)} 被吊销")


def _read_moment(why: str) -> datetime | None:
    """Read the instant that a revocation check names: "…：2026-11-20 12:00:00 UTC，…"."""
    found = _INSTANT.findall(why)  # the holder's name comes before it, and may hold anything
    try:
        return datetime.fromisoformat(f"{found[-1]}+00:00") if found else None
    except ValueError:
        return None


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
