"""The seals of a company, the set of five (一套五枚), and a person's signature-seal: names, sizes, numbers, states."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sealing import artwork, drawing, ses
from sealing.artwork import Artwork
from sealing.artwork_sizes import SIGNATURE_SIZE, UNIT_SIZES, UnitKind
from sealing.drawing_personal import signature_seal
from sealing.errors import SealFormatError, SealTextError
from sealing.tracing import trace_picture
from signing.digests import sm3


class SealKind(StrEnum):
    """Which of the five a seal is, or else a natural person's own."""

    UNIT = "unit"
    FINANCE = "finance"
    CONTRACT = "contract"
    INVOICE = "invoice"
    LEGAL_REPRESENTATIVE = "legal-representative"
    PERSONAL = "personal"


FIVE: Final = (
    SealKind.UNIT,
    SealKind.FINANCE,
    SealKind.CONTRACT,
    SealKind.INVOICE,
    SealKind.LEGAL_REPRESENTATIVE,
)
"""一套五枚: what a unit has."""


class SealState(StrEnum):
    """What the registry says of a seal at an instant."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LOST = "lost"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


TITLES: Final = {
    SealKind.UNIT: "公章",
    SealKind.FINANCE: "财务专用章",
    SealKind.CONTRACT: "合同专用章",
    SealKind.INVOICE: "发票专用章",
    SealKind.LEGAL_REPRESENTATIVE: "法定代表人章",
    SealKind.PERSONAL: "个人签名章",
}
"""What each kind is called."""

SIZES_MM: Final = {
    SealKind.UNIT: (40, 40),
    SealKind.FINANCE: (38, 38),
    SealKind.CONTRACT: (40, 40),
    SealKind.INVOICE: (40, 30),
    SealKind.LEGAL_REPRESENTATIVE: (20, 20),
    SealKind.PERSONAL: SIGNATURE_SIZE,
}
"""Width and height on paper, in whole millimetres; the 公章 here is that of a limited company, see `size_of`."""

_TYPE: Final = {
    SealKind.UNIT: 1,
    SealKind.LEGAL_REPRESENTATIVE: 2,
    SealKind.FINANCE: 3,
    SealKind.CONTRACT: 4,
    SealKind.INVOICE: 5,
    SealKind.PERSONAL: 2,
}
_REGION_DIGITS, _SERIAL_DIGITS = 6, 7


@dataclass(frozen=True)
class Holder:
    """Whose seals they are: company name, its credit code, and its legal representative's name."""

    company: str
    uscc: str
    legal_representative: str
    """For a natural person's own seal: the person; then company and code are empty."""


@dataclass(frozen=True)
class IssuedSeal:
    """A seal as the registry hands it out: the SESeal, its vector artwork (`artwork.encode`), and its state."""

    kind: SealKind
    number: str
    name: str
    esl: bytes
    artwork: bytes
    state: SealState = SealState.ACTIVE


def seal_name(kind: SealKind, holder: Holder) -> str:
    """Compose the name in the seal (印章名称): the company alone is the 公章, the others say what they are."""
    if kind is SealKind.UNIT:
        return holder.company
    if kind is SealKind.PERSONAL:
        return f"{holder.legal_representative}{TITLES[kind]}"
    if kind is SealKind.LEGAL_REPRESENTATIVE:
        return f"{holder.company}{TITLES[kind]}（{holder.legal_representative}）"
    return f"{holder.company}{TITLES[kind]}"


def seal_number(region: str, serial: int) -> str:
    """Compose a thirteen-digit number (印章编码): the six digits of the place (GB/T 2260), then a serial of seven."""
    if len(region) != _REGION_DIGITS or not (region.isascii() and region.isdecimal()):
        raise SealTextError(f"a place has six digits: {region!r}")
    if not 0 <= serial < 10**_SERIAL_DIGITS:
        raise SealTextError("the serials of this place are used up")
    return f"{region}{serial:0{_SERIAL_DIGITS}d}"


def kind_of(name: str) -> SealKind | None:
    """Recognise a seal by its name; None when the name says nothing (the type code means nothing either)."""
    if "法定代表人" in name or "法人章" in name or "法人名章" in name:
        return SealKind.LEGAL_REPRESENTATIVE
    if name.endswith(("个人签名章", "个人签名", "手写签名章", "手写签名")):
        return SealKind.PERSONAL
    for kind in (SealKind.FINANCE, SealKind.CONTRACT, SealKind.INVOICE):
        if TITLES[kind] in name:
            return kind
    return None if not name or name.endswith("专用章") else SealKind.UNIT


def size_of(kind: SealKind, unit: UnitKind = UnitKind.LIMITED_COMPANY) -> tuple[int, int]:
    """Answer width and height in whole mm; that of the 公章 follows the kind of unit (国发 (1999) 25 号)."""
    side = round(UNIT_SIZES[unit].diameter)
    return (side, side) if kind is SealKind.UNIT else SIZES_MM[kind]


def draw(
    kind: SealKind, holder: Holder, number: str, *, mark: str = "", unit: UnitKind = UnitKind.LIMITED_COMPANY
) -> Artwork:
    """Draw the seal; `mark` is a small line such as 仿真环境. Raises MissingGlyphError, SealTextError."""
    width, height = SIZES_MM[kind]
    if kind is SealKind.PERSONAL:
        return signature_seal(holder.legal_representative, size_mm=(width, height), mark=mark)
    if kind is SealKind.LEGAL_REPRESENTATIVE:
        return drawing.square_seal(holder.legal_representative, side_mm=width, mark=mark)
    if kind is SealKind.INVOICE:
        size = (float(width), float(height))
        title = TITLES[kind]
        return drawing.oval_seal(holder.company, number, size_mm=size, middle=holder.uscc, line=title, mark=mark)
    if kind is SealKind.UNIT:
        return drawing.unit_seal(holder.company, number, unit, mark=mark)
    drawn = drawing.finance_seal if kind is SealKind.FINANCE else drawing.contract_seal
    return drawn(holder.company, number, mark=mark)


@dataclass(frozen=True)
class DraftSeal:
    """A seal drawn and described, not yet signed by its maker: sign `info`, then `finish_seal`."""

    kind: SealKind
    number: str
    name: str
    info: bytes
    artwork: bytes


@dataclass(frozen=True)
class Term:
    """Who makes a seal, when, until when it is valid (印章有效期止), and in which version: 4, or 5 by option."""

    vendor: str
    at: datetime
    not_after: datetime
    version: int = ses.V4


def prepare_seal_info(
    kind: SealKind,
    holder: Holder,
    number: str,
    certificates: Sequence[bytes],
    *,
    vendor: str,
    at: datetime,
    not_after: datetime,
    mark: str = "",
    version: int = ses.V4,
    unit: UnitKind = UnitKind.LIMITED_COMPANY,
) -> DraftSeal:
    """Describe a seal whose users are the holders of `certificates` (DER); valid from `at` to `not_after`."""
    drawn = draw(kind, holder, number, mark=mark, unit=unit)
    encoded = artwork.encode(drawn)
    picture = ses.Picture("PNG", artwork.png(drawn), *size_of(kind, unit))
    term = Term(vendor, at, not_after, version)
    name = seal_name(kind, holder)
    return describe_seal(kind, name, number, certificates=certificates, picture=picture, drawn=encoded, term=term)


def describe_seal(
    kind: SealKind,
    name: str,
    number: str,
    *,
    certificates: Sequence[bytes],
    picture: ses.Picture,
    drawn: bytes,
    term: Term,
) -> DraftSeal:
    """Describe a seal with a picture of any origin; `drawn` is its vector artwork (`artwork.encode`), or empty."""
    info = ses.SealInfo(
        version=term.version,
        vendor=term.vendor,
        number=number,
        property=ses.SealProperty(_TYPE[kind], name, term.at, term.at, term.not_after, tuple(certificates)),
        picture=picture,
        extensions=(ses.Extension(ses.ARTWORK, sm3(drawn)),) if drawn else (),
    )
    return DraftSeal(kind, number, name, ses.write_seal_info(info), drawn)


def finish_seal(draft: DraftSeal, maker_certificate: bytes, signature: bytes, token: bytes | None = None) -> IssuedSeal:
    """Close a seal with the maker's signature (DER) over `draft.info`; `token` stamps the signature of a v5 seal."""
    esl = ses.write_seal(draft.info, maker_certificate, signature, token)
    return IssuedSeal(draft.kind, draft.number, draft.name, esl, draft.artwork)


def read_artwork(seal: IssuedSeal) -> Artwork:
    """Read the seal's vector artwork, which must be the one that its SESeal names. Raises SealFormatError.

    A seal of another maker names none: then the picture inside it, which its maker signed, is traced.
    """
    info = ses.parse_seal(seal.esl).info
    named = [e.value for e in info.extensions if e.oid == ses.ARTWORK]
    if not named and not seal.artwork:
        return trace_picture(info.picture.data, width_mm=info.picture.width, height_mm=info.picture.height)
    if named != [sm3(seal.artwork)]:
        raise SealFormatError("the artwork is not the one that the seal names")
    return artwork.decode(seal.artwork)
