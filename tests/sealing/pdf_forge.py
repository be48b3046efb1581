"""Lay down PDF files byte by byte, so that every table, range and gap can be as wrong as an attacker wants it.

Signatures are real ones, by a throw-away P-256 key through pyHanko.
"""

import asyncio
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

Objects = dict[int, bytes]

CATALOG, PAGES, PAGE1, PAGE2, CONTENT1, CONTENT2, RESOURCES, FONT, FORM, TEXT, SIG1, SIG2 = range(1, 13)
CHECK, PICTURE, NOTE, LAYER, DRAWING, INFO, UNICODE, SPARE, SPARE_PAGE, BUTTON, BUTTON_PICTURE, CHECK_ON = range(13, 25)
FIRST_FREE = 30
SPACE = 3000
"""Hex digits for /Contents."""


def stream(content: bytes, entries: bytes = b"", *, pack: bool = False) -> bytes:
    data = zlib.compress(content) if pack else content
    coded = b"/Filter /FlateDecode " if pack else b""
    return b"<< %b %b/Length %d >>\nstream\n%b\nendstream" % (entries, coded, len(data), data)


def draw(text: bytes) -> bytes:
    return b"BT /F1 24 Tf 40 700 Td (%b) Tj ET" % text


def base() -> Objects:
    """Two pages, a text field, a check box, a button, two empty signature fields, a note, a layer and spare parts."""
    form = b"/BBox [0 0 200 20] /Type /XObject /Subtype /Form /Resources 7 0 R"
    return {
        CATALOG: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 9 0 R /OCProperties << /OCGs [16 0 R] "
        b"/D << /ON [16 0 R] /OFF [] >> >> >>",
        PAGES: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] >>",
        PAGE1: b"<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources 7 0 R "
        b"/Annots [10 0 R 11 0 R 13 0 R 15 0 R 22 0 R] >>",
        PAGE2: b"<< /Type /Page /Parent 2 0 R /Contents 6 0 R /Resources 7 0 R /Annots [12 0 R] >>",
        CONTENT1: stream(draw(b"Total: 100 yuan") + b" /OC /L1 BDC /X1 Do EMC"),
        CONTENT2: stream(draw(b"Second page")),
        RESOURCES: b"<< /Font << /F1 8 0 R >> /XObject << /X1 17 0 R >> /Properties << /L1 16 0 R >> >>",
        FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 19 0 R >>",
        FORM: b"<< /Fields [10 0 R 11 0 R 12 0 R 13 0 R 22 0 R] /SigFlags 3 /DA (/F1 12 Tf 0 g) /DR 7 0 R >>",
        TEXT: b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (100) /DA (/F1 12 Tf 0 g) "
        b"/Rect [40 500 240 520] /F 4 /P 3 0 R /AP << /N 14 0 R >> >>",
        SIG1: b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (first) /Rect [40 100 240 160] /F 4 /P 3 0 R >>",
        SIG2: b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (second) /Rect [40 100 240 160] /F 4 /P 4 0 R >>",
        CHECK: b"<< /Type /Annot /Subtype /Widget /FT /Btn /T (agreed) /V /Off /AS /Off /Rect [40 450 60 470] /F 4 "
        b"/P 3 0 R /AP << /N << /Yes 24 0 R >> >> >>",
        PICTURE: stream(b"/Tx BMC BT /F1 12 Tf 2 5 Td (100) Tj ET EMC", form),
        NOTE: b"<< /Type /Annot /Subtype /Text /Rect [500 700 520 720] /Contents (a note) /P 3 0 R >>",
        LAYER: b"<< /Type /OCG /Name (layer) >>",
        DRAWING: stream(b"0 0 50 50 re f", b"/BBox [0 0 50 50] /Type /XObject /Subtype /Form"),
        INFO: b"<< /Title (Bid) /Producer (forge) >>",
        UNICODE: stream(b"/CIDInit /ProcSet findresource begin 1 beginbfchar <31> <0031> endbfchar end"),
        SPARE: stream(draw(b"Total: 900 yuan")),
        SPARE_PAGE: b"<< /Type /Page /Parent 2 0 R /Contents 20 0 R /Resources 7 0 R >>",
        BUTTON: b"<< /Type /Annot /Subtype /Widget /FT /Btn /Ff 65536 /T (logo) /Rect [400 450 460 470] /F 4 "
        b"/P 3 0 R /AP << /N 23 0 R >> >>",
        BUTTON_PICTURE: stream(b"0 0 20 20 re f", form),
        CHECK_ON: stream(b"0 0 20 20 re S", b"/BBox [0 0 20 20] /Type /XObject /Subtype /Form"),
    }


def write(objects: Mapping[int, bytes], *, head: bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", info: bool = True) -> bytes:
    """Write a file with one table."""
    return append(head, objects, trailer=b"/Info 18 0 R" if info else b"", prev=None)


def last_table(data: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", data)[-1])


def size_of(data: bytes) -> int:
    return max(int(number) for number in re.findall(rb"/Size (\d+)", data))


def append(
    data: bytes,
    objects: Mapping[int, bytes],
    *,
    trailer: bytes = b"",
    prev: int | None = -1,
    free: tuple[int, ...] = (),
    places: Mapping[int, int] | None = None,
    eof: bytes = b"%%EOF\n",
    eol: bytes = b"\n",
) -> bytes:
    """Append a revision with a table. `places` are entries without an object; `prev` None starts a file."""
    out, at = bytearray(data), dict(places or {})
    for number, content in objects.items():
        at[number] = len(out)
        out += b"%d 0 obj%b%b%bendobj%b" % (number, eol, content, eol, eol)
    start, size = len(out), max([size_of(data) if prev is not None else 0, *(n + 1 for n in (*at, *free))])
    out += b"xref" + eol + b"0 1" + eol + b"0000000000 65535 f" + (eol if len(eol) == 2 else b" " + eol)
    rows = {**{n: b"%010d 00000 n" % place for n, place in at.items()}, **dict.fromkeys(free, b"0000000000 00001 f")}
    for number in sorted(rows):
        out += b"%d 1%b%b%b" % (number, eol, rows[number], eol if len(eol) == 2 else b" " + eol)
    back = b"" if prev is None else b" /Prev %d" % (last_table(data) if prev == -1 else prev)
    root = b"" if b"/Root" in trailer else b"/Root 1 0 R "
    out += b"trailer%b<< %b/Size %d%b %b >>%bstartxref%b%d%b" % (eol, root, size, back, trailer, eol, eol, start, eol)
    return bytes(out + eof)


def append_packed(data: bytes, objects: Mapping[int, bytes], *, trailer: bytes = b"", prev: bool = True) -> bytes:
    """Append a revision whose plain objects stand in an object stream, with a cross-reference stream."""
    out, size = bytearray(data), max([size_of(data) if prev else 0, *(n + 1 for n in objects)])
    packed = {n: c for n, c in objects.items() if b"stream" not in c and b"/ByteRange" not in c}
    rows = dict[int, bytes]()
    inner = list[bytes]()
    for index, (number, content) in enumerate(packed.items()):
        rows[number] = bytes([2]) + size.to_bytes(4, "big") + index.to_bytes(2, "big")
        inner.append(content)
    starts, at = [], 0
    for content in inner:
        starts.append(at)
        at += len(content) + 1
    header = b" ".join(b"%d %d" % pair for pair in zip(packed, starts, strict=True)) + b" "
    entries = b"/Type /ObjStm /N %d /First %d" % (len(packed), len(header))
    plain = {
        **{n: c for n, c in objects.items() if n not in packed},
        size: stream(header + b"\n".join(inner), entries, pack=True),
    }
    for number, content in plain.items():
        rows[number] = bytes([1]) + len(out).to_bytes(4, "big") + b"\0\0"
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start, own = len(out), size + 1
    rows[own] = bytes([1]) + start.to_bytes(4, "big") + b"\0\0"
    index_pairs = b" ".join(b"%d 1" % n for n in sorted(rows))
    back = b"/Prev %d " % last_table(data) if prev else b""
    entries = b"/Type /XRef /W [1 4 2] /Index [%b] /Root 1 0 R /Size %d %b%b" % (index_pairs, own + 1, back, trailer)
    table = stream(b"".join(rows[n] for n in sorted(rows)), entries, pack=True)
    out += b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (own, table, start)
    return bytes(out)


@dataclass(frozen=True)
class Ink:
    """Who signs."""

    signer: SimpleSigner
    certificate: bytes


@cache
def ink() -> Ink:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Forge")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    usage = x509.KeyUsage(*(n == 0 for n in range(9)))
    builder = builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC)).add_extension(usage, critical=True)
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(der),
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),
    )
    return Ink(signer, der)


Seal = Callable[[bytes], bytes]


def seal(covered: bytes) -> bytes:
    """Answer the CMS message over the covered bytes."""
    job = ink().signer.async_sign(hashlib.sha256(covered).digest(), "sha256")
    message: Any = asyncio.run(job)
    found: bytes = message.dump()
    return found


def sign(
    data: bytes,
    field: int = SIG1,
    *,
    value: int = 0,
    entries: bytes = b"",
    more: Mapping[int, bytes] | None = None,
    field_more: bytes = b"",
    picture: bool = True,
    sub_filter: bytes = b"/adbe.pkcs7.detached",
    make: Seal = seal,
    writer: Callable[..., bytes] = append,
    trailer: bytes = b"",
    current: Mapping[int, bytes] | None = None,
) -> bytes:
    """Sign an empty field in a new revision; `more` are further objects of that revision."""
    value = value or size_of(data) + 1
    drawn = value + 1
    known = {**base(), **(current or {})}
    filled = known[field].removesuffix(b" >>") + b" /V %d 0 R %b" % (value, field_more)
    filled += (b"/AP << /N %d 0 R >> >>" % drawn) if picture else b">>"
    shown = stream(b"0 0 200 60 re S", b"/BBox [0 0 200 60] /Type /XObject /Subtype /Form")
    objects = {field: filled, value: blank(entries, sub_filter), **({drawn: shown} if picture else {}), **(more or {})}
    return complete(writer(data, objects, trailer=trailer), make)


def blank(entries: bytes = b"", sub_filter: bytes = b"/adbe.pkcs7.detached", kind: bytes = b"/Sig") -> bytes:
    return (
        b"<< /Type %b /Filter /Adobe.PPKLite /SubFilter %b /M (D:20261101120000Z) %b "
        b"/ByteRange [0 0000000000 0000000000 0000000000] /Contents <%b> >>" % (kind, sub_filter, entries, b"0" * SPACE)
    )


def complete(data: bytes, make: Seal = seal) -> bytes:
    """Fill in the one signature that is still blank."""
    at = data.rindex(b"/ByteRange [0 0000000000")
    start = data.index(b"<", data.index(b"/Contents", at))
    stop = data.index(b">", start) + 1
    numbers = b"/ByteRange [0 %010d %010d %010d]" % (start, stop, len(data) - stop)
    ranged = data[:at] + numbers + data[at + len(numbers) :]
    message = make(ranged[:start] + ranged[stop:]).hex().encode("ascii")
    return ranged[: start + 1] + message.ljust(stop - start - 2, b"0") + ranged[stop - 1 :]


@cache
def signed(*, certified: int = 0, extra: bytes = b"", lock: bytes = b"") -> bytes:
    """Answer the base document, signed once in the first field; certified with this level when there is one."""
    objects = base()
    if extra:
        objects[CATALOG] = objects[CATALOG].removesuffix(b" >>") + b" " + extra + b" >>"
    if lock:
        objects[SIG1] = objects[SIG1].removesuffix(b" >>") + b" /Lock << /Type /SigFieldLock %b >> >>" % lock
    plain = write(objects)
    value = size_of(plain) + 1
    reference, more = b"", dict[int, bytes]()
    if certified:
        reference = (
            b"/Reference [<< /Type /SigRef /TransformMethod /DocMDP "
            b"/TransformParams << /Type /TransformParams /V /1.2 /P %d >> >>]" % certified
        )
        more = {CATALOG: objects[CATALOG].removesuffix(b" >>") + b" /Perms << /DocMDP %d 0 R >> >>" % value}
    if lock:
        reference = (
            b"/Reference [<< /Type /SigRef /TransformMethod /FieldMDP /TransformParams << /V /1.2 %b >> >>]" % lock
        )
    return sign(plain, value=value, entries=reference, more=more, current=objects)


def catalog(extra: bytes, *, data: bytes | None = None) -> Objects:
    """Answer the catalogue with a further entry, as it stands in this file."""
    found = base()[CATALOG] if data is None else newest(data, CATALOG)
    return {CATALOG: found.removesuffix(b" >>") + b" " + extra + b" >>"}


def newest(data: bytes, number: int) -> bytes:
    """Answer the newest text of a plain object."""
    found = re.findall(rb"(?:^|\n)%d 0 obj\n(.*?)\nendobj" % number, data, re.DOTALL)
    return bytes(found[-1])
