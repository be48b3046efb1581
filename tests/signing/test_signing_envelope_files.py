"""From file to file: the bytes of the streams, whatever the threads; nothing stays when something is wrong."""

import io
import threading
import tracemalloc
from pathlib import Path
from typing import BinaryIO

import pytest

from signing import envelope, sm4
from signing.envelope_files import open_file, seal_file
from signing.errors import DecryptionError

MIB = 1 << 20
SEALED = MIB + 16
KEY, AAD = bytes(range(16)), b"\xaa" * 32
PLAINTEXT = b"".join(bytes([n]) * MIB for n in (1, 2, 3)) + b"end"
SEALED_PLAINTEXT = b"".join(envelope.seal_stream([PLAINTEXT], KEY, AAD))

threads = pytest.mark.parametrize("threads", [1, 2, 5])
engines = pytest.mark.parametrize("engine", sm4.ENGINES, ids=lambda engine: engine.name)


@threads
@engines
@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, len(PLAINTEXT)])
def test_the_bytes_are_those_of_the_streams(threads: int, engine: sm4.Engine, size: int) -> None:
    expected = b"".join(envelope.seal_stream([PLAINTEXT[:size]], KEY, AAD))
    source, sealed, opened = io.BytesIO(b"before" + PLAINTEXT), io.BytesIO(b"head"), io.BytesIO()
    source.seek(6)
    sealed.seek(4)
    assert seal_file(source, size, sealed, KEY, AAD, threads=threads, engine=engine) == len(expected)
    assert sealed.getvalue() == b"head" + expected
    assert (source.tell(), sealed.tell()) == (6 + size, 4 + len(expected))
    sealed.write(b"trailer")
    sealed.seek(4)
    assert open_file(sealed, len(expected), opened, KEY, AAD, threads=threads, engine=engine) == size
    assert opened.getvalue() == PLAINTEXT[:size]
    assert (sealed.tell(), opened.tell()) == (4 + len(expected), size)


@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
def test_real_files(tmp_path: Path, buffering: int) -> None:
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    plain.write_bytes(PLAINTEXT)
    with plain.open("rb", buffering) as source, sealed.open("wb", buffering) as target:
        seal_file(source, len(PLAINTEXT), target, KEY, AAD, threads=2)  # type: ignore[arg-type]
    assert sealed.read_bytes() == SEALED_PLAINTEXT
    with sealed.open("rb", buffering) as source, opened.open("wb", buffering) as target:
        open_file(source, len(SEALED_PLAINTEXT), target, KEY, AAD, threads=2)  # type: ignore[arg-type]
    assert opened.read_bytes() == PLAINTEXT


@threads
@pytest.mark.parametrize("at", [0, SEALED - 1, SEALED, 3 * SEALED - 1, 3 * SEALED, len(SEALED_PLAINTEXT) - 1])
def test_nothing_stays_of_a_changed_file(threads: int, at: int) -> None:
    changed = bytearray(SEALED_PLAINTEXT)
    changed[at] ^= 1
    refuse(bytes(changed), threads=threads)


@threads
@pytest.mark.parametrize(
    ("sealed", "length"),
    [
        pytest.param(SEALED_PLAINTEXT[:-1], len(SEALED_PLAINTEXT), id="the file is a byte short"),
        pytest.param(SEALED_PLAINTEXT[:SEALED], len(SEALED_PLAINTEXT), id="the file is cut at a chunk"),
        pytest.param(SEALED_PLAINTEXT, len(SEALED_PLAINTEXT) - 1, id="another length"),
        pytest.param(SEALED_PLAINTEXT, SEALED, id="only the first chunk"),
        pytest.param(SEALED_PLAINTEXT, 15, id="an impossible length"),
        pytest.param(SEALED_PLAINTEXT[SEALED:], len(SEALED_PLAINTEXT) - SEALED, id="without the first chunk"),
        pytest.param(b"", 16, id="nothing"),
    ],
)
def test_a_file_of_another_length_is_refused(threads: int, sealed: bytes, length: int) -> None:
    refuse(sealed, length, threads=threads)


@pytest.mark.parametrize(("key", "aad"), [(bytes(16), AAD), (KEY, b"")], ids=["another key", "another header"])
def test_key_and_header_must_be_those_of_the_sealing(key: bytes, aad: bytes) -> None:
    with pytest.raises(DecryptionError):
        open_file(io.BytesIO(SEALED_PLAINTEXT), len(SEALED_PLAINTEXT), io.BytesIO(), key, aad)


def refuse(sealed: bytes, length: int | None = None, *, threads: int) -> None:
    target = io.BytesIO(b"what was there")
    target.seek(0, io.SEEK_END)
    with pytest.raises(DecryptionError):
        open_file(io.BytesIO(sealed), len(sealed) if length is None else length, target, KEY, AAD, threads=threads)
    assert target.getvalue() == b"what was there"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chunks")]


@threads
def test_a_source_shorter_than_said_leaves_nothing(threads: int) -> None:
    target = io.BytesIO()
    with pytest.raises(ValueError, match="fewer bytes"):
        seal_file(io.BytesIO(PLAINTEXT), len(PLAINTEXT) + 1, target, KEY, AAD, threads=threads)
    assert target.getvalue() == b""


class Spy(io.BytesIO):
    """Remembers what was ever written."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = list[bytes]()

    def write(self, data: object) -> int:
        self.seen.append(bytes(data))  # type: ignore[call-overload]
        return super().write(data)  # type: ignore[arg-type]


@threads
def test_nothing_of_a_chunk_is_written_before_its_tag_has_matched(threads: int) -> None:
    changed = bytearray(SEALED_PLAINTEXT)
    changed[SEALED + 5] ^= 1
    target = Spy()
    with pytest.raises(DecryptionError):
        open_file(io.BytesIO(bytes(changed)), len(changed), target, KEY, AAD, threads=threads)
    genuine = {PLAINTEXT[n * MIB : (n + 1) * MIB] for n in (0, 2, 3)}
    assert set(target.seen) <= genuine


class Dribble(io.BytesIO):
    """Answers and takes 300,000 bytes at a time."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(buffer[:300_000])

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        return super().write(data[:300_000])


@threads
def test_files_may_work_in_pieces(threads: int) -> None:
    target = Dribble()
    seal_file(Dribble(PLAINTEXT), len(PLAINTEXT), target, KEY, AAD, threads=threads)
    assert target.getvalue() == SEALED_PLAINTEXT


class Full(io.BytesIO):
    """A disk with room for one chunk."""

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        if self.tell() >= SEALED:
            raise OSError("no space left")
        return super().write(data)


@threads
def test_a_full_disk_is_told_and_cleared(threads: int) -> None:
    target = Full()
    with pytest.raises(OSError, match="no space"):
        seal_file(io.BytesIO(PLAINTEXT), len(PLAINTEXT), target, KEY, AAD, threads=threads)
    assert target.getvalue() == b""


class Nowhere(io.RawIOBase):
    """Zeros to read without end; what is written vanishes."""

    def __init__(self) -> None:
        self._at = 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return len(buffer)

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        return len(data)

    def seek(self, offset: int, _whence: int = 0) -> int:
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at


@pytest.mark.parametrize("threads", [1, 2])
def test_memory_does_not_grow_with_the_file(threads: int) -> None:
    target: BinaryIO = Nowhere()  # type: ignore[assignment]
    tracemalloc.start()
    try:
        seal_file(target, 64 * MIB, Nowhere(), KEY, AAD, threads=threads)  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < threads * 2 * SEALED + (MIB // 2)
    finally:
        tracemalloc.stop()
