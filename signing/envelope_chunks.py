"""Cutting a stream into chunks, and working on chunks in several threads, without needless copies or memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from signing.libgcrypt import Data

_SMALL: Final = 1 << 16
"""Bytes: smaller pieces are gathered, larger ones kept as they came."""


class Cutter:
    """Cuts pieces of any size into numbered chunks of one size; only the last may be smaller."""

    def __init__(self, size: int) -> None:
        """Take the size of a chunk in bytes."""
        self._size = size
        self._pieces: list[bytes | bytearray] = []
        self._held = self._number = 0

    def cut(self, piece: Data) -> Iterator[tuple[int, Data]]:
        """Take a piece; yield the numbers and bytes of the chunks that are now known not to be the last."""
        self._add(piece)
        # A full chunk waits: only the next byte tells that it is not the last one.
        if self._held > self._size and len(self._pieces[0]) == self._size:
            yield self._take(self._pieces.pop(0))
        if self._held > self._size:
            whole = memoryview(b"".join(self._pieces))
            at = 0
            while self._held > self._size:
                yield self._take(whole[at : at + self._size])
                at += self._size
            self._pieces = [bytes(whole[at:])]

    def last(self) -> tuple[int, Data]:
        """Answer the number and the bytes of the last chunk."""
        return self._number, b"".join(self._pieces)

    def _add(self, piece: Data) -> None:
        self._held += len(piece)
        gathered = self._pieces[-1] if self._pieces else b""
        if len(piece) >= _SMALL:
            # What may still be changed by its owner is copied.
            self._pieces.append(piece if isinstance(piece, bytes) else bytes(piece))
        elif isinstance(gathered, bytearray):
            gathered += piece
        else:
            self._pieces.append(bytearray(piece))

    def _take(self, chunk: Data) -> tuple[int, Data]:
        number = self._number
        self._number += 1
        self._held -= len(chunk)
        return number, chunk


def in_order(work: Callable[[int, Data], bytes], items: Iterable[tuple[int, Data]], threads: int) -> Iterator[bytes]:
    """Yield what `work` makes of each item, in the order of the items; up to two items per thread are under way.

    An error comes where its result would have come, after everything before it; nothing after it is yielded.
    """
    if threads == 1:
        for item in items:
            yield work(*item)
        return
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="chunks") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, *item))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
