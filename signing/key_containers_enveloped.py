"""SM2EnvelopedKey (GM/T 0009, GB/T 35276 7.4) and the answer of a CA that carries it (CSRResponse, GM/T 0092).

The key centre makes the encryption key pair (加密密钥对) and sends it to the owner of the signing key pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing import der, sm2
from signing.certificates import Certificate, parse_certificate
from signing.errors import DecryptionError, InvalidKeyError, MalformedError, SigningError, UnsupportedAlgorithmError
from signing.sm2_encoding import SCALAR

MAX_ENVELOPED: Final = 1024
"""Bytes of one SM2EnvelopedKey."""
MAX_RESPONSE: Final = 256 << 10
_MAX_CERTIFICATES: Final = 16
_SM4_ECB: Final = "1.2.156.10197.1.104.1"
_ECB_NAMES: Final = (_SM4_ECB, "1.2.156.10197.1.104")
_KEY: Final = 16
_PADDED: Final = 64
"""Some key centres put 32 zero bytes before the 32 of the key."""


@dataclass(frozen=True)
class CsrResponse:
    """What a CA answers: signing certificates, and with a dual pair the encryption key and its certificates."""

    signing: tuple[Certificate, ...]
    encryption_key: sm2.PrivateKey | None
    encryption: tuple[Certificate, ...]


def seal_enveloped_key(key: sm2.PrivateKey, recipient: sm2.PublicKey, random: Callable[[int], bytes]) -> bytes:
    """Write SM2EnvelopedKey for the holder of `recipient`: 32 bytes under SM4-ECB (104.1, parameters NULL)."""
    secret = random(_KEY)
    return der.sequence(
        der.sequence(der.oid(_SM4_ECB), der.tlv(der.NULL)),
        sm2.encrypt(recipient, secret),
        der.bit_string(key.public.point),
        der.bit_string(_ecb(secret).encryptor().update(key.scalar())),
    )


def open_enveloped_key(data: bytes, recipient: sm2.PrivateKey) -> sm2.PrivateKey:
    """Open SM2EnvelopedKey with the signing key of its addressee.

    MalformedError or UnsupportedAlgorithmError for another structure or cipher; DecryptionError, without saying why,
    when it does not open to the private key of the public key inside.
    """
    fields = der.read(data, limit=MAX_ENVELOPED).fields()
    algorithm = fields.take(der.SEQUENCE).fields().take(der.OID).oid()
    cipher, point, content = fields.take(der.SEQUENCE).raw, fields.take(der.BIT_STRING), fields.take(der.BIT_STRING)
    fields.end()
    if algorithm not in _ECB_NAMES:
        raise UnsupportedAlgorithmError(f"cipher {algorithm} around a private key")
    wrapped = content.bits()
    if len(wrapped) not in (SCALAR, _PADDED):
        raise MalformedError("an enveloped private key has 32 or 64 bytes")
    try:
        public = sm2.PublicKey(point.bits())
    except InvalidKeyError as error:
        raise MalformedError(f"the public key inside is none: {error}") from error
    return _unwrap(cipher, wrapped, public, recipient)


def parse_csr_response(data: bytes, recipient: sm2.PrivateKey) -> CsrResponse:
    """Read CSRResponse and open the encryption key in it; errors as for open_enveloped_key.

    InvalidKeyError when the first signing certificate is not of `recipient`, or the first encryption certificate not
    of the enveloped key.
    """
    fields = der.read(data, limit=MAX_RESPONSE).fields()
    signing = _certificates(fields.take(der.SET))
    enveloped, certificates = fields.optional(der.context(0)), fields.optional(der.context(1))
    fields.end()
    if not signing or signing[0].public_key != recipient.public:
        raise InvalidKeyError("the signing certificate is of another key")
    encryption = _certificates(certificates) if certificates else ()
    if enveloped is None:
        return CsrResponse(signing, None, encryption)
    inside = enveloped.children()
    # tagged explicitly in the field; the standard's notation would also allow the bare contents
    sealed = inside[0].raw if len(inside) == 1 else der.tlv(der.SEQUENCE, enveloped.body)
    key = open_enveloped_key(sealed, recipient)
    if not encryption or encryption[0].public_key != key.public:
        raise InvalidKeyError("the encryption certificate is of another key")
    return CsrResponse(signing, key, encryption)


def _unwrap(cipher: bytes, wrapped: bytes, public: sm2.PublicKey, recipient: sm2.PrivateKey) -> sm2.PrivateKey:
    try:
        plain = _ecb(sm2.decrypt(recipient, cipher)).decryptor().update(wrapped)
        if any(plain[:-SCALAR]):
            raise DecryptionError
        return sm2.PrivateKey.from_scalar(plain[-SCALAR:], public)
    except (SigningError, ValueError):  # ValueError: a key of another size
        raise DecryptionError("the enveloped key does not open") from None


def _ecb(secret: bytes) -> Cipher[modes.ECB]:
    # The format's choice: one random key for two blocks of random bits, proved by the public key beside them.
    return Cipher(algorithms.SM4(secret), modes.ECB())  # noqa: S305


def _certificates(element: der.Element) -> tuple[Certificate, ...]:
    """Read the certificates of a SET, implicitly tagged or tagged again around it."""
    children = element.children()
    if len(children) == 1 and children[0].tag != der.SEQUENCE:
        children = children[0].children()
    if len(children) > _MAX_CERTIFICATES:
        raise MalformedError(f"more than {_MAX_CERTIFICATES} certificates")
    return tuple(parse_certificate(child.expect(der.SEQUENCE).raw) for child in children)
