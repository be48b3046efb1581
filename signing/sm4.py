"""SM4 (GB/T 32907) in Galois/counter mode (GB/T 36624), the one mode in which we encrypt content.

libgcrypt does the work where it loads, else the libcrypto inside `cryptography`. Each engine must give known answers
before it may be used at all.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing.errors import DecryptionError, InvalidKeyError, SelfTestError, UnsupportedAlgorithmError
from signing.libgcrypt import Data
from signing.sm4_gcrypt import GcryptEngine

Writable = bytearray | memoryview
_Bytes = TypeVar("_Bytes", Data, Writable)
KEY, NONCE, TAG = 16, 12, 16
"""Bytes of a key, a nonce and a tag."""


class Engine(Protocol):
    """An implementation of SM4-GCM, safe to share between threads; arguments are checked before they come here."""

    @property
    def name(self) -> str:
        """What to call it in a report."""

    def seal(self, key: bytes, nonce: bytes, plaintext: Data, aad: bytes) -> bytes:
        """Answer ciphertext | tag."""

    def open(self, key: bytes, nonce: bytes, sealed: Data, aad: bytes) -> bytes:
        """Answer the plaintext; DecryptionError if the tag does not match."""

    def seal_into(self, key: bytes, nonce: bytes, plaintext: Data, sealed: Writable, aad: bytes) -> None:
        """Write ciphertext | tag, for which there is just enough room."""

    def open_into(self, key: bytes, nonce: bytes, sealed: Data, plaintext: Writable, aad: bytes) -> None:
        """Write the plaintext, for which there is just enough room; DecryptionError if the tag does not match."""


class CryptographyEngine:
    """The libcrypto that the `cryptography` package carries."""

    name: Final = "cryptography"

    def seal(self, key: bytes, nonce: bytes, plaintext: Data, aad: bytes) -> bytes:
        """Answer ciphertext | tag."""
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(aad)
        return b"".join((encryptor.update(plaintext), encryptor.finalize(), encryptor.tag))

    def open(self, key: bytes, nonce: bytes, sealed: Data, aad: bytes) -> bytes:
        """Answer the plaintext; nothing of it leaves before the tag has matched."""
        view = memoryview(sealed)
        decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, bytes(view[-TAG:]))).decryptor()
        decryptor.authenticate_additional_data(aad)
        plaintext = decryptor.update(view[:-TAG])
        try:
            decryptor.finalize()
        except InvalidTag:
            raise DecryptionError("the ciphertext does not open") from None
        return plaintext

    def seal_into(self, key: bytes, nonce: bytes, plaintext: Data, sealed: Writable, aad: bytes) -> None:
        """Write ciphertext | tag, for which there is just enough room."""
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(aad)
        size = encryptor.update_into(plaintext, sealed)
        encryptor.finalize()
        memoryview(sealed)[size:] = encryptor.tag

    def open_into(self, key: bytes, nonce: bytes, sealed: Data, plaintext: Writable, aad: bytes) -> None:
        """Write the plaintext, for which there is just enough room, once the tag has matched."""
        memoryview(plaintext)[:] = self.open(key, nonce, sealed, aad)


class Sm4Gcm:
    """SM4-GCM under one key of 16 bytes. Threads may share it.

    It does not commit to its key: whoever needs that publishes a commitment to the key beside the ciphertext.
    """

    def __init__(self, key: bytes, engine: Engine | None = None) -> None:
        """Take a key; InvalidKeyError unless it has 16 bytes."""
        if len(key) != KEY:
            raise InvalidKeyError("an SM4 key has 16 bytes")
        self._key = bytes(key)
        self._engine = engine or ENGINES[0]

    def __repr__(self) -> str:
        """Hide the key."""
        return "Sm4Gcm(…)"

    def seal(self, nonce: bytes, plaintext: Data, aad: bytes) -> bytes:
        """Encrypt under a 12-byte nonce never used before with this key; answer ciphertext | 16-byte tag."""
        _require_nonce(nonce)
        return self._engine.seal(self._key, bytes(nonce), _as_bytes(plaintext), bytes(aad))

    def open(self, nonce: bytes, sealed: Data, aad: bytes) -> bytes:
        """Decrypt ciphertext | tag; DecryptionError if anything differs from what was sealed."""
        _require_nonce(nonce)
        sealed = _as_bytes(sealed)
        if len(sealed) < TAG:
            raise DecryptionError("the ciphertext does not open")
        return self._engine.open(self._key, bytes(nonce), sealed, bytes(aad))

    def seal_into(self, nonce: bytes, plaintext: Data, sealed: Writable, aad: bytes) -> None:
        """Seal into a buffer of just the right size, which may be used again and again."""
        _require_nonce(nonce)
        _require_room(plaintext, sealed, written=sealed)
        self._engine.seal_into(self._key, bytes(nonce), _as_bytes(plaintext), _as_bytes(sealed), bytes(aad))

    def open_into(self, nonce: bytes, sealed: Data, plaintext: Writable, aad: bytes) -> None:
        """Open into a buffer of just the right size; DecryptionError as `open`, and then nothing is in the buffer."""
        _require_nonce(nonce)
        _require_room(plaintext, sealed, written=plaintext)
        self._engine.open_into(self._key, bytes(nonce), _as_bytes(sealed), _as_bytes(plaintext), bytes(aad))


def _require_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE:
        raise ValueError("a nonce of SM4-GCM has 12 bytes here")


def _require_room(plaintext: Data, sealed: Data, *, written: Data) -> None:
    if memoryview(sealed).nbytes != memoryview(plaintext).nbytes + TAG or memoryview(written).readonly:
        raise ValueError(f"the sealed text has {TAG} bytes more than the text, and what is written is writable")


def _as_bytes(data: _Bytes) -> _Bytes:
    """See a view of wider items as the bytes it stands on; copies nothing."""
    return data.cast("B") if isinstance(data, memoryview) else data


# Known answers. RFC 8998 A.1 has four blocks; the long one walks through the engines' code for many blocks at once.

_KNOWN_KEY: Final = bytes.fromhex("0123456789abcdeffedcba9876543210")
_KNOWN_NONCE: Final = bytes.fromhex("00001234567800000000abcd")
_KNOWN_AAD: Final = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_SHORT: Final = b"".join(bytes([b]) * 8 for b in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
_SHORT_SEALED: Final = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)
_LONG: Final = bytes(range(251)) * 13
_LONG_SHA256: Final = "f5ea2567cac47f3158aebdd32e9d158b2ff6843bc1ad40c3b846450a03e1531b"


def require_known_answers(engine: Engine) -> None:
    """Raise SelfTestError unless the engine seals, opens and refuses as it must."""
    known = (_KNOWN_KEY, _KNOWN_NONCE)
    long = engine.seal(*known, _LONG, _KNOWN_AAD)
    right = (
        engine.seal(*known, _SHORT, _KNOWN_AAD) == _SHORT_SEALED
        and hashlib.sha256(long).hexdigest() == _LONG_SHA256
        and _opens(engine, _SHORT_SEALED) == _SHORT
        and _opens(engine, long) == _LONG
        and all(_opens(engine, _flip(long, at)) is None for at in (0, len(_LONG) - 1, len(_LONG), len(long) - 1))
    )
    if not right:
        raise SelfTestError(f"wrong known answer: {engine.name} SM4-GCM")


def _opens(engine: Engine, sealed: bytes) -> bytes | None:
    try:
        return engine.open(_KNOWN_KEY, _KNOWN_NONCE, sealed, _KNOWN_AAD)
    except DecryptionError:
        return None


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def load_engines(kinds: Iterable[type[Engine]]) -> Iterator[Engine]:
    """Make those engines that are present, in order; SelfTestError if one of them gives a wrong known answer."""
    for kind in kinds:
        with contextlib.suppress(UnsupportedAlgorithmError):
            engine = kind()
            require_known_answers(engine)
            yield engine


ENGINES: Final[tuple[Engine, ...]] = tuple(load_engines((GcryptEngine, CryptographyEngine)))
"""The engines that are present here, the fastest first."""
