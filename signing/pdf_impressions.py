"""Places prepared for impressions of a later signature (预留的印模位置), and what filling them may change.

A signature field shows in one place only (ISO 32000-2 12.7.5.5). What else of a seal is to show, on other pages or
as slices of a 骑缝章, gets places of its own before the first signature: widgets of one read-only push button named
after the signature field. Filling the signature field gives them their pictures, in the same revision.
"""

from typing import Any, Final

from signing.pdf_filling import same_objects
from signing.pdf_reading import entry, is_dictionary, items, resolve, text_of

SUFFIX: Final = "-impressions"
"""What follows the name of the signature field in the name of its impressions."""
SHARE: Final = "/YZShare"
"""Three numbers of a place: from, to, and 1 when along the height; the part of the picture that it shows."""
PUSH_BUTTON: Final = 1 << 16 | 1
"""Field flags: push button, read-only."""
_FEW: Final = 8
"""Objects that are searched for one by one; each search is some ten times faster than a pass over all references."""


def find_impressions(root: Any, field: str) -> tuple[Any, ...]:
    """Answer the raw references to the places prepared for a signature field, in order."""
    for raw in items(entry(entry(root, "/AcroForm"), "/Fields")):
        node = resolve(raw)
        if is_dictionary(node) and text_of(entry(node, "/T")) == field + SUFFIX and is_impressions(node):
            return tuple(kid for kid in items(entry(node, "/Kids")) if hasattr(kid, "idnum"))
    return ()


def is_impressions(node: Any) -> bool:
    """Whether a field is the parent of prepared places."""
    return str(entry(node, "/FT")) == "/Btn" and int(entry(node, "/Ff") or 0) == PUSH_BUTTON and "/V" not in node


def is_filled(before: Any, after: Any) -> bool:
    """Whether a place only got a picture: it had none, all its other entries are as they were."""
    if not (is_dictionary(before) and is_dictionary(after)) or "/AP" in before or set(after) - set(before) != {"/AP"}:
        return False
    if any(key in before for key in ("/V", "/AS", "/A", "/AA", "/FT", "/MK", "/Kids")):
        return False
    return set(before) <= set(after) and all(same_objects(before.raw_get(k), after.raw_get(k)) for k in before)
