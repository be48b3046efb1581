"""The life of a seal: what may follow what, and that any past moment can be answered for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sealing.errors import SealClosedError, SealTransitionError
from sealing.seal import FIVE, SealKind, SealState
from sealing.seal_life import Cause, History, LifeAct, act_towards, cancelled_by, change, entry_at, state_at, state_word

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ALLOWED = {
    SealState.ACTIVE: {LifeAct.SUSPEND, LifeAct.REPORT_LOST, LifeAct.CANCEL},
    SealState.SUSPENDED: {LifeAct.RESUME, LifeAct.REPORT_LOST, LifeAct.CANCEL},
    SealState.LOST: {LifeAct.RESUME, LifeAct.CANCEL},
    SealState.CANCELLED: set(),
}
REACHED = {
    LifeAct.SUSPEND: SealState.SUSPENDED,
    LifeAct.RESUME: SealState.ACTIVE,
    LifeAct.REPORT_LOST: SealState.LOST,
    LifeAct.CANCEL: SealState.CANCELLED,
}


class SealLife(RuleBasedStateMachine):
    """A seal to which anything may be tried, beside a plain model of what it should be."""

    history: History
    model: list[tuple[datetime, SealState]]

    @initialize(imported=st.booleans())
    def open(self, imported: bool) -> None:
        act = LifeAct.IMPORT if imported else LifeAct.ISSUE
        self.history = change((), act, at=START, reason="制作")
        self.model = [(START, SealState.ACTIVE)]

    @rule(act=st.sampled_from(LifeAct), later=st.integers(0, 5), cause=st.sampled_from(Cause))
    def try_act(self, act: LifeAct, later: int, cause: Cause) -> None:
        before, now = self.history, self.model[-1][1]
        at = self.model[-1][0] + later * SECOND
        if act in ALLOWED[now]:
            self.history = change(before, act, at=at, reason="试验", actor="某人", cause=cause)
            assert self.history[:-1] == before, "a history only grows"
            assert (self.history[-1].actor, self.history[-1].cause, self.history[-1].act) == ("某人", cause, act)
            self.model.append((at, REACHED[act]))
            return
        with pytest.raises(SealClosedError if now is SealState.CANCELLED else SealTransitionError):
            change(before, act, at=at, reason="试验")

    @precondition(lambda self: self.model[-1][1] is not SealState.CANCELLED)
    @rule(earlier=st.integers(1, 5))
    def go_back(self, earlier: int) -> None:
        with pytest.raises(SealTransitionError):
            change(self.history, LifeAct.CANCEL, at=self.model[-1][0] - earlier * SECOND, reason="回到从前")

    @invariant()
    def times_never_go_back(self) -> None:
        times = [entry.since for entry in self.history]
        assert times == sorted(times)

    @invariant()
    def nothing_follows_a_cancellation(self) -> None:
        assert all(entry.state is not SealState.CANCELLED for entry in self.history[:-1])

    @invariant()
    def every_moment_is_answered_as_by_replay(self) -> None:
        for at in (START - SECOND, *(t + d * SECOND / 2 for t, _ in self.model for d in (-1, 0, 1))):
            replayed = None
            for since, state in self.model:
                replayed = state if since <= at else replayed
            assert state_at(self.history, at) is replayed


SealLife.TestCase.settings = settings(
    max_examples=60, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSealLife = SealLife.TestCase


@pytest.mark.parametrize(
    ("states", "at", "expected"),
    [
        pytest.param([], 5, SealState.ACTIVE, id="in its period"),
        pytest.param([], 10, SealState.ACTIVE, id="its last moment"),
        pytest.param([], 11, SealState.EXPIRED, id="over"),
        pytest.param([LifeAct.SUSPEND], 11, SealState.EXPIRED, id="suspended, then over"),
        pytest.param([LifeAct.CANCEL], 11, SealState.CANCELLED, id="cancelled stays cancelled"),
        pytest.param([], -1, None, id="not made yet"),
    ],
)
def test_a_period_ends(states: list[LifeAct], at: int, expected: SealState | None) -> None:
    history = change((), LifeAct.ISSUE, at=START, reason="制作")
    for act in states:
        history = change(history, act, at=START + SECOND, reason="试验")
    assert state_at(history, START + at * SECOND, not_after=START + 10 * SECOND) is expected


def test_nothing_but_issue_begins_a_life() -> None:
    with pytest.raises(SealTransitionError):
        change((), LifeAct.RESUME, at=START, reason="复活")
    assert entry_at((), START) is None


def test_nobody_makes_a_seal_expired() -> None:
    with pytest.raises(SealTransitionError):
        act_towards(SealState.EXPIRED)


def test_every_state_has_a_word() -> None:
    assert len({state_word(state) for state in (*SealState, None)}) == len(SealState) + 1


COMPANY = set(FIVE) - {SealKind.LEGAL_REPRESENTATIVE}


@pytest.mark.parametrize(
    ("cause", "kinds"),
    [
        (Cause.REPRESENTATIVE_CHANGED, {SealKind.LEGAL_REPRESENTATIVE}),
        (Cause.RENAMED, COMPANY),
        (Cause.CERTIFICATE_CHANGED, COMPANY),
        (Cause.LICENCE_REVOKED, COMPANY),
        (Cause.LICENCE_CANCELLED, set(FIVE)),
        (Cause.REQUEST, set()),
        (Cause.FOUNDING, set()),
    ],
)
def test_which_seals_an_event_cancels(cause: Cause, kinds: set[SealKind]) -> None:
    assert cancelled_by(cause) == kinds
