"""Answers of the seal platform (印章状态查询) as input of a verification: read from files, or asked for when told to.

Nobody is asked because a document names somebody: the address comes from whoever runs the verification.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bidding.errors import VerificationInputError
from bidding.verification_asking import MAX_STATUSES, StatusPart
from sealing.ports import SealStatusSource
from sealing.seal_status import StatusAnswer, read_status
from signing import canonical
from signing.errors import SigningError

_MAX_FILE: Final = 64 << 10
MAX_ASKED: Final = 64
"""Seals of one file that are asked about."""


def read_statuses(folder: Path) -> tuple[StatusPart, ...]:
    """Read the signed answers (`*.json`) of a folder; VerificationInputError for one that is none, or too many."""
    found = list[StatusPart]()
    for path in sorted(folder.glob("*.json")):
        if len(found) >= MAX_STATUSES:
            raise VerificationInputError(f"印章状态答复多于 {MAX_STATUSES} 份")
        try:
            data = path.read_bytes() if path.stat().st_size <= _MAX_FILE else b""
            status, signed = read_status(data)
        except (OSError, SigningError) as error:
            raise VerificationInputError(f"{path.name} 不是印章状态答复（{error}）") from error
        found.append(StatusPart(status.number, "answered", canonical.encode(signed)))
    return tuple(found)


def ask_statuses(
    source: SealStatusSource, answers: Iterable[Mapping[str, Any]], at: datetime
) -> tuple[StatusPart, ...]:
    """Ask about every seal in these answers as of its sealing time, and about seals without a time as of `at`."""
    wanted = dict.fromkeys(one for answer in answers for one in _seals(answer, at))
    return tuple(_part(number, source.fetch_status(number, when)) for number, when in list(wanted)[:MAX_STATUSES])


def _seals(answer: Mapping[str, Any], at: datetime) -> Iterator[tuple[str, datetime]]:
    for one in answer["signatures"][:MAX_ASKED]:
        number = (one.get("seal") or {}).get("number", "")
        if number and len(number) <= MAX_ASKED:
            told = one.get("signed_at")
            yield number, datetime.fromisoformat(told) if told else at


def _part(number: str, answer: StatusAnswer) -> StatusPart:
    signed = canonical.encode(answer.signed) if answer.signed else b""
    return StatusPart(number, answer.finding.value, signed)
