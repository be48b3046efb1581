"""Several warm children side by side: a batch of files uses every core, and one slow file holds nobody else up."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import LifoQueue
from typing import Any, Final, TypeVar

from bidding.isolation import WALL_SECONDS, IsolatedWorker

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 8
"""Children at a time; each may take 640 MiB of address space."""


def cores() -> int:
    """Answer how many children this machine keeps busy."""
    return max(1, min(len(os.sched_getaffinity(0)), MOST))


class WorkerPool:
    """Children of `IsolatedWorker`, started when first needed; the one that was idle last is asked first.

    May be called from any thread.
    """

    def __init__(self, size: int) -> None:
        """Take at most `size` children; ValueError below one."""
        if size < 1:
            raise ValueError("a pool has at least one worker")
        self.size = size
        self._idle: LifoQueue[IsolatedWorker] = LifoQueue()
        for _ in range(size):
            self._idle.put(IsolatedWorker())

    def ask(self, request: dict[str, Any], *, seconds: float = WALL_SECONDS) -> dict[str, Any]:
        """Wait for an idle child and ask it; WorkerDiedError as `IsolatedWorker.ask`."""
        worker = self._idle.get()
        try:
            return worker.ask(request, seconds=seconds)
        finally:
            self._idle.put(worker)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Call a function that asks this pool for each item, as many at a time as there are children; in order."""
        with ThreadPoolExecutor(self.size, thread_name_prefix="judging") as threads:
            yield from threads.map(function, items)

    def close(self) -> None:
        """End all children, once nobody uses them; the next question starts new ones."""
        workers = [self._idle.get() for _ in range(self.size)]
        for worker in workers:
            worker.close()
            self._idle.put(worker)
