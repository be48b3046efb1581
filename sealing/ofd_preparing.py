"""Preparing a seal on OFD: the package is written again with everything of the seal but its value.

Protected is every part there is, earlier signatures with theirs, except the lists of signatures, so that the next seal
may come; with `close` these too. Of the parts that were there only the list of signatures changes (and OFD.xml, when it
names no list yet): no earlier signature covers them, or nothing is written.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from sealing import ses
from sealing.errors import PageRangeError, PlanError, StampOutsideError, UnsealableOfdError
from sealing.ofd_editing import add_list, add_to_list, name_of
from sealing.ofd_rewriting import Rewriting, read_directory
from sealing.ofd_structure import ROOT, read_list, read_signature
from sealing.ofd_survey import Ground, read_ground
from sealing.ofd_writing import write_annotations, write_empty_list, write_signature_file
from sealing.ofd_xml import MAX_XML
from sealing.ofd_zip import LIMITS, OfdPackage, open_package
from sealing.pdf import Act
from sealing.placement import Stamp
from sealing.seal import IssuedSeal
from signing.certificates import Certificate
from signing.digests import Sm3, sm3
from signing.errors import LimitError, MalformedError
from signing.pades import FileState
from signing.pades_files import draft_of, publish

_MAX_STAMPS: Final = 40_000


class PreparedOfdSeal(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A seal on OFD that waits for its signature; plain values, so that another process may complete it.

    `signature` is the part of its Signature.xml in the package at `path`, `document_sm3` the SM3 of that part (hex),
    `seal` the SESeal DER, `signer` the signer's certificate DER.
    """

    v: Literal[1]
    path: str
    signature: str
    number: str
    document_sm3: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    seal: bytes
    signer: bytes
    document: int = 1
    closes: bool = False
    state: FileState | None = None

    @property
    def property_info(self) -> str:
        """Answer the text of propertyInfo: what the digest covers (GB/T 38540 原文属性)."""
        return f"/{self.signature}"

    @property
    def value(self) -> str:
        """Answer the part that will hold the signature value."""
        return f"{self.signature.rpartition('/')[0]}/SignedValue.dat"


@dataclass(frozen=True)
class OfdAct:
    """One seal to put on a document of a package: where, whose, when (aware), and whether nobody may sign after it."""

    stamps: Sequence[Stamp]
    seal: IssuedSeal
    signer: Certificate
    at: datetime
    close: bool = False
    document: int = 1

    def require_usable(self) -> None:
        """Raise SealStateError, SealCertificateError or SealFormatError for a seal that this signer may not use now."""
        Act("", self.seal, self.signer, self.at).require_usable()


def prepare_ofd_seal(
    source: Path,
    target: Path,
    *,
    stamps: Sequence[Stamp],
    seal: IssuedSeal,
    signer: Certificate,
    at: datetime,
    close: bool = False,
    document: int = 1,
) -> PreparedOfdSeal:
    """Write `source` with one more seal, still without its value, to `target`, which may be `source` itself.

    `stamps` are all impressions of the act, on pages of the `document` (from 1). With `close`, nothing can be signed
    afterwards. Raises SealStateError, SealCertificateError, SealFormatError, ClosedOfdError, StampOutsideError,
    PageRangeError, PlanError, and what `survey_ofd` raises; then `target` is as it was.
    """
    act = OfdAct(stamps, seal, signer, at, close=close, document=document)
    act.require_usable()
    with new_draft(source, target) as draft:
        prepared = write_prepared(source, draft, act)
    return place_prepared(prepared, target)


def place_prepared(prepared: PreparedOfdSeal, path: Path) -> PreparedOfdSeal:
    """Answer the same seal, for the file that now lies at `path`."""
    return replace(prepared, path=str(path), state=FileState.of(path.stat()))


def statement_of(prepared: PreparedOfdSeal, consent_sm3: bytes, at: datetime) -> bytes:
    """Write the TBS_Sign of a prepared seal: the bytes that the signer's key signs. `at` is kept to the second."""
    consent = ses.Extension(ses.CONSENT, consent_sm3)
    digest = bytes.fromhex(prepared.document_sm3)
    return ses.write_statement(prepared.seal, at, digest, prepared.property_info, (consent,))


@contextmanager
def new_draft(source: Path, target: Path) -> Iterator[Path]:
    """Name a file to be written, readable for whom `source` is; it becomes `target`, or after an error is gone."""
    draft = draft_of(target)
    mode = stat.S_IMODE(source.stat().st_mode) & 0o777 | 0o600
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield draft
        publish(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_prepared(source: Path, draft: Path, act: OfdAct) -> PreparedOfdSeal:
    """Write the package of an act to `draft`. Raises as `prepare_ofd_seal`, whether the seal may be used excepted."""
    with source.open("rb") as reading, draft.open("w+b") as writing:
        size = os.fstat(reading.fileno()).st_size
        package = open_package(reading, size)
        ground = read_ground(package, act.document)
        ground.require_open()
        _require_stamps(act.stamps, ground)
        parts = _Parts.of(ground, act)
        places = {name: entry.header_offset for name, entry in package.parts.items()}
        changed = {places[name]: (name, data) for name, data in parts.changed.items()}
        Rewriting(reading, read_directory(reading, size), changed, parts.added).write(writing)
        _require_readable(writing, ground, parts)
    number, digest = act.seal.number, sm3(parts.document).hex()
    return PreparedOfdSeal(
        1, str(draft), parts.path, number, digest, act.seal.esl, act.signer.der, act.document, closes=act.close
    )


@dataclass(frozen=True)
class _Parts:
    """What a seal writes: `changed` and `added` parts; `path` and `document` are its Signature.xml."""

    path: str
    document: bytes
    changed: dict[str, bytes]
    added: dict[str, bytes]

    @classmethod
    def of(cls, ground: Ground, act: OfdAct) -> "_Parts":
        """Compose them. Raises UnsealableOfdError, LimitError, MalformedError."""
        folder, list_path = _choose_places(ground)
        path, first = f"{folder}/Signature.xml", ground.highest + 1
        package = ground.package
        before = package.read(ground.list_path, limit=MAX_XML) if ground.list_path else write_empty_list()
        lists = {list_path: add_to_list(before, name_of(first), f"/{path}", first + len(act.stamps))}
        changed, added = (lists, {}) if ground.list_path else ({}, lists)
        if not ground.list_path:
            changed[ROOT] = add_list(package.read(ROOT, limit=MAX_XML), ground.body, f"/{list_path}")
        added = {**added, f"{folder}/Seal.esl": act.seal.esl}
        open_parts = frozenset() if act.close else ground.lists | {list_path}
        references = list(_digests(package, path, changed | added, open_parts))
        pages = [page.id for page in ground.pages]
        document = write_signature_file(folder, act.at, references, write_annotations(act.stamps, pages, first + 1))
        if len(document) > MAX_XML:
            raise LimitError(f"a Signature.xml of {len(document)} bytes")
        read_signature(document, {})  # what is too large to be read again is not written
        return cls(path, document, changed, {**added, path: document})


def _choose_places(ground: Ground) -> tuple[str, str]:
    """Answer a new folder for the signature, and the part of the list; names are plain, and nobody's yet."""
    names = frozenset(prefix for name in ground.package.parts for prefix in _prefixes(name.casefold()))
    base = ground.document.part.rpartition("/")[0]
    at = f"{base}/Signs" if base else "Signs"
    if ground.list_path:
        at = ground.list_path.rpartition("/")[0] or "Signs"
    at = at if at.isascii() else "Signs"  # propertyInfo is an IA5String
    if not ground.list_path:
        at = _unused(at, "", names)
    return _unused(f"{at}/Sign", "_", names), ground.list_path or f"{at}/Signatures.xml"


def _prefixes(name: str) -> Iterator[str]:
    """Yield a name and the folders above it."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _unused(start: str, mark: str, names: frozenset[str]) -> str:
    """Answer the first of start, start_1, … (or start_0, …) under which nothing lies."""
    for number in range(LIMITS.entries):
        name = f"{start}_{number}" if mark or number else start
        if name.casefold() not in names:
            return name
    raise LimitError(f"no free name beside {start}")


def _digests(
    package: OfdPackage, path: str, written: dict[str, bytes], skipped: frozenset[str]
) -> Iterator[tuple[str, bytes]]:
    """Answer the SM3 of all parts as they will be, those that are read before those that are new."""
    for name in package.parts:
        if name in skipped:
            continue
        if package.find(path, f"/{name}") != name:
            raise UnsealableOfdError(f"部件 {name!r} 无法引用")
        if name in written:
            yield name, sm3(written[name])
            continue
        state = Sm3()
        for piece in package.pieces(name):
            state.update(piece)
        yield name, bytes.fromhex(state.hexdigest())
    for name, data in written.items():
        if name not in package.parts and name not in skipped:
            yield name, sm3(data)


def _require_stamps(stamps: Sequence[Stamp], ground: Ground) -> None:
    if not 1 <= len(stamps) <= _MAX_STAMPS:
        raise PlanError(f"{len(stamps)} impressions; there must be 1 to {_MAX_STAMPS}")
    ids = [page.id for page in ground.pages]
    for stamp in stamps:
        if not 1 <= stamp.page <= len(ids):
            raise PageRangeError(f"there is no page {stamp.page} among {len(ids)}")
        if not ground.pages[stamp.page - 1].view.holds(stamp):
            raise StampOutsideError(f"an impression at {stamp.x_mm:g}, {stamp.y_mm:g} mm leaves page {stamp.page}")
        if not 0 <= stamp.share[0] < stamp.share[1] <= 1:
            raise PlanError(f"a part of the picture from {stamp.share[0]:g} to {stamp.share[1]:g}")
    counts = Counter(ids)
    used = (ids[stamp.page - 1] for stamp in stamps)
    unclear = next((page for page in used if not page.strip() or counts[page] != 1), None)
    if unclear is not None:
        raise UnsealableOfdError(f"页面标识 {unclear!r} 为空或重复，印章无处可放")


def _require_readable(stream: BinaryIO, ground: Ground, parts: _Parts) -> None:
    """See that what was written is read as it was meant. Raises UnsealableOfdError, LimitError."""
    stream.flush()
    try:
        package = open_package(stream, os.fstat(stream.fileno()).st_size)
        again = read_ground(package, ground.body + 1)
        listed = [one.path for one in read_list(package, again.list_path)]
    except MalformedError as error:
        raise UnsealableOfdError(f"无法写入：{error}") from error
    if listed.count(parts.path) != 1 or again.survey.signatures != ground.survey.signatures + 1:
        raise UnsealableOfdError("签名列表无法续写")
