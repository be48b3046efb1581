"""Recipients of enveloped messages (接收者): who they are, and taking the content key out with a private key.

SM2 wraps the key directly (GB/T 35275: SM2Cipher); RSA by OAEP, or by PKCS#1 v1.5 when reading others' messages; other
elliptic curves by key agreement (`signing.cms_key_agreement`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signing import der, sm2
from signing.algorithms import AlgorithmIdentifier, digest_name, read_algorithm
from signing.certificates import Certificate
from signing.cms_key_agreement import Agreement, unwrap_agreed
from signing.cms_types import key_identifiers
from signing.errors import DecryptionError, InvalidKeyError, LimitError, MalformedError, UnsupportedAlgorithmError
from signing.sm2_encoding import read_ciphertext

MAX_RECIPIENTS: Final = 64

SM2_ENCRYPT: Final = "1.2.156.10197.1.301.3"
_SM2_OIDS: Final = (SM2_ENCRYPT, "1.2.156.10197.1.301.2", "1.2.156.10197.1.301")
"""301.2 (key exchange) is what GmSSL writes on encrypted keys."""
RSA: Final = "1.2.840.113549.1.1.1"
OAEP: Final = "1.2.840.113549.1.1.7"
_EMPTY: Final = b"\x30\x00"
_NOTHING: Final = b"\0\0"
"""What some senders put where the issuer belongs."""
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - the default of OAEP (RFC 8017), which does not rest on collisions
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Recipient:
    """One way to the content key. Issuer and serial name the certificate, or `key_id` does and the issuer is empty."""

    issuer_der: bytes = field(repr=False)
    serial: int
    key_id: bytes
    algorithm: AlgorithmIdentifier
    encrypted_key: bytes = field(repr=False)
    agreement: Agreement | None = None

    def is_for(self, certificate: Certificate) -> bool:
        """Whether this names the certificate; some senders leave the issuer empty and give the serial only."""
        if self.key_id:
            return self.key_id in key_identifiers(certificate)
        return self.serial == certificate.serial_number and self.issuer_der in (certificate.issuer_der, _EMPTY)


class DecryptionKey(Protocol):
    """A private key that takes content keys out of messages; where it lives is its own affair."""

    def unwrap(self, recipient: Recipient) -> bytes:
        """Answer the content key; DecryptionError, UnsupportedAlgorithmError for another kind of recipient."""


@dataclass(frozen=True)
class Sm2DecryptionKey:
    """An SM2 encryption key in this process."""

    private: sm2.PrivateKey = field(repr=False)

    def unwrap(self, recipient: Recipient) -> bytes:
        """Open SM2Cipher, DER or raw in either order: C3 tells which it was."""
        if recipient.agreement or recipient.algorithm.oid not in _SM2_OIDS:
            raise UnsupportedAlgorithmError(f"key encryption {recipient.algorithm.oid} with an SM2 key")
        for order in ("C1C3C2", "C1C2C3"):
            try:
                return sm2.decrypt(self.private, read_ciphertext(recipient.encrypted_key, order).encode())
            except (DecryptionError, MalformedError, InvalidKeyError):
                continue
        raise DecryptionError("the message does not open")


@dataclass(frozen=True)
class InternationalDecryptionKey:
    """An RSA or EC key in this process.

    PKCS#1 v1.5 is only read: OpenSSL answers a wrong padding with a random key, so that it shows as any other failure.
    """

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    def unwrap(self, recipient: Recipient) -> bytes:
        """Open an RSA-encrypted key, or agree on the wrapping key."""
        try:
            match self.private:
                case rsa.RSAPrivateKey() as key if recipient.agreement is None:
                    return key.decrypt(recipient.encrypted_key, _padding(recipient.algorithm))
                case ec.EllipticCurvePrivateKey() as key if recipient.agreement is not None:
                    return unwrap_agreed(key, recipient.agreement, recipient.algorithm, recipient.encrypted_key)
        except ValueError:
            raise DecryptionError("the message does not open") from None
        raise UnsupportedAlgorithmError(f"key encryption {recipient.algorithm.oid} with this key")


def unwrap_key(recipients: Sequence[Recipient], key: DecryptionKey, certificate: Certificate | None) -> bytes:
    """Answer the content key by the recipient that the certificate is, or the first that opens if none is given.

    Raises DecryptionError when none does, UnsupportedAlgorithmError when none is of a kind known here.
    """
    mine = [one for one in recipients if certificate is None or one.is_for(certificate)]
    refused = None
    for one in mine:
        try:
            return key.unwrap(one)
        except UnsupportedAlgorithmError as error:
            refused = error
        except DecryptionError:
            refused = None
    raise refused or DecryptionError("the message does not open")


def read_recipients(block: der.Element) -> tuple[Recipient, ...]:
    """Read RecipientInfos; other kinds (passwords, shared keys) are passed over. LimitError, MalformedError."""
    children = block.expect(der.SET).children()
    if not children:
        raise MalformedError("a message without recipients")
    if len(children) > MAX_RECIPIENTS:
        raise LimitError(f"{len(children)} recipients; at most {MAX_RECIPIENTS} are read")
    found = list[Recipient]()
    for one in children:
        if one.tag == der.SEQUENCE:
            found.append(_read_transport(one.fields()))
        elif one.tag == der.context(1):
            found += _read_agreement(one.fields(one.tag))
    if len(found) > MAX_RECIPIENTS:
        raise LimitError(f"{len(found)} recipients; at most {MAX_RECIPIENTS} are read")
    return tuple(found)


def _read_transport(fields: der.Fields) -> Recipient:
    fields.take(der.INTEGER)
    name = _read_identifier(fields.take())
    algorithm = read_algorithm(fields.take(der.SEQUENCE))
    encrypted = fields.take(der.OCTET_STRING).octets()
    fields.end()
    return Recipient(*name, algorithm, encrypted)


def _read_agreement(fields: der.Fields) -> list[Recipient]:
    fields.take(der.INTEGER)
    originator = fields.take(der.context(0)).inner(der.context(0))
    ukm = fields.optional(der.context(1))
    algorithm = read_algorithm(fields.take(der.SEQUENCE))
    keys = fields.take(der.SEQUENCE).children()
    fields.end()
    if originator.tag != der.context(1):
        return []  # named by its certificate: static keys are not agreed with here
    public = Agreement(originator.raw, ukm.inner(ukm.tag).octets() if ukm else b"")
    found = list[Recipient]()
    for one in keys:
        parts = one.fields()
        name, encrypted = _read_identifier(parts.take()), parts.take(der.OCTET_STRING).octets()
        found.append(Recipient(*name, algorithm, encrypted, public))
    return found


def _read_identifier(element: der.Element) -> tuple[bytes, int, bytes]:
    """Read issuer and serial, [0] key identifier, or [0] RecipientKeyIdentifier."""
    if element.tag == der.context(0, primitive=True):
        return b"", 0, element.body
    if element.tag == der.context(0):
        return b"", 0, element.fields(element.tag).take(der.OCTET_STRING).octets()
    fields = element.fields()
    issuer, serial = fields.take(), fields.take(der.INTEGER).integer()
    fields.end()
    return _EMPTY if issuer.raw == _NOTHING else issuer.expect(der.SEQUENCE).raw, serial, b""


def _padding(algorithm: AlgorithmIdentifier) -> padding.AsymmetricPadding:
    if algorithm.oid == RSA:
        return padding.PKCS1v15()
    if algorithm.oid != OAEP:
        raise UnsupportedAlgorithmError(f"key encryption {algorithm.oid} with an RSA key")
    names = {0: "sha1", 1: "sha1"}
    parameters = der.read(algorithm.parameters or _EMPTY, limit=1024)
    for one in parameters.expect(der.SEQUENCE).children():
        if one.tag == der.context(0):
            names[0] = digest_name(read_algorithm(one.inner(one.tag)))
        elif one.tag == der.context(1):
            mgf = one.inner(one.tag).fields()
            mgf.take(der.OID)
            names[1] = digest_name(read_algorithm(mgf.take(der.SEQUENCE)))
        else:
            raise UnsupportedAlgorithmError("OAEP with a label")
    if not set(names.values()) <= _HASHES.keys():
        raise UnsupportedAlgorithmError("OAEP with these digests")
    return padding.OAEP(padding.MGF1(_HASHES[names[1]]), _HASHES[names[0]], None)
