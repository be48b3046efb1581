"""The sealed envelope: chunks against the bare cipher, file to file, two threads, one part, memory."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from signing import envelope, envelope_files, sm4
from signing.sm4 import Sm4Gcm
from tests.bench.bench_kit import Bench, Target, Task, at_least, at_most

MIB = 1 << 20
KEY, AAD, NONCE = bytes(range(16)), bytes(32), bytes(12)
_MODULE = "tests.bench.signing.bench_envelope"
_PART = 2 * MIB
_ENGINES = {engine.name: engine for engine in sm4.ENGINES}


def bench(kit: Bench) -> None:
    """Measure all of it."""
    _compare_engines(kit)
    for engine in sm4.ENGINES:
        _compare_with_cipher(kit, engine)
    _compare_with_other_engine(kit)
    for engine in sm4.ENGINES:
        _compare_threads(kit, engine)
    _compare_parts(kit)
    _weigh(kit)


def _compare_engines(kit: Bench) -> None:
    """Compare the engines' raw rates; the slowest is the floor."""
    data = bytes(kit.size(8, quick=1) * MIB)
    ciphers = [(engine.name, Sm4Gcm(KEY, engine)) for engine in reversed(sm4.ENGINES)]
    tasks = [Task(name, partial(cipher.seal, NONCE, data, AAD), len(data) / 1e6) for name, cipher in ciphers]
    kit.compare("SM4-GCM in memory, by engine", *tasks)


def _compare_with_cipher(kit: Bench, engine: sm4.Engine) -> None:
    """Compare sealing and opening with the bare cipher on 1 MiB pieces: in memory, and from file to file."""
    count = kit.size(64 if engine is sm4.ENGINES[0] else 24, quick=8)
    amount, piece, cipher = count * MIB / 1e6, bytes(MIB), Sm4Gcm(KEY, engine)
    plain, sealed, target = (kit.work / f"{name}.{engine.name}" for name in ("plain", "sealed", "target"))
    plain.write_bytes(piece * count)
    _write(sealed, envelope.seal_stream([piece] * count, KEY, AAD, engine=engine))

    def raw() -> None:
        for _ in range(count):
            cipher.seal(NONCE, piece, AAD)

    in_memory, to_file = (
        (at_least(0.85), at_least(0.6)) if engine is sm4.ENGINES[0] else (at_least(0.85), at_least(0.85))
    )
    kit.compare(
        f"Chunks of 1 MiB, engine {engine.name}",
        Task(f"SM4-GCM in memory, {engine.name}", raw, amount),
        Task("seal, in memory", lambda: _drain(_seal([piece] * count, engine)), amount, in_memory),
        Task("open, from file to nowhere", lambda: _drain(_open(sealed, engine)), amount),
        Task("seal as a stream, file to file", lambda: stream_file(str(plain), str(target), engine.name), amount),
        Task("seal, file to file", lambda: seal_file(str(plain), str(target), engine.name), amount, to_file),
        Task("open, file to file", lambda: open_file(str(sealed), str(target), engine.name), amount, to_file),
    )
    for path in (plain, sealed, target):
        path.unlink()


def _compare_with_other_engine(kit: Bench) -> None:
    """Compare file to file between the fastest engine and the slowest."""
    fast, slow = sm4.ENGINES[0], sm4.ENGINES[-1]
    count = kit.size(16, quick=3)
    plain, target = kit.work / "plain", str(kit.work / "target")
    plain.write_bytes(bytes(count * MIB))
    amount = count * MIB / 1e6
    kit.compare(
        "Seal, file to file, by engine",
        Task(slow.name, lambda: seal_file(str(plain), target, slow.name), amount),
        Task(fast.name, lambda: seal_file(str(plain), target, fast.name), amount, at_least(3)),
    )


def _compare_threads(kit: Bench, engine: sm4.Engine) -> None:
    """Compare two threads with one, by the clock on the wall."""
    count = kit.size(64 if engine is sm4.ENGINES[0] else 24, quick=6)
    amount = count * MIB / 1e6
    plain, sealed, target = (kit.work / name for name in ("plain", "sealed", "target"))
    plain.write_bytes(bytes(count * MIB))
    _write(sealed, envelope.seal_stream([bytes(MIB)] * count, KEY, AAD, engine=engine))

    def sealing(threads: int) -> Callable[[], None]:
        return lambda: seal_file(str(plain), str(target), engine.name, threads)

    def opening(threads: int) -> Callable[[], None]:
        return lambda: open_file(str(sealed), str(target), engine.name, threads)

    cipher, piece = Sm4Gcm(KEY, engine), bytes(MIB)

    def bare(threads: int) -> Callable[[], None]:
        def share() -> None:
            for _ in range(count // threads):
                cipher.seal(NONCE, piece, AAD)

        def run() -> None:
            with ThreadPoolExecutor(threads) as pool:
                for done in [pool.submit(share) for _ in range(threads)]:
                    done.result()

        return run

    for name, work in (("SM4-GCM in memory", bare), ("Seal, file to file", sealing), ("Open, file to file", opening)):
        kit.compare(
            f"{name}, two threads, engine {engine.name}",
            Task("1 thread", work(1), amount),
            Task("2 threads", work(2), amount, Target() if work is bare else at_least(1.7)),
            clock="wall",
        )


def _compare_parts(kit: Bench) -> None:
    """Compare reading a part of 2 MiB from the middle of a small and of a large stream, most of which is a hole."""
    sizes = (64, kit.size(4096, quick=512))
    streams = {size: _write_sparse(kit.work / f"sparse-{size}", size * MIB) for size in sizes}

    def read(size: int) -> Callable[[], object]:
        path, length = streams[size]

        def run() -> None:
            with path.open("rb") as stream:
                part = envelope.open_range(stream, length, KEY, AAD, offset=size * MIB // 2 + 5, size=_PART)
                _drain(part)

        return run

    small, large = sizes
    kit.compare(
        "One part of 2 MiB",
        Task(f"out of {small} MiB", read(small)),
        Task(f"out of {large} MiB", read(large), target=at_least(round(1 / 1.5, 2))),
        unit="parts",
    )
    for path, _ in streams.values():
        path.unlink()


def _weigh(kit: Bench) -> None:
    """Weigh the process that seals a stream and opens it again, whatever its size."""
    title = "Highest resident memory of a whole process"
    for size in (64, 1024, 4096) if not kit.quick else (16, 64):
        used = kit.child(f"{_MODULE}:seal_and_open", mib=size)
        kit.note(title, f"seal and open {size} MiB", used.peak_mb, "MB", at_most(64))
    size = 256 if not kit.quick else 32
    used = kit.child(f"{_MODULE}:seal_and_open", mib=size, threads=2)
    kit.note(title, f"seal and open {size} MiB, two threads", used.peak_mb, "MB", at_most(64))
    kit.note(title, "before anything is sealed", used.base_mb, "MB", Target())


def seal_file(source: str, target: str, engine: str, threads: int = 1) -> None:
    """Seal one file into another."""
    with Path(source).open("rb", buffering=0) as stream, Path(target).open("wb", buffering=0) as out:
        size = Path(source).stat().st_size
        envelope_files.seal_file(stream, size, out, KEY, AAD, threads=threads, engine=_ENGINES[engine])  # type: ignore[arg-type]


def open_file(source: str, target: str, engine: str, threads: int = 1) -> None:
    """Open one file into another."""
    with Path(source).open("rb", buffering=0) as stream, Path(target).open("wb", buffering=0) as out:
        length = Path(source).stat().st_size
        envelope_files.open_file(stream, length, out, KEY, AAD, threads=threads, engine=_ENGINES[engine])  # type: ignore[arg-type]


def stream_file(source: str, target: str, engine: str) -> None:
    """Seal one file into another as a stream, for a target that is not seekable."""
    with Path(source).open("rb", buffering=0) as stream:
        pieces = iter(lambda: stream.read(MIB), b"")
        _write(Path(target), envelope.seal_stream(pieces, KEY, AAD, engine=_ENGINES[engine]))


def seal_and_open(mib: int, threads: int = 1) -> int:
    """Seal a generated stream and open what comes out; answer how many bytes came back."""
    pieces = (bytes([number & 0xFF]) * MIB for number in range(mib))
    sealed = envelope.seal_stream(pieces, KEY, AAD, threads=threads)
    length = envelope.sealed_length(mib * MIB)
    stream = io.BufferedReader(_Joined(sealed), MIB)
    return sum(map(len, envelope.open_stream(stream, length, KEY, AAD, threads=threads)))


class _Joined(io.RawIOBase):
    """A stream of the pieces of an iterator."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _seal(pieces: list[bytes], engine: sm4.Engine) -> Iterator[bytes]:
    return envelope.seal_stream(pieces, KEY, AAD, engine=engine)


def _open(path: Path, engine: sm4.Engine) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        yield from envelope.open_stream(stream, path.stat().st_size, KEY, AAD, engine=engine)


def _write_sparse(path: Path, size: int) -> tuple[Path, int]:
    """Write the sealed chunks around the middle of a stream of `size` bytes, the rest a hole; answer its length too."""
    cipher, length = Sm4Gcm(KEY), envelope.sealed_length(size)
    with path.open("wb") as stream:
        for number in range(size // MIB // 2, size // MIB // 2 + 3):
            stream.seek(number * (MIB + 16))
            stream.write(cipher.seal(number.to_bytes(11) + b"\0", bytes(MIB), AAD))
        stream.truncate(length)
    return path, length


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("wb", buffering=0) as target:
        for piece in pieces:
            target.write(piece)


def _drain(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
