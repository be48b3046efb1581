"""Content ciphers of enveloped messages: SM4 and AES, in CBC and GCM, read as the field writes them.

OIDs alone do not say what was done: 1.2.156.10197.1.104 stands for ECB without an initial vector and for CBC with one
(CFCA), and 104.8 / 104.10 are GCM in one register and other modes in the other. The parameters decide.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import (
    AEADDecryptionContext,
    AEADEncryptionContext,
    Cipher,
    algorithms,
    modes,
)

from signing import der
from signing.algorithms import AlgorithmIdentifier
from signing.errors import DecryptionError, MalformedError, UnsupportedAlgorithmError

SM4: Final = "1.2.156.10197.1.104"
SM4_ECB: Final = f"{SM4}.1"
SM4_CBC: Final = f"{SM4}.2"
SM4_GCM: Final = f"{SM4}.8"
"""As OpenSSL and gmsm number it; the industry list has GCM as .10."""
_SM4_GCM: Final = (SM4_GCM, f"{SM4}.10")
_AES: Final = "2.16.840.1.101.3.4.1."
_AES_CBC: Final = {f"{_AES}2": 16, f"{_AES}22": 24, f"{_AES}42": 32}
_AES_GCM: Final = {f"{_AES}6": 16, f"{_AES}26": 24, f"{_AES}46": 32}
AES_256_CBC: Final = f"{_AES}42"
AES_256_GCM: Final = f"{_AES}46"
KEY_SIZES: Final = {SM4_CBC: 16, SM4_GCM: 16, AES_256_CBC: 32, AES_256_GCM: 32}
"""Bytes of the keys of what we write."""

BLOCK: Final = 16
NONCE: Final = 12
TAG: Final = 16
_DEFAULT_TAG: Final = 12
"""GCMParameters (RFC 5084): aes-ICVlen is 12 when absent."""
_NULL: Final = b"\x05\x00"
_MAX_PARAMETERS: Final = 256


@dataclass(frozen=True)
class ContentCipher:
    """A cipher as a message names it; `tag_size` is 0 unless the mode is GCM."""

    family: Literal["SM4", "AES"]
    mode: Literal["ECB", "CBC", "GCM"]
    key_size: int
    iv: bytes = field(repr=False)
    tag_size: int = 0

    @property
    def name(self) -> str:
        """Answer what to call it."""
        return f"{self.family}-{self.mode}"


def read_cipher(algorithm: AlgorithmIdentifier) -> ContentCipher:
    """Read a contentEncryptionAlgorithm; UnsupportedAlgorithmError, or MalformedError for parameters out of form."""
    oid, parameters = algorithm.oid, algorithm.parameters
    if oid in (SM4, SM4_ECB) and parameters in (b"", _NULL):
        return ContentCipher("SM4", "ECB", BLOCK, b"")
    if oid in (SM4, SM4_CBC):
        return ContentCipher("SM4", "CBC", BLOCK, _read_iv(parameters))
    if oid in _AES_CBC:
        return ContentCipher("AES", "CBC", _AES_CBC[oid], _read_iv(parameters))
    if oid in _AES_GCM:
        return ContentCipher("AES", "GCM", _AES_GCM[oid], *_read_gcm(parameters))
    if oid in _SM4_GCM and parameters[:1] == bytes((der.SEQUENCE,)):
        return ContentCipher("SM4", "GCM", BLOCK, *_read_gcm(parameters))
    raise UnsupportedAlgorithmError(f"content encryption {oid}")


def encode_cipher(oid: str, iv: bytes) -> AlgorithmIdentifier:
    """Name a cipher that we write: CBC with its initial vector, GCM with nonce and a tag of 16."""
    if oid in (SM4_GCM, AES_256_GCM):
        return AlgorithmIdentifier(oid, der.sequence(der.octet_string(iv), der.integer(TAG)))
    return AlgorithmIdentifier(oid, der.octet_string(iv))


def _read_iv(parameters: bytes) -> bytes:
    iv = der.read(parameters, limit=_MAX_PARAMETERS).octets() if parameters else b""
    if len(iv) != BLOCK:
        raise MalformedError(f"an initial vector of {len(iv)} bytes")
    return iv


def _read_gcm(parameters: bytes) -> tuple[bytes, int]:
    fields = der.read(parameters, limit=_MAX_PARAMETERS).fields()
    nonce, size = fields.take(der.OCTET_STRING).octets(), fields.optional(der.INTEGER)
    fields.end()
    tag = size.integer() if size else _DEFAULT_TAG
    if not (8 <= len(nonce) <= 64 and 12 <= tag <= TAG):  # noqa: PLR2004 - what NIST SP 800-38D and our engine allow
        raise MalformedError("GCM parameters out of range")
    return nonce, tag


class _Context(Protocol):
    def update(self, data: bytes, /) -> bytes: ...
    def finalize(self) -> bytes: ...


class Encryption:
    """An encryption under way: `update` as often as needed, then `finish`; `tag` is there afterwards (GCM)."""

    def __init__(self, cipher: ContentCipher, key: bytes, aad: bytes = b"") -> None:
        """Take a fresh key; `aad` counts for GCM only."""
        self._aead: AEADEncryptionContext | None = None
        self._padder: _Context | None = None
        if cipher.mode == "GCM":
            self._aead = Cipher(_algorithm(cipher, key), _gcm(cipher)).encryptor()
            self._aead.authenticate_additional_data(aad)
            self._encryptor: _Context = self._aead
        else:
            self._padder = padding.PKCS7(8 * BLOCK).padder()
            self._encryptor = Cipher(_algorithm(cipher, key), _mode(cipher)).encryptor()

    def update(self, chunk: bytes) -> bytes:
        """Answer some ciphertext."""
        return self._encryptor.update(self._padder.update(chunk) if self._padder else chunk)

    def finish(self) -> bytes:
        """Answer the rest of the ciphertext."""
        last = self._encryptor.update(self._padder.finalize()) if self._padder else b""
        return last + self._encryptor.finalize()

    @property
    def tag(self) -> bytes:
        """Answer the tag; empty unless the mode is GCM."""
        return self._aead.tag if self._aead else b""


class Decryption:
    """A decryption under way: what `update` answers must not be used before `finish` has."""

    def __init__(self, cipher: ContentCipher, key: bytes, aad: bytes = b"") -> None:
        """Take the key; DecryptionError if it has the wrong size."""
        if len(key) != cipher.key_size:
            raise DecryptionError("the message does not open")
        self._cipher = cipher
        self._aead: AEADDecryptionContext | None = None
        if cipher.mode == "GCM":
            self._aead = Cipher(_algorithm(cipher, key), _gcm(cipher)).decryptor()
            self._aead.authenticate_additional_data(aad)
            self._decryptor: _Context = self._aead
        else:
            self._decryptor = Cipher(_algorithm(cipher, key), _mode(cipher)).decryptor()
        self._unpadder: _Context | None = padding.PKCS7(8 * BLOCK).unpadder() if cipher.mode == "CBC" else None

    def update(self, chunk: bytes) -> bytes:
        """Answer some plaintext, not yet to be trusted."""
        data = self._decryptor.update(chunk)
        return self._unpadder.update(data) if self._unpadder else data

    def finish(self, tag: bytes) -> bytes:
        """Answer the rest; DecryptionError, whatever is wrong. ECB comes with its padding, if it has any."""
        try:
            if self._aead:
                return self._finish_gcm(self._aead, tag)
            last = self._decryptor.finalize()
            return self._unpadder.update(last) + self._unpadder.finalize() if self._unpadder else last
        except (InvalidTag, ValueError):
            raise DecryptionError("the message does not open") from None

    def _finish_gcm(self, aead: AEADDecryptionContext, tag: bytes) -> bytes:
        if len(tag) != self._cipher.tag_size:
            raise DecryptionError("the message does not open")
        return aead.finalize_with_tag(tag)


def decrypt(cipher: ContentCipher, key: bytes, ciphertext: bytes, *, aad: bytes = b"", tag: bytes = b"") -> bytes:
    """Decrypt the whole of a content; DecryptionError, whatever is wrong."""
    decryption = Decryption(cipher, key, aad)
    return decryption.update(ciphertext) + decryption.finish(tag)


def strip_padding(plaintext: bytes) -> bytes | None:
    """Answer a plaintext without its PKCS#7 padding, or None if it has none."""
    unpadder = padding.PKCS7(8 * BLOCK).unpadder()
    try:
        return unpadder.update(plaintext) + unpadder.finalize()
    except ValueError:
        return None


def _algorithm(cipher: ContentCipher, key: bytes) -> algorithms.SM4 | algorithms.AES:
    return algorithms.SM4(key) if cipher.family == "SM4" else algorithms.AES(key)


def _gcm(cipher: ContentCipher) -> modes.GCM:
    return modes.GCM(cipher.iv, None, min_tag_length=_DEFAULT_TAG)


def _mode(cipher: ContentCipher) -> modes.ECB | modes.CBC:
    # ECB is read only, where a message says so (key messages of certificate authorities).
    return modes.CBC(cipher.iv) if cipher.mode == "CBC" else modes.ECB()  # noqa: S305
