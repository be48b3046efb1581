"""Private keys and secrets at rest: EncryptedPrivateKeyInfo files (RFC 5958, RFC 8018) with the GM algorithms.

Written as PBES2 with PBKDF2-HMAC-SM3 (65,536 rounds, 16-byte salt) and SM4-CBC, DER, mode 0600, never over an existing
file. Read also with HMAC-SHA-256, as OpenSSL writes it.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from signing import der
from signing.digests import sm3
from signing.errors import InvalidKeyError, KeystoreError, MalformedError
from signing.sm2_keys import PrivateKey, PublicKey

ITERATIONS: Final = 65_536
"""Rounds of PBKDF2 that are written."""
SECRET: Final = 32
"""Bytes of a symmetric secret."""

_MAX_ITERATIONS: Final = 2_000_000
_MAX_FILE: Final = 8192
_BLOCK: Final = 16
_SALT: Final = range(8, 65)

_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
_SM4_CBC: Final = "1.2.156.10197.1.104.2"
_HMAC_SM3: Final = "1.2.156.10197.1.401.2"
_PRFS: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    _HMAC_SM3: hashes.SM3,
    "1.2.156.10197.1.401.3.1": hashes.SM3,  # OpenSSL's number for the same
    "1.2.840.113549.2.9": hashes.SHA256,
}
_EC, _SM2 = "1.2.840.10045.2.1", "1.2.156.10197.1.301"


def save_key(path: Path, key: PrivateKey, passphrase: str, random: Callable[[int], bytes]) -> None:
    """Keep a private key under a passphrase. KeystoreError if the file exists or the passphrase is empty."""
    _save(path, protect(encode_key(key), passphrase, random))


def load_key(path: Path, passphrase: str) -> PrivateKey:
    """Read a private key back; KeystoreError if the file is missing, readable by others, or does not open."""
    # SM4-CBC proves nothing about what it opens: the public key inside must be there to prove the private one.
    return parse_key(unprotect(_load(path), passphrase), require_public=True)


def save_secret(path: Path, secret: bytes, passphrase: str, random: Callable[[int], bytes]) -> None:
    """Keep a 32-byte symmetric secret like a private key. KeystoreError as for save_key."""
    if len(secret) != SECRET:
        raise KeystoreError(f"a secret has {SECRET} bytes")
    # The digest proves the secret, as its public key proves a private key.
    info = _private_key_info(der.sequence(der.oid(_HMAC_SM3)), secret + sm3(secret))
    _save(path, protect(info, passphrase, random))


def load_secret(path: Path, passphrase: str) -> bytes:
    """Read a 32-byte secret back; KeystoreError as for load_key."""
    try:
        oids, content = _read_private_key_info(unprotect(_load(path), passphrase))
    except MalformedError as error:
        raise KeystoreError(_CLOSED) from error
    if oids != [_HMAC_SM3] or sm3(content[:SECRET]) != content[SECRET:]:
        raise KeystoreError("this is not a secret, or it is damaged")
    return content[:SECRET]


def encode_key(key: PrivateKey) -> bytes:
    """Write PrivateKeyInfo (PKCS#8) DER with the public key inside; the caller protects it."""
    public = der.explicit(1, der.bit_string(key.public.point))
    ec_private_key = der.sequence(der.integer(1), der.octet_string(key.scalar()), public)
    return _private_key_info(der.sequence(der.oid(_EC), der.oid(_SM2)), ec_private_key)


def parse_key(info: bytes, *, require_public: bool = False) -> PrivateKey:
    """Read PrivateKeyInfo of an SM2 key. KeystoreError for anything else, or a pair that does not belong together."""
    try:
        oids, content = _read_private_key_info(info)
        return _parse_ec_private_key(oids, content, require_public=require_public)
    except (MalformedError, InvalidKeyError) as error:
        raise KeystoreError(f"this is not an SM2 key: {error}") from error


def protect(info: bytes, passphrase: str, random: Callable[[int], bytes]) -> bytes:
    """Encrypt a PrivateKeyInfo: EncryptedPrivateKeyInfo DER."""
    salt, iv = random(_BLOCK), random(_BLOCK)
    prf = der.sequence(der.oid(_HMAC_SM3))
    kdf_parameters = der.sequence(der.octet_string(salt), der.integer(ITERATIONS), der.integer(_BLOCK), prf)
    scheme = der.sequence(
        der.sequence(der.oid(_PBKDF2), kdf_parameters),
        der.sequence(der.oid(_SM4_CBC), der.octet_string(iv)),
    )
    padder = padding.PKCS7(8 * _BLOCK).padder()
    key = _derive(hashes.SM3, passphrase, salt, ITERATIONS)
    encryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).encryptor()
    content = encryptor.update(padder.update(info) + padder.finalize()) + encryptor.finalize()
    return der.sequence(der.sequence(der.oid(_PBES2), scheme), der.octet_string(content))


def unprotect(data: bytes, passphrase: str) -> bytes:
    """Decrypt EncryptedPrivateKeyInfo; KeystoreError for a wrong passphrase or an unknown protection."""
    try:
        fields = der.read(data, limit=_MAX_FILE).fields()
        algorithm, content = fields.take(der.SEQUENCE).fields(), fields.take(der.OCTET_STRING).body
        fields.end()
        _expect_oid(algorithm, _PBES2)
        key, iv = _read_pbes2(algorithm.take(der.SEQUENCE).fields(), passphrase)
        decryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).decryptor()
        unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
        return unpadder.update(decryptor.update(content) + decryptor.finalize()) + unpadder.finalize()
    except (MalformedError, ValueError) as error:  # ValueError: lengths and padding
        raise KeystoreError(_CLOSED) from error


_CLOSED: Final = "the file is damaged, or does not open with this passphrase"


def _private_key_info(algorithm: bytes, content: bytes) -> bytes:
    return der.sequence(der.integer(0), algorithm, der.octet_string(content))


def _read_private_key_info(info: bytes) -> tuple[list[str], bytes]:
    """Answer the object identifiers of the algorithm, and the key within."""
    fields = der.read(info, limit=_MAX_FILE).fields()
    if fields.take(der.INTEGER).integer() not in (0, 1):
        raise KeystoreError("an unknown version of PKCS#8")
    oids = [field.oid() for field in fields.take(der.SEQUENCE).fields().rest]
    return oids, fields.take(der.OCTET_STRING).body


def _parse_ec_private_key(oids: list[str], content: bytes, *, require_public: bool) -> PrivateKey:
    if oids not in ([_EC, _SM2], [_SM2, _SM2]):  # the second is Tongsuo's way
        raise KeystoreError("this is not an SM2 key")
    fields = der.read(content, limit=_MAX_FILE).fields()
    if fields.take(der.INTEGER).integer() != 1:
        raise KeystoreError("an unknown version of ECPrivateKey")
    scalar = fields.take(der.OCTET_STRING).body
    parameters, public = fields.optional(der.context(0)), fields.optional(der.context(1))
    fields.end()
    if (parameters and parameters.inner(der.context(0)).oid() != _SM2) or (require_public and not public):
        raise KeystoreError("this is not an SM2 key with its public key")
    point = public.inner(der.context(1)).bits() if public else None
    return PrivateKey.from_scalar(scalar, PublicKey(point) if point else None)


def _read_pbes2(scheme: der.Fields, passphrase: str) -> tuple[bytes, bytes]:
    """Answer key and initialisation vector."""
    derivation, cipher = scheme.take(der.SEQUENCE).fields(), scheme.take(der.SEQUENCE).fields()
    _expect_oid(derivation, _PBKDF2)
    _expect_oid(cipher, _SM4_CBC)
    parameters = derivation.take(der.SEQUENCE).fields()
    salt, iterations = parameters.take(der.OCTET_STRING).body, parameters.take(der.INTEGER).integer()
    length = parameters.optional(der.INTEGER)
    prf = _PRFS.get(parameters.take(der.SEQUENCE).fields().take(der.OID).oid())
    if (length and length.integer() != _BLOCK) or prf is None:
        raise KeystoreError("an unknown protection")
    if len(salt) not in _SALT or not 1 <= iterations <= _MAX_ITERATIONS:
        raise KeystoreError(f"the salt has 8 to 64 bytes, the rounds are at most {_MAX_ITERATIONS}")
    return _derive(prf, passphrase, salt, iterations), cipher.take(der.OCTET_STRING).body


def _expect_oid(fields: der.Fields, expected: str) -> None:
    if fields.take(der.OID).oid() != expected:
        raise KeystoreError("an unknown protection")


def _derive(prf: type[hashes.HashAlgorithm], passphrase: str, salt: bytes, iterations: int) -> bytes:
    if not passphrase:
        raise KeystoreError("the passphrase is empty")
    return PBKDF2HMAC(prf(), _BLOCK, salt, iterations).derive(passphrase.encode())


def _save(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600, durable on return; a key is never written over another."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeystoreError(f"{path.name} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeystoreError(f"{path.name} cannot be written: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # has no descriptors of folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if os.name != "nt" and (not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077):
                raise KeystoreError(f"{path.name} must be a plain file that only its owner can read (mode 0600)")
            return stream.read(_MAX_FILE + 1)
    except OSError as error:
        raise KeystoreError(f"{path.name} cannot be read: {error.strerror}") from error
