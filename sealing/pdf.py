"""Seals on PDF: fields prepared in advance, one increment and one signature for each act, filled in last.

`prepare_fields` adds every signature field, and the places of all further impressions, in one revision before the
first seal. `prepare_seal` copies the file and appends one increment: signature dictionary, pictures, room for the
signature. The digest it answers goes through consent and key service; `complete_seal` then checks everything that came
back and fills the room. A file under work is never the caller's original; it appears whole or not at all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from identity.ports import StatementFacts
from sealing import ses
from sealing.errors import (
    FieldError,
    PlaceholderTooSmallError,
    SealCertificateError,
    SealExpiredError,
    SealFormatError,
    SealHolderError,
    SealNotYetValidError,
    SealStateError,
    SealSuspendedError,
    SignatureRejectedError,
    StatementMismatchError,
)
from sealing.increment import Increment, append_fields, append_seal
from sealing.pages import place_fields
from sealing.pdf_places import Ground, find_spots, require_unsealed, survey
from sealing.pdf_profiles import KINDS, Profile, message_to_sign, room_for, write_message
from sealing.placement import SealField, Stamp
from sealing.seal import IssuedSeal, SealState, read_artwork
from sealing.ses_completing import require_signature, require_statement, require_token
from signing.certificates import Certificate, parse_certificate
from signing.errors import (
    InvalidKeyError,
    MalformedError,
    PreparedFileError,
    RoomError,
    SigningError,
)
from signing.key_use import require_signing_certificate
from signing.pades import FileState, PreparedTimestamp
from signing.pades_completing import fill
from signing.pades_files import working_copy
from signing.pades_writing import Known
from signing.path import RevocationEvidence, TrustAnchors
from signing.pdf import ByteRange
from signing.pdf_impressions import SUFFIX
from signing.pdf_reading import open_pdf

_MAX_FIELDS: Final = 50
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class PreparedSeal(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A seal that waits for its signature; plain values, so that another process may complete it.

    `byte_range` is the range of the file at `path`, `document_sm3` its digest (hex), `seal` the SESeal DER,
    `signer` the signer's certificate DER. A file that still looks as `state` says is not hashed again.
    """

    v: Literal[1]
    path: str
    field: str
    number: str
    byte_range: Annotated[tuple[int, ...], Meta(min_length=4, max_length=4)]
    document_sm3: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    seal: bytes
    signer: bytes
    profile: Profile = Profile.SES
    state: FileState | None = None

    @property
    def range(self) -> ByteRange:
        """Answer the byte range as four numbers."""
        start, length, second, rest = self.byte_range
        return start, length, second, rest

    @property
    def property_info(self) -> str:
        """Answer the text of propertyInfo: what the digest covers (GB/T 38540 原文属性)."""
        return f"/ByteRange [{' '.join(str(n) for n in self.byte_range)}]"


def prepare_fields(pdf: Path, fields: Sequence[SealField], stamps: Mapping[str, Sequence[Stamp]] | None = None) -> None:
    """Add all signature fields in one revision of their own; the file is replaced when all is done.

    `stamps` are the further impressions of each field, by its name: places that show nothing until that field is
    filled, so that acts in any order leave earlier seals whole. Raises what `pages.inspect_pdf` raises, FieldError for
    a bad or repeated name or a place outside its page, and StampsNotPreparedError after the first seal.
    """
    _prepare(pdf, fields, dict(stamps or {}), {})


def prepare_acts(pdf: Path, acts: Mapping[str, Sequence[Stamp]]) -> None:
    """Prepare acts by their impressions, in one revision: each gets a field of its name where its first one stands.

    Raises as `prepare_fields`; FieldError for an act without an impression.
    """
    if not all(acts.values()):
        raise FieldError("an act without an impression")
    first = {name: stamps[0] for name, stamps in acts.items()}
    fields = [SealField(name, s.page, s.x_mm, s.y_mm, s.w_mm, s.h_mm) for name, s in first.items()]
    _prepare(pdf, fields, {name: stamps[1:] for name, stamps in acts.items()}, first)


def _prepare(
    pdf: Path, fields: Sequence[SealField], further: Mapping[str, Sequence[Stamp]], first: Mapping[str, Stamp]
) -> None:
    names = [field.name for field in fields]
    plain = all(_NAME.fullmatch(name) and not name.endswith(SUFFIX) for name in names)
    if not 1 <= len(fields) <= _MAX_FIELDS or len(set(names)) != len(names) or not plain or set(further) - set(names):
        raise FieldError("field names must be plain, and each used once")
    places = place_fields(pdf, fields)
    with open_pdf(pdf) as opened:
        require_unsealed(opened)
        impressions = {name: find_spots(opened, listed) for name, listed in further.items()}
        own = {name: find_spots(opened, [stamp])[0] for name, stamp in first.items()}
    with working_copy(pdf, pdf) as draft:
        append_fields(draft, places, impressions, own)


@dataclass(frozen=True)
class Act:
    """One seal to put on a PDF: into which field, whose, when (aware), in what form, and its further impressions."""

    field: str
    seal: IssuedSeal
    signer: Certificate
    at: datetime
    profile: Profile = Profile.SES
    stamps: Sequence[Stamp] = ()

    def require_usable(self) -> None:
        """Raise SealStateError, SealCertificateError or SealFormatError for a seal that this signer may not use now."""
        read_artwork(self.seal)
        _require_usable(self.seal, ses.parse_seal(self.seal.esl), self.signer, self.at)


def prepare_seal(
    source: Path,
    target: Path,
    *,
    field: str,
    seal: IssuedSeal,
    signer: Certificate,
    at: datetime,
    stamps: Sequence[Stamp] = (),
    profile: Profile = Profile.SES,
) -> PreparedSeal:
    """Write `source` plus one increment to `target`, with the seal's pictures and room for its signature.

    `stamps` are its further impressions; where places were prepared for the field, all of them are filled. `at`
    (aware) goes into /M. Raises SealStateError, SealCertificateError, SealFormatError, FieldError, ClosedPdfError,
    StampsNotPreparedError, and what opening a PDF raises; then `target` is as it was.
    """
    act = Act(field, seal, signer, at, profile, stamps)
    act.require_usable()
    with working_copy(source, target) as draft:
        prepared, _ = append_act(draft, act)
    return place_prepared(prepared, target)


def append_act(
    draft: Path, act: Act, known: Known | None = None, ground: Ground | None = None
) -> tuple[PreparedSeal, Known]:
    """Append an act to a file under work, in place; answer also from where hashing may go on.

    `ground` is what a survey of just this file for this act has answered.
    """
    ground = ground or survey(draft, act.field, act.stamps)
    increment = Increment(
        field=ground.field,
        drawn=read_artwork(act.seal),
        own=ground.own,
        room=room_for(act.profile, act.seal.esl, act.signer.der),
        kind=KINDS[act.profile],
        name=act.seal.name,
        at=act.at,
        spots=ground.spots,
    )
    done = append_seal(draft, increment, digest="sm3", known=known)
    value, number = done.document_digest.hex(), act.seal.number
    prepared = PreparedSeal(
        1, str(draft), act.field, number, done.byte_range, value, act.seal.esl, act.signer.der, act.profile
    )
    return place_prepared(prepared, draft), done.known


def place_prepared(prepared: PreparedSeal, path: Path) -> PreparedSeal:
    """Answer the same seal, for the file that now lies at `path`."""
    return replace(prepared, path=str(path), state=FileState.of(path.stat()))


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


def to_be_signed(prepared: PreparedSeal, tbs: bytes = b"", consent_sm3: bytes = b"") -> bytes:
    """Answer what the signer's key signs: the TBS_Sign, or what the CMS message of the profile asks for.

    For `pades-ses` both are signed: first or last the TBS_Sign, and this, which names it by its SM3. `consent_sm3`
    goes into the message of `pades`.
    """
    if prepared.profile is Profile.SES:
        return tbs
    certificate = parse_certificate(prepared.signer)
    return message_to_sign(prepared.profile, bytes.fromhex(prepared.document_sm3), certificate, tbs, consent_sm3)


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
    seal_signature: bytes = b"",
    consent_sm3: bytes = b"",
) -> None:
    """Check statement, signature and timestamp, then fill the room in the prepared file and sync it.

    `signature` is over `to_be_signed`; `tbs` is empty for profiles without a seal inside, and for `pades-ses`
    `seal_signature` is the one over it; `consent_sm3` as in `to_be_signed`. The timestamp must be over SM3(signature)
    and within [not_before, not_after], the consent's window. With `anchors` its authority must also be trusted.
    StatementMismatchError, SignatureRejectedError, ConsentWindowError, PlaceholderTooSmallError: nothing was written.
    """
    parts = {"seal_signature": seal_signature, "consent_sm3": consent_sm3}
    finished = finish_message(prepared, tbs, signature, token, **parts)
    require_token(token, signature, (not_before, not_after), anchors, evidence)
    fill_room(prepared, finished)


def finish_message(
    prepared: PreparedSeal,
    tbs: bytes,
    signature: bytes,
    token: bytes | None,
    *,
    seal_signature: bytes = b"",
    consent_sm3: bytes = b"",
) -> bytes:
    """Answer what goes into /Contents. Raises StatementMismatchError, SignatureRejectedError."""
    profile = prepared.profile
    if profile.has_seal:
        about = {"document_sm3": prepared.document_sm3, "property_info": prepared.property_info}
        require_statement(tbs, seal=prepared.seal, **about)
        require_signature(prepared.signer, tbs, signature if profile is Profile.SES else seal_signature)
    if profile is Profile.SES:
        return ses.write_signature(tbs, prepared.signer, signature, token)
    inner = ses.write_signature(tbs, prepared.signer, seal_signature, None) if profile.has_seal else b""
    certificate, to_sign = parse_certificate(prepared.signer), to_be_signed(prepared, tbs, consent_sm3)
    try:
        return write_message(profile, to_sign, certificate, signature, token=token, inner=inner)
    except SigningError as error:
        raise SignatureRejectedError(f"the signature is not the signer's over this document: {error}") from error


def fill_room(prepared: PreparedSeal, finished: bytes) -> None:
    """Write a message into the room of the prepared file. Raises PlaceholderTooSmallError, StatementMismatchError."""
    end = prepared.byte_range[2] + prepared.byte_range[3]
    state = prepared.state or FileState(end, 0, 0)
    waiting = PreparedTimestamp(1, prepared.field, prepared.byte_range, "sm3", prepared.document_sm3, state)
    try:
        fill(Path(prepared.path), waiting, finished)
    except RoomError as error:
        raise PlaceholderTooSmallError(str(error)) from error
    except PreparedFileError as error:
        raise StatementMismatchError(f"the prepared file has changed since it was prepared: {error}") from error


def _require_usable(seal: IssuedSeal, structure: ses.SesSeal, signer: Certificate, at: datetime) -> None:
    if seal.state is SealState.SUSPENDED:
        raise SealSuspendedError("the seal is suspended")
    if seal.state is not SealState.ACTIVE:
        raise SealStateError(f"the seal is {seal.state}")
    period = structure.info.property
    if at < period.not_before:
        raise SealNotYetValidError(f"the seal is valid from {period.not_before:%Y-%m-%d %H:%M:%S} UTC")
    if at > period.not_after:
        raise SealExpiredError(f"the seal was valid until {period.not_after:%Y-%m-%d %H:%M:%S} UTC")
    if structure.info.number != seal.number:
        raise SealFormatError("the seal bears another number")
    try:
        require_signing_certificate(signer)
    except InvalidKeyError as error:
        raise SealCertificateError(f"certificate {signer.serial}: {error}") from error
    if signer.der not in period.certificates:
        why = f"certificate {signer.serial} is not on the list of seal {seal.number}"
        raise SealHolderError(why) if _is_strangers(period.certificates, signer) else SealCertificateError(why)


def _is_strangers(listed: Sequence[bytes], signer: Certificate) -> bool:
    """Whether none of the listed certificates is of the signer's unit (统一社会信用代码)."""
    try:
        owners = {code for one in listed for code in parse_certificate(one).uscc_candidates}
    except SigningError:
        return False
    return not owners & set(signer.uscc_candidates)
