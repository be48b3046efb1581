"""The file manifest (文件清单): which document is which, and whose seals are on it. docs/format/bundle.md 7.2.

It lies encrypted in the bundle; what the bidder's signature over the bundle covers, it covers too.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from identity.consent import SignedConsent, consent_sm3
from signing import canonical
from signing.canonical import Code, Name, Sm3Hex
from signing.errors import MalformedError

MAX_FILE_MANIFEST: Final = canonical.MAX_DOCUMENT


class SealMark(Struct, frozen=True, forbid_unknown_fields=True):
    """One seal on a document: its 13-digit number, its kind, and the consent under which it was applied."""

    number: Annotated[str, Meta(pattern=r"^[0-9]{13}\Z")]
    kind: Code
    consent_sm3: Sm3Hex


class ManifestDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One sealed document: the part it lies in, the required item it answers, and its name, pages, size and digest."""

    part: Annotated[str, Meta(pattern=r"^part-[1-9][0-9]{0,2}\Z")]
    item: Code
    name: Name
    pages: Annotated[int, Meta(ge=1, le=100_000)]
    size: Annotated[int, Meta(ge=1, le=1 << 34)]
    """Bytes."""
    sm3: Sm3Hex
    seals: Annotated[tuple[SealMark, ...], Meta(max_length=100)]


class FileManifest(Struct, frozen=True, forbid_unknown_fields=True):
    """All documents of one stage in the order of their parts, and each consent that a seal names, once."""

    v: Literal[1]
    section: Code
    bidder: Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z")]
    stage: Annotated[int, Meta(ge=1, le=4)]
    documents: Annotated[tuple[ManifestDocument, ...], Meta(max_length=198)]
    consents: Annotated[tuple[SignedConsent, ...], Meta(max_length=800)]

    def __post_init__(self) -> None:
        """Check that parts are numbered from 3 on, and that consents are sorted and exactly the ones named."""
        if [doc.part for doc in self.documents] != [f"part-{i + 3}" for i in range(len(self.documents))]:
            raise ValueError("documents are not in the order of their parts")
        present = [consent_sm3(consent).hex() for consent in self.consents]
        named = {mark.consent_sm3 for doc in self.documents for mark in doc.seals}
        if present != sorted(set(present)) or set(present) != named:
            raise ValueError("the consents are not sorted, or not exactly those that the seals name")


def parse_file_manifest(data: bytes) -> FileManifest:
    """Decode the one canonical form; MalformedError (signing)."""
    if len(data) > MAX_FILE_MANIFEST:
        raise MalformedError(f"{len(data)} bytes; a file manifest has at most {MAX_FILE_MANIFEST}")
    return canonical.decode(data, FileManifest)
