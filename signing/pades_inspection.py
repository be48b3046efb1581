"""What must hold of a PDF before anything is appended, and before anything is asked of a key holder."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from signing.errors import SignatureFieldError, UnsignablePdfError
from signing.pades import Appearance
from signing.pdf_reading import (
    OpenPdf,
    UnreadablePdfError,
    entry,
    items,
    load_object,
    page_references,
    resolve,
    text_of,
    walk_fields,
)

_MAX_NAME: Final = 100
_MAX_DEPTH: Final = 32
_NO_CHANGES: Final = 1


@dataclass(frozen=True)
class Place:
    """Where a signature goes: whether its field is there already, its page from 0, box, and the page's rotation."""

    field: str
    exists: bool
    page: int = 0
    box: tuple[float, float, float, float] | None = None
    rotate: int = 0


def find_place(pdf: OpenPdf, name: str, appearance: Appearance | None) -> Place:
    """See that a signature may be added under this field name, and answer where it goes.

    Raises UnsignablePdfError (no pages, XFA, DocMDP 1), SignatureFieldError, UnreadablePdfError.
    """
    pages = _require_signable(pdf)
    level = _require_unlocked(pdf, name)
    if level == _NO_CHANGES:
        raise UnsignablePdfError("certified: no further signature is allowed (DocMDP 1)")
    found = [(value, reference) for known, value, reference in _signature_fields(pdf) if known == name]
    if found:
        return _existing(pdf, pages, name, *found[-1])
    _require_new_name(pdf, name)
    if appearance is None:
        return Place(name, exists=False)
    if level:
        raise SignatureFieldError("certified: a new visible field is not allowed; use one that was prepared")
    return _new_place(pdf, pages, name, appearance)


def find_timestamp_place(pdf: OpenPdf, name: str) -> Place:
    """Answer the field of a document timestamp: the one asked for, prepared or new; else `ArchiveTimestamp1`, 2, ….

    Certified documents take document timestamps at every level (ISO 32000-2 12.8.2.2). Raises as `find_place`.
    """
    pages = _require_signable(pdf)
    found = [(value, reference) for known, value, reference in _signature_fields(pdf) if name and known == name]
    if found:
        return _existing(pdf, pages, name, *found[-1])
    if name:
        _require_new_name(pdf, name)
        return Place(name, exists=False)
    taken = {known for known, _, _ in _signature_fields(pdf)} | _top_names(pdf)
    free = (f"ArchiveTimestamp{number}" for number in range(1, len(taken) + 2))
    return Place(next(one for one in free if one not in taken), exists=False)


def _require_signable(pdf: OpenPdf) -> tuple[int, ...]:
    pages = page_references(pdf)
    if not pages:
        raise UnsignablePdfError("the PDF has no page")
    if entry(entry(pdf.reader.root, "/AcroForm"), "/XFA") is not None:
        raise UnsignablePdfError("the PDF holds an XFA form, which shows something else than its pages")
    if pdf.reader.stream is not pdf.stream:
        raise UnreadablePdfError("much follows the end of the PDF: a signature would not cover what viewers show")
    return pages


def _require_unlocked(pdf: OpenPdf, name: str) -> int:
    """See that no earlier signature locks the field; answer the strictest DocMDP level, 0 if there is none."""
    from pyhanko.sign.fields import FieldMDPSpec  # noqa: PLC0415 - costs a second; only who opens a PDF pays

    level = 0
    for known, _, raw in walk_fields(pdf):
        for item in items(entry(resolve(raw), "/Reference")):
            reference = resolve(item)
            method, parameters = str(entry(reference, "/TransformMethod")), entry(reference, "/TransformParams")
            permitted = entry(parameters, "/P")  # of a field lock too (ISO 32000-2 12.7.5.5)
            if method == "/DocMDP" or (method == "/FieldMDP" and permitted is not None):
                level = min(level or 3, int(permitted) if permitted is not None else 2)
            if method == "/FieldMDP" and FieldMDPSpec.from_pdf_object(parameters).is_locked(name):
                raise SignatureFieldError(f"signature {known!r} locks the field {name!r}")
    return level


def _existing(pdf: OpenPdf, pages: tuple[int, ...], name: str, value: Any, reference: Any) -> Place:
    node = resolve(reference)
    kids = items(entry(node, "/Kids"))
    if value is not None:
        raise SignatureFieldError(f"the field {name!r} is signed already")
    if len(kids) > 1:
        raise SignatureFieldError(f"the field {name!r} shows in {len(kids)} places")
    if int(entry(entry(node, "/SV"), "/Ff") or 0):
        raise SignatureFieldError(f"the field {name!r} demands seed values, which are not followed here")
    widget = resolve(kids[0]) if kids else node
    page = getattr(widget.raw_get("/P"), "idnum", None) if "/P" in widget else None
    rotate = _rotation(load_object(pdf, page)) if page in pages else 0
    box = [float(resolve(number)) for number in items(entry(widget, "/Rect"))]
    left, bottom, right, top = box if len(box) == 4 else (0.0, 0.0, 0.0, 0.0)  # noqa: PLR2004
    corners = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    return Place(name, exists=True, box=corners, rotate=rotate)


def _new_place(pdf: OpenPdf, pages: tuple[int, ...], name: str, appearance: Appearance) -> Place:
    left, bottom, right, top = appearance.box
    if not 1 <= appearance.page <= len(pages):
        raise SignatureFieldError(f"there is no page {appearance.page}; the PDF has {len(pages)}")
    if not (all(map(isfinite, appearance.box)) and left < right and bottom < top):
        raise SignatureFieldError("an appearance without an area")
    rotate = _rotation(load_object(pdf, pages[appearance.page - 1]))
    return Place(name, exists=False, page=appearance.page - 1, box=appearance.box, rotate=rotate)


def _require_new_name(pdf: OpenPdf, name: str) -> None:
    if not 1 <= len(name) <= _MAX_NAME or "." in name or not name.isprintable():
        raise SignatureFieldError("a field name is 1 to 100 printable characters without a full stop")
    if name in _top_names(pdf):
        raise SignatureFieldError(f"{name!r} is a field of another kind")


def _top_names(pdf: OpenPdf) -> set[str]:
    fields = items(entry(entry(pdf.reader.root, "/AcroForm"), "/Fields"))
    return {text_of(entry(resolve(one), "/T")) for one in fields}


def _rotation(page: Any) -> int:
    node = page
    for _ in range(_MAX_DEPTH):
        value = entry(node, "/Rotate")
        if value is not None:
            return int(value) % 360 if int(value) % 90 == 0 else 0
        node = entry(node, "/Parent")
    return 0


def _signature_fields(pdf: OpenPdf) -> list[tuple[str, Any, Any]]:
    from pyhanko.sign.fields import enumerate_sig_fields  # noqa: PLC0415 - see _require_unlocked

    return list(enumerate_sig_fields(pdf.reader))
