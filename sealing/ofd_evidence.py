"""Gathering what a judgement of an OFD package needs: everything read and digested, and nothing judged yet."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sealing.ofd_reach import find_shown
from sealing.ofd_structure import (
    ENTRIES,
    ROOT,
    Body,
    Listed,
    SignatureFile,
    StampPlace,
    UnreadableOfdError,
    read_bodies,
    read_entries,
    read_list,
    read_signature,
)
from sealing.ofd_xml import MAX_XML
from sealing.ofd_zip import LIMITS, OfdPackage, open_package
from sealing.ses import MAX_SEAL
from signing import der
from signing.digests import Sm3
from signing.errors import LimitError, MalformedError

MAX_SIGNATURES: Final = 200
_MAX_REFERENCES: Final = 60_000
_MAX_VALUE: Final = 4 << 20
_RAW_SIGNATURE: Final = 64
_CMS_FIELDS: Final = 2


class OfdPayload(StrEnum):
    """What the signature value is, by its own shape."""

    SEAL = "ses"
    CMS = "cms"
    BARE = "bare"
    UNKNOWN = "unknown"


class PartState(StrEnum):
    """What became of a part that a signature refers to."""

    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"
    OUTSIDE = "outside"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    """By a digest that we do not know."""


@dataclass(frozen=True)
class Reference:
    """One part that a signature refers to. `part` is empty when there is none of that name."""

    location: str
    part: str
    state: PartState


@dataclass(frozen=True)
class OfdSignature:
    """The facts about one signature. `document` are the exact bytes of Signature.xml, `message` the signature value.

    `defects` are faults, each a Chinese sentence: with any of them the signature fails. `seal_file` are the bytes of
    the seal beside it: None without one, empty when it should be there and is not.
    """

    id: str
    path: str
    kind: str
    body: int
    payload: OfdPayload = OfdPayload.UNKNOWN
    document: bytes = field(default=b"", repr=False)
    message: bytes = field(default=b"", repr=False)
    file: SignatureFile | None = None
    references: tuple[Reference, ...] = ()
    seal_file: bytes | None = field(default=None, repr=False)
    defects: tuple[str, ...] = ()
    own_parts: frozenset[str] = frozenset()
    closes: bool = False
    """Whether the list of signatures is among the references, so that nothing may be signed later."""

    @property
    def covered(self) -> frozenset[str]:
        """Answer the parts that it refers to, changed or not."""
        return frozenset(one.part for one in self.references if one.part)

    @property
    def stamps(self) -> tuple[StampPlace, ...]:
        """Answer where its picture stands."""
        return self.file.stamps if self.file else ()


@dataclass(frozen=True)
class PackageProtection:
    """The signed list of files (GM/T 0099-2020 7.4): names only, so it keeps parts out and protects no content."""

    document: bytes = field(repr=False)
    message: bytes = field(repr=False)
    value_path: str
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]
    defects: tuple[str, ...] = ()


@dataclass(frozen=True)
class OfdEvidence:
    """The facts about one package. `shown` are the parts that each document's pages show, if anything is uncovered.

    `machinery` are the parts of signatures themselves, which an earlier signature cannot cover.
    """

    mode: str
    pages: int
    parts: frozenset[str]
    signatures: tuple[OfdSignature, ...]
    protection: PackageProtection | None
    machinery: frozenset[str]
    shown: tuple[frozenset[str], ...]
    strays: tuple[str, ...]
    remarks: tuple[str, ...]


def gather_ofd(path: Path) -> OfdEvidence:
    """Read the evidence from a package.

    Raises UnreadableOfdError, EncryptedOfdError, LimitError, MalformedError, UnsupportedAlgorithmError; OSError.
    """
    with path.open("rb") as stream:
        package = open_package(stream, path.stat().st_size, LIMITS)
        bodies = read_bodies(package)
        digests = _Digests(package)
        signatures = tuple(_all_signatures(package, bodies, digests))
        protection = _read_protection(package)
        machinery = _machinery(package, bodies, signatures, protection)
        parts = frozenset(package.parts)
        open_parts = protection is not None or any(parts - one.covered - machinery for one in signatures)
        shown = tuple(find_shown(package, body.roots) if open_parts else frozenset[str]() for body in bodies)
        return OfdEvidence(
            mode=package.mode,
            pages=sum(len(body.pages) for body in bodies),
            parts=parts,
            signatures=signatures,
            protection=protection,
            machinery=machinery,
            shown=shown,
            strays=package.strays,
            remarks=(*package.remarks, *_list_oddities(package, signatures)),
        )


def _list_oddities(package: OfdPackage, signatures: tuple[OfdSignature, ...]) -> Iterator[str]:
    """Tell what the list, which stays open for later seals, hides or repeats: nobody signs for what it says."""
    counts = Counter(one.path for one in signatures if one.path)
    for path, times in counts.items():
        if times > 1:
            yield f"DUPLICATE：签名文件 {path} 在签名列表中出现 {times} 次，是同一枚签章。"
    covered = frozenset[str]().union(*(one.covered for one in signatures)) - counts.keys()
    named = sorted(part for part in covered if _SIGNATURE_FILE.search(part))
    for part in named[:MAX_SIGNATURES]:
        with suppress(MalformedError):
            read_signature(package.read(part, limit=MAX_XML), {})
            yield f"UNLISTED：签名文件 {part} 受后来的签章保护，却不在签名列表中：这枚签章可能被移除。"


def _all_signatures(package: OfdPackage, bodies: tuple[Body, ...], digests: "_Digests") -> Iterator[OfdSignature]:
    count, names = 0, set[str]()
    for index, body in enumerate(bodies):
        if not body.signatures:
            continue
        path = package.find(ROOT, body.signatures)
        try:
            listed = read_list(package, path)
        except MalformedError as error:
            defect = f"签名列表 {body.signatures} 缺失或无法读取（{error}）。"
            yield OfdSignature(body.signatures, path, "", index, defects=(defect,))
            continue
        count += len(listed)
        if count > MAX_SIGNATURES:  # to leave some out could leave out what fails
            raise UnreadableOfdError(f"more than {MAX_SIGNATURES} signatures")
        for one in listed:
            name = one.id if one.id and one.id not in names else f"{one.id}（{one.location}）"
            names.add(name)
            yield _gather(package, digests, Listed(name, one.kind, one.location, one.path), (index, body), path)


def _gather(
    package: OfdPackage, digests: "_Digests", listed: Listed, where: tuple[int, Body], list_path: str
) -> OfdSignature:
    index, body = where
    try:
        document = package.read(listed.path, limit=MAX_XML)
        file = read_signature(document, body.pages)
    except MalformedError as error:
        defect = f"签名文件 {listed.location} 缺失或无法读取（{error}）。"
        return OfdSignature(listed.id, listed.path, listed.kind, index, defects=(defect,))
    value = package.find(listed.path, file.value)
    message, payload, defects = _read_value(package, value, file.value)
    references = tuple(digests.compare(listed.path, file))
    return OfdSignature(
        id=listed.id,
        path=listed.path,
        kind=listed.kind,
        body=index,
        payload=payload,
        document=document,
        message=message,
        file=file,
        references=references,
        seal_file=_read_seal(package, listed.path, file.seal),
        defects=(*defects, *_repeated(file, references)),
        own_parts=frozenset({listed.path, value} - {""}),
        closes=any(one.part == list_path for one in references),
    )


def _read_value(package: OfdPackage, path: str, location: str) -> tuple[bytes, OfdPayload, tuple[str, ...]]:
    try:
        data = package.read(path, limit=_MAX_VALUE)
    except MalformedError as error:
        return b"", OfdPayload.UNKNOWN, (f"签名值文件 {location} 缺失或无法读取（{error}）。",)
    return data, tell_payload(data), ()


def tell_payload(data: bytes) -> OfdPayload:
    """Tell what a signature value is: SES_Signature, a CMS message, or the bare SM2 value."""
    if len(data) == _RAW_SIGNATURE and data[:1] != b"\x30":
        return OfdPayload.BARE
    try:
        tags = [one.tag for one in der.read(data, limit=_MAX_VALUE).expect(der.SEQUENCE).children()]
    except MalformedError:
        return OfdPayload.UNKNOWN
    if tags == [der.INTEGER, der.INTEGER]:
        return OfdPayload.BARE
    if len(tags) == _CMS_FIELDS and tags[0] == der.OID:
        return OfdPayload.CMS
    return OfdPayload.SEAL if tags[:1] == [der.SEQUENCE] else OfdPayload.UNKNOWN


def _read_seal(package: OfdPackage, base: str, location: str) -> bytes | None:
    if not location:
        return None
    try:
        return package.read(package.find(base, location), limit=MAX_SEAL)
    except MalformedError:
        return b""


def _repeated(file: SignatureFile, references: tuple[Reference, ...]) -> Iterator[str]:
    """Name the parts that are referred to twice with different digests: one of the two can only be wrong."""
    known = dict[str, bytes]()
    for (_, digest), one in zip(file.references, references, strict=True):
        if one.part and known.setdefault(one.part, digest) != digest:
            yield f"部件 {one.part} 被引用两次且摘要不同。"


@dataclass(frozen=True)
class _Digests:
    """Digests of parts, each computed once."""

    package: OfdPackage
    known: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def compare(self, base: str, file: SignatureFile) -> Iterator[Reference]:
        if len(file.references) > _MAX_REFERENCES:
            raise LimitError(f"{len(file.references)} references")
        for location, digest in file.references:
            part = self.package.find(base, location)
            yield Reference(location, part, self._state(location, part, file.method, digest))

    def _state(self, location: str, part: str, method: str, digest: bytes) -> PartState:
        if not part:
            return PartState.OUTSIDE if ".." in location.replace("\\", "/").split("/") else PartState.MISSING
        if method not in _HASHES:
            return PartState.UNKNOWN
        real = self._digest(part, method)
        if not real:
            return PartState.UNREADABLE
        return PartState.SAME if real == digest else PartState.CHANGED

    def _digest(self, part: str, method: str) -> bytes:
        """Answer the digest of a part, empty when its bytes cannot be unpacked."""
        key = (part, method)
        if key not in self.known:
            state = Sm3() if method == "sm3" else hashlib.new(method, usedforsecurity=False)
            try:
                for piece in self.package.pieces(part):
                    state.update(piece)
                self.known[key] = bytes.fromhex(state.hexdigest())
            except MalformedError:
                self.known[key] = b""
        return self.known[key]


_SIGNATURE_FILE: Final = re.compile(r"sign[^/]*\.xml\Z|sign.*/[^/]*\.xml\Z", re.IGNORECASE)
"""Names under which a Signature.xml may lie: the standard's, and any in a folder for signatures."""
_HASHES: Final = frozenset({"sm3", "sha256", "sha384", "sha512", "sha1", "md5"})


def _read_protection(package: OfdPackage) -> PackageProtection | None:
    if ENTRIES not in package.parts:
        return None
    try:
        document = package.read(ENTRIES, limit=MAX_XML)
        location, files = read_entries(document)
    except MalformedError as error:
        return PackageProtection(b"", b"", "", (), (), (f"完整性保护文件 {ENTRIES} 无法读取（{error}）。",))
    value = package.find(ENTRIES, location)
    message, _, defects = _read_value(package, value, location)
    found = [(one, package.find(ENTRIES, one)) for one in files]
    listed = {part for _, part in found} | {ENTRIES, value}
    return PackageProtection(
        document=document,
        message=message,
        value_path=value,
        missing=tuple(location for location, part in found if not part),
        unlisted=(*sorted(package.parts.keys() - listed), *package.strays),
        defects=defects,
    )


def _machinery(
    package: OfdPackage,
    bodies: Iterable[Body],
    signatures: Iterable[OfdSignature],
    protection: PackageProtection | None,
) -> frozenset[str]:
    """Name the parts that are signatures and nothing else: what was read as one, by its structure."""
    found = set[str]()
    for body in bodies:
        path = package.find(ROOT, body.signatures)
        if not any(one.path == path for one in signatures):  # else it could not be read as a list
            found.add(path)
    for one in signatures:
        if one.file is not None and one.payload is not OfdPayload.UNKNOWN:
            found |= one.own_parts
            if one.seal_file and one.seal_file in one.message:
                found.add(package.find(one.path, one.file.seal))
    if protection is not None and not protection.defects:
        found |= {ENTRIES, protection.value_path}
    return frozenset(found - {""})
