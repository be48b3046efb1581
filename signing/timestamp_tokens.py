"""Timestamp tokens (时间戳令牌, RFC 3161 2.4.2, GB/T 20520) as they are read; judging them is `signing.timestamps`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from signing import der
from signing.algorithms import compute_digest, digest_name, read_algorithm
from signing.certificates import Certificate
from signing.errors import LimitError, MalformedError
from signing.signed_data import TST_INFO, SignedData, parse_signed_data

MAX_MESSAGE: Final = 1 << 17
"""Bytes of a request, a response or a token; field tokens with certificates and revocation lists have some 10 000."""
IMPRINTS: Final = frozenset({"sm3", "sha256", "sha384", "sha512"})
"""Digests taken as message imprint."""
MAX_EXTENSIONS: Final = 32
_MAX_SERIAL: Final = 1 << 160
_MAX_FRACTION: Final = 1000


@dataclass(frozen=True)
class TimestampToken:
    """A parsed token. `gen_time` is aware UTC; `imprint` is the digest that was stamped, by `digest_algorithm`.

    `serial` is upper-case hex; `certificate` is the signer's if it is inside; `tsa` is the GeneralName of the
    authority as it stood (DER, empty when absent); `notes` name what RFC 3161 2.4.2 writes otherwise.
    """

    der: bytes = field(repr=False)
    gen_time: datetime
    imprint: bytes
    digest_algorithm: str
    serial: str
    policy: str
    nonce: int | None
    certificate: Certificate | None
    signed: SignedData = field(repr=False)
    accuracy: timedelta | None = None
    ordering: bool = False
    tsa: bytes = field(default=b"", repr=False)
    critical_extensions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def parse_token(data: bytes) -> TimestampToken:
    """Read a TimeStampToken of any byte form; LimitError, MalformedError, UnsupportedAlgorithmError for the imprint."""
    if len(data) > MAX_MESSAGE:
        raise LimitError(f"a token of {len(data)} bytes; at most {MAX_MESSAGE} are read")
    signed = parse_signed_data(data)
    if signed.content_type != TST_INFO or signed.content is None:
        raise MalformedError(f"content type {signed.content_type} is not a timestamp")
    fields = der.read(signed.content, limit=MAX_MESSAGE).fields()
    if fields.take(der.INTEGER).integer() != 1:
        raise MalformedError("a TSTInfo version that is not 1")
    policy = fields.take(der.OID).oid()
    name, imprint = read_imprint(fields.take(der.SEQUENCE))
    serial, time = fields.take(der.INTEGER).integer(), fields.take(der.GENERALIZED_TIME)
    accuracy, ordering = fields.optional(der.SEQUENCE), fields.optional(der.BOOLEAN)
    nonce, tsa = fields.optional(der.INTEGER), fields.optional(der.context(0))
    extensions = fields.optional(der.context(1))
    fields.end()
    return TimestampToken(
        data,
        time.time(),
        imprint,
        name,
        f"{serial:X}",
        policy,
        nonce.integer() if nonce else None,
        signed.certificate_of(signed.signer),
        signed,
        _read_accuracy(accuracy) if accuracy else None,
        ordering is not None and ordering.boolean(),
        tsa.inner(tsa.tag).raw if tsa else b"",
        read_critical(extensions) if extensions else (),
        tuple(_time_notes(time.body)) + (() if 0 <= serial < _MAX_SERIAL else ("序列号为负或超过 160 位",)),
    )


def read_imprint(element: der.Element) -> tuple[str, bytes]:
    """Read a MessageImprint: the digest's name and the octets; MalformedError when they do not fit together."""
    fields = element.fields()
    name, imprint = digest_name(read_algorithm(fields.take(der.SEQUENCE))), fields.take(der.OCTET_STRING).octets()
    fields.end()
    if len(imprint) != len(compute_digest(name, b"")):
        raise MalformedError(f"{len(imprint)} bytes are no {name} imprint")
    return name, imprint


def read_critical(extensions: der.Element) -> tuple[str, ...]:
    """Answer the OIDs of the critical ones among [n] IMPLICIT Extensions."""
    found, elements = list[str](), extensions.children()
    if len(elements) > MAX_EXTENSIONS:
        raise LimitError(f"{len(elements)} extensions; at most {MAX_EXTENSIONS} are read")
    for one in elements:
        fields = one.fields()
        oid, critical = fields.take(der.OID).oid(), fields.optional(der.BOOLEAN)
        fields.take(der.OCTET_STRING)
        fields.end()
        found += [oid] if critical is not None and critical.boolean() else []
    return tuple(found)


def _read_accuracy(element: der.Element) -> timedelta:
    fields = element.fields()
    seconds = fields.optional(der.INTEGER)
    parts = [fields.optional(der.context(number, primitive=True)) for number in (0, 1)]
    fields.end()
    whole = seconds.integer() if seconds else 0
    millis, micros = (int.from_bytes(part.body, signed=True) if part else 0 for part in parts)
    if not (0 <= whole < 1 << 31 and 0 <= millis < _MAX_FRACTION and 0 <= micros < _MAX_FRACTION):
        raise MalformedError("an accuracy out of range")
    return timedelta(seconds=whole, milliseconds=millis, microseconds=micros)


def _time_notes(body: bytes) -> list[str]:
    """Say where genTime departs from YYYYMMDDhhmmss[.s…]Z (RFC 3161 2.4.2); GM services write fractions with "z".

    MalformedError without any zone: such a time would be read eight hours off, or not, as one likes.
    """
    if body[-1:].upper() != b"Z":
        if body[-5:-4] not in (b"+", b"-"):
            raise MalformedError("a genTime without its time zone")
        return ["genTime 不是以 Z 结尾的 UTC 时间"]
    odd = body.endswith(b"z") or (b"." in body and body[-2:-1] == b"0")
    return ["genTime 的书写不规范"] if odd else []
