"""Signed containers of others (ASiC-S and ASiC-E, EN 319 162-1): reading and judging.

CAdES signatures and timestamps are judged, over the one data object (ASiC-S) or over a manifest whose digests are
compared one by one (ASiC-E). XAdES signatures and evidence records are named, never judged. Our own bundle has one
byte form and its own reader, `signing.container`.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import BinaryIO, Final, TypedDict

from signing.asic_manifest import DIGEST_URIS, MAX_MANIFEST, Manifest, Reference, parse_asic_manifest
from signing.asic_zip import STORED, ZipEntry, ZipIndex, ZipLimits, read_content, read_index, stream_content
from signing.checks import Check, Indication, Result, SubIndication, Verdict, check
from signing.cms import verify_signers
from signing.cms_parsing import parse_signers
from signing.cms_streaming import DetachedVerifier
from signing.digests import Hasher, Sm3
from signing.errors import LimitError, MalformedError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.timestamps import parse_token, verify_token

MIMETYPES: Final = {
    "application/vnd.etsi.asic-s+zip": "ASiC-S",
    "application/vnd.etsi.asic-e+zip": "ASiC-E",
    "application/vnd.yizhao.bid+zip": "ASiC-E",
}
MAX_SIGNATURE: Final = 4 << 20
"""Bytes of a signature or token."""
MAX_SIGNATURES: Final = 64
_MIMETYPE: Final = "mimetype"
_MAX_MIMETYPE: Final = 200
_META: Final = "META-INF/"
_MIMETYPE_OFFSET: Final = 38
_HASHERS: Final[dict[str, Callable[[], Hasher]]] = {
    "sm3": Sm3,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}


class Kind(StrEnum):
    """What stands in META-INF (EN 319 162-1 4.3.3 and 4.4.3)."""

    CADES = "CAdES"
    XADES = "XAdES"
    TIMESTAMP = "timestamp"
    EVIDENCE = "evidence-record"
    MANIFEST = "manifest"
    OTHER = "other"


_KINDS: Final = (
    (Kind.MANIFEST, re.compile(r"ASiC(Archive)?Manifest[^/]*\.xml", re.IGNORECASE)),
    (Kind.OTHER, re.compile(r"ASiCEvidenceRecordManifest[^/]*\.xml", re.IGNORECASE)),
    (Kind.CADES, re.compile(r"[^/]*signature[^/]*\.p7s", re.IGNORECASE)),
    (Kind.XADES, re.compile(r"[^/]*signatures?[^/]*\.xml", re.IGNORECASE)),
    (Kind.TIMESTAMP, re.compile(r"[^/]*timestamp[^/]*\.tst", re.IGNORECASE)),
    (Kind.EVIDENCE, re.compile(r"[^/]*evidencerecord[^/]*\.(ers|xml)", re.IGNORECASE)),
)


@dataclass(frozen=True)
class AsicSignature:
    """One signature or timestamp. `covered` are the entries whose digests it states rightly, as the verdict judges it.

    `manifest` is the ASiCManifest between, empty when the data object itself was signed.
    """

    name: str
    kind: Kind
    manifest: str
    covered: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class AsicReport:
    """What a container holds: data objects, signatures, objects that no judged signature covers, and warnings.

    Timestamps count as cover only in a container without signatures.
    """

    form: str
    """ASiC-S or ASiC-E."""
    mimetype: str
    objects: tuple[str, ...]
    signatures: tuple[AsicSignature, ...]
    uncovered: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def indication(self) -> Indication:
        """Answer the worst of all signatures; NO_SIGNATURE when there is none."""
        order = (Indication.TOTAL_FAILED, Indication.INDETERMINATE, Indication.TOTAL_PASSED)
        found = {one.verdict.indication for one in self.signatures}
        return next((one for one in order if one in found), Indication.NO_SIGNATURE)


def verify_asic(
    source: BinaryIO,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    at: datetime | None = None,
    limits: ZipLimits | None = None,
) -> AsicReport:
    """Judge every signature of a container in a seekable stream; contents are streamed, never unpacked to disk.

    Signatures are judged as by `cms.verify_detached`, timestamps as by `timestamps.verify_token`: departures become
    warnings. Raises LimitError, MalformedError or UnsupportedAlgorithmError for a file that is not a ZIP that everybody
    reads in the same way; what is wrong with one signature is in its verdict.
    """
    size = source.seek(0, 2)
    package = _Package(source, read_index(source, size, limits))
    return _Judge(package, anchors, evidence, purpose, at).report()


@dataclass(frozen=True)
class _Package:
    """The open file: its index, and digests that were computed once."""

    stream: BinaryIO
    index: ZipIndex
    digests: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def names(self, *kinds: Kind) -> list[str]:
        inside = (entry.name for entry in self.index.entries if entry.name.startswith(_META) and not entry.is_folder)
        return [name for name in inside if _kind(name) in kinds]

    @property
    def objects(self) -> tuple[str, ...]:
        """Answer the data objects: all but the mimetype, folders and META-INF."""
        files = (entry.name for entry in self.index.entries if not entry.is_folder)
        return tuple(name for name in files if name != _MIMETYPE and not name.startswith(_META))

    def read(self, name: str, limit: int) -> bytes:
        return read_content(self.stream, self._entry(name), limit=limit)

    def size(self, names: list[str]) -> int:
        """Answer how large these entries are together."""
        return sum(self._entry(name).size for name in names)

    def stream_of(self, name: str) -> Iterator[bytes]:
        return stream_content(self.stream, self._entry(name))

    def digest(self, name: str, method: str) -> bytes:
        """Answer a digest of a content, streamed; UnsupportedAlgorithmError for an unknown method."""
        if method not in _HASHERS:
            raise UnsupportedAlgorithmError(f"digest {method!r}")
        if (name, method) not in self.digests:
            state = _HASHERS[method]()
            for piece in self.stream_of(name):
                state.update(piece)
            self.digests[name, method] = state.digest()
        return self.digests[name, method]

    def _entry(self, name: str) -> ZipEntry:
        entry = self.index.find(name)
        if entry is None or entry.is_folder:
            raise MalformedError(f"there is no {name}")
        return entry


def _kind(name: str) -> Kind:
    inside = name.removeprefix(_META)
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(inside)), Kind.OTHER)


class _Common(TypedDict):
    """What every judgement of a message is told."""

    anchors: TrustAnchors
    evidence: RevocationEvidence
    purpose: Purpose
    at: datetime | None
    strict: bool


@dataclass(frozen=True)
class _Judge:
    package: _Package
    anchors: TrustAnchors
    evidence: RevocationEvidence
    purpose: Purpose
    at: datetime | None

    def report(self) -> AsicReport:
        package = self.package
        named = package.names(Kind.CADES, Kind.XADES, Kind.TIMESTAMP, Kind.EVIDENCE)
        if len(named) > MAX_SIGNATURES:
            raise LimitError(f"{len(named)} signatures; at most {MAX_SIGNATURES} are judged")
        mimetype, warnings = self._mimetype()
        manifests, broken = self._manifests()
        form = MIMETYPES.get(mimetype, "ASiC-E" if manifests or broken else "ASiC-S")
        signatures = broken + [self._judge(name, manifests, form) for name in named]
        # Anybody can have anything stamped: where there are signatures, a timestamp alone covers nothing.
        counted = Kind.CADES if any(one.kind is Kind.CADES for one in signatures) else Kind.TIMESTAMP
        judged = {name for one in signatures if one.kind is counted for name in one.covered}
        uncovered = tuple(name for name in package.objects if name not in judged)
        warnings += [f"UNCOVERED：{name} 不在任何已判断的签名之下" for name in uncovered]
        warnings += [f"FMT_BUNDLE：META-INF 中另有 {name}" for name in package.names(Kind.OTHER)]
        return AsicReport(form, mimetype, package.objects, tuple(signatures), uncovered, tuple(warnings))

    def _mimetype(self) -> tuple[str, list[str]]:
        """Read the mimetype entry; where the rules of EN 319 162-1 A.1 are not kept, say so."""
        first, entry = self.package.index.entries[0], self.package.index.find(_MIMETYPE)
        comment = self.package.index.comment.removeprefix(b"mimetype=").decode("ascii")
        if entry is None:
            return comment, [] if comment else ["FMT_BUNDLE：没有 mimetype，按内容判断容器类型"]
        try:
            raw = self.package.read(_MIMETYPE, _MAX_MIMETYPE).decode("ascii")
        except UnicodeDecodeError as error:
            raise MalformedError("a mimetype that is not ASCII") from error
        said = raw.strip()
        plain = first is entry and entry.method == STORED and entry.offset == _MIMETYPE_OFFSET and said == raw
        warnings = [] if plain else ["FMT_BUNDLE：mimetype 不是首个未压缩、无附加字段的条目"]
        warnings += [f"FMT_BUNDLE：文件注释称类型为 {comment}"] if comment not in ("", said) else []
        warnings += [] if said in MIMETYPES else [f"FMT_BUNDLE：容器类型 {said!r} 未知，按内容判断"]
        return said, warnings

    def _manifests(self) -> tuple[dict[str, tuple[str, Manifest]], list[AsicSignature]]:
        """Read every manifest; answer them by the signature that they name, and a verdict for each that is no good."""
        found, broken = dict[str, tuple[str, Manifest]](), list[AsicSignature]()
        names = self.package.names(Kind.MANIFEST)
        if len(names) > MAX_SIGNATURES or self.package.size(names) > MAX_MANIFEST:
            raise LimitError(f"{len(names)} manifests; at most {MAX_SIGNATURES}, of {MAX_MANIFEST} bytes, are read")
        for name in names:
            manifest = self._read_manifest(name)
            if isinstance(manifest, Verdict):
                verdict = manifest
            elif manifest.signature in found:
                verdict = _malformed(f"另有清单 {found[manifest.signature][0]} 也指向 {manifest.signature}")
            elif not self._is_judged(manifest.signature):
                verdict = _not_found(f"清单所指的签名 {manifest.signature} 不在容器中，或不能判断")
            else:
                found[manifest.signature] = (name, manifest)
                continue
            broken.append(AsicSignature(name, Kind.MANIFEST, name, (), verdict))
        return found, broken

    def _read_manifest(self, name: str) -> Manifest | Verdict:
        try:
            return parse_asic_manifest(self.package.read(name, MAX_MANIFEST))
        except MalformedError as error:
            return _malformed(str(error))

    def _is_judged(self, name: str) -> bool:
        return self.package.index.find(name) is not None and _kind(name) in (Kind.CADES, Kind.TIMESTAMP)

    def _judge(self, name: str, manifests: dict[str, tuple[str, Manifest]], form: str) -> AsicSignature:
        kind = _kind(name)
        if kind in (Kind.XADES, Kind.EVIDENCE):
            why = f"本系统不判断此类签名（{kind.value}）"
            sub = SubIndication.POLICY_PROCESSING_ERROR
            return AsicSignature(
                name, kind, "", (), Verdict(Check("kind", "SUPERSEDED_KIND", Result.UNKNOWN, why, sub))
            )
        if name in manifests:
            return self._judge_manifest(name, kind, *manifests[name])
        objects = self.package.objects
        if form == "ASiC-S" and len(objects) == 1:
            verdict = (
                self._judge_token(name, objects[0]) if kind is Kind.TIMESTAMP else self._judge_cms(name, objects[0])
            )
            return AsicSignature(name, kind, "", _unless_changed(objects, verdict), verdict)
        why = "没有清单指明这个签名覆盖哪些文件" if form == "ASiC-E" else f"容器中有 {len(objects)} 个数据文件"
        return AsicSignature(name, kind, "", (), _not_found(why))

    def _judge_manifest(self, name: str, kind: Kind, where: str, manifest: Manifest) -> AsicSignature:
        checks = [self._check_reference(reference) for reference in manifest.references]
        named = zip(manifest.references, checks, strict=True)
        covered = tuple(reference.name for reference, one in named if one.result is Result.OK)
        bad = [one for one in checks if one.result is not Result.OK]
        if manifest.critical:
            why = f"清单含无法识别的关键扩展 {manifest.critical[0]}"
            sub = SubIndication.POLICY_PROCESSING_ERROR
            bad.append(Check("manifest", "FMT_BUNDLE", Result.UNKNOWN, why, sub))
        verdict = self._judge_token(name, where) if kind is Kind.TIMESTAMP else self._judge_cms(name, where)
        entries = bad or [check("entries", True, code="HASH")]
        covered = _unless_changed(covered, verdict)
        return AsicSignature(name, kind, where, covered, Verdict(*entries) + verdict)

    def _check_reference(self, reference: Reference) -> Check:
        if self.package.index.find(reference.name) is None:
            why, sub = f"容器中没有 {reference.name}", SubIndication.SIGNED_DATA_NOT_FOUND
            return Check("entries", "HASH", Result.UNKNOWN, why, sub)
        if reference.method not in DIGEST_URIS.values():
            why, sub = f"摘要算法 {reference.method}", SubIndication.CRYPTO_CONSTRAINTS_FAILURE
            return Check("entries", "ALG", Result.UNKNOWN, why, sub)
        try:
            same = self.package.digest(reference.name, reference.method) == reference.digest
        except MalformedError as error:
            return check("entries", False, code="FMT_BUNDLE", sub=SubIndication.FORMAT_FAILURE, why=str(error))
        why = "" if same else f"{reference.name} 的摘要不一致"
        return check("entries", same, code="HASH", sub=SubIndication.HASH_FAILURE, why=why)

    def _judge_cms(self, name: str, target: str) -> Verdict:
        try:
            return self._verify_cms(self.package.read(name, MAX_SIGNATURE), target)
        except MalformedError as error:
            return _malformed(str(error))
        except UnsupportedAlgorithmError as error:
            return _unsupported(str(error))

    def _verify_cms(self, data: bytes, target: str) -> Verdict:
        """Judge all signers of a message over one entry; without signed attributes each needs the content itself."""
        common = _Common(anchors=self.anchors, evidence=self.evidence, purpose=self.purpose, at=self.at, strict=False)
        if all(one.signer.signed_attributes for one in parse_signers(data)):
            digest = partial(self.package.digest, target)
            signers = verify_signers(data, content_digest=digest, **common)
        else:
            verifier = DetachedVerifier(data)
            for piece in self.package.stream_of(target):
                verifier.update(piece)
            signers = verifier.finish_all(**common)
        first, *others = (one.verdict for one in signers)
        return sum(others, first)

    def _judge_token(self, name: str, target: str) -> Verdict:
        """Judge a token over the digest of an entry; it needs no more than anchors for timestamps."""
        try:
            data = self.package.read(name, MAX_SIGNATURE)
            imprint = self.package.digest(target, parse_token(data).digest_algorithm)
        except MalformedError as error:
            return _malformed(str(error))
        except UnsupportedAlgorithmError as error:
            return _unsupported(str(error))
        return verify_token(data, imprint=imprint, anchors=self.anchors, evidence=self.evidence, strict=False)


def _unless_changed(names: tuple[str, ...], verdict: Verdict) -> tuple[str, ...]:
    """Cover nothing by a signature that does not fit what it should cover."""
    return () if verdict.indication is Indication.TOTAL_FAILED else names


def _malformed(why: str) -> Verdict:
    return Verdict(check("format", False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=why))


def _unsupported(why: str) -> Verdict:
    return Verdict(Check("format", "ALG", Result.UNKNOWN, why, SubIndication.CRYPTO_CONSTRAINTS_FAILURE))


def _not_found(why: str) -> Verdict:
    return Verdict(Check("entries", "FMT_BUNDLE", Result.UNKNOWN, why, SubIndication.SIGNED_DATA_NOT_FOUND))
