"""SignedData (RFC 5652 5, GB/T 35275 8): the structure under CMS signatures and timestamp tokens.

Reading keeps original slices and takes what the field writes: both OID families, BER lengths, raw r||s. Every
departure from the form that we write is named in `deviations`; who needs one byte form only refuses when there is any.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from signing import der
from signing.algorithms import (
    DIGESTS,
    AlgorithmIdentifier,
    compute_digest,
    digest_name,
    read_algorithm,
    verify_signature,
)
from signing.certificates import Certificate, parse_certificate
from signing.errors import BadSignatureError, LimitError, MalformedError, UnsupportedAlgorithmError
from signing.schemes import Scheme, digest_identifier, scheme_for
from signing.sm2 import N, encode_signature

MAX_SIGNED_DATA: Final = 16 << 20
"""Bytes, of which most may be content or revocation lists."""
MAX_CERTIFICATES: Final = 64
MAX_SIGNERS: Final = 16
MAX_ATTRIBUTES: Final = 64

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
GM_DATA: Final = "1.2.156.10197.6.1.4.2.1"
GM_SIGNED_DATA: Final = "1.2.156.10197.6.1.4.2.2"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
TIMESTAMP_TOKEN: Final = "1.2.840.113549.1.9.16.2.14"  # noqa: S105 - an object identifier

_RAW_SIGNATURE: Final = 64
_SHA256: Final = "sha256"
_STANDARD: Final = {GM_DATA: DATA, GM_SIGNED_DATA: SIGNED_DATA}

Attributes = Mapping[str, tuple[der.Element, ...]]


@dataclass(frozen=True)
class SignerInfo:
    """One signer. `signed_attributes` is the SET OF that was signed (tag 31), empty when there were none."""

    issuer_der: bytes = field(repr=False)
    """Issuer and serial name the certificate, or the subject key identifier does: then the issuer is empty."""
    serial: int
    key_id: bytes
    digest_algorithm: AlgorithmIdentifier
    signed_attributes: bytes = field(repr=False)
    attributes: Attributes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    unsigned: Attributes = field(repr=False)

    @property
    def digest(self) -> str:
        """Answer the digest's name; UnsupportedAlgorithmError."""
        return digest_name(self.digest_algorithm)

    def attribute(self, oid: str) -> der.Element | None:
        """Answer the one value of a signed attribute, or None; MalformedError if it has several."""
        values = self.attributes.get(oid)
        if values is None:
            return None
        if len(values) != 1:
            raise MalformedError(f"attribute {oid} with {len(values)} values")
        return values[0]


@dataclass(frozen=True)
class SignedData:
    """A parsed SignedData; `content` is None when it is detached."""

    der: bytes = field(repr=False)
    content_type: str
    content: bytes | None = field(repr=False)
    certificates: tuple[Certificate, ...]
    signers: tuple[SignerInfo, ...]
    deviations: tuple[str, ...]

    @property
    def signer(self) -> SignerInfo:
        """Answer the only signer; MalformedError when there is none or more than one."""
        if len(self.signers) != 1:
            raise MalformedError(f"{len(self.signers)} signers where one is expected")
        return self.signers[0]

    def certificate_of(self, signer: SignerInfo) -> Certificate | None:
        """Answer the certificate that the signer names, if it is inside."""
        if signer.key_id:
            return next((c for c in self.certificates if c.subject_key_id == signer.key_id), None)
        return next(
            (c for c in self.certificates if c.serial_number == signer.serial and c.issuer_der == signer.issuer_der),
            None,
        )


def parse_signed_data(data: bytes) -> SignedData:
    """Read a ContentInfo with SignedData; LimitError or MalformedError."""
    outer = der.read(data, limit=MAX_SIGNED_DATA).fields()
    outer_type = outer.take(der.OID).oid()
    if _STANDARD.get(outer_type, outer_type) != SIGNED_DATA:
        raise MalformedError(f"content type {outer_type} is not signed data")
    body = outer.take(der.context(0))
    outer.end()
    fields = body.inner(body.tag).fields()
    version = fields.take(der.INTEGER).integer()
    algorithms = fields.take(der.SET).children()
    content_type, content = _read_content(fields.take(der.SEQUENCE))
    certificates, crls = fields.optional(der.context(0)), fields.optional(der.context(1))
    signers = fields.take(der.SET).children()
    fields.end()
    infos = tuple(_read_signer(one.fields()) for one in _limited(signers, MAX_SIGNERS))
    notes = list(_not_der(data))
    notes += [] if outer_type == SIGNED_DATA else ["外层类型为国密 OID"]
    notes += [] if version == (1 if content_type == DATA else 3) else [f"SignedData 版本 {version}"]
    notes += [] if crls is None else ["内含未签名的 CRL"]
    notes += [note for _, found in infos for note in found]
    notes += _wrong_algorithms(algorithms, [info for info, _ in infos])
    read = _read_certificates(certificates)
    return SignedData(data, content_type, content, read, tuple(info for info, _ in infos), tuple(notes))


def _not_der(data: bytes) -> Iterable[str]:
    try:
        der.require_der(data, limit=MAX_SIGNED_DATA)
    except MalformedError as error:
        yield f"不是 DER 编码：{error}"


def _wrong_algorithms(algorithms: Sequence[der.Element], signers: Sequence[SignerInfo]) -> list[str]:
    listed = {read_algorithm(one).encode() for one in algorithms}
    used = {one.digest_algorithm.encode() for one in signers}
    return [] if listed == used and len(algorithms) == len(used) else ["digestAlgorithms 与签名者不一致"]


def _read_content(element: der.Element) -> tuple[str, bytes | None]:
    fields = element.fields()
    kind, holder = fields.take(der.OID).oid(), fields.optional(der.context(0))
    fields.end()
    return kind, holder.inner(holder.tag).octets() if holder else None


def _limited(elements: Sequence[der.Element], most: int) -> Sequence[der.Element]:
    if len(elements) > most:
        raise LimitError(f"{len(elements)} elements; at most {most} are read")
    return elements


def _read_certificates(block: der.Element | None) -> tuple[Certificate, ...]:
    elements = _limited(block.children(), MAX_CERTIFICATES) if block else ()
    return tuple(parse_certificate(one.expect(der.SEQUENCE).raw) for one in elements)


def _read_signer(fields: der.Fields) -> tuple[SignerInfo, list[str]]:
    version = fields.take(der.INTEGER).integer()
    issuer_der, serial, key_id = _read_signer_id(fields)
    digest = read_algorithm(fields.take(der.SEQUENCE))
    signed = fields.optional(der.context(0))
    algorithm = read_algorithm(fields.take(der.SEQUENCE))
    signature = fields.take().octets()
    unsigned = fields.optional(der.context(1))
    fields.end()
    attributes, notes = _read_attributes(signed)
    loose, more = _read_attributes(unsigned)
    notes += more if version == (3 if key_id else 1) else [f"SignerInfo 版本 {version}", *more]
    notes += ["签名人由密钥标识指明"] if key_id else []
    notes += [] if signed else ["没有签名属性"]
    notes += [] if algorithm.parameters in (b"", b"\x05\0") else ["签名算法带有参数"]
    if algorithm.is_sm2 and len(signature) == _RAW_SIGNATURE:
        signature, notes = _from_raw(signature), [*notes, "签名值为 r||s 而非 DER"]
    message = bytes((der.SET,)) + signed.raw[1:] if signed else b""
    return SignerInfo(issuer_der, serial, key_id, digest, message, attributes, algorithm, signature, loose), notes


def _read_signer_id(fields: der.Fields) -> tuple[bytes, int, bytes]:
    """Read a SignerIdentifier (RFC 5652 5.3): issuer and serial number, or a subject key identifier."""
    key_id = fields.optional(der.context(0, primitive=True))
    if key_id is not None:
        if not key_id.body:
            raise MalformedError("an empty subject key identifier")
        return b"", 0, key_id.body
    sid = fields.take(der.SEQUENCE).fields()
    issuer, serial = sid.take(der.SEQUENCE), sid.take(der.INTEGER).integer()
    sid.end()
    return issuer.raw, serial, b""


def _from_raw(signature: bytes) -> bytes:
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (1 <= r < N and 1 <= s < N):
        raise MalformedError("r or s out of range")
    return encode_signature(r, s)


def _read_attributes(block: der.Element | None) -> tuple[dict[str, tuple[der.Element, ...]], list[str]]:
    found, notes = dict[str, tuple[der.Element, ...]](), list[str]()
    elements = _limited(block.children(), MAX_ATTRIBUTES) if block else ()
    if [one.raw for one in elements] != sorted(one.raw for one in elements):
        notes.append("属性没有按 DER 排序")
    for one in elements:
        fields = one.fields()
        oid, values = fields.take(der.OID).oid(), fields.take(der.SET).children()
        fields.end()
        if oid in found:
            raise MalformedError(f"attribute {oid} twice")
        found[oid] = values
    return found, notes


# What both CMS signatures and tokens ask


def require_signature(signer: SignerInfo, certificate: Certificate, content: bytes | None) -> None:
    """Raise BadSignatureError unless the signature value is of the certificate's key.

    What was signed is the SET OF attributes, or without attributes the content itself (MalformedError if absent). A
    content that is itself somebody's SET OF attributes is refused: the signature was made over another message.
    """
    message = signer.signed_attributes or content
    if message is None:
        raise MalformedError("neither signed attributes nor content")
    if not signer.signed_attributes and _is_attributes(message):
        raise BadSignatureError("the content is the signed attributes of another message")
    digest = DIGESTS.get(signer.digest_algorithm.oid, "")
    verify_signature(certificate.public_key, signer.signature_algorithm, message, signer.signature, digest=digest)


def _is_attributes(content: bytes) -> bool:
    try:
        block = der.read(content, limit=MAX_SIGNED_DATA).expect(der.SET)
        return MESSAGE_DIGEST in [one.fields().take(der.OID).oid() for one in block.children()]
    except MalformedError:
        return False


def matches_digest(signer: SignerInfo, digest: bytes) -> bool:
    """Whether the messageDigest attribute is this digest; MalformedError if there is no such attribute."""
    value = signer.attribute(MESSAGE_DIGEST)
    if value is None:
        raise MalformedError("no messageDigest attribute")
    return value.octets() == digest


def matches_content_type(signer: SignerInfo, content_type: str, *, strict: bool = True) -> bool:
    """Whether the contentType attribute is there and says the same as the structure; GM aliases only if not strict."""
    value = signer.attribute(CONTENT_TYPE)
    if value is None:
        return False
    said = value.oid()
    return said == content_type or (
        not strict and _STANDARD.get(said, said) == _STANDARD.get(content_type, content_type)
    )


def names_certificate(signer: SignerInfo, certificate: Certificate) -> bool | None:
    """Whether ESSCertIDv2 (or the older ESSCertID) names this certificate; None when there is neither."""
    value, old = signer.attribute(SIGNING_CERTIFICATE_V2), signer.attribute(SIGNING_CERTIFICATE)
    if value is None and old is None:
        return None
    answers = [_ess_matches(one, certificate, default) for one, default in ((value, _SHA256), (old, "sha1")) if one]
    return all(answers)


def _ess_matches(value: der.Element, certificate: Certificate, default: str) -> bool:
    first = value.fields().take(der.SEQUENCE).fields().take(der.SEQUENCE).fields()
    algorithm = first.optional(der.SEQUENCE) if default == _SHA256 else None
    name = digest_name(read_algorithm(algorithm)) if algorithm else default
    if first.take(der.OCTET_STRING).octets() != compute_digest(name, certificate.der):
        return False
    where = first.optional(der.SEQUENCE)
    return where is None or where.raw == _issuer_serial(certificate)


def find_strangers(signed: SignedData, signer: Certificate | None, known: Iterable[Certificate]) -> list[str]:
    """Name the certificates inside that nobody vouches for: neither known byte by byte nor really issued.

    Their bytes are under no signature of the message, so a changed one would otherwise go unnoticed.
    """
    trusted = {certificate.der: certificate for certificate in known}
    issuers = [*trusted.values(), *signed.certificates]
    others = [
        one for one in signed.certificates if one.der not in trusted and (signer is None or one.der != signer.der)
    ]
    twice = len({one.der for one in signed.certificates}) != len(signed.certificates)
    unknown = [f"证书 {one.common_name} 无法证实" for one in others if not any(_issued(one, by) for by in issuers)]
    return unknown + (["同一证书出现两次"] if twice else [])


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    if certificate.issuer_der != issuer.subject_der:
        return False
    try:
        algorithm, signature = certificate.signature_algorithm, certificate.signature
        verify_signature(issuer.public_key, algorithm, certificate.tbs, signature)
    except (BadSignatureError, UnsupportedAlgorithmError):
        return False
    return True


# Writing


def encode_attributes(attributes: Mapping[str, bytes]) -> bytes:
    """Encode single-valued attributes as the SET OF that is signed (tag 31)."""
    return der.set_of(*(der.sequence(der.oid(oid), der.set_of(value)) for oid, value in attributes.items()))


def signing_certificate_v2(certificate: Certificate, digest: str = "sm3") -> bytes:
    """Encode SigningCertificateV2 (RFC 5035) with one ESSCertIDv2: digest of the certificate, issuer and serial."""
    # SHA-256 is the default of ESSCertIDv2, and DER leaves defaults out.
    algorithm = b"" if digest == _SHA256 else digest_identifier(digest).encode()
    value = der.octet_string(compute_digest(digest, certificate.der))
    return der.sequence(der.sequence(der.sequence(algorithm, value, _issuer_serial(certificate))))


def _issuer_serial(certificate: Certificate) -> bytes:
    return der.sequence(der.sequence(der.explicit(4, certificate.issuer_der)), der.integer(certificate.serial_number))


def encode_signed_data(
    attributes: bytes,
    certificate: Certificate,
    signature: bytes,
    *,
    content_type: str = DATA,
    content: bytes | None = None,
    chain: Sequence[Certificate] = (),
    unsigned: Mapping[str, bytes] | None = None,
    scheme: Scheme | None = None,
) -> bytes:
    """Encode a ContentInfo with SignedData of one signer; `attributes` are the signed bytes (tag 31).

    The scheme is the certificate's own unless given. Raises MalformedError if `attributes` is not such a SET,
    UnsupportedAlgorithmError for a key that is not used here.
    """
    scheme = scheme or scheme_for(certificate.public_key)
    der.require_der(attributes, limit=MAX_SIGNED_DATA)
    der.read(attributes, limit=MAX_SIGNED_DATA).expect(der.SET)
    loose = encode_attributes(unsigned or {})
    info = der.sequence(
        der.integer(1),
        der.sequence(certificate.issuer_der, der.integer(certificate.serial_number)),
        scheme.digest_algorithm.encode(),
        bytes((der.context(0),)) + attributes[1:],
        scheme.algorithm.encode(),
        der.octet_string(signature),
        bytes((der.context(1),)) + loose[1:] if unsigned else b"",
    )
    holder = b"" if content is None else der.explicit(0, der.octet_string(content))
    inside = sorted({one.der for one in (certificate, *chain)})
    body = der.sequence(
        der.integer(1 if content_type == DATA else 3),
        der.set_of(scheme.digest_algorithm.encode()),
        der.sequence(der.oid(content_type), holder),
        der.explicit(0, *inside),
        der.set_of(info),
    )
    return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, body))
