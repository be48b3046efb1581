"""The bid folder (待封装文件夹): what a bidder takes from the workbench to pack on its own machine.

`bid.json` in its one canonical form, and beside it the sealed PDFs that it lists: as a folder, or as a ZIP of exactly
these files. Everything that comes from outside is checked against `bid.json` before it is used.
"""

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

from msgspec import Meta, Struct

from bidding.acts import Uscc
from bidding.errors import BidFolderError
from bidding.file_manifest import SealMark
from bidding.params import SectionParams, parse_params
from bidding.workbench.contents import PlainDocument, PlainStage
from identity.consent import SignedConsent, consent_sm3
from signing import canonical
from signing.canonical import Code, Name, Sm3Hex
from signing.digests import CHUNK, read_chunks, sm3_of
from signing.errors import MalformedError
from signing.statement import SignedStatement

SHEET: Final = "bid.json"
MAX_TOTAL: Final = 1 << 34
"""Bytes of all documents together."""
FileName = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,63}\.pdf\Z")]
"""A name without folders, dots or anything that a file system could read otherwise."""
StageKey = Annotated[str, Meta(pattern=r"^[1-4]\Z")]


class BidDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One sealed PDF: the required item it answers, how people call it, where it lies, and the seals on it."""

    item: Code
    stage: Annotated[int, Meta(ge=1, le=4)]
    name: Name
    file: FileName
    pages: Annotated[int, Meta(ge=1, le=100_000)]
    size: Annotated[int, Meta(ge=1, le=MAX_TOTAL)]
    sm3: Sm3Hex
    seals: Annotated[tuple[SealMark, ...], Meta(max_length=100)]


class BidSheet(Struct, frozen=True, forbid_unknown_fields=True):
    """`bid.json`. `values` are the readout values by stage ("1" … "4") and field id."""

    v: Literal[1]
    section: Code
    bidder: Uscc
    company: Name
    params: SignedStatement
    documents: Annotated[tuple[BidDocument, ...], Meta(max_length=800)]
    values: Annotated[dict[StageKey, dict[str, str]], Meta(max_length=4)]
    consents: Annotated[tuple[SignedConsent, ...], Meta(max_length=800)]

    def __post_init__(self) -> None:
        """Refuse two documents in one file, or more than fits."""
        files = [document.file.casefold() for document in self.documents]
        if len(set(files)) != len(files):
            raise ValueError("two documents share a file")
        if sum(document.size for document in self.documents) > MAX_TOTAL:
            raise ValueError("the documents are too large together")


@dataclass(frozen=True)
class BidFolder:
    """A folder whose files were all found to be what its sheet says."""

    path: Path
    sheet: BidSheet

    @property
    def params(self) -> SectionParams:
        """The section's parameters, not yet verified against a trust list."""
        return parse_params(self.sheet.params.statement)

    def stages(self) -> tuple[PlainStage, ...]:
        """Answer what `prepare_bundle` takes: every stage of the parameters, in order."""
        return tuple(self._stage(stage.id) for stage in self.params.stages)

    def _stage(self, number: int) -> PlainStage:
        mine = [document for document in self.sheet.documents if document.stage == number]
        named = {mark.consent_sm3 for document in mine for mark in document.seals}
        documents = tuple(PlainDocument(d.item, d.name, self.path / d.file, d.pages, d.seals) for d in mine)
        consents = tuple(c for c in self.sheet.consents if consent_sm3(c).hex() in named)
        return PlainStage(number, self.sheet.values.get(str(number), {}), documents, consents)


def write_bid_folder(folder: Path, sheet: BidSheet, sources: Mapping[str, Path]) -> BidFolder:
    """Make the folder anew from the sealed PDFs (`sources` by `BidDocument.file`); BidFolderError.

    The sheet is written last, so that a folder with a sheet is whole.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BidFolderError(f"{folder.name} 不是空文件夹")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for document in sheet.documents:
        if document.file not in sources:
            raise BidFolderError(f"缺少 {document.name} 的文件")
        shutil.copyfile(sources[document.file], folder / document.file)
    _write(folder / SHEET, canonical.encode(sheet))
    return read_bid_folder(folder)


def read_bid_folder(folder: Path) -> BidFolder:
    """Read a folder and compare every file with the sheet; BidFolderError names the first that differs."""
    try:
        with (folder / SHEET).open("rb") as stream:
            sheet = parse_sheet(stream.read(canonical.MAX_DOCUMENT + 1))
        for document in sheet.documents:
            _require_file(folder / document.file, document)
    except OSError as error:
        raise BidFolderError(f"无法读取 {Path(error.filename or folder).name}：{error.strerror}") from error
    return BidFolder(folder, sheet)


def parse_sheet(data: bytes) -> BidSheet:
    """Decode `bid.json` in its one form; BidFolderError."""
    try:
        return canonical.decode(data, BidSheet)
    except MalformedError as error:
        raise BidFolderError(f"{SHEET} 格式不正确：{error}") from error


def export_zip(bid: BidFolder, target: Path) -> Path:
    """Write the folder as a ZIP (stored, no dates) for download."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in _names(bid.sheet):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            with (bid.path / name).open("rb") as source, archive.open(info, "w", force_zip64=True) as entry:
                shutil.copyfileobj(source, entry, CHUNK)
    return target


def read_zip(source: Path, folder: Path) -> BidFolder:
    """Unpack such a ZIP into a new folder and check it; BidFolderError, and then nothing of it is left.

    Only the sheet and the files that it lists are taken, none longer than the sheet says.
    """
    if folder.exists():
        raise BidFolderError(f"{folder.name} 已存在")
    try:
        with zipfile.ZipFile(source) as archive:
            sheet = _sheet_in(archive)
            folder.mkdir(parents=True, mode=0o700)
            for document in sheet.documents:
                with archive.open(document.file) as entry, (folder / document.file).open("xb") as target:
                    _copy(entry, target, document)
            _write(folder / SHEET, canonical.encode(sheet))
        return read_bid_folder(folder)
    except (zipfile.BadZipFile, OSError, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BidFolderError(f"不是可用的待封装压缩包：{error}") from error
    except BidFolderError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sheet_in(archive: zipfile.ZipFile) -> BidSheet:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if SHEET not in names:
        raise BidFolderError(f"压缩包里没有 {SHEET}")
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
        raise BidFolderError("压缩包经过压缩或加密，不是从工作台下载的那个")
    with archive.open(SHEET) as stream:
        sheet = parse_sheet(stream.read(canonical.MAX_DOCUMENT + 1))
    if sorted(names) != sorted(_names(sheet)):
        raise BidFolderError(f"压缩包里的文件与 {SHEET} 不一致")
    return sheet


def _names(sheet: BidSheet) -> Iterator[str]:
    yield SHEET
    yield from (document.file for document in sheet.documents)


def _copy(entry: BinaryIO | object, target: BinaryIO, document: BidDocument) -> None:
    left = document.size
    while chunk := entry.read(CHUNK):  # type: ignore[union-attr]
        left -= len(chunk)
        if left < 0:
            raise BidFolderError(f"{document.name} 比清单所记的长")
        target.write(chunk)


def _require_file(path: Path, document: BidDocument) -> None:
    if path.is_symlink() or not path.is_file():
        raise BidFolderError(f"缺少 {document.name}（{document.file}）")
    with path.open("rb") as stream:
        digest = sm3_of(read_chunks(stream, document.size + 1)).hex()
    if path.stat().st_size != document.size or digest != document.sm3:
        raise BidFolderError(f"{document.name}（{document.file}）与清单所记的不一致，可能被改动")


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
