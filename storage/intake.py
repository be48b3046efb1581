"""Uploaded bundles, wrapped once more (收件加密): a copy of the object folder shows nothing of what came in.

File form, one after the other: `length(4, BE) | salt(16) | ciphertext | tag(16)`; a frame holds 1 byte to 1 MiB.
key = SM3-KDF(intake secret | "intake" | 0 | upload id | salt), nonce = frame index (12 bytes, BE), AAD = upload
id | frame index | plaintext offset (8 bytes BE each): a frame opens only at its own place in its own upload. The
salt is fresh in every frame, so a frame that is written again after a torn one never repeats key and nonce.

An offset is acknowledged only when its bytes are durable. What a crash left half-written is cut off at the next
opening. One upload has one writer at a time: a lock on the file sees to it.
"""

import fcntl
import io
import os
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from signing.errors import DecryptionError
from signing.sm4 import Sm4Gcm
from storage import durable
from storage.errors import BusyError, DamagedObjectError, ObjectMissingError, OffsetError
from storage.secrets import derive

FRAME = 1 << 20
"""Plaintext bytes of a full frame."""
_SALT = 16
_HEAD = 4 + _SALT
_TAG = 16
_NAME = 32


@dataclass(frozen=True)
class Frames:
    """Where the frames of one file lie: plaintext ends and file starts, in order."""

    ends: "array[int]"
    starts: "array[int]"
    file_end: int

    @property
    def size(self) -> int:
        """Plaintext bytes."""
        return self.ends[-1] if self.ends else 0

    def begin(self, index: int) -> int:
        """Answer the plaintext offset at which a frame begins."""
        return self.ends[index - 1] if index else 0


@dataclass(frozen=True)
class Intake:
    """Uploads below `uploads/`, accepted ones below `bids/xx/`."""

    root: Path
    secret: bytes = field(repr=False)
    random: Callable[[int], bytes]

    def __post_init__(self) -> None:
        """Make the folders."""
        durable.make_folder(self.root / "uploads")
        durable.make_folder(self.root / "bids")

    def create(self, upload: str) -> None:
        """Begin an upload; its name is durable."""
        with self._uploading(upload).open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
        durable.sync_folder(self.root / "uploads")

    def durable_size(self, upload: str) -> int:
        """Plaintext bytes that are there for good; cuts off what a crash left. ObjectMissingError."""
        with self._open(self._uploading(upload), "r+b") as file:
            try:
                _lock(file, attempts=1)
            except BusyError:
                return read_frames(file).size  # a writer is at work, who has recovered already
            return self._recover(upload, file).size

    @contextmanager
    def appending(self, upload: str) -> "Iterator[Appender]":
        """Open an upload for one writer, at the end of its durable bytes. ObjectMissingError, BusyError."""
        with self._open(self._uploading(upload), "r+b") as file:
            _lock(file)
            frames = self._recover(upload, file)
            file.seek(frames.file_end)
            yield Appender(self, upload, file, len(frames.ends), frames.size)

    def append(self, upload: str, offset: int, data: bytes) -> int:
        """Write plaintext at `offset`, durably, and answer the new offset. OffsetError, DurabilityError."""
        with self.appending(upload) as appender:
            appender.require(offset)
            return appender.write(data)

    def accept(self, upload: str) -> None:
        """Move a complete upload to its final name, durably; again is no fault. ObjectMissingError."""
        try:
            with self._open(self._uploading(upload), "r+b") as file:
                durable.sync_file(file.fileno())
            durable.rename(self._uploading(upload), self._accepted(upload))
        except (ObjectMissingError, FileNotFoundError) as error:  # moved before, maybe by another at this moment
            if not self._accepted(upload).exists():
                raise ObjectMissingError(upload) from error
            durable.sync_folder(self._accepted(upload).parent)

    def written_at(self, upload: str) -> datetime:
        """When bytes of an upload that is not accepted were last written, by the wall clock. ObjectMissingError."""
        with self._open(self._uploading(upload), "rb") as file:
            milliseconds = -(-os.fstat(file.fileno()).st_mtime_ns // 1_000_000)  # never before the write
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)

    def open(self, upload: str) -> BinaryIO:
        """Answer a seekable plaintext reader of an upload, accepted or not. ObjectMissingError, DamagedObjectError."""
        path = self._accepted(upload)
        file = self._open(path if path.exists() else self._uploading(upload), "rb")
        return io.BufferedReader(FrameReader(self, upload, file), FRAME)

    def accepted_size(self, upload: str) -> int:
        """Answer the plaintext bytes of an accepted upload, or -1 if there is none."""
        try:
            with self._open(self._accepted(upload), "rb") as file:
                return read_frames(file).size
        except ObjectMissingError:
            return -1

    def discard(self, upload: str) -> None:
        """Forget the bytes of an upload that is no bid."""
        self._accepted(upload).unlink(missing_ok=True)
        self._uploading(upload).unlink(missing_ok=True)
        durable.sync_folder(self.root / "uploads")

    def unseal(self, upload: str, index: int, begin: int, frame: bytes) -> bytes:
        """Answer the plaintext of one frame as it lies in the file; DamagedObjectError."""
        try:
            return self._cipher(upload, frame[4:_HEAD]).open(
                index.to_bytes(12, "big"), frame[_HEAD:], _place(upload, index, begin)
            )
        except DecryptionError as error:
            raise DamagedObjectError(f"frame {index} of upload {upload}") from error

    def seal(self, upload: str, index: int, begin: int, data: bytes) -> bytes:
        """One frame as it lies in the file."""
        salt = self.random(_SALT)
        sealed = self._cipher(upload, salt).seal(index.to_bytes(12, "big"), data, _place(upload, index, begin))
        return len(data).to_bytes(4, "big") + salt + sealed

    def _cipher(self, upload: str, salt: bytes) -> Sm4Gcm:
        return Sm4Gcm(derive(self.secret, "intake", upload.encode() + salt))

    def _recover(self, upload: str, file: BinaryIO) -> Frames:
        """Find the whole frames; a torn one at the end was never acknowledged and goes."""
        frames = read_frames(file)
        while frames.ends and not self._is_whole(upload, file, frames):
            frames = _without_last(frames)
        if file.seek(0, io.SEEK_END) > frames.file_end:
            file.truncate(frames.file_end)
            durable.sync_file(file.fileno())
        return frames

    def _is_whole(self, upload: str, file: BinaryIO, frames: Frames) -> bool:
        last = len(frames.ends) - 1
        file.seek(frames.starts[last])
        try:
            self.unseal(upload, last, frames.begin(last), file.read(frames.file_end - frames.starts[last]))
        except DamagedObjectError:
            return False
        return True

    def _open(self, path: Path, mode: str) -> BinaryIO:
        try:
            return path.open(mode)  # type: ignore[return-value]
        except FileNotFoundError as error:
            raise ObjectMissingError(path.name) from error

    def _uploading(self, upload: str) -> Path:
        return self.root / "uploads" / _checked(upload)

    def _accepted(self, upload: str) -> Path:
        return self.root / "bids" / _checked(upload)[:2] / upload


@dataclass
class Appender:
    """One writer at the end of one upload."""

    intake: Intake
    upload: str
    file: BinaryIO
    index: int
    offset: int

    def require(self, offset: int) -> None:
        """Raise OffsetError unless the durable bytes end at `offset`."""
        if offset != self.offset:
            raise OffsetError(self.offset)

    def write(self, data: bytes) -> int:
        """Write plaintext, make it durable, and answer the new offset. DurabilityError."""
        for start in range(0, len(data), FRAME):
            piece = data[start : start + FRAME]
            self.file.write(self.intake.seal(self.upload, self.index, self.offset + start, piece))
            self.index += 1
        self.file.flush()
        durable.sync_file(self.file.fileno())
        self.offset += len(data)
        return self.offset

    def mark(self) -> "Mark":
        """Where this writer stands."""
        return Mark(self.index, self.offset, self.file.tell())

    def rewind(self, mark: "Mark") -> None:
        """Take back what was written after a mark: it was not what the sender meant. DurabilityError."""
        self.index, self.offset = mark.index, mark.offset
        self.file.seek(mark.position)
        self.file.truncate()
        durable.sync_file(self.file.fileno())


@dataclass(frozen=True)
class Mark:
    """A place in an upload."""

    index: int
    offset: int
    position: int


def read_frames(file: BinaryIO) -> Frames:
    """Walk the frame heads; a frame that the file ends inside of does not count."""
    total = file.seek(0, io.SEEK_END)
    ends, starts, position, plain = array("Q"), array("Q"), 0, 0
    while position + _HEAD + _TAG < total:
        file.seek(position)
        length = int.from_bytes(file.read(4), "big")
        after = position + _HEAD + length + _TAG
        if not 1 <= length <= FRAME or after > total:
            break
        plain += length
        starts.append(position)
        ends.append(plain)
        position = after
    return Frames(ends, starts, position)


def _lock(file: BinaryIO, attempts: int = 100) -> None:
    """Hold the file until it is closed, against threads and processes alike; wait for it up to two seconds."""
    for attempt in range(attempts):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < attempts:
                time.sleep(0.02)
        else:
            return
    raise BusyError("another request is writing this upload")


def _without_last(frames: Frames) -> Frames:
    return Frames(frames.ends[:-1], frames.starts[:-1], frames.starts[-1])


def _place(upload: str, index: int, begin: int) -> bytes:
    return upload.encode() + index.to_bytes(8, "big") + begin.to_bytes(8, "big")


def _checked(upload: str) -> str:
    if len(upload) != _NAME or not set(upload) <= set("0123456789abcdef"):
        raise ObjectMissingError("not the name of an upload")
    return upload


class FrameReader(io.RawIOBase):
    """The plaintext of one upload as a seekable stream; every byte it gives was authenticated."""

    def __init__(self, intake: Intake, upload: str, file: BinaryIO) -> None:
        """Take over `file`; it is closed with this."""
        super().__init__()
        self._intake, self._upload, self._file = intake, upload, file
        self._frames = read_frames(file)
        self._position = 0
        self._current = (-1, b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Answer the plaintext position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a plaintext position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._frames.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill at most to the end of the present frame."""
        if self._position >= self._frames.size:
            return 0
        index = bisect_right(self._frames.ends, self._position)
        data, begin = self._frame(index), self._frames.begin(index)
        piece = data[self._position - begin : self._position - begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()

    def _frame(self, index: int) -> bytes:
        if self._current[0] != index:
            self._file.seek(self._frames.starts[index])
            begin = self._frames.begin(index)
            frame = self._file.read(_HEAD + self._frames.ends[index] - begin + _TAG)
            self._current = (index, self._intake.unseal(self._upload, index, begin, frame))
        return self._current[1]


def read_all(stream: BinaryIO) -> Iterator[bytes]:
    """Answer the rest of a stream in pieces of at most 1 MiB."""
    while chunk := stream.read(FRAME):
        yield chunk
