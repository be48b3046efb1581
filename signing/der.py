"""A tolerant reader, a strict judge and a small writer of DER (ITU-T X.690).

The reader keeps the original bytes of every element: what was signed is never encoded again before it is
verified. It takes what production data contain (long lengths, explicit defaults, BER indefinite lengths);
`require_der` refuses all of that where a byte form must be the only one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from signing.errors import LimitError, MalformedError, NotCanonicalError

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
ENUMERATED: Final = 0x0A
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

_CHARSETS: Final = {
    UTF8_STRING: "utf-8",
    0x12: "ascii",  # NumericString
    PRINTABLE_STRING: "utf-8",  # some makers write UTF-8 into it
    0x14: "latin-1",  # TeletexString
    IA5_STRING: "utf-8",
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_CLOCK: Final = rb"(\d{4})(\d\d)?(?:\.(\d{1,9}))?([Zz]|[+-]\d{4})?"
_UTC: Final = re.compile(rb"(\d{6})" + _CLOCK)
_GENERALIZED: Final = re.compile(rb"(\d{8})" + _CLOCK)
_CONSTRUCTED: Final = 0x20
_LONG: Final = 0x80
_MAX_LENGTH_OCTETS: Final = 4
_MAX_DEPTH: Final = 64
_MAX_CHILDREN: Final = 1 << 18
_MAX_INDEFINITE: Final = 16
"""Levels of indefinite length. Each level is walked to its end before what is inside is read, and then again."""
_MAX_PIECES: Final = 1 << 15
"""Elements inside one indefinite length, all levels together."""
_MAX_OID: Final = 128
_MAX_INTEGER: Final = 1024
"""Octets; longer ones only serve to slow down whoever writes them as decimals."""


def context(number: int, *, primitive: bool = False) -> int:
    """Answer the tag octet of a context-specific element, constructed unless said otherwise."""
    return 0x80 | number | (0 if primitive else _CONSTRUCTED)


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag octet, its original bytes, and the contents within them."""

    tag: int
    raw: bytes
    body: bytes

    def expect(self, *tags: int) -> "Element":
        """Answer the element itself if its tag is one of these; MalformedError otherwise."""
        if self.tag not in tags:
            raise MalformedError(f"tag {self.tag:#04x} where {'/'.join(f'{t:#04x}' for t in tags)} belongs")
        return self

    def children(self) -> tuple["Element", ...]:
        """Answer the elements inside a constructed element."""
        return tuple(_walk(self.body, 0))

    def fields(self, tag: int = SEQUENCE) -> "Fields":
        """Answer the children of an element that must have this tag, to be taken one by one."""
        return Fields(list(self.expect(tag).children()))

    def inner(self, tag: int) -> "Element":
        """Answer the one child of an explicit tag."""
        children = self.expect(tag).children()
        if len(children) != 1:
            raise MalformedError(f"{len(children)} elements inside an explicit tag")
        return children[0]

    def integer(self) -> int:
        """Answer the value of an INTEGER or ENUMERATED."""
        if not self.expect(INTEGER, ENUMERATED).body:
            raise MalformedError("an INTEGER without octets")
        if len(self.body) > _MAX_INTEGER:
            raise MalformedError(f"an INTEGER of {len(self.body)} octets")
        return int.from_bytes(self.body, "big", signed=True)

    def boolean(self) -> bool:
        """Answer the value of a BOOLEAN; anything but zero is true."""
        return any(self.expect(BOOLEAN).body)

    def octets(self) -> bytes:
        """Answer the value of an OCTET STRING, put together if it came in BER pieces."""
        if self.tag == OCTET_STRING | _CONSTRUCTED:
            return b"".join(piece.expect(OCTET_STRING).body for piece in self.children())
        return self.expect(OCTET_STRING).body

    def bits(self) -> bytes:
        """Answer the octets of a BIT STRING without unused bits."""
        if self.expect(BIT_STRING).body[:1] != b"\0":
            raise MalformedError("a BIT STRING with unused bits")
        return self.body[1:]

    def flags(self) -> tuple[int, ...]:
        """Answer the numbers of the set bits of a BIT STRING, however it was padded."""
        bits = self.expect(BIT_STRING).body[1:]
        return tuple(n for n in range(len(bits) * 8) if bits[n // 8] & (0x80 >> n % 8))

    def text(self) -> str:
        """Answer the value of a character string of any kind."""
        charset = _CHARSETS.get(self.tag)
        if charset is None:
            raise MalformedError(f"tag {self.tag:#04x} is no character string")
        try:
            return self.body.decode(charset)
        except UnicodeDecodeError as error:
            raise MalformedError(f"a string that is not {charset}") from error

    def oid(self) -> str:
        """Answer the value of an OBJECT IDENTIFIER in dotted form."""
        return _dotted(self.expect(OID).body)

    def time(self) -> datetime:
        """Answer the value of a GeneralizedTime or UTCTime, aware, in UTC."""
        return _time(self.expect(UTC_TIME, GENERALIZED_TIME).body, short=self.tag == UTC_TIME)


@dataclass
class Fields:
    """The children of one structure, taken in order; `end` refuses what is left."""

    rest: list[Element]

    def take(self, *tags: int) -> Element:
        """Take the next child, which must have one of these tags (any, if none are given)."""
        if not self.rest:
            raise MalformedError("a structure that ends too early")
        element = self.rest.pop(0)
        return element.expect(*tags) if tags else element

    def optional(self, *tags: int) -> Element | None:
        """Take the next child if it has one of these tags."""
        return self.rest.pop(0) if self.rest and self.rest[0].tag in tags else None

    def end(self) -> None:
        """Refuse anything that was not taken."""
        if self.rest:
            raise MalformedError(f"an unexpected element of tag {self.rest[0].tag:#04x}")


def read(data: bytes, *, limit: int) -> Element:
    """Read exactly one element of at most `limit` bytes; LimitError, or MalformedError also for trailing bytes."""
    if len(data) > limit:
        raise LimitError(f"{len(data)} bytes; at most {limit} are read")
    element = _element(data, 0, 0)
    if len(element.raw) != len(data):
        raise MalformedError(f"{len(data) - len(element.raw)} bytes after the structure")
    return element


def read_prefix(data: bytes, *, limit: int) -> Element:
    """Read the first element of `data`, whatever follows it (signatures in zero-padded PDF contents)."""
    return _element(data[:limit], 0, 0)


def require_der(data: bytes, *, limit: int) -> None:
    """Refuse every encoding that DER does not allow, as far as that can be told without the schema.

    Shortest definite lengths, shortest INTEGERs and OIDs, BOOLEAN 00 or FF, zero padding bits, no strings in
    pieces, SETs in order, nothing after the end. Raises NotCanonicalError (or MalformedError).
    """
    element = read(data, limit=limit)
    _require_canonical(element, 0)


def _require_canonical(element: Element, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise LimitError(f"nested deeper than {_MAX_DEPTH}")
    if element.raw != tlv(element.tag, element.body):
        raise NotCanonicalError("a length that is not the shortest")
    if element.tag & _CONSTRUCTED:
        if element.tag < 0x80 and element.tag not in (SEQUENCE, SET):  # noqa: PLR2004 - universal class
            raise NotCanonicalError("a string in pieces")
        children = element.children()
        if element.tag == SET and list(children) != sorted(children, key=lambda child: child.raw):
            raise NotCanonicalError("a SET out of order")
        for child in children:
            _require_canonical(child, depth + 1)
    elif not _canonical_primitive(element):
        raise NotCanonicalError(f"a value of tag {element.tag:#04x} that is not in its one form")


def _canonical_primitive(element: Element) -> bool:
    body = element.body
    match element.tag:
        case 0x01:
            ok = body in (b"\x00", b"\xff")
        case 0x02 | 0x0A:
            ok = bool(body) and body == _signed(int.from_bytes(body, "big", signed=True))
        case 0x03:
            padding = body[0] if body else 8
            ok = padding < 8 and (len(body) > 1 or padding == 0) and not body[-1] & ((1 << padding) - 1)  # noqa: PLR2004
        case 0x05:
            ok = not body
        case 0x06:
            ok = element.raw == oid(element.oid())
        case _:  # a SEQUENCE or SET must be constructed; other values are what they are
            ok = element.tag not in (0x10, 0x11)
    return ok


def _walk(data: bytes, depth: int) -> Iterator[Element]:
    at = count = 0
    while at < len(data):
        element = _element(data, at, depth)
        yield element
        at += len(element.raw)
        count += 1
        if count > _MAX_CHILDREN:
            raise LimitError(f"more than {_MAX_CHILDREN} elements in one structure")


def _element(data: bytes, at: int, depth: int, seen: list[int] | None = None) -> Element:
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:  # noqa: PLR2004 - the mark of a multi-byte tag
        raise MalformedError("truncated, or a tag of more than one octet")
    size, start = data[at + 1], at + 2
    if size == _LONG:
        return _indefinite(data, at, depth, seen if seen is not None else [0])
    if size & _LONG:
        count = size & ~_LONG
        if count > _MAX_LENGTH_OCTETS or start + count > len(data):
            raise MalformedError("an oversized length")
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + size > len(data):
        raise MalformedError("an element longer than what holds it")
    return Element(data[at], data[at : start + size], data[start : start + size])


def _indefinite(data: bytes, at: int, depth: int, seen: list[int]) -> Element:
    if not data[at] & _CONSTRUCTED or depth > _MAX_INDEFINITE:
        raise MalformedError("an indefinite length where none can be")
    inside = at + 2
    while data[inside : inside + 2] != b"\0\0":
        seen[0] += 1
        if seen[0] > _MAX_PIECES:
            raise LimitError(f"more than {_MAX_PIECES} elements of indefinite length")
        inside += len(_element(data, inside, depth + 1, seen).raw)
    return Element(data[at], data[at : inside + 2], data[at + 2 : inside])


def _dotted(body: bytes) -> str:
    if not body or body[-1] & _LONG or len(body) > _MAX_OID:
        raise MalformedError("not an object identifier")
    arcs, value = list[int](), 0
    for octet in body:
        value = value << 7 | octet & 0x7F
        if not octet & _LONG:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - first * 40, *arcs[1:]))


def _time(data: bytes, *, short: bool) -> datetime:
    """Read with or without seconds, fraction and zone (none means UTC); GM timestamps are seen with a small z."""
    found = (_UTC if short else _GENERALIZED).fullmatch(data)
    if found is None:
        raise MalformedError(f"not a time: {data[:32]!r}")
    date, clock, seconds, fraction, zone = found.groups(b"")
    year = int(date[:-4])
    if short:
        year += 2000 if year < 50 else 1900  # noqa: PLR2004 - RFC 5280 4.1.2.5.1
    day, minute = (int(date[-4:-2]), int(date[-2:])), (int(clock[:2]), int(clock[2:]))
    try:
        moment = datetime(year, *day, *minute, int(seconds or 0), int(fraction[:6].ljust(6, b"0")), tzinfo=UTC)
        return moment - _offset(zone) if len(zone) > 1 else moment
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"not a time: {data[:32]!r}") from error


def _offset(zone: bytes) -> timedelta:
    """Read +hhmm or -hhmm; ValueError out of range."""
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    if ahead >= timedelta(days=1) or zone[3:] > b"59":
        raise ValueError("a time zone out of range")
    return ahead if zone[:1] == b"+" else -ahead


# Writing


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one element around its contents, with the shortest length."""
    body = b"".join(parts)
    size = len(body)
    if size < _LONG:
        return bytes((tag, size)) + body
    count = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(count))) + count + body


def sequence(*parts: bytes) -> bytes:
    """Encode a SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Encode a SET OF, its members in DER order."""
    return tlv(SET, *sorted(parts))


def explicit(number: int, *parts: bytes) -> bytes:
    """Encode [number] around whole elements, or [number] IMPLICIT around a constructed element's contents."""
    return tlv(context(number), *parts)


def integer(value: int) -> bytes:
    """Encode an INTEGER."""
    return tlv(INTEGER, _signed(value))


def boolean(value: bool) -> bytes:
    """Encode a BOOLEAN."""
    return tlv(BOOLEAN, b"\xff" if value else b"\x00")


def oid(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(OID, *(_base128(arc) for arc in (first * 40 + second, *rest)))


def octet_string(data: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return tlv(OCTET_STRING, data)


def bit_string(data: bytes) -> bytes:
    """Encode a BIT STRING of whole octets."""
    return tlv(BIT_STRING, b"\0", data)


def named_bits(*numbers: int) -> bytes:
    """Encode a BIT STRING with named bits: no trailing zero bits (X.690 11.2.2)."""
    top = max(numbers)
    octets = bytearray(top // 8 + 1)
    for number in numbers:
        octets[number // 8] |= 0x80 >> number % 8
    return tlv(BIT_STRING, bytes((7 - top % 8,)), bytes(octets))


def utf8(text: str) -> bytes:
    """Encode a UTF8String."""
    return tlv(UTF8_STRING, text.encode())


def printable(text: str) -> bytes:
    """Encode a PrintableString (ASCII)."""
    return tlv(PRINTABLE_STRING, text.encode("ascii"))


def time(at: datetime, *, utc_until_2050: bool = False) -> bytes:
    """Encode an instant as GeneralizedTime with no more than milliseconds, or by RFC 5280 4.1.2.5 as UTCTime."""
    at = at.astimezone(UTC)
    if utc_until_2050 and 1950 <= at.year < 2050:  # noqa: PLR2004 - the years that UTCTime can tell
        return tlv(UTC_TIME, at.strftime("%y%m%d%H%M%SZ").encode())
    fraction = f".{at.microsecond // 1000:03}".rstrip("0").rstrip(".") if not utc_until_2050 else ""
    return tlv(GENERALIZED_TIME, f"{at:%Y%m%d%H%M%S}{fraction}Z".encode())


def _signed(value: int) -> bytes:
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return value.to_bytes(size, "big", signed=True)


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(_LONG | value & 0x7F)
    return bytes(reversed(octets))
