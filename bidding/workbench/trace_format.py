"""The trace of seal uses (用章记录) as data: entries, their chain, and the signed export. Specification: trace.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from bidding.errors import MalformedTraceError, TraceTooLargeError
from bidding.lids import OptionalSm3Hex
from identity.texts import is_plain
from signing import canonical
from signing.canonical import Name, Sm3Hex
from signing.certificates import Certificate, parse_certificate
from signing.digests import sm3
from signing.errors import SigningError
from signing.statement import SignedStatement

MAX_TRACE: Final = 64 << 20
"""Bytes of one export; a longer trace is exported in stretches."""
MAX_ROWS: Final = 10_000
"""Entries of one export."""
OUTCOMES: Final = ("sealed", "refused", "expired", "failed")

_Text = Annotated[str, Meta(max_length=1000)]
_Short = Annotated[str, Meta(max_length=64)]
_Blob = Annotated[bytes, Meta(max_length=4 << 20)]
_Number = Annotated[int, Meta(ge=1, le=1 << 40)]


class TraceEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One use of a seal, or one attempt (section 1). Digests are hex, empty where there is nothing."""

    number: _Number
    at: datetime
    plan: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    position: Annotated[int, Meta(ge=0, le=1 << 20)]
    section: _Short
    file: _Text
    kind: _Short
    seal: _Short
    profile: _Short
    outcome: Literal["sealed", "refused", "expired", "failed"]
    code: _Short
    person: _Short
    person_name: _Text
    authorisation: _Short
    certificate: _Short
    before_sm3: Sm3Hex
    document_sm3: OptionalSm3Hex
    after_sm3: OptionalSm3Hex
    consent_sm3: OptionalSm3Hex
    signature_sm3: OptionalSm3Hex
    token_sm3: OptionalSm3Hex
    answers_sm3: OptionalSm3Hex
    address: _Text

    def __post_init__(self) -> None:
        """Refuse an instant that has no one spelling."""
        _require_plain(self.at)

    @property
    def digest(self) -> bytes:
        """SM3 of the canonical entry (32 bytes)."""
        return sm3(canonical.encode(self))


class TraceRow(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry with its chain value (hex)."""

    chain: Sm3Hex
    entry: TraceEntry


class TraceStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """What the workbench signs about a stretch of entries (section 4)."""

    v: Literal[1]
    type: Literal["seal-trace"]
    workbench: Name
    uscc: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,17}\Z")]
    """Credit code of the unit; of a natural person who uses their own seal, the opaque id."""
    first: _Number
    last: Annotated[int, Meta(ge=0, le=1 << 40)]
    total: Annotated[int, Meta(ge=0, le=1 << 40)]
    previous: Sm3Hex
    chain: Sm3Hex
    certificate_sm3: Sm3Hex
    at: datetime
    sandbox: bool

    def __post_init__(self) -> None:
        """Check what one field alone cannot say."""
        _require_plain(self.at)
        problems = {
            "the stretch ends before it begins": self.last < self.first - 1,
            "the stretch ends after the last entry": self.last > self.total,
            "the chain does not begin at its beginning": self.first == 1 and self.previous != genesis(self.uscc),
            "an empty stretch changes the chain": self.last == self.first - 1 and self.previous != self.chain,
        }
        for problem, present in problems.items():
            if present:
                raise ValueError(problem)


class TraceFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The export (section 3): what is kept, sent and verified."""

    v: Literal[1]
    kind: Literal["seal-trace"]
    signed: SignedStatement
    token: Annotated[bytes, Meta(min_length=1, max_length=1 << 16)]
    rows: Annotated[tuple[TraceRow, ...], Meta(max_length=MAX_ROWS)]
    evidence: Annotated[tuple[_Blob, ...], Meta(max_length=3 * MAX_ROWS)]


class Stretch(Protocol):
    """Entries to be judged, whatever they came in."""

    @property
    def statement(self) -> TraceStatement:
        """What is said of them as a whole."""

    @property
    def rows(self) -> tuple[TraceRow, ...]:
        """The entries in order."""

    @property
    def evidence(self) -> dict[str, bytes]:
        """Consents, tokens and answers by their SM3 (hex)."""

    def find(self, digest: str) -> bytes:
        """Answer a piece of evidence; empty when the entry names none, or it is not there."""


@dataclass(frozen=True)
class SealTrace:
    """An export, taken apart. `evidence` answers a consent, token or answers by its SM3 (hex)."""

    file: TraceFile
    statement: TraceStatement
    certificate: Certificate
    """The workbench's."""
    evidence: dict[str, bytes]

    @property
    def rows(self) -> tuple[TraceRow, ...]:
        """Answer the entries in order."""
        return self.file.rows

    def find(self, digest: str) -> bytes:
        """Answer a piece of evidence; empty when the entry names none, or the file lacks it."""
        return self.evidence.get(digest, b"")

    def chain_at(self, number: int) -> str:
        """Answer the chain value after this entry (hex), `previous` included; empty when it is not in the stretch."""
        if number == self.statement.first - 1:
            return self.statement.previous
        inside = self.statement.first <= number <= self.statement.last
        return self.rows[number - self.statement.first].chain if inside else ""


def genesis(uscc: str) -> str:
    """Answer chain(0) of a unit, hex: two units' chains never meet."""
    return sm3(b"yizhao seal trace 1\0", uscc.encode()).hex()


def link(previous: str, entry: TraceEntry) -> str:
    """Answer the chain value after an entry, hex: SM3(previous | SM3(canonical entry))."""
    return sm3(bytes.fromhex(previous), entry.digest).hex()


def trace_imprint(signed: SignedStatement) -> bytes:
    """Answer what the timestamp authority stamps: SM3 of the signed statement's canonical bytes (32 bytes)."""
    return sm3(canonical.encode(signed))


def encode_trace(signed: SignedStatement, token: bytes, rows: tuple[TraceRow, ...], evidence: Iterable[bytes]) -> bytes:
    """Answer the export; TraceTooLargeError when it would be longer than anybody reads."""
    blobs = {sm3(blob): blob for blob in evidence if blob}
    if len(rows) > MAX_ROWS or sum(map(len, blobs.values())) > MAX_TRACE:
        raise TraceTooLargeError(f"{len(rows)} entries")
    data = canonical.encode(
        TraceFile(1, "seal-trace", signed, token, rows, tuple(blobs[digest] for digest in sorted(blobs)))
    )
    if len(data) > MAX_TRACE:
        raise TraceTooLargeError(f"{len(data)} bytes; at most {MAX_TRACE} are read")
    return data


def parse_trace(data: bytes) -> SealTrace:
    """Take an export apart, in its one byte form; nothing is judged yet. TraceTooLargeError, MalformedTraceError."""
    if len(data) > MAX_TRACE:
        raise TraceTooLargeError(f"{len(data)} bytes; at most {MAX_TRACE} are read")
    try:
        file = msgspec.json.decode(data, type=TraceFile)
        if canonical.encode(file) != data:
            raise MalformedTraceError("not the canonical encoding")
        statement = canonical.decode(file.signed.statement, TraceStatement)
        certificate = parse_certificate(file.signed.certificate)
    except (msgspec.MsgspecError, SigningError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MalformedTraceError(str(error)) from error
    if len(file.rows) != statement.last - statement.first + 1:
        raise MalformedTraceError(f"{len(file.rows)} rows from {statement.first} to {statement.last}")
    digests = [sm3(blob) for blob in file.evidence]
    if digests != sorted(set(digests)):
        raise MalformedTraceError("the evidence is not sorted, or a piece is there twice")
    found = {digest.hex(): blob for digest, blob in zip(digests, file.evidence, strict=True)}
    return SealTrace(file, statement, certificate, found)


def _require_plain(at: datetime) -> None:
    if not is_plain(at):
        raise ValueError("an instant that is not UTC in whole milliseconds")
