"""When two objects of a PDF are written alike, and up to which size a rehearsal weighs a whole file."""

from typing import Any, Final

from signing.pdf_reading import is_dictionary

MAX_FILE: Final = 64 << 20
"""Bytes; of a longer file a rehearsal of a seal looks at the changed objects only (`sealing.pdf_rehearsal`)."""


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
