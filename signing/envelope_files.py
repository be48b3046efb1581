"""Sealing and opening from file to file: the bytes of `signing.envelope`, with few copies and on several cores.

Every thread has two buffers of one chunk, which it uses again and again: fresh memory for every chunk costs a tenth of
the time. Chunks are written where they belong, not in order.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from signing.envelope import CHUNK, chunk_nonce, opened_length, sealed_length
from signing.errors import DecryptionError
from signing.sm4 import TAG, Engine, Sm4Gcm

_SEALED_CHUNK: Final = CHUNK + TAG


def seal_file(
    source: BinaryIO,
    size: int,
    target: BinaryIO,
    key: bytes,
    aad: bytes,
    *,
    threads: int = 1,
    engine: Engine | None = None,
) -> int:
    """Seal the `size` bytes that come next in `source` into `target` where it stands; answer the bytes written.

    Both are seekable. The key seals nothing else; AAD is SM3(header.json). Raises ValueError if the source is shorter.
    Whatever is raised, what was written is taken back.
    """
    cipher = Sm4Gcm(key, engine)
    count = max(1, -(-size // CHUNK))

    def seal(number: int, plaintext: memoryview, sealed: memoryview) -> None:
        cipher.seal_into(chunk_nonce(number, last=number == count - 1), plaintext, sealed, aad)

    _Transfer(source, target, size, count, CHUNK, _SEALED_CHUNK, seal).run(threads)
    return sealed_length(size)


def open_file(
    source: BinaryIO,
    length: int,
    target: BinaryIO,
    key: bytes,
    aad: bytes,
    *,
    threads: int = 1,
    engine: Engine | None = None,
) -> int:
    """Open the `length` sealed bytes that come next in `source` into `target` where it stands; answer the bytes opened.

    Both are seekable. Raises DecryptionError if anything differs from what was sealed. Nothing of a chunk is written
    before its tag has matched, and whatever is raised, what was written is taken back.
    """
    cipher, size = Sm4Gcm(key, engine), opened_length(length)
    count = max(1, -(-length // _SEALED_CHUNK))

    def open_(number: int, sealed: memoryview, plaintext: memoryview) -> None:
        cipher.open_into(chunk_nonce(number, last=number == count - 1), sealed, plaintext, aad)

    try:
        _Transfer(source, target, length, count, _SEALED_CHUNK, CHUNK, open_).run(threads)
    except _CutShortError:
        raise DecryptionError("the sealed stream is cut short") from None
    return size


class _CutShortError(ValueError):
    """The source has fewer bytes than was said."""


@dataclass
class _Transfer:
    """Reads numbered chunks, works on them, writes them; one lock a file, because a file has one position."""

    source: BinaryIO
    target: BinaryIO
    size: int
    count: int
    step: int
    """Bytes of a full chunk in the source."""
    target_step: int
    work: Callable[[int, memoryview, memoryview], None]
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _next: int = 0

    def run(self, threads: int) -> None:
        """Transfer all, and leave both files behind it; or put the target back and raise the first error."""
        start, target_start = self.source.tell(), self.target.tell()
        try:
            if threads == 1:
                self._transfer(start, target_start)
            else:
                with ThreadPoolExecutor(threads, thread_name_prefix="chunks") as pool:
                    for done in [pool.submit(self._transfer, start, target_start) for _ in range(threads)]:
                        done.result()
        except BaseException:
            self.target.seek(target_start)
            self.target.truncate()
            raise
        self.source.seek(start + self.size)
        self.target.seek(target_start + self.size + self.count * (self.target_step - self.step))

    def _transfer(self, start: int, target_start: int) -> None:
        try:
            source, target = (memoryview(bytearray(step)) for step in (self.step, self.target_step))
            while (number := self._take()) < self.count:
                size = min(self.step, self.size - number * self.step)
                read, written = source[:size], target[: size + self.target_step - self.step]
                with self._reading:
                    self.source.seek(start + number * self.step)
                    _read(self.source, read)
                self.work(number, read, written)
                with self._writing:
                    self.target.seek(target_start + number * self.target_step)
                    _write(self.target, written)
        except BaseException:
            self._next = self.count  # the other threads stop after the chunk they are at
            raise

    def _take(self) -> int:
        with self._reading:
            number = self._next
            self._next += 1
            return number


def _read(stream: BinaryIO, target: memoryview) -> None:
    """Fill the buffer; raw streams may answer in pieces."""
    at = 0
    while at < len(target):
        size = stream.readinto(target[at:])  # type: ignore[attr-defined]
        if not size:
            raise _CutShortError("the source has fewer bytes than was said")
        at += size


def _write(stream: BinaryIO, data: memoryview) -> None:
    """Write everything; raw streams may take it in pieces."""
    while data:
        data = data[stream.write(data) :]
