"""Packages that were made to deceive or exhaust a reader: refused cleanly, or read with a remark."""

import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ofd_world import LIST, PAGE, Order, Parts, document, list_of, pack, plain, sign, xml
from sealing_world import DAY, NOON, World

from sealing.errors import SealingError
from sealing.ofd import verify_ofd
from sealing.ofd_evidence import tell_payload
from sealing.ofd_structure import read_entries, read_signature
from sealing.ofd_xml import MAX_ELEMENTS, parse_part, scan_part
from sealing.ofd_zip import open_package, resolve
from sealing.report import DocumentVerdict
from signing.checks import Indication
from signing.errors import MalformedError, SigningError

Change = Callable[[bytes], bytes]
RAW = "Doc_0/extra.bin"


def judge(tmp_path: Path, data: bytes, world: World) -> DocumentVerdict:
    path = tmp_path / "x.ofd"
    path.write_bytes(data)
    return verify_ofd(path, anchors=world.trust, evidence=world.trust.evidence, at=NOON + DAY)


def add(name: str, content: bytes = b"x", **fields: int) -> Change:
    """Append an entry by the library, which looks at nothing."""

    def change(data: bytes) -> bytes:
        out = BytesIO(data)
        with zipfile.ZipFile(out, "a") as archive:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.orig_filename = name, name
            for key, value in fields.items():
                setattr(info, key, value)
            archive.writestr(info, content)
        return out.getvalue()

    return change


def flag(bits: int) -> Change:
    """Set bits in the flags of the last entry, in both headers."""

    def change(data: bytes) -> bytes:
        other = bytearray(data)
        central = data.rindex(b"PK\x01\x02")
        local = struct.unpack_from("<L", data, central + 42)[0]
        for place in (central + 8, local + 6):
            struct.pack_into("<H", other, place, struct.unpack_from("<H", data, place)[0] | bits)
        return bytes(other)

    return change


def write(offset: int, fmt: str, value: int) -> Change:
    """Write a field of the last directory record."""

    def change(data: bytes) -> bytes:
        other = bytearray(data)
        struct.pack_into(fmt, other, data.rindex(b"PK\x01\x02") + offset, value)
        return bytes(other)

    return change


def part(name: str, content: bytes) -> Callable[[Parts], Parts]:
    return lambda parts: {**parts, name: content}


REFUSED: list[object] = [
    pytest.param(add("ofd.xml"), id="the same name in other case"),
    pytest.param(add("OFD.xml"), id="the same name"),
    pytest.param(add("\uff2f\uff26\uff24.xml"), id="the same name in full width"),
    pytest.param(add("/OFD.xml"), id="an absolute name of a part"),
    pytest.param(add("../OFD.xml"), id="a climbing name of a part"),
    pytest.param(add("a/../OFD.xml"), id="a winding name of a part"),
    pytest.param(add("OFD.xml. "), id="a name that some systems cut"),
    pytest.param(add("OFD.xml/x"), id="a file that is a folder"),
    pytest.param(lambda d: d + b"PK", id="bytes after the end"),
    pytest.param(lambda d: b"MZ" + d, id="bytes before the start"),
    pytest.param(lambda d: d + pack(plain()), id="two packages in a row"),
    pytest.param(lambda d: d[:-30], id="cut off"),
    pytest.param(lambda d: d[: len(d) // 2], id="half of it"),
    pytest.param(flag(1), id="encrypted"),
    pytest.param(flag(1 << 6), id="strongly encrypted"),
    pytest.param(write(42, "<L", 0), id="two entries over the same bytes"),
    pytest.param(write(42, "<L", 1 << 31), id="an entry beyond the end"),
    pytest.param(write(20, "<L", 1), id="two lengths"),
    pytest.param(write(24, "<L", 0xFFFFFFFF), id="sizes to be found elsewhere"),
    pytest.param(write(10, "<H", 14), id="an unknown method"),
    pytest.param(add(RAW, external_attr=0xA1FF0000), id="a link"),
    pytest.param(add(RAW, b"\0" * (4 << 20), compress_type=8), id="a bomb"),
    pytest.param(add("a/" * 40 + "x"), id="a deep name"),
    pytest.param(add("x" * 600), id="a long name"),
]


@pytest.mark.parametrize("change", REFUSED)
def test_what_has_two_meanings_is_refused(
    world: World, tmp_path: Path, change: Change, recwarn: pytest.WarningsRecorder
) -> None:
    data = change(pack(sign(world, plain(pages=1))))
    with pytest.raises((SealingError, SigningError)):
        judge(tmp_path, data, world)
    recwarn.clear()  # the library that makes the file warns of two entries of one name


TOLERATED: list[object] = [
    pytest.param(add("../../evil.txt"), "evil.txt", id="a climbing name"),
    pytest.param(add("/tmp/evil.txt"), "evil.txt", id="an absolute name"),  # noqa: S108 - never written
    pytest.param(add("C:evil.txt"), "evil.txt", id="a drive"),
    pytest.param(add("Doc_0\\more.txt"), "Doc_0/more.txt", id="a backslash"),
    pytest.param(add("Doc_0/a\x07.txt"), "UNCOVERED", id="a control character"),
]


@pytest.mark.parametrize(("change", "word"), TOLERATED)
def test_what_is_put_aside_is_told(world: World, tmp_path: Path, change: Change, word: str) -> None:
    verdict = judge(tmp_path, change(pack(sign(world, plain(pages=1)))), world)
    assert (verdict.indication, verdict.read_mode) == (Indication.TOTAL_PASSED, "lenient")
    assert any("UNCOVERED" in text and word in text for text in verdict.warnings)
    assert verdict.signatures[0].covers == "partial"


def test_a_comment_is_lenient(world: World, tmp_path: Path) -> None:
    data = pack(sign(world, plain(pages=1)))
    verdict = judge(tmp_path, data[:-2] + b"\x05\x00hello", world)
    assert (verdict.indication, verdict.read_mode) == (Indication.TOTAL_PASSED, "lenient")


class Gbk(zipfile.ZipInfo):
    """Names as old Chinese systems write them."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library's own
        return self.filename.encode("gbk"), self.flag_bits


def test_names_in_gbk(world: World, tmp_path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in sign(world, {**plain(pages=1), "Doc_0/Res/印章.png": b"x"}).items():
            archive.writestr(Gbk(name), content)
    verdict = judge(tmp_path, out.getvalue(), world)
    assert (verdict.indication, verdict.read_mode) == (Indication.TOTAL_PASSED, "lenient")
    assert "字符集" in verdict.warnings[0]


XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        pytest.param(part("OFD.xml", XXE + b"<x>&e;</x>"), True, id="an entity in OFD.xml"),
        pytest.param(part("OFD.xml", b"<a>" * 5000), True, id="a deep OFD.xml"),
        pytest.param(part("OFD.xml", xml("OFD", "")), True, id="no document"),
        pytest.param(part("OFD.xml", xml("OFD", "<ofd:DocBody/>" * 100)), True, id="many documents"),
        pytest.param(part("OFD.xml", "<x>一</x>".encode("utf-16")), True, id="another character set"),
        pytest.param(part("OFD.xml", b"<?php x?><x/>"), True, id="a processing instruction"),
        pytest.param(part("OFD.xml", b'<OFD xmlns="http://a.b"><DocBody/></OFD>'), True, id="another namespace"),
        pytest.param(
            part("OFD.xml", xml("OFD", "<x:DocBody xmlns:x='http://a.b'/><ofd:DocBody/>")),
            True, id="elements of others",
        ),
        pytest.param(lambda p: {k: v for k, v in p.items() if k != "OFD.xml"}, True, id="no OFD.xml"),
        pytest.param(part(LIST, list_of(*[("1", "Seal", "/x.xml")] * 500)), True, id="many signatures"),
        pytest.param(part(LIST, XXE + b"<x>&e;</x>"), False, id="an entity in the list"),
        pytest.param(part(LIST, list_of(*[("1", "Seal", "/x.xml")] * 3)), False, id="signatures that are not there"),
        pytest.param(part(LIST, list_of(("1", "Seal", "../../../x.xml"))), False, id="a signature outside"),
        pytest.param(part("Doc_0/Document.xml", XXE + b"<x>&e;</x>"), False, id="an entity in the document"),
        pytest.param(part(PAGE, b"<a>" * 5000), False, id="a deep page"),
        pytest.param(
            part("Doc_0/Signs/Sign_0/Signature.xml", b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>"),
            False, id="a wide signature",
        ),
        pytest.param(part("Doc_0/Signs/Sign_0/SignedValue.dat", b"\x30\x80" * 5000), False, id="a deep value"),
        pytest.param(part("Doc_0/Signs/Sign_0/SignedValue.dat", b"\x30\x84\x7f\xff\xff\xff"), False, id="a long value"),
    ],
)  # fmt: skip
def test_hostile_parts(world: World, tmp_path: Path, change: Callable[[Parts], Parts], *, refused: bool) -> None:
    data = pack(change(sign(world, plain(pages=1))))
    if refused:
        with pytest.raises((SealingError, SigningError)):
            judge(tmp_path, data, world)
    else:
        assert judge(tmp_path, data, world).indication is Indication.TOTAL_FAILED


def test_documents_that_lead_in_circles(world: World, tmp_path: Path) -> None:
    loop = '<ofd:Template BaseLoc="Document.xml"/><ofd:Template BaseLoc="/Doc_0/Pages/Page_0/Content.xml"/>'
    parts = {**plain(loop), "Doc_0/extra.txt": b"x"}
    verdict = judge(tmp_path, pack(sign(world, parts, Order(skip=frozenset({"Doc_0/extra.txt"})))), world)
    assert verdict.indication is Indication.TOTAL_PASSED


def test_a_second_document_that_nobody_sealed(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain(pages=1), Order(skip=frozenset({"OFD.xml"}))) | document("Doc_1", pages=1)
    more = b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:OFD>", more)
    assert judge(tmp_path, pack(parts), world).indication is Indication.INDETERMINATE


SHOWN = b"<x:PathObject xmlns:x='http://a.b'/>"


@pytest.mark.parametrize(
    "drawing",
    [
        pytest.param(b"<ofd:PathObject/>", id="a drawing"),
        pytest.param(SHOWN, id="of another namespace"),
    ],
)
def test_an_open_list_of_annotations_that_draws(world: World, tmp_path: Path, drawing: bytes) -> None:
    name = "Doc_0/Annots.xml"
    parts = {**plain("<ofd:Annotations>Annots.xml</ofd:Annotations>"), name: xml("Annotations", "<ofd:Page/>")}
    parts = sign(world, parts, Order(skip=frozenset({name})))
    assert judge(tmp_path, pack(parts), world).indication is Indication.TOTAL_PASSED
    parts[name] = parts[name].replace(b"<ofd:Page/>", drawing)
    assert judge(tmp_path, pack(parts), world).indication is Indication.INDETERMINATE


@pytest.mark.parametrize(
    ("case", "indication"),
    [("Doc_0/PAGES/page_0/content.xml", Indication.TOTAL_PASSED), (PAGE, Indication.TOTAL_PASSED)],
)
def test_locations_in_another_case(world: World, tmp_path: Path, case: str, indication: Indication) -> None:
    parts = plain(pages=1)
    parts["Doc_0/Document.xml"] = parts["Doc_0/Document.xml"].replace(b"Pages/Page_0/Content.xml", case[6:].encode())
    assert judge(tmp_path, pack(sign(world, parts)), world).indication is indication
    skipped = sign(world, parts, Order(skip=frozenset({PAGE})))
    assert judge(tmp_path, pack(skipped), world).indication is Indication.INDETERMINATE


@pytest.mark.parametrize("name", [LIST, "Doc_0/Signs/Sign_0/Signature.xml"])
def test_elements_of_others_where_structure_matters(world: World, tmp_path: Path, name: str) -> None:
    parts = sign(world, plain(pages=1))
    parts[name] = parts[name].replace(b"</ofd:Sign", b"<x:Any xmlns:x='http://a.b'/></ofd:Sign", 1)
    assert judge(tmp_path, pack(parts), world).signatures[0].verdict.failed == ["structure"]


@pytest.mark.parametrize(
    ("base", "location", "names"),
    [
        ("a/b/c.xml", "d.xml", ["a/b/d.xml", "d.xml"]),
        ("a/b/c.xml", "/d.xml", ["d.xml"]),
        ("a/b/c.xml", "../d.xml", ["a/d.xml"]),
        ("a/b/c.xml", "../../../d.xml", []),
        ("a/b/c.xml", "./d\\e.xml", ["a/b/d/e.xml", "d/e.xml"]),
        ("OFD.xml", "  /a.xml ", ["a.xml"]),
        ("OFD.xml", "", []),
        ("OFD.xml", "/", []),
        ("OFD.xml", "a\0b", []),
    ],
)
def test_locations(base: str, location: str, names: list[str]) -> None:
    assert resolve(base, location) == names


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400))
def test_noise_is_refused_cleanly(data: bytes) -> None:
    tell_payload(data)
    for read in (
        lambda: open_package(BytesIO(data), len(data)),
        lambda: parse_part(data, "OFD"),
        lambda: scan_part(data, frozenset({"a"})),
    ):
        with pytest.raises(SigningError):
            read()


TAGS = ("SignedInfo", "References", "Reference", "CheckValue", "StampAnnot", "SignatureDateTime", "Seal", "BaseLoc",
        "SignedValue", "FileList", "File", "SignedValueLoc")  # fmt: skip
TREES = st.recursive(
    st.sampled_from(["", "x", "AAAA", "2026-11-20 12:00:00", "99999999999999"]),
    lambda inner: st.lists(st.tuples(st.sampled_from(TAGS), inner), max_size=5).map(
        lambda items: "".join(f'<ofd:{t} FileRef="/a" Boundary="1 2 3 nan">{i}</ofd:{t}>' for t, i in items)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(inner=TREES)
def test_any_tree_is_read_or_malformed(inner: str) -> None:
    for root, read in (("Signature", lambda d: read_signature(d, {})), ("DocEntries", read_entries)):
        try:
            read(xml(root, inner))
        except MalformedError:
            continue


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_few_changed_bytes_end_cleanly(world: World, tmp_path: Path, data: st.DataObject) -> None:
    package = bytearray(pack(sign(world, plain(pages=1)), stored=True))
    for _ in range(data.draw(st.integers(1, 6))):
        package[-data.draw(st.integers(1, 1200))] = data.draw(st.integers(0, 255))
    try:
        judge(tmp_path, bytes(package), world)
    except (SealingError, SigningError):
        return
