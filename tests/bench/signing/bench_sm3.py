"""SM3: short messages and one long stream, by each engine and as the library chooses."""

from collections.abc import Callable

from signing import sm3_engines
from signing.digests import Sm3, sm3
from tests.bench.bench_kit import Bench, Task, at_least

MIB = 1 << 20


def bench(kit: Bench) -> None:
    """Compare with the engine inside `cryptography`, which is present everywhere."""
    floor = sm3_engines.CryptographyEngine()
    others = [engine for engine in sm3_engines.ENGINES if engine.name != floor.name]
    for size in (32, 1000):
        message = bytes(size)
        tasks = [Task(engine.name, _digest(engine, message)) for engine in (floor, *others)]
        ours = Task("digests.sm3", lambda m=message: sm3(m), target=at_least(1))  # type: ignore[misc]
        kit.compare(f"SM3 of {size} bytes", *tasks, ours, unit="messages")
    piece, count = bytes(MIB), kit.size(16, quick=2)
    amount = count * MIB / 1e6
    tasks = [Task(engine.name, _stream(engine.start, piece, count), amount) for engine in (floor, *others)]
    ours = Task("digests.Sm3", _stream(Sm3, piece, count), amount, at_least(1))
    kit.compare("SM3 of a stream, 1 MiB at a time", *tasks, ours)


def _digest(engine: sm3_engines.Engine, message: bytes) -> Callable[[], bytes]:
    def run() -> bytes:
        state = engine.start()
        state.update(message)
        return state.digest()

    return run


def _stream(start: Callable[[], sm3_engines.Hasher], piece: bytes, count: int) -> Callable[[], bytes]:
    def run() -> bytes:
        state = start()
        for _ in range(count):
            state.update(piece)
        return state.digest()

    return run
