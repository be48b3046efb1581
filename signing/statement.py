"""Statements (声明): what a licence or a service signs as data, kept as the bytes that were signed."""

from datetime import datetime
from typing import Literal, TypeVar

from msgspec import Struct

from signing import canonical, sm2
from signing.certificates import Certificate, parse_certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import BadSignatureError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.sm2 import PublicKey

T = TypeVar("T", bound=Struct)


class SignedStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement in canonical JSON, the DER SM2 signature over exactly these bytes, and the signer's certificate."""

    v: Literal[1]
    statement: bytes
    signature: bytes
    certificate: bytes


def prepare_statement(value: Struct) -> bytes:
    """Answer the bytes to be signed: the canonical JSON of the value."""
    return canonical.encode(value)


def complete_statement(statement: bytes, signature: bytes, certificate: bytes) -> SignedStatement:
    """Put a statement, its signature (DER) and the signer's certificate (DER) together.

    Raises BadSignatureError if the signature is not of this certificate's key over these bytes, so that a mistaken
    key service is noticed where it is asked.
    """
    require_signature(parse_certificate(certificate), statement, signature)
    return SignedStatement(1, statement, signature, certificate)


def encode_statement(signed: SignedStatement) -> bytes:
    """Answer the one byte form in which a signed statement travels and is kept."""
    return canonical.encode(signed)


def parse_statement(data: bytes | SignedStatement, kind: type[T]) -> tuple[T, SignedStatement]:
    """Read a signed statement and the value in it, both strictly canonical; nothing is judged yet.

    Raises LimitError, MalformedError or NotCanonicalError.
    """
    signed = data if isinstance(data, SignedStatement) else canonical.decode(data, SignedStatement)
    return canonical.decode(signed.statement, kind), signed


def verify_statement(
    signed: SignedStatement, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime, purpose: Purpose
) -> Verdict:
    """Judge the signature and the signer's certificate as of `at`: check "signature" (SIG) and those of the path.

    Raises MalformedError for a certificate that cannot be read.
    """
    certificate = parse_certificate(signed.certificate)
    path = verify_path(certificate, anchors=anchors, evidence=evidence, at=at, purpose=purpose)
    return Verdict(_check_signature(certificate, signed)) + path


def require_signature(certificate: Certificate, message: bytes, signature: bytes) -> None:
    """Raise BadSignatureError unless this is the SM2 signature of the certificate's key over the message.

    UnsupportedAlgorithmError for a certificate of another algorithm: statements are of suite GM.
    """
    if not isinstance(certificate.public_key, PublicKey):
        raise UnsupportedAlgorithmError("a statement is signed with SM2")
    sm2.verify(certificate.public_key, message, signature)


def _check_signature(certificate: Certificate, signed: SignedStatement) -> Check:
    try:
        require_signature(certificate, signed.statement, signed.signature)
    except BadSignatureError:
        return check("signature", False, code="SIG", sub=SubIndication.SIG_CRYPTO_FAILURE)
    except UnsupportedAlgorithmError as error:
        return Check("signature", "ALG", Result.UNKNOWN, str(error), SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
    return check("signature", True, code="SIG")
