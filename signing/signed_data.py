"""SignedData (RFC 5652 5, GB/T 35275 8): the structure under CMS signatures and timestamp tokens.

Reading keeps original slices and takes what the field writes: both OID families, BER lengths, raw r||s. Every
departure from the form that we write is named in `deviations`; who needs one byte form only refuses when there is any.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from signing import der, sm2
from signing.algorithms import (
    DIGESTS,
    compute_digest,
    digest_name,
    read_algorithm,
    verify_signature,
)
from signing.certificates import Certificate, parse_certificate
from signing.cms_names import (
    CONTENT_TYPE,
    DATA,
    GM_DATA,
    GM_SIGNED_DATA,
    MAX_ATTRIBUTES,
    MAX_CERTIFICATES,
    MAX_SIGNED_DATA,
    MAX_SIGNERS,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TIMESTAMP_TOKEN,
    TST_INFO,
    standard_type,
)
from signing.cms_types import Attributes, SignedData, SignerInfo, key_identifiers
from signing.cms_writing import encode_attributes, encode_signed_data, issuer_and_serial, signing_certificate_v2
from signing.errors import BadSignatureError, LimitError, MalformedError, UnsupportedAlgorithmError

__all__ = [
    "CONTENT_TYPE",
    "DATA",
    "GM_DATA",
    "GM_SIGNED_DATA",
    "MAX_ATTRIBUTES",
    "MAX_CERTIFICATES",
    "MAX_SIGNED_DATA",
    "MAX_SIGNERS",
    "MESSAGE_DIGEST",
    "SIGNED_DATA",
    "SIGNING_CERTIFICATE",
    "SIGNING_CERTIFICATE_V2",
    "SIGNING_TIME",
    "TIMESTAMP_TOKEN",
    "TST_INFO",
    "Attributes",
    "SignedData",
    "SignerInfo",
    "encode_attributes",
    "encode_signed_data",
    "find_strangers",
    "is_attributes",
    "key_identifiers",
    "matches_content_type",
    "matches_digest",
    "names_certificate",
    "parse_certificates",
    "parse_signed_data",
    "read_certificates",
    "read_signers",
    "require_signature",
    "signed_forms",
    "signing_certificate_v2",
]

_RAW_SIGNATURE: Final = 64
_MAX_JUDGED: Final = 512 << 10
"""Bytes beside the content, up to which the encoding is judged."""
_MAX_ISSUERS: Final = 32
"""Signatures of certificates tried when it is asked who vouches for them."""
_SHA256: Final = "sha256"
_RSA_PSS: Final = "1.2.840.113549.1.1.10"


def parse_signed_data(data: bytes) -> SignedData:
    """Read a ContentInfo with SignedData; LimitError or MalformedError."""
    outer = der.read(data, limit=MAX_SIGNED_DATA).fields()
    outer_type = outer.take(der.OID).oid()
    if standard_type(outer_type) != SIGNED_DATA:
        raise MalformedError(f"content type {outer_type} is not signed data")
    body = outer.take(der.context(0))
    outer.end()
    fields = body.inner(body.tag).fields()
    version = fields.take(der.INTEGER).integer()
    algorithms = _limited(fields.take(der.SET).children(), MAX_ATTRIBUTES)
    info = fields.take(der.SEQUENCE)
    content_type, content, notes = _read_content(info)
    certificates, crls = fields.optional(der.context(0)), fields.optional(der.context(1))
    signers, more = read_signers(fields.take(der.SET))
    fields.end()
    read, unread = read_certificates(certificates)
    notes = [*_not_der(data, content), *notes]
    notes += [] if outer_type == SIGNED_DATA else ["外层类型为国密 OID"]
    notes += [] if version == (1 if content_type in (DATA, GM_DATA) else 3) else [f"SignedData 版本 {version}"]
    notes += [] if crls is None else ["内含未签名的 CRL"]
    notes += [*more, *_wrong_algorithms(algorithms, signers), *unread]
    lists = tuple(one.raw for one in crls.children()) if crls else ()
    return SignedData(data, content_type, content, read, signers, tuple(notes), info.raw, lists)


def parse_certificates(data: bytes) -> tuple[Certificate, ...]:
    """Read the certificates of a message that may have no signer (.p7b); LimitError or MalformedError."""
    return parse_signed_data(data).certificates


def _not_der(data: bytes, content: bytes | None) -> Iterable[str]:
    # Judging millions of tiny elements would take longer than any honest message is worth.
    if len(data) - len(content or b"") > _MAX_JUDGED:
        yield "过大，未核对是否 DER 编码"
        return
    try:
        der.require_der(data, limit=MAX_SIGNED_DATA)
    except MalformedError as error:
        yield f"不是 DER 编码：{error}"


def _wrong_algorithms(algorithms: Sequence[der.Element], signers: Sequence[SignerInfo]) -> list[str]:
    listed = {read_algorithm(one).encode() for one in algorithms}
    used = {one.digest_algorithm.encode() for one in signers}
    return [] if listed == used and len(algorithms) == len(used) else ["digestAlgorithms 与签名者不一致"]


def _read_content(element: der.Element) -> tuple[str, bytes | None, list[str]]:
    """Read the encapsulated content; PKCS#7 has ANY there, of which the contents octets are signed (RFC 5652 5.2.1)."""
    fields = element.fields()
    kind, holder = fields.take(der.OID).oid(), fields.optional(der.context(0))
    fields.end()
    if holder is None:
        return kind, None, []
    inner = holder.inner(holder.tag)
    if inner.tag & 0x1F == der.OCTET_STRING:
        return kind, inner.octets(), []
    return kind, inner.body, ["内容不是 OCTET STRING"]


def _limited(elements: Sequence[der.Element], most: int) -> Sequence[der.Element]:
    if len(elements) > most:
        raise LimitError(f"{len(elements)} elements; at most {most} are read")
    return elements


def read_certificates(block: der.Element | None) -> tuple[tuple[Certificate, ...], list[str]]:
    """Read what is readable of a certificate set, with notes: the others concern nobody but whoever needs them."""
    elements = _limited(block.children(), MAX_CERTIFICATES) if block else ()
    found = list[Certificate]()
    for one in elements:
        with contextlib.suppress(MalformedError, UnsupportedAlgorithmError):
            found.append(parse_certificate(one.expect(der.SEQUENCE).raw))
    missing = len(elements) - len(found)
    return tuple(found), [f"内含 {missing} 张无法读取的证书"] if missing else []


def read_signers(block: der.Element) -> tuple[tuple[SignerInfo, ...], list[str]]:
    """Read a SET OF SignerInfo and name its departures from what we write; LimitError or MalformedError."""
    read = [_read_signer(one.fields()) for one in _limited(block.expect(der.SET).children(), MAX_SIGNERS)]
    return tuple(info for info, _ in read), [note for _, notes in read for note in notes]


def _read_signer(fields: der.Fields) -> tuple[SignerInfo, list[str]]:
    version = fields.take(der.INTEGER).integer()
    issuer_der, serial, key_id = read_signer_id(fields)
    digest = read_algorithm(fields.take(der.SEQUENCE))
    signed = fields.optional(der.context(0))
    algorithm = read_algorithm(fields.take(der.SEQUENCE))
    octets = fields.take().octets()
    unsigned = fields.optional(der.context(1))
    fields.end()
    attributes, notes = _read_attributes(signed)
    loose, more = _read_attributes(unsigned)
    notes += more if version == (3 if key_id else 1) else [f"SignerInfo 版本 {version}", *more]
    notes += ["签名人由密钥标识指明"] if key_id else []
    notes += [] if signed else ["没有签名属性"]
    plain = algorithm.parameters in (b"", b"\x05\0") or algorithm.oid == _RSA_PSS
    notes += [] if plain else ["签名算法带有参数"]
    notes += ["SM2 签名配用的摘要不是 SM3"] if algorithm.is_sm2 and DIGESTS.get(digest.oid) != "sm3" else []
    signature = octets
    if algorithm.is_sm2 and len(octets) == _RAW_SIGNATURE:
        signature, notes = _from_raw(octets), [*notes, "签名值为 r||s 而非 DER"]
    message = bytes((der.SET,)) + signed.raw[1:] if signed else b""
    return SignerInfo(
        issuer_der, serial, key_id, digest, message, attributes, algorithm, signature, loose, octets
    ), notes


def read_signer_id(fields: der.Fields) -> tuple[bytes, int, bytes]:
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
    """Answer r||s as DER; a range fault is the verifying gate's to find."""
    return sm2.encode_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


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


def require_signature(
    signer: SignerInfo, certificate: Certificate, content: bytes | None, *, legacy: bool = False
) -> None:
    """Raise BadSignatureError unless the signature value is of the certificate's key.

    What was signed is the SET OF attributes, or without attributes the content itself (MalformedError if absent). A
    content that is itself somebody's SET OF attributes is refused: the signature was made over another message.
    `legacy` takes SHA-1.
    """
    message = signer.signed_attributes or content
    if message is None:
        raise MalformedError("neither signed attributes nor content")
    if not signer.signed_attributes and is_attributes(message):
        raise BadSignatureError("the content is the signed attributes of another message")
    digest = DIGESTS.get(signer.digest_algorithm.oid, "")
    algorithm, value = signer.signature_algorithm, signer.signature
    verify_signature(certificate.public_key, algorithm, message, value, digest=digest, legacy=legacy)


def signed_forms(signer: SignerInfo, *, strict: bool) -> Iterator[bytes]:
    """Yield the signed attributes as they stand, and if not strict with the lengths and in the order of DER.

    RFC 5652 5.4 has the DER form signed, whatever form was sent; many sign what they send.
    """
    written = signer.signed_attributes
    yield written
    if strict or not written:
        return
    block = der.read(written, limit=MAX_SIGNED_DATA)
    others = (der.tlv(der.SET, block.body), der.set_of(*(one.raw for one in block.children())))
    yield from (other for other in dict.fromkeys(others) if other != written)


def is_attributes(content: bytes) -> bool:
    """Whether this content could have been signed as the attributes of another message."""
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
    return bool(digest) and value.octets() == digest


def matches_content_type(signer: SignerInfo, content_type: str, *, strict: bool = True) -> bool:
    """Whether the contentType attribute is there and says the same as the structure; GM aliases only if not strict."""
    value = signer.attribute(CONTENT_TYPE)
    if value is None:
        return False
    said = value.oid()
    return said == content_type or (not strict and standard_type(said) == standard_type(content_type))


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
    return where is None or where.raw == issuer_and_serial(certificate)


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
    named = [(one, [by for by in issuers if by.subject_der == one.issuer_der]) for one in others]
    if sum(len(makers) for _, makers in named) > _MAX_ISSUERS:
        return ["同名的签发者证书过多，未逐一证实"]
    unknown = [
        f"证书 {one.common_name} 无法证实" for one, makers in named if not any(_issued(one, by) for by in makers)
    ]
    return unknown + (["同一证书出现两次"] if twice else [])


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        algorithm, signature = certificate.signature_algorithm, certificate.signature
        verify_signature(issuer.public_key, algorithm, certificate.tbs, signature)
    except (BadSignatureError, UnsupportedAlgorithmError):
        return False
    return True
