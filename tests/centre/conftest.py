"""Fixtures of the centre's tests: one small world, a section, a centre on real SQLite and files."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bidding"))

from centre_world import CentreWorld, Desk, make_desk


@pytest.fixture(scope="session")
def world() -> CentreWorld:
    return CentreWorld()


@pytest.fixture
def desk(world: CentreWorld, tmp_path: Path) -> Desk:
    """Answer a centre with one released section of one stage."""
    return make_desk(world, tmp_path)
