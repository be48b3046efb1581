"""The one later revision that a seal allows, recognised without weighing the whole file: a prepared field is filled.

The general analysis (`signing.pdf_changes`) follows every path to every object, which takes many seconds on a book
with hyperlinks. This one asks less and allows less; whatever it does not recognise goes to the general analysis.
"""

from itertools import chain
from typing import Any, Final

from signing.pdf_impressions import count_named, find_impressions, is_filled
from signing.pdf_reading import OpenPdf, decode_object_streams, entry, is_dictionary, items, read_slice, text_of

MAX_FILE: Final = 64 << 20
"""Bytes; a longer file is left to the general analysis."""
_FILLED: Final = frozenset({"/V", "/AP"})
_GAP: Final = rb"(?:[\s\0]|%[^\r\n]*[\r\n])+"
_PLACES: Final = 2
"""A field is named by the form and by its page, and by nothing else."""


def only_fills_field(pdf: OpenPdf, old: Any, new: Any, end: int) -> bool:
    """Whether `new` does nothing but fill one empty signature field of `old`, whose bytes end at `end`.

    The field keeps every other entry; its value and its picture are new objects; the field is referred to by the
    form's /Fields and its page's /Annots only; nothing was freed, and the trailer names the same catalogue. Places
    that were prepared for impressions of this field may get pictures in the same revision.
    """
    refs = new.explicit_refs_in_revision()
    changed = [ref for ref in refs if not old.is_ref_unassignable(ref)]
    if end > MAX_FILE or new.refs_freed_in_revision() or not _same_trailer(old, new):
        return False
    fields = [ref for ref in changed if _is_empty_field(old(ref))]
    if len(fields) != 1:
        return False
    field, places = fields[0], [ref for ref in changed if ref != fields[0]]
    before, after = old(field), new(field)
    if not _differs_only_when_filled(before, after) or not _only_fills_places(old, new, before, places):
        return False
    added = {ref for ref in refs if ref not in changed and not _is_xref_stream(new(ref))}
    reached = set().union(*(_reachable(new, new(ref), added) for ref in changed))
    if not _is_new(after.raw_get("/V"), added) or added != reached:
        return False
    if _count_places(old, field.idnum, before) != _PLACES:
        return False
    named = _count_references(pdf, old, [ref.idnum for ref in changed], end)
    return all(count == _PLACES for count in named.values())


def _only_fills_places(old: Any, new: Any, field: Any, places: list[Any]) -> bool:
    """Whether these objects are all the places prepared for the field, or none, and got pictures and nothing else."""
    if not places:
        return True
    prepared = {raw.idnum for raw in find_impressions(old.root, text_of(entry(field, "/T")))}
    return prepared == {ref.idnum for ref in places} and all(is_filled(old(ref), new(ref)) for ref in places)


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


def _count_references(pdf: OpenPdf, old: Any, wanted: list[int], end: int) -> dict[int, int]:
    """How often these are named anywhere in the bytes of the older revisions, object streams included."""
    return count_named(chain([read_slice(pdf.stream, 0, end)], decode_object_streams(pdf, old.revision)), wanted, _GAP)
