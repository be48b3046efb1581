"""Writing electronic seal structures in plain DER: v4 (GB/T 38540-2020) by default, v5 (GM/T 0031-2025) by option."""

from collections.abc import Sequence
from datetime import datetime

from sealing.ses_types import SM2_WITH_SM3, V4, V5, CertificateDigest, Extension, SealInfo, SealProperty
from signing import der

_BY_CERTIFICATE, _BY_DIGEST = 1, 2


def write_seal_info(info: SealInfo) -> bytes:
    """Encode an SES_SealInfo of version 4 or 5: the bytes that the maker signs. certListType follows the list."""
    header = der.sequence(_ia5("ES"), der.integer(info.version), _ia5(info.vendor))
    picture = der.sequence(
        _ia5(info.picture.format),
        der.octet_string(info.picture.data),
        der.integer(info.picture.width),
        der.integer(info.picture.height),
    )
    extensions = [der.sequence(*map(_extension, info.extensions))] if info.extensions else []
    return der.sequence(header, _ia5(info.number), _property(info.property), picture, *extensions)


def write_seal(info: bytes, certificate: bytes, signature: bytes, token: bytes | None = None) -> bytes:
    """Put an SESeal together from its signed part, the maker's certificate (DER) and signature (DER r, s).

    `token` is the maker's TimeStampToken over the signature, which v5 alone has a place for.
    """
    return write_outer(info, certificate, SM2_WITH_SM3, signature, token)


def write_statement(
    seal: bytes,
    at: datetime,
    document_sm3: bytes,
    property_info: str,
    extensions: Sequence[Extension] = (),
    *,
    version: int | None = None,
) -> bytes:
    """Encode a TBS_Sign: the bytes under the signer's signature. `at` is kept to the second.

    The version is the seal's own unless another is asked for. Raises SealFormatError for a seal that is none.
    """
    own = [der.explicit(0, der.sequence(*map(_extension, extensions)))] if extensions else []
    number = der.integer(_seal_version(seal) if version is None else version)
    time = der.time(at.replace(microsecond=0))
    return der.sequence(number, seal, time, der.bit_string(document_sm3), _ia5(property_info), *own)


def write_signature(statement: bytes, certificate: bytes, signature: bytes, token: bytes | None) -> bytes:
    """Put an SES_Signature together; `token` is a DER TimeStampToken over SM3(signature)."""
    return write_outer(statement, certificate, SM2_WITH_SM3, signature, token)


def write_outer(first: bytes, certificate: bytes, algorithm: str, signature: bytes, token: bytes | None) -> bytes:
    """Write the shape that SESeal and SES_Signature share since v4."""
    stamp = [der.explicit(0, der.bit_string(token))] if token is not None else []
    return der.sequence(first, der.octet_string(certificate), der.oid(algorithm), der.bit_string(signature), *stamp)


def _seal_version(seal: bytes) -> int:
    from sealing.ses_reading import parse_seal  # noqa: PLC0415 - the reader compares with what is written here

    return V5 if parse_seal(seal).layout == V5 else V4


def _ia5(text: str) -> bytes:
    return der.tlv(der.IA5_STRING, text.encode("ascii"))


def _property(value: SealProperty) -> bytes:
    kind = _BY_DIGEST if value.digests else _BY_CERTIFICATE
    listed = map(_digest, value.digests) if value.digests else map(der.octet_string, value.certificates)
    times = map(der.time, (value.created, value.not_before, value.not_after))
    return der.sequence(der.integer(value.kind), der.utf8(value.name), der.integer(kind), der.sequence(*listed), *times)


def _digest(value: CertificateDigest) -> bytes:
    return der.sequence(der.printable(value.algorithm), der.octet_string(value.value))


def _extension(value: Extension) -> bytes:
    critical = [der.boolean(value=True)] if value.critical else []
    return der.sequence(der.oid(value.oid), *critical, der.octet_string(value.value))
