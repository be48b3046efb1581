"""Taking in a PDF that the bidder brings: what it is, or why it cannot be used (文件入库检查)."""

from dataclasses import dataclass
from pathlib import Path

from bidding.documents.child import Limits, ask
from bidding.documents.inspecting import Findings, Inspect, PageSize
from bidding.errors import DocumentTooLargeError, EmptyDocumentError, NotAPdfError
from signing.digests import Sm3, read_chunks

MAX_SIZE = 256 << 20
"""Bytes of one document."""
MAX_PAGES = 3000


@dataclass(frozen=True)
class Document:
    """A PDF that may be used; `signed` ones are carried as annexes and never merged."""

    size: int
    sm3: str
    pages: tuple[PageSize, ...]
    signed: bool
    drawn_annotations: bool
    fonts_missing: tuple[str, ...]


def take_in(
    path: Path, *, limits: Limits | None = None, max_size: int = MAX_SIZE, max_pages: int = MAX_PAGES
) -> Document:
    """Look a file through in a child process; a DocumentError says why it cannot be used."""
    size = path.stat().st_size
    if not size:
        raise EmptyDocumentError("the file is empty")
    if size > max_size:
        raise DocumentTooLargeError(f"{size} bytes; at most {max_size} are taken")
    with path.open("rb") as stream:
        if b"%PDF-" not in stream.read(1024):
            raise NotAPdfError("no %PDF- in the first 1,024 bytes")
        stream.seek(0)
        digest = Sm3()
        for chunk in read_chunks(stream):
            digest.update(chunk)
    found = ask("inspect", Inspect(str(path.resolve()), max_pages), Findings, limits)
    return Document(size, digest.hexdigest(), found.pages, found.signed, found.drawn_annotations, found.fonts_missing)
