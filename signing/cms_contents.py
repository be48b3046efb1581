"""What a CMS signature should cover, as far as the judge knows it: whole, by its digests, or streamed by.

With signed attributes a digest is enough. Without them the signature is over the content itself (SM2: with Z of the
signer's key before it), so the judge needs the bytes, or must have hashed them for this very key.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from signing import der, sm2
from signing.algorithms import DIGESTS, compute_digest, load_international
from signing.certificates import Certificate
from signing.errors import BadSignatureError, MalformedError, UnsupportedAlgorithmError
from signing.signed_data import SignerInfo, require_signature
from signing.sm2_diagnosis import diagnose

ContentDigest = Callable[[str], bytes]
"""Answers the digest of the content by an algorithm's name (sm3, sha256, …)."""

_PREHASHED: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_MAX_ECDSA: Final = 256
_RSA: Final = "1.2.840.113549.1.1.1"
_EC: Final = "1.2.840.10045.2.1"
_RSA_WITH: Final = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA_WITH: Final = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}


class Content(Protocol):
    """What the judge may ask."""

    @property
    def covers_directly(self) -> bool:
        """Whether a signature without attributes can be judged over this."""

    def digest(self, name: str) -> bytes:
        """Answer the digest by an algorithm's name."""

    def require(self, signer: SignerInfo, certificate: Certificate, /) -> None:
        """Raise BadSignatureError unless the signature, which has no attributes, is over this content.

        MalformedError if that cannot be told from what is known here.
        """

    def diagnose(self, signer: SignerInfo, public: sm2.PublicKey, /) -> str:
        """Answer by which wrong rule an SM2 signature over this content was made, "" when by none known."""


@dataclass(frozen=True)
class WholeContent:
    """The content itself; `legacy` takes signatures over SHA-1."""

    data: bytes = field(repr=False)
    legacy: bool = False

    @property
    def covers_directly(self) -> bool:
        """Whether a signature without attributes can be judged over this."""
        return True

    def digest(self, name: str) -> bytes:
        """Answer the digest by an algorithm's name."""
        return compute_digest(name, self.data)

    def require(self, signer: SignerInfo, certificate: Certificate) -> None:
        """Raise BadSignatureError unless the signature is over this content."""
        require_signature(signer, certificate, self.data, legacy=self.legacy)

    def diagnose(self, signer: SignerInfo, public: sm2.PublicKey) -> str:
        """Answer by which wrong rule the signature was made."""
        return diagnose(public, self.data, signer.signature)


@dataclass(frozen=True)
class DigestedContent:
    """Content of which only digests are known: signatures without attributes stay open."""

    known: ContentDigest

    @property
    def covers_directly(self) -> bool:
        """Whether a signature without attributes can be judged over this."""
        return False

    def digest(self, name: str) -> bytes:
        """Answer the digest by an algorithm's name."""
        return self.known(name)

    def require(self, _signer: SignerInfo, certificate: Certificate) -> None:
        """Raise MalformedError: the content itself is needed."""
        raise MalformedError(f"neither signed attributes nor the content that {certificate.common_name} signed")

    def diagnose(self, _signer: SignerInfo, _public: sm2.PublicKey) -> str:
        """Answer nothing."""
        return ""


def wrapped_form(inside: bytes, digest: bytes) -> str:
    """Say how `inside` spells the digest of another content (GM/T 0099, 点聚): "" when it does not."""
    if not digest:
        return ""
    spellings = (
        ("原值", digest),
        ("十六进制", digest.hex().encode()),
        ("十六进制", digest.hex().upper().encode()),
        ("Base64", base64.b64encode(digest)),
    )
    stripped = inside.strip() if len(inside) != len(digest) else inside
    return next((name for name, spelling in spellings if stripped == spelling), "")


def require_prehashed(signer: SignerInfo, certificate: Certificate, e: bytes) -> None:
    """Raise BadSignatureError unless the signature is over a content known by its final digest.

    For SM2 that is e = SM3(Z | content) for the certificate's key, for RSA (PKCS#1 v1.5) and ECDSA the plain digest.
    UnsupportedAlgorithmError for others: Ed25519 and PSS signatures need the content or attributes.
    """
    key, algorithm = certificate.public_key, signer.signature_algorithm
    if isinstance(key, sm2.PublicKey):
        if not algorithm.is_sm2:
            raise UnsupportedAlgorithmError(f"signature algorithm {algorithm.oid} with an SM2 key")
        sm2.verify_digest(key, e, signer.signature)
        return
    try:
        _verify_international(load_international(key), signer, e)
    except InvalidSignature as error:
        raise BadSignatureError("the signature value does not verify") from error
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise UnsupportedAlgorithmError(f"signature algorithm {algorithm.oid}: {error}") from error


def prehash_name(signer: SignerInfo, certificate: Certificate) -> str:
    """Answer the digest that `require_prehashed` wants: "sm3" means with Z. UnsupportedAlgorithmError."""
    if isinstance(certificate.public_key, sm2.PublicKey):
        return "sm3"
    oid = signer.signature_algorithm.oid
    named = DIGESTS.get(signer.digest_algorithm.oid, "") if oid in (_RSA, _EC) else ""
    name = named or _RSA_WITH.get(oid) or _ECDSA_WITH.get(oid, "")
    if name not in _PREHASHED:
        raise UnsupportedAlgorithmError(f"signature algorithm {oid} without attributes needs the whole content")
    return name


def _verify_international(key: object, signer: SignerInfo, digest: bytes) -> None:
    oid, named = signer.signature_algorithm.oid, DIGESTS.get(signer.digest_algorithm.oid, "")
    match key:
        case rsa.RSAPublicKey() if oid == _RSA or oid in _RSA_WITH:
            chosen = Prehashed(_PREHASHED[_RSA_WITH.get(oid, named)])
            key.verify(signer.signature, digest, padding.PKCS1v15(), chosen)
        case ec.EllipticCurvePublicKey() if oid == _EC or oid in _ECDSA_WITH:
            _require_der(signer.signature)
            key.verify(signer.signature, digest, ec.ECDSA(Prehashed(_PREHASHED[_ECDSA_WITH.get(oid, named)])))
        case _:
            raise UnsupportedAlgorithmError(f"signature algorithm {oid} with this key")


def _require_der(signature: bytes) -> None:
    """Refuse ECDSA values in another spelling than DER."""
    try:
        der.require_der(signature, limit=_MAX_ECDSA)
    except MalformedError as error:
        raise BadSignatureError("the signature value is not DER") from error
