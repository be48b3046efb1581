"""`yizhao seal` under odd conditions: names, disks, files that change, more files than one confirmation lists."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest
from seal_batch_world import ofd
from workbench_world import Town, now, pdf

from bidding.cli.exits import run
from bidding.cli.seal import AUDIENCE, pair_up
from bidding.cli.sealing import LocalSealing, format_of
from bidding.web.errors import words_of
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_standing import SealPorts
from identity.errors import ConsentRefusedError
from sealing.errors import StampsNotPreparedError
from sealing.ofd import verify_ofd
from sealing.planning import Point
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication

PLANS = [Point(1, 100, 100)]
Decide = Callable[[str], object]


@pytest.fixture
def sealing(town: Town) -> LocalSealing:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    ports = SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, AUDIENCE)
    return LocalSealing(ports, town.actor, SealKind.UNIT)


@pytest.fixture
def deciding(capsys: pytest.CaptureFixture[str]) -> Callable[..., Callable[[float], None]]:
    """Let the person on the wallet decide one confirmation after the other."""

    def make(*decisions: Decide, told: list[str] | None = None) -> Callable[[float], None]:
        left = iter(decisions)

        def sleep(_: float) -> None:
            out = capsys.readouterr().out
            if told is not None:
                told.append(out)
            if "http" in out:
                next(left)("http" + out.partition("http")[2].split()[0])

        return sleep

    return make


def judged(town: Town, path: Path) -> Indication:
    anchors, judge = town.outside.trust.anchors(), verify_ofd if format_of(path) == "ofd" else verify_pdf
    return judge(path, anchors=anchors, evidence=anchors.evidence, at=now(), expect_uscc=town.bidder.uscc).indication


# -- more files than one confirmation lists


@pytest.fixture
def five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path]]:
    """Five files where one confirmation takes two."""
    monkeypatch.setattr("bidding.cli.sealing.MOST_FILES", 2)
    for number in range(5):
        (tmp_path / f"{number}.ofd").write_bytes(ofd(f"{number}"))
    return pair_up([tmp_path / f"{number}.ofd" for number in range(5)], tmp_path / "out")


def test_many_files_take_several_confirmations(
    town: Town,
    sealing: LocalSealing,
    five: list[tuple[Path, Path]],
    deciding: Callable[..., Callable[[float], None]],
) -> None:
    told: list[str] = []
    sealing.apply_all(five, PLANS, sleep=deciding(town.confirm, town.confirm, town.confirm, told=told))
    assert [judged(town, target) for _, target in five] == [Indication.TOTAL_PASSED] * 5
    assert "共 5 个文件，每次确认最多 2 个，需要确认 3 次" in told[0]
    assert sum("http" in one for one in told) == 3


def test_a_later_refusal_keeps_what_was_agreed_to(
    town: Town,
    sealing: LocalSealing,
    five: list[tuple[Path, Path]],
    deciding: Callable[..., Callable[[float], None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    errors: list[str] = []
    real = click.echo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(click, "echo", lambda text, **how: errors.append(text) if how.get("err") else real(text))
        with pytest.raises(ConsentRefusedError):
            sealing.apply_all(five, PLANS, sleep=deciding(town.confirm, town.refuse))
    assert [target.exists() for _, target in five] == [True, True, False, False, False]
    assert "前 1 次确认的 2 个文件已盖章，其余未盖。" in errors
    assert {path.name for path in five[0][1].parent.iterdir()} == {"0.ofd", "1.ofd"}
    capsys.readouterr()


# -- files


def test_what_was_shown_is_sealed_though_the_source_changed_meanwhile(
    town: Town,
    sealing: LocalSealing,
    tmp_path: Path,
    deciding: Callable[..., Callable[[float], None]],
) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf(1, "shown"))

    def decide(url: str) -> None:
        source.write_bytes(pdf(3, "another"))
        town.confirm(url)

    sealing.apply(source, target, PLANS, sleep=deciding(decide))
    assert judged(town, target) is Indication.TOTAL_PASSED
    assert target.read_bytes().startswith(pdf(1, "shown"))


def test_a_link_is_read_through_and_stays(
    town: Town,
    sealing: LocalSealing,
    tmp_path: Path,
    deciding: Callable[..., Callable[[float], None]],
) -> None:
    source, link = tmp_path / "in.pdf", tmp_path / "link.pdf"
    source.write_bytes(pdf())
    link.symlink_to(source)
    with pytest.raises(click.UsageError, match="不覆盖"):
        pair_up([source, link], None)
    sealing.apply(link, tmp_path / "out.pdf", PLANS, sleep=deciding(town.confirm))
    assert (link.is_symlink(), source.read_bytes()) == (True, pdf())
    assert judged(town, tmp_path / "out.pdf") is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a\nb.pdf", id="line"),
        pytest.param("\u202efdp.exe", id="direction"),
        pytest.param("a\u200bb.pdf", id="invisible"),
        pytest.param("\x7f.pdf", id="control"),
        pytest.param("x" * 240 + ".pdf", id="long"),
        pytest.param(os.fsdecode(b"\xff\xfe.pdf"), id="no text"),
    ],
)
def test_a_name_that_the_wallet_could_not_show(tmp_path: Path, name: str) -> None:
    """Told at once, with what to do; not after the rehearsal."""
    source = tmp_path / name
    source.write_bytes(pdf())
    with pytest.raises(click.UsageError, match="请改名"):
        pair_up([source], tmp_path / "out")


@pytest.mark.parametrize(
    ("number", "told"),
    [
        pytest.param(errno.ENOSPC, "磁盘空间不足", id="disk full"),
        pytest.param(errno.EACCES, "权限", id="permission"),
        pytest.param(errno.EROFS, "只能读取", id="read only"),
        pytest.param(errno.ENAMETOOLONG, "文件名过长", id="name"),
        pytest.param(errno.EIO, "无法读写文件", id="another"),
    ],
)
def test_what_the_machine_will_not_do_is_told(
    number: int, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trace, but a sentence with what to do."""

    @click.group(invoke_without_command=True)
    def failing() -> None:
        raise OSError(number, os.strerror(number), "/somewhere")

    monkeypatch.setattr("sys.argv", ["yizhao"])
    with pytest.raises(SystemExit) as ended:
        run(failing)
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert told in said
    assert "file_error" in said
    assert "Traceback" not in said


def test_a_file_that_is_signed_already_takes_another_seal(
    town: Town, sealing: LocalSealing, tmp_path: Path, deciding: Callable[..., Callable[[float], None]]
) -> None:
    """No place was prepared for the second: the first stays valid all the same."""
    source, once, twice = (tmp_path / f"{name}.pdf" for name in ("in", "once", "twice"))
    source.write_bytes(pdf())
    replace(sealing, profile="pades").apply(source, once, PLANS, sleep=deciding(town.confirm))
    own = replace(sealing, kind=SealKind.LEGAL_REPRESENTATIVE)
    own.apply(once, twice, [Point(1, 100, 200)], sleep=deciding(town.confirm))
    assert judged(town, twice) is Indication.TOTAL_PASSED


def test_a_seal_is_not_broken_by_another_without_a_place(
    town: Town, sealing: LocalSealing, tmp_path: Path, deciding: Callable[..., Callable[[float], None]]
) -> None:
    """After a seal only what was prepared may be filled: whoever wants more is told before anybody is asked."""
    source, once, twice = (tmp_path / f"{name}.pdf" for name in ("in", "once", "twice"))
    source.write_bytes(pdf())
    sealing.apply(source, once, PLANS, sleep=deciding(town.confirm))
    with pytest.raises(StampsNotPreparedError) as refused:
        replace(sealing, kind=SealKind.LEGAL_REPRESENTATIVE).apply(once, twice, PLANS, sleep=deciding())
    assert "首次盖章前" in words_of(refused.value).text
    assert not twice.exists()
