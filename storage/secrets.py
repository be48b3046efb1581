"""Secrets of a role: what keeps names unreadable in a copy of its database and objects.

One 32-byte secret per purpose lives in the key folder, outside database and objects; every key that is used is
derived from it (SM3-KDF, GB/T 32918.4) with a label, so no two uses share one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from signing.errors import DecryptionError
from signing.sm3 import hmac_sm3, kdf
from signing.sm4 import Sm4Gcm
from storage.errors import DamagedObjectError

_NONCE = 12
_SECRET = 32


def derive(secret: bytes, label: str, context: bytes = b"", length: int = 16) -> bytes:
    """Answer a key for one use: KDF(secret | label | 0 | context)."""
    if len(secret) != _SECRET:
        raise ValueError(f"a secret has {_SECRET} bytes")
    return kdf(secret + label.encode() + b"\0" + context, length)


@dataclass(frozen=True)
class FieldCipher:
    """Encrypts single fields of rows: `nonce(12) | ciphertext | tag(16)`, SM4-GCM, bound to where they stand."""

    secret: bytes = field(repr=False)
    random: Callable[[int], bytes]

    def seal(self, place: str, plaintext: bytes) -> bytes:
        """Encrypt for one place, e.g. `receipts/<id>`: the ciphertext opens nowhere else."""
        nonce = self.random(_NONCE)
        return nonce + self._cipher(place).seal(nonce, plaintext, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt; DamagedObjectError if it is not what was sealed for this place."""
        try:
            return self._cipher(place).open(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except DecryptionError as error:
            raise DamagedObjectError(f"the sealed field of {place}") from error

    def _cipher(self, place: str) -> Sm4Gcm:
        return Sm4Gcm(derive(self.secret, "field", place.encode()))


@dataclass(frozen=True)
class Tagger:
    """Names without names: HMAC-SM3 of some parts, hex. Equal parts have equal tags, and nothing else shows."""

    secret: bytes = field(repr=False)

    def tag(self, label: str, *parts: str) -> str:
        """Answer the tag of `label|part|part…`; no part may hold a bar."""
        if any("|" in part for part in parts):
            raise ValueError("a bar inside a part")
        return hmac_sm3(derive(self.secret, "tag", length=32), "|".join((label, *parts)).encode()).hex()
