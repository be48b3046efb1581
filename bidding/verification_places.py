"""Where each signature shows in a PDF (签章位置), for pictures; opened once more, so only when a picture is wanted."""

from pathlib import Path
from typing import Final

from signing.errors import SigningError
from signing.pdf_boxes import rectangle_box, rectangle_of
from signing.pdf_impressions import SUFFIX
from signing.pdf_objects import Objects, array, objects_of, raw_entry
from signing.pdf_reading import OpenPdf, is_dictionary, open_pdf, text_of

MAX_PLACES: Final = 400
_DEPTH: Final = 16
_MAX_ANNOTATIONS: Final = 2000

Place = tuple[int, float, float, float, float]
"""Page (from 1), then left, top, right, bottom in millimetres from its upper left corner as displayed."""


def find_places(path: Path, password: str = "") -> dict[str, list[Place]]:
    """Answer the boxes of all widgets of signature fields, by the field's full name; nothing for what cannot be read.

    The further impressions of a seal (`<field>-impressions`) count as places of their field.
    """
    found: dict[str, list[Place]] = {}
    try:
        with open_pdf(path, password) as pdf:
            for name, place in _walk(pdf):
                found.setdefault(name.removesuffix(SUFFIX), []).append(place)
                if sum(map(len, found.values())) >= MAX_PLACES:
                    break
    except SigningError:
        return found
    return found


def _walk(pdf: OpenPdf) -> list[tuple[str, Place]]:
    objects, last, places = objects_of(pdf), pdf.revisions - 1, list[tuple[str, Place]]()
    for number, page in enumerate(objects.pages(last), 1):
        node = objects.load(page, last)
        for raw in array(objects.resolve(raw_entry(node, "/Annots"), last))[:_MAX_ANNOTATIONS]:
            widget = objects.resolve(raw, last)
            if not is_dictionary(widget):
                continue
            name, kind = _name(objects, widget, last)
            if kind != "/Sig" and not name.endswith(SUFFIX):
                continue
            box = rectangle_box(objects, page, last, rectangle_of(objects, widget, last))
            if name and box and box[2] > box[0] and box[3] > box[1]:
                places.append((name, (number, *box)))
        if len(places) > MAX_PLACES:
            break
    return places


def _name(objects: Objects, widget: object, revision: int) -> tuple[str, str]:
    """Answer the full name of a widget's field and its type, from the widget upwards."""
    parts, kind, node = list[str](), "", widget
    for _ in range(_DEPTH):
        if not is_dictionary(node):
            break
        part = text_of(objects.resolve(raw_entry(node, "/T"), revision))
        parts += [part] if part else []
        kind = kind or str(objects.resolve(raw_entry(node, "/FT"), revision) or "")
        node = objects.resolve(raw_entry(node, "/Parent"), revision)
    return ".".join(reversed(parts)), kind
