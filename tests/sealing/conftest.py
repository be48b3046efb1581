"""The world of sealing_world.py, made once; files to seal and one that is sealed."""

from pathlib import Path

import pytest
from sealing_world import World, build_world, draft_pdf

from sealing.seal import SealKind


@pytest.fixture(scope="session")
def world() -> World:
    return build_world()


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Answer a PDF with two prepared fields."""
    return draft_pdf(tmp_path / "draft.pdf")


@pytest.fixture(scope="session")
def sealed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answer a PDF with the legal representative's seal, then the unit's."""
    folder = tmp_path_factory.mktemp("sealed")
    draft, one, two = draft_pdf(folder / "draft.pdf"), folder / "one.pdf", folder / "two.pdf"
    world.apply(draft, one, SealKind.LEGAL_REPRESENTATIVE, "legal")
    world.apply(one, two, SealKind.UNIT, "unit")
    return two
