"""Timestamps (时间戳, RFC 3161, GB/T 20520): asking, answering, reading and judging.

A token is judged strictly: one byte form, one signer, nothing in it that no signature covers. So a token with any
byte changed never passes.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import SM3, SM3_DIGEST, compute_digest, digest_name, read_algorithm
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import BadSignatureError, MalformedError, TimestampError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.signed_data import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TST_INFO,
    SignedData,
    encode_attributes,
    encode_signed_data,
    find_strangers,
    matches_content_type,
    matches_digest,
    names_certificate,
    parse_signed_data,
    require_signature,
    signing_certificate_v2,
)

MAX_MESSAGE: Final = 1 << 20
"""Bytes of a request, a response or a token."""
IMPRINTS: Final = frozenset({"sm3", "sha256", "sha384", "sha512"})
"""Digests taken as message imprint."""
_GRANTED: Final = (0, 1)


@dataclass(frozen=True)
class TimestampToken:
    """A parsed token. `gen_time` is aware UTC; `imprint` is the digest that was stamped, by `digest_algorithm`."""

    der: bytes = field(repr=False)
    gen_time: datetime
    imprint: bytes
    digest_algorithm: str
    serial: str
    policy: str
    nonce: int | None
    certificate: Certificate | None
    signed: SignedData = field(repr=False)


@dataclass(frozen=True)
class TimestampRequest:
    """A parsed TimeStampReq; `policy` is empty and `nonce` None when not asked for."""

    imprint: bytes
    digest_algorithm: str
    policy: str
    nonce: int | None
    wants_certificate: bool


def build_request(imprint_sm3: bytes, nonce: int) -> bytes:
    """Build a TimeStampReq over a 32-byte SM3 imprint, asking for the certificate; the nonce is of 64 random bits."""
    imprint = der.sequence(SM3_DIGEST.encode(), der.octet_string(imprint_sm3))
    return der.sequence(der.integer(1), imprint, der.integer(nonce), der.boolean(True))


def parse_request(data: bytes) -> TimestampRequest:
    """Read a TimeStampReq; MalformedError, or UnsupportedAlgorithmError for an unknown digest or an extension."""
    fields = der.read(data, limit=MAX_MESSAGE).fields()
    if fields.take(der.INTEGER).integer() != 1:
        raise MalformedError("a request version that is not 1")
    name, imprint = _read_imprint(fields.take(der.SEQUENCE))
    policy, nonce, wants = fields.optional(der.OID), fields.optional(der.INTEGER), fields.optional(der.BOOLEAN)
    if fields.optional(der.context(0)):
        raise UnsupportedAlgorithmError("request extensions")
    fields.end()
    return TimestampRequest(
        imprint,
        name,
        policy.oid() if policy else "",
        nonce.integer() if nonce else None,
        wants is not None and wants.boolean(),
    )


def parse_response(data: bytes, imprint: bytes, nonce: int) -> bytes:
    """Answer the DER token of a TimeStampResp if it is an answer to our question; nothing else is judged.

    Raises TimestampError for a refusal, another imprint or nonce; MalformedError for bytes that are no response.
    """
    fields = der.read(data, limit=MAX_MESSAGE).fields()
    status = fields.take(der.SEQUENCE).fields().take(der.INTEGER).integer()
    if status not in _GRANTED:
        raise TimestampError(f"the authority refused (status {status})")
    token = fields.take(der.SEQUENCE).raw
    fields.end()
    parsed = parse_token(token)
    if parsed.digest_algorithm != "sm3" or not hmac.compare_digest(parsed.imprint, imprint):
        raise TimestampError("the token is over another imprint")
    if parsed.nonce != nonce:
        raise TimestampError("the token does not bear our nonce")
    return token


def parse_token(data: bytes) -> TimestampToken:
    """Read a TimeStampToken; LimitError, MalformedError, or UnsupportedAlgorithmError for an unknown imprint digest."""
    if len(data) > MAX_MESSAGE:
        raise MalformedError(f"a token of {len(data)} bytes")
    signed = parse_signed_data(data)
    if signed.content_type != TST_INFO or signed.content is None:
        raise MalformedError(f"content type {signed.content_type} is not a timestamp")
    fields = der.read(signed.content, limit=MAX_MESSAGE).fields()
    if fields.take(der.INTEGER).integer() != 1:
        raise MalformedError("a TSTInfo version that is not 1")
    policy = fields.take(der.OID).oid()
    name, imprint = _read_imprint(fields.take(der.SEQUENCE))
    serial, gen_time = fields.take(der.INTEGER).integer(), fields.take(der.GENERALIZED_TIME).time()
    fields.optional(der.SEQUENCE)
    fields.optional(der.BOOLEAN)
    nonce = fields.optional(der.INTEGER)
    fields.optional(der.context(0))
    if fields.optional(der.context(1)):
        raise UnsupportedAlgorithmError("TSTInfo extensions")
    fields.end()
    certificate = signed.certificate_of(signed.signer)
    number = nonce.integer() if nonce else None
    return TimestampToken(data, gen_time, imprint, name, f"{serial:X}", policy, number, certificate, signed)


def verify_token(token_der: bytes, *, imprint: bytes, anchors: TrustAnchors, evidence: RevocationEvidence) -> Verdict:
    """Judge a token over `imprint` (the digest by the token's own algorithm) as of its genTime.

    Checks "timestamp-format", "-imprint", "-digest", "-signature", "-certificate" fail with TST_BAD; those of the
    path keep their codes and are at worst unknown: a doubtful authority leaves the time unproven, not refuted.
    """
    try:
        token = parse_token(token_der)
        notes = _find_faults(token, anchors)
        checks = [_check("format", not notes, "；".join(notes)), *_check_core(token, imprint)]
    except (MalformedError, UnsupportedAlgorithmError) as error:
        return Verdict(_check("format", False, str(error)))
    if token.certificate is None:
        return Verdict(*checks)
    verdict = verify_path(
        token.certificate,
        anchors=anchors,
        evidence=evidence,
        at=token.gen_time,
        purpose=Purpose.TIMESTAMP,
        extra=token.signed.certificates,
    )
    return Verdict(*checks, *(_soften(one) for one in verdict.checks))


def _find_faults(token: TimestampToken, anchors: TrustAnchors) -> list[str]:
    signer, signed = token.signed.signer, token.signed
    notes = list(signed.deviations)
    notes += ["含未签名的属性"] if signer.unsigned else []
    notes += ["签名属性有多个值"] if any(len(values) != 1 for values in signer.attributes.values()) else []
    notes += [f"摘要算法 {token.digest_algorithm} 不被接受"] if token.digest_algorithm not in IMPRINTS else []
    notes += [f"摘要算法 {signer.digest} 不被接受"] if signer.digest not in IMPRINTS else []
    notes += [] if matches_content_type(signer, TST_INFO) else ["contentType 属性不符"]
    try:
        der.require_der(signed.content or b"", limit=MAX_MESSAGE)
    except MalformedError as error:
        notes.append(f"TSTInfo 不是 DER 编码：{error}")
    known = [*anchors.issuers, *(anchor.certificate for anchor in anchors.anchors)]
    return notes + find_strangers(signed, token.certificate, known)


def _check_core(token: TimestampToken, imprint: bytes) -> list[Check]:
    signer, content = token.signed.signer, token.signed.content or b""
    same = hmac.compare_digest(token.imprint, imprint)
    checks = [
        _check("imprint", same, "" if same else "时间戳不是对这份数据签发的"),
        _check("digest", matches_digest(signer, compute_digest(signer.digest, content))),
    ]
    if token.certificate is None:
        sub = SubIndication.NO_SIGNING_CERTIFICATE_FOUND
        return [*checks, Check("timestamp-certificate", "NO_CERT", Result.UNKNOWN, "时间戳中没有签发者证书", sub)]
    bound = names_certificate(signer, token.certificate) or False
    return [
        *checks,
        _check_signature(token, token.certificate),
        _check("certificate", bound, "" if bound else "ESSCertID 缺失或与签发者证书不符"),
    ]


def _check_signature(token: TimestampToken, certificate: Certificate) -> Check:
    try:
        require_signature(token.signed.signer, certificate, token.signed.content)
    except BadSignatureError:
        return _check("signature", False, "时间戳的签名值不正确")
    return _check("signature", True)


def _check(name: str, ok: bool, why: str = "") -> Check:
    return check(f"timestamp-{name}", ok, code="TST_BAD", sub=SubIndication.SIG_CRYPTO_FAILURE, why=why)


def _soften(one: Check) -> Check:
    result = Result.UNKNOWN if one.result is Result.FAILED else one.result
    return replace(one, name=f"timestamp-{one.name}", result=result)


def _read_imprint(element: der.Element) -> tuple[str, bytes]:
    fields = element.fields()
    name, imprint = digest_name(read_algorithm(fields.take(der.SEQUENCE))), fields.take(der.OCTET_STRING).octets()
    fields.end()
    if name != "sha1" and len(imprint) != len(compute_digest(name, b"")):
        raise MalformedError(f"{len(imprint)} bytes are no {name} imprint")
    return name, imprint


# Answering (the sandbox authority, and tests)


@dataclass(frozen=True)
class Stamp:
    """What a token shall say: SM3 imprint, serial, time (written with milliseconds), policy OID, nonce."""

    imprint_sm3: bytes
    serial: int
    gen_time: datetime
    policy: str
    nonce: int | None = None
    accuracy_ms: int = 1000

    def encode(self) -> bytes:
        """Encode as TSTInfo."""
        seconds, millis = divmod(self.accuracy_ms, 1000)
        accuracy = der.integer(seconds) if seconds else b""
        accuracy += der.tlv(der.context(0, primitive=True), der.integer(millis)[2:]) if millis else b""
        return der.sequence(
            der.integer(1),
            der.oid(self.policy),
            der.sequence(der.sequence(der.oid(SM3)), der.octet_string(self.imprint_sm3)),
            der.integer(self.serial),
            der.time(self.gen_time),
            der.sequence(accuracy),
            der.integer(self.nonce) if self.nonce is not None else b"",
        )


def make_token(stamp: Stamp, certificate: Certificate, sign: Callable[[bytes], bytes]) -> bytes:
    """Make a token: SM2/SM3, ESSCertIDv2 with SM3, the authority's certificate inside. `sign` answers a DER signature.

    Raises SigningError if the certificate is not an SM2 one.
    """
    content = stamp.encode()
    attributes = encode_attributes(
        {
            CONTENT_TYPE: der.oid(TST_INFO),
            MESSAGE_DIGEST: der.octet_string(sm3(content)),
            SIGNING_TIME: der.time(stamp.gen_time, utc_until_2050=True),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate),
        }
    )
    return encode_signed_data(attributes, certificate, sign(attributes), content_type=TST_INFO, content=content)


def build_response(token: bytes) -> bytes:
    """Build a granted TimeStampResp."""
    return der.sequence(der.sequence(der.integer(0)), token)


def build_refusal(failure: int, words: str) -> bytes:
    """Build a rejection with one PKIFailureInfo bit (RFC 3161 2.4.2: 0 badAlg, 2 badRequest, 15 unacceptedPolicy …)."""
    status = der.sequence(der.integer(2), der.sequence(der.utf8(words)), der.named_bits(failure))
    return der.sequence(status)
