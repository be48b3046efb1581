"""Making certificates and revocation lists (签发): GB/T 20518 profiles, SM2 with SM3, DER throughout.

Only DER is built here; the key signs `tbs` and stays with its holder, so these builders serve a sandbox CA and a
hardware one alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import SM2_SIGNATURE, encode_public_key
from signing.certificates import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    COMMON_NAME,
    COUNTRY,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    KEY_USAGES,
    ORGANISATION,
    ORGANISATION_IDENTIFIER,
    SERIAL_NUMBER,
    SUBJECT_KEY_ID,
    TITLE,
    USCC_EXTENSION,
    Certificate,
)
from signing.digests import sm3
from signing.revocation import REASONS
from signing.sm2 import PublicKey

SIGNING: Final = ("digitalSignature", "nonRepudiation")
"""Key usage of a signing certificate (签名证书)."""
ENCRYPTION: Final = ("keyEncipherment", "dataEncipherment", "keyAgreement")
"""Key usage of an encryption certificate (加密证书)."""
AUTHORITY: Final = ("keyCertSign", "cRLSign")

_PRINTABLE: Final = frozenset({COUNTRY, SERIAL_NUMBER})
_NO_REASON: Final = REASONS[0]
Signer = Callable[[bytes], bytes]
"""Signs bytes with the issuer's key: DER SM2 signature."""


@dataclass(frozen=True)
class Subject:
    """A distinguished name, written C, O, organizationIdentifier, title, serialNumber, CN; empty parts are left out."""

    common_name: str
    organisation: str = ""
    organisation_id: str = ""
    title: str = ""
    person_id: str = ""
    country: str = "CN"

    def encode(self) -> bytes:
        """Encode as an RDNSequence: PrintableString for C and serialNumber, UTF8String for the rest."""
        parts = (
            (COUNTRY, self.country),
            (ORGANISATION, self.organisation),
            (ORGANISATION_IDENTIFIER, self.organisation_id),
            (TITLE, self.title),
            (SERIAL_NUMBER, self.person_id),
            (COMMON_NAME, self.common_name),
        )
        return der.sequence(*(_attribute(oid, text) for oid, text in parts if text))


@dataclass(frozen=True)
class CertificateRequest:
    """What a certificate shall say. `uscc` (if any) goes into extension 1.2.156.10260.4.1.4 as UTF8String."""

    subject: Subject
    public_key: PublicKey
    serial: int
    not_before: datetime
    not_after: datetime
    key_usage: Sequence[str] = SIGNING
    purposes: Sequence[str] = ()
    purposes_critical: bool = False
    uscc: str = ""
    is_ca: bool = False
    path_length: int | None = None


def build_certificate(request: CertificateRequest, issuer: Certificate | None, sign: Signer) -> bytes:
    """Build and sign a certificate; without an issuer it is self-signed. Answers DER."""
    subject = request.subject.encode()
    algorithm = SM2_SIGNATURE.encode()
    tbs = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(request.serial),
        algorithm,
        issuer.subject_der if issuer else subject,
        der.sequence(*(der.time(t, utc_until_2050=True) for t in (request.not_before, request.not_after))),
        subject,
        encode_public_key(request.public_key),
        der.explicit(3, der.sequence(*_extensions(request, issuer))),
    )
    return der.sequence(tbs, algorithm, der.bit_string(sign(tbs)))


@dataclass(frozen=True)
class Revocation:
    """One entry of a list; `reason` is a name of RFC 5280 5.3.1."""

    serial: int
    at: datetime
    reason: str = _NO_REASON


def build_crl(
    issuer: Certificate,
    revocations: Sequence[Revocation],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    sign: Signer,
) -> bytes:
    """Build and sign a whole CRL (v2, with authority key id and number). Answers DER."""
    algorithm = SM2_SIGNATURE.encode()
    entries = [_entry(one) for one in sorted(revocations, key=lambda one: one.serial)]
    extensions = (
        _extension(AUTHORITY_KEY_ID, _authority_key(_public(issuer))),
        _extension("2.5.29.20", der.integer(number)),
    )
    tbs = der.sequence(
        der.integer(1),
        algorithm,
        issuer.subject_der,
        der.time(this_update, utc_until_2050=True),
        der.time(next_update, utc_until_2050=True),
        *([der.sequence(*entries)] if entries else []),
        der.explicit(0, der.sequence(*extensions)),
    )
    return der.sequence(tbs, algorithm, der.bit_string(sign(tbs)))


def _extensions(request: CertificateRequest, issuer: Certificate | None) -> list[bytes]:
    usage = der.named_bits(*(KEY_USAGES.index(name) for name in request.key_usage))
    found = [
        _extension(SUBJECT_KEY_ID, der.octet_string(_key_id(request.public_key))),
        _extension(AUTHORITY_KEY_ID, _authority_key(_public(issuer) if issuer else request.public_key)),
        _extension(KEY_USAGE, usage, critical=True),
    ]
    if request.is_ca:
        length = [der.integer(request.path_length)] if request.path_length is not None else []
        found.append(_extension(BASIC_CONSTRAINTS, der.sequence(der.boolean(True), *length), critical=True))
    if request.purposes:
        purposes = der.sequence(*(der.oid(purpose) for purpose in request.purposes))
        found.append(_extension(EXTENDED_KEY_USAGE, purposes, critical=request.purposes_critical))
    if request.uscc:
        found.append(_extension(USCC_EXTENSION, der.utf8(request.uscc)))
    return found


def _attribute(oid: str, text: str) -> bytes:
    value = der.printable(text) if oid in _PRINTABLE else der.utf8(text)
    return der.set_of(der.sequence(der.oid(oid), value))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(der.oid(oid), der.boolean(True) if critical else b"", der.octet_string(value))


def _entry(one: Revocation) -> bytes:
    reason = der.tlv(der.ENUMERATED, bytes((REASONS.index(one.reason),)))
    extensions = [] if one.reason == _NO_REASON else [der.sequence(_extension("2.5.29.21", reason))]
    return der.sequence(der.integer(one.serial), der.time(one.at, utc_until_2050=True), *extensions)


def _public(certificate: Certificate) -> PublicKey:
    if not isinstance(certificate.public_key, PublicKey):
        raise TypeError("an SM2 issuer is needed")
    return certificate.public_key


def _key_id(public: PublicKey) -> bytes:
    """Answer 20 octets of SM3 over the point (RFC 5280 4.2.1.2 leaves the method open)."""
    return sm3(public.point)[:20]


def _authority_key(public: PublicKey) -> bytes:
    return der.sequence(der.tlv(der.context(0, primitive=True), _key_id(public)))
