"""Looking at a PDF before an act of sealing: its empty field, and the page, box and turn of every impression."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, Literal

from sealing.errors import ClosedPdfError, FieldError, NoPagesError, StampsNotPreparedError, XfaPdfError
from sealing.evidence import PAYLOADS, Payload
from sealing.pages import view_page
from sealing.placement import Box, PageView, Rect, Stamp
from signing.errors import SignatureFieldError, UnsignablePdfError
from signing.pades_inspection import find_place
from signing.pdf_impressions import SHARE, find_impressions
from signing.pdf_reading import (
    MAX_FIELDS,
    OpenPdf,
    entry,
    items,
    load_object,
    open_pdf,
    page_references,
    resolve,
    text_of,
    walk_fields,
)

MAX_STAMPS: Final = 12_000
"""Impressions of one act."""
_SAME: Final = 0.05
_WHOLE: Final = (0.0, 1.0)

Along = Literal["width", "height"]


@dataclass(frozen=True)
class Spot:
    """One impression in a PDF: the object number of its page, rectangle in user space, and how the page is turned.

    `share` of the picture is shown, along its width or height. `widget` is the object number of a prepared place,
    0 for an impression that is yet to be added.
    """

    page: int
    rect: Rect
    rotate: int
    share: tuple[float, float] = _WHOLE
    along: Along = "width"
    widget: int = 0


@dataclass(frozen=True)
class Ground:
    """What an act finds: the field's object number, its own place, and where the further impressions go.

    `pages` are the object numbers of the document's pages; `own` has page 0 when the field shows on none.
    """

    field: int
    own: Spot
    spots: tuple[Spot, ...]
    pages: tuple[int, ...]

    def boxes(self, pdf: OpenPdf) -> dict[int, list[Box]]:
        """Answer where everything is seen, by page from 1."""
        numbers, found = {number: at for at, number in enumerate(self.pages, 1)}, dict[int, list[Box]]()
        for spot in (self.own, *self.spots):
            if spot.page in numbers:
                page = numbers[spot.page]
                found.setdefault(page, []).append(view_page(load_object(pdf, spot.page)).displayed(spot.rect, page))
        return found


def survey(path: Path, field: str, stamps: Sequence[Stamp] = (), pages: tuple[int, ...] = ()) -> Ground:
    """See that a field can be filled, and find the places of its impressions: prepared ones, else those asked for.

    `pages`, from an earlier survey of the same file, say that only this caller has appended to it since: what holds of
    the whole file is not asked again. Raises FieldError, ClosedPdfError, StampsNotPreparedError, NoPagesError,
    XfaPdfError, and what opening a PDF raises.
    """
    with open_pdf(path) as pdf:
        if not pages:
            _require_open(pdf, field)
            pages = page_references(pdf)
        number, node = _find_field(pdf, field)
        own = _own_place(pdf, node)
        prepared = find_impressions(pdf.reader.root, field)
        if prepared:
            return Ground(number, own, _prepared_spots(pdf, pages, prepared, stamps), pages)
        if stamps and next(walk_fields(pdf), None) is not None:
            raise StampsNotPreparedError(f"{len(stamps)} impressions on a signed file")
        return Ground(number, own, find_spots(pdf, stamps, pages), pages)


def require_unsealed(pdf: OpenPdf) -> None:
    """Raise StampsNotPreparedError for a PDF that bears a seal: after it no field may be added, only filled."""
    for _, _, value in walk_fields(pdf):
        if PAYLOADS.get(str(entry(resolve(value), "/SubFilter"))) is Payload.SEAL:
            raise StampsNotPreparedError("a seal stands on the file, and no field was prepared for another")


def _require_open(pdf: OpenPdf, field: str) -> None:
    """See that nobody closed the file or locked the field, and that it shows in one place and asks for nothing odd."""
    try:
        place = find_place(pdf, field, None)
    except UnsignablePdfError as error:
        raise _why_not(pdf, error) from error
    except SignatureFieldError as error:
        locked = "locks" in str(error)
        raise ClosedPdfError(str(error)) if locked else FieldError(str(error)) from error
    if not place.exists:
        raise FieldError(f"there is no empty signature field {field!r}")


def _find_field(pdf: OpenPdf, name: str) -> tuple[int, Any]:
    """Answer the object number and the dictionary of an empty signature field. Raises FieldError."""
    waiting = [("", raw) for raw in reversed(items(entry(entry(pdf.reader.root, "/AcroForm"), "/Fields")))]
    for _ in range(MAX_FIELDS):
        if not waiting:
            break
        prefix, raw = waiting.pop()
        node = resolve(raw)
        known = prefix + text_of(entry(node, "/T"))
        if known == name and str(entry(node, "/FT")) == "/Sig" and "/V" not in node and hasattr(raw, "idnum"):
            return raw.idnum, node
        if name.startswith(f"{known}."):
            waiting += [(f"{known}.", kid) for kid in reversed(items(entry(node, "/Kids")))]
    raise FieldError(f"there is no empty signature field {name!r}")


def _own_place(pdf: OpenPdf, node: Any) -> Spot:
    kids = items(entry(node, "/Kids"))
    box = [float(resolve(number)) for number in items(entry(resolve(kids[0]) if kids else node, "/Rect"))]
    left, bottom, right, top = box if len(box) == 4 else (0.0, 0.0, 0.0, 0.0)  # noqa: PLR2004 - a rectangle
    rect = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    page, (share, along) = _page_of(node), read_share(node)
    rotate = view_page(load_object(pdf, page)).rotate if page else 0
    return Spot(page, rect, rotate, share, along)


def find_spots(pdf: OpenPdf, stamps: Sequence[Stamp], pages: tuple[int, ...] = ()) -> tuple[Spot, ...]:
    """Find pages and rectangles of impressions, each page being looked at once. Raises FieldError.

    `pages` are the object numbers of the pages, read if they are not given.
    """
    if len(stamps) > MAX_STAMPS:
        raise FieldError(f"{len(stamps)} impressions; one act has at most {MAX_STAMPS}")
    pages, views = pages or (page_references(pdf) if stamps else ()), dict[int, PageView]()
    spots = list[Spot]()
    for stamp in stamps:
        low, high = stamp.share
        if not (1 <= stamp.page <= len(pages) and 0 <= low < high <= 1):
            raise FieldError(f"there is no page {stamp.page}, or no such share of the picture")
        number = pages[stamp.page - 1]
        if number not in views:
            views[number] = view_page(load_object(pdf, number))
        view = views[number]
        spots.append(Spot(number, view.rectangle(stamp), view.rotate, (low, high), stamp.along))
    return tuple(spots)


def _prepared_spots(
    pdf: OpenPdf, pages: tuple[int, ...], widgets: Sequence[Any], stamps: Sequence[Stamp]
) -> tuple[Spot, ...]:
    """Read what was prepared; impressions that are asked for must be just these."""
    known, rotates = set(pages), dict[int, int]()
    spots = list[Spot]()
    for raw in widgets:
        node = resolve(raw)
        page = _page_of(node)
        if page not in known or "/AP" in node:
            raise FieldError("a prepared impression is on no page, or was used already")
        if page not in rotates:
            rotates[page] = view_page(load_object(pdf, page)).rotate
        left, bottom, right, top = (float(resolve(number)) for number in items(entry(node, "/Rect")))
        share, along = read_share(node)
        spots.append(Spot(page, (left, bottom, right, top), rotates[page], share, along, raw.idnum))
    if stamps:
        wanted = find_spots(pdf, stamps, pages)
        if not all(a and b and _same(a, b) for a, b in zip_longest(spots, wanted)):
            raise FieldError("other impressions were prepared for this field")
    return tuple(spots)


def _page_of(widget: Any) -> int:
    """Answer the object number of a widget's page; that of the only kid for a field that is no widget itself."""
    kids = items(entry(widget, "/Kids"))
    node = resolve(kids[0]) if kids else widget
    return int(getattr(node.raw_get("/P"), "idnum", 0)) if "/P" in node else 0


def read_share(widget: Any) -> tuple[tuple[float, float], Along]:
    """Read which part of the picture a prepared place, or a signature field, shows."""
    numbers = [float(resolve(number)) for number in items(entry(widget, SHARE))]
    low, high, along = numbers if len(numbers) == 3 else (*_WHOLE, 0.0)  # noqa: PLR2004 - from, to, along the height
    return (low, high), "height" if along else "width"


def _same(one: Spot, other: Spot) -> bool:
    edges = zip((*one.rect, *one.share), (*other.rect, *other.share), strict=True)
    return (one.page, one.along) == (other.page, other.along) and all(abs(a - b) < _SAME for a, b in edges)


def _why_not(pdf: OpenPdf, error: UnsignablePdfError) -> Exception:
    if not page_references(pdf):
        return NoPagesError(str(error))
    if entry(entry(pdf.reader.root, "/AcroForm"), "/XFA") is not None:
        return XfaPdfError(str(error))
    return ClosedPdfError(str(error))
