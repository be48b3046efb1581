"""Making certificates and revocation lists (签发): GB/T 20518 profiles, either suite, DER throughout.

Only DER is built here; the key signs `tbs` and stays with its holder, so these builders serve a sandbox CA and a
hardware one alike. Subject and issuer may be of different suites: the issuer's key decides how is signed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing import der
from signing.certificates import Certificate
from signing.distinguished_names import (
    COMMON_NAME,
    COUNTRY,
    ORGANISATION,
    ORGANISATION_IDENTIFIER,
    SERIAL_NUMBER,
    TITLE,
)
from signing.issuing_extensions import (
    CrlExtensions,
    Extras,
    encode_authority_key_id,
    encode_crl_extensions,
    encode_extension,
    encode_extensions,
)
from signing.revocation import REASONS
from signing.schemes import PublicKey, Scheme, encode_spki, scheme_for
from signing.sm2 import PublicKey as Sm2PublicKey

SIGNING: Final = ("digitalSignature", "nonRepudiation")
"""Key usage of a signing certificate (签名证书)."""
ENCRYPTION: Final = ("keyEncipherment", "dataEncipherment", "keyAgreement")
"""Key usage of an encryption certificate (加密证书)."""
AUTHORITY: Final = ("keyCertSign", "cRLSign")

_PRINTABLE: Final = frozenset({COUNTRY, SERIAL_NUMBER})
_NO_REASON: Final = REASONS[0]
Signer = Callable[[bytes], bytes]
"""Signs bytes with the issuer's key, as `SigningKey.sign` does."""


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
    """What a certificate shall say. `subject` may be a DER name, as it stood in a CSR.

    `uscc` (if any) goes into extension 1.2.156.10260.4.1.4 as UTF8String. `extras` are further extensions.
    """

    subject: Subject | bytes
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
    extras: Extras = field(default_factory=Extras)


def build_certificate(
    request: CertificateRequest, issuer: Certificate | None, sign: Signer, *, scheme: Scheme | None = None
) -> bytes:
    """Build and sign a certificate; without an issuer it is self-signed. Answers DER.

    `scheme` follows from the issuer's key unless given. ValueError for a certificate of an SM2 key that would be for
    signing and for encryption at once (GM/T 0015: 双证书), or whose serial number is not positive.
    """
    _require_profile(request)
    subject = request.subject if isinstance(request.subject, bytes) else request.subject.encode()
    signer_key = issuer.public_key if issuer else request.public_key
    algorithm = (scheme or scheme_for(signer_key)).algorithm.encode()
    authority = encode_authority_key_id(signer_key, issuer.subject_key_id if issuer else b"")
    extensions = encode_extensions(
        request.extras,
        public_key=request.public_key,
        authority=authority,
        key_usage=request.key_usage,
        purposes=request.purposes,
        purposes_critical=request.purposes_critical,
        uscc=request.uscc,
        is_ca=request.is_ca,
        path_length=request.path_length,
    )
    tbs = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(request.serial),
        algorithm,
        issuer.subject_der if issuer else subject,
        der.sequence(*(der.time(t, utc_until_2050=True) for t in (request.not_before, request.not_after))),
        subject,
        encode_spki(request.public_key),
        der.explicit(3, der.sequence(*extensions)),
    )
    return der.sequence(tbs, algorithm, der.bit_string(sign(tbs)))


def _require_profile(request: CertificateRequest) -> None:
    usage, gm = set(request.key_usage), isinstance(request.public_key, Sm2PublicKey)
    if gm and usage & set(SIGNING) and usage & set(ENCRYPTION):
        raise ValueError("one certificate for signing and for encryption: make two (双证书)")
    if request.serial <= 0:
        raise ValueError("a serial number is positive (RFC 5280 4.1.2.2)")


@dataclass(frozen=True)
class Revocation:
    """One entry of a list; `reason` is a name of RFC 5280 5.3.1, `invalid_since` the invalidity date if known."""

    serial: int
    at: datetime
    reason: str = _NO_REASON
    invalid_since: datetime | None = None


def build_crl(
    issuer: Certificate,
    revocations: Sequence[Revocation],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime | None,
    sign: Signer,
    extras: CrlExtensions | None = None,
    scheme: Scheme | None = None,
) -> bytes:
    """Build and sign a CRL (v2, with authority key id and number); a whole one unless `extras` say otherwise."""
    algorithm = (scheme or scheme_for(issuer.public_key)).algorithm.encode()
    entries = [_entry(one) for one in sorted(revocations, key=lambda one: one.serial)]
    authority = encode_authority_key_id(issuer.public_key, issuer.subject_key_id)
    times = [one for one in (this_update, next_update) if one is not None]
    tbs = der.sequence(
        der.integer(1),
        algorithm,
        issuer.subject_der,
        *(der.time(one, utc_until_2050=True) for one in times),
        *([der.sequence(*entries)] if entries else []),
        der.explicit(0, der.sequence(*encode_crl_extensions(extras or CrlExtensions(), authority, number))),
    )
    return der.sequence(tbs, algorithm, der.bit_string(sign(tbs)))


def _attribute(oid: str, text: str) -> bytes:
    value = der.printable(text) if oid in _PRINTABLE else der.utf8(text)
    return der.set_of(der.sequence(der.oid(oid), value))


def _entry(one: Revocation) -> bytes:
    found = list[bytes]()
    if one.reason != _NO_REASON:
        reason = der.tlv(der.ENUMERATED, bytes((REASONS.index(one.reason),)))
        found.append(encode_extension("2.5.29.21", reason))
    if one.invalid_since is not None:
        found.append(encode_extension("2.5.29.24", der.time(one.invalid_since.replace(microsecond=0))))
    extensions = [der.sequence(*found)] if found else []
    return der.sequence(der.integer(one.serial), der.time(one.at, utc_until_2050=True), *extensions)
