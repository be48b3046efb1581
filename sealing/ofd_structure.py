"""The parts of an OFD package that say what is signed (GB/T 33190-2016 7 and 18, GM/T 0099-2020): read, not judged."""

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from sealing.errors import EncryptedOfdError, UnreadableOfdError
from sealing.ofd_xml import MAX_XML, Node, parse_part
from sealing.ofd_zip import OfdPackage
from signing.errors import MalformedError

__all__ = (
    "ENTRIES",
    "MAX_BODIES",
    "ROOT",
    "Body",
    "EncryptedOfdError",
    "Listed",
    "SignatureFile",
    "StampPlace",
    "UnreadableOfdError",
    "read_bodies",
    "read_entries",
    "read_list",
    "read_signature",
)

ROOT: Final = "OFD.xml"
ENTRIES: Final = "OFDEntries.xml"
"""The list of files that GM/T 0099-2020 appendix D signs."""
MAX_BODIES: Final = 64
_ENCRYPTED: Final = frozenset({"encryptions.xml", "decryptseed.dat"})
_BEIJING: Final = timezone(timedelta(hours=8))
_DIGITS: Final = re.compile(r"(\d{4})\D?(\d\d)\D?(\d\d)\D?(\d\d)\D?(\d\d)\D?(\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?\Z")
_METHODS: Final = {
    "md5": "md5",
    "1.2.840.113549.2.5": "md5",
    "sha1": "sha1",
    "1.3.14.3.2.26": "sha1",
    "sm3": "sm3",
    "1.2.156.10197.1.401": "sm3",
    "1.2.156.10197.1.401.1": "sm3",
    "1.2.156.10197.1.401.2": "sm3",  # the keyed hash by its table, the plain one by what makers write
    "sha256": "sha256",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "sha384": "sha384",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "sha512": "sha512",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


@dataclass(frozen=True)
class Body:
    """One document of the package (DocBody): the parts that show it, its pages by ID, its list of signatures."""

    roots: tuple[str, ...]
    pages: dict[str, int]
    signatures: str
    """The location of Signatures.xml as it stands; empty without one."""


@dataclass(frozen=True)
class Listed:
    """One line of Signatures.xml. `path` is the part of its Signature.xml, empty when it is not there."""

    id: str
    kind: str
    location: str
    path: str


@dataclass(frozen=True)
class StampPlace:
    """One StampAnnot: page from 1 (None: no such page), box in millimetres from the upper left corner."""

    page: int | None
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class SignatureFile:
    """A Signature.xml. `method` is the digest's name, or what stood there when it is none that we know."""

    references: tuple[tuple[str, bytes], ...] = field(repr=False)
    method: str
    claimed_time: datetime | None
    stamps: tuple[StampPlace, ...]
    seal: str
    value: str
    """Locations, as they stand, of the seal file (empty without one) and of the signature value."""


def read_bodies(package: OfdPackage) -> tuple[Body, ...]:
    """Read OFD.xml and what it leads to. Raises UnreadableOfdError, EncryptedOfdError."""
    if any(name.casefold() in _ENCRYPTED for name in package.parts):
        raise EncryptedOfdError("OFD 文件已加密（GM/T 0099）")
    try:
        bodies = parse_part(package.read(ROOT, limit=MAX_XML), "OFD").all("DocBody")
        read = tuple(_read_body(package, node) for node in bodies[:MAX_BODIES])
    except MalformedError as error:
        raise UnreadableOfdError(f"OFD.xml：{error}") from error
    if len(read) != len(bodies) or not read:
        raise UnreadableOfdError(f"OFD.xml：{len(bodies)} DocBody")
    return read


def _read_body(package: OfdPackage, node: Node) -> Body:
    locations = [one.text for one in node.all("DocRoot")]
    roots = [package.find(ROOT, one) for one in locations]
    versions = [v.attributes.get("BaseLoc", "") for holder in node.all("Versions") for v in holder.all("Version")]
    for location in versions:
        roots += _read_version(package, package.find(ROOT, location))
    signatures = node.maybe("Signatures")
    pages = _read_pages(package, roots[0]) if roots and roots[0] else {}
    return Body(tuple(dict.fromkeys(r for r in roots if r)), pages, signatures.text if signatures else "")


def _read_version(package: OfdPackage, path: str) -> list[str]:
    """Answer a version's part and its document: a reader may show either."""
    if not path:
        return []
    try:
        root = parse_part(package.read(path, limit=MAX_XML), "DocVersion")
    except MalformedError:
        return [path]
    return [path, *(package.find(path, one.text) for one in root.all("DocRoot"))]


def _read_pages(package: OfdPackage, path: str) -> dict[str, int]:
    """Answer the numbers of the pages by ID; none when the part cannot be read, which its reference tells."""
    try:
        pages = parse_part(package.read(path, limit=MAX_XML), "Document").maybe("Pages")
    except MalformedError:
        return {}
    found = pages.all("Page") if pages else []
    return {one.attributes.get("ID", ""): number for number, one in enumerate(found, start=1)}


def read_list(package: OfdPackage, path: str) -> tuple[Listed, ...]:
    """Read a Signatures.xml (签名列表). Raises MalformedError."""
    root = parse_part(package.read(path, limit=MAX_XML), "Signatures")
    return tuple(_listed(package, path, one) for one in root.all("Signature"))


def _listed(package: OfdPackage, path: str, node: Node) -> Listed:
    location = node.attributes.get("BaseLoc", "")
    kind = node.attributes.get("Type", "Seal")
    return Listed(node.attributes.get("ID", ""), kind, location, package.find(path, location))


def read_signature(data: bytes, pages: dict[str, int]) -> SignatureFile:
    """Read a Signature.xml (签名文件). Raises MalformedError, LimitError."""
    root = parse_part(data, "Signature")
    info, value = root.one("SignedInfo"), root.one("SignedValue").text
    block = info.one("References")
    entries = block.all("Reference")
    if not entries:
        raise MalformedError("a signature without references")
    seal, time = info.maybe("Seal"), info.maybe("SignatureDateTime")
    name = block.attributes.get("CheckMethod", "MD5").strip()
    return SignatureFile(
        references=tuple((one.attributes.get("FileRef", ""), _digest(one)) for one in entries),
        method=_METHODS.get(name.casefold().replace("-", ""), name),
        claimed_time=_read_time(time.text) if time else None,
        stamps=tuple(_stamp(one, pages) for one in info.all("StampAnnot")),
        seal=seal.one("BaseLoc").text if seal else "",
        value=value,
    )


def read_entries(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Read an OFDEntries.xml: the locations of its signature value and of the listed files. Raises MalformedError."""
    root = parse_part(data, "DocEntries")
    files = root.one("FileList").all("File")
    return root.one("SignedValueLoc").text, tuple(one.attributes.get("FileLoc", "") for one in files)


def _digest(node: Node) -> bytes:
    try:
        return base64.b64decode("".join(node.one("CheckValue").text.split()), validate=True)
    except ValueError as error:
        raise MalformedError("a CheckValue that is not base64") from error


def _stamp(node: Node, pages: dict[str, int]) -> StampPlace:
    try:
        numbers = [float(one) for one in node.attributes.get("Boundary", "").split()]
    except ValueError:
        numbers = []
    box = (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == 4 else None  # noqa: PLR2004 - x y w h
    return StampPlace(pages.get(node.attributes.get("PageRef", "")), box)


def _read_time(text: str) -> datetime | None:
    """Read the claimed time in the spellings in use; without a zone it is Beijing time. None for anything else."""
    match = _DIGITS.match(text.strip())
    if match is None:
        return None
    zone = match[7] or "+08:00"
    try:
        moment = datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*match.groups()[:6]) + zone)
    except ValueError:
        return None
    return moment.astimezone(UTC) if 1 < moment.year < 9999 else moment.replace(tzinfo=_BEIJING)  # noqa: PLR2004
