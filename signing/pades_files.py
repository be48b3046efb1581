"""Files under work: a source is copied, the copy is worked upon, synced and put in place at once, or nothing is."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from signing.digests import CHUNK, sm3

_STEP: Final = 1 << 30
_REFUSED: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY})


def copy_file(source: Path, target: Path) -> None:
    """Copy a file inside the kernel, sharing its blocks where the file system can; `target` must not exist.

    After an error nothing is left at `target`.
    """
    with source.open("rb") as reading, target.open("xb") as writing:
        try:
            # What only its owner may read stays so.
            os.fchmod(writing.fileno(), stat.S_IMODE(os.fstat(reading.fileno()).st_mode) & 0o777 | 0o600)
            if not _copy_in_kernel(reading.fileno(), writing.fileno()):
                _copy_in_pieces(reading, writing)
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _copy_in_pieces(reading: BinaryIO, writing: BinaryIO) -> None:
    reading.seek(0)
    writing.seek(0)
    writing.truncate()
    shutil.copyfileobj(reading, writing, CHUNK)


def _copy_in_kernel(source: int, target: int) -> bool:
    try:
        while os.copy_file_range(source, target, _STEP):
            pass
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        return False
    return os.fstat(source).st_size == os.fstat(target).st_size


def draft_of(target: Path) -> Path:
    """Name the draft of a file beside it, the same in all threads of a process.

    The name is short: that of the target may have taken all 255 bytes, which 85 Chinese characters do.
    """
    return target.with_name(f".{sm3(os.fsencode(target.name)).hex()[:16]}.{os.getpid()}.draft")


@contextmanager
def working_copy(source: Path, target: Path) -> Iterator[Path]:
    """Give a copy of `source` to work on; afterwards it is synced and becomes `target`, or after an error is gone.

    A file at `target` is replaced only then. FileExistsError when this process already works on that target.
    """
    draft = draft_of(target)
    copy_file(source, draft)
    try:
        yield draft
        publish(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def publish(draft: Path, target: Path) -> None:
    """Sync a finished file, put it in place of `target` in one step, and sync the directory."""
    _sync(draft, os.O_RDWR)
    draft.replace(target)
    _sync(target.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    number = os.open(path, flags)
    try:
        os.fsync(number)
    finally:
        os.close(number)
