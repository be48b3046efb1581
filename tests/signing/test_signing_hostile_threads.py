"""Packing and opening with threads: no thread outlives its part, however it ends."""

import threading
from collections.abc import Iterator
from io import BytesIO

import pytest

from signing.digests import CHUNK
from signing.envelope import open_stream, seal_stream
from signing.errors import DecryptionError


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("chunks")]


def test_a_source_that_fails_midway_leaves_no_thread() -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(5 * CHUNK)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        list(seal_stream(broken(), bytes(16), b"", threads=2))
    assert workers() == []


def test_a_reader_that_stops_early_leaves_no_thread() -> None:
    sealed = b"".join(seal_stream([bytes(6 * CHUNK)], bytes(16), b"", threads=2))
    opening = open_stream(BytesIO(sealed), len(sealed), bytes(16), b"", threads=2)
    assert next(opening) == bytes(CHUNK)
    opening.close()
    assert workers() == []


def test_a_damaged_chunk_comes_after_all_that_is_genuine() -> None:
    sealed = bytearray(b"".join(seal_stream([bytes(6 * CHUNK)], bytes(16), b"", threads=2)))
    sealed[3 * (CHUNK + 16) + 5] ^= 1
    genuine = list[bytes]()
    with pytest.raises(DecryptionError):
        genuine.extend(open_stream(BytesIO(bytes(sealed)), len(sealed), bytes(16), b"", threads=2))
    assert workers() == []
