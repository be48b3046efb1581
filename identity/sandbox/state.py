"""One state file of a sandbox part: canonical JSON, replaced as a whole, durable before anybody hears of it."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from signing import canonical

T = TypeVar("T", bound=Struct)
R = TypeVar("R")


class StateFile(Generic[T]):
    """A value kept in a file. `change` is atomic among threads and against crashes; one process owns the file."""

    def __init__(self, path: Path, empty: T) -> None:
        """Read the file, or begin with `empty` where there is none; msgspec.DecodeError for a damaged one."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._lock = RLock()
        self._value = msgspec.json.decode(path.read_bytes(), type=type(empty)) if path.exists() else empty

    def read(self) -> T:
        """Answer the value as it is now."""
        with self._lock:
            return self._value

    def change(self, rule: Callable[[T], tuple[T, R]]) -> R:
        """Let a rule answer the next value and a result; when it raises, nothing has changed."""
        with self._lock:
            value, result = rule(self._value)
            if value is not self._value:
                _replace(self._path, canonical.encode(value))
                self._value = value
            return result


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
