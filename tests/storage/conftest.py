"""Fixtures of the storage tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from storage_bytes import counter

from storage.intake import Intake


@pytest.fixture
def randomness() -> Callable[[int], bytes]:
    return counter()


@pytest.fixture
def intake(tmp_path: Path, randomness: Callable[[int], bytes]) -> Intake:
    return Intake(tmp_path / "intake", b"i" * 32, randomness)
