"""Sealed files and the answers about them: the world of the sealing tests, judged by the real engine."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sealing"))

from reporting_world import Judged, add_note, details
from sealing_world import NOON, World, build_world, draft_pdf

from bidding.reporting.details import ReportDetails
from bidding.verification import Question, judge_file
from sealing.seal import SealKind

Judge = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def world() -> World:
    return build_world()


@pytest.fixture(scope="session")
def judge(world: World) -> Judge:
    def judge(path: Path, **asked: Any) -> dict[str, Any]:
        return judge_file(path, Question(trust=world.trust, at=NOON, **asked)).as_json()

    return judge


@pytest.fixture(scope="session")
def sealed(world: World, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Answer a PDF with the legal representative's seal, then the unit's."""
    folder = tmp_path_factory.mktemp("sealed")
    draft, one, two = draft_pdf(folder / "draft.pdf"), folder / "one.pdf", folder / "two.pdf"
    world.apply(draft, one, SealKind.LEGAL_REPRESENTATIVE, "legal")
    world.apply(one, two, SealKind.UNIT, "unit")
    return Judged(two, judge(two))


@pytest.fixture(scope="session")
def changed(sealed: Judged, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Answer the same with a note put over page 2 afterwards."""
    path = tmp_path_factory.mktemp("changed") / "changed.pdf"
    path.write_bytes(add_note(sealed.path.read_bytes(), page=2))
    return Judged(path, judge(path))


@pytest.fixture
def report_details() -> ReportDetails:
    return details()
