"""Asking for timestamps (时间戳请求与应答, RFC 3161 2.4): TimeStampReq and TimeStampResp."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from signing import der
from signing.errors import MalformedError, TimestampError, TimestampRefusedError
from signing.schemes import digest_identifier
from signing.timestamp_tokens import MAX_EXTENSIONS, MAX_MESSAGE, parse_token, read_critical, read_imprint

_GRANTED: Final = (0, 1)
_MAX_WORDS: Final = 500

BAD_ALGORITHM: Final = 0
BAD_REQUEST: Final = 2
BAD_DATA_FORMAT: Final = 5
TIME_NOT_AVAILABLE: Final = 14
UNACCEPTED_POLICY: Final = 15
UNACCEPTED_EXTENSION: Final = 16
SYSTEM_FAILURE: Final = 25
FAILURES: Final = {
    BAD_ALGORITHM: "badAlg",
    BAD_REQUEST: "badRequest",
    BAD_DATA_FORMAT: "badDataFormat",
    TIME_NOT_AVAILABLE: "timeNotAvailable",
    UNACCEPTED_POLICY: "unacceptedPolicy",
    UNACCEPTED_EXTENSION: "unacceptedExtension",
    17: "addInfoNotAvailable",
    SYSTEM_FAILURE: "systemFailure",
}
"""PKIFailureInfo bits (RFC 3161 2.4.2)."""


@dataclass(frozen=True)
class TimestampRequest:
    """A parsed TimeStampReq; `policy` is empty and `nonce` None when not asked for, `extensions` are OIDs."""

    imprint: bytes
    digest_algorithm: str
    policy: str
    nonce: int | None
    wants_certificate: bool
    has_extensions: bool = False
    critical_extensions: tuple[str, ...] = ()


def build_request(
    imprint: bytes, nonce: int, *, digest: str = "sm3", policy: str = "", wants_certificate: bool = True
) -> bytes:
    """Build a TimeStampReq over an imprint (SM3 unless said otherwise); the nonce is of 64 random bits.

    UnsupportedAlgorithmError for a digest that is not taken as imprint.
    """
    return der.sequence(
        der.integer(1),
        der.sequence(digest_identifier(digest).encode(), der.octet_string(imprint)),
        der.oid(policy) if policy else b"",
        der.integer(nonce),
        der.boolean(True) if wants_certificate else b"",  # DER leaves out the default
    )


def parse_request(data: bytes) -> TimestampRequest:
    """Read a TimeStampReq; LimitError, MalformedError, or UnsupportedAlgorithmError for an unknown digest."""
    fields = der.read(data, limit=MAX_MESSAGE).fields()
    if fields.take(der.INTEGER).integer() != 1:
        raise MalformedError("a request version that is not 1")
    name, imprint = read_imprint(fields.take(der.SEQUENCE))
    policy, nonce, wants = fields.optional(der.OID), fields.optional(der.INTEGER), fields.optional(der.BOOLEAN)
    extensions = fields.optional(der.context(0))
    fields.end()
    return TimestampRequest(
        imprint,
        name,
        policy.oid() if policy else "",
        nonce.integer() if nonce else None,
        wants is not None and wants.boolean(),
        extensions is not None,
        read_critical(extensions) if extensions else (),
    )


def parse_response(
    data: bytes, imprint: bytes, nonce: int, *, digest: str = "sm3", policies: Collection[str] = ()
) -> bytes:
    """Answer the DER token of a TimeStampResp if it is an answer to our question; nothing else is judged.

    `policies` are the policy OIDs taken, any when none are given. Raises TimestampRefusedError for a refusal,
    TimestampError for another imprint, nonce or policy; MalformedError for bytes that are no response.
    """
    fields = der.read(data, limit=MAX_MESSAGE).fields()
    _require_granted(fields.take(der.SEQUENCE))
    token = fields.take(der.SEQUENCE).raw
    fields.end()
    parsed = parse_token(token)
    if parsed.digest_algorithm != digest or not hmac.compare_digest(parsed.imprint, imprint):
        raise TimestampError("the token is over another imprint")
    if parsed.nonce != nonce:
        raise TimestampError("the token does not bear our nonce")
    if policies and parsed.policy not in policies:
        raise TimestampError(f"the token is by policy {parsed.policy}, which is not taken")
    return token


def _require_granted(info: der.Element) -> None:
    fields = info.fields()
    status = fields.take(der.INTEGER).integer()
    text, failure = fields.optional(der.SEQUENCE), fields.optional(der.BIT_STRING)
    fields.end()
    if status in _GRANTED:
        return
    lines = text.children() if text else ()
    if len(lines) > MAX_EXTENSIONS:
        raise MalformedError(f"{len(lines)} lines of status text")
    words = "；".join(line.text() for line in lines)[:_MAX_WORDS]
    bits = failure.flags() if failure and len(failure.body) <= MAX_EXTENSIONS else ()
    raise TimestampRefusedError(status, tuple(FAILURES.get(bit, f"bit {bit}") for bit in bits), words)
