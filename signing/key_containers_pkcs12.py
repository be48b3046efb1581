"""PKCS#12 (RFC 7292), reading: keys and certificates of one owner under a passphrase, BER as Java writes it.

The MAC is checked before anything is decrypted; a file without one is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import constant_time, hashes, hmac

from signing import der
from signing.algorithms import digest_name, read_algorithm
from signing.certificates import Certificate, parse_certificate
from signing.errors import KeystoreError, LimitError, MalformedError, UnsupportedAlgorithmError
from signing.key_containers import AnyKey, parse_pkcs8
from signing.key_containers_pbe import CLOSED, FOR_MAC, Effort, derive_pkcs12, open_protected

MAX_PKCS12: Final = 256 << 10
"""Bytes."""
_MAX_BAGS: Final = 64
_MAX_DEPTH: Final = 4
_KEY_COST: Final = 500_000
"""Rounds that reading a key counts for: an RSA-4096 key is checked for a third of a second."""
_DATA: Final = ("1.2.840.113549.1.7.1", "1.2.156.10197.6.1.4.2.1")
_ENCRYPTED: Final = ("1.2.840.113549.1.7.6", "1.2.156.10197.6.1.4.2.5")
_KEY_BAG, _SHROUDED, _CERTIFICATE, _NESTED = (f"1.2.840.113549.1.12.10.1.{n}" for n in (1, 2, 3, 6))
_X509: Final = "1.2.840.113549.1.9.22.1"
_VERSION: Final = 3
_DIGESTS: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sm3": hashes.SM3,
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass(frozen=True)
class Pkcs12:
    """What was in a file, in its order."""

    keys: tuple[AnyKey, ...]
    certificates: tuple[Certificate, ...]


def parse_pkcs12(data: bytes, passphrase: str) -> Pkcs12:
    """Read a PKCS#12 file.

    KeystoreError for a wrong passphrase, a wrong MAC or none; LimitError for too many bytes, rounds or bags;
    MalformedError; UnsupportedAlgorithmError for a protection, a MAC or a key that is not used here.
    """
    fields = der.read(data, limit=MAX_PKCS12).fields()
    if fields.take(der.INTEGER).integer() != _VERSION:
        raise MalformedError("an unknown version of PKCS#12")
    authenticated, mac = fields.take(der.SEQUENCE), fields.optional(der.SEQUENCE)
    fields.end()
    if mac is None:
        raise KeystoreError("a PKCS#12 file without a MAC")
    content, effort = _content(authenticated), Effort()
    _require_mac(mac.fields(), content, passphrase, effort)
    reader = _Reader(passphrase, effort)
    for info in der.read(content, limit=MAX_PKCS12).expect(der.SEQUENCE).children():
        reader.read_contents(info)
    return Pkcs12(tuple(reader.keys), tuple(reader.certificates))


def _content(info: der.Element) -> bytes:
    """Answer the octets of a ContentInfo of plain data."""
    fields = info.fields()
    oid = fields.take(der.OID).oid()
    if oid not in _DATA:
        raise UnsupportedAlgorithmError(f"PKCS#12 content {oid}")
    return fields.take(der.context(0)).inner(der.context(0)).octets()


def _require_mac(mac: der.Fields, content: bytes, passphrase: str, effort: Effort) -> None:
    digest_info, salt = mac.take(der.SEQUENCE).fields(), mac.take(der.OCTET_STRING).octets()
    rounds = mac.optional(der.INTEGER)
    mac.end()
    algorithm, expected = read_algorithm(digest_info.take(der.SEQUENCE)), digest_info.take(der.OCTET_STRING).octets()
    name = digest_name(algorithm)
    chosen = _DIGESTS[name]()
    count = rounds.integer() if rounds else 1
    size = chosen.digest_size
    key = derive_pkcs12(name, passphrase, salt, purpose=FOR_MAC, rounds=count, size=size, effort=effort)
    computed = hmac.HMAC(key, chosen)
    computed.update(content)
    if not constant_time.bytes_eq(computed.finalize(), expected):
        raise KeystoreError(CLOSED)


@dataclass
class _Reader:
    """Walks the bags of one file, within one effort and one count."""

    passphrase: str = field(repr=False)
    effort: Effort
    keys: list[AnyKey] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    bags: int = 0

    def read_contents(self, info: der.Element) -> None:
        oid = info.fields().take(der.OID).oid()
        safe, encrypted = (self._decrypt(info), True) if oid in _ENCRYPTED else (_content(info), False)
        try:
            self._read_bags(der.read(safe, limit=MAX_PKCS12), 0)
        except MalformedError as error:
            raise KeystoreError(CLOSED) if encrypted else error from error

    def _decrypt(self, info: der.Element) -> bytes:
        fields = info.fields()
        fields.take(der.OID)
        data = fields.take(der.context(0)).inner(der.context(0)).fields()
        data.take(der.INTEGER)
        inner = data.take(der.SEQUENCE).fields()
        inner.take(der.OID)
        algorithm, content = inner.take(der.SEQUENCE), inner.take(der.context(0), der.context(0, primitive=True))
        pieces = content.children() if content.tag == der.context(0) else ()
        octets = b"".join(piece.octets() for piece in pieces) if pieces else content.body
        return open_protected(algorithm, octets, self.passphrase, self.effort, public=True)

    def _read_bags(self, safe: der.Element, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise LimitError(f"bags nested deeper than {_MAX_DEPTH}")
        for kind, value in self._bags(safe):
            if kind in (_KEY_BAG, _SHROUDED):
                self.effort.spend(_KEY_COST)
            if kind == _KEY_BAG:
                self.keys.append(parse_pkcs8(value.raw))
            elif kind == _SHROUDED:
                self.keys.append(open_shrouded(value, self.passphrase, self.effort))
            elif kind == _CERTIFICATE:
                self.certificates += _certificate(value)
            elif kind == _NESTED:
                self._read_bags(value, depth + 1)

    def _bags(self, safe: der.Element) -> Iterator[tuple[str, der.Element]]:
        for bag in safe.expect(der.SEQUENCE).children():
            self.bags += 1
            if self.bags > _MAX_BAGS:
                raise LimitError(f"more than {_MAX_BAGS} bags")
            fields = bag.fields()
            yield fields.take(der.OID).oid(), fields.take(der.context(0)).inner(der.context(0))


def open_shrouded(element: der.Element, passphrase: str, effort: Effort) -> AnyKey:
    """Open EncryptedPrivateKeyInfo (PKCS#8); KeystoreError when it does not open, others as for parse_pkcs8."""
    fields = element.fields()
    algorithm, content = fields.take(der.SEQUENCE), fields.take(der.OCTET_STRING).octets()
    fields.end()
    info = open_protected(algorithm, content, passphrase, effort)
    try:
        return parse_pkcs8(info)
    except MalformedError:  # one wrong passphrase in 256 leaves a padding behind
        raise KeystoreError(CLOSED) from None


def _certificate(value: der.Element) -> tuple[Certificate, ...]:
    fields = value.fields()
    if fields.take(der.OID).oid() != _X509:
        return ()
    return (parse_certificate(fields.take(der.context(0)).inner(der.context(0)).octets()),)
