"""Which key may do what: a signing key (签名密钥) never decrypts, an encryption key (加密密钥) never signs.

GB/T 20518 5.2.4.2.3 gives a holder two certificates. The key centre knows the private encryption key, so nothing
that it signs proves its owner's will; and a signing key that decrypts can be used up by chosen ciphertexts. A
certificate for both purposes, or without key usage, is found in the field and taken for both.
"""

from dataclasses import dataclass

from signing.certificates import Certificate
from signing.errors import InvalidKeyError
from signing.schemes import PublicKey, SigningKey
from signing.sm2_keys import PrivateKey


def signs_data(certificate: Certificate) -> bool:
    """Answer whether a certificate allows signatures on data."""
    return certificate.may_sign and not certificate.is_ca


def require_signing_certificate(certificate: Certificate, public_key: PublicKey | None = None) -> None:
    """Refuse a certificate that does not allow signatures on data (签名证书), or is not of this key.

    Raises InvalidKeyError. Who signs with a key passes its public key; who only reads a certificate need not.
    """
    if certificate.is_ca:
        raise InvalidKeyError("a CA's certificate signs certificates, no data (CA 证书不得用于签名数据)")
    if not signs_data(certificate):
        raise InvalidKeyError("the certificate is for encryption, not for signatures (加密证书不得用于签名)")
    if public_key is not None:
        require_pair(certificate, public_key)


def require_encryption_certificate(certificate: Certificate, public_key: PublicKey | None = None) -> None:
    """Refuse a certificate that does not allow encryption to its key (加密证书), or is not of this key.

    Raises InvalidKeyError. Call it before wrapping to a certificate, and before decrypting with its private key.
    """
    if certificate.is_ca or not certificate.may_encrypt:
        raise InvalidKeyError("the certificate is for signatures, not for encryption (签名证书不得用于加密)")
    if public_key is not None:
        require_pair(certificate, public_key)


@dataclass(frozen=True)
class SigningCredential:
    """A signing key with its certificate; that they belong together and may sign is checked where it is made."""

    key: SigningKey
    certificate: Certificate

    def __post_init__(self) -> None:
        """Refuse an encryption certificate or another key's; InvalidKeyError."""
        require_signing_certificate(self.certificate, self.key.public_key)


@dataclass(frozen=True)
class DecryptionCredential:
    """An SM2 decryption key with its certificate; that they belong together and may decrypt is checked here."""

    key: PrivateKey
    certificate: Certificate

    def __post_init__(self) -> None:
        """Refuse a signing certificate or another key's; InvalidKeyError."""
        require_encryption_certificate(self.certificate, self.key.public)


def require_pair(certificate: Certificate, public_key: PublicKey) -> None:
    """Refuse a certificate that is not of this key, whatever it may be used for; InvalidKeyError."""
    if certificate.public_key != public_key:
        raise InvalidKeyError("the certificate is of another key (证书与密钥不匹配)")
