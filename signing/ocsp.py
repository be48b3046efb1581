"""Online certificate status (在线证书状态, OCSP, RFC 6960): requests and responses, written and read.

Judging by a response is `signing.revocation_status`. Certificates are named by digests (CertID): SM3 in the GM suite,
SHA-1 and SHA-256 elsewhere; SHA-1 only names here, it protects nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from signing import der
from signing.algorithms import AlgorithmIdentifier, compute_digest, digest_name, read_algorithm
from signing.certificates import Certificate, parse_certificate
from signing.errors import LimitError, MalformedError, UnsupportedAlgorithmError
from signing.revocation import REASONS
from signing.schemes import Scheme, encode_spki, scheme_for

MAX_OCSP: Final = 256 << 10
"""Bytes of a request or a response."""
MAX_STATUSES: Final = 1000
_MAX_CERTIFICATES: Final = 16
_MAX_NONCE: Final = 128
_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
_ARCHIVE_CUTOFF: Final = "1.3.6.1.5.5.7.48.1.6"
_UNDERSTOOD: Final = frozenset({_NONCE, _ARCHIVE_CUTOFF, "2.5.29.21", "1.3.6.1.5.5.7.48.1.3"})
_SHA1: Final = "1.3.14.3.2.26"
_DIGEST_OIDS: Final = {"sha1": _SHA1, "sha256": "2.16.840.1.101.3.4.2.1", "sm3": "1.2.156.10197.1.401"}
_NULL: Final = b"\x05\x00"

Answer = Literal["successful", "malformedRequest", "internalError", "tryLater", "sigRequired", "unauthorized"]
_ANSWERS: Final[dict[int, Answer]] = {
    0: "successful",
    1: "malformedRequest",
    2: "internalError",
    3: "tryLater",
    5: "sigRequired",
    6: "unauthorized",
}
Status = Literal["good", "revoked", "unknown"]
Signer = Callable[[bytes], bytes]


@dataclass(frozen=True)
class CertId:
    """A certificate by its issuer's name and key, digested, and its serial number."""

    digest: str
    name_hash: bytes
    key_hash: bytes
    serial: int

    @classmethod
    def of(cls, serial: int, issuer: Certificate, digest: str = "sha1") -> "CertId":
        """Name a serial number of this issuer; `digest` is sm3, sha256 or sha1."""
        name, key = compute_digest(digest, issuer.subject_der), compute_digest(digest, key_octets(issuer))
        return cls(digest, name, key, serial)

    def names(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether this names the certificate of this issuer."""
        return self.serial == certificate.serial_number and self == CertId.of(self.serial, issuer, self.digest)

    def encode(self) -> bytes:
        """Encode; SHA-1 with NULL parameters, as everybody writes it."""
        algorithm = AlgorithmIdentifier(_DIGEST_OIDS[self.digest], _NULL if self.digest == "sha1" else b"")
        hashes = der.octet_string(self.name_hash), der.octet_string(self.key_hash)
        return der.sequence(algorithm.encode(), *hashes, der.integer(self.serial))


@dataclass(frozen=True)
class SingleStatus:
    """What a response says of one certificate; `revoked_at` and `reason` when it is revoked."""

    cert_id: CertId
    status: Status
    this_update: datetime
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: str = REASONS[0]
    archive_cutoff: datetime | None = None
    strange: bool = False
    """Whether a critical extension stands here that is not known."""


@dataclass(frozen=True)
class OcspResponse:
    """A response. Whatever is not `successful` has no more than its `answer`.

    Of `responder_name` (DER) and `responder_key_hash` one is empty; `certificates` came along and prove nothing.
    """

    der: bytes = field(repr=False)
    answer: Answer
    tbs: bytes = field(default=b"", repr=False)
    signature_algorithm: AlgorithmIdentifier = field(default_factory=lambda: AlgorithmIdentifier(""))
    signature: bytes = field(default=b"", repr=False)
    responder_name: bytes = field(default=b"", repr=False)
    responder_key_hash: bytes = b""
    produced_at: datetime | None = None
    statuses: tuple[SingleStatus, ...] = ()
    nonce: bytes = b""
    certificates: tuple[Certificate, ...] = field(default=(), repr=False)
    strange: bool = False

    def is_from(self, certificate: Certificate) -> bool:
        """Whether the responder's name or key hash is that of this certificate (the signature is not looked at)."""
        if self.responder_name:
            return self.responder_name == certificate.subject_der
        digests = ("sha1",) if len(self.responder_key_hash) == 20 else ("sm3", "sha256")  # noqa: PLR2004 - SHA-1
        return any(self.responder_key_hash == compute_digest(one, key_octets(certificate)) for one in digests)


@dataclass(frozen=True)
class OcspRequest:
    """Which certificates are asked about."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes = b""


def key_octets(certificate: Certificate) -> bytes:
    """Answer the content of the subjectPublicKey BIT STRING, which CertID and KeyHash digest."""
    return key_octets_of(encode_spki(certificate.public_key))


def key_octets_of(spki: bytes) -> bytes:
    """Answer the content of the BIT STRING of a SubjectPublicKeyInfo."""
    fields = der.read(spki, limit=64 << 10).fields()
    fields.take(der.SEQUENCE)
    return fields.take(der.BIT_STRING).bits()


# Requests


def build_ocsp_request(cert_ids: Sequence[CertId], *, nonce: bytes = b"") -> bytes:
    """Build an unsigned OCSPRequest, DER; `nonce` (16 to 32 random bytes) ties the answer to it."""
    listed = der.sequence(*(der.sequence(one.encode()) for one in cert_ids))
    extensions = [der.explicit(2, der.sequence(_nonce_extension(nonce)))] if nonce else []
    return der.sequence(der.sequence(listed, *extensions))


def parse_ocsp_request(data: bytes) -> OcspRequest:
    """Read an OCSPRequest; LimitError, MalformedError, UnsupportedAlgorithmError for a digest not known."""
    outer = der.read(data, limit=MAX_OCSP).fields()
    fields = outer.take(der.SEQUENCE).fields()
    outer.optional(der.context(0))  # a requestor's signature, which needs nobody's trust here
    outer.end()
    fields.optional(der.context(0))
    fields.optional(der.context(1))
    listed = fields.take(der.SEQUENCE).children()
    block = fields.optional(der.context(2))
    fields.end()
    if not 0 < len(listed) <= MAX_STATUSES:
        raise LimitError(f"{len(listed)} certificates in one request")
    extensions, strange = _read_extensions(block)
    if strange:
        raise MalformedError("a critical extension that is not known")
    return OcspRequest(tuple(_read_cert_id(one.fields().take(der.SEQUENCE)) for one in listed), _nonce(extensions))


# Responses


def build_ocsp_response(
    statuses: Sequence[SingleStatus],
    responder: Certificate,
    sign: Signer,
    *,
    produced_at: datetime,
    nonce: bytes = b"",
    by_key: bool = False,
    certificates: Sequence[Certificate] = (),
    scheme: Scheme | None = None,
) -> bytes:
    """Build and sign a successful response, DER. The responder is named by its name, or by its key (SHA-1)."""
    algorithm = (scheme or scheme_for(responder.public_key)).algorithm.encode()
    by = der.octet_string(compute_digest("sha1", key_octets(responder)))
    named = der.explicit(2, by) if by_key else der.explicit(1, responder.subject_der)
    listed = der.sequence(*(_encode_status(one) for one in statuses))
    extensions = [der.explicit(1, der.sequence(_nonce_extension(nonce)))] if nonce else []
    tbs = der.sequence(named, _seconds(produced_at), listed, *extensions)
    came = [der.explicit(0, der.sequence(*(one.der for one in certificates)))] if certificates else []
    basic = der.sequence(tbs, algorithm, der.bit_string(sign(tbs)), *came)
    body = der.sequence(der.oid(_BASIC), der.octet_string(basic))
    return der.sequence(der.tlv(der.ENUMERATED, b"\0"), der.explicit(0, body))


def build_ocsp_failure(answer: Answer) -> bytes:
    """Build an unsigned response that says why there is no answer."""
    number = next(number for number, name in _ANSWERS.items() if name == answer)
    return der.sequence(der.tlv(der.ENUMERATED, bytes((number,))))


def parse_ocsp(data: bytes) -> OcspResponse:
    """Read an OCSPResponse; LimitError, MalformedError, or UnsupportedAlgorithmError for another response type."""
    outer = der.read(data, limit=MAX_OCSP).fields()
    answer = _ANSWERS.get(outer.take(der.ENUMERATED).integer())
    body = outer.optional(der.context(0))
    outer.end()
    if answer is None or (answer == "successful") is not (body is not None):
        raise MalformedError("an OCSP response without a known status")
    if body is None:
        return OcspResponse(data, answer)
    parts = body.inner(body.tag).fields()
    if parts.take(der.OID).oid() != _BASIC:
        raise UnsupportedAlgorithmError("an OCSP response of another type than basic")
    basic = der.read(parts.take(der.OCTET_STRING).octets(), limit=MAX_OCSP)
    parts.end()
    return _read_basic(data, basic.fields())


def _read_basic(data: bytes, fields: der.Fields) -> OcspResponse:
    tbs, algorithm = fields.take(der.SEQUENCE), read_algorithm(fields.take(der.SEQUENCE))
    signature, came = fields.take(der.BIT_STRING).bits(), fields.optional(der.context(0))
    fields.end()
    inner = tbs.fields()
    inner.optional(der.context(0))
    named = inner.take(der.context(1), der.context(2))
    produced_at, listed = inner.take(der.GENERALIZED_TIME).time(), inner.take(der.SEQUENCE).children()
    extensions, strange = _read_extensions(inner.optional(der.context(1)))
    inner.end()
    certificates = came.inner(came.tag).expect(der.SEQUENCE).children() if came else ()
    if len(listed) > MAX_STATUSES or len(certificates) > _MAX_CERTIFICATES:
        raise LimitError("too many statuses or certificates in one response")
    by_name = named.tag == der.context(1)
    return OcspResponse(
        der=data,
        answer="successful",
        tbs=tbs.raw,
        signature_algorithm=algorithm,
        signature=signature,
        responder_name=named.inner(named.tag).expect(der.SEQUENCE).raw if by_name else b"",
        responder_key_hash=b"" if by_name else named.inner(named.tag).octets(),
        produced_at=produced_at,
        statuses=tuple(_read_status(one) for one in listed),
        nonce=_nonce(extensions),
        certificates=tuple(parse_certificate(one.raw) for one in certificates),
        strange=strange,
    )


def _read_status(element: der.Element) -> SingleStatus:
    fields = element.fields()
    cert_id, status = _read_cert_id(fields.take(der.SEQUENCE)), fields.take()
    this_update, later = fields.take(der.GENERALIZED_TIME).time(), fields.optional(der.context(0))
    extensions, strange = _read_extensions(fields.optional(der.context(1)))
    fields.end()
    revoked_at, reason = None, REASONS[0]
    match status.tag:
        case 0x80:
            word: Status = "good"
        case 0xA1:
            word = "revoked"
            parts = der.Fields(list(status.children()))
            revoked_at, given = parts.take(der.GENERALIZED_TIME).time(), parts.optional(der.context(0))
            reason = _reason(given.inner(given.tag).expect(der.ENUMERATED).integer()) if given else reason
            parts.end()
        case 0x82:
            word = "unknown"
        case _:
            raise MalformedError(f"a certificate status of tag {status.tag:#04x}")
    cutoff = extensions.get(_ARCHIVE_CUTOFF)
    return SingleStatus(
        cert_id,
        word,
        this_update,
        later.inner(later.tag).expect(der.GENERALIZED_TIME).time() if later else None,
        revoked_at,
        reason,
        der.read(cutoff, limit=64).expect(der.GENERALIZED_TIME).time() if cutoff else None,
        strange,
    )


def _reason(number: int) -> str:
    return (REASONS[number] if 0 <= number < len(REASONS) else "") or REASONS[0]


def _read_cert_id(element: der.Element) -> CertId:
    fields = element.fields()
    digest = digest_name(read_algorithm(fields.take(der.SEQUENCE)))
    if digest not in _DIGEST_OIDS:
        raise UnsupportedAlgorithmError(f"digest {digest} in a CertID")
    name, key = fields.take(der.OCTET_STRING).body, fields.take(der.OCTET_STRING).body
    serial = fields.take(der.INTEGER).integer()
    fields.end()
    return CertId(digest, name, key, serial)


def _encode_status(one: SingleStatus) -> bytes:
    later = [der.explicit(0, _seconds(one.next_update))] if one.next_update else []
    return der.sequence(one.cert_id.encode(), _encode_state(one), _seconds(one.this_update), *later)


def _encode_state(one: SingleStatus) -> bytes:
    if one.status == "good":
        return der.tlv(der.context(0, primitive=True))
    if one.status == "unknown" or one.revoked_at is None:
        return der.tlv(der.context(2, primitive=True))
    number = REASONS.index(one.reason)
    reason = [der.explicit(0, der.tlv(der.ENUMERATED, bytes((number,))))] if number else []
    return der.explicit(1, _seconds(one.revoked_at), *reason)


def _seconds(at: datetime) -> bytes:
    """Encode as GeneralizedTime in whole seconds, as RFC 5280 wants it."""
    return der.time(at.replace(microsecond=0))


def _nonce_extension(nonce: bytes) -> bytes:
    return der.sequence(der.oid(_NONCE), der.octet_string(der.octet_string(nonce)))


def _nonce(extensions: dict[str, bytes]) -> bytes:
    """Answer the nonce; some old responders write it without its inner OCTET STRING."""
    value = extensions.get(_NONCE, b"")
    if len(value) > _MAX_NONCE:
        raise LimitError(f"a nonce of {len(value)} bytes")
    try:
        return der.read(value, limit=_MAX_NONCE).octets() if value else b""
    except MalformedError:
        return value


def _read_extensions(block: der.Element | None) -> tuple[dict[str, bytes], bool]:
    found, strange = dict[str, bytes](), False
    for child in block.inner(block.tag).expect(der.SEQUENCE).children() if block else ():
        fields = child.fields()
        oid, flag = fields.take(der.OID).oid(), fields.optional(der.BOOLEAN)
        found[oid] = fields.take(der.OCTET_STRING).octets()
        fields.end()
        strange = strange or (flag is not None and flag.boolean() and oid not in _UNDERSTOOD)
    return found, strange
