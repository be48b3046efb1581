"""Signatures inside PDF files: finding them, and checking their structure ourselves before anything is judged.

Everything here reads bytes and answers facts. A library opens the file, but which signature fields there are,
what a /ByteRange covers and what lies outside it is established by our own rules (ISO 32000-2 12.8): four
integers, from zero, inside the file, the gap being exactly the hex string of this dictionary's /Contents.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from signing.digests import CHUNK, Hasher, Sm3
from signing.errors import UnsupportedAlgorithmError
from signing.pdf_objects import objects_of
from signing.pdf_reading import (
    OpenPdf,
    UnreadablePdfError,
    entry,
    is_dictionary,
    items,
    read_slice,
    resolve,
    text_of,
    walk_fields,
)

MAX_SIGNATURES: Final = 200
MAX_CONTENTS: Final = 8 << 20
"""Characters of hex in one /Contents."""
_MAX_DICTIONARY: Final = 1 << 20
_TAIL: Final = 1024
_OVERLAP: Final = 64
_MAX_TRACES: Final = 1000
_MAX_BROKEN: Final = 50
_KEY: Final = b"/ByteRange"
_LOOK: Final = 64 << 10
_OVERLONG: Final = re.compile(rb"/ByteRange\s{0,8}\[[^\]]{1000}")
_TRACE: Final = re.compile(rb"/ByteRange\s{0,8}\[")
_OBJECT: Final = re.compile(rb"(?:^|(?<=[\r\n]))[ \t]{0,8}(\d{1,10})[ \t]{1,8}\d{1,5}[ \t]{1,8}obj(?![A-Za-z])")
_NUMBERS: Final = re.compile(
    rb"/ByteRange\s{0,8}\[\s{0,8}0\s{1,8}(\d{1,12})\s{1,8}(\d{1,12})\s{1,8}(\d{1,12})\s{0,64}\]"
)

ByteRange = tuple[int, int, int, int]


class Coverage(StrEnum):
    """How much of the file a signature protects."""

    WHOLE = "whole-document"
    REVISION = "revision"
    PARTIAL = "partial"


@dataclass(frozen=True)
class FilledSignature:
    """One signature field that holds a signature, as it stands in the file.

    `defects` are structural faults, each a Chinese sentence: with any of them the signature fails. `remarks` are
    oddities outside every signed range (padding, hex spelling). `contents` is the decoded /Contents with its
    padding; `revision` counts from zero; `end` is the offset after the last covered byte.
    """

    name: str
    filter: str
    sub_filter: str
    is_timestamp: bool
    page: int | None
    byte_range: ByteRange | None
    contents: bytes = field(repr=False)
    claimed_time: datetime | None
    covers: Coverage
    revision: int
    defects: tuple[str, ...]
    remarks: tuple[str, ...]
    doc_mdp: int | None
    capitals: bool = False
    """Whether /Contents is written with capital hex digits only."""
    certificates: tuple[bytes, ...] = ()
    """What stands in /Cert, the signer's first (adbe.x509.rsa_sha1 only)."""

    @property
    def end(self) -> int:
        """Answer the offset after the last covered byte; 0 when nothing is covered."""
        return self.byte_range[2] + self.byte_range[3] if self.byte_range else 0


def find_signatures(pdf: OpenPdf) -> tuple[FilledSignature, ...]:
    """Find every filled signature field, in the order in which they were made; nothing is dropped.

    A signature over this file that no field of the form leads to any more (its field was taken away, or the file
    was turned back to an older revision) is found by its text and reported as broken.
    """
    pages = tuple(objects_of(pdf).pages(pdf.revisions - 1))
    fields = list(islice(walk_fields(pdf), MAX_SIGNATURES + 1))
    if len(fields) > MAX_SIGNATURES:  # what is left out could be what fails
        raise UnreadablePdfError(f"more than {MAX_SIGNATURES} signatures")
    found = [_examine_safely(pdf, pages, name, node, raw) for name, node, raw in fields]
    found += _lost(pdf, {one.byte_range for one in found} | _authenticated(pdf))
    return tuple(sorted(found, key=lambda s: (s.end, s.name)))


def _lost(pdf: OpenPdf, known: set[ByteRange | None]) -> list[FilledSignature]:
    lost = list[FilledSignature]()
    for offset in _trace_offsets(pdf.stream):
        numbers = _NUMBERS.match(read_slice(pdf.stream, offset, offset + 2 * _OVERLAP + 64))
        if numbers is None:
            continue
        length, second, rest = (int(number) for number in numbers.groups())
        edges = read_slice(pdf.stream, length, length + 1) + read_slice(pdf.stream, second - 1, second)
        if (0, length, second, rest) not in known and length + 2 <= second <= pdf.size and edges == b"<>":
            what = f"第 {offset} 字节处的签名已不在文件的表单中：签名域被删除，或文件被退回到旧版本。"
            lost.append(broken_signature(f"@{offset}", what))
    return lost


def _authenticated(pdf: OpenPdf) -> set[ByteRange | None]:
    """Answer ranges that are no signatures of the form: authentication codes (ISO/TS 32004) and usage rights."""
    rights = entry(pdf.reader.root, "/Perms")
    found = {_byte_range(one, pdf.size) for key in ("/UR", "/UR3") if _grants_rights(one := entry(rights, key))}
    if pdf.reader.encrypt_dict is not None:
        trailers = (pdf.reader.trailer.flatten(revision) for revision in range(min(pdf.revisions, _MAX_TRACES)))
        found |= {_byte_range(entry(trailer, "/AuthCode"), pdf.size) for trailer in trailers}
    return found


def _grants_rights(value: Any) -> bool:
    """Whether a signature says of itself that it grants usage rights (12.8.2.3) and signs nothing else."""
    methods = [str(entry(resolve(item), "/TransformMethod")) for item in items(entry(value, "/Reference"))]
    return bool(methods) and set(methods) <= {"/UR", "/UR3"}


def broken_signature(name: str, defect: str, page: int | None = None) -> FilledSignature:
    """Answer a signature of which nothing can be read but that it is there."""
    return FilledSignature(
        name=name,
        filter="",
        sub_filter="",
        is_timestamp=False,
        page=page,
        byte_range=None,
        contents=b"",
        claimed_time=None,
        covers=Coverage.PARTIAL,
        revision=0,
        defects=(defect,),
        remarks=(),
        doc_mdp=None,
    )


def find_traces(path: Path) -> tuple[FilledSignature, ...]:
    """Find by their text the signatures of a file that cannot be read as a PDF any more: all broken, none hidden."""
    with path.open("rb") as stream:
        return tuple(_trace(offset) for offset in _trace_offsets(stream)[:_MAX_BROKEN])


def _trace_offsets(stream: BinaryIO) -> list[int]:
    """Where the text of a /ByteRange begins; at most so many."""
    found, kept, base = set[int](), b"", 0
    stream.seek(0)
    while (chunk := stream.read(CHUNK)) and len(found) < _MAX_TRACES:
        seam = kept + chunk[:_OVERLAP]
        found.update(base - len(kept) + match.start() for match in _TRACE.finditer(seam))
        if _KEY in chunk:  # most chunks of a large file hold none, and this tells it fastest
            found.update(base + match.start() for match in _TRACE.finditer(chunk))
        kept, base = chunk[-_OVERLAP:], base + len(chunk)
    return sorted(found)[:_MAX_TRACES]


def _trace(offset: int) -> FilledSignature:
    return broken_signature(f"@{offset}", f"文件结构已损坏，第 {offset} 字节处的签名无法按其范围核对。")


def hash_ranges(stream: BinaryIO, byte_range: ByteRange, algorithm: str) -> bytes:
    """Digest the covered bytes. `algorithm` is sm3, sha1, sha256, sha384 or sha512; UnsupportedAlgorithmError."""
    return _hash_on(stream, byte_range, new_hasher(algorithm), 0)


def _hash_on(stream: BinaryIO, byte_range: ByteRange, state: Any, done: int) -> bytes:
    """Go on with a state that has taken the first bytes of a range."""
    _feed(stream, state, done, byte_range[1])
    _feed(stream, state, byte_range[2], byte_range[2] + byte_range[3])
    digest: bytes = state.digest()
    return digest


def _feed(stream: BinaryIO, state: Any, start: int, stop: int) -> None:
    stream.seek(start)
    left = stop - start
    while left > 0 and (chunk := stream.read(min(CHUNK, left))):
        state.update(chunk)
        left -= len(chunk)


def new_hasher(algorithm: str) -> Hasher:
    """Start a digest: sm3, sha1, sha256, sha384 or sha512; UnsupportedAlgorithmError."""
    state: Hasher = Sm3() if algorithm == "sm3" else _hashlib(algorithm)
    return state


def hasher(pdf: OpenPdf, byte_range: ByteRange) -> Callable[[str], bytes]:
    """Answer a function from digest name to digest of the range.

    Ranges of one file begin alike: what was read for an earlier signature is not read again for a later one.
    """

    def compute(algorithm: str) -> bytes:
        known: list[tuple[int, Any]] = pdf.memo.setdefault(f"digest {algorithm}", [])
        fitting = [(done, state) for done, state in known if done <= byte_range[1]]
        done, begun = max(fitting, key=lambda one: one[0]) if fitting else (0, None)
        state: Any = begun.copy() if begun is not None else new_hasher(algorithm)
        _feed(pdf.stream, state, done, byte_range[1])
        known.append((byte_range[1], state.copy()))
        return _hash_on(pdf.stream, byte_range, state, byte_range[1])

    return compute


def end_of_revision(pdf: OpenPdf, revision: int) -> int:
    """Answer the offset after the %%EOF (and its line end) that closes a revision; 0 if there is none."""
    info = pdf.reader.xrefs.get_xref_container_info(revision)
    window = read_slice(pdf.stream, info.end_location, info.end_location + (64 << 10))
    declared = pdf.reader.xrefs.get_startxref_for_revision(revision)
    for match in re.finditer(rb"startxref\s+(\d{1,12})\s+%%EOF(?:\r\n|\r|\n)?", window):
        if int(match[1]) == declared:
            return int(info.end_location) + match.end()
    return 0


def unexplained_bytes(pdf: OpenPdf, after: int, revision: int) -> int:
    """Count bytes behind `after` that belong to no later revision, white space at line ends apart.

    Bytes before a revision's first object and after the last %%EOF belong to none.
    """
    extra, at = 0, after
    for later in range(revision + 1, pdf.revisions):
        info = pdf.reader.xrefs.get_xref_container_info(later)
        start = min(info.start_location, pdf.reader.xrefs.get_startxref_for_revision(later))
        first = min([start, *_offsets(pdf, later)])
        extra += _count_black(pdf, at, first) if first >= at else at - first
        at = end_of_revision(pdf, later) or pdf.size
    if pdf.size - at > 2:  # noqa: PLR2004 - one line end
        return extra + pdf.size - at
    return extra + (pdf.size - at if read_slice(pdf.stream, at, pdf.size).strip() else 0)


def _count_black(pdf: OpenPdf, start: int, stop: int) -> int:
    """Count what stands between two offsets, white space at both ends apart; a large gap counts as it is."""
    return len(read_slice(pdf.stream, start, stop).strip()) if stop - start <= CHUNK else stop - start


def unlisted_objects(pdf: OpenPdf, revision: int, known: Callable[[int], bool]) -> tuple[int, ...]:
    """Answer numbers of objects of earlier revisions that stand again in the bytes of a revision, but not in its table.

    A reader that finds the table wanting and searches the file for objects would take these for the newest.
    """
    info = pdf.reader.xrefs.get_xref_container_info(revision)
    tables = (pdf.reader.xrefs.get_xref_container_info(earlier) for earlier in range(revision))
    start = max(end_of_revision(pdf, revision - 1), *(one.end_location for one in tables), 1)
    stop = end_of_revision(pdf, revision) or pdf.size
    if not 0 < start < stop:
        return ()
    listed = {*_offsets(pdf, revision), info.start_location}
    found = list[int]()
    for base, window in windows(pdf.stream, start, stop):
        for match in _OBJECT.finditer(window):
            number = int(match[1])
            if base + match.start(1) not in listed and known(number):
                found.append(number)
    return tuple(dict.fromkeys(found[:_MAX_TRACES]))


def windows(stream: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Read a range in pieces that overlap a little, each with its offset."""
    at, kept = start, b""
    while at < stop and (chunk := read_slice(stream, at, min(stop, at + CHUNK))):
        yield at - len(kept), kept + chunk
        at, kept = at + len(chunk), chunk[-_OVERLAP:]


def _examine_safely(pdf: OpenPdf, pages: tuple[int, ...], name: str, node: Any, raw: Any) -> FilledSignature:
    """Let one broken field not hide the others."""
    if _has_overlong_range(pdf, raw):
        return broken_signature(name, "签名范围（ByteRange）过长，不是两段。", _page_of(pages, node))
    try:
        return _examine(pdf, pages, name, node, raw)
    except Exception as error:  # noqa: BLE001 - the library may raise anything at all on hostile bytes
        return broken_signature(name, f"签名字典已损坏，无法读取（{type(error).__name__}）。", _page_of(pages, node))


def _has_overlong_range(pdf: OpenPdf, raw: Any) -> bool:
    """Whether a /ByteRange is so long that only looking at it costs seconds."""
    state = objects_of(pdf).state(getattr(raw, "idnum", 0), pdf.revisions - 1)
    if state is None or not isinstance(state.place, int):
        return False
    text = read_slice(pdf.stream, state.place, state.place + _LOOK)
    return _OVERLONG.search(text) is not None


def _examine(pdf: OpenPdf, pages: tuple[int, ...], name: str, node: Any, raw: Any) -> FilledSignature:
    value = resolve(raw)
    defects, remarks = list[str](), list[str]()
    if not is_dictionary(value):
        return broken_signature(name, "签名域的值不是签名字典，无法读取。", _page_of(pages, node))
    container: int = getattr(raw, "idnum", 0) or getattr(node.container_ref, "idnum", 0)
    revision = _revision_of(pdf, container)
    byte_range = _byte_range(value, pdf.size)
    contents = b""
    if byte_range is None:
        defects.append("签名范围（ByteRange）不是从文件开头起、落在文件之内的两段。")
    else:
        contents = _contents(pdf, value, byte_range, defects, remarks)
        if contents and not _stands_here(pdf, container, revision, byte_range[1]):
            defects.append("签名范围的空隙不在本签名字典的 /Contents 处。")
    covers = _coverage(pdf, byte_range, revision)
    if byte_range is not None and covers is Coverage.PARTIAL:
        defects.append("签名范围没有覆盖到它所属版本的结尾。")
    if byte_range is not None and covers is Coverage.REVISION and revision == pdf.revisions - 1:
        remarks.append(f"签名范围之后另有 {pdf.size - byte_range[2] - byte_range[3]} 字节，不受签名保护。")
    return FilledSignature(
        name=name,
        filter=str(entry(value, "/Filter") or ""),
        sub_filter=str(entry(value, "/SubFilter") or ""),
        is_timestamp=str(entry(value, "/Type") or "") == "/DocTimeStamp",
        page=_page_of(pages, node),
        byte_range=byte_range,
        contents=contents,
        claimed_time=_date(text_of(entry(value, "/M"))),
        covers=covers,
        revision=revision,
        defects=tuple(defects),
        remarks=tuple(remarks),
        doc_mdp=_doc_mdp(value),
        certificates=_certificates(value),
        capitals=byte_range is not None and bool(contents) and _in_capitals(pdf, byte_range),
    )


def _certificates(value: Any) -> tuple[bytes, ...]:
    raw = _undecrypted(value, "/Cert") if "/Cert" in value else None
    listed = [resolve(one) for one in items(raw)] or [resolve(raw)]
    texts = [getattr(one, "original_bytes", one) for one in listed[:_MAX_BROKEN]]
    return tuple(bytes(text) for text in texts if isinstance(text, bytes))


def _byte_range(value: Any, size: int) -> ByteRange | None:
    numbers = [resolve(item) for item in items(entry(value, "/ByteRange"))]
    if len(numbers) != 4 or any(type(number).__name__ != "NumberObject" for number in numbers):  # noqa: PLR2004
        return None
    start, length, second, rest = (int(number) for number in numbers)
    inside = start == 0 and length > 0 and rest > 0 and length + 2 <= second and second + rest <= size
    return (start, length, second, rest) if inside else None


def _contents(pdf: OpenPdf, value: Any, byte_range: ByteRange, defects: list[str], remarks: list[str]) -> bytes:
    """Read /Contents out of the gap itself, and see that the gap is this dictionary's /Contents and nothing else."""
    start, stop = byte_range[1], byte_range[2]
    gap = read_slice(pdf.stream, start, min(stop, start + MAX_CONTENTS + 2))
    if not (gap.startswith(b"<") and gap.endswith(b">") and len(gap) == stop - start and _HEX.fullmatch(gap[1:-1])):
        defects.append("签名范围的空隙不是一个十六进制串，可能夹带了其他内容。")
        return b""
    digits = gap[1:-1].translate(None, b" \t\r\n\f\0")
    if len(digits) != len(gap) - 2 or len(digits) % 2:
        remarks.append("签名值的十六进制串中夹有空白或位数为奇数。")
    if re.search(rb"[a-f]", digits) and re.search(rb"[A-F]", digits):
        remarks.append("签名值的十六进制串大小写混用。")
    data = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    stored = _undecrypted(value, "/Contents")
    if getattr(resolve(stored), "original_bytes", resolve(stored)) != data:
        defects.append("签名字典的 /Contents 与签名范围空隙中的内容不一致。")
    return data


def _undecrypted(value: Any, key: str) -> Any:
    """Answer what stands behind a key as it stands in the file: a signature is never encrypted (7.6.2)."""
    from pyhanko.pdf_utils.generic import EncryptedObjAccess  # noqa: PLC0415 - see _read

    return value.raw_get(key, decrypt=EncryptedObjAccess.RAW) if key in value else None


def _in_capitals(pdf: OpenPdf, byte_range: ByteRange) -> bool:
    digits = read_slice(pdf.stream, byte_range[1], byte_range[2])
    return re.search(rb"[A-F]", digits) is not None and re.search(rb"[a-f]", digits) is None


def _stands_here(pdf: OpenPdf, container: int, revision: int, gap: int) -> bool:
    """Whether the gap follows a /Contents key inside the very object that holds the signature dictionary."""
    from pyhanko.pdf_utils.generic import Reference  # noqa: PLC0415 - see _read

    place = pdf.reader.xrefs.get_historical_ref(Reference(container, 0, pdf=pdf.reader), revision)
    if not isinstance(place, int) or not 0 <= gap - place <= _MAX_DICTIONARY:
        return False
    before = read_slice(pdf.stream, place, gap)
    return b"endobj" not in before and re.search(rb"/Contents[\s\0]*\Z", before) is not None


def _coverage(pdf: OpenPdf, byte_range: ByteRange | None, revision: int) -> Coverage:
    if byte_range is None:
        return Coverage.PARTIAL
    end = byte_range[2] + byte_range[3]
    if end == pdf.size:
        return Coverage.WHOLE
    tail = read_slice(pdf.stream, max(0, end - _TAIL), end)
    match = re.search(rb"startxref\s+(\d{1,12})\s+%%EOF\s*\Z", tail)
    xrefs = pdf.reader.xrefs
    if match is None or int(match[1]) != xrefs.get_startxref_for_revision(revision):
        return Coverage.PARTIAL
    inside = all(xrefs.get_xref_container_info(r).end_location <= end for r in range(revision + 1))
    return Coverage.REVISION if inside else Coverage.PARTIAL


def _revision_of(pdf: OpenPdf, container: int) -> int:
    from pyhanko.pdf_utils.generic import Reference  # noqa: PLC0415 - see _read

    try:
        found = int(pdf.reader.xrefs.get_last_change(Reference(container, 0, pdf=pdf.reader)))
    except KeyError:
        return pdf.revisions - 1
    return 1 if found == 0 and _is_linearised(pdf) else found


def _is_linearised(pdf: OpenPdf) -> bool:
    """Whether the first two tables were written together, the newer one at the front (ISO 32000-2 annex F)."""
    if pdf.revisions < 2:  # noqa: PLR2004 - two tables
        return False
    main, front = (pdf.reader.xrefs.get_xref_container_info(revision) for revision in (0, 1))
    return bool(front.end_location < main.start_location)


def _page_of(pages: tuple[int, ...], node: Any) -> int | None:
    widgets = [node, *(resolve(kid) for kid in items(entry(node, "/Kids")))]
    for widget in widgets:
        raw = widget.raw_get("/P") if is_dictionary(widget) and "/P" in widget else None
        if getattr(raw, "idnum", None) in pages:
            return pages.index(raw.idnum) + 1  # type: ignore[union-attr]
    return None


def _doc_mdp(value: Any) -> int | None:
    for item in items(entry(value, "/Reference")):
        reference = resolve(item)
        if str(entry(reference, "/TransformMethod")) == "/DocMDP":
            level = entry(entry(reference, "/TransformParams"), "/P")
            return int(level) if level is not None else 2
    return None


def _offsets(pdf: OpenPdf, revision: int) -> list[int]:
    xrefs = pdf.reader.xrefs
    places = (xrefs.get_historical_ref(ref, revision) for ref in xrefs.explicit_refs_in_revision(revision))
    return [place for place in places if isinstance(place, int)]


def _date(text: str) -> datetime | None:
    """Read a PDF date (7.9.4), seconds and zone optional; None when there is none or it is none."""
    match = re.fullmatch(r"(?:D:)?(\d{14}|\d{12})(?:(Z|[+-])(?:(\d\d)'?(?:(\d\d)'?)?)?)?", text.strip())
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1].ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    offset = timedelta(hours=int(match[3] or 0), minutes=int(match[4] or 0))
    return moment - offset if match[2] == "+" else moment + offset if match[2] == "-" else moment


def _hashlib(algorithm: str) -> Any:
    if algorithm not in {"sha1", "sha256", "sha384", "sha512"}:
        raise UnsupportedAlgorithmError(f"digest {algorithm!r}")
    return hashlib.new(algorithm, usedforsecurity=algorithm != "sha1")


_HEX: Final = re.compile(rb"[0-9A-Fa-f \t\r\n\f\0]*")
