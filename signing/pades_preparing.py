"""The first step: check the PDF, append a signature with room for its message, and say what is to be signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from signing import der
from signing.certificates import Certificate
from signing.errors import PadesError, RoomError
from signing.key_use import require_signing_certificate
from signing.pades import (
    MAX_ROOM,
    Appearance,
    FileState,
    PreparedSignature,
    PreparedTimestamp,
    SignatureRequest,
    ValidationData,
    require_digest,
)
from signing.pades_files import working_copy
from signing.pades_inspection import Place, find_place, find_timestamp_place
from signing.pades_writing import Appended, Randomness, append_signature, append_timestamp
from signing.pdf_reading import open_pdf
from signing.schemes import Scheme, scheme_for
from signing.signed_data import (
    CONTENT_TYPE,
    DATA,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    encode_attributes,
    signing_certificate_v2,
)

TIMESTAMP_ROOM: Final = 8192
"""Bytes kept free for the token of a document timestamp, with its certificates."""
_FIXED_ROOM: Final = 1024
_SPARE: Final = 1.25


def prepare_signature(
    source: Path,
    target: Path,
    request: SignatureRequest,
    *,
    certificate: Certificate,
    chain: Sequence[Certificate] = (),
    at: datetime,
    random: Randomness,
) -> PreparedSignature:
    """Write `source` plus one revision to `target`, with room for the signature; answer what is to be signed.

    `at` (aware) goes into /M: PAdES puts the claimed time there and not into the attributes (EN 319 142-1 6.3).
    `random` fills the file identifier. `chain` are issuers, nearest first. The source is only read; after an error
    `target` is as it was. Raises what opening a PDF raises (`signing.pdf_reading`), UnsignablePdfError,
    SignatureFieldError, RoomError; InvalidKeyError or UnsupportedAlgorithmError for a certificate that may not sign.
    """
    signatory = Signatory.of(certificate, chain, request.digest)
    require_other_file(source, target)
    with working_copy(source, target) as draft:
        place = inspect(draft, request.field, request.appearance)  # not the source, which others may change meanwhile
        appended = start_signature(draft, place, request, signatory, at=at, random=random)
    return describe_signature(appended, FileState.of(target.stat()), request.field, signatory)


def prepare_timestamp(
    source: Path,
    target: Path,
    *,
    digest: str,
    random: Randomness,
    data: ValidationData | None = None,
    field: str = "",
    room: int = TIMESTAMP_ROOM,
) -> PreparedTimestamp:
    """Write `source` plus a document timestamp that waits for its token to `target`; `data` goes along.

    `digest` is the imprint's: sm3, sha256, sha384 or sha512. An empty field of that name is filled (a sealed PDF takes
    no new ones); without a name a new field is made, `ArchiveTimestamp1`, 2, ….
    Raises as `prepare_signature`.
    """
    require_digest(digest)
    require_room(room)
    require_other_file(source, target)
    with working_copy(source, target) as draft:
        place = inspect_for_timestamp(draft, field)
        appended = append_timestamp(draft, place, room=room, digest=digest, data=data, random=random)
    return describe_timestamp(appended, FileState.of(target.stat()), place.field, digest)


# The same steps on a draft, for those who go on at once


@dataclass(frozen=True)
class Signatory:
    """Who signs: certificate, issuers nearest first, and how the key signs."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    scheme: Scheme

    @classmethod
    def of(cls, certificate: Certificate, chain: Sequence[Certificate], digest: str) -> "Signatory":
        """Make one; InvalidKeyError for a certificate that may not sign (e.g. 加密证书), UnsupportedAlgorithmError."""
        require_signing_certificate(certificate)
        return cls(certificate, tuple(chain), scheme_for(certificate.public_key, digest))


def inspect(source: Path, field: str, appearance: Appearance | None) -> Place:
    """See that a signature may be added, and answer where it goes."""
    with open_pdf(source) as pdf:
        return find_place(pdf, field, appearance)


def inspect_for_timestamp(source: Path, field: str = "") -> Place:
    """See that a document timestamp may be added, and answer where it goes."""
    with open_pdf(source) as pdf:
        return find_timestamp_place(pdf, field)


def start_signature(
    draft: Path, place: Place, request: SignatureRequest, signatory: Signatory, *, at: datetime, random: Randomness
) -> Appended:
    """Append the dictionary of a signature to a draft."""
    if at.tzinfo is None:
        raise PadesError("a signing time without its zone")
    room = request.room or _estimate(request, signatory)
    require_room(room)
    return append_signature(draft, place, request, room=room, digest=signatory.scheme.digest, at=at, random=random)


def describe_signature(appended: Appended, state: FileState, field: str, signatory: Signatory) -> PreparedSignature:
    """Answer the prepared state of what was appended."""
    attributes = encode_attributes(
        {
            CONTENT_TYPE: der.oid(DATA),
            MESSAGE_DIGEST: der.octet_string(appended.document_digest),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(signatory.certificate, signatory.scheme.digest),
        }
    )
    return PreparedSignature(
        v=1,
        field=field,
        byte_range=appended.byte_range,
        digest=signatory.scheme.digest,
        document_digest=appended.document_digest.hex(),
        to_be_signed=attributes,
        certificate=signatory.certificate.der,
        chain=tuple(one.der for one in signatory.chain),
        state=state,
    )


def describe_timestamp(appended: Appended, state: FileState, field: str, digest: str) -> PreparedTimestamp:
    """Answer the prepared state of what was appended."""
    return PreparedTimestamp(1, field, appended.byte_range, digest, appended.document_digest.hex(), state)


def require_other_file(source: Path, target: Path) -> None:
    """Refuse to put an unfinished file in place of its source."""
    if target.exists() and target.samefile(source):
        raise PadesError("a prepared file must not take the place of its source")


def require_room(room: int) -> None:
    """Refuse to reserve nothing, or more than MAX_ROOM."""
    if not 0 < room <= MAX_ROOM:
        raise RoomError(f"room of {room} bytes; 1 to {MAX_ROOM} can be reserved")


def _estimate(request: SignatureRequest, signatory: Signatory) -> int:
    """Answer bytes to reserve: certificates, attributes and the largest value, a quarter more, and the token's room."""
    carried = sum(map(len, {one.der for one in (signatory.certificate, *signatory.chain)}))
    return int((carried + _FIXED_ROOM) * _SPARE) + request.token_room
