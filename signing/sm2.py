"""SM2 (GB/T 32918) for the rest of the product: sign, verify, encrypt, decrypt, behind one strict gate.

Signatures are DER SEQUENCE {r, s}, ciphertexts GM/T 0009 SM2Cipher DER, the user id always the default one. The
first engine that loads does the work; before it is used for the first time, the self test must pass.
"""

import os
from collections.abc import Callable
from typing import Final

from signing import selftest
from signing.digests import sm3
from signing.errors import DecryptionError, InvalidKeyError, SigningError
from signing.sm2_encoding import (
    DIGEST,
    MAX_PLAINTEXT,
    N,
    Sm2Cipher,
    encode_signature,
    parse_ciphertext,
    parse_signature,
)
from signing.sm2_gmssl import GmsslPyxEngine
from signing.sm2_keys import (
    ENGINES,
    USER_ID,
    Engine,
    PrivateKey,
    PublicKey,
    compute_z,
    digest,
    is_strict_signature,
    multiply,
    require_signature,
)
from signing.sm2_libcrypto import LibcryptoEngine
from signing.sm3 import kdf

__all__ = [
    "ENGINES",
    "MAX_PLAINTEXT",
    "USER_ID",
    "Engine",
    "GmsslPyxEngine",
    "LibcryptoEngine",
    "N",
    "PrivateKey",
    "PublicKey",
    "Sm2Cipher",
    "compute_z",
    "decrypt",
    "digest",
    "encode_signature",
    "encrypt",
    "encrypt_with_nonce",
    "generate",
    "multiply",
    "parse_ciphertext",
    "parse_signature",
    "sign",
    "sign_digest",
    "verify",
    "verify_digest",
]

_ATTEMPTS: Final = 64
"""Tries until the key stream is not all zeros; one byte of plaintext fails one time in 256."""


def generate(random: Callable[[int], bytes] = os.urandom) -> PrivateKey:  # noqa: TID251 - the crypto wrapper
    """Make a key from 40 random bytes; the 64 surplus bits make the bias of the reduction negligible."""
    selftest.ensure()
    scalar = 1 + int.from_bytes(random(40)) % (N - 2)
    return PrivateKey.from_scalar(scalar.to_bytes(32))


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Sign a message: DER over e = SM3(Z | message). SelfTestError if an engine gives a wrong known answer."""
    return sign_digest(key, digest(key.public, message))


def sign_digest(key: PrivateKey, e: bytes) -> bytes:
    """Sign e, which the caller has computed with Z for this key's public key."""
    selftest.ensure()
    if len(e) != DIGEST:
        raise ValueError(f"e has {DIGEST} bytes")
    signature = ENGINES[0].sign(key.scalar(), bytes(e))
    if not is_strict_signature(signature):
        raise SigningError("the engine made something that is not a signature")
    return signature


def verify(public: PublicKey, message: bytes, signature: bytes) -> None:
    """Raise BadSignatureError unless this is the key's signature over the message, in strict DER."""
    verify_digest(public, digest(public, message), signature)


def verify_digest(public: PublicKey, e: bytes, signature: bytes) -> None:
    """Raise BadSignatureError unless this is the key's signature over e, in strict DER."""
    selftest.ensure()
    require_signature(ENGINES[0], public, bytes(e), bytes(signature))


def encrypt(public: PublicKey, plaintext: bytes) -> bytes:
    """Encrypt 1 to 255 bytes to a public key, answering SM2Cipher DER (GB/T 32918.4 §6)."""
    plaintext = bytes(plaintext)  # engines take nothing else
    _require_size(plaintext)
    selftest.ensure()
    for _ in range(_ATTEMPTS):
        ciphertext = ENGINES[0].encrypt(public.point, plaintext)
        if parse_ciphertext(ciphertext).c2 != plaintext:
            return ciphertext
    raise SigningError("the engine keeps answering an all-zero key stream")


def decrypt(key: PrivateKey, ciphertext: bytes) -> bytes:
    """Decrypt SM2Cipher DER; DecryptionError for whatever is wrong with it, without saying what."""
    selftest.ensure()
    ciphertext = bytes(ciphertext)
    try:
        cipher = parse_ciphertext(ciphertext)
        plaintext = ENGINES[0].decrypt(key.scalar(), ciphertext)
    except SigningError:
        raise DecryptionError("the ciphertext does not open") from None
    if plaintext == cipher.c2:  # the key stream was all zeros (GB/T 32918.4 §7.1, step B4)
        raise DecryptionError("the ciphertext does not open")
    return plaintext


def encrypt_with_nonce(public: PublicKey, plaintext: bytes, k: int) -> bytes:
    """Encrypt with a nonce that the caller derived, so that the wrap can be made again and compared.

    1 ≤ k < n, secret, and never the same for two plaintexts. Raises InvalidKeyError for k out of range, or if the
    standard asks for another k.
    """
    _require_size(plaintext)
    selftest.ensure()
    c1, shared = multiply(k), multiply(k, public.point)
    x2, y2 = shared[1:33], shared[33:]
    stream = kdf(x2 + y2, len(plaintext))
    if not any(stream):
        raise InvalidKeyError("this nonce gives an all-zero key stream")
    c2 = bytes(m ^ t for m, t in zip(plaintext, stream, strict=True))
    return Sm2Cipher(c1, sm3(x2, plaintext, y2), c2).encode()


def _require_size(plaintext: bytes) -> None:
    if not 1 <= len(plaintext) <= MAX_PLAINTEXT:
        raise ValueError(f"SM2 encrypts 1 to {MAX_PLAINTEXT} bytes here")
