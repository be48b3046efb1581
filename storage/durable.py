"""What "durable" takes on a POSIX file system: the bytes, then the name (trust.md D.3, F5).

An fsync that failed is never tried again: the kernel may already have dropped the pages.
"""

import os
from pathlib import Path

from storage.errors import DurabilityError


def sync_file(descriptor: int) -> None:
    """Make the bytes of an open file durable; DurabilityError."""
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        raise DurabilityError(f"fdatasync: {error}") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; DurabilityError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise DurabilityError(f"fsync {folder.name}: {error}") from error
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that they are there after a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def rename(source: Path, target: Path) -> None:
    """Move a file whose bytes are durable to its final name, durably; the same move again is no fault.

    Raises FileNotFoundError if neither of the two is there.
    """
    make_folder(target.parent)
    try:
        source.rename(target)
    except FileNotFoundError:
        if not target.exists():
            raise
    sync_folder(target.parent)
