"""A file that kills its parser costs one answer, and the next file gets its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bidding.isolation import IsolatedWorker, WorkerDiedError
from bidding.isolation_pool import WorkerPool

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


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(2)
    yield pool
    pool.close()


def test_a_pool_answers_in_order_with_as_many_children_as_it_has(pool: WorkerPool, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.bin" for number in range(7)]
    for path in paths:
        path.write_bytes(path.name.encode("ascii"))
    answers = list(pool.map(lambda path: pool.ask(question(path)), paths))
    assert [answer["file"] for answer in answers] == [path.name for path in paths]


def test_a_file_that_kills_its_child_costs_the_others_nothing(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"neither this nor that")

    def judge(task: str) -> str:
        try:
            return str(pool.ask({**question(path), "task": task})["indication"])
        except WorkerDiedError:
            return "died"

    assert list(pool.map(judge, ["verify", "fly", "verify", "fly", "verify"])) == [
        "REFUSED", "died", "REFUSED", "died", "REFUSED"
    ]  # fmt: skip


def test_a_pool_of_none_is_no_pool() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool(0)
