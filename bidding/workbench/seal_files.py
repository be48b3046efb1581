"""One file of a batch, PDF or OFD: rehearsed and prepared, what is signed for it, and filled in.

Everything that differs by format and profile is here; a batch treats all files alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from bidding.errors import SealChoiceError, SealPlanError
from bidding.workbench.seal_standing import SealStanding
from identity.consent import ConsentFile
from sealing.errors import SignatureRejectedError
from sealing.ofd_sealing import PreparedOfdSeal, complete_ofd_seal, prepare_ofd_seal, rehearse_ofd_seal
from sealing.ofd_sealing import statement_of as ofd_statement_of
from sealing.pdf import Act as PdfAct
from sealing.pdf import PreparedSeal, complete_seal, place_prepared, prepare_acts
from sealing.pdf_job import SealingJob
from sealing.pdf_profiles import Profile
from sealing.pdf_statements import statements_of
from sealing.placement import Stamp
from signing import canonical
from signing.digests import CHUNK, sm3_of
from signing.path import TrustAnchors
from signing.ports import MAX_STATEMENTS, Statement

SealFormat = Literal["pdf", "ofd"]
SealProfile = Literal["ses", "gm-cms", "pades", "pades-ses"]
Window = tuple[datetime, datetime]

MOST_FILES: Final = 200
"""Files that one confirmation lists (docs/format/consent.md 2)."""
_REQUEST: Final = 5 << 19
"""Bytes of statements in one request to the key service, which reads at most 4 MiB of JSON with base64 in it."""


@dataclass(frozen=True)
class FileToSeal:
    """A file to seal; the sealed one is written to `target`, which is new.

    A PDF has an empty signature field named `field` for this seal, made by `sealing.pdf.prepare_acts`. With `stamps`
    it has none yet: the field is made here, with all these impressions. An OFD has no fields: `stamps` say where.
    """

    name: str
    pages: int
    source: Path
    target: Path
    field: str = ""
    format: SealFormat = "pdf"
    stamps: tuple[Stamp, ...] = ()
    close: bool = False
    """An OFD only: nobody may sign after this seal (封闭)."""


class BatchFile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One file of a batch: what it was before (size, SM3), the prepared seal, and what came back so far.

    `statement` is the TBS_Sign, empty for profiles without a seal inside; `seal_signature` the second signature of
    `pades-ses`. Of an OFD, `ofd` is the prepared package (canonical JSON) and `prepared` repeats what all formats have.
    """

    name: str
    pages: int
    size: int
    before_sm3: str
    prepared: PreparedSeal
    # Always written, as batches of the first version were: their bytes must stay the canonical ones.
    statement: bytes = field(default_factory=bytes)
    signature: bytes = field(default_factory=bytes)
    token: bytes = field(default_factory=bytes)
    seal_signature: bytes = b""
    ofd: bytes = b""

    def at(self, path: Path) -> "BatchFile":
        """Answer the same, with the prepared file at another place."""
        return replace(self, prepared=replace(self.prepared, path=str(path)))

    @property
    def final_sm3(self) -> str:
        """Answer the final hash (hex) that the consent lists."""
        return self.prepared.document_sm3

    @property
    def line(self) -> ConsentFile:
        """Answer what the wallet shows of it."""
        return ConsentFile(self.name, self.pages, Path(self.prepared.path).stat().st_size, self.final_sm3)


def prepare_file(
    file: FileToSeal, standing: SealStanding, profile: SealProfile, *, at: datetime, random: Callable[[int], bytes]
) -> BatchFile:
    """Rehearse with a throw-away key, verify, and write the prepared file to its target. The source is only read.

    Raises SealPlanError if the target is there already; SealChoiceError if an OFD is to have another profile than
    `ses`, or a PDF is to be closed; what `prepare_seal` and `rehearse_seal` of the format raise. Then there is no
    target.
    """
    if file.target.exists():
        raise SealPlanError(f"{file.target.name} is there already")
    size, before = file.source.stat().st_size, file_sm3(file.source)
    if file.format == "ofd":
        package = _prepare_ofd(file, standing, Profile(profile), at, random)
        return BatchFile(file.name, file.pages, size, before, _common(package), ofd=canonical.encode(package))
    if file.close:
        raise SealChoiceError("a seal closes an OFD only")
    prepared = _prepare_pdf(file, standing, Profile(profile), at, random)
    return BatchFile(file.name, file.pages, size, before, prepared)


def _prepare_pdf(
    file: FileToSeal, standing: SealStanding, profile: Profile, at: datetime, random: Callable[[int], bytes]
) -> PreparedSeal:
    act = PdfAct(file.field, standing.seal, standing.certificate, at, profile)
    act.require_usable()
    with TemporaryDirectory(dir=file.target.parent, prefix=".sealing-") as folder:
        job = SealingJob(file.source, Path(folder) / "work.pdf")
        if file.stamps:
            prepare_acts(job.path, {file.field: file.stamps})
        job.rehearse(act, random)
        prepared = job.prepare(act)
        job.publish(file.target)
    return place_prepared(prepared, file.target)


def _prepare_ofd(
    file: FileToSeal, standing: SealStanding, profile: Profile, at: datetime, random: Callable[[int], bytes]
) -> PreparedOfdSeal:
    if profile is not Profile.SES:
        raise SealChoiceError(f"an OFD takes the profile ses, not {profile}")
    how: dict[str, Any] = {"stamps": file.stamps, "seal": standing.seal, "signer": standing.certificate, "at": at}
    rehearse_ofd_seal(file.source, **how, random=random, close=file.close, folder=file.target.parent)
    return prepare_ofd_seal(file.source, file.target, **how, close=file.close)


def _common(package: PreparedOfdSeal) -> PreparedSeal:
    """Answer of a prepared OFD what a prepared PDF has too."""
    no_range = (0, 0, 0, 0)
    final, seal, signer = package.document_sm3, package.seal, package.signer
    return PreparedSeal(1, package.path, "", package.number, no_range, final, seal, signer)


def _package(file: BatchFile) -> PreparedOfdSeal:
    return replace(canonical.decode(file.ofd, PreparedOfdSeal), path=file.prepared.path)


@dataclass(frozen=True)
class Wanted:
    """What is to be signed for one file: its position in the batch, its TBS_Sign, and all statements."""

    position: int
    tbs: bytes
    statements: tuple[Statement, ...]


def next_wanted(files: Sequence[BatchFile], consent_sm3: bytes, at: datetime) -> list[Wanted]:
    """Answer what goes into the next request to the key service: as many unsigned files as it takes, at least one."""
    found, size, count = list[Wanted](), 0, 0
    for position, file in enumerate(files):
        if file.signature:
            continue
        tbs, statements = _statements(file, consent_sm3, at)
        size, count = size + sum(len(one.to_be_signed) for one in statements), count + len(statements)
        if found and (size > _REQUEST or count > MAX_STATEMENTS):
            break
        found.append(Wanted(position, tbs, statements))
    return found


def _statements(file: BatchFile, consent_sm3: bytes, at: datetime) -> tuple[bytes, tuple[Statement, ...]]:
    if file.ofd:
        tbs = ofd_statement_of(_package(file), consent_sm3, at)
        return tbs, (Statement("ses", tbs),)
    return statements_of(file.prepared, consent_sm3, at)


def with_signatures(
    files: Sequence[BatchFile], wanted: Sequence[Wanted], signatures: Sequence[bytes]
) -> list[BatchFile]:
    """Keep what the key service answered, one signature for each statement in order. SignatureRejectedError."""
    if len(signatures) != sum(len(one.statements) for one in wanted):
        raise SignatureRejectedError(f"{len(signatures)} signatures came back, which are not those asked for")
    signed, left = list(files), iter(signatures)
    for one in wanted:
        *inner, signature = (next(left) for _ in one.statements)
        parts = {"signature": signature, "seal_signature": b"".join(inner)}
        signed[one.position] = replace(files[one.position], statement=one.tbs, **parts)
    return signed


def complete_file(file: BatchFile, consent_sm3: bytes, window: Window, trust: TrustAnchors) -> None:
    """Check and fill in what came back; errors of `sealing.pdf.complete_seal` and `complete_ofd_seal`."""
    answer = file.statement, file.signature, file.token
    if file.ofd:
        limits: dict[str, Any] = {"not_before": window[0], "not_after": window[1]}
        complete_ofd_seal(_package(file), *answer, **limits, anchors=trust, evidence=trust.evidence)
        return
    complete_seal(
        file.prepared,
        *answer,
        not_before=window[0],
        not_after=window[1],
        anchors=trust,
        evidence=trust.evidence,
        seal_signature=file.seal_signature,
        consent_sm3=consent_sm3,
    )


def file_sm3(path: Path) -> str:
    """Answer SM3 of a file, hex."""
    with path.open("rb") as stream:
        return sm3_of(iter(lambda: stream.read(CHUNK), b"")).hex()
