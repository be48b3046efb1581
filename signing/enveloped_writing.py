"""Writing enveloped messages (数字信封) for one or several recipients.

A profile says which structure, types and cipher. `STANDARD_GCM` is preferred: AuthEnvelopedData with SM4-GCM notices
any change. The CBC profiles are for platforms that know nothing else; they notice none (open with a signature inside
or around). Randomness for keys and nonces is an argument; SM2, RSA and ECDH take their own from the engines.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signing import der, sm2
from signing.algorithms import AlgorithmIdentifier, verify_signature
from signing.certificates import Certificate
from signing.cms_ciphers import (
    AES_256_CBC,
    AES_256_GCM,
    BLOCK,
    KEY_SIZES,
    NONCE,
    SM4_CBC,
    SM4_GCM,
    ContentCipher,
    Encryption,
    encode_cipher,
    read_cipher,
)
from signing.cms_key_agreement import wrap_agreed
from signing.cms_names import (
    AUTH_ENVELOPED_DATA,
    DATA,
    ENVELOPED_DATA,
    GM_DATA,
    GM_ENVELOPED_DATA,
    GM_SIGNED_AND_ENVELOPED_DATA,
    SIGNED_AND_ENVELOPED_DATA,
)
from signing.cms_recipients import MAX_RECIPIENTS, OAEP, SM2_ENCRYPT
from signing.cms_writing import encode_signer, gm_scheme
from signing.enveloped_data import MAX_ENVELOPED
from signing.errors import LimitError, UnsupportedAlgorithmError
from signing.key_use import require_encryption_certificate, require_signing_certificate
from signing.schemes import MIN_RSA_BITS, digest_identifier, scheme_for

Random = Callable[[int], bytes]

_GCM: Final = (SM4_GCM, AES_256_GCM)
_MGF1: Final = "1.2.840.113549.1.1.8"
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")


@dataclass(frozen=True)
class EncryptionProfile:
    """How a message is written. GM types (GB/T 35275) take SM2 recipients only."""

    name: str
    outer_type: str
    inner_type: str
    cipher: str
    """The OID: SM4_CBC, SM4_GCM, AES_256_CBC or AES_256_GCM."""

    @property
    def authenticated(self) -> bool:
        """Whether a change of the ciphertext is noticed."""
        return self.cipher in _GCM

    @property
    def gm_types(self) -> bool:
        """Whether the layout is that of GB/T 35275 (PKCS#7 1.5: all versions 1)."""
        return self.outer_type == GM_ENVELOPED_DATA


STANDARD_GCM: Final = EncryptionProfile("AuthEnvelopedData SM4-GCM", AUTH_ENVELOPED_DATA, DATA, SM4_GCM)
STANDARD_CBC: Final = EncryptionProfile("EnvelopedData SM4-CBC", ENVELOPED_DATA, DATA, SM4_CBC)
GB_35275: Final = EncryptionProfile("GB/T 35275 EnvelopedData SM4-CBC", GM_ENVELOPED_DATA, GM_DATA, SM4_CBC)
INTL_GCM: Final = EncryptionProfile("AuthEnvelopedData AES-256-GCM", AUTH_ENVELOPED_DATA, DATA, AES_256_GCM)
INTL_CBC: Final = EncryptionProfile("EnvelopedData AES-256-CBC", ENVELOPED_DATA, DATA, AES_256_CBC)


@dataclass(frozen=True)
class Envelope:
    """The head of a message under way: everything but the content, and the cipher with its fresh key."""

    profile: EncryptionProfile
    version: int
    recipients: bytes
    algorithm: AlgorithmIdentifier
    cipher: ContentCipher
    key: bytes

    def __repr__(self) -> str:
        """Hide the key."""
        return f"Envelope({self.profile.name})"


def encrypt_enveloped(
    content: bytes,
    recipients: Sequence[Certificate],
    *,
    profile: EncryptionProfile = STANDARD_GCM,
    random: Random = os.urandom,  # noqa: TID251 - the crypto wrapper
) -> bytes:
    """Encrypt a content to the holders of these certificates, DER.

    Raises InvalidKeyError for a certificate that is for signatures only, UnsupportedAlgorithmError for a key that does
    not go with the profile, LimitError for more than MAX_RECIPIENTS or a content too large for the reader.
    """
    head = start_envelope(recipients, profile=profile, random=random)
    inner, tag = _encrypt(head, content)
    body = der.sequence(
        der.integer(head.version),
        head.recipients,
        inner,
        der.octet_string(tag) if profile.authenticated else b"",
    )
    return der.sequence(der.oid(profile.outer_type), der.explicit(0, body))


def encrypt_signed(
    content: bytes,
    signature: bytes,
    signer: Certificate,
    recipients: Sequence[Certificate],
    *,
    profile: EncryptionProfile = GB_35275,
    chain: Sequence[Certificate] = (),
    random: Random = os.urandom,  # noqa: TID251 - the crypto wrapper
) -> bytes:
    """Encrypt a content with its signer's signature over it (SignedAndEnvelopedData, GB/T 35275 10), DER.

    The signature is over the content octets, without attributes, and stands in clear as in the field. Prefer signing
    first and encrypting the message: RFC 5652 has dropped this structure. Raises BadSignatureError for a signature
    that is not of the signer's key, InvalidKeyError for a certificate that is for encryption only, ValueError for a
    profile that is not EnvelopedData in CBC; else as `encrypt_enveloped`.
    """
    if profile.authenticated:
        raise ValueError("a tag has no place in SignedAndEnvelopedData")
    require_signing_certificate(signer)
    own = scheme_for(signer.public_key)
    scheme = gm_scheme(own, algorithm="301.1" if profile.gm_types else "501")
    verify_signature(signer.public_key, scheme.algorithm, content, signature)
    head = start_envelope(recipients, profile=profile, random=random)
    body = der.sequence(
        der.integer(1),
        head.recipients,
        der.set_of(scheme.digest_algorithm.encode()),
        _encrypt(head, content)[0],
        der.explicit(0, *sorted({one.der for one in (signer, *chain)})),
        der.set_of(encode_signer(b"", signer, signature, scheme=scheme)),
    )
    outer = GM_SIGNED_AND_ENVELOPED_DATA if profile.gm_types else SIGNED_AND_ENVELOPED_DATA
    return der.sequence(der.oid(outer), der.explicit(0, body))


def _encrypt(head: Envelope, content: bytes) -> tuple[bytes, bytes]:
    """Answer EncryptedContentInfo and the tag."""
    if len(content) > MAX_ENVELOPED - (1 << 20):
        raise LimitError(f"{len(content)} bytes: use the streaming writer")
    encryption = Encryption(head.cipher, head.key)
    ciphertext = der.tlv(der.context(0, primitive=True), encryption.update(content), encryption.finish())
    return der.sequence(der.oid(head.profile.inner_type), head.algorithm.encode(), ciphertext), encryption.tag


def start_envelope(recipients: Sequence[Certificate], *, profile: EncryptionProfile, random: Random) -> Envelope:
    """Make a content key and wrap it for everybody; errors as in `encrypt_enveloped`."""
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise LimitError(f"{len(recipients)} recipients; from 1 to {MAX_RECIPIENTS}")
    key = random(KEY_SIZES[profile.cipher])
    algorithm = encode_cipher(profile.cipher, random(NONCE if profile.authenticated else BLOCK))
    infos = [wrap_key(one, key, profile) for one in recipients]
    # RFC 5652 6.1: 2 as soon as a recipient agrees on a key; RFC 5083 2.1: always 0; GB/T 35275 9.2: always 1.
    agreed = any(one[0] == der.context(1) for one in infos)
    version = 1 if profile.gm_types else 2 if agreed and not profile.authenticated else 0
    return Envelope(profile, version, der.set_of(*infos), algorithm, read_cipher(algorithm), key)


def wrap_key(certificate: Certificate, key: bytes, profile: EncryptionProfile) -> bytes:
    """Encode the RecipientInfo of one certificate: SM2, RSA-OAEP with SHA-256, or ephemeral ECDH."""
    require_encryption_certificate(certificate)
    name = der.sequence(certificate.issuer_der, der.integer(certificate.serial_number))
    public = certificate.public_key
    if isinstance(public, sm2.PublicKey):
        encrypted = sm2.encrypt(public, key)
        return _transport(name, AlgorithmIdentifier(SM2_ENCRYPT), encrypted, 1 if profile.gm_types else 0)
    if profile.gm_types:
        raise UnsupportedAlgorithmError("GB/T 35275 messages are for SM2 recipients")
    match _load(public):
        case rsa.RSAPublicKey() as known if known.key_size >= MIN_RSA_BITS:
            wrapped = known.encrypt(key, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
            return _transport(name, _OAEP, wrapped, 0)
        case ec.EllipticCurvePublicKey() as known if known.curve.name in _CURVES:
            return wrap_agreed(public, name, key, ec.generate_private_key)
    raise UnsupportedAlgorithmError("no way to encrypt to this key")


def _transport(name: bytes, algorithm: AlgorithmIdentifier, encrypted: bytes, version: int) -> bytes:
    return der.sequence(der.integer(version), name, algorithm.encode(), der.octet_string(encrypted))


def _load(spki: bytes) -> object:
    try:
        return serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnsupportedAlgorithmError("this is no public key") from error


def _oaep() -> AlgorithmIdentifier:
    digest = digest_identifier("sha256").encode()
    mask = der.sequence(der.oid(_MGF1), digest)
    return AlgorithmIdentifier(OAEP, der.sequence(der.explicit(0, digest), der.explicit(1, mask)))


_OAEP: Final = _oaep()
