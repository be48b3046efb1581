"""The child that opens a scanned picture (不可信图像的隔离): one picture in, one answer out, bounded by the system.

Run as `python -m sealing.sandbox.scan_worker`; `clean_in_child` speaks to it. Both sides speak canonical JSON.
"""

import resource
import subprocess
import sys
from typing import Final

from msgspec import Struct

from sealing import errors
from sealing.errors import ScanWorkerDiedError, SealingError
from sealing.sandbox.scanning import CleanedScan, clean_scan
from sealing.seal import SealKind
from signing import canonical
from signing.errors import MalformedError

MEMORY: Final = 768 << 20
"""Bytes of address space, libraries included."""
CPU_SECONDS: Final = 20
WALL_SECONDS: Final = 60.0


class _Question(Struct, frozen=True, forbid_unknown_fields=True):
    picture: bytes
    width_mm: int
    kind: SealKind


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """The size is in hundredths of a millimetre; `error` names a class of sealing.errors."""

    picture: bytes = b""
    width: int = 0
    height: int = 0
    drawn: bytes = b""
    warnings: tuple[str, ...] = ()
    error: str = ""
    words: str = ""


def clean_in_child(data: bytes, *, width_mm: int, kind: SealKind) -> CleanedScan:
    """Clean a picture in a child process of its own; errors as `clean_scan`, ScanWorkerDiedError if it did not live."""
    question = canonical.encode(_Question(data, width_mm, kind))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sealing.sandbox.scan_worker"],
            input=question,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
        answer = canonical.decode(done.stdout, _Answer)
    except (subprocess.TimeoutExpired, MalformedError) as error:
        raise ScanWorkerDiedError("the picture exhausted the memory or time that it may use") from error
    if answer.error:
        kinds = {kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type)}
        known = kinds.get(answer.error, SealingError)
        raise known(answer.words) if issubclass(known, SealingError) else SealingError(answer.words)
    return CleanedScan(answer.picture, answer.width / 100, answer.height / 100, answer.drawn, answer.warnings)


def answer(data: bytes) -> bytes:
    """Answer one question."""
    try:
        asked = canonical.decode(data, _Question)
        made = clean_scan(asked.picture, width_mm=asked.width_mm, kind=asked.kind)
    except SealingError as error:
        return canonical.encode(_Answer(error=type(error).__name__, words=str(error)))
    size = round(made.width_mm * 100), round(made.height_mm * 100)
    return canonical.encode(_Answer(made.picture, *size, made.drawn, made.warnings))


def main() -> None:
    """Bound this process, and answer what comes on standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read(canonical.MAX_DOCUMENT + 1)))


if __name__ == "__main__":
    main()
