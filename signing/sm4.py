"""SM4 (GB/T 32907) in Galois/counter mode (GB/T 36624), the one mode in which we encrypt content."""

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing.errors import DecryptionError, InvalidKeyError

KEY, NONCE, TAG = 16, 12, 16
"""Bytes of a key, a nonce and a tag."""


class Engine(Protocol):
    """An implementation of SM4-GCM; arguments are checked before they come here."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Answer ciphertext | tag."""

    def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Answer the plaintext; DecryptionError if the tag does not match."""


class CryptographyEngine:
    """The libcrypto that the `cryptography` package carries."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Answer ciphertext | tag."""
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(aad)
        return b"".join((encryptor.update(plaintext), encryptor.finalize(), encryptor.tag))

    def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Answer the plaintext; nothing of it leaves before the tag has matched."""
        ciphertext = memoryview(sealed)[:-TAG]
        decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, sealed[-TAG:])).decryptor()
        decryptor.authenticate_additional_data(aad)
        plaintext = decryptor.update(ciphertext)
        try:
            return plaintext + decryptor.finalize()
        except InvalidTag:
            raise DecryptionError("the ciphertext does not open") from None


class Sm4Gcm:
    """SM4-GCM under one key of 16 bytes.

    It does not commit to its key: whoever needs that publishes a commitment to the key beside the ciphertext.
    """

    def __init__(self, key: bytes, engine: Engine | None = None) -> None:
        """Take a key; InvalidKeyError unless it has 16 bytes."""
        if len(key) != KEY:
            raise InvalidKeyError("an SM4 key has 16 bytes")
        self._key = key
        self._engine = engine or CryptographyEngine()

    def __repr__(self) -> str:
        """Hide the key."""
        return "Sm4Gcm(…)"

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under a 12-byte nonce never used before with this key; answer ciphertext | 16-byte tag."""
        _require_nonce(nonce)
        return self._engine.seal(self._key, nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Decrypt ciphertext | tag; DecryptionError if anything differs from what was sealed."""
        _require_nonce(nonce)
        if len(sealed) < TAG:
            raise DecryptionError("the ciphertext does not open")
        return self._engine.open(self._key, nonce, sealed, aad)


def _require_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE:
        raise ValueError("a nonce of SM4-GCM has 12 bytes here")
