"""A container that is open for judging (ASiC): what its entries are, and their contents, digested once."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Final

from signing.asic_zip import ZipEntry, ZipIndex, read_content, stream_content
from signing.digests import Hasher, Sm3
from signing.errors import MalformedError, UnsupportedAlgorithmError

MIMETYPE: Final = "mimetype"
META: Final = "META-INF/"
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
class AsicPackage:
    """The open file: its index, and digests that were computed once."""

    stream: BinaryIO
    index: ZipIndex
    digests: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def names(self, *kinds: Kind) -> list[str]:
        """Answer the entries of META-INF of these kinds."""
        inside = (entry.name for entry in self.index.entries if entry.name.startswith(META) and not entry.is_folder)
        return [name for name in inside if kind_of(name) in kinds]

    @property
    def objects(self) -> tuple[str, ...]:
        """Answer the data objects: all but the mimetype, folders and META-INF."""
        files = (entry.name for entry in self.index.entries if not entry.is_folder)
        return tuple(name for name in files if name != MIMETYPE and not name.startswith(META))

    def read(self, name: str, limit: int) -> bytes:
        """Answer a content; LimitError beyond so many bytes."""
        return read_content(self.stream, self._entry(name), limit=limit)

    def size(self, names: list[str]) -> int:
        """Answer how large these entries are together."""
        return sum(self._entry(name).size for name in names)

    def stream_of(self, name: str) -> Iterator[bytes]:
        """Answer a content piece by piece."""
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


def kind_of(name: str) -> Kind:
    """Answer what an entry of META-INF is, by its name."""
    inside = name.removeprefix(META)
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(inside)), Kind.OTHER)
