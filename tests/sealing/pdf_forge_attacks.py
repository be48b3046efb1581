"""Every known way to make a signed PDF say something else, one file each: name, bytes, expected word and the reason.

Classes after "1 Trillion Dollar Refund" (ISA, USF, SWA), "Shadow Attacks" and "Breaking the Specification: PDF
Certification"; the files are our own.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pdf_forge as forge
from pdf_forge import (
    BUTTON_PICTURE,
    CATALOG,
    CHECK,
    CONTENT1,
    DRAWING,
    FONT,
    FORM,
    LAYER,
    NOTE,
    PAGE1,
    PAGE2,
    PAGES,
    PICTURE,
    RESOURCES,
    SIG1,
    SIG2,
    SPARE,
    SPARE_PAGE,
    TEXT,
    UNICODE,
    append,
    append_packed,
    base,
    blank,
    catalog,
    complete,
    draw,
    newest,
    sign,
    signed,
    size_of,
    stream,
)


@dataclass(frozen=True)
class Case:
    """One file; `words` are the words that are right for it."""

    name: str
    make: Callable[[], bytes]
    words: str
    why: str


MODIFIED, FAIL, BROKEN = "MODIFIED", "FAIL", "FAIL MODIFIED REFUSE"
_FALSE = stream(draw(b"Total: 900 yuan"))
_WIDE = re.compile(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]")


def _with(number: int, more: bytes, *, without: bytes = b"") -> bytes:
    text = base()[number]
    return text.replace(without, b"").removesuffix(b" >>") + b" " + more + b" >>"


def _later(objects: Callable[[bytes], dict[int, bytes]] | dict[int, bytes], **settings: object) -> Callable[[], bytes]:
    """Answer the signed file with a further revision."""

    def make() -> bytes:
        data = signed()
        return append(data, objects(data) if callable(objects) else objects, **settings)  # type: ignore[arg-type]

    return make


def _certified(level: int, objects: Callable[[bytes], dict[int, bytes]]) -> Callable[[], bytes]:
    return lambda: append(signed(certified=level), objects(signed(certified=level)))


def incremental() -> Iterator[Case]:
    """Incremental saving attacks."""
    yield Case("isa content replaced", _later({CONTENT1: _FALSE}), MODIFIED, "page content overridden")
    packed = lambda: append_packed(signed(), {PAGE1: newest(signed(), PAGE1).replace(b"5 0 R", b"20 0 R")})  # noqa: E731
    yield Case("isa in an object stream", packed, MODIFIED, "page overridden from an object stream")
    yield Case("isa bare body", lambda: signed() + b"5 0 obj\n" + _FALSE + b"\nendobj\n", MODIFIED, "no table")
    eof = lambda: signed() + b"5 0 obj\n" + _FALSE + b"\nendobj\n%%EOF\n"  # noqa: E731
    yield Case("isa body and %%EOF", eof, MODIFIED, "no table, but an end")
    old = lambda: signed() + b"5 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (_FALSE, forge.last_table(signed()))  # noqa: E731
    yield Case("isa old startxref", old, BROKEN, "new body behind the old table")
    bad = lambda: signed() + b"5 0 obj\n%b\nendobj\nstartxref\n0\n%%%%EOF\n" % _FALSE  # noqa: E731
    yield Case("isa wrong startxref", bad, BROKEN, "a table that is not there")
    tail = lambda: signed() + b"5 0 obj\n%b\nendobj\ntrailer\n<< /Root 1 0 R /Size 40 >>\n" % _FALSE  # noqa: E731
    yield Case("isa trailer only", tail, BROKEN, "a trailer without a table")
    yield Case("isa no %%EOF", _later({CONTENT1: _FALSE}, eof=b""), BROKEN, "revision without its end")
    yield Case("isa unlisted override", _unlisted, MODIFIED, "body holds an object that its table does not")
    self_prev = lambda: append(signed(), {CONTENT1: _FALSE}, prev=len(signed()) + 10**5)  # noqa: E731
    yield Case("isa prev beyond", self_prev, BROKEN, "/Prev leads nowhere")
    yield Case("isa no prev", _whole_again, BROKEN, "a whole new file behind the signed one")
    points = lambda: append(signed(), {}, places={CONTENT1: signed().index(b"20 0 obj")})  # noqa: E731
    yield Case("isa table points elsewhere", points, BROKEN, "object 5 is said to stand where 20 does")
    root = _later(lambda d: {size_of(d): base()[CATALOG]}, trailer=b"/Root 30 0 R ")
    yield Case("isa other root", root, BROKEN, "the trailer names another catalogue")
    yield Case("isa freed content", _later({}, free=(CONTENT1,)), MODIFIED, "page content freed")
    yield Case("isa freed annotation", _later({}, free=(NOTE,)), MODIFIED, "an annotation freed")
    yield Case("isa two revisions, back again", _back_again, MODIFIED, "changed, then changed back")
    yield Case("isa objects without line ends", _tight, MODIFIED, "content overridden, written tightly")
    yield Case("isa comment appended", lambda: signed() + b"% " + b"x" * 3000 + b"\n", MODIFIED, "bytes behind the end")
    yield Case("isa white space appended", lambda: signed() + b" " * 5000, MODIFIED, "bytes behind the end")


def _unlisted() -> bytes:
    data = signed()
    body = data + b"5 0 obj\n" + _FALSE + b"\nendobj\n"
    return append(body, {forge.INFO: b"<< /Title (x) >>"})


def _whole_again() -> bytes:
    objects = {**base(), CONTENT1: _FALSE}
    return append(signed(), objects, prev=None)


def _back_again() -> bytes:
    changed = append(signed(), {CONTENT1: _FALSE})
    return append(changed, {CONTENT1: base()[CONTENT1]})


def _tight() -> bytes:
    return append(signed(), {CONTENT1: _FALSE}, eol=b"\r")


def forged() -> Iterator[Case]:
    """Universal signature forgery: the signature dictionary says less than a reader expects."""
    data = signed
    yield Case("usf no range", lambda: _same_length(_WIDE, b"/BytRange []"), FAIL, "no /ByteRange")
    for name, text in (
        ("null", b"/ByteRange null"),
        ("empty", b"/ByteRange []"),
        ("zeros", b"/ByteRange [0 0 0 0]"),
        ("negative", b"/ByteRange [0 -1 0 -1]"),
        ("three", b"/ByteRange [0 100 200]"),
        ("five", b"/ByteRange [0 100 200 300 400]"),
        ("reals", b"/ByteRange [0.0 1.5 3.0 4.0]"),
        ("strings", b"/ByteRange [(0) (1) (2) (3)]"),
        ("huge", b"/ByteRange [0 99999999999999 1 99999999]"),
        ("a name", b"/ByteRange /All"),
    ):
        yield Case(f"usf range {name}", lambda text=text: _same_length(_WIDE, text), FAIL, "/ByteRange is no range")
    contents = re.compile(rb"/Contents <[0-9a-f]+>")
    for name, text in (
        ("null", b"/Contents null"),
        ("empty", b"/Contents <>"),
        ("zero", b"/Contents <00>"),
        ("a string", b"/Contents (abc)"),
        ("gone", b"/Nothing (abc)"),
        ("a name", b"/Contents /x"),
    ):
        yield Case(f"usf contents {name}", lambda text=text: _same_length(contents, text), FAIL, "no signature value")
    zeros = lambda: contents.sub(lambda m: b"/Contents <" + b"0" * (len(m[0]) - 12) + b">", data())  # noqa: E731
    yield Case("usf contents all zero", zeros, FAIL, "a value of zeros")
    random = lambda: contents.sub(lambda m: b"/Contents <" + b"a7" * ((len(m[0]) - 12) // 2) + b">", data())  # noqa: E731
    yield Case("usf contents noise", random, FAIL, "a value of noise")
    sub = lambda: data().replace(b"/SubFilter /adbe.pkcs7.detached", b"/SubFilter /adbe.pkcs7.unknown_")  # noqa: E731
    yield Case("usf unknown kind", sub, "INDETERMINATE FAIL", "a kind of signature that nobody knows is not accepted")
    nothing = lambda: data().replace(b"/SubFilter /adbe.pkcs7.detached", b"/SubFiltex /adbe.pkcs7.detached")  # noqa: E731
    yield Case("usf no kind", nothing, "INDETERMINATE FAIL", "no /SubFilter")
    value = re.compile(rb"/V 26 0 R")
    for name, text in (
        ("a number", b"/V 3      "),
        ("null", b"/V null   "),
        ("a string", b"/V (x)    "),
        ("an array", b"/V []     "),
    ):
        words = "FAIL INDETERMINATE" if name != "null" else "FAIL"
        yield Case(
            f"usf value {name}", lambda t=text: value.sub(t, data(), count=1), words, "the field holds no signature"
        )
    flip = lambda: data().replace(b"Total: 100", b"Total: 900")  # noqa: E731
    yield Case("digest", flip, FAIL, "signed bytes changed")
    yield Case(
        "usf later value null", _later({SIG1: base()[SIG1]}), "FAIL MODIFIED", "the signature taken out of its field"
    )
    yield Case(
        "usf fields emptied",
        _later({FORM: _with(FORM, b"", without=b"10 0 R 11 0 R 12 0 R 13 0 R 22 0 R")}),
        BROKEN,
        "form without fields",
    )
    no_form = _later({CATALOG: base()[CATALOG].replace(b"/AcroForm 9 0 R", b"")})
    yield Case("usf form removed", no_form, BROKEN, "catalogue without a form")
    yield Case("usf value copied", _copied, BROKEN, "one signature's value in another field")
    yield Case("usf two fields of one name", _namesakes, BROKEN, "two fields of one name")


def _same_length(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    return pattern.sub(lambda m: text.ljust(len(m[0])), signed())


def _copied() -> bytes:
    data = signed()
    filled = base()[SIG2].removesuffix(b" >>") + b" /V 26 0 R >>"
    return append(data, {SIG2: filled})


def _namesakes() -> bytes:
    data, new = signed(), size_of(signed())
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (first) /Rect [0 0 0 0] /P 3 0 R /V %d 0 R >>" % (new + 1)
    form = base()[FORM].replace(b"22 0 R]", b"22 0 R %d 0 R]" % new)
    return complete(append(data, {new: field, new + 1: blank(), FORM: form}))


def wrapping() -> Iterator[Case]:
    """Signature wrapping: the second range is moved, and something else stands in between."""
    yield Case("swa moved", lambda: _wrapped(b""), BROKEN, "second range moved away")
    inner = b"5 0 obj\n" + _FALSE + b"\nendobj\n"
    yield Case("swa moved with an object", lambda: _wrapped(inner), BROKEN, "object in the gap")
    yield Case("swa with a table", lambda: _wrapped(inner, table=True), BROKEN, "object and table in the gap")
    yield Case("gap too wide", lambda: _gap(0, 4), FAIL, "gap wider than the value")
    yield Case("gap too narrow", lambda: _gap(1, -1), FAIL, "value partly covered")
    yield Case("gap elsewhere", lambda: _gap(-400, -400), FAIL, "gap is not at the value")
    yield Case("ranges overlap", lambda: _gap(0, -3500), FAIL, "ranges overlap")
    yield Case(
        "starts late", lambda: _WIDE.sub(b"/ByteRange [9 \\1 \\2 \\3]", signed()), FAIL, "does not begin at zero"
    )
    yield Case("gap padded inside", _padded, FAIL, "gap holds more than a hex string")
    yield Case("stops early", _stops_early, FAIL, "range ends before its revision")


def _gap(first: int, second: int) -> bytes:
    def shift(match: re.Match[bytes]) -> bytes:
        length, at, rest = (int(one) for one in match.groups())
        return b"/ByteRange [0 %010d %010d %010d]" % (length + first, at + second, rest - second)

    return complete_digest(_WIDE.sub(shift, signed()))


def complete_digest(data: bytes) -> bytes:
    """Sign whatever the range says, so that only the range is wrong."""
    match = next(iter(_WIDE.finditer(data)))
    length, second, rest = (int(one) for one in match.groups())
    start = data.index(b"<", data.index(b"/Contents", match.end()))
    stop = data.index(b">", start) + 1
    message = forge.seal(data[:length] + data[second : second + rest]).hex().encode("ascii")
    return data[: start + 1] + message.ljust(stop - start - 2, b"0") + data[stop - 1 :]


def _stops_early() -> bytes:
    return complete_digest(_WIDE.sub(lambda m: m[0][:-11] + b"%010d]" % (int(m[3]) - 20), signed()))


def _padded() -> bytes:
    data = signed()
    at = data.index(b"/Contents <") + 10
    stop = data.index(b">", at)
    return data[: stop - 60] + b"> /Reason (" + b"x" * 47 + b") " + data[stop:]


def _wrapped(inner: bytes, *, table: bool = False) -> bytes:
    """Move the covered second part to the end, and put other content and a table where it was."""
    data = signed()
    match = next(iter(_WIDE.finditer(data)))
    length, second, rest = (int(one) for one in match.groups())
    tail = data[second:]
    middle = b" >>\nendobj\n" + inner
    if table:
        fresh = append(data[:second] + middle, {}, places={CONTENT1: second + len(b" >>\nendobj\n")}, prev=None)
        middle = fresh[second:]
    moved = second + len(middle)
    ranged = data[: match.start()] + b"/ByteRange [0 %010d %010d %010d]" % (length, moved, rest) + data[match.end() :]
    wrapped = ranged[:second] + middle + tail
    shift = len(middle)
    return wrapped[:moved] + re.sub(
        rb"startxref\n(\d+)", lambda m: b"startxref\n%d" % (int(m[1]) + shift), wrapped[moved:]
    )


def shadows() -> Iterator[Case]:
    """Shadow attacks: what was prepared before signing is shown, hidden or exchanged afterwards."""
    change = {
        "hide: picture over the text removed": {RESOURCES: _with(RESOURCES, b"", without=b"/X1 17 0 R")},
        "hide: drawing overridden": {DRAWING: stream(b"", b"/BBox [0 0 50 50] /Type /XObject /Subtype /Form")},
        "replace: font overridden": {FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>"},
        "replace: ToUnicode overridden": {UNICODE: stream(b"begin 1 beginbfchar <31> <0039> endbfchar end")},
        "replace: font exchanged": {RESOURCES: _with(RESOURCES, b"", without=b"8 0 R")},
        "hide and replace: other content": {PAGE1: base()[PAGE1].replace(b"/Contents 5 0 R", b"/Contents 20 0 R")},
        "hide and replace: content array": {
            PAGE1: base()[PAGE1].replace(b"/Contents 5 0 R", b"/Contents [5 0 R 20 0 R]")
        },
        "hide and replace: other page": {PAGES: base()[PAGES].replace(b"[3 0 R 4 0 R]", b"[21 0 R 4 0 R]")},
        "hide and replace: unused object used": {PAGE2: base()[PAGE2].replace(b"6 0 R", b"20 0 R")},
        "hide and replace: content of the spare": {SPARE: _FALSE, PAGE1: base()[PAGE1].replace(b"5 0 R", b"20 0 R")},
        "form: picture overridden in place": {
            PICTURE: stream(b"BT /F1 12 Tf 2 5 Td (900) Tj ET", b"/BBox [0 0 200 20] /Subtype /Form")
        },
        "form: picture exchanged": {TEXT: base()[TEXT].replace(b"/N 14 0 R", b"/N 17 0 R")},
        "form: field moved": {TEXT: base()[TEXT].replace(b"[40 500 240 520]", b"[40 600 240 620]")},
        "form: field hidden": {TEXT: base()[TEXT].replace(b"/F 4", b"/F 2")},
        "form: default appearance white": {TEXT: base()[TEXT].replace(b"12 Tf 0 g", b"12 Tf 1 g")},
        "form: style of all fields": {FORM: base()[FORM].replace(b"12 Tf 0 g", b"1 Tf 1 g")},
        "form: button picture": {BUTTON_PICTURE: stream(b"0 0 200 200 re f", b"/BBox [0 0 200 20] /Subtype /Form")},
        "form: check box picture": {forge.CHECK_ON: stream(b"0 0 1 1 re f", b"/BBox [0 0 20 20] /Subtype /Form")},
        "form: action added": {TEXT: _with(TEXT, b"/AA << /F << /S /JavaScript /JS (x) >> >>")},
        "form: name changed": {TEXT: base()[TEXT].replace(b"(amount)", b"(amounT)")},
        "form: kind changed": {CHECK: base()[CHECK].replace(b"/FT /Btn", b"/FT /Ch ")},
        "form: xfa added": {FORM: _with(FORM, b"/XFA 20 0 R")},
        "form: field removed": {FORM: base()[FORM].replace(b"[10 0 R ", b"[")},
        "form: signed field moved": {SIG1: newest(signed(), SIG1).replace(b"[40 100", b"[40 300")},
        "form: signed field's picture": {SIG1: newest(signed(), SIG1).replace(b"/N 27 0 R", b"/N 17 0 R")},
        "form: signed picture overridden": {27: stream(b"0 0 400 400 re f", b"/BBox [0 0 200 60] /Subtype /Form")},
        "form: signature value overridden": {26: b"<< /Type /Sig /Name (x) >>"},
        "annots: note removed": {PAGE1: base()[PAGE1].replace(b"15 0 R ", b"")},
        "annots: order": {PAGE1: base()[PAGE1].replace(b"15 0 R 22 0 R", b"22 0 R 15 0 R")},
        "annots: swapped to another page": {PAGE2: base()[PAGE2].replace(b"[12 0 R]", b"[12 0 R 15 0 R]")},
        "annots: note's text": {NOTE: base()[NOTE].replace(b"a note", b"a nota")},
        "pages: removed": {PAGES: base()[PAGES].replace(b"[3 0 R 4 0 R] /Count 2", b"[3 0 R] /Count 1")},
        "pages: added": {PAGES: base()[PAGES].replace(b"[3 0 R 4 0 R] /Count 2", b"[3 0 R 4 0 R 21 0 R] /Count 3")},
        "pages: reordered": {PAGES: base()[PAGES].replace(b"[3 0 R 4 0 R]", b"[4 0 R 3 0 R]")},
        "pages: turned": {PAGE1: _with(PAGE1, b"/Rotate 90")},
        "pages: all turned": {PAGES: _with(PAGES, b"/Rotate 180")},
        "pages: cropped": {PAGE1: _with(PAGE1, b"/CropBox [0 0 300 300]")},
        "pages: other size": {PAGES: base()[PAGES].replace(b"595 842", b"595 400")},
        "pages: action": {PAGE1: _with(PAGE1, b"/AA << /O << /S /JavaScript /JS (x) >> >>")},
        "layer: off": {CATALOG: base()[CATALOG].replace(b"/ON [16 0 R] /OFF []", b"/ON [] /OFF [16 0 R]")},
        "layer: name": {LAYER: b"<< /Type /OCG /Name (another) /Usage << /View << /ViewState /OFF >> >> >>"},
        "catalogue: open action": catalog(b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"),
        "catalogue: script by name": catalog(
            b"/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (x) >>] >> >>"
        ),
        "catalogue: attachment": catalog(
            b"/Names << /EmbeddedFiles << /Names [(a) << /Type /Filespec /F (a) >>] >> >>"
        ),
        "catalogue: associated file": catalog(b"/AF [<< /Type /Filespec /F (a) >>]"),
        "catalogue: perms": catalog(b"/Perms << /DocMDP 26 0 R >>"),
        "catalogue: needs rendering": catalog(b"/NeedsRendering true"),
        "catalogue: dss with a page": catalog(b"/DSS << /Certs [3 0 R] >>"),
        "catalogue: dss with more": catalog(b"/DSS << /Certs [] /Script 20 0 R >>"),
        "catalogue: metadata no xml": catalog(b"/Metadata 20 0 R"),
        "object stream with the page": {
            SPARE_PAGE: base()[SPARE_PAGE],
            PAGE1: base()[PAGE1].replace(b"7 0 R", b"<< >>"),
        },
    }
    for name, objects in change.items():
        yield Case(f"shadow {name}", _later(objects), BROKEN if "signature value" in name else MODIFIED, name)
    annotation = b"<< /Type /Annot /Subtype /%b /Rect [40 690 400 730] /P 3 0 R %b >>"
    for kind, more in (
        ("FreeText", b"/DA (/F1 24 Tf) /Contents (900)"),
        ("Stamp", b"/AP << /N 17 0 R >>"),
        ("Square", b"/IC [1 1 1]"),
        ("Redact", b"/OverlayText (x)"),
        ("Link", b"/A << /S /URI /URI (http://x.example) >>"),
        ("Widget", b"/AP << /N 17 0 R >>"),
        ("FileAttachment", b"/FS << /Type /Filespec /F (a) >>"),
        ("Highlight", b"/QuadPoints [40 690 400 690 40 730 400 730]"),
        ("Text", b"/Contents (x)"),
    ):
        text = annotation % (kind.encode("ascii"), more)
        yield Case(f"shadow annotation {kind}", _later(lambda d, t=text: _annotated(d, t)), MODIFIED, f"/{kind} added")
    direct = {PAGE1: base()[PAGE1].replace(b"22 0 R]", b"22 0 R << /Subtype /Square /Rect [0 0 9 9] >>]")}
    yield Case("shadow annotation direct", _later(direct), MODIFIED, "annotation inside the page")
    new_field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (more) /V (x) /Rect [40 690 400 730] /P 3 0 R >>"
    yield Case("shadow form: field added", _later(lambda d: _new_field(d, new_field)), MODIFIED, "text field added")
    pictured = (
        b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (more) /Rect [40 690 400 730] /P 3 0 R /AP << /N 17 0 R >> >>"
    )
    yield Case(
        "shadow form: empty signature field with a picture",
        _later(lambda d: _new_field(d, pictured)),
        MODIFIED,
        "picture, no signature",
    )
    yield Case("shadow shared picture", _shared_picture, MODIFIED, "a field's picture is also page content")
    yield Case("shadow overwritten object stream", _object_stream, MODIFIED, "object stream overridden in place")
    yield Case("shadow indirect length", _indirect_length, MODIFIED, "the length of a content stream overridden")
    yield Case("shadow signature covers the page", _covering, MODIFIED, "a second signature that covers the page")
    yield Case(
        "encrypted update",
        _later({}, trailer=b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (y) /P -1 >>"),
        BROKEN,
        "encryption in an update",
    )


def _annotated(data: bytes, text: bytes) -> dict[int, bytes]:
    new = size_of(data)
    return {new: text, PAGE1: base()[PAGE1].replace(b"22 0 R]", b"22 0 R %d 0 R]" % new)}


def _new_field(data: bytes, text: bytes) -> dict[int, bytes]:
    new = size_of(data)
    return {**_annotated(data, text), FORM: base()[FORM].replace(b"22 0 R]", b"22 0 R %d 0 R]" % new)}


def _shared_picture() -> bytes:
    objects = base()
    objects[RESOURCES] = objects[RESOURCES].replace(b"/X1 17 0 R", b"/X1 14 0 R")
    data = sign(forge.write(objects))
    picture = stream(b"BT /F1 12 Tf 2 5 Td (900) Tj ET", b"/BBox [0 0 200 20] /Subtype /Form /Resources 7 0 R")
    return append(data, {TEXT: objects[TEXT].replace(b"(100)", b"(900)"), PICTURE: picture})


def _object_stream() -> bytes:
    """Objects of the signed revision stand in an object stream that a later one overwrites."""
    plain = append_packed(b"%PDF-1.7\n", base(), prev=False)
    data = sign(plain, writer=append_packed)
    match = next(
        re.finditer(rb"(\d+) 0 obj\n(<< /Type /ObjStm .*?)/Filter .*?stream\n(.*?)\nendstream", plain, re.DOTALL)
    )
    inner = zlib.decompress(match[3]).replace(b"/X1 17 0 R", b"/X1 20 0 R")
    return append(data, {int(match[1]): stream(inner, match[2].removeprefix(b"<< "))})


def _indirect_length() -> bytes:
    objects = base()
    text = draw(b"Total: 100 yuan")
    objects[25] = b"%d" % (len(text) + 60)
    hidden = text + b"\n" + b" " * 10 + b"BT /F1 9 Tf 1 1 Td (more) Tj ET".ljust(49)
    objects[CONTENT1] = b"<< /Length 25 0 R >>\nstream\n%b\nendstream" % hidden
    return append(sign(forge.write(objects)), {25: b"%d" % len(text)})


def _covering() -> bytes:
    data, new = signed(), size_of(signed())
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (more) /Rect [0 0 595 842] /P 3 0 R /V %d 0 R >>"
    objects = _new_field(data, field % (new + 1))
    return complete(append(data, {**objects, new + 1: blank()}))


def certified() -> Iterator[Case]:
    """Ways round a certification, and violations of it."""
    fill = lambda d: {  # noqa: E731
        TEXT: base()[TEXT].replace(b"(100)", b"(200)").replace(b"14 0 R", b"%d 0 R" % size_of(d)),
        size_of(d): stream(b"BT (200) Tj ET", b"/BBox [0 0 9 9] /Subtype /Form"),
    }
    yield Case("certified 1, filled", _certified(1, fill), MODIFIED, "no changes permitted")
    for level in (1, 2, 3):
        yield Case(
            f"certified {level}, signed once more in a new visible field", lambda n=level: _sneaky(n), MODIFIED, "SSA"
        )
        content = lambda _: {CONTENT1: _FALSE}  # noqa: E731
        yield Case(f"certified {level}, content", _certified(level, content), MODIFIED, "content is never permitted")
        unperm = lambda d: {CATALOG: re.sub(rb"/Perms << [^>]* >>", b"", newest(d, CATALOG))}  # noqa: E731
        yield Case(f"certified {level}, permissions removed", _certified(level, unperm), MODIFIED, "/Perms removed")
        for kind, more in (
            ("FreeText", b"/DA (/F1 24 Tf) /Contents (900)"),
            ("Stamp", b"/AP << /N 17 0 R >>"),
            ("Redact", b""),
            ("Square", b"/IC [1 1 1]"),
            ("Line", b"/L [0 0 9 9]"),
            ("Ink", b"/InkList [[0 0 9 9]]"),
        ):
            text = b"<< /Type /Annot /Subtype /%b /Rect [40 690 400 730] /P 3 0 R %b >>" % (kind.encode("ascii"), more)
            yield Case(
                f"certified {level}, {kind}", _certified(level, lambda d, t=text: _annotated(d, t)), MODIFIED, "EAA"
            )
    for level in (1, 2):
        note = b"<< /Type /Annot /Subtype /Text /Rect [500 600 520 620] /P 3 0 R /Contents (x) >>"
        yield Case(
            f"certified {level}, note",
            _certified(level, lambda d, t=note: _annotated(d, t)),
            MODIFIED,
            "comments not permitted",
        )
    big = b"<< /Type /Annot /Subtype /Text /Rect [40 600 400 720] /P 3 0 R /AP << /N 17 0 R >> >>"
    yield Case(
        "certified 3, note as large as a page", _certified(3, lambda d: _annotated(d, big)), MODIFIED, "EAA by a note"
    )
    white = b"<< /Type /Annot /Subtype /Highlight /Rect [40 690 400 730] /P 3 0 R /AP << /N %d 0 R >> >>"
    cover = lambda d: {  # noqa: E731
        **_annotated(d, white % (size_of(d) + 1)),
        size_of(d) + 1: stream(b"1 g 0 0 400 40 re f", b"/BBox [0 0 400 40] /Subtype /Form"),
    }
    yield Case("certified 3, white highlight", _certified(3, cover), MODIFIED, "EAA by a highlight")
    yield Case(
        "certified 3, note replaces note",
        _certified(3, lambda _: {NOTE: base()[NOTE].replace(b"500 700 520 720", b"40 400 400 720")}),
        MODIFIED,
        "note grown",
    )
    locks = {
        "all": b"/Action /All",
        "include": b"/Action /Include /Fields [(amount)]",
        "exclude": b"/Action /Exclude /Fields [(agreed)]",
    }
    for name, lock in locks.items():
        yield Case(
            f"locked fields, {name}",
            lambda lock=lock: append(signed(lock=lock), fill(signed(lock=lock))),
            MODIFIED,
            "FieldMDP",
        )
    every = b"/Action /All"
    yield Case("all fields locked, signed", lambda: sign(signed(lock=every), SIG2), MODIFIED, "FieldMDP")
    level = b"/Action /Include /Fields [(agreed)] /P 1"
    yield Case(
        "lock with a level", lambda: append(signed(lock=level), fill(signed(lock=level))), MODIFIED, "/Lock /P 1"
    )


def _sneaky(level: int) -> bytes:
    data, new = signed(certified=level), size_of(signed(certified=level))
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (more) /Rect [40 690 400 730] /P 3 0 R /V %d 0 R "
    field += b"/AP << /N 17 0 R >> >>"
    return complete(append(data, {**_new_field(data, field % (new + 1)), new + 1: blank()}))


ATTACKS = [*incremental(), *forged(), *wrapping(), *shadows(), *certified()]
