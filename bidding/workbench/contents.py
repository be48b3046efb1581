"""What a bidder puts into one stage, measured once before it is encrypted. docs/format/bundle.md 5 and 7."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bidding.bundle_header import MAX_PARTS, PartKind
from bidding.faults import ChangedDocumentError, IncompleteBidError
from bidding.file_manifest import FileManifest, ManifestDocument, SealMark, parse_file_manifest
from bidding.params import SectionParams
from bidding.readout import make_readout, parse_readout
from identity.consent import SignedConsent, consent_sm3
from signing import canonical
from signing.digests import Sm3, read_chunks, sm3
from signing.errors import MalformedError


@dataclass(frozen=True)
class PlainDocument:
    """One sealed PDF on disk, the required item it answers, and the seals on it."""

    item: str
    name: str
    path: Path
    pages: int
    seals: tuple[SealMark, ...]


@dataclass(frozen=True)
class PlainStage:
    """The contents of one stage: readout values by field id, documents, and the consents that their seals name."""

    stage: int
    values: Mapping[str, str]
    documents: tuple[PlainDocument, ...]
    consents: tuple[SignedConsent, ...]


@dataclass(frozen=True)
class PlainPart:
    """One part before encryption: bytes in memory or a file, with length and SM3 as they were measured."""

    kind: PartKind
    source: bytes | Path
    size: int
    sm3: bytes

    @property
    def memory(self) -> bytes:
        """The content of a part that is held in memory; TypeError for a file."""
        if not isinstance(self.source, bytes):
            raise TypeError("this part is a file")
        return self.source

    def chunks(self) -> Iterator[bytes]:
        """Yield the content; ChangedDocumentError when it is not what was measured."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        state, size = Sm3(), 0
        with self.source.open("rb") as stream:
            # One byte more than measured is asked for, so that a file that has grown is noticed.
            for chunk in read_chunks(stream, self.size + 1):
                state.update(chunk)
                size += len(chunk)
                if size > self.size:
                    break
                yield chunk
        if (size, state.digest()) != (self.size, self.sm3):
            raise ChangedDocumentError(f"{self.source.name} 在封装过程中被改动")


@dataclass(frozen=True)
class Survey:
    """The parts of one stage, measured."""

    stage: int
    parts: tuple[PlainPart, ...]


def survey_stage(plain: PlainStage, params: SectionParams, *, bidder: str) -> Survey:
    """Check a stage against the parameters and measure its documents; IncompleteBidError names what is wrong."""
    _require_items(plain, params)
    readout = make_readout(params, bidder=bidder, stage=plain.stage, values=plain.values)
    documents = tuple(_measure(document) for document in plain.documents)
    entries = tuple(
        ManifestDocument(f"part-{i + 3}", doc.item, doc.name, doc.pages, part.size, part.sm3.hex(), doc.seals)
        for i, (doc, part) in enumerate(zip(plain.documents, documents, strict=True))
    )
    consents = {consent_sm3(consent).hex(): consent for consent in plain.consents}
    try:
        manifest = FileManifest(
            1, params.section, bidder, plain.stage, entries, tuple(consents[key] for key in sorted(consents))
        )
        parts = (_of("readout", canonical.encode(readout)), _of("manifest", canonical.encode(manifest)))
        # Structs check their fields when they are read: what the opening would refuse is refused before sealing.
        parse_readout(parts[0].memory)
        parse_file_manifest(parts[1].memory)
    except (ValueError, MalformedError) as error:
        raise IncompleteBidError(f"唱标信息或文件清单：{error}") from error
    return Survey(plain.stage, (*parts, *documents))


def _require_items(plain: PlainStage, params: SectionParams) -> None:
    items = {item.id: item for item in params.required if item.stage == plain.stage}
    given = [document.item for document in plain.documents]
    unknown = sorted(set(given) - set(items))
    missing = [item.title for item in items.values() if item.mandatory and item.id not in given]
    if unknown:
        raise IncompleteBidError(f"第 {plain.stage} 阶段没有这些组成项：{'、'.join(unknown)}")
    if missing:
        raise IncompleteBidError(f"缺少：{'、'.join(missing)}")
    if len(given) > MAX_PARTS - 2:
        raise IncompleteBidError(f"一个阶段最多 {MAX_PARTS - 2} 个文件")


def _measure(document: PlainDocument) -> PlainPart:
    state, size = Sm3(), 0
    try:
        with document.path.open("rb") as stream:
            for chunk in read_chunks(stream):
                state.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise IncompleteBidError(f"{document.name} 无法读取：{error.strerror}") from error
    if not size:
        raise IncompleteBidError(f"{document.name} 是空文件")
    return PlainPart("document", document.path, size, state.digest())


def _of(kind: PartKind, data: bytes) -> PlainPart:
    return PlainPart(kind, data, len(data), sm3(data))
