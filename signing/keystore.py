"""Private keys and secrets at rest: EncryptedPrivateKeyInfo files (RFC 5958, RFC 8018) with the GM algorithms.

Written as PBES2 with PBKDF2-HMAC-SM3 (65,536 rounds, 16-byte salt) and SM4-CBC, DER, mode 0600, never over an existing
file. Read also in other PBES2 protections, as OpenSSL writes them. SM4-CBC proves nothing about what it opens: each
key carries its public key, each secret its digest. Keys that others made come in through `signing.key_files`.
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
from signing.errors import InvalidKeyError, KeystoreError, MalformedError, UnsupportedAlgorithmError
from signing.key_containers import (
    MAX_KEY,
    AnyKey,
    encode_pkcs8,
    parse_international,
    parse_sm2_content,
    private_key_info,
    read_private_key_info,
)
from signing.key_containers_pbe import (
    CLOSED,
    HMAC_SM3,
    PBES2,
    PBKDF2,
    SM4_CBC,
    Effort,
    open_protected,
    require_passphrase,
)
from signing.schemes import InternationalKey, Sm2Key, encode_spki
from signing.sm2_keys import PrivateKey

ITERATIONS: Final = 65_536
"""Rounds of PBKDF2 that are written."""
SECRET: Final = 32
"""Bytes of a symmetric secret."""

_MAX_FILE: Final = 8192
_BLOCK: Final = 16


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
    info = private_key_info(der.sequence(der.oid(HMAC_SM3)), secret + sm3(secret))
    _save(path, protect(info, passphrase, random))


def load_secret(path: Path, passphrase: str) -> bytes:
    """Read a 32-byte secret back; KeystoreError as for load_key."""
    try:
        oids, content = read_private_key_info(unprotect(_load(path), passphrase))
    except MalformedError as error:
        raise KeystoreError(CLOSED) from error
    if oids != (HMAC_SM3,) or sm3(content[:SECRET]) != content[SECRET:]:
        raise KeystoreError("this is not a secret, or it is damaged")
    return content[:SECRET]


def save_signing_key(path: Path, key: AnyKey, passphrase: str, random: Callable[[int], bytes]) -> None:
    """Keep a private key of either suite. KeystoreError as for save_key."""
    info = encode_pkcs8(key)
    _save(path, protect(_with_public(info, key) if isinstance(key, InternationalKey) else info, passphrase, random))


def load_signing_key(path: Path, passphrase: str) -> AnyKey:
    """Read a private key of either suite back; KeystoreError as for load_key."""
    info = unprotect(_load(path), passphrase)
    try:
        return _parse_with_public(info)
    except (MalformedError, InvalidKeyError, UnsupportedAlgorithmError) as error:
        raise KeystoreError(f"this is not a signing key with its public key: {error}") from error


def encode_key(key: PrivateKey) -> bytes:
    """Write PrivateKeyInfo (PKCS#8) DER with the public key inside; the caller protects it."""
    return encode_pkcs8(Sm2Key(key))


def parse_key(info: bytes, *, require_public: bool = False) -> PrivateKey:
    """Read PrivateKeyInfo of an SM2 key. KeystoreError for anything else, or a pair that does not belong together."""
    try:
        oids, content = read_private_key_info(info)
        return parse_sm2_content(oids, content, require_public=require_public).private
    except (MalformedError, InvalidKeyError, UnsupportedAlgorithmError) as error:
        raise KeystoreError(f"this is not an SM2 key: {error}") from error


def protect(info: bytes, passphrase: str, random: Callable[[int], bytes]) -> bytes:
    """Encrypt a PrivateKeyInfo: EncryptedPrivateKeyInfo DER."""
    secret = require_passphrase(passphrase).encode()
    salt, iv = random(_BLOCK), random(_BLOCK)
    prf = der.sequence(der.oid(HMAC_SM3))
    kdf_parameters = der.sequence(der.octet_string(salt), der.integer(ITERATIONS), der.integer(_BLOCK), prf)
    scheme = der.sequence(
        der.sequence(der.oid(PBKDF2), kdf_parameters),
        der.sequence(der.oid(SM4_CBC), der.octet_string(iv)),
    )
    padder = padding.PKCS7(8 * _BLOCK).padder()
    key = PBKDF2HMAC(hashes.SM3(), _BLOCK, salt, ITERATIONS).derive(secret)
    encryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).encryptor()
    content = encryptor.update(padder.update(info) + padder.finalize()) + encryptor.finalize()
    return der.sequence(der.sequence(der.oid(PBES2), scheme), der.octet_string(content))


def unprotect(data: bytes, passphrase: str) -> bytes:
    """Decrypt EncryptedPrivateKeyInfo; KeystoreError for a wrong passphrase or an unknown protection."""
    try:
        fields = der.read(data, limit=_MAX_FILE).fields()
        algorithm, content = fields.take(der.SEQUENCE), fields.take(der.OCTET_STRING).body
        fields.end()
        return open_protected(algorithm, content, passphrase, Effort())
    except (MalformedError, UnsupportedAlgorithmError) as error:
        raise KeystoreError(CLOSED) from error


def _with_public(info: bytes, key: InternationalKey) -> bytes:
    """Write OneAsymmetricKey (RFC 5958): PrivateKeyInfo with version 1 and the public key in it."""
    _, *rest = der.read(info, limit=MAX_KEY).expect(der.SEQUENCE).children()
    public = der.tlv(der.context(1, primitive=True), b"\0", _public_bits(key))
    return der.sequence(der.integer(1), *(field.raw for field in rest), public)


def _parse_with_public(info: bytes) -> AnyKey:
    fields = der.read(info, limit=2 * MAX_KEY).fields()
    version, algorithm, content = fields.take(der.INTEGER), fields.take(der.SEQUENCE), fields.take(der.OCTET_STRING)
    public = fields.optional(der.context(1, primitive=True))
    if public is None:
        return Sm2Key(parse_key(info, require_public=True))
    fields.end()
    key = parse_international(der.sequence(der.integer(0), algorithm.raw, content.raw))
    if version.integer() != 1 or public.body != b"\0" + _public_bits(key):
        raise InvalidKeyError("this public key belongs to another private key")
    return key


def _public_bits(key: InternationalKey) -> bytes:
    spki = der.read(encode_spki(key.public_key), limit=MAX_KEY).fields()
    spki.take(der.SEQUENCE)
    return spki.take(der.BIT_STRING).bits()


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
