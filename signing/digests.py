"""Digests by their field names: SM3 (GB/T 32905) first, SHA-256 beside it."""

import hashlib
from collections.abc import Iterable
from typing import BinaryIO, Final

from signing.libgcrypt import Data
from signing.sm3_engines import LONG, SHORT, Hasher

CHUNK = 1 << 20
"""Bytes read at a time; larger falls out of the second-level cache."""
_SHORT_UP_TO: Final = 1 << 12
"""Bytes up to which the engine that starts quickly is not slower than the fast one."""


class Sm3:
    """A running SM3 digest (32 bytes), by the fastest implementation present. For one thread at a time.

    The first bytes are kept until it is clear whether few or many come, which decides the implementation.
    """

    __slots__ = ("_first", "_state")

    def __init__(self, data: Data = b"") -> None:
        """Start, with some first bytes if given."""
        self._first = bytearray()
        self._state: Hasher | None = None
        if data:
            self.update(data)

    def update(self, data: Data, /) -> None:
        """Take more bytes; a memoryview is read where it is."""
        state = self._state
        if state is None:
            if len(self._first) + len(data) <= _SHORT_UP_TO:
                self._first += data
                return
            state = self._state = LONG.start()
            state.update(self._first)
            self._first.clear()
        state.update(data)

    def digest(self) -> bytes:
        """Answer the 32-byte digest so far; the state stays usable."""
        if self._state is not None:
            return self._state.digest()
        state = SHORT.start()
        state.update(self._first)
        return state.digest()

    def hexdigest(self) -> str:
        """Answer the digest in lower-case hex."""
        return self.digest().hex()

    def copy(self) -> "Sm3":
        """Fork the state."""
        fork = Sm3(self._first)
        fork._state = self._state and self._state.copy()
        return fork


def sm3(*parts: Data) -> bytes:
    """SM3 of the parts, one after the other (32 bytes)."""
    state = (SHORT if sum(map(len, parts)) <= _SHORT_UP_TO else LONG).start()
    for part in parts:
        state.update(part)
    return state.digest()


def sm3_of(chunks: Iterable[Data]) -> bytes:
    """SM3 of a stream of chunks."""
    state = Sm3()
    for chunk in chunks:
        state.update(chunk)
    return state.digest()


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts, one after the other (32 bytes)."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def read_chunks(stream: BinaryIO, size: int | None = None) -> Iterable[bytes]:
    """Yield up to `size` bytes (all, if None) in pieces of 1 MiB."""
    left = size
    while left is None or left > 0:
        chunk = stream.read(CHUNK if left is None else min(CHUNK, left))
        if not chunk:
            return
        if left is not None:
            left -= len(chunk)
        yield chunk


__all__ = ["CHUNK", "Hasher", "Sm3", "read_chunks", "sha256", "sm3", "sm3_of"]
