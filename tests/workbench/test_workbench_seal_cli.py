"""`yizhao seal`: one seal on one PDF from one's own machine; the source is never touched."""

import os
import time
from pathlib import Path

import pytest
from workbench_world import Town, now, pdf

from bidding.cli.sealing import LocalSealing
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_standing import SealPorts
from identity.errors import ConsentRefusedError
from sealing.errors import FieldError
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication


@pytest.fixture
def ports(town: Town) -> SealPorts:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    return SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, "本机签章程序")


def answering(town: Town, capsys: pytest.CaptureFixture[str], *, yes: bool) -> object:
    """While the program waits, the person decides on the wallet."""

    def sleep(seconds: float) -> None:
        del seconds
        told = capsys.readouterr().out
        if "http" in told:
            url = told.split("：", 1)[1].strip()
            town.confirm(url) if yes else town.refuse(url)

    return sleep


def test_a_seal_on_the_last_page(
    town: Town, ports: SealPorts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf(2))
    before = source.read_bytes()
    sealing = LocalSealing(ports, town.actor, SealKind.UNIT)
    sealing.run(source, target, page=-1, x_mm=150, y_mm=230, sleep=answering(town, capsys, yes=True))  # type: ignore[arg-type]
    anchors = town.outside.trust.anchors()
    verdict = verify_pdf(target, anchors=anchors, evidence=anchors.evidence, at=now(), expect_uscc=town.bidder.uscc)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert [(one.page, one.covers) for one in verdict.signatures] == [(2, "whole-document")]
    assert source.read_bytes() == before


def test_a_refusal_leaves_nothing(
    town: Town, ports: SealPorts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(pdf(1))
    sealing = LocalSealing(ports, town.actor, SealKind.UNIT)
    with pytest.raises(ConsentRefusedError):
        sealing.run(
            source,
            tmp_path / "out.pdf",
            page=1,
            x_mm=100,
            y_mm=100,
            sleep=answering(town, capsys, yes=False),  # type: ignore[arg-type]
        )
    assert list(tmp_path.iterdir()) == [source]


def test_a_place_outside_the_page_is_refused_before_anybody_is_asked(
    town: Town, ports: SealPorts, tmp_path: Path
) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(pdf(1))
    with pytest.raises(FieldError):
        LocalSealing(ports, town.actor, SealKind.UNIT).run(
            source, tmp_path / "out.pdf", page=1, x_mm=5, y_mm=5, sleep=time.sleep
        )
    assert list(tmp_path.iterdir()) == [source]
