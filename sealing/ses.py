"""Electronic seal structures: SESeal, TBS_Sign and SES_Signature (电子印章, 电子签章).

Read: GM/T 0031-2014 (v1), GB/T 38540-2020 (v4) and GM/T 0031-2025 (v5), tolerantly and over the original
bytes. Written: v4, as `docs/format/seal.md` says. Nothing here judges; `sealing.verify` does.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from sealing.errors import SealFormatError, SealLimitError
from signing import der
from signing.der import Element
from signing.errors import LimitError, MalformedError

MAX_SEAL: Final = 1 << 20
"""Bytes; the largest seal structure that is read."""
MAX_SIGNATURE: Final = 2 << 20
"""Bytes; the largest seal signature (seal, certificate, timestamp) that is read."""

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
OTHER_SM2_NAMES: Final = frozenset({"1.2.156.10197.1.301.1", "1.2.156.10197.1.301"})
"""Object identifiers that the field also writes for the same algorithm (standards.md 3)."""
_ARC: Final = "2.25.145341899162585998416112248055001550562"
CONSENT: Final = f"{_ARC}.1"
"""Our extData in TBS_Sign: OCTET STRING contents = SM3 of the signed consent (32 bytes); docs/format/seal.md."""
ARTWORK: Final = f"{_ARC}.2"
"""Our extData in SES_SealInfo: OCTET STRING contents = SM3 of the vector artwork (32 bytes); docs/format/seal.md."""

_V1, _V4, _V5 = 1, 4, 5
_BEIJING: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Extension:
    """One ExtData (自定义数据)."""

    oid: str
    value: bytes
    critical: bool = False


@dataclass(frozen=True)
class Picture:
    """SES_ESPictrueInfo: a picture as it looks on paper, width and height in millimetres."""

    format: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class CertificateDigest:
    """An entry of a certList of type 2: a digest of a certificate."""

    algorithm: str
    value: bytes


@dataclass(frozen=True)
class SealProperty:
    """SES_ESPropertyInfo (印章属性). `kind` has no meaning across makers: shown, never decided on."""

    kind: int
    name: str
    created: datetime
    not_before: datetime
    not_after: datetime
    certificates: tuple[bytes, ...] = ()
    digests: tuple[CertificateDigest, ...] = ()
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class SealInfo:
    """SES_SealInfo (印章信息): what the maker signs. `number` is esID (印章编码)."""

    version: int
    vendor: str
    number: str
    property: SealProperty
    picture: Picture
    extensions: tuple[Extension, ...] = ()


@dataclass(frozen=True)
class SesSeal:
    """SESeal (电子印章). `signed` are the very bytes under the maker's signature."""

    raw: bytes
    layout: int
    info: SealInfo
    signed: bytes
    certificate: bytes
    algorithm: str
    signature: bytes
    timestamp: bytes | None
    canonical: bool


@dataclass(frozen=True)
class Statement:
    """TBS_Sign (待签章数据). `time` is None when a v1 statement carries a timestamp instead: then `token` is it."""

    raw: bytes
    version: int
    seal: SesSeal
    time: datetime | None
    document_sm3: bytes
    property_info: str
    extensions: tuple[Extension, ...]
    token: bytes | None
    certificate: bytes | None
    algorithm: str | None
    canonical: bool

    @property
    def consent_sm3(self) -> bytes | None:
        """SM3 of the consent, if exactly one of our extDatas carries it."""
        found = [e.value for e in self.extensions if e.oid == CONSENT]
        return found[0] if len(found) == 1 and len(found[0]) == 32 else None  # noqa: PLR2004 - SM3 is 32 bytes


@dataclass(frozen=True)
class SesSignature:
    """SES_Signature (电子签章数据). `canonical`: the outer structure is plain DER."""

    raw: bytes
    statement: Statement
    certificate: bytes
    algorithm: str
    signature: bytes
    timestamp: bytes | None
    canonical: bool


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


def write_seal_info(info: SealInfo) -> bytes:
    """Encode an SES_SealInfo of version 4, certListType 1: the bytes that the maker signs."""
    header = der.sequence(_ia5("ES"), der.integer(info.version), _ia5(info.vendor))
    picture = der.sequence(
        _ia5(info.picture.format),
        der.octet_string(info.picture.data),
        der.integer(info.picture.width),
        der.integer(info.picture.height),
    )
    extensions = [der.sequence(*map(_extension, info.extensions))] if info.extensions else []
    return der.sequence(header, _ia5(info.number), _property(info.property), picture, *extensions)


def write_seal(info: bytes, certificate: bytes, signature: bytes) -> bytes:
    """Put a v4 SESeal together from its signed part, the maker's certificate (DER) and signature (DER r, s)."""
    return _outer_seal(info, certificate, SM2_WITH_SM3, signature, None)


def write_statement(
    seal: bytes, at: datetime, document_sm3: bytes, property_info: str, extensions: Sequence[Extension] = ()
) -> bytes:
    """Encode a v4 TBS_Sign: the bytes under the signer's signature. `at` is kept to the second."""
    own = [der.explicit(0, der.sequence(*map(_extension, extensions)))] if extensions else []
    time = der.time(at.replace(microsecond=0))
    return der.sequence(der.integer(_V4), seal, time, der.bit_string(document_sm3), _ia5(property_info), *own)


def write_signature(statement: bytes, certificate: bytes, signature: bytes, token: bytes | None) -> bytes:
    """Put a v4 SES_Signature together; `token` is a DER TimeStampToken over SM3(signature)."""
    return _signature(statement, certificate, SM2_WITH_SM3, signature, token)


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
    timestamp = parts[4].inner(der.context(0)).bits() if len(parts) > 4 else None  # noqa: PLR2004
    canonical = data == _signature(parts[0].raw, certificate, algorithm, signature, timestamp)
    return SesSignature(data, statement, certificate, algorithm, signature, timestamp, canonical)


def _seal(element: Element) -> SesSeal:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) == 2:  # noqa: PLR2004 - the shape of v1
        return _seal_v1(element, parts)
    if len(parts) not in {4, 5}:
        raise SealFormatError(f"SESeal of {len(parts)} fields")
    info = _info(parts[0])
    certificate, algorithm, signature = parts[1].octets(), parts[2].oid(), parts[3].bits()
    timestamp = parts[4].inner(der.context(0)).bits() if len(parts) == 5 else None  # noqa: PLR2004
    canonical = element.raw == _outer_seal(_rewrite(info), certificate, algorithm, signature, timestamp)
    layout = _V5 if info.version == _V5 or timestamp is not None else _V4
    return SesSeal(element.raw, layout, info, parts[0].raw, certificate, algorithm, signature, timestamp, canonical)


def _seal_v1(element: Element, parts: tuple[Element, ...]) -> SesSeal:
    sign = parts[1].expect(der.SEQUENCE).children()
    if len(sign) != 3:  # noqa: PLR2004 - cert, signatureAlgorithm, signData
        raise SealFormatError(f"signInfo of {len(sign)} fields")
    certificate, algorithm, signature = sign[0].octets(), sign[1].oid(), sign[2].bits()
    signed = der.sequence(parts[0].raw, sign[0].raw, sign[1].raw)
    return SesSeal(element.raw, _V1, _info(parts[0]), signed, certificate, algorithm, signature, None, canonical=False)


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


def _extensions(element: Element) -> tuple[Extension, ...]:
    """Bare SEQUENCE, [0] EXPLICIT and OCTET STRING-wrapped are all in the field."""
    if element.tag == der.OCTET_STRING:
        element = der.read(element.body, limit=MAX_SEAL)
    if element.tag == der.context(0):
        element = element.inner(der.context(0))
    return tuple(_read_extension(e) for e in element.expect(der.SEQUENCE).children())


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
    seal, time, text = statement.seal.raw, statement.time, statement.property_info
    return statement.raw == write_statement(seal, time, statement.document_sm3, text, statement.extensions)


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


def _ia5(text: str) -> bytes:
    return der.tlv(der.IA5_STRING, text.encode("ascii"))


def _rewrite(info: SealInfo) -> bytes:
    """Write the one form of this seal information; differing bytes only mean that another maker wrote it."""
    try:
        return write_seal_info(info)
    except (UnicodeEncodeError, ValueError, OverflowError):
        return b""


def _property(value: SealProperty) -> bytes:
    listed = map(der.octet_string, value.certificates)
    times = map(der.time, (value.created, value.not_before, value.not_after))
    return der.sequence(der.integer(value.kind), der.utf8(value.name), der.integer(1), der.sequence(*listed), *times)


def _extension(value: Extension) -> bytes:
    critical = [der.boolean(value=True)] if value.critical else []
    return der.sequence(der.oid(value.oid), *critical, der.octet_string(value.value))


def _outer_seal(info: bytes, certificate: bytes, algorithm: str, signature: bytes, token: bytes | None) -> bytes:
    return _signature(info, certificate, algorithm, signature, token)  # the two structures have one shape


def _signature(first: bytes, certificate: bytes, algorithm: str, signature: bytes, token: bytes | None) -> bytes:
    stamp = [der.explicit(0, der.bit_string(token))] if token is not None else []
    return der.sequence(first, der.octet_string(certificate), der.oid(algorithm), der.bit_string(signature), *stamp)
