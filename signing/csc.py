"""Values that both sides of remote signing (CSC API v2, 远程签名) share: consent data, pending signatures, mechanisms.

A CSC service signs hashes. For SM2 the hash is e = SM3(Z || to_be_signed), so the signer's public key goes into it;
what is signed travels beside it, so that the wallet can read it before the hash is signed. docs/format/csc.md.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from signing import canonical, sm2
from signing.errors import LimitError, MalformedError
from signing.ports import MAX_STATEMENTS, Statement
from signing.sm2_encoding import SCALAR, encode_signature, parse_signature

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM3_OID: Final = "1.2.156.10197.1.401"
SM2_CURVE: Final = "1.2.156.10197.1.301"
CONSENT_FACTOR: Final = "consent"
"""The id of the authentication object that stands for a consent on the wallet."""
PIN_FACTOR: Final = "PIN"
ConsentId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,64}\Z")]
_RAW: Final = 2 * SCALAR


class ConsentData(Struct, frozen=True):
    """What `clientData` carries as JSON text: the consent, and the bytes behind each hash, in the order of hashes."""

    consent: ConsentId
    statements: Annotated[tuple[Statement, ...], Meta(min_length=1, max_length=MAX_STATEMENTS)]


class PendingSignatures(Struct, frozen=True, forbid_unknown_fields=True):
    """Signatures that were asked for and may not be there yet: a value to be kept, and completed by any process.

    `handle` is of `credentials/authorizeCheck` while the holder has not answered, `response` of
    `signatures/signPolling` afterwards; exactly one is set. Both are secrets of the asking party.
    """

    credential: Annotated[str, Meta(min_length=1, max_length=100)]
    consent: ConsentId
    hashes: Annotated[tuple[bytes, ...], Meta(min_length=1, max_length=MAX_STATEMENTS)]
    statements: Annotated[tuple[Statement, ...], Meta(min_length=1, max_length=MAX_STATEMENTS)]
    handle: Annotated[str, Meta(max_length=500)] = ""
    response: Annotated[str, Meta(max_length=500)] = ""

    def __repr__(self) -> str:
        """Hide the secrets, and what is signed."""
        return f"PendingSignatures({self.credential!r}, {self.consent!r}, {len(self.hashes)} hashes)"


def encode_pending(pending: PendingSignatures) -> bytes:
    """Answer the canonical JSON in which pending signatures are kept."""
    return canonical.encode(pending)


def parse_pending(data: bytes) -> PendingSignatures:
    """Read pending signatures; LimitError, MalformedError or NotCanonicalError for other bytes."""
    pending = canonical.decode(data, PendingSignatures)
    if bool(pending.handle) == bool(pending.response) or len(pending.hashes) != len(pending.statements):
        raise MalformedError("either a handle or a response belongs here, and one hash for each statement")
    return pending


def hash_statements(public_key: sm2.PublicKey, statements: Sequence[Statement]) -> tuple[bytes, ...]:
    """Answer e = SM3(Z || to_be_signed) of each statement for this key: the hashes of a CSC request."""
    return tuple(sm2.digest(public_key, one.to_be_signed) for one in statements)


def encode_consent_data(consent: str, statements: Sequence[Statement]) -> str:
    """Answer the text of `clientData`."""
    return canonical.encode(ConsentData(consent, tuple(statements))).decode()


def parse_consent_data(text: str) -> ConsentData:
    """Read `clientData`; unknown fields are left out. MalformedError, LimitError."""
    try:
        return canonical.decode_lenient(text.encode(), ConsentData)
    except UnicodeEncodeError as error:
        raise MalformedError("text with half a surrogate pair") from error


def read_signature_value(value: bytes) -> bytes:
    """Answer an SM2 signature value as strict DER, whether it came as DER or as raw r || s (64 bytes).

    MalformedError, LimitError or NotCanonicalError for anything else. It is not verified here.
    """
    if len(value) == _RAW:
        value = encode_signature(int.from_bytes(value[:SCALAR]), int.from_bytes(value[SCALAR:]))
    if len(value) > _RAW + 16:
        raise LimitError("longer than an SM2 signature")
    parse_signature(value)
    return value
