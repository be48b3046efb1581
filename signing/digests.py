"""Digests by their field names: SM3 (GB/T 32905) first, SHA-256 beside it."""

import hashlib
from collections.abc import Iterable
from typing import BinaryIO, Protocol, Self

from cryptography.hazmat.primitives import hashes

CHUNK = 1 << 20
"""Bytes read at a time; larger falls out of the second-level cache."""


class Hasher(Protocol):
    """A running digest."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Answer the digest of all that came so far."""

    def copy(self) -> Self:
        """Fork the state."""


class Sm3:
    """A running SM3 digest (32 bytes), computed by libcrypto inside `cryptography`."""

    def __init__(self, data: bytes = b"", *, _state: hashes.Hash | None = None) -> None:
        """Start, with some first bytes if given."""
        self._state = _state or hashes.Hash(hashes.SM3())
        if data:
            self._state.update(data)

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        self._state.update(bytes(data) if isinstance(data, memoryview) else data)

    def digest(self) -> bytes:
        """Answer the 32-byte digest so far; the state stays usable."""
        return self._state.copy().finalize()

    def hexdigest(self) -> str:
        """Answer the digest in lower-case hex."""
        return self.digest().hex()

    def copy(self) -> "Sm3":
        """Fork the state."""
        return Sm3(_state=self._state.copy())


def sm3(*parts: bytes) -> bytes:
    """SM3 of the parts, one after the other (32 bytes)."""
    state = hashes.Hash(hashes.SM3())
    for part in parts:
        state.update(part)
    return state.finalize()


def sm3_of(chunks: Iterable[bytes]) -> bytes:
    """SM3 of a stream of chunks."""
    return sm3(*chunks) if isinstance(chunks, tuple) else _fold(chunks)


def _fold(chunks: Iterable[bytes]) -> bytes:
    state = hashes.Hash(hashes.SM3())
    for chunk in chunks:
        state.update(chunk)
    return state.finalize()


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
