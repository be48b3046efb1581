"""More honest files as other programs write them: none may fail, and none may be told to have changed."""

import re
from collections.abc import Callable, Iterator

import comparison_path  # noqa: F401 - first, so that the makers are found
import pdf_forge as forge
from comparison_messages import (
    attributes_missing,
    indefinite,
    old_sha1,
    padded_short,
    reference_without_id,
    with_content,
    without_certificates,
)
from pdf_forge import (
    CATALOG,
    CHECK,
    CONTENT1,
    FIRST_FREE,
    FORM,
    INFO,
    NOTE,
    PAGE1,
    PAGE2,
    PAGES,
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
from pdf_forge_honest import dss, filled, new_signature, twice

PASS, SOUND, UPDATED = "PASS", "PASS PASS_WARN", "PASS_WARN"


def _base_with(objects: dict[int, bytes], **settings: object) -> bytes:
    everything = {**base(), **objects}
    return sign(forge.write(everything), current=everything, **settings)  # type: ignore[arg-type]


def _after(make: Callable[[bytes], dict[int, bytes]], start: Callable[[], bytes] = signed) -> Callable[[], bytes]:
    def run() -> bytes:
        data = start()
        return append(data, make(data))

    return run


def shapes() -> Iterator[Case]:
    """Documents that were odd before anybody signed."""
    shared = blank()
    two_fields = {
        SIG1: base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>",
        SIG2: base()[SIG2].removesuffix(b" >>") + b" /V 40 0 R >>",
        40: shared,
    }
    yield Case(
        "one value in two fields", lambda: complete(append(forge.write(base()), two_fields)), SOUND, "one revision"
    )
    kids_page = {PAGES: base()[PAGES].replace(b"[3 0 R 4 0 R]", b"[3 0 R << /Type /Page /Parent 2 0 R >>]")}
    yield Case("direct page", lambda: _base_with(kids_page), "PASS FAIL REFUSE", "against ISO 32000")
    unsigned = lambda: forge.write({**base(), **kids_page})  # noqa: E731
    yield Case("unsigned, direct page", unsigned, "NOSIG REFUSE", "against ISO 32000")
    tree = {
        PAGES: base()[PAGES].replace(b"[3 0 R 4 0 R]", b"[40 0 R 4 0 R]"),
        40: b"<< /Type /Pages /Parent 2 0 R /Kids [3 0 R] /Count 1 >>",
        PAGE1: base()[PAGE1].replace(b"/Parent 2 0 R", b"/Parent 40 0 R"),
    }
    yield Case("page tree of two levels", lambda: _base_with(tree), PASS, "unbalanced page tree")
    no_box = {PAGES: base()[PAGES].replace(b"/MediaBox [0 0 595 842] ", b"")}
    yield Case("no media box", lambda: _base_with(no_box), PASS, "pages without a size")
    odd_box = {PAGES: base()[PAGES].replace(b"[0 0 595 842]", b"[595 842 0 0]")}
    yield Case("media box upside down", lambda: _base_with(odd_box), PASS, "corners the other way round")
    overlap = {
        40: base()[NOTE],
        41: base()[NOTE].replace(b"a note", b"the same place"),
        PAGE1: base()[PAGE1].replace(b"22 0 R]", b"22 0 R 40 0 R 41 0 R]"),
    }
    yield Case("annotations over each other", lambda: _base_with(overlap), PASS, "overlap before signing")
    circle = catalog(b"/StructTreeRoot 40 0 R") | {
        40: b"<< /Type /StructTreeRoot /K [41 0 R] >>",
        41: b"<< /Type /StructElem /P 40 0 R /K [42 0 R] >>",
        42: b"<< /Type /StructElem /P 41 0 R /K [41 0 R] >>",
    }
    yield Case("structure in a circle", lambda: _base_with(circle), SOUND, "tags that lead in a circle")
    annots = {PAGE1: re.sub(rb"/Annots \[([^]]*)\]", rb"/Annots 40 0 R", base()[PAGE1])}
    annots[40] = b"[10 0 R 11 0 R 13 0 R 15 0 R 22 0 R]"
    yield Case("annotations in a list apart", lambda: _base_with(annots), PASS, "indirect /Annots")
    direct_form = {CATALOG: base()[CATALOG].replace(b"/AcroForm 9 0 R", b"/AcroForm " + base()[FORM])}
    yield Case("form in the catalogue", lambda: _base_with(direct_form), PASS, "direct /AcroForm")
    attached = catalog(b"/Names << /EmbeddedFiles << /Names [(a.txt) 40 0 R] >> >> /AF [40 0 R]") | {
        40: b"<< /Type /Filespec /F (a.txt) /EF << /F 41 0 R >> >>",
        41: stream(b"hello", b"/Type /EmbeddedFile"),
    }
    yield Case("attachment before signing", lambda: _base_with(attached), PASS, "attached, then signed")
    script = catalog(b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")
    yield Case("script before signing", lambda: _base_with(script), SOUND, "the signer signed the script")
    yield Case(
        "names with escapes",
        lambda: _base_with({SIG1: base()[SIG1].replace(b"/FT /Sig", b"/F#54 /Si#67")}),
        PASS,
        "#54",
    )
    wide = {SIG1: base()[SIG1].replace(b"(first)", b"<FEFF7B2C4E00>")}
    yield Case("field name in UTF-16", lambda: _base_with(wide), PASS, "Chinese field name")
    dotted = {SIG1: base()[SIG1].replace(b"(first)", b"(a.b)")}
    yield Case("field name with a dot", lambda: _base_with(dotted), SOUND, "a dot in a partial name")
    nameless = {SIG1: base()[SIG1].replace(b"/T (first) ", b"")}
    yield Case("field without a name", lambda: _base_with(nameless), SOUND, "no /T")
    inherited = {
        SIG1: base()[SIG1].replace(b"/FT /Sig ", b"").removesuffix(b" >>") + b" /Parent 40 0 R >>",
        40: b"<< /T (group) /FT /Sig /Kids [11 0 R] >>",
        FORM: base()[FORM].replace(b"11 0 R", b"40 0 R"),
    }
    yield Case("kind of field inherited", lambda: _base_with(inherited), PASS, "/FT stands in the parent")
    not_listed = {FORM: base()[FORM].replace(b"11 0 R ", b"")}
    yield Case(
        "field missing in the form",
        lambda: _base_with(not_listed),
        "PASS PASS_WARN INDETERMINATE FAIL",
        "only on the page",
    )
    gone = {PAGE1: base()[PAGE1].replace(b"11 0 R ", b"")}
    yield Case("field missing on the page", lambda: _base_with(gone), PASS, "only in the form")


def tables() -> Iterator[Case]:
    """Cross-references as careless programs write them."""

    def shifted(by: int) -> bytes:
        data = forge.write(base())
        at = forge.last_table(data)
        return data.replace(b"startxref\n%d" % at, b"startxref\n%d" % (at + by))

    for by in (-3, -1, 1, 2):
        yield Case(f"unsigned, startxref off by {by}", lambda n=by: shifted(n), "NOSIG REFUSE", "carelessly written")
    near = lambda: forge.write(base()).replace(b"startxref\n", b"startxref ")  # noqa: E731
    yield Case("unsigned, startxref on one line", near, "NOSIG REFUSE", "startxref 123")
    small = lambda: re.sub(rb"/Size \d+", b"/Size 5", forge.write(base()))  # noqa: E731
    yield Case("unsigned, size too small", small, "NOSIG REFUSE", "/Size below the objects")
    padded = lambda: complete(_trailing(b"%%EOF\n" + b"\n" * 20))  # noqa: E731
    yield Case("blank lines after the end, signed", padded, PASS, "covered blank lines")
    yield Case("end with CR, signed", lambda: complete(_trailing(b"%%EOF\r")), PASS, "%%EOF and a CR")
    yield Case(
        "zeros after the end, signed", lambda: complete(_trailing(b"%%EOF\n" + bytes(50))), SOUND, "covered zeros"
    )
    again = lambda: append(signed(), {}, eof=b"%%EOF\r\n")  # noqa: E731
    yield Case("empty revision", again, SOUND, "a table of nothing")
    yield Case("empty packed revision", lambda: append_packed(signed(), {}), SOUND, "a table stream of nothing")
    gap = lambda: append(signed() + b"\n\n", {})  # noqa: E731
    yield Case("blank lines between revisions", gap, SOUND, "white space before the next revision")
    yield Case(
        "filled after blank lines", lambda: append(signed() + b"\r\n", filled(signed())), UPDATED, "white space first"
    )


def _trailing(eof: bytes) -> bytes:
    field = base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>"
    return append(forge.write(base()), {SIG1: field, 40: blank()}, eof=eof)


def messages() -> Iterator[Case]:
    """Signature messages as other programs write them."""
    yield Case("message of indefinite length", lambda: _base_with({}, make=indefinite), SOUND, "BER")
    yield Case(
        "SHA-1 of the document as content",
        lambda: _base_with({}, make=old_sha1, sub_filter=b"/adbe.pkcs7.sha1"),
        SOUND,
        "adbe.pkcs7.sha1",
    )
    yield Case("no signed attributes", lambda: _base_with({}, make=attributes_missing), PASS, "bare signature")
    yield Case(
        "no signing-certificate attribute", lambda: _base_with({}, make=reference_without_id), SOUND, "plain PKCS#7"
    )
    yield Case("message fills its place", lambda: _base_with({}, make=padded_short), SOUND, "bytes behind the message")
    yield Case("content inside too", _content_inside, "PASS PASS_WARN INDETERMINATE FAIL", "document repeated inside")
    yield Case(
        "no certificate inside",
        lambda: _base_with({}, make=without_certificates),
        "INDETERMINATE",
        "who signed is not known",
    )

    def stamp(t: bytes) -> bytes:
        return complete(
            append(
                forge.write(base()),
                {
                    SIG1: base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>",
                    40: blank().replace(b"/Type /Sig ", t),
                },
            )
        )

    yield Case("signature of type null", lambda: stamp(b"/Type null "), PASS, "/Type null")


def _content_inside() -> bytes:
    """Repeat a very small document inside its signature message."""
    field = base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>"
    value = blank().replace(b"0" * forge.SPACE, b"0" * 30_000)
    return complete(append(forge.write(base()), {SIG1: field, 40: value}), lambda data: with_content(data, data))


def later() -> Iterator[Case]:
    """Answer what real programs add after a signature."""
    yield Case("validation data in the catalogue", _after(_direct_dss), SOUND, "direct /DSS")
    yield Case(
        "validation data, streams packed", lambda: append_packed(signed(), _direct_dss(signed())), SOUND, "packed"
    )
    yield Case("validation data with a time", _after(_vri_time), SOUND, "/VRI with /TS")
    yield Case(
        "validation data made smaller",
        _after(lambda d: catalog(b"/DSS << /Type /DSS >>", data=d), lambda: dss(signed())),
        "PASS PASS_WARN MODIFIED",
        "entries dropped",
    )
    ext = b"/Extensions << /ADBE << /BaseVersion /1.7 /ExtensionLevel 8 >> >> /Version /1.7"
    yield Case("version and extensions", _after(lambda d: catalog(ext, data=d)), SOUND, "as long-term updates do")
    yield Case(
        "document timestamp field",
        lambda: new_signature(signed(), kind=b"/DocTimeStamp", sub=b"/ETSI.RFC3161"),
        "PASS PASS_WARN INDETERMINATE FAIL",
        "a wrong token in it",
    )
    yield Case(
        "form rewritten with fonts",
        lambda: twice(
            signed(),
            more={
                FORM: base()[FORM].replace(
                    b"/DR 7 0 R",
                    b"/DR << /Font << /F1 8 0 R /ZaDb 60 0 R >> /XObject << /X1 17 0 R >> "
                    b"/Properties << /L1 16 0 R >> >>",
                ),
                60: b"<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>",
            },
        ),
        SOUND,
        "as a signing program rewrites the form",
    )
    yield Case(
        "page rewritten with its list",
        lambda: twice(signed(), more={PAGE2: base()[PAGE2].replace(b"[12 0 R]", b"50 0 R"), 50: b"[12 0 R]"}),
        SOUND,
        "list of annotations made indirect",
    )
    yield Case(
        "catalogue rewritten unchanged",
        lambda: twice(signed(), more={CATALOG: base()[CATALOG].replace(b"<< /Type", b"<<\n/Type")}),
        PASS,
        "as every signing program does",
    )
    yield Case("signed, filled, signed, filled", _chain, SOUND, "four steps")
    yield Case("ten signatures", _ten, PASS, "many signers")
    yield Case(
        "producer changed",
        _after(lambda _: {INFO: b"<< /Title (Bid) /Producer (other) /ModDate (D:20261121) >>"}),
        UPDATED,
        "information",
    )
    yield Case(
        "information added", _after(lambda _: {}, lambda: sign(forge.write(base(), info=False))), SOUND, "nothing"
    )
    yield Case(
        "ticked and filled",
        _after(lambda d: {**filled(d), CHECK: base()[CHECK].replace(b"/V /Off /AS /Off", b"/V /Yes /AS /Yes")}),
        UPDATED,
        "two fields",
    )
    yield Case(
        "field emptied",
        _after(lambda _: {TEXT: base()[TEXT].replace(b" /V (100)", b"").replace(b" /AP << /N 14 0 R >>", b"")}),
        "PASS_WARN MODIFIED",
        "value and picture removed",
    )
    yield Case(
        "same content written again",
        _after(lambda _: {CONTENT1: base()[CONTENT1], PAGE2: base()[PAGE2]}),
        SOUND,
        "unchanged copies",
    )
    yield Case(
        "same content, other filter",
        _after(lambda _: {CONTENT1: _packed_content()}),
        "PASS PASS_WARN MODIFIED",
        "compressed anew",
    )
    yield Case("metadata and information", _after(_metadata), UPDATED, "as office programs do")
    yield Case("reading order kept, table renewed", lambda: append(signed(), {}, places={}), SOUND, "empty")
    yield Case(
        "orphans of a program",
        _after(lambda d: {size_of(d): stream(b"junk"), size_of(d) + 1: b"[1 2 3]"}),
        SOUND,
        "unused",
    )
    yield Case(
        "freed orphan", lambda: append(append(signed(), {50: b"[1]"}), {}, free=(50,)), SOUND, "unused object freed"
    )


def _packed_content() -> bytes:
    text = base()[CONTENT1].split(b"stream\n", 1)[1].removesuffix(b"\nendstream")
    return stream(text, pack=True)


def _direct_dss(data: bytes) -> dict[int, bytes]:
    new = size_of(data)
    store = b"/DSS << /Certs [%d 0 R] /OCSPs [] /CRLs [] /VRI << /%b << /Cert [%d 0 R] >> >> >>" % (new, b"B" * 40, new)
    return {**catalog(store, data=data), new: stream(forge.ink().certificate)}


def _vri_time(data: bytes) -> dict[int, bytes]:
    new = size_of(data)
    vri = b"<< /Type /VRI /Cert [%d 0 R] /TU (D:20261101000000Z) /TS %d 0 R >>" % (new, new + 1)
    store = b"/DSS << /Type /DSS /Certs [%d 0 R] /VRI << /%b %b >> >>" % (new, b"C" * 40, vri)
    return {**catalog(store, data=data), new: stream(forge.ink().certificate), new + 1: stream(b"\x30\x00")}


def _metadata(data: bytes) -> dict[int, bytes]:
    new = size_of(data)
    xmp = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/><?xpacket end="w"?>'
    return {
        **catalog(b"/Metadata %d 0 R" % new, data=data),
        new: stream(xmp, b"/Type /Metadata /Subtype /XML"),
        INFO: b"<< /Title (x) >>",
    }


def _chain() -> bytes:
    data = append(signed(), filled(signed()))
    data = twice(data, current={SIG2: base()[SIG2]})
    new = size_of(data)
    return append(data, {CHECK: base()[CHECK].replace(b"/V /Off /AS /Off", b"/V /Yes /AS /Yes"), new: b"[]"})


def _ten() -> bytes:
    data = twice(signed())
    for _ in range(8):
        data = new_signature(data)
    return data


MORE_HONEST = [*shapes(), *tables(), *messages(), *later()]
assert FIRST_FREE > NOTE
assert newest
