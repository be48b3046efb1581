"""What must hold before an SES_Signature is put together: statement, signature and timestamp that came back."""

from datetime import datetime
from typing import Final

from sealing import ses
from sealing.errors import ConsentWindowError, SealFormatError, SignatureRejectedError, StatementMismatchError
from signing.certificates import parse_certificate
from signing.digests import sm3
from signing.errors import BadSignatureError
from signing.path import RevocationEvidence, TrustAnchors
from signing.sm2 import PublicKey, verify
from signing.timestamps import is_genuine, parse_token, verify_token

NO_TRUST: Final = TrustAnchors("none", "0", sandbox=False, anchors=())


def require_statement(tbs: bytes, *, seal: bytes, document_sm3: str, property_info: str) -> None:
    """Raise StatementMismatchError unless a TBS_Sign is of this seal over this document and names a consent."""
    try:
        statement = ses.parse_statement(tbs)
    except SealFormatError as error:
        raise StatementMismatchError(f"not a statement: {error}") from error
    same = (
        statement.canonical
        and statement.seal.raw == seal
        and statement.document_sm3.hex() == document_sm3
        and statement.property_info == property_info
        and statement.consent_sm3 is not None
    )
    if not same:
        raise StatementMismatchError("the statement is not the one of this prepared seal")


def require_signature(signer: bytes, tbs: bytes, signature: bytes) -> None:
    """Raise SignatureRejectedError unless a signature is that of the certificate (DER) over the statement."""
    public = parse_certificate(signer).public_key
    if not isinstance(public, PublicKey):
        raise SignatureRejectedError("the signer's key is not an SM2 key")
    try:
        verify(public, tbs, signature)
    except BadSignatureError as error:
        raise SignatureRejectedError("the signature is not the signer's over this statement") from error


def require_token(
    token: bytes,
    signature: bytes,
    window: tuple[datetime, datetime],
    anchors: TrustAnchors | None,
    evidence: RevocationEvidence | None,
) -> None:
    """Require a timestamp by SM3 over a signature, within a window; with `anchors` by a trusted authority.

    Raises SignatureRejectedError, ConsentWindowError.
    """
    trust = anchors or NO_TRUST
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
