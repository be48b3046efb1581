"""More ways to deceive a verifier: messages about something else, moved ranges, updates that hide what they do."""

import re
import zlib
from collections.abc import Callable, Iterator

import comparison_path  # noqa: F401 - first, so that the makers are found
import pdf_forge as forge
from comparison_messages import (
    attributes_missing,
    data_only,
    no_message_digest,
    no_signers,
    of_other_content,
    old_sha1_wrong,
    swapped_certificate,
    twice_signed,
    unknown_algorithm,
    with_content,
)
from pdf_forge import (
    CATALOG,
    CONTENT1,
    CONTENT2,
    FONT,
    FORM,
    INFO,
    NOTE,
    PAGE1,
    PAGE2,
    PAGES,
    PICTURE,
    RESOURCES,
    SIG1,
    SIG2,
    TEXT,
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
from pdf_forge_attacks import Case
from pdf_forge_honest import dss, filled, new_signature, twice

MODIFIED, FAIL, BROKEN = "MODIFIED", "FAIL", "FAIL MODIFIED REFUSE"
REJECTED = "FAIL MODIFIED REFUSE INDETERMINATE"
FALSE = stream(draw(b"Total: 900 yuan"))
RANGE = re.compile(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]")


def _made(make: forge.Seal, **settings: object) -> Callable[[], bytes]:
    return lambda: sign(forge.write(base()), make=make, **settings)  # type: ignore[arg-type]


def _later(objects: Callable[[bytes], dict[int, bytes]], start: Callable[[], bytes] = signed) -> Callable[[], bytes]:
    def run() -> bytes:
        data = start()
        return append(data, objects(data))

    return run


def messages() -> Iterator[Case]:
    """Messages that are sound in themselves, or look so, and are not about this document."""
    yield Case("message about other content", _made(of_other_content(b"another document")), REJECTED, "enveloping")
    yield Case("message with empty content", _made(of_other_content(b"")), REJECTED, "enveloping nothing")
    yield Case(
        "document signed, other content inside", _made(lambda d: with_content(d, b"x")), REJECTED, "two contents"
    )
    yield Case("SHA-1 of another document", _made(old_sha1_wrong, sub_filter=b"/adbe.pkcs7.sha1"), REJECTED, "sha1")
    yield Case(
        "SHA-1 kind, detached message",
        _made(forge.seal, sub_filter=b"/adbe.pkcs7.sha1"),
        f"PASS PASS_WARN {REJECTED}",
        "kind confused, content covered",
    )
    yield Case("detached kind, SHA-1 message", _made(_sha1_message), REJECTED, "kind confused")
    yield Case("no message digest", _made(no_message_digest), REJECTED, "attributes say nothing of the document")
    yield Case("bare signature over other bytes", _made(lambda d: attributes_missing(d + b"x")), FAIL, "no attributes")
    yield Case("second signer signed something else", _made(twice_signed), REJECTED, "two signers")
    yield Case("unknown signature algorithm", _made(unknown_algorithm), "INDETERMINATE FAIL", "nobody knows it")
    yield Case("message without a signer", _made(no_signers), REJECTED, "degenerate")
    yield Case("certificate exchanged", _made(swapped_certificate), REJECTED, "signer named, not inside")
    yield Case("plain data", _made(data_only), REJECTED, "no signed data at all")
    yield Case("message of another document", _transplanted, REJECTED, "copied from another file")
    yield Case("timestamp kind, signature inside", _made(forge.seal, sub_filter=b"/ETSI.RFC3161"), REJECTED, "no token")
    yield Case("reason replaced", _reason, FAIL, "what the signature dictionary says")
    yield Case(
        "time of signing replaced",
        lambda: signed().replace(b"(D:20261101120000Z)", b"(D:20251101120000Z)"),
        FAIL,
        "covered",
    )
    yield Case("message cut", lambda: _edit_message(lambda m: m[:400].ljust(len(m), b"0")), FAIL, "the rest is zeros")
    for place in (40, 300, 700, 1000, 1100):
        flip = lambda m, n=place: m[:n] + (b"1" if m[n : n + 1] != b"1" else b"2") + m[n + 1 :]  # noqa: E731
        yield Case(f"message, digit {place} changed", lambda f=flip: _edit_message(f), REJECTED, "a changed message")


def _sha1_message(covered: bytes) -> bytes:
    from comparison_messages import old_sha1  # noqa: PLC0415

    return old_sha1(covered)


def _reason() -> bytes:
    data = sign(forge.write(base()), entries=b"/Reason (I have read it)")
    return data.replace(b"(I have read it)", b"(I never read it"[:15] + b")")


def _transplanted() -> bytes:
    other = sign(forge.write({**base(), CONTENT1: FALSE}))
    value = re.findall(rb"/Contents <([0-9a-f]+)>", signed())[0]
    return re.sub(rb"/Contents <[0-9a-f]+>", b"/Contents <" + value + b">", other)


def _edit_message(change: Callable[[bytes], bytes]) -> bytes:
    return re.sub(rb"/Contents <([0-9a-f]+)>", lambda m: b"/Contents <" + change(m[1]) + b">", signed())


def places() -> Iterator[Case]:
    """Values and ranges that are not where a reader looks."""
    decoy = lambda: signed().replace(b"%%EOF\n", b"%%EOF\n% /ByteRange [0 1 2 3] /Contents <00>\n", 1)  # noqa: E731
    yield Case("decoy in a comment", decoy, BROKEN, "offsets moved")
    twofold = lambda: _first(b"/Contents <", b"/Contents <00> /Contents <")  # noqa: E731
    yield Case("two values in one dictionary", twofold, BROKEN, "which one counts?")
    ranges = _both_ranges
    yield Case("two ranges in one dictionary", ranges, "FAIL MODIFIED REFUSE INDETERMINATE", "which one counts?")
    yield Case("range indirect and overridden", _indirect_range, BROKEN, "range in an object of its own, changed later")
    yield Case("value indirect", _indirect_value, "FAIL REFUSE INDETERMINATE MODIFIED", "value in an object of its own")
    yield Case("value in a later dictionary", _later_value, BROKEN, "signature object overridden with the same range")
    yield Case("range of a former revision copied", _older_range, BROKEN, "second signature covers the first only")
    yield Case(
        "covered twice",
        lambda: RANGE.sub(lambda m: b"/ByteRange [0 %s 0 %s]" % (m[1], m[1]), signed()),
        FAIL,
        "same bytes twice",
    )
    yield Case("six numbers", _six, REJECTED, "three ranges, everything but the value covered")
    yield Case(
        "first range empty",
        lambda: RANGE.sub(lambda m: b"/ByteRange [0 0 %s %s]" % (m[2], m[3]), signed()),
        FAIL,
        "starts behind",
    )
    yield Case(
        "value ends in a string",
        lambda: re.sub(rb"0{40}>", b"0" * 20 + b"> (" + b"x" * 16 + b")", signed(), count=1),
        FAIL,
        "gap",
    )
    yield Case("header overridden", lambda: signed().replace(b"%PDF-1.7", b"%PDF-1.3", 1), FAIL, "first line")
    yield Case("bytes before the header", lambda: b"junk\n" + signed(), BROKEN, "everything shifted")
    yield Case(
        "another document in front", lambda: forge.write({**base(), CONTENT1: FALSE}) + signed(), BROKEN, "polyglot"
    )
    yield Case(
        "another document behind", lambda: signed() + forge.write({**base(), CONTENT1: FALSE}), BROKEN, "polyglot"
    )
    yield Case("zip behind", lambda: signed() + b"PK\5\6" + bytes(18), BROKEN, "polyglot")
    yield Case("cut after the signature", lambda: signed()[:-40], BROKEN, "end missing")


def _first(old: bytes, new: bytes) -> bytes:
    return signed().replace(old, new, 1)


def _both_ranges() -> bytes:
    field = base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>"
    value = blank(b"/ByteRange [0 10 20 30]")
    return complete(append(forge.write(base()), {SIG1: field, 40: value}))


def _indirect_range() -> bytes:
    data = signed()
    match = next(iter(RANGE.finditer(data)))
    longer = data[: match.start()] + b"/ByteRange 60 0 R".ljust(len(match[0])) + data[match.end() :]
    return append(longer, {60: match[0].removeprefix(b"/ByteRange ")})


def _indirect_value() -> bytes:
    data = signed()
    value = re.findall(rb"/Contents (<[0-9a-f]+>)", data)[0]
    return append(re.sub(rb"/Contents <[0-9a-f]+>", lambda m: b"/Contents 60 0 R".ljust(len(m[0])), data), {60: value})


def _later_value() -> bytes:
    data = signed()
    text = newest(data, 26)
    return append(data, {26: text, CONTENT1: FALSE})


def _older_range() -> bytes:
    data = signed()
    value = re.findall(rb"<< /Type /Sig .*?>>", data, re.DOTALL)[0]
    field = base()[SIG2].removesuffix(b" >>") + b" /V 60 0 R >>"
    return append(data, {SIG2: field, 60: value, CONTENT2: FALSE})


def _six() -> bytes:
    field = base()[SIG1].removesuffix(b" >>") + b" /V 40 0 R >>"
    data = complete(append(forge.write(base()), {SIG1: field, 40: blank(b"/X (" + b" " * 40 + b")")}))
    match = next(iter(RANGE.finditer(data)))
    first, second, rest = (int(one) for one in match.groups())
    text = b"/ByteRange [0 100 100 %d %d %d]" % (first - 100, second, rest)
    return data[: match.start()] + text.ljust(len(match[0])) + data[match.start() + len(text.ljust(len(match[0]))) :]


def updates() -> Iterator[Case]:
    """Answer updates that change what is shown, done so that a reader of differences may overlook it."""
    yield Case(
        "changed, then validation data", lambda: dss(append(signed(), {CONTENT1: FALSE})), MODIFIED, "hidden below"
    )
    yield Case(
        "changed, then signed again", lambda: twice(append(signed(), {CONTENT1: FALSE})), MODIFIED, "by the next signer"
    )
    yield Case(
        "changed with the next signature", lambda: twice(signed(), more={CONTENT1: FALSE}), MODIFIED, "in its revision"
    )
    yield Case(
        "page exchanged with the next signature",
        lambda: twice(signed(), more={PAGES: base()[PAGES].replace(b"3 0 R", b"21 0 R")}),
        MODIFIED,
        "in its revision",
    )
    yield Case(
        "font exchanged with the next signature",
        lambda: twice(signed(), more={FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>"}),
        MODIFIED,
        "in its revision",
    )
    yield Case(
        "page added with the next signature",
        lambda: twice(signed(), more={PAGES: base()[PAGES].replace(b"4 0 R] /Count 2", b"4 0 R 21 0 R] /Count 3")}),
        MODIFIED,
        "in its revision",
    )
    cover = b"<< /Type /Annot /Subtype /FreeText /Rect [40 690 400 730] /P 3 0 R /DA (/F1 9 Tf) /Contents (900) >>"
    yield Case(
        "annotation added with the next signature",
        lambda: twice(signed(), more={60: cover, PAGE1: base()[PAGE1].replace(b"22 0 R]", b"22 0 R 60 0 R]")}),
        MODIFIED,
        "in its revision",
    )
    yield Case("validation data and content", lambda: _dss_and({CONTENT1: FALSE}), MODIFIED, "in one revision")
    yield Case(
        "validation data that is a page's content",
        lambda: _dss_of(b"5 0 R"),
        "PASS PASS_WARN MODIFIED",
        "nothing is drawn otherwise",
    )
    yield Case(
        "validation data that is content, overridden",
        lambda: append(_dss_of(b"5 0 R"), {CONTENT1: FALSE}),
        MODIFIED,
        "by way of /DSS",
    )
    yield Case(
        "validation data overriding content",
        lambda: _dss_and({CONTENT1: stream(forge.ink().certificate)}),
        MODIFIED,
        "drawn as well",
    )
    yield Case("filled and content", _later(lambda d: {**filled(d), CONTENT1: FALSE}), MODIFIED, "in one revision")
    yield Case(
        "metadata that is content",
        _later(lambda d: catalog(b"/Metadata 5 0 R", data=d)),
        MODIFIED,
        "page content as XMP",
    )
    yield Case(
        "information that is the font",
        lambda: append(signed(), {FONT: b"<< /Title (x) >>"}, trailer=b"/Info 8 0 R"),
        MODIFIED,
        "override by another name",
    )
    yield Case(
        "field's picture is the page's content",
        _later(lambda _: {TEXT: base()[TEXT].replace(b"14 0 R", b"5 0 R"), CONTENT1: FALSE}),
        MODIFIED,
        "one object, two places",
    )
    yield Case("another generation", _generation, BROKEN, "object 5 of generation 1")
    yield Case(
        "page tree exchanged",
        _later(
            lambda d: {
                CATALOG: newest(d, CATALOG).replace(b"/Pages 2 0 R", b"/Pages 60 0 R"),
                60: b"<< /Type /Pages /Kids [21 0 R] /Count 1 >>",
            }
        ),
        MODIFIED,
        "another tree",
    )
    yield Case(
        "resources of the tree",
        _later(lambda _: {PAGES: base()[PAGES].removesuffix(b" >>") + b" /Resources << >> >>"}),
        MODIFIED,
        "inherited",
    )
    yield Case(
        "content behind the content",
        _later(lambda _: {PAGE1: base()[PAGE1].replace(b"/Contents 5 0 R", b"/Contents [5 0 R 60 0 R]"), 60: FALSE}),
        MODIFIED,
        "list of contents",
    )
    yield Case(
        "user unit",
        _later(lambda _: {PAGE1: base()[PAGE1].removesuffix(b" >>") + b" /UserUnit 10 >>"}),
        MODIFIED,
        "page enlarged",
    )
    yield Case(
        "annotation without a kind",
        _later(
            lambda _: {
                60: b"<< /Rect [40 690 400 730] /AP << /N 17 0 R >> >>",
                PAGE1: base()[PAGE1].replace(b"22 0 R]", b"22 0 R 60 0 R]"),
            }
        ),
        MODIFIED,
        "no /Subtype",
    )
    yield Case(
        "signature field over the text",
        lambda: new_signature(signed(), rect=b"[0 0 595 842]"),
        MODIFIED,
        "the page covered by a field",
    )
    yield Case(
        "rich text of a field",
        _later(lambda d: {**filled(d), TEXT: filled(d)[TEXT].removesuffix(b" >>") + b" /RV (<body>x</body>) >>"}),
        "MODIFIED PASS_WARN",
        "rich value",
    )
    yield Case(
        "field shows another value",
        _later(lambda d: {**filled(d, b"200"), size_of(d): _appearance(b"900")}),
        "PASS_WARN MODIFIED",
        "200 stored, 900 drawn",
    )
    yield Case(
        "field's picture draws the page over",
        _later(
            lambda d: {
                **filled(d),
                size_of(d): stream(
                    b"1 g -500 -500 2000 2000 re f BT (200) Tj ET", b"/BBox [-500 -500 1500 1500] /Subtype /Form"
                ),
            }
        ),
        "PASS_WARN MODIFIED",
        "box larger than the field",
    )
    yield Case(
        "field's picture with a matrix",
        _later(
            lambda d: {
                **filled(d),
                size_of(d): stream(b"1 g 0 0 200 20 re f", b"/BBox [0 0 200 20] /Matrix [9 0 0 9 0 0] /Subtype /Form"),
            }
        ),
        "PASS_WARN MODIFIED",
        "nothing of the value drawn",
    )
    yield Case(
        "object stream with a second copy", _second_copy, MODIFIED, "object 5 in the stream, another in the table"
    )
    yield Case("table stream beside the table", _beside, MODIFIED, "/XRefStm of an update hides an override")
    yield Case("changed between two signatures, and back", _between, MODIFIED, "the first signer's page")
    yield Case("permissions lowered", _lowered, BROKEN, "certification 1 becomes 3")
    yield Case(
        "extensions with more",
        _later(
            lambda d: (
                catalog(b"/Extensions << /ADBE << /BaseVersion /1.7 /ExtensionLevel 8 /X 5 0 R >> >>", data=d)
                | {CONTENT1: FALSE}
            )
        ),
        MODIFIED,
        "a way round",
    )
    yield Case(
        "threads",
        _later(
            lambda d: catalog(
                b"/Threads [] /PageLayout /TwoColumnLeft /ViewerPreferences << /HideToolbar true >>", data=d
            )
        ),
        "MODIFIED PASS_WARN",
        "how it is shown",
    )
    yield Case("language", _later(lambda d: catalog(b"/Lang (zh)", data=d)), "MODIFIED PASS_WARN", "catalogue entry")
    yield Case(
        "collection", _later(lambda d: catalog(b"/Collection << /View /D >>", data=d)), MODIFIED, "shown as a portfolio"
    )
    yield Case(
        "note's picture",
        _later(lambda _: {NOTE: base()[NOTE].removesuffix(b" >>") + b" /AP << /N 17 0 R >> >>"}),
        MODIFIED,
        "a note that draws",
    )
    yield Case("resource freed", lambda: append(signed(), {}, free=(RESOURCES,)), MODIFIED, "resources gone")
    yield Case("picture freed", lambda: append(signed(), {}, free=(PICTURE,)), MODIFIED, "a field's picture gone")
    yield Case(
        "information with a link",
        _later(lambda _: {INFO: b"<< /Title 5 0 R >>", CONTENT1: FALSE}),
        MODIFIED,
        "title that is content",
    )


def _appearance(text: bytes) -> bytes:
    entries = b"/BBox [0 0 200 20] /Subtype /Form /Resources 7 0 R"
    return stream(b"/Tx BMC BT /F1 12 Tf 2 5 Td (%b) Tj ET EMC" % text, entries)


def _dss_and(more: dict[int, bytes]) -> bytes:
    data = signed()
    new = size_of(data)
    root = catalog(b"/DSS << /Certs [%d 0 R] >>" % new, data=data)
    return append(data, {**root, new: stream(forge.ink().certificate), **more})


def _dss_of(what: bytes) -> bytes:
    return append(signed(), catalog(b"/DSS << /Certs [%b] >>" % what, data=signed()))


def _generation() -> bytes:
    data = signed()
    start = len(data)
    out = data + b"5 1 obj\n%b\nendobj\n" % FALSE
    table = len(out)
    trailer = b"trailer\n<< /Root 1 0 R /Size %d /Prev %d >>\n" % (size_of(data), forge.last_table(data))
    return out + b"xref\n5 1\n%010d 00001 n \n%bstartxref\n%d\n%%%%EOF\n" % (start, trailer, table)


def _second_copy() -> bytes:
    page = base()[PAGE1].replace(b"/Contents 5 0 R", b"/Contents 20 0 R")
    return append_packed(signed(), {PAGE1: page, INFO: b"<< /Title (x) >>"})


def _beside() -> bytes:
    """Write an update whose table says nothing and whose /XRefStm overrides the content."""
    data = signed()
    place = len(data)
    out = data + b"5 0 obj\n%b\nendobj\n" % FALSE
    start, size = len(out), size_of(data) + 1
    rows = bytes([1]) + place.to_bytes(4, "big") + b"\0\0"
    table = stream(rows, b"/Type /XRef /W [1 4 2] /Index [5 1] /Size %d /Root 1 0 R" % size)
    out += b"%d 0 obj\n%b\nendobj\n" % (size - 1, table)
    main = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size %d /Prev %d /XRefStm %d >>\n" % (
        size, forge.last_table(data), start)  # fmt: skip
    return out + b"startxref\n%d\n%%%%EOF\n" % main


def _between() -> bytes:
    data = append(signed(), {CONTENT1: FALSE})
    return twice(append(data, {CONTENT1: base()[CONTENT1]}))


def _lowered() -> bytes:
    data = signed(certified=1)
    reference = newest(data, 26).replace(b"/P 1", b"/P 3")
    return append(data, {26: reference, **filled(data)})


def hidden() -> Iterator[Case]:
    """Files in which the signed part is not what is opened."""
    packed = zlib.compress(b"x")
    assert packed
    yield Case("signed part as an attachment", _attached, "NOSIG", "a signed file inside an unsigned one")
    yield Case(
        "field of another form",
        _later(
            lambda d: {CATALOG: newest(d, CATALOG).replace(b"/AcroForm 9 0 R", b"/AcroForm 60 0 R"), 60: base()[FORM]}
        ),
        "MODIFIED PASS_WARN PASS",
        "another form object, the same fields",
    )
    yield Case(
        "form of nothing",
        _later(
            lambda d: {
                CATALOG: newest(d, CATALOG).replace(b"/AcroForm 9 0 R", b"/AcroForm 60 0 R"),
                60: b"<< /Fields [] >>",
            }
        ),
        BROKEN,
        "signature out of sight",
    )
    yield Case(
        "second page's field removed",
        _later(lambda _: {PAGE2: base()[PAGE2].replace(b"[12 0 R]", b"[]")}),
        MODIFIED,
        "prepared field hidden",
    )


def _attached() -> bytes:
    files = catalog(b"/Names << /EmbeddedFiles << /Names [(a.pdf) 40 0 R] >> >>") | {
        40: b"<< /Type /Filespec /F (a.pdf) /EF << /F 41 0 R >> >>",
        41: stream(signed(), b"/Type /EmbeddedFile", pack=True),
    }
    return forge.write({**base(), **files})


MORE_ATTACKS = [*messages(), *places(), *updates(), *hidden()]
