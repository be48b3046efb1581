"""Private-key files (密钥文件) of either suite, whatever they are: the contents decide, never the file's name.

Read: PKCS#8 plain and encrypted, SEC 1, PKCS#1, PKCS#12, CFCA `.sm2`, SM2EnvelopedKey; DER (BER), PEM, or base64
alone. Written: PKCS#8, SEC 1 and SM2EnvelopedKey; files of our own are `signing.keystore`'s.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signing import der
from signing.certificates import Certificate, parse_certificate
from signing.errors import InvalidKeyError, KeystoreError, LimitError, MalformedError, UnsupportedAlgorithmError
from signing.key_containers import AnyKey, encode_pkcs8, encode_sec1, parse_international, parse_pkcs8, parse_sec1
from signing.key_containers_cfca import parse_cfca
from signing.key_containers_enveloped import (
    CsrResponse,
    open_enveloped_key,
    parse_csr_response,
    seal_enveloped_key,
)
from signing.key_containers_pbe import Effort
from signing.key_containers_pkcs12 import MAX_PKCS12, Pkcs12, open_shrouded, parse_pkcs12
from signing.keystore import protect
from signing.schemes import Sm2Key
from signing.sm2_keys import PrivateKey

__all__ = [
    "AnyKey",
    "CsrResponse",
    "KeyFile",
    "Pkcs12",
    "encode_pem",
    "encode_pkcs8",
    "encode_protected",
    "encode_sec1",
    "open_enveloped_key",
    "parse_csr_response",
    "parse_pkcs12",
    "read_key_file",
    "seal_enveloped_key",
]

MAX_FILE: Final = 2 * MAX_PKCS12
"""Bytes; base64 takes a third more than what it holds."""
_MAX_BLOCKS: Final = 32
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_SPACE: Final = re.compile(rb"\s+")
_KEY_LABELS: Final = frozenset(
    {
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "EC PRIVATE KEY",
        "SM2 PRIVATE KEY",
        "RSA PRIVATE KEY",
        "CFCA KEY",
        "PKCS12",
    }
)
_CERTIFICATE_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})


@dataclass(frozen=True)
class KeyFile:
    """One private key and the certificates that came with it, those of this key first."""

    key: AnyKey
    certificates: tuple[Certificate, ...] = ()

    @property
    def certificate(self) -> Certificate | None:
        """The certificate of this very key, None when there is none."""
        return next((one for one in self.certificates if one.public_key == self.key.public_key), None)

    def require_sm2(self) -> PrivateKey:
        """Answer the SM2 key; InvalidKeyError when it is a key of the other suite."""
        if not isinstance(self.key, Sm2Key):
            raise InvalidKeyError("this is not an SM2 key")
        return self.key.private


def read_key_file(data: bytes, passphrase: str = "", *, recipient: PrivateKey | None = None) -> KeyFile:
    """Read the one private key of a file; `recipient` opens SM2EnvelopedKey.

    KeystoreError for a wrong or missing passphrase, a missing MAC, no key or several, or a key out of range or of
    another public key; MalformedError for bytes that are no key file, LimitError for too many or too many rounds;
    UnsupportedAlgorithmError for a protection or a kind of key that is not used here; DecryptionError for an
    SM2EnvelopedKey that does not open.
    """
    if len(data) > MAX_FILE:
        raise LimitError(f"{len(data)} bytes; a key file has at most {MAX_FILE}")
    try:
        return _read(data, passphrase, recipient)
    except InvalidKeyError as error:
        raise KeystoreError(f"the key in this file is not usable: {error}") from error


def encode_protected(key: AnyKey, passphrase: str, random: Callable[[int], bytes]) -> bytes:
    """Write EncryptedPrivateKeyInfo DER: PBES2, PBKDF2 with HMAC-SM3, SM4-CBC. KeystoreError without a passphrase."""
    return protect(encode_pkcs8(key), passphrase, random)


def encode_pem(label: str, data: bytes) -> bytes:
    """Write PEM with lines of 64 characters (RFC 7468)."""
    text = base64.b64encode(data)
    lines = (text[i : i + 64] for i in range(0, len(text), 64))
    return b"\n".join((b"-----BEGIN %b-----" % label.encode(), *lines, b"-----END %b-----\n" % label.encode()))


def _read(data: bytes, passphrase: str, recipient: PrivateKey | None) -> KeyFile:
    if b"-----BEGIN " in data:
        return _read_pem(data, passphrase, recipient)
    if data[:1] != b"\x30":
        data = _decode_base64(data)
    return _read_der(data, passphrase, recipient)


def _read_pem(data: bytes, passphrase: str, recipient: PrivateKey | None) -> KeyFile:
    if b"Proc-Type:" in data:
        raise UnsupportedAlgorithmError("an old PEM protection: convert the key to PKCS#8")
    blocks = [(found[1].decode(), found[2]) for found in _PEM.finditer(data)]
    if len(blocks) > _MAX_BLOCKS:
        raise LimitError(f"more than {_MAX_BLOCKS} PEM blocks")
    keys = [body for label, body in blocks if label in _KEY_LABELS]
    if len(keys) != 1:
        raise KeystoreError(f"{len(keys)} private keys in one file; one is read")
    file = _read_der(_decode_base64(keys[0]), passphrase, recipient)
    named = tuple(parse_certificate(_decode_base64(body)) for label, body in blocks if label in _CERTIFICATE_LABELS)
    return _key_file(file.key, (*file.certificates, *named))


def _decode_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(_SPACE.sub(b"", text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("this is neither DER nor PEM nor base64") from error


def _read_der(data: bytes, passphrase: str, recipient: PrivateKey | None) -> KeyFile:
    """Tell the structures apart by the tags of their first fields."""
    outer = der.read(data, limit=MAX_PKCS12)
    tags = [child.tag for child in outer.expect(der.SEQUENCE).children()]
    parse = _PLAIN.get(tuple(tags[:3])) or _PLAIN.get(tuple(tags[:2]))
    if parse is not None:
        return KeyFile(parse(data))
    match tags:
        case [der.SEQUENCE, der.OCTET_STRING]:
            return KeyFile(open_shrouded(outer, passphrase, Effort()))
        case [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING, der.BIT_STRING]:
            return KeyFile(Sm2Key(_open_enveloped(data, recipient)))
        case [der.INTEGER, der.SEQUENCE, *_] if _is_pkcs12(outer):
            return _read_pkcs12(data, passphrase)
        case [der.INTEGER, der.SEQUENCE, der.SEQUENCE] | [der.SEQUENCE, der.SEQUENCE]:
            private, certificate = parse_cfca(data, passphrase)
            return KeyFile(Sm2Key(private), (certificate,))
    raise MalformedError("this is no private-key file")


_PLAIN: Final[dict[tuple[int, ...], Callable[[bytes], AnyKey]]] = {
    (der.INTEGER, der.SEQUENCE, der.OCTET_STRING): parse_pkcs8,
    (der.INTEGER, der.OCTET_STRING): parse_sec1,
    (der.INTEGER, der.OCTET_STRING, der.context(0)): parse_sec1,
    (der.INTEGER, der.INTEGER): parse_international,  # RSA, PKCS#1
}


def _is_pkcs12(outer: der.Element) -> bool:
    return outer.children()[0].integer() == 3  # noqa: PLR2004 - its version; CFCA's is 1


def _read_pkcs12(data: bytes, passphrase: str) -> KeyFile:
    found = parse_pkcs12(data, passphrase)
    if len(found.keys) != 1:
        raise KeystoreError(f"{len(found.keys)} private keys in one file; one is read")
    return _key_file(found.keys[0], found.certificates)


def _open_enveloped(data: bytes, recipient: PrivateKey | None) -> PrivateKey:
    if recipient is None:
        raise KeystoreError("an enveloped key opens with the signing key of its addressee")
    return open_enveloped_key(data, recipient)


def _key_file(key: AnyKey, certificates: tuple[Certificate, ...]) -> KeyFile:
    return KeyFile(key, tuple(sorted(certificates, key=lambda one: one.public_key != key.public_key)))
