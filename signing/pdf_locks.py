"""What a signature forbids to later ones: the level of its certification (DocMDP), and the fields it locks (FieldMDP).

Both stand in the signature's /Reference, and may stand in the /Lock of its field (ISO 32000-2 12.8.2.2, 12.8.2.4,
table 236). Both are read as of the revision that was signed, and the stricter one holds.
"""

from dataclasses import dataclass
from typing import Any, Final

from signing.pdf import FilledSignature
from signing.pdf_reading import OpenPdf, entry, is_dictionary, items, resolve, text_of, walk_form

_LEVELS: Final = frozenset({1, 2, 3})


@dataclass(frozen=True)
class Lock:
    """Fields that may not change: `action` is /All, /Include or /Exclude; a name stands for those below it too."""

    action: str
    names: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Whether a field, by its qualified name, is locked. What cannot be understood locks everything."""
        named = any(name == one or name.startswith(f"{one}.") for one in self.names)
        return {"/All": True, "/Include": named, "/Exclude": not named}.get(self.action, True)


@dataclass(frozen=True)
class Locks:
    """All that one signature forbids. `level` is 1 (no changes), 2 (filling), 3 (comments too), None (no word)."""

    level: int | None
    fields: tuple[Lock, ...]

    def holds(self, name: str) -> bool:
        """Whether a field, by its qualified name, is locked."""
        return any(lock.holds(name) for lock in self.fields)


def find_locks(pdf: OpenPdf, signature: FilledSignature) -> Locks:
    """Read what a signature forbids."""
    root = pdf.reader.get_historical_resolver(signature.revision).root
    levels, locks = [_known(signature.doc_mdp)], list[Lock]()
    for name, node, raw in walk_form(root):
        if name != signature.name:
            continue
        own = entry(node, "/Lock")
        if is_dictionary(own):
            locks.append(_read_lock(own))
            levels.append(_level(own))
        for item in items(entry(resolve(raw), "/Reference")):
            reference = resolve(item)
            parameters = entry(reference, "/TransformParams")
            if str(entry(reference, "/TransformMethod")) == "/FieldMDP":
                locks.append(_read_lock(parameters))
    known = [level for level in levels if level is not None]
    return Locks(min(known) if known else None, tuple(locks))


def _known(level: int | None) -> int | None:
    """Take a level that is none of the three for the strictest."""
    return level if level is None or level in _LEVELS else 1


def _level(node: Any) -> int | None:
    value = entry(node, "/P")
    if value is None:
        return None
    return int(value) if type(value).__name__ == "NumberObject" and int(value) in _LEVELS else 1


def _read_lock(node: Any) -> Lock:
    names = tuple(text_of(resolve(item)) for item in items(entry(node, "/Fields")))
    return Lock(str(entry(node, "/Action") or ""), names)
