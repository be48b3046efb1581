"""The trace of seal uses on one's own machine (用章记录): a file of lines, each an entry with its evidence.

The entries are those of a workbench, chained in the same way. A file is one unit's, or one natural person's; a damaged
one is never gone on with. Specification: trace.md 8.
"""

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from bidding.errors import MalformedTraceError, TraceTooLargeError
from bidding.workbench.trace_format import MAX_ROWS, MAX_TRACE, TraceEntry, genesis, link
from bidding.workbench.trace_rows import SealUse, entry_of
from signing import canonical
from signing.canonical import Sm3Hex
from signing.digests import sm3
from signing.errors import MalformedError
from storage.durable import sync_file, sync_folder

_MODE: Final = 0o600
"""Consents name people."""

_Blob = Annotated[bytes, Meta(max_length=2 << 20)]


class TraceLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One line: an entry with its chain value, whose trace it is, and what the entry names by its SM3."""

    v: Literal[1]
    owner: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,17}\Z")]
    """Credit code of the unit, or the natural person's opaque id."""
    chain: Sm3Hex
    entry: TraceEntry
    evidence: Annotated[tuple[_Blob, ...], Meta(max_length=3)]
    """Consent, token and answers that the entry names, in this order, without those of an earlier line."""

    @property
    def named(self) -> tuple[str, ...]:
        """Answer what the entry names (SM3, hex)."""
        return tuple(filter(None, (self.entry.consent_sm3, self.entry.token_sm3, self.entry.answers_sm3)))


@dataclass(frozen=True)
class LocalTrace:
    """The file of one owner. `append` makes it; it may be used by several programs at a time."""

    path: Path
    owner: str

    def require_sound(self) -> None:
        """See that entries can be added: MalformedTraceError, TraceTooLargeError, OSError. Makes an empty file."""
        with self._open() as number:
            self._parse(_read(number))

    def append(self, uses: Sequence[SealUse]) -> None:
        """Add entries, durably, all or none; numbers and chain values are given here. Errors of `require_sound`.

        DurabilityError: whether they are there can only be told after a restart.
        """
        with self._open() as number:
            before = _read(number)
            lines = self._parse(before)
            data = b"".join(_write_lines(uses, self.owner, lines))
            if len(before) + len(data) > MAX_TRACE or len(lines) + len(uses) > MAX_ROWS:
                raise TraceTooLargeError(f"{self.path.name}：请另起一个文件")
            try:
                _write(number, data)
            except OSError:
                os.ftruncate(number, len(before))  # half a line would be damage
                raise
            sync_file(number)
        sync_folder(self.path.parent)

    def _parse(self, data: bytes) -> tuple[TraceLine, ...]:
        """Read the entries, all of which must be this owner's."""
        lines = parse_lines(data)
        if lines and lines[0].owner != self.owner:
            raise MalformedTraceError(f"{self.path.name} 是 {lines[0].owner} 的用章记录，请另用一个文件")
        return lines

    @contextmanager
    def _open(self) -> Iterator[int]:
        """Open the file for reading and appending, and keep others from adding meanwhile."""
        number = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, _MODE)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise MalformedTraceError(f"{self.path.name} 不是普通文件")
            fcntl.flock(number, fcntl.LOCK_EX)
            yield number
        finally:
            os.close(number)


def parse_lines(data: bytes) -> tuple[TraceLine, ...]:
    """Read a whole file: one owner, numbers without a gap, a chain that holds. MalformedTraceError, TraceTooLargeError.

    That nothing was cut off at its end cannot be told: keep the last chain value elsewhere.
    """
    if len(data) > MAX_TRACE:
        raise TraceTooLargeError(f"{len(data)} bytes; at most {MAX_TRACE} are read")
    *lines, rest = data.split(b"\n")
    if rest:
        raise MalformedTraceError(f"第 {len(lines) + 1} 条不完整")
    if len(lines) > MAX_ROWS:
        raise TraceTooLargeError(f"{len(lines)} 条")
    found, known = list[TraceLine](), set[str]()
    for number, raw in enumerate(lines, 1):
        line = _parse_line(raw, number)
        before = found[-1] if found else None
        chain = link(before.chain if before else genesis(line.owner), line.entry)
        if (line.entry.number, line.chain) != (number, chain) or (before and before.owner != line.owner):
            raise MalformedTraceError(f"第 {number} 条或它之前的记录被改动、删除、插入或调换")
        if [sm3(blob).hex() for blob in line.evidence] != _missing(line.named, known):
            raise MalformedTraceError(f"第 {number} 条的确认、时间戳或答复缺少、多余或被改动")
        known.update(line.named)
        found.append(line)
    return tuple(found)


def _missing(named: Sequence[str], known: set[str]) -> list[str]:
    """Answer what a line has to bring along."""
    return [digest for digest in dict.fromkeys(named) if digest not in known]


def _parse_line(raw: bytes, number: int) -> TraceLine:
    try:
        return canonical.decode(raw, TraceLine)
    except (MalformedError, msgspec.MsgspecError) as error:
        raise MalformedTraceError(f"第 {number} 条无法读取：{error}") from error


def _write_lines(uses: Sequence[SealUse], owner: str, lines: Sequence[TraceLine]) -> Iterator[bytes]:
    chain, known = lines[-1].chain if lines else genesis(owner), {digest for line in lines for digest in line.named}
    for number, use in enumerate(uses, len(lines) + 1):
        at = use.at.replace(microsecond=use.at.microsecond // 1000 * 1000)
        entry = entry_of(replace(use, at=at, number=number, file=_plain(use.file)))
        blobs = {sm3(blob).hex(): blob for blob in (use.consent, use.token, use.answers) if blob}
        chain = link(chain, entry)
        line = TraceLine(1, owner, chain, entry, tuple(blobs[digest] for digest in _missing(tuple(blobs), known)))
        known.update(blobs)
        data = canonical.encode(line)
        _parse_line(data, number)  # what could not be read again is not written
        yield data + b"\n"


def _plain(name: str) -> str:
    """Answer a file's name that can be written: systems allow bytes in names that are no text."""
    return name.encode("utf-8", "replace").decode()


def _read(number: int) -> bytes:
    """Read the file, and no more than what is refused as too large."""
    with os.fdopen(os.dup(number), "rb") as stream:
        stream.seek(0)
        return stream.read(MAX_TRACE + 1)


def _write(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]
