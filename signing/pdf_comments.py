"""Comments that can neither hide nor imitate what a page says, and so may follow a certification that permits them.

A certification of level 3 permits annotations (ISO 32000-2 12.8.2.2). Free text, stamps, redactions, shapes and
anything with a picture of its own can put other words on the page, which is a known way round a certification; notes
and text markings as a viewer draws them cannot.
"""

import re
from typing import Any, Final

from signing.pdf_boxes import rectangle_of
from signing.pdf_objects import Objects, raw_entry
from signing.pdf_reading import is_dictionary

_NOTE: Final = 40.0
"""Points; the icon of a note is no larger."""
_MARKINGS: Final = frozenset({"/Highlight", "/Underline", "/StrikeOut", "/Squiggly"})
_NOTES: Final = frozenset({"/Text", "/Popup"})
_DRAWS_TEXT_OR_PICTURES: Final = re.compile(rb"(?<![A-Za-z])(?:Tj|TJ|Do|BI|sh|'|\")(?![A-Za-z])")
_FILLS: Final = re.compile(rb"(?<![A-Za-z])(?:f|F|f\*|B|B\*|b|b\*)(?![A-Za-z])")
_MAX_PICTURE: Final = 100_000
_MAX_WIDTH: Final = 4.0


def is_harmless(objects: Objects, node: Any, revision: int) -> bool:
    """Whether an annotation is a note or a marking of text, without actions and without a picture that could hide."""
    if not is_dictionary(node) or any(key in node for key in ("/A", "/AA", "/OC", "/FT", "/Kids")):
        return False
    subtype = str(objects.resolve(raw_entry(node, "/Subtype"), revision) or "")
    if subtype == "/Popup":
        return "/AP" not in node
    if subtype in _NOTES:
        box = rectangle_of(objects, node, revision)
        return box is not None and abs(box[2] - box[0]) <= _NOTE and abs(box[3] - box[1]) <= _NOTE
    return subtype in _MARKINGS and _pictures_are_plain(objects, node, subtype, revision)


def _pictures_are_plain(objects: Objects, node: Any, subtype: str, revision: int) -> bool:
    pictures = objects.resolve(raw_entry(node, "/AP"), revision)
    if pictures is None:
        return True
    if not is_dictionary(pictures) or set(pictures) - {"/N"}:
        return False
    picture = objects.resolve(raw_entry(pictures, "/N"), revision)
    try:
        drawn = bytes(picture.data)
    except Exception:  # noqa: BLE001 - the library may raise anything at all on hostile bytes: not plain
        return False
    if len(drawn) > _MAX_PICTURE or _DRAWS_TEXT_OR_PICTURES.search(drawn):
        return False
    if subtype == "/Highlight":
        return _multiplies(objects, picture, drawn, revision)
    widths = [float(one) for one in re.findall(rb"(\d{0,6}\.?\d{1,6})\s+w(?![A-Za-z])", drawn)]
    return _FILLS.search(drawn) is None and all(width <= _MAX_WIDTH for width in widths)


def _multiplies(objects: Objects, picture: Any, drawn: bytes, revision: int) -> bool:
    """Whether all that a picture draws is multiplied with the page: dark stays dark."""
    if (
        not re.match(rb"\s*(?:q\s+)?/\w{1,30}\s+gs(?![A-Za-z])", drawn)
        or len(re.findall(rb"\sgs(?![A-Za-z])", drawn)) != 1
    ):
        return False
    resources = objects.resolve(raw_entry(picture, "/Resources"), revision)
    states = objects.resolve(raw_entry(resources, "/ExtGState"), revision)
    if not is_dictionary(states) or not len(states):
        return False
    modes = [
        objects.resolve(raw_entry(objects.resolve(raw_entry(states, key), revision), "/BM"), revision) for key in states
    ]
    return all(str(mode) == "/Multiply" for mode in modes)
