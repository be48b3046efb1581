"""Files made to loop, to explode or to confuse a reader: a word or a typed error for each, soon and in little room."""

import re
import zlib
from collections.abc import Iterator

import pdf_forge as forge
from pdf_forge import (
    CATALOG,
    CONTENT1,
    FORM,
    PAGE1,
    PAGES,
    SIG1,
    TEXT,
    append,
    base,
    blank,
    catalog,
    complete,
    newest,
    signed,
    stream,
)
from pdf_forge_attacks import Case

ANY = "NOSIG REFUSE FAIL MODIFIED INDETERMINATE"
HARMLESS = f"{ANY} PASS PASS_WARN"
HEAD = b"%PDF-1.7\n"


def _plain(changed: dict[int, bytes]) -> bytes:
    return forge.write({**base(), **changed})


def _table_stream(entries: bytes, rows: bytes = b"\1\0\0\0\0\0\0") -> bytes:
    table = b"1 0 obj\n" + stream(rows, b"/Type /XRef /Root 1 0 R " + entries) + b"\nendobj\n"
    return HEAD + table + b"startxref\n%d\n%%%%EOF\n" % len(HEAD)


def shapes() -> Iterator[Case]:
    """Files that are hardly files."""
    for name, data in (
        ("empty", b""),
        ("one byte", b"%"),
        ("header only", b"%PDF-1.7"),
        ("header and end", b"%PDF-1.7\n%%EOF"),
        ("startxref zero", b"%PDF-1.7\nstartxref\n0\n%%EOF"),
        ("startxref negative", b"%PDF-1.7\nstartxref\n-5\n%%EOF"),
        ("startxref huge", b"%PDF-1.7\nstartxref\n" + b"9" * 4000 + b"\n%%EOF"),
        ("startxref many digits", b"%PDF-1.7\nstartxref\n99999999999999999999\n%%EOF"),
        ("zeros", b"%PDF-1.7\n" + bytes(100_000) + b"\nstartxref\n20\n%%EOF"),
        ("not a pdf", b"PK\3\4" + bytes(100)),
        ("no trailer", b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \nstartxref\n9\n%%EOF"),
        ("trailer without root", append(HEAD, {}, trailer=b"/Root null", prev=None)),
    ):
        yield Case(f"shape {name}", lambda data=data: data, ANY, name)


def tables() -> Iterator[Case]:
    """Cross-reference tables and streams."""
    yield Case("prev to itself", _prev_self, ANY, "loop of one")
    yield Case("prev loop", _prev_loop, ANY, "loop of two")
    yield Case(
        "table of 1e8",
        lambda: (
            HEAD + b"xref\n0 100000000\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 9 >>\nstartxref\n9\n%%EOF"
        ),
        ANY,
        "count",
    )
    for name, entries in (
        ("1e8 rows of no width", b"/W [0 0 0] /Index [0 100000000] /Size 100000000"),
        ("1e8 rows", b"/W [1 4 2] /Index [0 100000000] /Size 100000000"),
        ("1e9 rows, one byte", b"/W [1 0 0] /Size 1000000000"),
        ("negative width", b"/W [-1 4 2] /Size 5"),
        ("width of 1e9", b"/W [1 1000000000 2] /Size 5"),
        ("index of names", b"/W [1 4 2] /Index [/a /b] /Size 5"),
        ("negative index", b"/W [1 4 2] /Index [-5 1] /Size 5"),
        ("odd index", b"/W [1 4 2] /Index [0] /Size 5"),
        ("size gone", b"/W [1 4 2]"),
        ("prev to itself", b"/W [1 4 2] /Size 1 /Prev 9"),
    ):
        yield Case(f"xref stream {name}", lambda e=entries: _table_stream(e), ANY, name)
    bomb = zlib.compress(bytes(100 << 20), 9)
    data = (
        b"1 0 obj\n<< /Type /XRef /Root 1 0 R /W [1 4 2] /Size 1999999 /Filter /FlateDecode /Length %d >>"
        b"\nstream\n%b\nendstream\nendobj\n" % (len(bomb), bomb)
    )
    yield Case("xref stream bomb", lambda: HEAD + data + b"startxref\n9\n%%EOF\n", ANY, "Flate bomb as a table")


def _prev_self() -> bytes:
    data = forge.write(base())
    at = forge.last_table(data)
    return data.replace(b"/Root 1 0 R ", b"/Root 1 0 R /Prev %d " % at)


def _prev_loop() -> bytes:
    data = forge.write(base())
    later = append(data, {TEXT: base()[TEXT]})
    return later.replace(b"/Root 1 0 R /Size 25", b"/Prev %06d /Size 25" % forge.last_table(later), 1)


def trees() -> Iterator[Case]:
    """Trees that are none."""
    pages = {
        "page tree own kid": {PAGES: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"},
        "page tree loop": {
            PAGES: b"<< /Type /Pages /Kids [30 0 R] /Count 1 >>",
            30: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>",
        },
        "page twice": {PAGES: b"<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 2 >>"},
        "kids are numbers": {PAGES: b"<< /Type /Pages /Kids [1 2 3] /Count 3 >>"},
        "kids no list": {PAGES: b"<< /Type /Pages /Kids 3 /Count 3 >>"},
        "pages a stream": {PAGES: stream(b"x", b"/Type /Pages /Kids [3 0 R] ")},
        "root a list": {CATALOG: b"[1 2 3]"},
        "root null": {CATALOG: b"null"},
        "root to itself": {CATALOG: b"1 0 R"},
        "reference loop": {CATALOG: b"30 0 R", 30: b"31 0 R", 31: b"30 0 R"},
        "pages to itself": {PAGES: b"2 0 R"},
        "field its own kid": {FORM: b"<< /Fields [30 0 R] >>", 30: b"<< /T (a) /FT /Sig /Kids [30 0 R] >>"},
        "fields no list": {FORM: b"<< /Fields 7 >>"},
        "fields of everything": {FORM: b"<< /Fields [1 0 R 2 0 R 3 0 R 9 0 R (x) 7 << /FT /Sig /V 9 0 R >>] >>"},
        "form a number": {CATALOG: base()[CATALOG].replace(b"/AcroForm 9 0 R", b"/AcroForm 9")},
        "parent of page is page": {PAGE1: base()[PAGE1].replace(b"/Parent 2 0 R", b"/Parent 3 0 R")},
        "dss its own array": catalog(b"/DSS << /Certs 30 0 R >>") | {30: b"[30 0 R 30 0 R]"},
        "dss a number": catalog(b"/DSS 7"),
    }
    for name, changed in pages.items():
        yield Case(f"tree {name}", lambda c=changed: _plain(c), ANY, name)
        if PAGES in changed or FORM in changed or CATALOG in changed:
            yield Case(f"tree {name}, after a signature", lambda c=changed: append(signed(), c), ANY, name)
    deep = b"[" * 100_000 + b"]" * 100_000
    yield Case(
        "deep array",
        lambda: _plain({CATALOG: base()[CATALOG].removesuffix(b">>") + b"/X " + deep + b" >>"}),
        HARMLESS,
        "nesting",
    )
    nested = b"<< /A " * 50_000 + b"1" + b" >>" * 50_000
    yield Case(
        "deep dictionary",
        lambda: _plain({CATALOG: base()[CATALOG].removesuffix(b">>") + b"/X " + nested + b" >>"}),
        HARMLESS,
        "nesting",
    )
    yield Case("deep array, after a signature", lambda: append(signed(), catalog(b"/X " + deep)), ANY, "nesting")
    yield Case("deep kids", lambda: _plain(_deep_kids(5_000)), HARMLESS, "page tree of 5000 levels")
    yield Case("deep fields", lambda: _plain(_deep_fields(5_000)), HARMLESS, "form of 5000 levels")
    yield Case(
        "chain of references",
        lambda: _plain({CATALOG: b"30 0 R", **{n: b"%d 0 R" % (n + 1) for n in range(30, 9000)}}),
        ANY,
        "references",
    )
    yield Case(
        "cycle, after a signature",
        lambda: append(signed(), catalog(b"/X 30 0 R") | {30: b"[30 0 R 31 0 R]", 31: b"<< /Y 30 0 R >>"}),
        ANY,
        "cycle of objects",
    )
    yield Case("wide cycle in the base", _wide_cycle, HARMLESS, "every object names every other")


def _deep_kids(levels: int) -> dict[int, bytes]:
    nodes = {n: b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (n + 1) for n in range(100, 100 + levels)}
    return {
        PAGES: b"<< /Type /Pages /Kids [100 0 R] /Count 1 >>",
        **nodes,
        100 + levels: b"<< /Type /Page /Parent 2 0 R >>",
    }


def _deep_fields(levels: int) -> dict[int, bytes]:
    nodes = {n: b"<< /T (a) /Kids [%d 0 R] >>" % (n + 1) for n in range(100, 100 + levels)}
    return {FORM: b"<< /Fields [100 0 R] >>", **nodes, 100 + levels: b"<< /T (b) /FT /Sig /V 1 0 R >>"}


def _wide_cycle() -> bytes:
    """300 objects that each name all the others: 90,000 paths of length two, and endlessly many in all."""
    numbers = range(100, 400)
    every = b"[" + b" ".join(b"%d 0 R" % n for n in numbers) + b"]"
    objects = {**base(), **dict.fromkeys(numbers, every)}
    objects[CATALOG] = objects[CATALOG].removesuffix(b">>") + b"/X 100 0 R >>"
    data = forge.sign(forge.write(objects))
    return append(data, {TEXT: base()[TEXT].replace(b"(100)", b"(200)"), 399: every + b" "})


def streams() -> Iterator[Case]:
    """Streams, object streams and numbers."""
    bomb = zlib.compress(zlib.compress(bytes(100 << 20), 9), 9)
    twice = b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%b\nendstream" % (len(bomb), bomb)
    yield Case("stacked bomb", lambda: _plain({CONTENT1: twice}), HARMLESS, "not opened at all")
    yield Case(
        "stacked bomb, after a signature", lambda: append(signed(), {CONTENT1: twice}), "MODIFIED", "content overridden"
    )
    packed = zlib.compress(bytes(100 << 20), 9)
    metadata = b"<< /Type /Metadata /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (len(packed), packed)
    yield Case(
        "metadata bomb",
        lambda: append(signed(), catalog(b"/Metadata 30 0 R") | {30: metadata}),
        "MODIFIED",
        "100 MB of zeros as XMP",
    )
    yield Case("object stream bomb", lambda: _object_stream(packed), ANY, "100 MB of zeros as objects")
    yield Case("object stream in itself", _in_itself, ANY, "object stream that stands in itself")
    yield Case(
        "length huge",
        lambda: _plain({CONTENT1: b"<< /Length 99999999999999 >>\nstream\nx\nendstream"}),
        HARMLESS,
        "length",
    )
    yield Case(
        "length negative",
        lambda: append(signed(), {CONTENT1: b"<< /Length -5 >>\nstream\nx\nendstream"}),
        ANY,
        "length",
    )
    yield Case(
        "length of itself",
        lambda: append(signed(), {CONTENT1: b"<< /Length 5 0 R >>\nstream\nx\nendstream"}),
        ANY,
        "length",
    )
    yield Case(
        "number of a million digits",
        lambda: _plain({CATALOG: base()[CATALOG].removesuffix(b">>") + b"/X " + b"9" * 10**6 + b" >>"}),
        HARMLESS,
        "number",
    )
    items = b" ".join([b"1"] * 1_000_000)
    yield Case("range of 1e6 numbers", lambda: _ranged(b"[0 " + items + b"]"), "FAIL REFUSE", "ByteRange")
    yield Case(
        "range in a loop",
        lambda: _ranged(b"40 0 R", {40: b"[40 0 R 40 0 R 40 0 R 40 0 R]"}),
        "FAIL REFUSE",
        "ByteRange",
    )
    yield Case("value of zero bytes", lambda: _ranged(b"[0 1 3 4]", contents=b"<>"), "FAIL REFUSE", "no bytes")
    der = complete(
        append(forge.write(base()), {SIG1: base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>", 40: blank()}),
        lambda _: b"\x30\x85\xff\xff\xff\xff\xff" + bytes(9),
    )
    yield Case("value of 2^40 bytes", lambda: der, "FAIL", "DER length")
    deep = complete(
        append(forge.write(base()), {SIG1: base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>", 40: blank()}),
        lambda _: b"\x30\x80" * 700,
    )
    yield Case("value nested", lambda: deep, "FAIL", "DER nesting")
    many = b"[" + b" ".join(b"%d 0 R" % n for n in range(1000, 41_500)) + b"]"
    yield Case("40000 missing fields", lambda: _plain({FORM: b"<< /Fields %b >>" % many}), HARMLESS, "form of nothing")
    yield Case("20000 signatures", _many_signatures, ANY, "one field per signature")
    yield Case("2000 revisions", _many_revisions, HARMLESS, "revision after revision")
    yield Case(
        "names with numbers",
        lambda: append(signed(), {TEXT: re.sub(rb"/T \(amount\)", b"/T 7", base()[TEXT])}),
        ANY,
        "field name",
    )
    yield Case(
        "page is a field too",
        lambda: append(
            signed(),
            {
                PAGE1: newest(signed(), PAGE1).removesuffix(b">>") + b"/FT /Sig /T (p) >>",
                FORM: base()[FORM].replace(b"22 0 R]", b"22 0 R 3 0 R]"),
            },
        ),
        "MODIFIED",
        "page as field",
    )


def _object_stream(packed: bytes) -> bytes:
    entries = b"<< /Type /ObjStm /N 1000000 /First 8000000 /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream"
    data = HEAD + b"2 0 obj\n" + entries % (len(packed), packed) + b"\nendobj\n"
    rows = bytes([2]) + (2).to_bytes(4, "big") + b"\0\0" + bytes([1]) + len(HEAD).to_bytes(4, "big") + b"\0\0"
    table = stream(rows, b"/Type /XRef /W [1 4 2] /Index [1 2] /Size 9 /Root 1 0 R")
    return data + b"8 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, len(data))


def _in_itself() -> bytes:
    rows = bytes([2]) + (2).to_bytes(4, "big") + b"\0\0" + bytes([2]) + (2).to_bytes(4, "big") + b"\0\0"
    return HEAD + b"8 0 obj\n%b\nendobj\nstartxref\n9\n%%%%EOF\n" % stream(
        rows, b"/Type /XRef /W [1 4 2] /Index [1 2] /Size 9 /Root 1 0 R"
    )


def _ranged(value: bytes, more: dict[int, bytes] | None = None, contents: bytes = b"<00>") -> bytes:
    text = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange %b /Contents %b >>"
    field = base()[SIG1].removesuffix(b" >>") + b" /V 41 0 R >>"
    return append(forge.write(base()), {SIG1: field, 41: text % (value, contents), **(more or {})})


def _many_signatures() -> bytes:
    fields = {
        n: b"<< /FT /Sig /T (f%d) /V << /ByteRange [0 9 11 9] /Contents <00> >> >>" % n for n in range(1000, 21_000)
    }
    every = b" ".join(b"%d 0 R" % n for n in fields)
    return _plain({FORM: b"<< /Fields [%b] >>" % every, **fields})


def _many_revisions() -> bytes:
    out = bytearray(signed())
    at = forge.last_table(bytes(out))
    for _ in range(2_000):
        start = len(out)
        out += (
            b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 40 /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
            % (at, start)
        )
        at = start
    return bytes(out)


HOSTILE = [*shapes(), *tables(), *trees(), *streams()]
