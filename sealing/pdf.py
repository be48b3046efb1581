"""Seals on PDF: fields prepared in advance, one increment for each seal, the signature filled in last.

`prepare_fields` adds every signature field in one revision, before the first seal. `prepare_seal` copies the file
and appends one increment: signature dictionary, vector appearance, room for the signature. The digest it answers
goes through consent and key service; `complete_seal` then checks everything that came back and fills the room.
A file under work is never the caller's original: the caller renames the finished target itself.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Sequence
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from identity.ports import StatementFacts
from sealing import ses
from sealing.errors import (
    ConsentWindowError,
    FieldError,
    PlaceholderTooSmallError,
    SealCertificateError,
    SealFormatError,
    SealStateError,
    SignatureRejectedError,
    StatementMismatchError,
)
from sealing.increment import Increment, append_fields, append_seal
from sealing.pages import find_empty_field, place_fields
from sealing.placement import SealField
from sealing.seal import IssuedSeal, SealState, read_artwork
from signing.certificates import Certificate, parse_certificate
from signing.digests import CHUNK, sm3
from signing.errors import BadSignatureError, InvalidKeyError, MalformedError
from signing.key_use import require_signing_certificate
from signing.pades_files import draft_of
from signing.path import RevocationEvidence, TrustAnchors
from signing.pdf import ByteRange, hash_ranges
from signing.sm2 import PublicKey, verify
from signing.timestamps import is_genuine, parse_token, verify_token

_TOKEN_ROOM: Final = 4096
_FIXED_ROOM: Final = 512
_SPARE: Final = 1.3
_MAX_FIELDS: Final = 50
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NO_TRUST: Final = TrustAnchors("none", "0", sandbox=False, anchors=())


class PreparedSeal(Struct, frozen=True, forbid_unknown_fields=True):
    """A seal that waits for its signature; plain values, so that another process may complete it.

    `byte_range` is the range of the file at `path`, `document_sm3` its digest (hex), `seal` the SESeal DER,
    `signer` the signer's certificate DER.
    """

    v: Literal[1]
    path: str
    field: str
    number: str
    byte_range: Annotated[tuple[int, ...], Meta(min_length=4, max_length=4)]
    document_sm3: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    seal: bytes
    signer: bytes

    @property
    def range(self) -> ByteRange:
        """Answer the byte range as four numbers."""
        start, length, second, rest = self.byte_range
        return start, length, second, rest

    @property
    def property_info(self) -> str:
        """Answer the text of propertyInfo: what the digest covers (GB/T 38540 原文属性)."""
        return f"/ByteRange [{' '.join(str(n) for n in self.byte_range)}]"


def prepare_fields(pdf: Path, fields: Sequence[SealField]) -> None:
    """Add all signature fields in one revision of their own; the file is replaced when all is done.

    Raises what `pages.inspect_pdf` raises, and FieldError for a bad or repeated name or a place outside its page.
    """
    names = [field.name for field in fields]
    if not 1 <= len(fields) <= _MAX_FIELDS or len(set(names)) != len(names) or not all(map(_NAME.fullmatch, names)):
        raise FieldError("field names must be plain, and each used once")
    places = place_fields(pdf, fields)
    draft = draft_of(pdf)
    try:
        _copy(pdf, draft)
        append_fields(draft, places)
        draft.replace(pdf)
    finally:
        draft.unlink(missing_ok=True)


def prepare_seal(
    source: Path, target: Path, *, field: str, seal: IssuedSeal, signer: Certificate, at: datetime
) -> PreparedSeal:
    """Write `source` plus one increment to `target`, with the seal's picture and room for its signature.

    `at` (aware) goes into /M. Raises SealStateError, SealCertificateError, SealFormatError, FieldError, and what
    opening a PDF raises; then `target` does not exist.
    """
    structure = ses.parse_seal(seal.esl)
    drawn = read_artwork(seal)
    _require_usable(seal, structure, signer, at)
    room = _room(seal.esl, signer.der)
    try:
        _copy(source, target)
        rotate = find_empty_field(target, field)
        byte_range = append_seal(target, Increment(field, drawn, rotate, room, seal.name, at))
        with target.open("rb") as stream:
            digest = hash_ranges(stream, byte_range, "sm3")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return PreparedSeal(1, str(target), field, seal.number, byte_range, digest.hex(), seal.esl, signer.der)


def statement_of(prepared: PreparedSeal, consent_sm3: bytes, at: datetime) -> bytes:
    """Write the TBS_Sign of a prepared seal: the bytes that the signer's key signs. `at` is kept to the second."""
    consent = ses.Extension(ses.CONSENT, consent_sm3)
    digest = bytes.fromhex(prepared.document_sm3)
    return ses.write_statement(prepared.seal, at, digest, prepared.property_info, (consent,))


def read_ses_statement(tbs: bytes) -> StatementFacts:
    """Read for a wallet what a TBS_Sign says: document digest, consent and seal number. Raises MalformedError."""
    try:
        statement = ses.parse_statement(tbs)
    except SealFormatError as error:
        raise MalformedError(str(error)) from error
    consent = statement.consent_sm3.hex() if statement.consent_sm3 else None
    return StatementFacts(statement.document_sm3.hex(), consent, statement.seal.info.number)


def complete_seal(
    prepared: PreparedSeal,
    tbs: bytes,
    signature: bytes,
    token: bytes,
    *,
    not_before: datetime,
    not_after: datetime,
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
) -> None:
    """Check statement, signature and timestamp, then fill the room in the prepared file and sync it.

    The timestamp must be over SM3(signature) and within [not_before, not_after], the consent's window. With
    `anchors` its authority must also be trusted. Raises StatementMismatchError, SignatureRejectedError,
    ConsentWindowError, PlaceholderTooSmallError; then nothing was written.
    """
    _require_statement(prepared, tbs)
    _require_signature(prepared, tbs, signature)
    _require_token(token, signature, (not_before, not_after), anchors, evidence)
    finished = ses.write_signature(tbs, prepared.signer, signature, token)
    _, start, stop, _ = prepared.range
    if len(finished) * 2 > stop - start - 2:
        raise PlaceholderTooSmallError(f"{len(finished)} bytes for room of {(stop - start - 2) // 2}")
    path = Path(prepared.path)
    with path.open("r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # whoever comes second writes the whole room anew
        if hash_ranges(stream, prepared.range, "sm3").hex() != prepared.document_sm3:
            raise StatementMismatchError("the prepared file has changed since it was prepared")
        stream.seek(start + 1)
        stream.write(finished.hex().encode("ascii").ljust(stop - start - 2, b"0"))
        stream.flush()
        os.fsync(stream.fileno())


def _require_statement(prepared: PreparedSeal, tbs: bytes) -> None:
    try:
        statement = ses.parse_statement(tbs)
    except SealFormatError as error:
        raise StatementMismatchError(f"not a statement: {error}") from error
    same = (
        statement.canonical
        and statement.seal.raw == prepared.seal
        and statement.document_sm3.hex() == prepared.document_sm3
        and statement.property_info == prepared.property_info
        and statement.consent_sm3 is not None
    )
    if not same:
        raise StatementMismatchError("the statement is not the one of this prepared seal")


def _require_signature(prepared: PreparedSeal, tbs: bytes, signature: bytes) -> None:
    public = parse_certificate(prepared.signer).public_key
    if not isinstance(public, PublicKey):
        raise SignatureRejectedError("the signer's key is not an SM2 key")
    try:
        verify(public, tbs, signature)
    except BadSignatureError as error:
        raise SignatureRejectedError("the signature is not the signer's over this statement") from error


def _require_token(
    token: bytes,
    signature: bytes,
    window: tuple[datetime, datetime],
    anchors: TrustAnchors | None,
    evidence: RevocationEvidence | None,
) -> None:
    trust = anchors or _NO_TRUST
    known = evidence or trust.evidence
    verdict = verify_token(token, imprint=sm3(signature), anchors=trust, evidence=known, strict=False)
    if not is_genuine(verdict) or (anchors is not None and verdict.unknown):
        bad = "; ".join(c.why or c.name for c in verdict.checks if c.name in {*verdict.failed, *verdict.unknown})
        raise SignatureRejectedError(f"the timestamp does not hold: {bad}")
    parsed = parse_token(token)
    if parsed.digest_algorithm != "sm3":
        raise SignatureRejectedError("the timestamp's imprint must be by SM3")
    if not window[0] <= parsed.gen_time <= window[1]:
        raise ConsentWindowError(f"stamped at {parsed.gen_time:%Y-%m-%d %H:%M:%S} UTC, outside the consent's window")


def _require_usable(seal: IssuedSeal, structure: ses.SesSeal, signer: Certificate, at: datetime) -> None:
    if seal.state is not SealState.ACTIVE:
        raise SealStateError(f"the seal is {seal.state}")
    period = structure.info.property
    if not period.not_before <= at <= period.not_after:
        raise SealStateError("the seal's period does not hold this instant")
    if structure.info.number != seal.number:
        raise SealFormatError("the seal bears another number")
    try:
        require_signing_certificate(signer)
    except InvalidKeyError as error:
        raise SealCertificateError(f"certificate {signer.serial}: {error}") from error
    if signer.der not in period.certificates:
        raise SealCertificateError(f"certificate {signer.serial} is not on the list of seal {seal.number}")


def _room(esl: bytes, certificate: bytes) -> int:
    """Hex digits to reserve: the expected signature, a third more, and room for a timestamp."""
    return 2 * ceil((len(esl) + len(certificate) + _FIXED_ROOM + _TOKEN_ROOM) * _SPARE)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing, CHUNK)
