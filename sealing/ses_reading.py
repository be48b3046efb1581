"""Reading electronic seal structures of v1, v4 and v5, tolerantly and over the original bytes; nothing is judged.

The field writes one thing in several ways (standards.md 1.1, 1.2); each is read, and `canonical` says whether the
bytes are the one DER form.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from sealing.errors import SealFormatError, SealLimitError
from sealing.ses_types import (
    MAX_SEAL,
    MAX_SIGNATURE,
    V1,
    V4,
    V5,
    CertificateDigest,
    Extension,
    Picture,
    SealInfo,
    SealProperty,
    SesSeal,
    SesSignature,
    Statement,
)
from sealing.ses_writing import write_outer, write_seal_info, write_statement
from signing import der
from signing.der import Element
from signing.errors import LimitError, MalformedError

_BEIJING: Final = timezone(timedelta(hours=8))
_WRAPPINGS: Final = 3
"""Levels of OCTET STRING and [0] around extDatas that are looked through."""


def parse_seal(data: bytes) -> SesSeal:
    """Read an SESeal (an `.esl` file). Raises SealFormatError, SealLimitError over MAX_SEAL."""
    with _format_errors():
        return _seal(der.read(data, limit=MAX_SEAL))


def parse_statement(data: bytes) -> Statement:
    """Read a TBS_Sign. Raises SealFormatError, SealLimitError."""
    with _format_errors():
        return _statement(der.read(data, limit=MAX_SIGNATURE))


def parse_signature(data: bytes) -> SesSignature:
    """Read an SES_Signature of any of the three versions. Raises SealFormatError, SealLimitError."""
    with _format_errors():
        return _read_signature(data)


def cut_signature(padded: bytes) -> bytes:
    """Cut an SES_Signature out of zero-padded contents at its DER length. Raises SealFormatError."""
    with _format_errors():
        return der.read_prefix(padded, limit=MAX_SIGNATURE).raw


@contextmanager
def _format_errors() -> Iterator[None]:
    """Turn the reader's errors into ours."""
    try:
        yield
    except LimitError as error:
        raise SealLimitError(str(error)) from error
    except MalformedError as error:
        raise SealFormatError(str(error)) from error


def _read_signature(data: bytes) -> SesSignature:
    parts = der.read(data, limit=MAX_SIGNATURE).expect(der.SEQUENCE).children()
    if not 2 <= len(parts) <= 5 or len(parts) == 3:  # noqa: PLR2004 - two fields are v1, four or five v4 and v5
        raise SealFormatError(f"SES_Signature of {len(parts)} fields")
    statement = _statement(parts[0])
    if len(parts) == 2:  # noqa: PLR2004
        if statement.certificate is None or statement.algorithm is None:
            raise SealFormatError("a v1 signature without certificate")
        certificate, algorithm, signature = statement.certificate, statement.algorithm, parts[1].bits()
        return SesSignature(data, statement, certificate, algorithm, signature, statement.token, canonical=False)
    certificate, algorithm, signature = parts[1].octets(), parts[2].oid(), parts[3].bits()
    timestamp = _stamp(parts[4]) if len(parts) > 4 else None  # noqa: PLR2004
    canonical = data == write_outer(parts[0].raw, certificate, algorithm, signature, timestamp)
    return SesSignature(data, statement, certificate, algorithm, signature, timestamp, canonical)


def _seal(element: Element) -> SesSeal:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) == 2:  # noqa: PLR2004 - the shape of v1
        return _seal_v1(element, parts)
    if len(parts) not in {4, 5}:
        raise SealFormatError(f"SESeal of {len(parts)} fields")
    info = _info(parts[0])
    certificate, algorithm, signature = parts[1].octets(), parts[2].oid(), parts[3].bits()
    timestamp = _stamp(parts[4]) if len(parts) == 5 else None  # noqa: PLR2004
    canonical = element.raw == write_outer(_rewrite(info), certificate, algorithm, signature, timestamp)
    layout = V5 if info.version == V5 or timestamp is not None else V4
    return SesSeal(element.raw, layout, info, parts[0].raw, certificate, algorithm, signature, timestamp, canonical)


def _seal_v1(element: Element, parts: tuple[Element, ...]) -> SesSeal:
    sign = parts[1].expect(der.SEQUENCE).children()
    if len(sign) != 3:  # noqa: PLR2004 - cert, signatureAlgorithm, signData
        raise SealFormatError(f"signInfo of {len(sign)} fields")
    certificate, algorithm, signature = sign[0].octets(), sign[1].oid(), sign[2].bits()
    signed = der.sequence(parts[0].raw, sign[0].raw, sign[1].raw)
    return SesSeal(element.raw, V1, _info(parts[0]), signed, certificate, algorithm, signature, None, canonical=False)


def _info(element: Element) -> SealInfo:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) not in {4, 5}:
        raise SealFormatError(f"SES_SealInfo of {len(parts)} fields")
    header = parts[0].expect(der.SEQUENCE).children()
    if len(header) != 3 or header[0].text() != "ES":  # noqa: PLR2004 - ID, version, Vid
        raise SealFormatError("not a seal header (ES)")
    version = header[1].integer()
    extensions = _extensions(parts[4]) if len(parts) == 5 else ()  # noqa: PLR2004
    return SealInfo(
        version, header[2].text(), parts[1].text(), _read_property(parts[2]), _read_picture(parts[3]), extensions
    )


def _read_property(element: Element) -> SealProperty:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) not in {6, 7}:
        raise SealFormatError(f"SES_ESPropertyInfo of {len(parts)} fields")
    kind, name, times = parts[0].integer(), parts[1].text(), [p.time() for p in parts[-3:]]
    entries = parts[-4].expect(der.SEQUENCE).children()
    plain = SealProperty(kind, name, times[0], times[1], times[2])
    if len(parts) == 7 and parts[2].integer() == 2:  # noqa: PLR2004 - certListType 2 lists digests
        return replace(plain, digests=tuple(_certificate_digest(e) for e in entries))
    if len(parts) == 7 and parts[2].integer() != 1:  # noqa: PLR2004
        raise SealFormatError("an unknown certListType")
    identifiers = tuple(e.text() for e in entries if e.tag == der.IA5_STRING)
    certificates = tuple(e.octets() for e in entries if e.tag != der.IA5_STRING)
    return replace(plain, certificates=certificates, identifiers=identifiers)


def _certificate_digest(element: Element) -> CertificateDigest:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) != 2:  # noqa: PLR2004 - type and value
        raise SealFormatError("a certificate digest of another shape")
    return CertificateDigest(parts[0].text(), parts[1].octets())


def _read_picture(element: Element) -> Picture:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) != 4:  # noqa: PLR2004 - type, data, width, height
        raise SealFormatError(f"SES_ESPictrueInfo of {len(parts)} fields")
    return Picture(parts[0].text(), parts[1].octets(), parts[2].integer(), parts[3].integer())


def _stamp(element: Element) -> bytes:
    """Read timeStamp [0]: EXPLICIT in the field; an IMPLICIT one holds the BIT STRING's contents itself."""
    if element.tag == der.context(0, primitive=True):
        return Element(der.BIT_STRING, element.raw, element.body).bits()
    return element.inner(der.context(0)).bits()


def _extensions(element: Element) -> tuple[Extension, ...]:
    """Read extDatas: bare SEQUENCE, [0] EXPLICIT, [0] IMPLICIT and OCTET STRING-wrapped."""
    for _ in range(_WRAPPINGS):
        if element.tag == der.OCTET_STRING:
            element = der.read(element.body, limit=MAX_SEAL)
        elif element.tag == der.context(0):
            inside = element.children()
            implicit = not inside or (inside[0].tag == der.SEQUENCE and _is_extension(inside[0]))
            element = Element(der.SEQUENCE, element.raw, element.body) if implicit else element.inner(der.context(0))
    return tuple(_read_extension(e) for e in element.expect(der.SEQUENCE).children())


def _is_extension(element: Element) -> bool:
    return element.body[:1] == bytes([der.OID])


def _read_extension(element: Element) -> Extension:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) not in {2, 3}:
        raise SealFormatError(f"ExtData of {len(parts)} fields")
    critical = len(parts) == 3 and parts[1].boolean()  # noqa: PLR2004
    return Extension(parts[0].oid(), parts[-1].octets(), critical)


def _statement(element: Element) -> Statement:
    parts = element.expect(der.SEQUENCE).children()
    if not 5 <= len(parts) <= 7:  # noqa: PLR2004 - v4 has five or six fields, v1 seven
        raise SealFormatError(f"TBS_Sign of {len(parts)} fields")
    version, seal = parts[0].integer(), _seal(parts[1])
    digest, text = parts[3].bits(), parts[4].text()
    if len(parts) == 7:  # noqa: PLR2004
        time, token = _time_v1(parts[2])
        certificate, algorithm = parts[5].octets(), parts[6].oid()
        return Statement(
            element.raw, version, seal, time, digest, text, (), token, certificate, algorithm, canonical=False
        )
    time = parts[2].time()
    extensions = _extensions(parts[5]) if len(parts) == 6 else ()  # noqa: PLR2004
    loose = Statement(element.raw, version, seal, time, digest, text, extensions, None, None, None, canonical=False)
    return replace(loose, canonical=_is_canonical(loose))


def _is_canonical(statement: Statement) -> bool:
    if not statement.seal.canonical or statement.time is None or not statement.property_info.isascii():
        return False
    seal, time, text, own = statement.seal.raw, statement.time, statement.property_info, statement.extensions
    return statement.raw == write_statement(seal, time, statement.document_sm3, text, own, version=statement.version)


def _time_v1(element: Element) -> tuple[datetime | None, bytes | None]:
    """Read the timeInfo of v1: a text of several makes, or a timestamp token, inside an element of several kinds."""
    if element.tag in {der.UTC_TIME, der.GENERALIZED_TIME}:
        return element.time(), None
    data = element.bits()
    if data[:1] == b"\x30":
        return None, data
    if data[:1] in {b"\x17", b"\x18"}:
        return der.read(data, limit=64).time(), None
    return _free_time(data), None


def _free_time(data: bytes) -> datetime:
    """Texts such as `2020-01-25T07:31:56.377Z` or `2020-01-25 15:31:56`; without a zone they are Beijing time."""
    text = data[:64].decode("ascii", "replace").strip()
    if re.fullmatch(r"\d{10,14}(\.\d+)?(Z|[+-]\d{4})?", text):
        tag = der.UTC_TIME if len(text.rstrip("Z")) == 12 else der.GENERALIZED_TIME  # noqa: PLR2004 - yymmddHHMMSS
        zoned = text if re.search(r"(Z|[+-]\d{4})\Z", text) else f"{text}+0800"
        return Element(tag, b"", zoned.encode()).time()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SealFormatError(f"not a time: {text!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=_BEIJING)).astimezone(UTC)


def _rewrite(info: SealInfo) -> bytes:
    """Write the one form of this seal information; differing bytes only mean that another maker wrote it."""
    try:
        return write_seal_info(info)
    except (UnicodeEncodeError, ValueError, OverflowError):
        return b""
