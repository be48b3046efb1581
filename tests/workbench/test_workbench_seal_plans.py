"""`yizhao seal`: what stands on the command line becomes plans; many impressions under one consent."""

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from test_workbench_seal_cli import answering
from workbench_world import Town, now, pdf

from bidding.cli import yizhao
from bidding.cli.seal import AUDIENCE, read_plans
from bidding.cli.sealing import LocalSealing
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_standing import SealPorts
from sealing.errors import KeywordNotFoundError, StampOutsideError
from sealing.planning import Keyword, Pages, Point, SealPlan, Straddle
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication


@pytest.fixture
def sealing(town: Town) -> LocalSealing:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    ports = SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, AUDIENCE)
    return LocalSealing(ports, town.actor, SealKind.UNIT)


@pytest.mark.parametrize(
    ("at", "keywords", "pages", "straddle", "plans"),
    [
        pytest.param(("1,150,220",), (), "", False, (Point(1, 150, 220),), id="a point"),
        pytest.param(("-1,50.5,60",), (), "", True, (Point(-1, 50.5, 60), Straddle()), id="and a 骑缝章"),
        pytest.param(("150,220",), (), "1-3", False, (Pages(150, 220, pages="1-3"),), id="a range"),
        pytest.param((), ("盖章处", "签字"), "", False, (Keyword("盖章处"), Keyword("签字")), id="keywords"),
        pytest.param((), (), "2-5", True, (Straddle(pages="2-5"),), id="straddle some"),
    ],
)
def test_what_the_options_mean(
    at: tuple[str, ...], keywords: tuple[str, ...], pages: str, straddle: bool, plans: tuple[SealPlan, ...]
) -> None:
    assert read_plans(at, keywords, pages, straddle=straddle) == plans


@pytest.mark.parametrize("at", [(), ("1,2",), ("x,1,2",), ("1.5,1,2",), ("1,2,3,4",)], ids=str)
def test_options_that_mean_nothing(at: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        read_plans(at, (), "", straddle=False)


def test_points_and_slices_under_one_consent(
    town: Town, sealing: LocalSealing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf(3))
    before = source.read_bytes()
    plans = read_plans(("1,100,100", "100,200"), (), "all", straddle=True)
    sealing.apply(source, target, plans, sleep=answering(town, capsys, yes=True))  # type: ignore[arg-type]
    anchors = town.outside.trust.anchors()
    verdict = verify_pdf(target, anchors=anchors, evidence=anchors.evidence, at=now(), expect_uscc=town.bidder.uscc)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert target.read_bytes().count(b"/Subtype/Widget/T(") == 6
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        pytest.param(Keyword("没有这几个字"), KeywordNotFoundError, id="keyword"),
        pytest.param(Point(1, 5, 5), StampOutsideError, id="outside"),
    ],
)
def test_nobody_is_asked_for_what_cannot_be(
    sealing: LocalSealing, tmp_path: Path, plan: SealPlan, error: type[Exception]
) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(pdf(1))
    with pytest.raises(error):
        sealing.apply(source, tmp_path / "out.pdf", [plan], sleep=lambda _: None)
    assert list(tmp_path.iterdir()) == [source]


def test_the_command_says_what_it_takes() -> None:
    told = CliRunner().invoke(yizhao, ["seal", "--help"]).output
    assert all(option in told for option in ("--at", "--keyword", "--straddle", "--pages", "--all-pages", "--profile"))
