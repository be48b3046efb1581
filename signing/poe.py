"""Proofs of existence (POE, 存在证明, EN 319 102-1 5.6.2.3): what is known to have existed at a time, and by what.

A timestamp that holds proves whatever it covers: a signature, an older timestamp, the revocation data beside it. The
newest of a chain is judged now, every older one as of the time that the newer ones prove for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

_Stamp = TypeVar("_Stamp")


class ProofKind(StrEnum):
    """By what a time is proven."""

    SIGNATURE_TIMESTAMP = "signature-timestamp"
    DOCUMENT_TIMESTAMP = "document-timestamp"
    ARCHIVE_TIMESTAMP = "archive-timestamp"


@dataclass(frozen=True)
class Proof:
    """Something existed at `at`, as a timestamp of the authority `by` says; `id` names it within the file."""

    at: datetime
    kind: ProofKind
    by: str = ""
    id: str = ""


def earliest(proofs: Iterable[Proof | None]) -> Proof | None:
    """Answer the proof that reaches back farthest, None when there is none."""
    return min((one for one in proofs if one is not None), key=lambda one: one.at, default=None)


def prove_chain(
    stamps: Sequence[_Stamp],
    *,
    covers: Callable[[_Stamp, _Stamp], bool],
    judge: Callable[[_Stamp, Proof | None], Proof | None],
) -> Mapping[int, tuple[Proof | None, Proof | None]]:
    """Judge timestamps, newest first: by index, what is proven of each, and what it proves itself (None: nothing).

    `covers(newer, older)` says whether one is under the other; `judge(stamp, proof)` answers what a stamp proves that
    is known to have existed since `proof` (None: only now).
    """
    judged = dict[int, tuple[Proof | None, Proof | None]]()
    for index, stamp in enumerate(stamps):
        proof = earliest(own for newer, (_, own) in judged.items() if own and covers(stamps[newer], stamp))
        judged[index] = proof, judge(stamp, proof)
    return judged
