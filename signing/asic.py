"""Signed containers of others (ASiC-S and ASiC-E, EN 319 162-1): reading and judging.

CAdES signatures and timestamps are judged, over the one data object (ASiC-S) or over a manifest whose digests are
compared one by one (ASiC-E). XAdES signatures and evidence records are named, never judged. Our own bundle has one
byte form and its own reader, `signing.container`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import BinaryIO, Final, TypedDict

from signing.asic_archive import StampedEntry, prove_entries
from signing.asic_manifest import DIGEST_URIS, MAX_MANIFEST, Manifest, Reference, parse_asic_manifest
from signing.asic_package import MIMETYPE, AsicPackage, Kind, kind_of
from signing.asic_zip import STORED, ZipLimits, read_index
from signing.checks import Check, Indication, Result, SubIndication, Verdict, check
from signing.cms import verify_signers
from signing.cms_parsing import parse_signers
from signing.cms_streaming import DetachedVerifier
from signing.errors import LimitError, MalformedError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.poe import Proof, ProofKind
from signing.timestamps import parse_token, verify_token

__all__ = ["MAX_SIGNATURE", "MAX_SIGNATURES", "MIMETYPES", "AsicReport", "AsicSignature", "Kind", "verify_asic"]

MIMETYPES: Final = {
    "application/vnd.etsi.asic-s+zip": "ASiC-S",
    "application/vnd.etsi.asic-e+zip": "ASiC-E",
    "application/vnd.yizhao.bid+zip": "ASiC-E",
}
MAX_SIGNATURE: Final = 4 << 20
"""Bytes of a signature or token."""
MAX_SIGNATURES: Final = 64
_MAX_MIMETYPE: Final = 200
_MIMETYPE_OFFSET: Final = 38


@dataclass(frozen=True)
class AsicSignature:
    """One signature or timestamp. `covered` are the entries whose digests it states rightly, as the verdict judges it.

    `manifest` is the ASiCManifest between, empty when the data object itself was signed. `proof` is what proves, by an
    archive timestamp over it, since when it exists.
    """

    name: str
    kind: Kind
    manifest: str
    covered: tuple[str, ...]
    verdict: Verdict
    proof: Proof | None = None


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
    package = AsicPackage(source, read_index(source, size, limits))
    return _Judge(package, anchors, evidence, purpose, at).report()


class _Common(TypedDict):
    """What every judgement of a message is told."""

    anchors: TrustAnchors
    evidence: RevocationEvidence
    purpose: Purpose
    at: datetime | None
    strict: bool
    proven: datetime | None


@dataclass(frozen=True)
class _Judge:
    package: AsicPackage
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
        stamps = [self._stamped(name, manifests) for name in package.names(Kind.TIMESTAMP)]
        stamped = dict[str, AsicSignature]()

        def judge(stamp: StampedEntry, proof: Proof | None) -> Proof | None:
            stamped[stamp.name] = self._judge(stamp.name, manifests, form, proof)
            passed = stamped[stamp.name].verdict.indication is Indication.TOTAL_PASSED
            return Proof(stamp.at, ProofKind.ARCHIVE_TIMESTAMP, "", stamp.name) if stamp.at and passed else None

        proofs = prove_entries(stamps, judge)
        signatures = broken + [
            stamped.get(name) or self._judge(name, manifests, form, proofs.get(name)) for name in named
        ]
        # Anybody can have anything stamped: where there are signatures, a timestamp alone covers nothing.
        counted = Kind.CADES if any(one.kind is Kind.CADES for one in signatures) else Kind.TIMESTAMP
        judged = {name for one in signatures if one.kind is counted for name in one.covered}
        uncovered = tuple(name for name in package.objects if name not in judged)
        warnings += [f"UNCOVERED：{name} 不在任何已判断的签名之下" for name in uncovered]
        warnings += [f"FMT_BUNDLE：META-INF 中另有 {name}" for name in package.names(Kind.OTHER)]
        return AsicReport(form, mimetype, package.objects, tuple(signatures), uncovered, tuple(warnings))

    def _stamped(self, name: str, manifests: dict[str, tuple[str, Manifest]]) -> StampedEntry:
        """Answer what a timestamp would cover, and the time that it says."""
        _, manifest = manifests.get(name, ("", None))
        references = manifest.references if manifest and not manifest.critical else ()
        covered = frozenset(one.name for one in references if self._check_reference(one).result is Result.OK)
        try:
            return StampedEntry(name, covered, parse_token(self.package.read(name, MAX_SIGNATURE)).gen_time)
        except (LimitError, MalformedError, UnsupportedAlgorithmError):
            return StampedEntry(name, covered, None)

    def _mimetype(self) -> tuple[str, list[str]]:
        """Read the mimetype entry; where the rules of EN 319 162-1 A.1 are not kept, say so."""
        first, entry = self.package.index.entries[0], self.package.index.find(MIMETYPE)
        comment = self.package.index.comment.removeprefix(b"mimetype=").decode("ascii")
        if entry is None:
            return comment, [] if comment else ["FMT_BUNDLE：没有 mimetype，按内容判断容器类型"]
        try:
            raw = self.package.read(MIMETYPE, _MAX_MIMETYPE).decode("ascii")
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
        return self.package.index.find(name) is not None and kind_of(name) in (Kind.CADES, Kind.TIMESTAMP)

    def _judge(
        self, name: str, manifests: dict[str, tuple[str, Manifest]], form: str, proof: Proof | None = None
    ) -> AsicSignature:
        kind = kind_of(name)
        if kind in (Kind.XADES, Kind.EVIDENCE):
            why = f"本系统不判断此类签名（{kind.value}）"
            sub = SubIndication.POLICY_PROCESSING_ERROR
            return AsicSignature(
                name, kind, "", (), Verdict(Check("kind", "SUPERSEDED_KIND", Result.UNKNOWN, why, sub))
            )
        if name in manifests:
            where, manifest = manifests[name]
            return replace(self._judge_manifest(name, kind, where, manifest, proof), proof=proof)
        objects = self.package.objects
        if form == "ASiC-S" and len(objects) == 1:
            verdict = (
                self._judge_token(name, objects[0]) if kind is Kind.TIMESTAMP else self._judge_cms(name, objects[0])
            )
            return AsicSignature(name, kind, "", _unless_changed(objects, verdict), verdict)
        why = "没有清单指明这个签名覆盖哪些文件" if form == "ASiC-E" else f"容器中有 {len(objects)} 个数据文件"
        return AsicSignature(name, kind, "", (), _not_found(why))

    def _judge_manifest(
        self, name: str, kind: Kind, where: str, manifest: Manifest, proof: Proof | None
    ) -> AsicSignature:
        checks = [self._check_reference(reference) for reference in manifest.references]
        named = zip(manifest.references, checks, strict=True)
        covered = tuple(reference.name for reference, one in named if one.result is Result.OK)
        bad = [one for one in checks if one.result is not Result.OK]
        if manifest.critical:
            why = f"清单含无法识别的关键扩展 {manifest.critical[0]}"
            sub = SubIndication.POLICY_PROCESSING_ERROR
            bad.append(Check("manifest", "FMT_BUNDLE", Result.UNKNOWN, why, sub))
        judge, proven = self._judge_token if kind is Kind.TIMESTAMP else self._judge_cms, proof.at if proof else None
        verdict = judge(name, where, proven)
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

    def _judge_cms(self, name: str, target: str, proven: datetime | None = None) -> Verdict:
        try:
            return self._verify_cms(self.package.read(name, MAX_SIGNATURE), target, proven)
        except MalformedError as error:
            return _malformed(str(error))
        except UnsupportedAlgorithmError as error:
            return _unsupported(str(error))

    def _verify_cms(self, data: bytes, target: str, proven: datetime | None) -> Verdict:
        """Judge all signers of a message over one entry; without signed attributes each needs the content itself."""
        common = _Common(
            anchors=self.anchors,
            evidence=self.evidence,
            purpose=self.purpose,
            at=self.at,
            strict=False,
            proven=proven,
        )
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

    def _judge_token(self, name: str, target: str, proven: datetime | None = None) -> Verdict:
        """Judge a token over the digest of an entry; it needs no more than anchors for timestamps."""
        try:
            data = self.package.read(name, MAX_SIGNATURE)
            imprint = self.package.digest(target, parse_token(data).digest_algorithm)
        except MalformedError as error:
            return _malformed(str(error))
        except UnsupportedAlgorithmError as error:
            return _unsupported(str(error))
        return verify_token(
            data, imprint=imprint, anchors=self.anchors, evidence=self.evidence, strict=False, proven=proven
        )


def _unless_changed(names: tuple[str, ...], verdict: Verdict) -> tuple[str, ...]:
    """Cover nothing by a signature that does not fit what it should cover."""
    return () if verdict.indication is Indication.TOTAL_FAILED else names


def _malformed(why: str) -> Verdict:
    return Verdict(check("format", False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=why))


def _unsupported(why: str) -> Verdict:
    return Verdict(Check("format", "ALG", Result.UNKNOWN, why, SubIndication.CRYPTO_CONSTRAINTS_FAILURE))


def _not_found(why: str) -> Verdict:
    return Verdict(Check("entries", "FMT_BUNDLE", Result.UNKNOWN, why, SubIndication.SIGNED_DATA_NOT_FOUND))
