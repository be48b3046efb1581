"""The one later revision that a seal allows, recognised without weighing the whole file: a prepared field is filled.

The general analysis (`signing.pdf_changes`) follows every path to every object, which takes many seconds on a book
with hyperlinks. This one asks less and allows less; whatever it does not recognise goes to the general analysis.
"""

import re
from typing import Any, Final

from signing.pdf_reading import OpenPdf, decode_object_streams, entry, is_dictionary, items, read_slice

MAX_FILE: Final = 64 << 20
"""Bytes; a longer file is left to the general analysis."""
_FILLED: Final = frozenset({"/V", "/AP"})
_GAP: Final = rb"(?:[\s\0]|%[^\r\n]*[\r\n])+"
_PLACES: Final = 2
"""A field is named by the form and by its page, and by nothing else."""


def only_fills_field(pdf: OpenPdf, old: Any, new: Any, end: int) -> bool:
    """Whether `new` does nothing but fill one empty signature field of `old`, whose bytes end at `end`.

    The field keeps every other entry; its value and its picture are new objects; the field is referred to by the
    form's /Fields and its page's /Annots only; nothing was freed, and the trailer names the same catalogue.
    """
    refs = new.explicit_refs_in_revision()
    changed = [ref for ref in refs if not old.is_ref_unassignable(ref)]
    if end > MAX_FILE or len(changed) != 1 or new.refs_freed_in_revision() or not _same_trailer(old, new):
        return False
    field = changed[0]
    before, after = old(field), new(field)
    if not (_is_empty_field(before) and _differs_only_when_filled(before, after)):
        return False
    added = {ref for ref in refs if ref != field and not _is_xref_stream(new(ref))}
    if not _is_new(after.raw_get("/V"), added) or added != _reachable(new, after, added):
        return False
    return _count_references(pdf, old, field.idnum, end) == _PLACES == _count_places(old, field.idnum, before)


def _same_trailer(old: Any, new: Any) -> bool:
    def name(trailer: Any, key: str) -> int | None:
        return getattr(trailer.raw_get(key), "idnum", -1) if key in trailer else None

    was, now = old.trailer_view, new.trailer_view
    return all(name(was, key) == name(now, key) != -1 for key in ("/Root", "/Info", "/Encrypt"))


def _is_empty_field(field: Any) -> bool:
    return is_dictionary(field) and str(entry(field, "/FT")) == "/Sig" and "/V" not in field and "/Kids" not in field


def _differs_only_when_filled(before: Any, after: Any) -> bool:
    if not is_dictionary(after) or (set(before) ^ set(after)) - _FILLED or "/V" not in after:
        return False
    return all(same_objects(before.raw_get(key), after.raw_get(key)) for key in before if key not in _FILLED)


def same_objects(one: Any, other: Any) -> bool:
    """Whether two objects are written alike, references being compared by number."""
    if type(one) is not type(other):
        return False
    if hasattr(one, "idnum"):
        return (one.idnum, one.generation) == (other.idnum, other.generation)
    if is_dictionary(one):
        return set(one) == set(other) and all(same_objects(one.raw_get(key), other.raw_get(key)) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same_objects(a, b) for a, b in zip(list(one), list(other), strict=True))
    return bool(one == other)


def _is_new(raw: Any, added: set[Any]) -> bool:
    return hasattr(raw, "reference") and raw.reference in added


def _reachable(new: Any, field: Any, added: set[Any]) -> set[Any]:
    """Those of the added objects that the field's value and picture lead to."""
    found, waiting = set[Any](), [field.raw_get(key) for key in _FILLED if key in field]
    while waiting:
        raw = waiting.pop()
        if hasattr(raw, "reference"):
            if raw.reference in added and raw.reference not in found:
                found.add(raw.reference)
                waiting.append(new(raw.reference))
        elif is_dictionary(raw):
            waiting += [raw.raw_get(key) for key in raw]
        elif isinstance(raw, list):
            waiting += list(raw)
    return found


def _is_xref_stream(node: Any) -> bool:
    return str(entry(node, "/Type")) == "/XRef"


def _count_places(old: Any, field: int, node: Any) -> int:
    """How often the form and the field's own page name it."""
    form = entry(old.root, "/AcroForm")
    places = [*items(entry(form, "/Fields")), *items(entry(entry(node, "/P"), "/Annots"))]
    return sum(1 for raw in places if getattr(raw, "idnum", None) == field)


def _count_references(pdf: OpenPdf, old: Any, field: int, end: int) -> int:
    """How often the field is named anywhere in the bytes of the older revisions, object streams included."""
    pattern = re.compile(rb"(?<!\d)%d%b\d+%bR(?![A-Za-z])" % (field, _GAP, _GAP))
    texts = (read_slice(pdf.stream, 0, end), *decode_object_streams(pdf, old.revision))
    return sum(len(pattern.findall(text)) for text in texts)
