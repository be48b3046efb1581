"""The pages of a PDF that is to be sealed: what they hold, how large they look, where fields go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sealing.errors import ActivePdfError, FieldError, NoPagesError, XfaPdfError
from sealing.placement import PageView, Rect, SealField
from signing.pdf_reading import (
    OpenPdf,
    decode_object_streams,
    entry,
    items,
    load_object,
    open_pdf,
    page_references,
    read_slice,
)

_ACTIVE: Final = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition", "/RichMediaExecute"})
_SUSPECT: Final = re.compile(
    rb"/(?:JavaScript|JS|Launch|ImportData|SubmitForm|Rendition|RichMediaExecute|AA)(?![A-Za-z0-9])"
    rb"|/[A-Za-z]{0,20}#[0-9A-Fa-f]{2}"  # a name in disguise
)
_STREAM: Final = re.compile(rb"(?<=>>)\s*stream\r?\n.*?endstream", re.DOTALL)
_MAX_SEARCHED: Final = 64 << 20
_MAX_DEPTH: Final = 32


@dataclass(frozen=True)
class PageFacts:
    """Sizes of the pages as displayed, in millimetres."""

    sizes_mm: tuple[tuple[float, float], ...]

    @property
    def count(self) -> int:
        """Answer the number of pages."""
        return len(self.sizes_mm)


@dataclass(frozen=True)
class Place:
    """A field with its page (from 0) and its rectangle in user space."""

    name: str
    page: int
    rect: Rect


def inspect_pdf(path: Path) -> PageFacts:
    """See that a PDF can be sealed, and answer its page sizes.

    Raises NotAPdfError, EncryptedPdfError, UnreadablePdfError (`signing.pdf_reading`), NoPagesError, XfaPdfError,
    ActivePdfError.
    """
    with open_pdf(path) as pdf:
        pages = page_references(pdf)
        _require_plain(pdf, pages)
        return PageFacts(tuple(view_page(load_object(pdf, number)).size_mm for number in pages))


def place_fields(path: Path, fields: Sequence[SealField]) -> tuple[Place, ...]:
    """Find where new fields go; raises what `inspect_pdf` raises, and FieldError."""
    with open_pdf(path) as pdf:
        pages = page_references(pdf)
        _require_plain(pdf, pages)
        _require_new(pdf, [field.name for field in fields])
        return tuple(_place(pdf, pages, field) for field in fields)


def find_empty_field(path: Path, name: str) -> int:
    """See that a signature field is there and empty; answer the rotation of its page. Raises FieldError."""
    with open_pdf(path) as pdf:
        found = [(value, ref) for known, value, ref in _signature_fields(pdf) if known == name]
        if len(found) != 1 or found[0][0] is not None:
            raise FieldError(f"there is no empty signature field {name!r}")
        page = entry(found[0][1].get_object(), "/P")
        return view_page(page).rotate if page is not None else 0


def view_page(page: Any) -> PageView:
    """Read how a page is displayed. Raises FieldError for a page without a usable size."""
    media = _inherited(page, "/MediaBox") or (0, 0, 612, 792)
    crop = _inherited(page, "/CropBox") or media
    low = [max(min(media[i], media[i + 2]), min(crop[i], crop[i + 2])) for i in (0, 1)]
    high = [min(max(media[i], media[i + 2]), max(crop[i], crop[i + 2])) for i in (0, 1)]
    left, bottom, right, top = (float(n) for n in (*low, *high))
    rotate, unit = int(_inherited(page, "/Rotate") or 0) % 360, float(entry(page, "/UserUnit") or 1)
    if rotate % 90 or right <= left or top <= bottom or unit <= 0:
        raise FieldError("a page without a usable size")
    return PageView((left, bottom, right, top), rotate, unit)


def _require_plain(pdf: OpenPdf, pages: tuple[int, ...]) -> None:
    """Refuse what would show something else tomorrow: no pages, XFA, scripts and other active contents."""
    if not pages:
        raise NoPagesError("the PDF has no page")
    root = pdf.reader.root
    if entry(entry(root, "/AcroForm"), "/XFA") is not None:
        raise XfaPdfError("the PDF holds an XFA form")
    if entry(entry(root, "/Names"), "/JavaScript") is not None or _is_busy(root, "/OpenAction"):
        raise ActivePdfError("the PDF holds JavaScript or an action that starts by itself")
    if not _may_be_active(pdf):
        return
    for number in pages:
        page = load_object(pdf, number)
        if _is_busy(page, "/A") or any(_is_busy(a.get_object(), "/A") for a in items(entry(page, "/Annots"))):
            raise ActivePdfError("a page or an annotation holds an active action")


def _may_be_active(pdf: OpenPdf) -> bool:
    """Search the bytes for the names of actions before asking every annotation, which takes seconds in a book.

    Stream bodies are left out: in compressed bytes short names turn up by chance.
    """
    if pdf.size > _MAX_SEARCHED:
        return True
    plain = _STREAM.sub(b"", read_slice(pdf.stream, 0, pdf.size))
    return any(_SUSPECT.search(text) for text in (plain, *decode_object_streams(pdf, pdf.revisions - 1)))


def _is_busy(node: Any, key: str) -> bool:
    return entry(node, "/AA") is not None or str(entry(entry(node, key), "/S")) in _ACTIVE


def _inherited(page: Any, key: str) -> Any:
    node = page
    for _ in range(_MAX_DEPTH):
        value = entry(node, key)
        if value is not None:
            return [item.get_object() for item in value] if isinstance(value, list) else value
        node = entry(node, "/Parent")
    return None


def _place(pdf: OpenPdf, pages: tuple[int, ...], field: SealField) -> Place:
    index = field.page - 1 if field.page > 0 else len(pages) + field.page
    if field.page == 0 or not 0 <= index < len(pages):
        raise FieldError(f"{field.name}: there is no page {field.page}")
    return Place(field.name, index, view_page(load_object(pdf, pages[index])).rectangle(field))


def _require_new(pdf: OpenPdf, names: Sequence[str]) -> None:
    taken = {name for name, _, _ in _signature_fields(pdf)} & set(names)
    if taken:
        raise FieldError(f"the PDF already has a field {min(taken)!r}")


def _signature_fields(pdf: OpenPdf) -> list[tuple[str, Any, Any]]:
    from pyhanko.sign.fields import enumerate_sig_fields  # noqa: PLC0415 - costs a second; only who opens a PDF pays

    return list(enumerate_sig_fields(pdf.reader))
