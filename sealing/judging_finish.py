"""The last steps of every judgement, whatever the format: policy, identity, seal state, and what ended since.

What the steps of the formats found is kept; here is added what the asker's policy and expectations make of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from sealing.judging import Policy
from sealing.judging_identity import check_expected
from sealing.judging_since import find_since, find_weakness
from sealing.judging_state import NOT_ASKED, StateJudgement, judge_statuses
from sealing.report import SignatureKind, SignatureReport
from signing.building_blocks import summarise
from signing.checks import Check, Result, SubIndication, Verdict
from signing.policy import PolicyFacts


def finish_reports(reports: Iterable[SignatureReport], policy: Policy) -> tuple[SignatureReport, ...]:
    """Finish the reports on one file."""
    facts = PolicyFacts.of(policy.rules)
    return tuple(_finish(one, policy, facts) for one in reports)


def _finish(report: SignatureReport, policy: Policy, facts: PolicyFacts) -> SignatureReport:
    state = _judge_state(report, policy)
    added = [*_freshness(report, policy), *_required_time(report, policy), *_identity(report, policy)]
    added += [state.check] if state.check else []
    verdict = _tolerate(report.verdict, policy)
    verdict = Verdict(*verdict.checks, *added, warnings=verdict.warnings)
    done = replace(report, verdict=verdict, policy=facts, seal_state=state.facts)
    done = replace(done, since=find_since(done, policy, state))
    return replace(done, blocks=summarise(verdict.checks, now=find_weakness(done, policy)))


def _judge_state(report: SignatureReport, policy: Policy) -> StateJudgement:
    if report.seal is None:
        return NOT_ASKED
    return judge_statuses(
        policy.statuses,
        number=report.seal.number,
        at=report.basis.judged_at or report.signed_at,
        anchors=policy.anchors,
        evidence=policy.evidence,
    )


def _identity(report: SignatureReport, policy: Policy) -> list[Check]:
    if policy.expect is None or report.kind is SignatureKind.TIMESTAMP:
        return []
    certificates = [report.basis.certificate] if report.basis.certificate else list(report.basis.owners)
    if not certificates and report.seal is None and report.signer is None:
        return []  # a kind that nobody here can read names nobody
    kind = report.seal.kind if report.seal else None
    return check_expected(policy.expect, certificates, kind=kind, signed_at=report.signed_at)


def _freshness(report: SignatureReport, policy: Policy) -> list[Check]:
    """Ask whether the revocation evidence is new enough for the time in question (EN 319 102-1 5.2.5)."""
    most, status, when = policy.rules.revocation_max_age, report.basis.status, report.basis.judged_at
    if not most or status is None or status.source is None or when is None or status.revoked is not None:
        return []
    made = status.source.this_update
    if when - made <= timedelta(seconds=most):
        return [Check("revocation-freshness", "REVOCATION", Result.OK)]
    why = f"撤销信息签发于 {made:%Y-%m-%d %H:%M:%S} UTC，早于策略允许的时间"
    return [Check("revocation-freshness", "REV_UNKNOWN", Result.UNKNOWN, why, SubIndication.TRY_LATER)]


def _required_time(report: SignatureReport, policy: Policy) -> list[Check]:
    required = policy.rules.timestamp == "required"
    if not required or report.kind is SignatureKind.TIMESTAMP or report.basis.proof is not None:
        return []
    why, sub = "策略要求可信时间戳", SubIndication.SIG_CONSTRAINTS_FAILURE
    return [Check("timestamp-required", "TIME_UNTRUSTED", Result.UNKNOWN, why, sub)]


_TOLERATED: Mapping[str, str] = {"REV_UNKNOWN": "REV_UNKNOWN：查不到证书的吊销状态，策略允许没有这项依据。"}


def _tolerate(verdict: Verdict, policy: Policy) -> Verdict:
    """Turn missing revocation evidence into a warning where the policy does not require it."""
    if policy.rules.revocation == "required":
        return verdict
    spared = [one for one in verdict.checks if one.code in _TOLERATED and one.result is Result.UNKNOWN]
    kept = [one for one in verdict.checks if one not in spared]
    if not spared or not kept:
        return verdict
    words = dict.fromkeys(_TOLERATED[one.code] for one in spared)
    return Verdict(*kept, warnings=(*verdict.warnings, *words))
