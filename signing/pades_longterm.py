"""Signatures that last (PAdES B-LT, B-LTA): validation data into the file, and timestamps over the whole of it.

A document timestamp covers everything before it, the validation data of the one before included; renewing means
to add the validation data of the last timestamp and then a new one, before the old one's certificate or digest
weakens (EN 319 142-1 5.5).
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from signing.cms import parse_cms
from signing.der import read_prefix
from signing.errors import NotSignedError, SigningError
from signing.pades import SUB_FILTER, TIMESTAMP_SUB_FILTER, FileState, PreparedTimestamp, ValidationData
from signing.pades_completing import complete_timestamp
from signing.pades_dss import read_validation
from signing.pades_files import working_copy
from signing.pades_inspection import Place
from signing.pades_preparing import (
    TIMESTAMP_ROOM,
    describe_timestamp,
    inspect_for_timestamp,
    prepare_timestamp,
)
from signing.pades_writing import Known, Randomness, append_timestamp, append_validation
from signing.path import RevocationEvidence, TrustAnchors
from signing.pdf import FilledSignature, find_signatures
from signing.pdf_reading import OpenPdf, entry, open_pdf, resolve, walk_fields
from signing.ports import TimestampAuthority

_MAX_MESSAGE = 4 << 20


class Level(StrEnum):
    """How lasting a signature is made (EN 319 142-1 6.3)."""

    B = "B-B"
    T = "B-T"
    LT = "B-LT"
    LTA = "B-LTA"


@dataclass(frozen=True)
class LastingSignature:
    """One signature and the level its file gives it; whether anything of it holds is for judges to say."""

    field: str
    level: Level


def augment(source: Path, target: Path, data: ValidationData, *, random: Randomness) -> None:
    """Write `source` plus validation data for its signatures to `target` (B-LT); the signatures stay as they are.

    Raises NotSignedError when there is no signature or no data, and what opening a PDF raises.
    """
    _require_data(data)
    with working_copy(source, target) as draft:
        with open_pdf(draft) as pdf:
            _require_signed(pdf)
        append_validation(draft, data, random)


def prepare_renewal(
    source: Path,
    target: Path,
    data: ValidationData,
    *,
    digest: str,
    random: Randomness,
    field: str = "",
    room: int = TIMESTAMP_ROOM,
) -> PreparedTimestamp:
    """Write `source` plus the last timestamp's validation data and an empty new timestamp to `target`.

    The token over `imprint` goes to `pades_completing.complete_timestamp`. Raises NotSignedError unless the newest
    signature is a document timestamp, and as `pades_preparing.prepare_timestamp`.
    """
    _require_renewable(source, data)
    return prepare_timestamp(source, target, digest=digest, random=random, data=data, field=field, room=room)


def add_archive_timestamp(
    source: Path,
    target: Path,
    data: ValidationData | None,
    authority: TimestampAuthority,
    *,
    random: Randomness,
    digest: str = "sm3",
    field: str = "",
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
) -> None:
    """Write `source` plus validation data (if given) and a document timestamp of `authority` to `target` (B-LTA).

    `digest` is what the authority stamps. Raises NotSignedError, TimestampError, UnavailableError; then `target` is
    as it was.
    """
    with working_copy(source, target) as draft:
        with open_pdf(draft) as pdf:
            _require_signed(pdf)
        place = inspect_for_timestamp(draft, field)
        stamp_draft(draft, place, data, authority, random=random, digest=digest, anchors=anchors, evidence=evidence)


def renew_archive_timestamp(
    source: Path,
    target: Path,
    data: ValidationData,
    authority: TimestampAuthority,
    *,
    random: Randomness,
    digest: str = "sm3",
    field: str = "",
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
) -> None:
    """Renew the archive timestamp (存档时间戳续期): `data` validates the last one, a new one covers both.

    Raises NotSignedError unless the newest signature is a document timestamp, and as `add_archive_timestamp`.
    """
    _require_renewable(source, data)
    add_archive_timestamp(
        source, target, data, authority, random=random, digest=digest, field=field, anchors=anchors, evidence=evidence
    )


def stamp_draft(
    draft: Path,
    place: Place,
    data: ValidationData | None,
    authority: TimestampAuthority,
    *,
    random: Randomness,
    digest: str,
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
    known: Known | None = None,
) -> None:
    """Append a document timestamp to a draft and have it stamped at once."""
    appended = append_timestamp(draft, place, room=TIMESTAMP_ROOM, digest=digest, data=data, random=random, known=known)
    prepared = describe_timestamp(appended, FileState.of(draft.stat()), place.field, digest)
    complete_timestamp(draft, prepared, authority.stamp(prepared.imprint), anchors=anchors, evidence=evidence)


def read_levels(path: Path) -> tuple[LastingSignature, ...]:
    """Answer, for every PAdES signature in order, the level that the file's structure gives it; nothing is judged.

    B-T needs a signature timestamp; B-LT certificates and revocation data in the store besides; B-LTA a document
    timestamp over them. Raises what opening a PDF raises.
    """
    with open_pdf(path) as pdf:
        found, data = find_signatures(pdf), read_validation(pdf)
    kept = bool(data.certificates and (data.crls or data.ocsps))
    last = max((one.end for one in found if one.sub_filter == TIMESTAMP_SUB_FILTER), default=0)
    return tuple(
        LastingSignature(one.name, _level(one, kept=kept, archived=last > one.end))
        for one in found
        if one.sub_filter == SUB_FILTER
    )


def _level(signature: FilledSignature, *, kept: bool, archived: bool) -> Level:
    try:
        stamped = parse_cms(read_prefix(signature.contents, limit=_MAX_MESSAGE).raw).token is not None
    except SigningError:
        return Level.B
    if kept and (stamped or archived):
        return Level.LTA if archived else Level.LT
    return Level.T if stamped else Level.B


def _require_data(data: ValidationData) -> None:
    if data.is_empty:
        raise NotSignedError("there is no validation data to add")


def _require_signed(pdf: OpenPdf) -> None:
    if next(walk_fields(pdf), None) is None:
        raise NotSignedError("there is no signature in the PDF")


def _require_renewable(source: Path, data: ValidationData) -> None:
    _require_data(data)
    with open_pdf(source) as pdf:
        ends = [(_end(value), value) for _, _, raw in walk_fields(pdf) if (value := resolve(raw)) is not None]
        newest = max(ends, key=lambda pair: pair[0], default=(0, None))[1]
        if str(entry(newest, "/SubFilter")) != TIMESTAMP_SUB_FILTER:
            raise NotSignedError("the newest signature is no document timestamp: there is nothing to renew")


def _end(value: object) -> int:
    """Answer where the bytes that a signature covers end; 0 when it says nothing usable."""
    numbers = entry(value, "/ByteRange")
    whole = isinstance(numbers, list) and len(numbers) == 4  # noqa: PLR2004
    return int(numbers[2]) + int(numbers[3]) if whole else 0
