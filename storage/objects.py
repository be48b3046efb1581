"""Contents by their SM3: bytes that, once named, are there after a power cut.

The order is write tmp → fsync → rename → fsync folder. A name is the digest of what it names, so putting the
same content twice is no second act, and what is read can be checked.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from signing.digests import Sm3, read_chunks
from storage import durable
from storage.errors import DamagedObjectError, ObjectMissingError

_NAME = 64


@dataclass(frozen=True)
class StoredObject:
    """A content that is durable: its name (SM3, hex) and its bytes' count."""

    name: str
    size: int


class Objects(Protocol):
    """A store of contents."""

    def put(self, chunks: Iterable[bytes]) -> StoredObject:
        """Keep a content; it is durable when this returns. DurabilityError."""

    def open(self, name: str) -> BinaryIO:
        """Open a content for reading; seekable. ObjectMissingError."""

    def size(self, name: str) -> int:
        """Bytes of a content. ObjectMissingError."""

    def delete(self, name: str) -> None:
        """Forget a content; nothing happens if it is not there."""

    def check(self, name: str) -> None:
        """Read a content against its name. ObjectMissingError, DamagedObjectError."""


@dataclass(frozen=True)
class FileObjects:
    """Contents as files `blobs/xx/<sm3>` below one folder."""

    root: Path
    random: Callable[[int], bytes]

    def __post_init__(self) -> None:
        """Make the folders."""
        durable.make_folder(self.root / "tmp")
        durable.make_folder(self.root / "blobs")

    def put(self, chunks: Iterable[bytes]) -> StoredObject:
        """Keep a content; it is durable when this returns."""
        path = self.root / "tmp" / self.random(16).hex()
        state, size = Sm3(), 0
        try:
            with path.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                for chunk in chunks:
                    file.write(chunk)
                    state.update(chunk)
                    size += len(chunk)
                file.flush()
                durable.sync_file(file.fileno())
            durable.rename(path, self._path(state.hexdigest()))
        finally:
            path.unlink(missing_ok=True)
        return StoredObject(state.hexdigest(), size)

    def open(self, name: str) -> BinaryIO:
        """Open a content for reading; seekable."""
        try:
            return self._path(name).open("rb")
        except FileNotFoundError as error:
            raise ObjectMissingError(name) from error

    def size(self, name: str) -> int:
        """Bytes of a content."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError as error:
            raise ObjectMissingError(name) from error

    def delete(self, name: str) -> None:
        """Forget a content."""
        self._path(name).unlink(missing_ok=True)

    def check(self, name: str) -> None:
        """Read a content against its name."""
        with self.open(name) as file:
            state = Sm3()
            for chunk in read_chunks(file):
                state.update(chunk)
        if state.hexdigest() != name:
            raise DamagedObjectError(name)

    def _path(self, name: str) -> Path:
        if len(name) != _NAME or not set(name) <= set("0123456789abcdef"):
            raise ObjectMissingError("not the name of a content")
        return self.root / "blobs" / name[:2] / name
