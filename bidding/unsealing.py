"""Opening one stage of a bundle with both halves, and whose it is when it does not open. docs/format/bundle.md 8.4.

The order of the questions is that of trust.md A.5: the bidder's half first, then the officers', then what they open.
Contents are streamed in constant memory; nothing counts as opened before its padding and commitment are right.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Literal

from bidding.bundle import Bundle
from bidding.bundle_header import FRAME, Part, StageHeader, h0_sm3, h1_sm3, padded_size
from bidding.faults import Fault, IncompleteBidError, StageFaultError
from bidding.file_manifest import FileManifest, ManifestDocument, parse_file_manifest
from bidding.lids import OfficerFault
from bidding.params import SectionParams
from bidding.readout import Readout, check_readout, parse_readout
from signing import container, envelope
from signing.digests import Sm3
from signing.errors import DecryptionError, MalformedError, SigningError
from signing.sm2 import PublicKey

_READOUT, _MANIFEST = "part-1", "part-2"
_THREADS: Final = 2
"""One core decrypts while the other reads, digests and writes."""


@dataclass(frozen=True)
class StageKeys:
    """What both halves of a stage open: proven, but for the contents themselves."""

    stage: StageHeader
    cek: bytes = field(repr=False)
    rewrapped: bool
    """Whether the officers' wrap is the one that our sealer makes; another is a note, not a fault."""

    def part_key(self, part_id: str) -> bytes:
        """Answer the key of one part (16 bytes); that of the readout may be published after the opening."""
        return envelope.part_key(self.cek, part_id)


@dataclass(frozen=True)
class Blame:
    """Why a stage did not open, and whose it is; `code` is one of docs/format/bundle.md 8.4."""

    fault: Fault
    code: str
    why: str


@dataclass(frozen=True)
class OpenedStage:
    """What came out of one stage. Without `blame` everything is there; with it, as much as opened before it."""

    stage: int
    readout: Readout | None = None
    manifest: FileManifest | None = None
    documents: tuple[tuple[ManifestDocument, Path], ...] = ()
    rewrapped: bool | None = None
    blame: Blame | None = None


def unlock_stage(bundle: Bundle, stage: int, k_t: bytes | OfficerFault | None, k_b: bytes | None) -> StageKeys:
    """Prove both halves against the header; StageFaultError says whose it is when one is missing or wrong.

    `k_t` is what the officer's release says of this bundle: the half, a fault, or None for nothing; `k_b` is the
    bidder's released half or None. KeyError if the bundle has no such stage.
    """
    header = bundle.header.stage(stage)
    base = header.base
    if k_b is None:
        raise StageFaultError(Fault.BIDDER, "KB_NONE", "投标人没有在解密时限内交出解密密钥")
    if not _commits(b"cKB", k_b, base.ckb):
        raise StageFaultError(Fault.BIDDER, "KB", "投标人交出的解密密钥与投标文件包中承诺的不一致")
    if k_t is None:
        raise StageFaultError(Fault.OFFICER, "KT_NONE", "开标人没有交出开标密钥")
    if isinstance(k_t, OfficerFault):
        raise StageFaultError(Fault.UNKNOWN, "WRAP", "开标人的密钥打不开包中的密文，尚无证明说明是谁的原因")
    remade = _remade(header, k_t)
    if not _commits(b"cKT", k_t, base.ckt):
        fault = Fault.BIDDER if remade else Fault.UNKNOWN
        raise StageFaultError(fault, "KT", "开标密钥与投标文件包中承诺的不一致")
    cek = envelope.derive_cek(k_t, k_b, h0_sm3(base))
    if envelope.commit_cek(cek).hex() != header.ccek:
        raise StageFaultError(Fault.BIDDER, "CEK", "两份密钥得出的内容密钥与承诺的不一致")
    return StageKeys(header, cek, remade)


def open_part(
    bundle: Bundle, stream: BinaryIO, keys: StageKeys, part_id: str, state: Sm3 | None = None
) -> Iterator[bytes]:
    """Yield the content of one part in pieces; StageFaultError as soon as something in it is wrong.

    Only after the last piece the content is proven; the stream must not be moved in between. A `state` that nothing
    was fed to has digested the content by then.
    """
    part = keys.stage.part(part_id)
    entry = bundle.entry(keys.stage.base.stage, part)
    stream.seek(entry.offset)
    plain = envelope.open_stream(stream, entry.size, keys.part_key(part_id), bundle.header_sm3, threads=_THREADS)
    try:
        with closing(plain):  # whatever happens, no thread goes on
            yield from _unframe(plain, part, state)
    except DecryptionError:
        raise _chunk_fault(bundle, stream, keys, part) from None


def open_readout(bundle: Bundle, stream: BinaryIO, keys: StageKeys, params: SectionParams) -> Readout:
    """Open what is read out (唱标), and nothing else; StageFaultError."""
    try:
        readout = parse_readout(b"".join(open_part(bundle, stream, keys, _READOUT)))
        check_readout(readout, params)
    except (MalformedError, IncompleteBidError) as error:
        raise _content_fault(f"唱标信息：{error}") from error
    if (readout.section, readout.bidder, readout.stage) != _named(keys):
        raise _content_fault("唱标信息写着另一个标段、投标人或阶段")
    return readout


def open_file_manifest(bundle: Bundle, stream: BinaryIO, keys: StageKeys) -> FileManifest:
    """Open the list of documents; StageFaultError."""
    try:
        manifest = parse_file_manifest(b"".join(open_part(bundle, stream, keys, _MANIFEST)))
    except MalformedError as error:
        raise _content_fault(f"文件清单：{error}") from error
    if (manifest.section, manifest.bidder, manifest.stage) != _named(keys):
        raise _content_fault("文件清单写着另一个标段、投标人或阶段")
    if [document.part for document in manifest.documents] != [part.id for part in keys.stage.base.parts[2:]]:
        raise _content_fault("文件清单与包中的文件数不一致")
    return manifest


def open_document(bundle: Bundle, stream: BinaryIO, keys: StageKeys, document: ManifestDocument, folder: Path) -> Path:
    """Write one document to `folder` as `stage-S-part-P.pdf` and answer where; StageFaultError leaves no file.

    The file has its name only once every byte is proven and durable.
    """
    target = folder / f"stage-{keys.stage.base.stage}-{document.part}.pdf"
    draft = target.with_suffix(".part")
    state, size = Sm3(), 0
    try:
        with draft.open("wb") as out:
            for chunk in open_part(bundle, stream, keys, document.part, state):
                out.write(chunk)
                size += len(chunk)
            out.flush()
            os.fsync(out.fileno())
        if (state.hexdigest(), size) != (document.sm3, document.size):
            raise _content_fault(f"{document.name} 与文件清单中的摘要不一致")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def open_stage(
    bundle: Bundle,
    stream: BinaryIO,
    stage: int,
    k_t: bytes | OfficerFault | None,
    k_b: bytes | None,
    *,
    params: SectionParams,
    folder: Path,
) -> OpenedStage:
    """Open a whole stage, documents into `folder`; whatever goes wrong is told as blame, not raised."""
    opened = OpenedStage(stage)
    try:
        keys = unlock_stage(bundle, stage, k_t, k_b)
        opened = OpenedStage(stage, open_readout(bundle, stream, keys, params), rewrapped=keys.rewrapped)
        manifest = open_file_manifest(bundle, stream, keys)
        opened = OpenedStage(stage, opened.readout, manifest, rewrapped=keys.rewrapped)
        for document in manifest.documents:
            path = open_document(bundle, stream, keys, document, folder)
            pairs = (*opened.documents, (document, path))
            opened = OpenedStage(stage, opened.readout, manifest, pairs, keys.rewrapped)
    except StageFaultError as error:
        blame = Blame(error.fault, error.code, str(error))
        return OpenedStage(stage, opened.readout, opened.manifest, opened.documents, opened.rewrapped, blame)
    return opened


def _commits(label: Literal[b"cKT", b"cKB"], half: bytes, commitment: str) -> bool:
    return len(half) == envelope.HALF and envelope.commit_half(label, half).hex() == commitment


def _remade(header: StageHeader, k_t: bytes) -> bool:
    """Whether the wrap in the header is K_T under the opening key, by making it again (Fujisaki-Okamoto)."""
    h1 = h1_sm3(header.base, header.ccek)
    try:
        return envelope.check_officer_wrap(PublicKey(header.base.opening_key), k_t, h1, header.officer_wrap)
    except (SigningError, ValueError):
        return False


def _named(keys: StageKeys) -> tuple[str, str, int]:
    base = keys.stage.base
    return base.section, base.bidder, base.stage


def _unframe(plain: Iterator[bytes], part: Part, state: Sm3 | None = None) -> Iterator[bytes]:
    """Take salt, length and padding off, and prove the commitment over what is left."""
    first = next(plain)
    salt, left = first[: envelope.HALF], int.from_bytes(first[envelope.HALF : FRAME])
    if padded_size(part.kind, left) != part.padded:
        raise _commitment_fault(part)
    state = Sm3() if state is None else state
    for chunk in chain([first[FRAME:]], plain):
        content, padding = chunk[:left], chunk[left:]
        if padding.count(0) != len(padding):
            raise _commitment_fault(part)
        left -= len(content)
        state.update(content)
        if content:
            yield content
    if envelope.commit_document(salt, state.digest()).hex() != part.cm:
        raise _commitment_fault(part)


def _chunk_fault(bundle: Bundle, stream: BinaryIO, keys: StageKeys, part: Part) -> StageFaultError:
    """Say whose a chunk is that does not open: the bidder signed it so, or the file is not what was signed."""
    entry = bundle.entry(keys.stage.base.stage, part)
    try:
        digest, _ = container.digest_entry(stream, entry)
    except MalformedError:
        digest = b""
    if digest != bundle.signed_digest(entry.name):
        return StageFaultError(Fault.PLATFORM, "CHUNK", f"{entry.name} 不是投标人签名时的内容")
    return StageFaultError(Fault.BIDDER, "CHUNK", f"{entry.name} 用承诺的密钥打不开")


def _commitment_fault(part: Part) -> StageFaultError:
    return StageFaultError(Fault.BIDDER, "COMMITMENT", f"{part.id} 的内容与承诺的不一致")


def _content_fault(why: str) -> StageFaultError:
    return StageFaultError(Fault.BIDDER, "CONTENT", why)
