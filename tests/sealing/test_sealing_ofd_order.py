"""Any order of seals on one package: every one holds, until one closes it; a change breaks all that came before."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ofd_paper import A4, LEGAL, Paper, apply, contents, judge, outcomes, page, prepare, text
from ofd_world import pack
from sealing_world import World, build_world

from sealing.errors import ClosedOfdError
from sealing.ofd_sealing import survey_ofd
from sealing.planning import Pages, Point, Straddle, plan_stamps
from sealing.seal import SIZES_MM, SealKind

PLANS = st.sampled_from([Point(1, 60, 60), Point(-1, 60, 230), Pages(60, 150), Straddle(), Straddle(side="left")])


@cache
def parties() -> World:
    return build_world()


class SealedOneAfterAnother(RuleBasedStateMachine):
    """A package that several people seal."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "a.ofd"
        self.expected, self.closed = list[str](), False

    @initialize(pages=st.integers(2, 4))
    def write(self, pages: int) -> None:
        Paper([page(text("盖章", 20, 20))] * pages, size=A4).write(self.path)

    @precondition(lambda self: not self.closed and len(self.expected) < 4)
    @rule(kind=st.sampled_from(list(SealKind)), plans=st.lists(PLANS, min_size=1, max_size=2), close=st.booleans())
    def seal(self, kind: SealKind, plans: list[Point], close: bool) -> None:
        width, height = SIZES_MM[kind]
        stamps = plan_stamps(plans, survey_ofd(self.path).views, (width, height)).stamps
        apply(parties(), self.path, self.path, stamps, kind, close=close)
        self.expected.append("TOTAL-PASSED")
        self.closed = close

    @precondition(lambda self: self.closed)
    @rule()
    def refuse(self) -> None:
        before = self.path.read_bytes()
        with pytest.raises(ClosedOfdError):
            prepare(parties(), self.path, self.path, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
        assert self.path.read_bytes() == before

    @precondition(lambda self: self.expected)
    @rule()
    def tamper(self) -> None:
        """Change a page: all that signed so far is broken, whoever signs next is not."""
        parts = contents(self.path)
        name = "Doc_0/Pages/Page_0/Content.xml"
        data = parts[name].replace(b"</ofd:Layer>", b"<ofd:PathObject/></ofd:Layer>")
        self.path.write_bytes(pack({**parts, name: data}))
        self.expected = ["TOTAL-FAILED"] * len(self.expected)

    @invariant()
    def judged(self) -> None:
        if self.expected:
            found = outcomes(judge(parties(), self.path))
            assert [row[1] for row in found] == self.expected
            assert all(row[2] == "whole-document" for row in found)

    def teardown(self) -> None:
        self.folder.cleanup()


TestSealedOneAfterAnother = SealedOneAfterAnother.TestCase
TestSealedOneAfterAnother.settings = settings(max_examples=5, stateful_step_count=5, deadline=None)
