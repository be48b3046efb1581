"""Signature schemes (签名体制): which digest, which key, which AlgorithmIdentifier, and a key of either suite.

`GM` is SM2 with SM3; `INTL` is ECDSA or RSA with SHA-2, and Ed25519. A scheme follows from the public key: nobody
chooses SM3 for an RSA key or SHA-256 for an SM2 one.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from signing import der, sm2
from signing.algorithms import SM2_SIGNATURE, SM3_DIGEST, AlgorithmIdentifier
from signing.errors import InvalidKeyError, UnsupportedAlgorithmError

Suite = Literal["GM", "INTL"]
PublicKey = sm2.PublicKey | bytes
"""An SM2 key, or the SubjectPublicKeyInfo DER of any other."""

_NULL: Final = b"\x05\x00"
_SHA2: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_DIGEST_OIDS: Final = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA_OIDS: Final = {
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
_RSA_OIDS: Final = {
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_CURVES: Final = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
MIN_RSA_BITS: Final = 2048


@dataclass(frozen=True)
class Scheme:
    """How a signature is made. `digest` is the name that `algorithms.compute_digest` takes."""

    suite: Suite
    digest: str
    algorithm: AlgorithmIdentifier

    @property
    def digest_algorithm(self) -> AlgorithmIdentifier:
        """Answer the digest's AlgorithmIdentifier, parameters absent (RFC 5754 2)."""
        return digest_identifier(self.digest)


SM2_SM3: Final = Scheme("GM", "sm3", SM2_SIGNATURE)


def digest_identifier(name: str) -> AlgorithmIdentifier:
    """Answer the AlgorithmIdentifier of sm3, sha256, sha384 or sha512; UnsupportedAlgorithmError for others."""
    if name == "sm3":
        return SM3_DIGEST
    if name not in _DIGEST_OIDS:
        raise UnsupportedAlgorithmError(f"digest {name!r}")
    return AlgorithmIdentifier(_DIGEST_OIDS[name])


def scheme_for(public_key: PublicKey, digest: str = "") -> Scheme:
    """Answer the scheme of a key: SM2 with SM3, ECDSA with the curve's digest, RSA (PKCS#1 v1.5) with SHA-256, Ed25519.

    `digest` asks for another SHA-2 with RSA or ECDSA. UnsupportedAlgorithmError for a key or digest that does not fit.
    """
    if isinstance(public_key, sm2.PublicKey):
        if digest not in ("", "sm3"):
            raise UnsupportedAlgorithmError(f"SM2 with {digest}")
        return SM2_SM3
    match _load(public_key):
        case rsa.RSAPublicKey() as key if key.key_size >= MIN_RSA_BITS and (digest or "sha256") in _RSA_OIDS:
            name = digest or "sha256"
            return Scheme("INTL", name, AlgorithmIdentifier(_RSA_OIDS[name], _NULL))
        case ec.EllipticCurvePublicKey() as key if key.curve.name in _CURVES and (digest or "sha256") in _ECDSA_OIDS:
            name = digest or _CURVES[key.curve.name]
            return Scheme("INTL", name, AlgorithmIdentifier(_ECDSA_OIDS[name]))
        case ed25519.Ed25519PublicKey() if digest in ("", "sha512"):
            return Scheme("INTL", "sha512", AlgorithmIdentifier("1.3.101.112"))
    raise UnsupportedAlgorithmError("a key or a digest that is not used here")


class SigningKey(Protocol):
    """A private key that signs messages; where it lives is its own affair."""

    @property
    def public_key(self) -> PublicKey:
        """Answer the public key."""

    @property
    def scheme(self) -> Scheme:
        """Answer how it signs."""

    def sign(self, message: bytes) -> bytes:
        """Sign the message (not its digest); SM2 and ECDSA values are DER."""


@dataclass(frozen=True)
class Sm2Key:
    """An SM2 key in this process."""

    private: sm2.PrivateKey = field(repr=False)

    @property
    def public_key(self) -> sm2.PublicKey:
        """Answer the public key."""
        return self.private.public

    @property
    def scheme(self) -> Scheme:
        """Answer SM2 with SM3."""
        return SM2_SM3

    def sign(self, message: bytes) -> bytes:
        """Sign SM3(Z | message), DER."""
        return sm2.sign(self.private, message)


@dataclass(frozen=True)
class InternationalKey:
    """An RSA, ECDSA or Ed25519 key in this process."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """Answer SubjectPublicKeyInfo DER."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.DER, form)

    @property
    def scheme(self) -> Scheme:
        """Answer the scheme that follows from the key."""
        return scheme_for(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Sign the message."""
        match self.private:
            case rsa.RSAPrivateKey() as key:
                return key.sign(message, padding.PKCS1v15(), _SHA2[self.scheme.digest])
            case ec.EllipticCurvePrivateKey() as key:
                return key.sign(message, ec.ECDSA(_SHA2[self.scheme.digest]))
            case ed25519.Ed25519PrivateKey() as key:
                return key.sign(message)


def generate_international(kind: Literal["ecdsa", "rsa"]) -> InternationalKey:
    """Make a P-256 or an RSA-3072 key; the randomness is OpenSSL's."""
    if kind == "rsa":
        return InternationalKey(rsa.generate_private_key(public_exponent=65537, key_size=3072))
    return InternationalKey(ec.generate_private_key(ec.SECP256R1()))


def encode_spki(public_key: PublicKey) -> bytes:
    """Answer SubjectPublicKeyInfo DER of a key of either suite."""
    if isinstance(public_key, bytes):
        return public_key
    curve = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.156.10197.1.301"))
    return der.sequence(curve, der.bit_string(public_key.point))


def _load(spki: bytes) -> object:
    try:
        return serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKeyError("this is not a public key") from error
