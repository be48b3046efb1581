"""Verdicts over time: what EN 319 102-1 5.3 to 5.6 say of signatures whose world has moved on.

Expectations are the standard's own: a proof of existence from before an end keeps a signature good, one from after it
does not, and without any the answer is INDETERMINATE with the sub-indication of table 5 that names what is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as change
from signing_pades import ECDSA
from signing_pki import CA, DAY, NOON, ROOT, UNIT, Holder
from signing_time_world import (
    ANCHORS,
    LASTING_UNIT,
    TSA_30,
    TSA_60,
    TSA_700,
    Clock,
    Plan,
    break_last,
    first,
    judge,
    ruled,
)

from sealing.verify import verify_pdf
from signing.building_blocks import Block, BlockAnswer
from signing.certificates import OCSP_SIGNING
from signing.checks import Indication, SubIndication
from signing.issuing import Revocation
from signing.ocsp import CertId, SingleStatus, build_ocsp_response
from signing.path import Anchor, Purpose, RevocationEvidence
from signing.policy import DEFAULT_POLICY, ValidationPolicy

PASSED, OPEN, FAILED = Indication.TOTAL_PASSED, Indication.INDETERMINATE, Indication.TOTAL_FAILED
STRICT = change(DEFAULT_POLICY, expired_authority="needs-proof")
SUNSET = ruled(DEFAULT_POLICY, "sm3", good_until="2026-12-31", usable_until="2026-12-31")
Revoked = tuple[tuple[Holder, datetime, str], ...]


def after(days: float) -> datetime:
    return NOON + days * DAY


BARE = Plan()
STAMPED = Plan(stamped=Clock(TSA_700, NOON))
SHORT = Plan(stamped=Clock(TSA_30, NOON))
SHORT_LASTING = Plan(LASTING_UNIT, Clock(TSA_30, NOON))


def archived(plan: Plan, *clocks: Clock) -> Plan:
    return Plan(plan.signer, plan.stamped, clocks)


@dataclass(frozen=True)
class Case:
    """A file, what is known now, and what is to be said of its signature."""

    plan: Plan
    at: datetime
    indication: Indication
    sub: SubIndication | None = None
    since: tuple[str, ...] = ()
    revoked: Revoked = ()
    policy: ValidationPolicy = DEFAULT_POLICY
    broken: bool = False
    basic: SubIndication | None = None
    """Why basic validation as of now does not pass, where the proof of existence makes the difference."""


CASES = {
    "good": Case(STAMPED, after(1), PASSED),
    "no timestamp": Case(BARE, after(1), PASSED),
    "expired later": Case(
        STAMPED, after(60), PASSED, since=("expired signer",), basic=SubIndication.OUT_OF_BOUNDS_NO_POE
    ),
    "expired, no proof": Case(BARE, after(60), OPEN, SubIndication.OUT_OF_BOUNDS_NO_POE, ("expired signer",)),
    "expired, archived before": Case(
        archived(BARE, Clock(TSA_700, after(1))),
        after(60),
        PASSED,
        since=("expired signer",),
        basic=SubIndication.OUT_OF_BOUNDS_NO_POE,
    ),
    "expired, archived too late": Case(
        archived(BARE, Clock(TSA_700, after(40))),
        after(60),
        OPEN,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        ("expired signer",),
    ),
    "revoked before": Case(
        STAMPED, after(5), FAILED, SubIndication.REVOKED, revoked=((UNIT, after(-1), "keyCompromise"),)
    ),
    "revoked in that second": Case(
        STAMPED, after(5), FAILED, SubIndication.REVOKED, revoked=((UNIT, NOON, "keyCompromise"),)
    ),
    "revoked after": Case(
        STAMPED,
        after(5),
        PASSED,
        since=("revoked signer",),
        revoked=((UNIT, after(2), "keyCompromise"),),
        basic=SubIndication.REVOKED_NO_POE,
    ),
    "revoked, no proof": Case(
        BARE,
        after(5),
        OPEN,
        SubIndication.REVOKED_NO_POE,
        ("revoked signer",),
        revoked=((UNIT, after(2), "keyCompromise"),),
    ),
    "revoked, archived before": Case(
        archived(BARE, Clock(TSA_700, after(1))),
        after(5),
        PASSED,
        since=("revoked signer",),
        revoked=((UNIT, after(2), "keyCompromise"),),
        basic=SubIndication.REVOKED_NO_POE,
    ),
    "revoked, archived after": Case(
        archived(BARE, Clock(TSA_700, after(3))),
        after(5),
        OPEN,
        SubIndication.REVOKED_NO_POE,
        ("revoked signer",),
        revoked=((UNIT, after(2), "keyCompromise"),),
    ),
    "authority expired, signer still good": Case(
        SHORT_LASTING, after(60), PASSED, since=("expired timestamp",), policy=STRICT
    ),
    "authority expired, signer as well": Case(
        SHORT,
        after(60),
        OPEN,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        ("expired signer", "expired timestamp"),
        policy=STRICT,
    ),
    "authority expired, accepted by the policy": Case(
        SHORT,
        after(60),
        PASSED,
        since=("expired signer", "expired timestamp"),
        basic=SubIndication.OUT_OF_BOUNDS_NO_POE,
    ),
    "authority expired, archived before": Case(
        archived(SHORT, Clock(TSA_700, after(20))),
        after(60),
        PASSED,
        since=("expired signer", "expired timestamp"),
        policy=STRICT,
        basic=SubIndication.OUT_OF_BOUNDS_NO_POE,
    ),
    "two archive timestamps": Case(
        archived(SHORT, Clock(TSA_60, after(20)), Clock(TSA_700, after(50))),
        after(100),
        PASSED,
        since=("expired signer", "expired timestamp"),
        policy=STRICT,
        basic=SubIndication.OUT_OF_BOUNDS_NO_POE,
    ),
    "two archive timestamps, the second too late": Case(
        archived(SHORT, Clock(TSA_60, after(20)), Clock(TSA_700, after(70))),
        after(100),
        OPEN,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        ("expired signer", "expired timestamp"),
        policy=STRICT,
    ),
    "two archive timestamps, the second broken": Case(
        archived(SHORT, Clock(TSA_60, after(20)), Clock(TSA_700, after(50))),
        after(100),
        OPEN,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        ("expired signer", "expired timestamp"),
        policy=STRICT,
        broken=True,
    ),
    "authority revoked": Case(
        STAMPED,
        after(5),
        OPEN,
        SubIndication.REVOKED_NO_POE,
        ("revoked timestamp",),
        revoked=((TSA_700, after(2), "keyCompromise"),),
    ),
    "authority revoked in order": Case(
        STAMPED,
        after(5),
        PASSED,
        since=("revoked timestamp",),
        revoked=((TSA_700, after(2), "superseded"),),
    ),
    "authority revoked, archived before": Case(
        archived(SHORT, Clock(TSA_700, after(1))),
        after(5),
        PASSED,
        since=("revoked timestamp",),
        revoked=((TSA_30, after(2), "keyCompromise"),),
    ),
    "authority revoked, archived after": Case(
        archived(SHORT, Clock(TSA_700, after(3))), after(5), PASSED, revoked=((TSA_30, after(2), "keyCompromise"),)
    ),
    "authority revoked, archived after, signer revoked between": Case(
        archived(SHORT, Clock(TSA_700, after(3))),
        after(5),
        OPEN,
        SubIndication.REVOKED_NO_POE,
        ("revoked signer",),
        revoked=((TSA_30, after(2), "keyCompromise"), (UNIT, after(1), "keyCompromise")),
    ),
    "algorithm ended, no proof by another": Case(
        Plan(LASTING_UNIT, Clock(TSA_700, NOON)),
        after(60),
        OPEN,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        policy=SUNSET,
    ),
    "algorithm ended, archived by another before": Case(
        Plan(LASTING_UNIT, Clock(TSA_700, NOON), foreign=True),
        after(60),
        PASSED,
        policy=SUNSET,
        basic=SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
    ),
    "algorithm about to end": Case(STAMPED, after(5), PASSED, policy=SUNSET),
    "algorithm deprecated": Case(
        STAMPED, after(5), PASSED, policy=ruled(DEFAULT_POLICY, "sm3", good_until="2020-12-31")
    ),
    "algorithm never accepted": Case(
        STAMPED,
        after(5),
        OPEN,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
        policy=ruled(DEFAULT_POLICY, "sm3", good_until="2020-12-31", usable_until="2020-12-31"),
    ),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Plan, bool], Path]:
    """Answer a function that makes each file once."""
    files = dict[tuple[Plan, bool], Path]()

    def make(plan: Plan, broken: bool = False) -> Path:
        if (plan, broken) not in files:
            path = files[plan, broken] = plan.make(tmp_path_factory.mktemp("time"))
            if broken:
                break_last(path)
        return files[plan, broken]

    return make


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_verdicts_over_time(made: Callable[[Plan, bool], Path], case: Case) -> None:
    report = first(judge(made(case.plan, case.broken), *case.revoked, at=case.at, policy=case.policy))
    assert (report.indication, report.sub_indication) == (case.indication, case.sub), report.verdict.checks
    assert sorted(f"{one.what} {one.who}" for one in report.since) == sorted(case.since)
    blocks = {one.block: one for one in report.blocks}
    if case.basic is not None:
        assert (blocks[Block.BASIC].result, blocks[Block.BASIC].sub_indication) == (
            BlockAnswer.INDETERMINATE,
            case.basic,
        )
        assert blocks[Block.PAST].result is BlockAnswer.PASSED
    elif case.indication is PASSED:
        assert blocks[Block.BASIC].result is BlockAnswer.PASSED
        assert Block.PAST not in blocks


def test_a_deprecated_algorithm_is_a_warning(made: Callable[[Plan, bool], Path]) -> None:
    case = CASES["algorithm deprecated"]
    warnings = first(judge(made(case.plan, False), at=case.at, policy=case.policy)).verdict.warnings
    assert any(text.startswith("ALG：") and "SM3" in text for text in warnings)


def test_what_is_not_proven_is_told(made: Callable[[Plan, bool], Path]) -> None:
    report = first(judge(made(BARE, False), at=after(1)))
    assert [text.partition("：")[0] for text in report.verdict.warnings] == ["TIME_UNTRUSTED"]
    assert report.basis.proof is None
    proven = first(judge(made(archived(BARE, Clock(TSA_700, after(1))), False), at=after(2)))
    assert proven.verdict.warnings == ()
    assert proven.as_json()["poe"] == {
        "at": after(1).isoformat(),
        "kind": "archive-timestamp",
        "by": "时间戳七百天",
        "id": "ArchiveTimestamp1",
    }
    assert (proven.signed_at, proven.as_json()["claimed_at"]) == (after(1), NOON.isoformat())


@pytest.mark.parametrize(
    ("plan", "indication", "sub"),
    [
        pytest.param(BARE, OPEN, SubIndication.NO_POE, id="only claimed to be older"),
        pytest.param(STAMPED, PASSED, None, id="stamped before"),
        pytest.param(archived(BARE, Clock(TSA_700, after(1))), PASSED, None, id="archived before"),
        pytest.param(archived(BARE, Clock(TSA_700, after(3))), OPEN, SubIndication.NO_POE, id="archived after"),
    ],
)
def test_trust_that_was_withdrawn(
    made: Callable[[Plan, bool], Path], plan: Plan, indication: Indication, sub: SubIndication | None
) -> None:
    """After its period an anchor vouches only for what is proven to be older (docs/format/trust.md)."""
    listed = (
        Anchor(CA.certificate, frozenset({Purpose.LICENCE}), trusted_until=after(2)),
        Anchor(ROOT.certificate, frozenset({Purpose.TIMESTAMP})),
    )
    report = first(judge(made(plan, False), at=after(5), anchors=replace(ANCHORS, anchors=listed)))
    assert (report.indication, report.sub_indication) == (indication, sub), report.verdict.checks


# Revocation data that an archive timestamp covers


@pytest.mark.parametrize(
    ("foreign", "indication"),
    [pytest.param(False, OPEN, id="not covered"), pytest.param(True, PASSED, id="covered before")],
)
def test_an_answer_is_as_good_as_its_responder_was(tmp_path: Path, foreign: bool, indication: Indication) -> None:
    """The only answer about the signer is by a responder that lost its key later: it could have been dated back."""
    responder = CA.issue("OCSP", serial=310, purposes=(OCSP_SIGNING,))
    good = SingleStatus(CertId.of(100, CA.certificate, "sm3"), "good", NOON - DAY / 24, NOON + DAY)
    answer = build_ocsp_response(
        [good],
        responder.certificate,
        responder.sign,
        produced_at=NOON - DAY / 24,
        certificates=[responder.certificate],
    )
    path = Plan(foreign=foreign, answers=(answer,)).make(tmp_path)
    lost = Revocation(310, after(2), "keyCompromise")
    outdated = CA.crl(lost, this_update=after(-10), next_update=after(-9))
    known = RevocationEvidence.of(ROOT.crl(this_update=after(-1), next_update=after(9)), outdated, ECDSA.data.crls[0])
    verdict = verify_pdf(path, anchors=ANCHORS, evidence=known, at=after(5))
    report = first(verdict)
    assert report.indication is indication, report.verdict.checks
    status = report.as_json()["revocation"]
    assert (status["source"], status["status"]) == (("OCSP", "good") if foreign else ("", "unknown"))


# What must hold for all of them

EARLY, MIDDLE, LATE = Clock(TSA_30, after(1)), Clock(TSA_60, after(20)), Clock(TSA_700, after(45))
CHAINS: tuple[tuple[Plan, tuple[Clock, ...]], ...] = (
    (BARE, (EARLY,)),
    (BARE, (LATE,)),
    (STAMPED, (MIDDLE,)),
    (SHORT, (EARLY,)),
    (SHORT, (MIDDLE, LATE)),
    (SHORT_LASTING, (MIDDLE,)),
)
REVOCATIONS: tuple[Revoked, ...] = (
    (),
    ((UNIT, after(-1), "keyCompromise"),),
    ((UNIT, after(10), "keyCompromise"),),
    ((TSA_30, after(10), "keyCompromise"),),
    ((TSA_60, after(30), "keyCompromise"),),
    ((TSA_700, after(50), "superseded"),),
)
_RANK = {PASSED: 0, OPEN: 1, FAILED: 2}


@dataclass(frozen=True)
class World:
    """One of many: a signature with its archive timestamps, what was revoked, and by what rules it is judged when."""

    chain: tuple[Plan, tuple[Clock, ...]]
    revoked: Revoked
    days: int
    policy: ValidationPolicy


WORLDS = st.builds(
    World,
    st.sampled_from(CHAINS),
    st.sampled_from(REVOCATIONS),
    st.sampled_from([50, 55, 65, 200]),
    st.sampled_from([DEFAULT_POLICY, STRICT, SUNSET]),
)


quickly = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@quickly
@given(world=WORLDS)
def test_a_proof_of_existence_never_makes_it_worse(made: Callable[[Plan, bool], Path], world: World) -> None:
    at, (plan, clocks) = after(world.days), world.chain
    before = first(judge(made(plan, False), *world.revoked, at=at, policy=world.policy))
    proven = first(judge(made(archived(plan, *clocks), False), *world.revoked, at=at, policy=world.policy))
    assert _RANK[proven.indication] <= _RANK[before.indication]


@quickly
@given(world=WORLDS, later=st.integers(min_value=1, max_value=400))
def test_time_alone_proves_nothing(made: Callable[[Plan, bool], Path], world: World, later: int) -> None:
    """Once everything has happened, waiting turns no open answer into a passed one."""
    plan, clocks = world.chain
    path, ats = made(archived(plan, *clocks), False), (after(world.days), after(world.days + later))
    now, then = (first(judge(path, *world.revoked, at=at, policy=world.policy)) for at in ats)
    assert not (now.indication is OPEN and then.indication is PASSED)
