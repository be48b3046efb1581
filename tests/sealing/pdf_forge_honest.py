"""Honest files that look odd, and what may follow a signature: none of them may fail."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pdf_forge as forge
from pdf_forge import (
    CATALOG,
    CHECK,
    FORM,
    INFO,
    NOTE,
    PAGE1,
    SIG1,
    SIG2,
    TEXT,
    append,
    append_packed,
    base,
    blank,
    catalog,
    complete,
    newest,
    sign,
    signed,
    size_of,
    stream,
)
from pdf_forge_attacks import Case

PASS, EITHER = "PASS", "PASS PASS_WARN"
_XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta><?xpacket end="w"?>'
)


def _appearance(text: bytes) -> bytes:
    return stream(
        b"/Tx BMC BT /F1 12 Tf 2 5 Td (%b) Tj ET EMC" % text, b"/BBox [0 0 200 20] /Subtype /Form /Resources 7 0 R"
    )


def filled(data: bytes, text: bytes = b"200") -> dict[int, bytes]:
    new = size_of(data)
    field = base()[TEXT].replace(b"(100)", b"(%b)" % text).replace(b"/N 14 0 R", b"/N %d 0 R" % new)
    return {TEXT: field, new: _appearance(text)}


def _after(objects: Callable[[bytes], dict[int, bytes]], **settings: object) -> Callable[[], bytes]:
    return lambda: append(signed(), objects(signed()), **settings)  # type: ignore[arg-type]


def twice(data: bytes, **settings: object) -> bytes:
    """Sign the second field too."""
    return sign(data, SIG2, **settings)  # type: ignore[arg-type]


def new_signature(
    data: bytes, *, rect: bytes = b"[0 0 0 0]", kind: bytes = b"/Sig", sub: bytes = b"/adbe.pkcs7.detached"
) -> bytes:
    """Sign in a field that is made in the same revision."""
    new = size_of(data)
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (later%d) /Rect %b /F 4 /P 3 0 R /V %d 0 R >>" % (
        new,
        rect,
        new + 1,
    )
    page, form = newest(data, PAGE1), newest(data, FORM)
    return complete(append(data, {
        new: field,
        new + 1: blank(sub_filter=sub, kind=kind),
        PAGE1: re.sub(rb"\] >>\Z", b" %d 0 R] >>" % new, page),
        FORM: re.sub(rb"(/Fields \[[^\]]*)\]", rb"\1 %d 0 R]" % new, form),
    }))  # fmt: skip


def dss(data: bytes) -> bytes:
    """Add validation data."""
    new = size_of(data)
    key = b"A" * 40
    store = b"<< /Type /DSS /Certs [%d 0 R] /VRI << /%b << /Cert [%d 0 R] /TU (D:20261101) >> >> >>" % (
        new + 1,
        key,
        new + 1,
    )
    root = newest(data, CATALOG).removesuffix(b" >>")
    root = re.sub(rb" /DSS \d+ 0 R", b"", root) + b" /DSS %d 0 R >>" % new
    return append(data, {new: store, new + 1: stream(forge.ink().certificate), CATALOG: root})


def layouts() -> Iterator[Case]:
    """Files laid out in every permitted way, signed once."""
    yield Case("plain", signed, PASS, "one signature over everything")
    yield Case(
        "xref and object streams",
        lambda: sign(append_packed(b"%PDF-1.7\n", base(), prev=False), writer=append_packed),
        PASS,
        "PDF 1.5 layout",
    )
    yield Case(
        "table after streams", lambda: sign(append_packed(b"%PDF-1.7\n", base(), prev=False)), PASS, "mixed layout"
    )
    yield Case("pdf 2.0", lambda: sign(forge.write(base(), head=b"%PDF-2.0\n%\xe2\xe3\xcf\xd3\n")), PASS, "PDF 2.0")
    yield Case(
        "binary marker missing",
        lambda: sign(forge.write(base(), head=b"%PDF-1.4\n")),
        PASS,
        "no comment behind the header",
    )
    yield Case(
        "header not at the start",
        lambda: sign(forge.write(base(), head=b"\xff" * 30 + b"\n%PDF-1.4\n")),
        EITHER,
        "bytes before the header",
    )
    crlf = lambda: sign(append(b"%PDF-1.4\r\n", base(), prev=None, eol=b"\r\n"))  # noqa: E731
    yield Case("crlf", crlf, PASS, "lines end with CR LF")
    cr = lambda: sign(append(b"%PDF-1.4\r", base(), prev=None, eol=b"\r", eof=b"%%EOF\r"))  # noqa: E731
    yield Case("cr only", cr, PASS, "lines end with CR")
    yield Case("no final line end", lambda: complete(_blanked(b"%%EOF")), PASS, "nothing after %%EOF")
    yield Case("final crlf", lambda: complete(_blanked(b"%%EOF\r\n")), PASS, "CR LF after %%EOF")
    bare = {**base(), SIG1: base()[SIG1].replace(b"/Type /Annot ", b"")}
    yield Case("field without type", lambda: sign(forge.write(bare), current=bare), PASS, "no /Type in the field")
    no_type = lambda: complete(  # noqa: E731
        append(
            forge.write(base()),
            {SIG1: base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>", 40: blank().replace(b"/Type /Sig ", b"")},
        )
    )
    yield Case("signature without type", no_type, PASS, "no /Type in the signature")
    build = b"/Prop_Build << /Filter << /Name /Adobe.PPKLite /R 131104 >> /App << /Name /Exchange-Pro >> >>"
    yield Case("prop build", lambda: sign(forge.write(base()), entries=build), PASS, "as Acrobat writes it")
    yield Case("invisible", lambda: new_signature(forge.write(base())), PASS, "signature without a place")
    yield Case("hybrid", _hybrid, PASS, "hybrid cross-reference")
    yield Case("field in kids", _kids, PASS, "signature field below another field")
    yield Case(
        "undefined references",
        lambda: sign(
            forge.write({**base(), PAGE1: base()[PAGE1].replace(b"/Type /Page ", b"/Type /Page /Thumb 99 0 R ")})
        ),
        PASS,
        "reference to nothing",
    )
    yield Case("certified 1", lambda: signed(certified=1), PASS, "certification")
    yield Case("certified 2", lambda: signed(certified=2), PASS, "certification")
    yield Case("certified 3", lambda: signed(certified=3), PASS, "certification")
    for tool in ("linearized", "objstm"):
        yield Case(f"qpdf {tool}", lambda t=tool: _by_qpdf(t), PASS, "written by qpdf, then signed")


def _blanked(eof: bytes) -> bytes:
    field = base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>"
    return append(forge.write(base()), {SIG1: field, 40: blank()}, eof=eof)


def _hybrid() -> bytes:
    """Write a table whose /XRefStm adds an object that old readers do not see."""
    objects = base()
    hidden = objects.pop(INFO)
    data = forge.write(objects, info=False)
    at = data.rindex(b"xref\n0 1")
    out = bytearray(data[:at])
    place = len(out)
    out += b"18 0 obj\n%b\nendobj\n" % hidden
    start = len(out)
    rows = bytes([1]) + place.to_bytes(4, "big") + b"\0\0"
    table = stream(rows, b"/Type /XRef /W [1 4 2] /Index [18 1] /Size 41 /Root 1 0 R")
    out += b"40 0 obj\n%b\nendobj\n" % table
    rest = data[at:].replace(b"startxref\n%d" % at, b"startxref\n%d" % len(out))
    rest = rest.replace(b"/Root 1 0 R ", b"/Root 1 0 R /XRefStm %d /Info 18 0 R " % start)
    return sign(bytes(out + rest), value=42)


def _kids() -> bytes:
    objects = base()
    objects[SIG1] = objects[SIG1].removesuffix(b" >>") + b" /Parent 25 0 R >>"
    objects[25] = b"<< /T (group) /Kids [11 0 R] >>"
    objects[FORM] = objects[FORM].replace(b"11 0 R", b"25 0 R")
    return sign(forge.write(objects), current=objects)


@cache
def _by_qpdf(how: str) -> bytes:
    options = {"linearized": ["--linearize"], "objstm": ["--object-streams=generate"]}[how]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.pdf", Path(folder) / "b.pdf"
        source.write_bytes(forge.write(base()))
        program = shutil.which("qpdf") or "qpdf"
        subprocess.run([program, *options, source, target], check=True)
        return _sign_by_library(target.read_bytes())


def _sign_by_library(data: bytes, name: str = "first", **settings: object) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415
    from pyhanko.sign import signers  # noqa: PLC0415

    meta = signers.PdfSignatureMetadata(field_name=name, **settings)
    out = BytesIO()
    signers.PdfSigner(meta, signer=forge.ink().signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(data)), output=out)
    return out.getvalue()


def updates() -> Iterator[Case]:
    """Answer what may follow."""
    yield Case("filled", _after(filled), "PASS_WARN", "field filled after an approval")
    yield Case(
        "filled, signed again", lambda: twice(append(signed(), filled(signed()))), PASS, "filled, and vouched for"
    )
    yield Case("signed twice", lambda: twice(signed()), PASS, "second prepared field")
    yield Case("signed thrice", lambda: new_signature(twice(signed())), PASS, "and a third that is made then")
    yield Case(
        "signed again in a new visible field",
        lambda: new_signature(signed(), rect=b"[40 300 240 360]"),
        PASS,
        "new visible field",
    )
    yield Case(
        "signed again, packed",
        lambda: twice(signed(), writer=append_packed),
        PASS,
        "second revision with object streams",
    )
    yield Case("validation data", lambda: dss(signed()), EITHER, "DSS")
    yield Case("validation data twice", lambda: dss(dss(signed())), EITHER, "DSS rewritten")
    yield Case("validation data, then signed", lambda: twice(dss(signed())), PASS, "DSS, vouched for")
    for level in (1, 2, 3):
        yield Case(
            f"certified {level}, validation data",
            lambda n=level: dss(signed(certified=n)),
            EITHER,
            "DSS is always permitted",
        )
    for level in (2, 3):
        made = lambda n=level: append(signed(certified=n), filled(signed(certified=n)))  # noqa: E731
        yield Case(f"certified {level}, filled", made, "PASS_WARN", "filling permitted")
        again = lambda n=level: twice(signed(certified=n))  # noqa: E731
        yield Case(f"certified {level}, signed in a prepared field", again, PASS, "signing permitted")
        unseen = lambda n=level: new_signature(signed(certified=n))  # noqa: E731
        yield Case(f"certified {level}, signed in a new invisible field", unseen, PASS, "signing permitted")
    note = b"<< /Type /Annot /Subtype /Text /Rect [500 600 520 620] /P 3 0 R /Contents (well) >>"
    yield Case(
        "certified 3, note",
        lambda: append(signed(certified=3), _annotated(signed(certified=3), note)),
        "PASS_WARN",
        "comments permitted",
    )
    mark = b"<< /Type /Annot /Subtype /Highlight /Rect [40 690 400 730] /P 3 0 R "
    mark += b"/QuadPoints [40 690 400 690 40 730 400 730] /C [1 1 0] >>"
    yield Case(
        "certified 3, highlight",
        lambda: append(signed(certified=3), _annotated(signed(certified=3), mark)),
        "PASS_WARN",
        "comments permitted",
    )
    reply = {NOTE: base()[NOTE].replace(b"a note", b"another note")}
    yield Case(
        "certified 3, note edited", lambda: append(signed(certified=3), reply), "PASS_WARN", "comments permitted"
    )
    locked = lambda: append(  # noqa: E731
        signed(lock=b"/Action /Include /Fields [(agreed)]"), filled(signed(lock=b"/Action /Include /Fields [(agreed)]"))
    )
    yield Case("another field is locked", locked, "PASS_WARN", "FieldMDP about another field")
    ticked = {CHECK: base()[CHECK].replace(b"/V /Off /AS /Off", b"/V /Yes /AS /Yes")}
    yield Case("ticked", _after(lambda _: ticked), "PASS_WARN", "check box")
    yield Case(
        "picture renewed",
        _after(
            lambda d: {
                TEXT: base()[TEXT].replace(b"/N 14 0 R", b"/N %d 0 R" % size_of(d)),
                size_of(d): _appearance(b"100"),
            }
        ),
        "PASS_WARN",
        "same value, drawn anew",
    )
    yield Case(
        "filled in place",
        _after(lambda _: {TEXT: base()[TEXT].replace(b"(100)", b"(200)"), forge.PICTURE: _appearance(b"200")}),
        "PASS_WARN",
        "picture overwritten with the value",
    )
    yield Case("information", _after(lambda _: {INFO: b"<< /Title (New) >>"}), "PASS_WARN", "title changed")
    yield Case(
        "identical copies",
        _after(lambda _: {PAGE1: base()[PAGE1], forge.CONTENT1: base()[forge.CONTENT1]}),
        EITHER,
        "objects written again",
    )
    yield Case(
        "metadata",
        _after(
            lambda d: {
                **catalog(b"/Metadata %d 0 R" % size_of(d), data=d),
                size_of(d): stream(_XMP, b"/Type /Metadata /Subtype /XML"),
            }
        ),
        "PASS_WARN",
        "XMP added",
    )
    yield Case(
        "orphan", _after(lambda d: {size_of(d): b"<< /Unused true >>"}), EITHER, "an object that nothing leads to"
    )
    yield Case(
        "extensions",
        _after(lambda d: catalog(b"/Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 1 >> >>", data=d)),
        EITHER,
        "developer extension",
    )
    yield Case(
        "need appearances",
        _after(lambda d: {**filled(d), FORM: base()[FORM].removesuffix(b">>") + b"/NeedAppearances true >>"}),
        "PASS_WARN",
        "as simple fillers do",
    )
    yield Case("empty signature field added", _after(_empty_field), "PASS_WARN", "a place for the next signer")
    yield Case("timestamp", lambda: _sign_by_library(signed(), "second"), PASS, "second signature by the library")
    yield Case("identity line", _after(lambda _: {}, trailer=b"/ID [<01> <02>]"), EITHER, "only the trailer")


def _annotated(data: bytes, text: bytes) -> dict[int, bytes]:
    new = size_of(data)
    return {new: text, PAGE1: base()[PAGE1].replace(b"22 0 R]", b"22 0 R %d 0 R]" % new)}


def _empty_field(data: bytes) -> dict[int, bytes]:
    new = size_of(data)
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (third) /Rect [300 100 400 160] /F 4 /P 3 0 R >>"
    return {**_annotated(data, field), FORM: base()[FORM].replace(b"22 0 R]", b"22 0 R %d 0 R]" % new)}


def _apart() -> dict[int, bytes]:
    """Keep the fields in the catalogue's own form, the lists in objects of their own, field and widget apart."""
    objects = base()
    form = b"<< /Fields 27 0 R /SigFlags 3 /DA (/F1 12 Tf 0 g) /DR 7 0 R >>"
    objects[CATALOG] = objects[CATALOG].replace(b"/AcroForm 9 0 R", b"/AcroForm " + form)
    objects[27] = b"[10 0 R 11 0 R 28 0 R 13 0 R 22 0 R]"
    objects[28] = b"<< /FT /Sig /T (apart) /Kids [12 0 R] >>"
    objects[SIG2] = objects[SIG2].replace(b"/FT /Sig /T (second)", b"/Parent 28 0 R")
    objects[PAGE1] = objects[PAGE1].replace(b"[10 0 R 11 0 R 13 0 R 15 0 R 22 0 R]", b"29 0 R")
    objects[29] = b"[10 0 R 11 0 R 13 0 R 15 0 R 22 0 R]"
    return objects


def _by_pdfium() -> bytes:
    import pypdfium2  # noqa: PLC0415
    from pypdfium2 import raw  # noqa: PLC0415

    document, out = pypdfium2.PdfDocument(signed()), BytesIO()
    document.save(out, flags=raw.FPDF_INCREMENTAL)
    document.close()
    return out.getvalue()


def _by_pypdf() -> bytes:
    import pypdf  # noqa: PLC0415

    writer, out = pypdf.PdfWriter(BytesIO(signed()), incremental=True), BytesIO()
    writer.add_metadata({"/Title": "new"})
    writer.update_page_form_field_values(writer.pages[0], {"amount": "222"})
    writer.write(out)
    return out.getvalue()


def shapes() -> Iterator[Case]:
    """Forms that are laid out otherwise, signed once more."""

    def first() -> bytes:
        return sign(forge.write(_apart()), current=_apart())

    def second() -> bytes:
        data, new = first(), size_of(first())
        widget = _apart()[SIG2].removesuffix(b" >>") + b" /AP << /N %d 0 R >> >>" % (new + 1)
        parent = _apart()[28].removesuffix(b" >>") + b" /V %d 0 R >>" % new
        shown = stream(b"0 0 9 9 re f", b"/BBox [0 0 200 60] /Subtype /Form")
        return complete(append(data, {28: parent, SIG2: widget, new: blank(), new + 1: shown}))

    def added() -> bytes:
        data, new = first(), size_of(first())
        field = b"<< /FT /Sig /T (more) /V %d 0 R /Kids [%d 0 R] >>" % (new + 2, new + 1)
        widget = b"<< /Subtype /Widget /Rect [300 300 400 350] /P 3 0 R /Parent %d 0 R >>" % new
        lists = {n: _apart()[n].replace(b"]", b" %d 0 R]" % (new + m)) for n, m in ((27, 0), (29, 1))}
        return complete(append(data, {new: field, new + 1: widget, new + 2: blank(), **lists}))

    def nested() -> bytes:
        data, new = first(), size_of(first())
        group = b"<< /T (group) /Kids [%d 0 R] >>" % (new + 1)
        field = (
            b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (in) /Rect [0 0 0 0] /P 3 0 R /Parent %d 0 R /V %d 0 R >>"
        )
        lists = {n: _apart()[n].replace(b"]", b" %d 0 R]" % (new + m)) for n, m in ((27, 0), (29, 1))}
        return complete(append(data, {new: group, new + 1: field % (new, new + 2), new + 2: blank(), **lists}))

    yield Case("lists apart", first, PASS, "indirect /Fields and /Annots")
    yield Case("field and widget apart", second, PASS, "the picture goes to the widget")
    yield Case("new field with a widget apart", added, PASS, "widget below a new field")
    yield Case("new field in a new group", nested, PASS, "signature field below a new field")
    for name, box, words in (("same", b"595 842", PASS), ("other", b"590 842", "MODIFIED")):
        spelt = base()[PAGE1].removesuffix(b">>") + b"/Rotate 0 /CropBox [0 0 %b] /MediaBox [0 0 595 842] >>" % box
        changed = lambda t=spelt: append(signed(), {PAGE1: t})  # noqa: E731
        yield Case(
            f"page says the {name} itself", changed, EITHER if words == PASS else words, "inherited, then spelt out"
        )
    for tool in (_by_pdfium, _by_pypdf):
        yield Case(f"saved{tool.__name__.replace('_', ' ')}", tool, "PASS_WARN", "saved incrementally by another tool")
    packed = lambda: new_signature(twice(signed(), writer=append_packed))  # noqa: E731
    yield Case("thrice, mixed tables", packed, PASS, "table after stream after table")


HONEST = [*layouts(), *updates(), *shapes()]
