"""The `.sm2` files of CFCA (中国金融认证中心): one SM2 key and its certificate under a passphrase, reading.

SM4-CBC, vector and key being the two halves of 32 bytes of the SM2 key derivation over the passphrase: no salt, no
rounds, no MAC. The certificate proves the key. Nothing is written in this form, because it resists no guessing.
"""

from typing import Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing import der
from signing.certificates import Certificate, parse_certificate
from signing.errors import InvalidKeyError, KeystoreError, UnsupportedAlgorithmError
from signing.key_containers_pbe import CLOSED, require_passphrase
from signing.sm2_encoding import SCALAR
from signing.sm2_keys import PrivateKey, PublicKey
from signing.sm3 import kdf

MAX_CFCA: Final = 64 << 10
"""Bytes."""
_DATA: Final = "1.2.156.10197.6.1.4.2.1"
_SM4: Final = ("1.2.156.10197.1.104", "1.2.156.10197.1.104.2")
_BLOCK: Final = 16


def parse_cfca(data: bytes, passphrase: str) -> tuple[PrivateKey, Certificate]:
    """Read a CFCA `.sm2` file in DER.

    KeystoreError for a wrong passphrase, or when the key is not the certificate's; MalformedError;
    UnsupportedAlgorithmError for another cipher.
    """
    fields = der.read(data, limit=MAX_CFCA).fields()
    fields.optional(der.INTEGER)  # version 1, the default
    private, public = fields.take(der.SEQUENCE).fields(), fields.take(der.SEQUENCE).fields()
    fields.end()
    _expect(private, _DATA)
    _expect(private, *_SM4)
    content = private.take(der.OCTET_STRING).octets()
    _expect(public, _DATA)
    certificate = parse_certificate(public.take(der.OCTET_STRING).octets())
    if not isinstance(certificate.public_key, PublicKey):
        raise UnsupportedAlgorithmError("a certificate that is not of an SM2 key")
    try:
        return PrivateKey.from_scalar(
            _open(content, passphrase).rjust(SCALAR, b"\0"), certificate.public_key
        ), certificate
    except (InvalidKeyError, ValueError):  # ValueError: lengths and padding
        raise KeystoreError(CLOSED) from None


def _open(content: bytes, passphrase: str) -> bytes:
    material = kdf(require_passphrase(passphrase).encode("utf-8", "surrogatepass"), 2 * _BLOCK)
    decryptor = Cipher(algorithms.SM4(material[_BLOCK:]), modes.CBC(material[:_BLOCK])).decryptor()
    unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
    return unpadder.update(decryptor.update(content) + decryptor.finalize()) + unpadder.finalize()


def _expect(fields: der.Fields, *names: str) -> None:
    oid = fields.take(der.OID).oid()
    if oid not in names:
        raise UnsupportedAlgorithmError(f"{oid} in a CFCA key file")
