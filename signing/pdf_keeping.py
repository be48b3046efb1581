"""What a revision after a seal must keep, beyond what the general analysis of a library asks.

The library's rules let a later revision drop fields from the form, ask viewers to redraw all fields, or bring objects
that nothing leads to. After a seal none of that is allowed.
"""

from typing import Any, Final

from signing.pdf_filling import same_objects
from signing.pdf_reading import entry, is_dictionary

_DEPTH: Final = 8
_MAX_OBJECTS: Final = 20_000


def keeps_form(old: Any, new: Any) -> bool:
    """Whether the form is as it was: the same fields in the same order, the same defaults; flags apart."""
    was, now = _form(old), _form(new)
    if not (is_dictionary(was) and is_dictionary(now)):
        return False
    keys = (set(was) | set(now)) - {"/SigFlags"}
    if not all(key in was and key in now and same_objects(entry(was, key), entry(now, key)) for key in keys):
        return False
    defaults = [now.raw_get(key) for key in keys - {"/Fields"}]
    return not (_touched(new) & _behind(defaults))


def adds_validation_data(new: Any) -> bool:
    """Whether the revision brings validation data (DSS, ISO 32000-2 12.8.4.3)."""
    root = new.root
    store = [root.raw_get("/DSS")] if is_dictionary(root) and "/DSS" in root else []
    return bool(_touched(new) & _behind(store))


def _form(resolver: Any) -> Any:
    return entry(resolver.root, "/AcroForm")


def _touched(resolver: Any) -> set[int]:
    return {ref.idnum for ref in resolver.explicit_refs_in_revision()}


def _behind(start: list[Any]) -> set[int]:
    """Numbers of the objects to which these lead, some levels deep."""
    numbers, waiting = set[int](), [(raw, 0) for raw in start]
    while waiting and len(numbers) < _MAX_OBJECTS:
        raw, depth = waiting.pop()
        number = getattr(raw, "idnum", None)
        if depth > _DEPTH or number in numbers:
            continue
        if number is not None:
            numbers.add(number)
        node = raw.get_object() if hasattr(raw, "get_object") else raw
        if is_dictionary(node):
            waiting += [(node.raw_get(key), depth + 1) for key in node]
        elif isinstance(node, list):
            waiting += [(item, depth + 1) for item in list(node)]
    return numbers
