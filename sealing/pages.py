"""The pages of a PDF that is to be sealed: what they hold, how large they look, where fields go."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sealing.errors import ActivePdfError, FieldError, NoPagesError, XfaPdfError
from sealing.placement import Box, PageView, Rect, SealField
from signing.pdf_reading import (
    OpenPdf,
    decode_object_streams,
    entry,
    is_dictionary,
    items,
    load_object,
    open_pdf,
    page_references,
    read_slice,
    resolve,
    text_of,
)

_ACTIVE: Final = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition", "/RichMediaExecute"})
_SUSPECT: Final = re.compile(
    rb"/(?:JavaScript|JS|Launch|ImportData|SubmitForm|Rendition|RichMediaExecute|AA)(?![A-Za-z0-9])"
    rb"|/[A-Za-z]{0,20}#[0-9A-Fa-f]{2}"  # a name in disguise
)
_STAMP: Final = re.compile(rb"/Stamp(?![A-Za-z0-9])|/[A-Za-z]{0,20}#[0-9A-Fa-f]{2}")
_STREAM: Final = re.compile(rb"(?<=>>)\s*stream\r?\n.*?endstream", re.DOTALL)
_MAX_SEARCHED: Final = 64 << 20
_MAX_DEPTH: Final = 32
_MAX_NUMBER: Final = 10**9
_HIDDEN: Final = 0b100010
"""Annotation flags Hidden and NoView (ISO 32000-1, 12.5.3)."""


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


@dataclass(frozen=True)
class PageSurvey:
    """What planning needs to know of a PDF: how its pages look, and where something stands that must stay visible."""

    views: tuple[PageView, ...]
    taken: tuple[Box, ...]


def survey_pdf(path: Path, ignore: Collection[str] = ()) -> PageSurvey:
    """See that a PDF can be sealed, and answer its pages with the places of its seals, signatures and stamps.

    Signature fields named in `ignore` are left out: those that are to be filled now. Raises what `inspect_pdf` raises.
    """
    with open_pdf(path) as pdf:
        pages = page_references(pdf)
        _require_plain(pdf, pages)
        loaded = [load_object(pdf, reference) for reference in pages]
        views = [view_page(page) for page in loaded]
        rects = _fields_by_page(pdf, pages)
        if rects is None or _mentions(pdf, _STAMP):
            rects = [(at, annotation) for at, page in enumerate(loaded) for annotation in items(entry(page, "/Annots"))]
        taken = (_standing(resolve(annotation), at + 1, views[at], ignore) for at, annotation in rects)
        return PageSurvey(tuple(views), tuple(box for box in taken if box))


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


def view_page(page: Any) -> PageView:
    """Read how a page is displayed. Raises FieldError for a page without a usable size."""
    media = _rectangle(_or(_inherited(page, "/MediaBox"), (0, 0, 612, 792)))
    crop = _rectangle(_or(_inherited(page, "/CropBox"), media))
    if media is None or crop is None:
        raise FieldError("a page whose box is not four numbers")
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    rotate, unit = _number(_or(_inherited(page, "/Rotate"), 0)), _number(_or(entry(page, "/UserUnit"), 1))
    if rotate is None or rotate % 90 or right <= left or top <= bottom or unit is None or unit <= 0:
        raise FieldError("a page without a usable size")
    return PageView((left, bottom, right, top), int(rotate) % 360, unit)


def _fields_by_page(pdf: OpenPdf, pages: tuple[int, ...]) -> list[tuple[int, Any]] | None:
    """Answer all widgets of signature fields with their pages, from 0; None when one does not tell its page."""
    numbers = {number: at for at, number in enumerate(pages)}
    found = list[tuple[int, Any]]()
    for _, _, reference in _signature_fields(pdf):
        field = reference.get_object()
        for widget in items(entry(field, "/Kids")) or [field]:
            node = resolve(widget)
            page = node.raw_get("/P") if is_dictionary(node) and "/P" in node else None
            at = numbers.get(getattr(page, "idnum", -1))
            if at is None:
                return None
            found.append((at, node))
    return found


def _standing(annotation: Any, number: int, view: PageView, ignore: Collection[str]) -> Box | None:
    """Answer where a signature field or a stamp is seen; None for anything else."""
    rect = _rectangle(entry(annotation, "/Rect"))
    kind = str(entry(annotation, "/Subtype"))
    if kind not in {"/Stamp", "/Widget"} or rect is None or rect[0] == rect[2] or rect[1] == rect[3]:
        return None
    if _is_hidden(annotation):
        return None
    if kind == "/Stamp":
        return view.displayed(rect, number, "印章")
    name = text_of(_inherited(annotation, "/T"))
    if str(_inherited(annotation, "/FT")) != "/Sig" or name in ignore:
        return None
    return view.displayed(rect, number, f"签章域 {name}".strip())


def _is_hidden(annotation: Any) -> bool:
    flags = entry(annotation, "/F")
    return isinstance(flags, int) and bool(flags & _HIDDEN)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _rectangle(value: Any) -> Rect | None:
    """Answer four numbers as a rectangle with its corners in order; None for anything else."""
    values = [_number(resolve(item)) for item in value] if isinstance(value, list | tuple) else []
    numbers = [number for number in values if number is not None]
    if len(values) != 4 or len(numbers) != 4:  # noqa: PLR2004 - a rectangle
        return None
    one, two = (numbers[0], numbers[2]), (numbers[1], numbers[3])
    return min(one), min(two), max(one), max(two)


def _number(value: Any) -> float | None:
    """Answer a usable number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if -_MAX_NUMBER < value < _MAX_NUMBER else None


def _require_plain(pdf: OpenPdf, pages: tuple[int, ...]) -> None:
    """Refuse what would show something else tomorrow: no pages, XFA, scripts and other active contents."""
    if not pages:
        raise NoPagesError("the PDF has no page")
    root = pdf.reader.root
    if entry(entry(root, "/AcroForm"), "/XFA") is not None:
        raise XfaPdfError("the PDF holds an XFA form")
    if entry(entry(root, "/Names"), "/JavaScript") is not None or _is_busy(root, "/OpenAction"):
        raise ActivePdfError("the PDF holds JavaScript or an action that starts by itself")
    if not _mentions(pdf, _SUSPECT):
        return
    for number in pages:
        page = load_object(pdf, number)
        if _is_busy(page, "/A") or any(_is_busy(a.get_object(), "/A") for a in items(entry(page, "/Annots"))):
            raise ActivePdfError("a page or an annotation holds an active action")


def _mentions(pdf: OpenPdf, names: re.Pattern[bytes]) -> bool:
    """Search the bytes for names before asking every annotation, which takes seconds in a book.

    Stream bodies are left out: in compressed bytes short names turn up by chance.
    """
    if pdf.size > _MAX_SEARCHED:
        return True
    plain = _STREAM.sub(b"", read_slice(pdf.stream, 0, pdf.size))
    return any(names.search(text) for text in (plain, *decode_object_streams(pdf, pdf.revisions - 1)))


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
