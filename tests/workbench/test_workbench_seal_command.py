"""`yizhao seal` as people type it: profiles, OFD, many files, corners, parity; and what it says when it will not."""

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from seal_batch_world import ofd, with_password
from test_workbench_seal_cli import answering
from workbench_world import Town, now, pdf

from bidding.cli import yizhao
from bidding.cli.seal import AUDIENCE, pair_up, require_somebody
from bidding.cli.seal_plans import on_pages_of, read_plans
from bidding.cli.sealing import LocalSealing, format_of
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_batch import SealProfile
from bidding.workbench.seal_standing import SealPorts
from identity.errors import ConsentRefusedError
from sealing.errors import PageRangeError
from sealing.ofd import verify_ofd
from sealing.planning import Keyword, Pages, Point, SealPlan, Straddle
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication


@pytest.fixture
def sealing(town: Town) -> Callable[..., LocalSealing]:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    ports = SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, AUDIENCE)

    def make(profile: SealProfile = "ses", *, close: bool = False) -> LocalSealing:
        return LocalSealing(ports, town.actor, SealKind.UNIT, profile=profile, close=close)

    return make


def judged(town: Town, path: Path) -> list[str]:
    anchors, judge = town.outside.trust.anchors(), verify_ofd if format_of(path) == "ofd" else verify_pdf
    report = judge(path, anchors=anchors, evidence=anchors.evidence, at=now(), expect_uscc=town.bidder.uscc)
    assert report.indication is Indication.TOTAL_PASSED, report
    return [one.profile for one in report.signatures]


def test_many_files_of_both_formats_under_one_confirmation(
    town: Town, sealing: Callable[..., LocalSealing], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {"a.pdf": pdf(1, "a"), "b.pdf": pdf(2, "b"), "c.ofd": ofd("c")}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    pairs = pair_up([tmp_path / name for name in contents], tmp_path / "out")
    sealing().apply_all(pairs, [Point(-1, 100, 100)], sleep=answering(town, capsys, yes=True))  # type: ignore[arg-type]
    assert {name: judged(town, tmp_path / "out" / name) for name in contents} == {key: ["SES-v4"] for key in contents}
    assert {name: (tmp_path / name).read_bytes() for name in contents} == contents
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(contents)


def test_a_refusal_seals_none_of_them(
    town: Town, sealing: Callable[..., LocalSealing], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(pdf(1, name))
    pairs = pair_up([tmp_path / name for name in "ab"], tmp_path / "out")
    with pytest.raises(ConsentRefusedError):
        sealing().apply_all(pairs, [Point(1, 100, 100)], sleep=answering(town, capsys, yes=False))  # type: ignore[arg-type]
    assert list((tmp_path / "out").iterdir()) == []


def test_each_file_that_cannot_be_planned_is_named(
    sealing: Callable[..., LocalSealing], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {
        "good.pdf": pdf(3),
        "locked.pdf": with_password(),
        "short.pdf": pdf(1),
        "torn.ofd": b"PK\x03\x04 torn" * 9,
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    pairs = pair_up([tmp_path / name for name in contents], tmp_path / "out")
    with pytest.raises(click.exceptions.Exit) as ended:
        sealing().apply_all(pairs, [Point(3, 100, 100)], sleep=lambda _: None)
    told = capsys.readouterr().err
    assert ended.value.exit_code == 1
    assert "locked.pdf：PDF 文件设有密码" in told
    assert "short.pdf：页码范围" in told
    assert "torn.ofd：" in told
    assert "good.pdf" not in told
    assert "3 个文件不能盖章，没有请求任何人确认" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "profile", "close"),
    [pytest.param("in.ofd", "pades", False, id="profile"), pytest.param("in.pdf", "ses", True, id="close")],
)
def test_what_a_format_cannot_do(
    *, sealing: Callable[..., LocalSealing], tmp_path: Path, name: str, profile: SealProfile, close: bool
) -> None:
    source = tmp_path / name
    source.write_bytes(ofd() if name.endswith("ofd") else pdf())
    with pytest.raises(click.BadParameter):
        sealing(profile, close=close).apply(source, tmp_path / "out", [Point(1, 99, 99)], sleep=lambda _: None)


def test_what_appeared_meanwhile_is_not_overwritten(
    town: Town, sealing: Callable[..., LocalSealing], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf())
    decide = answering(town, capsys, yes=True)

    def sleep(seconds: float) -> None:
        target.write_bytes(b"somebody's work")
        decide(seconds)  # type: ignore[operator]

    with pytest.raises(click.ClickException):
        sealing().apply(source, target, [Point(1, 99, 99)], sleep=sleep)
    assert target.read_bytes() == b"somebody's work"


@pytest.mark.parametrize(("profile", "reported"), [("gm-cms", "GM-CMS"), ("pades-ses", "PAdES-B-T+SES-v4")])
def test_a_profile_is_chosen(
    *,
    town: Town,
    sealing: Callable[..., LocalSealing],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    profile: SealProfile,
    reported: str,
) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf(4))
    plans = [Point(1, 60, 60, "bottom-right"), Straddle(double_sided=True)]
    sealing(profile).apply(source, target, plans, sleep=answering(town, capsys, yes=True))  # type: ignore[arg-type]
    assert judged(town, target) == [reported]


# -- what stands on the command line


@pytest.mark.parametrize(
    ("given", "plan"),
    [
        pytest.param({"at": ("1,右下,40,30",)}, Point(1, 40, 30, "bottom-right"), id="a corner"),
        pytest.param({"at": ("-1，top-right，40，30",)}, Point(-1, 40, 30, "top-right"), id="full-width commas"),
        pytest.param({"at": ("中心,0,0",), "pages": "all"}, Pages(0, 0, "centre"), id="the middle of each page"),
        pytest.param(
            {"at": ("100,100",), "pages": "2-9", "parity": "odd"}, Pages(100, 100, pages="2-9", parity="odd"), id="odd"
        ),
        pytest.param({"keywords": ("盖章",), "occurrence": "3"}, Keyword("盖章", 3), id="the third time"),
        pytest.param({"keywords": ("盖章",), "occurrence": "last"}, Keyword("盖章", "last"), id="the last time"),
        pytest.param({"keywords": ("盖章",), "occurrence": "all"}, Keyword("盖章", "all"), id="every time"),
        pytest.param(
            {"straddle": True, "double_sided": True, "side": "left"}, Straddle("left", double_sided=True), id="leaves"
        ),
    ],
)
def test_what_options_mean(given: dict[str, object], plan: SealPlan) -> None:
    options = {"at": (), "keywords": (), "pages": "", "straddle": False, **given}
    assert read_plans(**options) == (plan,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"at": ("1,右下,左上,40,30",)}, id="two corners"),
        pytest.param({"at": ("1,nan,30",)}, id="no number"),
        pytest.param({"at": ("1,inf,30",)}, id="endless"),
        pytest.param({"at": ("1,1e9,30",)}, id="far away"),
        pytest.param({"at": ("inf,1,30",)}, id="an endless page"),
        pytest.param({"keywords": ("x",), "occurrence": "0"}, id="the zeroth time"),
        pytest.param({"keywords": ("x",), "occurrence": "二"}, id="a word"),
        pytest.param({"keywords": ("",)}, id="an empty keyword"),
        pytest.param({"keywords": ("x" * 101,)}, id="a long keyword"),
        pytest.param({"keywords": ("x",), "double_sided": True}, id="both sides of nothing"),
        pytest.param({"at": ("1,2,3",) * 65}, id="too many"),
    ],
)
def test_options_that_mean_nothing(given: dict[str, object]) -> None:
    options = {"at": (), "keywords": (), "pages": "", "straddle": False, **given}
    with pytest.raises(click.UsageError):
        read_plans(**options)  # type: ignore[arg-type]


def test_odd_and_even_pages() -> None:
    plans = (Straddle(pages="2-7"), Keyword("x"), Point(1, 2, 3))
    assert on_pages_of(plans, 9, "odd") == (Straddle(pages="3,5,7"), Keyword("x", pages="1,3,5,7,9"), Point(1, 2, 3))
    assert on_pages_of(plans, 9, "all") == plans
    with pytest.raises(PageRangeError):
        on_pages_of((Keyword("x", pages="2"),), 9, "odd")


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., Result]:
    """Run the command with files that are there: in.pdf, two/in.pdf, done.pdf; nobody is listening."""
    (tmp_path / "two").mkdir()
    for name in ("in.pdf", "two/in.pdf", "done.pdf"):
        (tmp_path / name).write_bytes(pdf())

    def run(*arguments: str) -> Result:
        fixed = ["--trust", str(tmp_path), "--sandbox", "http://127.0.0.1:9"]
        paths = [str(tmp_path / one[1:]) if one.startswith("@") else one for one in arguments]
        return CliRunner().invoke(yizhao, ["seal", *paths, *fixed])

    return run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["@in.pdf"], "--out-dir", id="one path"),
        pytest.param(["@in.pdf", "@in.pdf", "@x.pdf"], "--out-dir", id="three paths"),
        pytest.param(["@none.pdf", "@x.pdf"], "没有这个文件", id="no such file"),
        pytest.param(["@in.pdf", "@done.pdf"], "不覆盖", id="there already"),
        pytest.param(["@in.pdf", "@nowhere/x.pdf"], "没有这个文件夹", id="no such folder"),
        pytest.param(["--out-dir", "@new", "@in.pdf", "@two/in.pdf"], "同名", id="one name twice"),
        pytest.param(["--out-dir", "@two", "@in.pdf"], "不覆盖", id="there already in the folder"),
    ],
)
def test_paths_that_will_not_do(typed: Callable[..., Result], arguments: list[str], told: str) -> None:
    result = typed(*arguments, "--seal", "unit", "--uscc", "91350100M000100Y43", "--at", "1,100,100")
    assert result.exit_code == 2, result.output  # click's own; the program's edge makes it 64
    assert told in result.output


@pytest.mark.parametrize(
    ("kind", "uscc", "person"),
    [("unit", "", ""), ("unit", "x", "P1"), ("unit", "", "P1"), ("personal", "x", ""), ("personal", "", "")],
)
def test_somebody_must_seal(kind: str, uscc: str, person: str) -> None:
    with pytest.raises(click.UsageError):
        require_somebody(kind, uscc, person)


def test_the_command_says_what_it_takes() -> None:
    told = CliRunner().invoke(yizhao, ["seal", "--help"]).output
    options = ("--out-dir", "--occurrence", "--odd", "--even", "--side", "--double-sided", "--close", "--person")
    assert all(option in told for option in (*options, "pades-ses", "gm-cms", "personal"))
