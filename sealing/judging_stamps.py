"""Timestamps under a judgement: whether a token holds, and whether the policy lets it prove its time.

A token that does not hold fails the signature that carries it, for somebody changed something. One that holds and
still proves nothing (its authority's certificate has ended and nothing newer covers it, its algorithm is no longer
accepted, its authority is not among those named) is left aside, as EN 319 102-1 5.5 does: the time is then a claim.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sealing.judging import Policy
from sealing.report import TimeSource
from signing.algorithm_uses import Use, check_uses, path_uses, token_uses
from signing.algorithms import compute_digest
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import SigningError
from signing.path import Purpose, judge_path
from signing.path_search import PathSearch
from signing.poe import Proof, ProofKind, earliest
from signing.timestamps import TimestampToken, find_signer, is_genuine, parse_token, verify_token


@dataclass(frozen=True)
class JudgedStamp:
    """A judged token. `token` is there when it is genuine, `proof` when its time may be relied on."""

    token: TimestampToken | None
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    proof: Proof | None = None
    certificate: Certificate | None = None
    left_aside: bool = False
    faults: tuple[Check, ...] = ()
    """Why it is not relied on."""

    def policy_faults(self, verdict: Verdict) -> tuple[Check, ...]:
        """Answer those of the faults that its own judgement does not name."""
        return tuple(one for one in self.faults if one not in verdict.checks)


NO_STAMP = JudgedStamp(None)
_ZONES: Final = timedelta(days=1)


@dataclass(frozen=True)
class SignatureTime:
    """As of when a signature is judged (`at`), whether its own timestamp says so, and the best proof of existence."""

    at: datetime | None
    source: TimeSource
    proven: bool
    proof: Proof | None
    authority: str = ""
    claimed: datetime | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """Tell a claim that cannot be true: of a day after a timestamp that covers it; the hours of a zone are not."""
        known = self.at if self.proven else self.proof.at if self.proof else None
        if known is None or self.claimed is None or self.claimed - known <= _ZONES:
            return ()
        claimed = f"{self.claimed:%Y-%m-%d %H:%M:%S} UTC"
        return (f"TST_BAD：所称的签名时间 {claimed} 晚于时间戳的 {known:%Y-%m-%d %H:%M:%S} UTC，以时间戳为准。",)

    @property
    def told(self) -> datetime | None:
        """Answer the time to be shown: the timestamp's own, else what is proven by a later one, else the claim."""
        return self.proof.at if self.proof and not self.proven else self.at


def judge_stamp(data: bytes, stamped: bytes, policy: Policy, kind: ProofKind, name: str) -> JudgedStamp:
    """Judge a token over the digest of `stamped`."""
    try:
        token = parse_token(data)
        imprint = compute_digest(token.digest_algorithm, stamped)
    except SigningError as error:
        sub = SubIndication.SIG_CRYPTO_FAILURE
        return JudgedStamp(None, (check("timestamp-format", ok=False, code="TST_BAD", sub=sub, why=str(error)),))
    return weigh_stamp(token, judge_token(token, imprint, policy), policy, kind, name)


def judge_token(token: TimestampToken, imprint: bytes, policy: Policy) -> Verdict:
    """Judge a token over an imprint with everything that is known."""
    return verify_token(
        token.der,
        imprint=imprint,
        anchors=policy.anchors,
        evidence=policy.evidence,
        strict=False,
        certificates=policy.known,
        proven=policy.proof.at if policy.proof else None,
        legacy=policy.rules.uses_sha1,
    )


def weigh_stamp(token: TimestampToken, verdict: Verdict, policy: Policy, kind: ProofKind, name: str) -> JudgedStamp:
    """Say what a judged token is worth under the policy; `policy.proof` is since when the token itself is known."""
    if not is_genuine(verdict):
        return JudgedStamp(None, verdict.checks, verdict.warnings)
    certificate = find_signer(token, policy.anchors, policy.known)
    found, notes = find_faults(token, certificate, policy)
    checks, faults = (*verdict.checks, *_order(token, policy)), tuple(found)
    warnings = (*verdict.warnings, *notes)
    open_ones = [one for one in checks if one.result is not Result.OK]
    if open_ones and policy.proof is not None and all(one.code != "TST_BAD" for one in open_ones):
        words = "、".join(dict.fromkeys(one.why or one.code for one in open_ones))
        warnings += (f"TST_BAD：签名时间戳不能确认（{words}），以其后的存档时间戳为准。",)
        passed = tuple(one for one in checks if one.result is Result.OK)
        return JudgedStamp(token, passed, warnings, None, certificate, left_aside=True, faults=tuple(open_ones))
    if faults:
        words = "、".join(one.why for one in faults)
        warnings += (f"TST_BAD：时间戳不能证明时间：{words}。",)
        return JudgedStamp(token, checks, warnings, None, certificate, left_aside=True, faults=faults)
    by = certificate.common_name if certificate else ""
    proof = Proof(token.gen_time, kind, by, name) if not open_ones else None
    return JudgedStamp(token, checks, warnings, proof, certificate)


def find_faults(
    token: TimestampToken, certificate: Certificate | None, policy: Policy
) -> tuple[list[Check], tuple[str, ...]]:
    """Name why the policy does not rely on a genuine token, and warn of what it rests on."""
    uses = [*token_uses(token, certificate), *_uses_above(token, certificate, policy)]
    algorithms, notes = check_uses(uses, policy.rules, at=policy.reference, claimed=token.gen_time)
    faults = [replace(algorithms, name="timestamp-algorithms")] if algorithms.result is not Result.OK else []
    rules = policy.rules
    if certificate is None or not (rules.authorities or rules.expired_authority == "needs-proof"):
        return faults, notes
    path = judge_path(
        certificate,
        anchors=policy.anchors,
        evidence=policy.evidence,
        at=policy.reference,
        purpose=Purpose.TIMESTAMP,
        extra=(*token.signed.certificates, *policy.known),
        legacy=rules.uses_sha1,
    )
    if rules.expired_authority == "needs-proof":
        faults += _expired(path.verdict.checks)
    above = {one.sm3 for one in path.path or (certificate,)}
    if rules.authorities and not above & set(rules.authorities):
        why = f"策略不接受时间戳签发者 {certificate.common_name}"
        sub = SubIndication.SIG_CONSTRAINTS_FAILURE
        faults.append(Check("timestamp-authority", "TST_BAD", Result.UNKNOWN, why, sub))
    return faults, notes


def _uses_above(token: TimestampToken, certificate: Certificate | None, policy: Policy) -> list[Use]:
    """Name what the authority's own certificate rests on; a path that needs no SHA-1 is taken before one that does."""
    if certificate is None:
        return []
    anchors = policy.anchors
    trusted = frozenset(a.certificate.der for a in anchors.anchors if a.vouches(Purpose.TIMESTAMP, token.gen_time))
    known = (*(a.certificate for a in anchors.anchors), *anchors.issuers, *token.signed.certificates, *policy.known)
    for legacy in (False, True):
        path = next(PathSearch(trusted, known, legacy=legacy).paths((certificate,)), None)
        if path is not None:
            return path_uses(path, "时间戳签发者")
    return []


def _expired(checks: Iterable[Check]) -> list[Check]:
    ended = [one for one in checks if one.name == "validity" and one.result is Result.FAILED]
    return [
        Check(
            "timestamp-proof",
            "EXPIRED_NOPOE",
            Result.UNKNOWN,
            f"时间戳签发者证书已过期，此前没有更新的存档时间戳（{one.why}）",
            SubIndication.OUT_OF_BOUNDS_NO_POE,
        )
        for one in ended
    ]


def _order(token: TimestampToken, policy: Policy) -> list[Check]:
    """Leave open a token that says a later time than the timestamp that covers it."""
    proof = policy.proof
    if proof is None or token.gen_time - proof.at <= policy.rules.slack:
        return []
    why = f"时间戳的时间晚于覆盖它的时间戳 {proof.id or proof.by}"
    return [Check("timestamp-order", "TST_BAD", Result.UNKNOWN, why, SubIndication.TIMESTAMP_ORDER_FAILURE)]


def find_time(stamp: JudgedStamp, claimed: datetime | None, policy: Policy) -> SignatureTime:
    """Answer when a signature was made, as far as it can be told: its own timestamp, else the claim.

    A timestamp over the whole proves that it is not younger; a claim of a later time than that is not taken.
    """
    proof = earliest((stamp.proof, policy.proof))
    by = stamp.certificate.common_name if stamp.certificate else ""
    if stamp.token is not None and not stamp.left_aside:
        return SignatureTime(stamp.token.gen_time, TimeSource.TIMESTAMP, True, proof, by, claimed)
    at = claimed or (stamp.token.gen_time if stamp.token else None)
    if proof is not None:
        at = min(at, proof.at) if at else proof.at
        return SignatureTime(at, TimeSource.TIMESTAMP, False, proof, proof.by, claimed)
    return SignatureTime(at, TimeSource.CLAIMED if at else TimeSource.NONE, False, None, "", claimed)
