"""Archive timestamps of containers (ASiCArchiveManifest, EN 319 162-1 4.4.5): what they prove of the entries below.

A timestamp over a manifest covers whatever the manifest names with the right digest: signatures, older timestamps,
older manifests. The newest is judged now, the older ones as of the time that the newer prove.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.poe import Proof, earliest, prove_chain


@dataclass(frozen=True)
class StampedEntry:
    """A timestamp in a container: its entry, what it covers, and when it says that it was made (None: unreadable)."""

    name: str
    covers: frozenset[str]
    at: datetime | None


def prove_entries(
    stamps: Sequence[StampedEntry], judge: Callable[[StampedEntry, Proof | None], Proof | None]
) -> Mapping[str, Proof]:
    """Judge all timestamps, each once, and answer for every entry under one that holds since when it exists."""
    dated = sorted(((one.at, number) for number, one in enumerate(stamps) if one.at), reverse=True)
    ordered = [*(stamps[number] for _, number in dated), *(one for one in stamps if one.at is None)]
    judged = prove_chain(ordered, covers=lambda newer, older: older.name in newer.covers, judge=judge)
    proofs = dict[str, Proof]()
    for index, stamp in enumerate(ordered):
        own = judged[index][1]
        for name in stamp.covers if own else ():
            found = earliest((own, proofs.get(name)))
            if found is not None:
                proofs[name] = found
    return proofs
