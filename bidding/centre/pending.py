"""What waits for somebody's consent (待本人确认): small sealed files, so that a restart loses nothing.

A file is encrypted for its own name under the centre's field key: the wallet's handle in it is a secret.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from bidding.centre.house import Vault

T = TypeVar("T", bound=Struct)


@dataclass(frozen=True)
class Pending(Generic[T]):
    """One folder of values of one kind, by name; names are ours, hex or section codes, never paths from outside."""

    folder: Path
    kind: type[T]
    vault: Vault

    def put(self, name: str, value: T) -> None:
        """Keep a value; it replaces the one before as a whole."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._file(name).with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(self.vault.seal(self._place(name), value))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._file(name))

    def find(self, name: str) -> T | None:
        """Answer the value of a name, or None."""
        try:
            sealed = self._file(name).read_bytes()
        except FileNotFoundError:
            return None
        return self.vault.open(self._place(name), sealed, self.kind)

    def drop(self, name: str) -> None:
        """Forget a value; none is no fault."""
        self._file(name).unlink(missing_ok=True)

    @contextmanager
    def held(self, name: str) -> Iterator[T | None]:
        """Hold a name, so that of two who ask at once only one goes on; the other then sees what came of it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file(name).with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.find(name)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.sealed"

    def _place(self, name: str) -> str:
        return f"pending/{self.folder.name}/{name}"
