"""What must hold for every input: typed errors only, two seconds of processor time, and never a false "valid"."""

import signal
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from signing.checks import Indication, Verdict
from signing.errors import SigningError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fuzz_world import FuzzWorld

SECONDS = 2.0
"""Processor time that one input may cost."""


class FalseValidError(Exception):
    """A message that nobody signed was judged valid."""


class TooSlowError(BaseException):
    """An input that costs too much; not an Exception, so that nobody catches it on the way."""


@dataclass(frozen=True)
class Target:
    """One parser or judge under test; adding one is one line in `fuzz_targets`.

    `seeds` and `make` take the world; `make` answers the function that gets each input. `cost` divides the number of
    inputs in the short run.
    """

    name: str
    seeds: "Callable[[FuzzWorld], Sequence[bytes]]"
    make: "Callable[[FuzzWorld], Callable[[bytes], object]]"
    allowed: tuple[type[Exception], ...] = (SigningError,)
    cost: int = 1


def guarded(target: Target, world: "FuzzWorld") -> Callable[[bytes], None]:
    """Answer a function that runs one input and raises only what must not happen."""
    function = target.make(world)

    def run(data: bytes) -> None:
        with time_limit(SECONDS), suppress(*target.allowed):
            function(data)

    return run


@contextmanager
def time_limit(seconds: float) -> "Iterator[None]":
    """Raise TooSlowError when the process has worked longer than that."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"over {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if time.process_time() - started > seconds:
        raise TooSlowError(f"over {seconds} s of processor time")


def never_valid(
    judge: Callable[[bytes], Verdict],
    essence: Callable[[bytes], Hashable],
    seeds: Collection[bytes],
    *,
    strict: Callable[[bytes], Verdict] | None = None,
) -> Callable[[bytes], None]:
    """Check that what passes says the same, by the same signature, as a message that somebody did sign.

    With `strict`, `judge` is a lenient one: what passes only there, and is no seed, must bear a warning.
    """
    known = {essence(seed) for seed in seeds}

    def run(data: bytes) -> None:
        verdict = judge(data)
        if not _passes(verdict):
            return
        try:
            known_essence = essence(data) in known
            spoken = strict is None or data in seeds or bool(verdict.warnings) or _passes(strict(data))
        except SigningError as error:
            raise FalseValidError(f"judged valid, yet: {error}") from error
        if not known_essence or not spoken:
            raise FalseValidError(f"judged valid: {verdict}")

    return run


def _passes(verdict: Verdict) -> bool:
    return verdict.indication is Indication.TOTAL_PASSED


def never_equal(parse: Callable[[bytes], Any], seeds: Collection[bytes]) -> Callable[[bytes], None]:
    """Check that a strict reader takes nothing but the seeds."""

    def run(data: bytes) -> None:
        answer = parse(data)
        if data not in seeds:
            raise FalseValidError(f"taken: {answer!r:.200}")

    return run


def same_bytes(parse: Callable[[bytes], Any], write: Callable[[Any], bytes]) -> Callable[[bytes], None]:
    """Check that what is read is written back as the same bytes: one byte form."""

    def run(data: bytes) -> None:
        if write(parse(data)) != data:
            raise FalseValidError("another byte form was taken")

    return run
