"""Running digests by name, for content that streams by."""

import hashlib
from typing import BinaryIO, Protocol

from signing.digests import Sm3, read_chunks
from signing.errors import UnsupportedAlgorithmError


class Running(Protocol):
    """A digest under way."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Answer the digest of all that came so far."""


def start_digest(name: str, seed: bytes = b"", *, legacy: bool = False) -> Running:
    """Start sm3, sha256, sha384, sha512, or sha1 if `legacy`; UnsupportedAlgorithmError for others.

    `seed` goes before the content.
    """
    if name == "sm3":
        return Sm3(seed)
    if name not in ("sha256", "sha384", "sha512") and not (legacy and name == "sha1"):
        raise UnsupportedAlgorithmError(f"digest {name!r}")
    return hashlib.new(name, seed)


def hash_stream(stream: BinaryIO, name: str) -> bytes:
    """Answer the digest of a stream read to its end, 1 MiB at a time."""
    running = start_digest(name)
    for chunk in read_chunks(stream):
        running.update(chunk)
    return running.digest()
