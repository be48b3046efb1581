"""Names inside containers of others: the same file on every system, and never a way out of a folder."""

import unicodedata
from collections.abc import Sequence

from signing.errors import LimitError, MalformedError


def require_name(name: str, depth: int) -> None:
    """Refuse a name that is absolute, climbs, hides characters or means another place on some system.

    A folder ends in a slash. Raises LimitError over `depth` parts, MalformedError.
    """
    parts = name.removesuffix("/").split("/")
    if len(parts) > depth:
        raise LimitError(f"a name of {len(parts)} parts")
    if any(_is_bad(part) for part in parts):
        raise MalformedError(f"the name {name!r} is not allowed")


def require_distinct(names: Sequence[str]) -> None:
    """Refuse names that some system takes for the same (case, Unicode form), and a file that is a folder of another."""
    folded = [_fold(name) for name in names]
    if len(set(folded)) != len(names):
        raise MalformedError("two entries have the same name")
    files = {fold for fold, name in zip(folded, names, strict=True) if not name.endswith("/")}
    for fold in folded:
        parts = fold.split("/")
        if any("/".join(parts[:length]) in files for length in range(1, len(parts))):
            raise MalformedError("an entry is a file and a folder")


def _is_bad(part: str) -> bool:
    outside = part in ("", ".", "..") or part[-1] in ". "
    return outside or any(char in '\\:*?"<>|' or unicodedata.category(char)[0] == "C" for char in part)


def _fold(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name.removesuffix("/")).casefold()
    return unicodedata.normalize("NFKC", folded)
