"""OFD packages of our own making: what passes, what does not, and that no changed byte goes unnoticed."""

import base64
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ofd_world import (
    LIST,
    PAGE,
    Order,
    Parts,
    body,
    document,
    gm_message,
    list_of,
    md5,
    pack,
    plain,
    protect,
    sha256,
    sign,
    xml,
)
from sealing_world import DAY, HOLDER, NOON, World, make_seal

from sealing.errors import SealingError
from sealing.ofd import verify_ofd
from sealing.ofd_structure import EncryptedOfdError
from sealing.report import DocumentVerdict, TimeSource
from sealing.seal import SealKind
from signing.checks import Indication, SubIndication
from signing.digests import sm3
from signing.errors import SigningError
from signing.path import TrustAnchors

NOBODY = TrustAnchors("nobody", "1", sandbox=True, anchors=())
SECOND = Order(id="2", folder="Doc_0/Signs/Sign_1")
ZERO = "Doc_0/Signs/Sign_0"
PASSED, FAILED, OPEN = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED, Indication.INDETERMINATE


def judge(
    tmp_path: Path, parts: Parts | bytes, trust: TrustAnchors, *, at: datetime = NOON + DAY, **options: object
) -> DocumentVerdict:
    path = tmp_path / "x.ofd"
    path.write_bytes(parts if isinstance(parts, bytes) else pack(parts))
    return verify_ofd(path, anchors=trust, evidence=trust.evidence, at=at, **options)  # type: ignore[arg-type]


def bad(verdict: DocumentVerdict) -> set[str]:
    """Answer the names of the checks that are not ok."""
    return {name for s in verdict.signatures for name in (*s.verdict.failed, *s.verdict.unknown)}


def why(verdict: DocumentVerdict, name: str) -> str:
    return "".join(c.why for s in verdict.signatures for c in s.verdict.checks if c.name == name)


# What passes


def test_a_seal_passes_without_a_warning(world: World, tmp_path: Path) -> None:
    verdict = judge(tmp_path, sign(world, plain()), world.trust, expect_uscc=HOLDER.uscc, require_seals=["unit"])
    assert (verdict.indication, verdict.warnings, verdict.read_mode) == (PASSED, (), "strict")
    (seal,) = verdict.signatures
    assert (seal.id, seal.profile, seal.page, seal.covers) == ("1", "SES-v4", 2, "whole-document")
    assert (seal.signed_at, seal.time_source, seal.changes_after) == (NOON, TimeSource.TIMESTAMP, ())
    assert seal.seal is not None
    assert seal.seal.kind is SealKind.UNIT
    assert "第 2 页左 100、上 200，40×40 毫米" in why(verdict, "stamp")


def test_two_seals_one_after_the_other(world: World, tmp_path: Path) -> None:
    one = sign(world, plain(), kind=SealKind.LEGAL_REPRESENTATIVE)
    verdict = judge(tmp_path, sign(world, one, SECOND), world.trust, require_seals=["unit", "legal-representative"])
    assert (verdict.indication, verdict.warnings) == (PASSED, ())
    assert [s.covers for s in verdict.signatures] == ["whole-document", "whole-document"]


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(Order(method="1.2.156.10197.1.401"), id="SM3 by its number"),
        pytest.param(Order(method="sha-256", digest=sha256), id="SHA-256"),
        pytest.param(Order(seal_file=False), id="no seal file"),
        pytest.param(Order(stamp=""), id="no picture"),
        pytest.param(Order(close=True), id="closed"),
        pytest.param(Order(type="Sign", payload="cms", seal_file=False), id="CMS, attributes"),
    ],
)
def test_other_honest_forms(world: World, tmp_path: Path, order: Order) -> None:
    verdict = judge(tmp_path, sign(world, plain(), order), world.trust)
    assert (verdict.indication, verdict.warnings) == (PASSED, ()), bad(verdict)


def test_closing_is_told(world: World, tmp_path: Path) -> None:
    closed = sign(world, plain(), Order(close=True))
    assert why(judge(tmp_path, closed, world.trust), "closing") == "签名列表已受保护，此后不能再加签章"
    broken = judge(tmp_path, sign(world, closed, SECOND), world.trust)
    assert [s.indication for s in broken.signatures] == [FAILED, PASSED]
    assert why(broken, "references") == f"{LIST}（内容已被改动）"


@pytest.mark.parametrize("statement", [sm3, lambda data: data], ids=["the digest inside", "the content inside"])
def test_gm_messages(world: World, tmp_path: Path, statement: Callable[[bytes], bytes]) -> None:
    order = Order(type="Sign", payload="gm", seal_file=False, statement=statement)
    verdict = judge(tmp_path, sign(world, plain(), order), world.trust)
    assert (verdict.indication, verdict.signatures[0].profile) == (PASSED, "GM-CMS"), bad(verdict)


def test_a_bare_value_needs_a_certificate_from_elsewhere(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain(), Order(type="Sign", payload="bare", seal_file=False))
    unknown = judge(tmp_path, parts, world.trust)
    assert (unknown.indication, unknown.sub_indication) == (OPEN, SubIndication.NO_SIGNING_CERTIFICATE_FOUND)
    given_one = judge(tmp_path, parts, world.trust, known=(world.unit.certificate,), expect_uscc=HOLDER.uscc)
    assert given_one.indication is PASSED
    other = judge(tmp_path, parts, world.trust, known=(world.person.certificate,))
    assert (other.indication, bad(other)) == (FAILED, {"signature"})


def test_namespaces_of_other_editions_and_relative_locations(world: World, tmp_path: Path) -> None:
    parts = plain()
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"ofdspec.org/2016", b"ofdspec.org/2023").replace(b">/Doc_0", b">Doc_0")
    parts = sign(world, parts, Order(edit=lambda d: d.replace(b">/Doc_0/Signs/Sign_0/SignedValue", b">SignedValue")))
    parts[LIST] = parts[LIST].replace(b'"/Doc_0/Signs/', b'"')
    assert judge(tmp_path, parts, world.trust).indication is PASSED


def test_several_documents_each_with_its_seal(world: World, tmp_path: Path) -> None:
    parts = {**plain(), **document("Doc_1")}
    parts["OFD.xml"] = xml("OFD", body() + body("Doc_1", signatures=False))
    assert judge(tmp_path, sign(world, parts), world.trust).indication is PASSED
    half = frozenset(name for name in parts if name.startswith("Doc_1"))
    verdict = judge(tmp_path, sign(world, parts, Order(skip=half)), world.trust)
    assert (verdict.indication, bad(verdict)) == (OPEN, {"coverage"})


def test_nothing_signed(tmp_path: Path) -> None:
    parts = plain()
    parts["OFD.xml"] = xml("OFD", body(signatures=False))
    assert judge(tmp_path, parts, NOBODY).indication is Indication.NO_SIGNATURE


def test_without_a_timestamp_the_time_is_not_proven(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain(), Order(stamped=False))
    verdict = judge(tmp_path, parts, world.trust)
    assert (verdict.indication, len(verdict.warnings)) == (PASSED, 1)
    assert "TIME_UNTRUSTED" in verdict.warnings[0]
    assert judge(tmp_path, parts, world.trust, at=NOON + 200 * DAY).indication is OPEN


def test_without_a_trust_list_nothing_is_decided(world: World, tmp_path: Path) -> None:
    verdict = judge(tmp_path, sign(world, plain()), NOBODY)
    assert (verdict.indication, verdict.sub_indication) == (OPEN, SubIndication.NO_CERTIFICATE_CHAIN_FOUND)


# What was left uncovered

ANNOTATED = "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>"
INDEX = xml("Annotations", '<ofd:Page PageID="1"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>')
LINK = xml("PageAnnot", '<ofd:Annot ID="9" Type="Link"/>')
DRAWN = xml("PageAnnot", '<ofd:Annot ID="9"><ofd:Appearance><ofd:PathObject/></ofd:Appearance></ofd:Annot>')
NOTES = "Doc_0/Annots/Page_0/Annotation.xml"


@pytest.mark.parametrize(
    ("extra", "more", "skip", "indication", "word"),
    [
        pytest.param("", {"Doc_0/extra.txt": b"x"}, {"Doc_0/extra.txt"}, PASSED, "Doc_0/extra.txt", id="an extra part"),
        pytest.param("", {"Doc_0/a.txt": b"x"}, {"Doc_0/a.txt"}, PASSED, "Doc_0/a.txt", id="only a text"),
        pytest.param("", {}, {"OFD.xml"}, PASSED, "OFD.xml", id="OFD.xml"),
        pytest.param("", {}, {PAGE}, OPEN, PAGE, id="a page"),
        pytest.param("", {}, {"Doc_0/Document.xml"}, OPEN, "Doc_0/Document.xml", id="the document"),
        pytest.param("", {}, {"Doc_0/PublicRes.xml"}, OPEN, "Doc_0/PublicRes.xml", id="resources"),
        pytest.param("", {}, {"Doc_0/Res/a.png"}, OPEN, "Doc_0/Res/a.png", id="a picture"),
        pytest.param(
            ANNOTATED, {"Doc_0/Annots/Annotations.xml": INDEX, NOTES: DRAWN}, {"Doc_0/Annots/Annotations.xml"},
            PASSED, "Annotations.xml", id="the list of annotations",
        ),
        pytest.param(
            ANNOTATED, {"Doc_0/Annots/Annotations.xml": INDEX, NOTES: LINK}, {NOTES}, PASSED, NOTES, id="a link",
        ),
        pytest.param(
            ANNOTATED, {"Doc_0/Annots/Annotations.xml": INDEX, NOTES: DRAWN}, {NOTES}, OPEN, NOTES, id="a drawing",
        ),
        pytest.param(
            ANNOTATED, {"Doc_0/Annots/Annotations.xml": INDEX, NOTES: b"<broken"}, {NOTES}, OPEN, NOTES, id="broken",
        ),
        pytest.param(
            "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>",
            {"Doc_0/Attachs/Attachments.xml": xml("Attachments", "")}, {"Doc_0/Attachs/Attachments.xml"},
            PASSED, "Attachments.xml", id="attachments",
        ),
        pytest.param(
            '<ofd:Unheard Of="/Doc_0/new.xml"/>', {"Doc_0/new.xml": xml("Page", "")}, {"Doc_0/new.xml"},
            OPEN, "Doc_0/new.xml", id="through an unknown element",
        ),
    ],
)  # fmt: skip
def test_uncovered_parts_are_named(
    world: World, tmp_path: Path, *, extra: str, more: Parts, skip: set[str], indication: Indication, word: str
) -> None:
    verdict = judge(tmp_path, sign(world, {**plain(extra), **more}, Order(skip=frozenset(skip))), world.trust)
    assert verdict.indication is indication
    assert verdict.signatures[0].covers == "partial"
    assert any("UNCOVERED" in text and word in text for text in verdict.warnings)
    assert all(c.allowed and word in c.what for c in verdict.signatures[0].changes_after)
    if indication is OPEN:
        assert verdict.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
        assert word in why(verdict, "coverage")


# What was changed afterwards: how, and by which check it is found


def put(name: str, data: bytes) -> Callable[[Parts], Parts]:
    return lambda parts: {**parts, name: data}


def drop(name: str) -> Callable[[Parts], Parts]:
    return lambda parts: {key: value for key, value in parts.items() if key != name}


def edit(name: str, old: bytes, new: bytes) -> Callable[[Parts], Parts]:
    def change(parts: Parts) -> Parts:
        assert old in parts[name]
        return {**parts, name: parts[name].replace(old, new)}

    return change


BARE = b"0\x06\x02\x01\x01\x02\x01\x01"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        pytest.param(edit(PAGE, b"page 0", b"page 9"), {"references"}, id="a page"),
        pytest.param(edit("Doc_0/Document.xml", b"Page_1", b"Page_0"), {"references"}, id="the document"),
        pytest.param(put("Doc_0/Res/a.png", b"\x89PNG other"), {"references"}, id="a picture"),
        pytest.param(edit("OFD.xml", b"<ofd:DocID>1", b"<ofd:DocID>2"), {"references"}, id="the entry part"),
        pytest.param(drop(PAGE), {"references"}, id="a page is gone"),
        pytest.param(edit(f"{ZERO}/Signature.xml", b"100 200", b"100 100"), {"digest"}, id="the place of the picture"),
        pytest.param(edit(f"{ZERO}/Signature.xml", b"?>\n", b"?> "), {"digest"}, id="a blank"),
        pytest.param(put(f"{ZERO}/Seal.esl", b"0\0"), {"references", "seal-file"}, id="another seal file"),
        pytest.param(drop(f"{ZERO}/Seal.esl"), {"references", "seal-file"}, id="the seal file is gone"),
        pytest.param(drop(f"{ZERO}/SignedValue.dat"), {"structure"}, id="no signature value"),
        pytest.param(put(f"{ZERO}/SignedValue.dat", b""), {"kind"}, id="an empty signature value"),
        pytest.param(put(f"{ZERO}/SignedValue.dat", BARE), {"certificate"}, id="a bare value"),
        pytest.param(drop(f"{ZERO}/Signature.xml"), {"structure"}, id="no Signature.xml"),
        pytest.param(put(f"{ZERO}/Signature.xml", b"<x/>"), {"structure"}, id="another XML"),
        pytest.param(edit(f"{ZERO}/Signature.xml", b"References", b"Preferences"), {"structure"}, id="no references"),
        pytest.param(drop(LIST), {"structure"}, id="no list"),
        pytest.param(put(LIST, b"<!DOCTYPE x><x/>"), {"structure"}, id="a list with a document type"),
        pytest.param(edit(LIST, b'Type="Seal"', b'Type="Other"'), set(), id="an unknown type"),
    ],
)  # fmt: skip
def test_changes_are_found(world: World, tmp_path: Path, change: Callable[[Parts], Parts], names: set[str]) -> None:
    verdict = judge(tmp_path, change(sign(world, plain())), world.trust)
    assert names <= bad(verdict)
    assert verdict.indication is not PASSED or (not names and verdict.warnings)
    assert names & {"kind", "certificate"} or not names or verdict.indication is FAILED


def test_a_page_added_through_the_open_entry_part(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain(), Order(skip=frozenset({"OFD.xml"})))
    parts |= document("Doc_1", pages=1)
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"Doc_0/Document.xml", b"Doc_1/Document.xml")
    verdict = judge(tmp_path, parts, world.trust)
    assert (verdict.indication, bad(verdict)) == (OPEN, {"coverage"})


def test_another_version_of_the_document(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain(), Order(skip=frozenset({"OFD.xml"}))) | document("Doc_1", pages=1)
    version = '<ofd:Versions><ofd:Version ID="1" Index="1" BaseLoc="Doc_1/V.xml" Current="true"/></ofd:Versions>'
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:DocBody>", version.encode() + b"</ofd:DocBody>")
    parts["Doc_1/V.xml"] = xml("DocVersion", "<ofd:DocRoot>Document.xml</ofd:DocRoot>")
    assert judge(tmp_path, parts, world.trust).indication is OPEN


# Signatures that were made wrongly


def twice(data: bytes) -> bytes:
    """Refer to the page a second time, by another digest."""
    line = f'<ofd:Reference FileRef="/{PAGE}"><ofd:CheckValue>{base64.b64encode(bytes(32)).decode()}</ofd:CheckValue>'
    return data.replace(b"</ofd:References>", line.encode() + b"</ofd:Reference></ofd:References>")


@pytest.mark.parametrize(
    ("order", "indication", "names"),
    [
        pytest.param(Order(method="", digest=md5), OPEN, {"reference-digest"}, id="MD5 by default"),
        pytest.param(Order(method="MD5", digest=md5), OPEN, {"reference-digest"}, id="MD5"),
        pytest.param(Order(method="CRC32"), OPEN, {"references", "reference-digest"}, id="an unknown digest"),
        pytest.param(Order(method="SHA256"), FAILED, {"references"}, id="another digest than it says"),
        pytest.param(Order(more=(("/Doc_0/none.xml", bytes(32)),)), FAILED, {"references"}, id="not there"),
        pytest.param(Order(more=(("../../../../etc/passwd", bytes(32)),)), FAILED, {"references"}, id="outside"),
        pytest.param(Order(edit=twice), FAILED, {"structure"}, id="two digests of one part"),
        pytest.param(
            Order(edit=lambda d: d.replace(b"<ofd:CheckValue>", b"<ofd:CheckValue>!")),
            FAILED, {"structure"}, id="no base64",
        ),
        pytest.param(
            Order(edit=lambda d: d.replace(b"<ofd:References", b'<ofd:References CheckMethod="SM3"/><ofd:References')),
            FAILED, {"structure"}, id="two sets of references",
        ),
        pytest.param(Order(statement=lambda _: sm3(b"")), FAILED, {"digest"}, id="dataHash of nothing"),
        pytest.param(
            Order(type="Sign", payload="gm", seal_file=False, statement=lambda _: sm3(b"")), FAILED, {"content"},
            id="a message over something else",
        ),
    ],
)  # fmt: skip
def test_wrong_signatures(world: World, tmp_path: Path, order: Order, indication: Indication, names: set[str]) -> None:
    verdict = judge(tmp_path, sign(world, plain(), order), world.trust)
    assert (verdict.indication, bad(verdict)) == (indication, names)


def test_oddities_are_warnings(world: World, tmp_path: Path) -> None:
    nowhere = '<ofd:StampAnnot ID="2" PageRef="77" Boundary="x"/>'
    verdict = judge(tmp_path, sign(world, plain(), Order(stamp=nowhere, type="Sign")), world.trust)
    assert verdict.indication is PASSED
    assert len(verdict.warnings) == 2
    moved = sign(world, plain(), Order(folder="Doc_0/Signs/S7"))
    assert judge(tmp_path, moved, world.trust).warnings == ()


def test_a_seal_of_another_company_or_time_fails(world: World, tmp_path: Path) -> None:
    verdict = judge(tmp_path, sign(world, plain()), world.trust, expect_uscc="91350100M000100Y44")
    assert (verdict.indication, bad(verdict)) == (FAILED, {"identity"})
    old = make_seal(SealKind.UNIT, world.unit.certificate, world.maker, 9, at=NOON - 9 * DAY, not_after=NOON - DAY)
    parts = sign(World(**{**vars(world), "seals": {**world.seals, SealKind.UNIT: old}}), plain())
    late = judge(tmp_path, parts, world.trust)
    assert (late.indication, bad(late)) == (FAILED, {"seal-period"})
    missing = judge(tmp_path, sign(world, plain()), world.trust, require_seals=["contract"])
    assert (missing.indication, missing.missing) == (FAILED, (SealKind.CONTRACT,))


# The signed list of files (GM/T 0099)


def test_a_list_of_files_over_sealed_pages(world: World, tmp_path: Path) -> None:
    verdict = judge(tmp_path, protect(world, sign(world, plain())), world.trust)
    seal, listed = verdict.signatures
    assert (seal.indication, seal.covers) == (PASSED, "whole-document")
    assert (listed.profile, listed.indication, bad(verdict)) == ("GM/T 0099", PASSED, set())


def test_a_list_of_files_protects_no_contents(world: World, tmp_path: Path) -> None:
    verdict = judge(tmp_path, protect(world, plain()), world.trust)
    assert bad(verdict) == {"structure", "coverage"}  # the list of signatures that OFD.xml names is not there


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda w, p: protect(w, p, leave={PAGE}), id="a part that is not listed"),
        pytest.param(lambda w, p: {**protect(w, p), "Doc_0/new.txt": b"x"}, id="smuggled in"),
        pytest.param(lambda w, p: protect(w, p, more=["/Doc_0/gone.xml"]), id="listed and not there"),
        pytest.param(lambda w, p: edit("OFDEntries.xml", b'ID="2"', b'ID="3"')(protect(w, p)), id="another list"),
        pytest.param(lambda w, p: {**protect(w, p), "signedvalue.dat": gm_message(w, sm3(b""))}, id="another value"),
        pytest.param(lambda w, p: {**protect(w, p), "signedvalue.dat": b"?"}, id="no message"),
        pytest.param(lambda w, p: {**protect(w, p), "OFDEntries.xml": b"?"}, id="no list"),
        pytest.param(lambda w, p: drop("signedvalue.dat")(protect(w, p)), id="no value"),
    ],
)
def test_wrong_lists_of_files(world: World, tmp_path: Path, make: Callable[[World, Parts], Parts]) -> None:
    verdict = judge(tmp_path, make(world, sign(world, plain())), world.trust)
    assert verdict.signatures[-1].indication is FAILED


def test_encrypted_packages_are_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(EncryptedOfdError):
        judge(tmp_path, {**sign(world, plain()), "Encryptions.xml": xml("Encryptions", "")}, world.trust)


# No changed byte goes unnoticed


def contents(data: bytes) -> Parts | None:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError, zipfile.zlib.error):
        return None


def test_no_changed_byte_of_a_part_passes(world: World, tmp_path: Path) -> None:
    parts = sign(world, plain(pages=1))
    for name, data in parts.items():
        if name == LIST:
            continue
        for place in range(0, len(data), max(1, len(data) // 6)):
            other = bytes((*data[:place], data[place] ^ 1, *data[place + 1 :]))
            with suppress(SealingError, SigningError):
                assert judge(tmp_path, {**parts, name: other}, world.trust).indication is not PASSED, (name, place)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), stored=st.booleans())
def test_a_flipped_bit_of_the_file_changes_no_part_and_passes(
    world: World, tmp_path: Path, place: float, bit: int, stored: bool
) -> None:
    parts = sign(world, plain(pages=1))
    data = bytearray(pack(parts, stored=stored))
    data[int(place * len(data))] ^= 1 << bit
    try:
        verdict = judge(tmp_path, bytes(data), world.trust)
    except (SealingError, SigningError):
        return
    if verdict.indication is PASSED:
        kept = contents(bytes(data))
        assert kept is not None
        assert all(kept[name] == one for name, one in parts.items() if name != LIST)


def test_an_empty_list_is_nothing_signed(tmp_path: Path) -> None:
    assert judge(tmp_path, {**plain(), LIST: list_of()}, NOBODY).indication is Indication.NO_SIGNATURE
