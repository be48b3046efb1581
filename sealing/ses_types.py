"""Electronic seal structures as values: SESeal, TBS_Sign and SES_Signature (电子印章, 电子签章), of any version."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

MAX_SEAL: Final = 1 << 20
"""Bytes; the largest seal structure that is read."""
MAX_SIGNATURE: Final = 2 << 20
"""Bytes; the largest seal signature (seal, certificate, timestamp) that is read."""

V1, V4, V5 = 1, 4, 5
"""Layouts: GM/T 0031-2014, GB/T 38540-2020, GM/T 0031-2025."""
SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
OTHER_SM2_NAMES: Final = frozenset({"1.2.156.10197.1.301.1", "1.2.156.10197.1.301"})
"""Object identifiers that the field also writes for the same algorithm (standards.md 3)."""
_ARC: Final = "2.25.145341899162585998416112248055001550562"
CONSENT: Final = f"{_ARC}.1"
"""Our extData in TBS_Sign: OCTET STRING contents = SM3 of the signed consent (32 bytes); docs/format/seal.md."""
ARTWORK: Final = f"{_ARC}.2"
"""Our extData in SES_SealInfo: OCTET STRING contents = SM3 of the vector artwork (32 bytes); docs/format/seal.md."""
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"\xff\xd8\xff", "jpg"),
    (b"BM", "bmp"),
    (b"PK\x03\x04", "ofd"),
)


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

    @property
    def sniffed(self) -> str:
        """Say what the bytes are, whatever `format` says: png, gif, jpg, bmp, svg, ofd, or empty when unknown."""
        found = next((name for magic, name in _MAGIC if self.data.startswith(magic)), "")
        return found or ("svg" if b"<svg" in self.data[:1024] else "")

    @property
    def is_as_named(self) -> bool:
        """Whether the bytes are what `format` says, in any case; JPG and JPEG are one."""
        return self.format.strip().lower().replace("jpeg", "jpg") == self.sniffed


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
