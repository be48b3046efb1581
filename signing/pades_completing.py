"""The second step: check what the holder and the timestamp authority answered, and fill the room in the file.

Everything is checked before the first byte is written; after an error the file is as it was.
"""

import fcntl
import os
import re
from pathlib import Path
from typing import BinaryIO, Final

from signing.algorithms import verify_signature
from signing.certificates import Certificate, parse_certificate
from signing.cms import parse_cms
from signing.errors import MalformedError, PreparedFileError, RoomError, TimestampError
from signing.pades import FileState, PreparedSignature, PreparedTimestamp, imprint_of
from signing.path import RevocationEvidence, TrustAnchors
from signing.pdf import ByteRange, hash_ranges
from signing.pdf_reading import read_slice
from signing.schemes import scheme_for
from signing.signed_data import (
    DATA,
    TIMESTAMP_TOKEN,
    encode_signed_data,
    matches_content_type,
    matches_digest,
    names_certificate,
)
from signing.timestamps import parse_token, verify_token

_ZERO: Final = ord("0")
_AROUND: Final = 4096
"""Bytes before and after the gap within which the signature dictionary names it."""
_NO_TRUST: Final = TrustAnchors("none", "0", sandbox=False, anchors=())


def complete_signature(
    target: Path,
    prepared: PreparedSignature,
    signature: bytes,
    token: bytes | None = None,
    *,
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
) -> None:
    """Check the value, put the CMS message together, and write it into the prepared file in place, synced.

    `signature` is the value over `prepared.to_be_signed` (DER for SM2 and ECDSA). `token` is an RFC 3161 token over
    the digest of its octets (`pades.imprint_of`); with `anchors` its authority must also be trusted. A file that is
    as it was left is not hashed again; any other is, and must have the same bytes. Raises BadSignatureError,
    TimestampError, RoomError, PreparedFileError, MalformedError for a prepared state that does not hold together.
    Doing it twice with the same values is harmless.
    """
    message = build_message(prepared, signature, token)
    if token is not None:
        require_token(token, signature, anchors, evidence)
    fill(target, prepared, message)


def complete_timestamp(
    target: Path,
    prepared: PreparedTimestamp,
    token: bytes,
    *,
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
) -> None:
    """Check the token of a document timestamp and write it into the prepared file in place, synced.

    Raises TimestampError, RoomError, PreparedFileError.
    """
    if parse_token(token).digest_algorithm != prepared.digest:
        raise TimestampError(f"the token's imprint is not by {prepared.digest}")
    _require_good_token(token, prepared.imprint, anchors, evidence)
    fill(target, prepared, token)


def build_message(prepared: PreparedSignature, signature: bytes, token: bytes | None = None) -> bytes:
    """Answer the DER CMS message of a prepared signature. Raises BadSignatureError, MalformedError.

    It is read back as a verifier would: attributes that are not about this document or certificate never get out.
    """
    certificate = parse_certificate(prepared.certificate)
    chain = tuple(parse_certificate(one) for one in prepared.chain)
    scheme = scheme_for(certificate.public_key, prepared.digest)
    verify_signature(certificate.public_key, scheme.algorithm, prepared.to_be_signed, signature, digest=scheme.digest)
    unsigned = {TIMESTAMP_TOKEN: token} if token else None
    message = encode_signed_data(
        prepared.to_be_signed, certificate, signature, chain=chain, unsigned=unsigned, scheme=scheme
    )
    _require_sound(message, certificate, bytes.fromhex(prepared.document_digest))
    return message


def require_token(
    token: bytes, signature: bytes, anchors: TrustAnchors | None = None, evidence: RevocationEvidence | None = None
) -> None:
    """Raise TimestampError unless the token is over this signature value."""
    _require_good_token(token, imprint_of(signature, parse_token(token).digest_algorithm), anchors, evidence)


def fill(target: Path, prepared: PreparedSignature | PreparedTimestamp, message: bytes) -> None:
    """Write a message into the room of a prepared file, in hex. Raises RoomError or PreparedFileError."""
    digits = message.hex().encode("ascii")
    _, start, stop, _ = prepared.range
    if len(digits) > stop - start - 2:
        raise RoomError(f"{len(message)} bytes for room of {(stop - start - 2) // 2}")
    with target.open("r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # two values at the same time would make one that is neither
        _require_same_file(stream, prepared)
        _require_own_gap(stream, prepared.range)
        _require_empty(stream, prepared.range, digits)
        stream.seek(start + 1)
        stream.write(digits)
        stream.flush()
        os.fsync(stream.fileno())


def _require_same_file(stream: BinaryIO, prepared: PreparedSignature | PreparedTimestamp) -> None:
    now, then, byte_range = FileState.of(os.fstat(stream.fileno())), prepared.state, prepared.range
    if now.size != then.size or byte_range[2] + byte_range[3] != then.size:
        raise PreparedFileError(f"the file has {now.size} bytes, the prepared one had {then.size}")
    if now != then and hash_ranges(stream, byte_range, prepared.digest).hex() != prepared.document_digest:
        raise PreparedFileError("the file has other contents than the prepared one")


def _require_empty(stream: BinaryIO, byte_range: ByteRange, digits: bytes) -> None:
    """See that the gap is room still unused, or was filled in part with just this message, in whatever order."""
    gap = read_slice(stream, byte_range[1], byte_range[2])
    whole = b"<" + digits.ljust(len(gap) - 2, b"0") + b">"
    if gap != whole and any(there not in (right, _ZERO) for there, right in zip(gap, whole, strict=True)):
        raise PreparedFileError("the room in the file is not empty")


def _require_own_gap(stream: BinaryIO, byte_range: ByteRange) -> None:
    """See that the file itself names this gap: a state that was tampered with must not spoil another's room."""
    _, start, stop, rest = byte_range
    around = read_slice(stream, max(0, start - _AROUND), start) + b" " + read_slice(stream, stop, stop + _AROUND)
    text = rb"/ByteRange\s*\[\s*0\s+%d\s+%d\s+%d\s*\]" % (start, stop, rest)
    edges = read_slice(stream, start, start + 1) + read_slice(stream, stop - 1, stop)
    if edges != b"<>" or re.search(text, around) is None:
        raise PreparedFileError("the prepared state names another place than the file")


def _require_sound(message: bytes, certificate: Certificate, digest: bytes) -> None:
    parsed = parse_cms(message)
    sound = (
        parsed.certificate is not None
        and parsed.certificate.der == certificate.der
        and matches_content_type(parsed.signer, DATA)
        and matches_digest(parsed.signer, digest)
        and names_certificate(parsed.signer, certificate) is True
    )
    if not sound:
        raise MalformedError("the prepared attributes are not about this document and certificate")


def _require_good_token(
    token: bytes, imprint: bytes, anchors: TrustAnchors | None, evidence: RevocationEvidence | None
) -> None:
    trust = anchors or _NO_TRUST
    verdict = verify_token(token, imprint=imprint, anchors=trust, evidence=evidence or trust.evidence)
    if verdict.failed or (anchors is not None and verdict.unknown):
        bad = "; ".join(c.why or c.name for c in verdict.checks if c.name in {*verdict.failed, *verdict.unknown})
        raise TimestampError(f"the timestamp does not hold: {bad}")
