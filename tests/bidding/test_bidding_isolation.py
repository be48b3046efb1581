"""A file that kills its parser costs one answer, and the next file gets its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bidding.isolation import IsolatedWorker, WorkerDiedError

AT = "2026-11-21T08:00:00+00:00"


@pytest.fixture
def worker() -> Iterator[IsolatedWorker]:
    worker = IsolatedWorker()
    yield worker
    worker.close()


def question(path: Path) -> dict[str, str]:
    return {"task": "verify", "file": str(path), "trust": "", "at": AT}


def test_an_unreadable_file_is_refused_by_a_child_that_lives_on(worker: IsolatedWorker, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"neither this nor that")
    assert [worker.ask(question(path))["indication"] for _ in range(2)] == ["REFUSED", "REFUSED"]


def test_a_child_that_is_killed_is_replaced(worker: IsolatedWorker, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"neither this nor that")
    with pytest.raises(WorkerDiedError):
        worker.ask(question(path), seconds=0.01)
    assert worker.ask(question(path))["indication"] == "REFUSED"


def test_a_task_that_does_not_exist_ends_the_child_and_nothing_else(worker: IsolatedWorker, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"{}")
    with pytest.raises(WorkerDiedError):
        worker.ask({**question(path), "task": "fly"})
    assert worker.ask(question(path))["indication"] == "REFUSED"
