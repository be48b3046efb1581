"""Sealing OFD: what is written, what it protects, one seal after another, and what closes a package."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ofd_paper import (
    LEGAL,
    UNIT,
    Paper,
    apply,
    changed,
    complete,
    contents,
    contract,
    judge,
    outcomes,
    page,
    prepare,
    raw,
)
from ofd_world import pack, plain
from sealing_world import DAY, HOLDER, NOON, World, make_seal

from sealing import ses
from sealing.errors import ClosedOfdError, UnsealableOfdError
from sealing.ofd_sealing import prepare_ofd_seal, survey_ofd
from sealing.ofd_structure import read_signature
from sealing.ofd_xml import parse_part
from sealing.pdf import read_ses_statement
from sealing.placement import Stamp
from sealing.planning import Point, Straddle, plan_stamps
from sealing.seal import SealKind, finish_seal, prepare_seal_info
from signing.digests import sm3

PASSED = ("SES-v4", "TOTAL-PASSED", "whole-document")
FOLDER = "Doc_0/Signs/Sign_0"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return contract().write(tmp_path / "source.ofd")


def test_one_seal(world: World, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "sealed.ofd"
    before = source.read_bytes()
    prepared = apply(world, source, target)
    verdict = judge(world, target)
    assert (outcomes(verdict), verdict.warnings) == ([PASSED], ())
    assert verdict.signatures[0].seal is not None
    assert verdict.signatures[0].seal.number == world.seals[SealKind.UNIT].number
    assert verdict.signatures[0].page == 1
    assert verdict.signatures[0].authority
    assert verdict.signatures[0].consent_sm3
    assert source.read_bytes() == before
    parts = contents(target)
    assert parts[f"{FOLDER}/Seal.esl"] == world.seals[SealKind.UNIT].esl
    assert sm3(parts[f"{FOLDER}/Signature.xml"]).hex() == prepared.document_sm3
    signed = ses.parse_signature(parts[f"{FOLDER}/SignedValue.dat"])
    assert (signed.statement.version, signed.statement.property_info) == (4, f"/{FOLDER}/Signature.xml")
    assert signed.timestamp is not None
    assert read_ses_statement(signed.statement.raw).sm3 == prepared.document_sm3


def test_what_was_there_keeps_its_bytes(world: World, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "sealed.ofd"
    apply(world, source, target)
    before, after = raw(source.read_bytes()), raw(target.read_bytes())
    assert list(after)[: len(before)] == list(before)
    assert {name for name in before if before[name] != after[name]} == {"OFD.xml"}
    assert set(after) - set(before) == {
        "Doc_0/Signs/Signatures.xml",
        *(f"{FOLDER}/{name}" for name in ("Seal.esl", "Signature.xml", "SignedValue.dat")),
    }


def test_everything_is_protected_but_the_list(world: World, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "sealed.ofd"
    apply(world, source, target)
    parts = contents(target)
    file = read_signature(parts[f"{FOLDER}/Signature.xml"], {})
    own = {f"{FOLDER}/Signature.xml", f"{FOLDER}/SignedValue.dat", "Doc_0/Signs/Signatures.xml"}
    assert {name.removeprefix("/") for name, _ in file.references} == set(parts) - own
    assert all(sm3(parts[name.removeprefix("/")]) == digest for name, digest in file.references)
    assert file.method == "sm3"


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        pytest.param("OFD.xml", (b'Version="1.0"', b'Version="1.1"'), id="entry"),
        pytest.param("Doc_0/Document.xml", (b"297", b"298"), id="document"),
        pytest.param("Doc_0/Pages/Page_2/Content.xml", (b"60 220", b"60 221"), id="page"),
        pytest.param(f"{FOLDER}/Seal.esl", (b"YIZHAO", b"YIZHBO"), id="seal"),
        pytest.param(f"{FOLDER}/Signature.xml", (b"100 200", b"100 201"), id="place of the impression"),
        pytest.param(f"{FOLDER}/SignedValue.dat", (b"YIZHAO", b"YIZHBO"), id="seal in the value"),
    ],
)
def test_one_byte_changed_fails(
    world: World, source: Path, tmp_path: Path, name: str, edit: tuple[bytes, bytes]
) -> None:
    target = tmp_path / "sealed.ofd"
    apply(world, source, target)
    data = contents(target)[name]
    assert edit[0] in data
    target.write_bytes(changed(target, name, data.replace(*edit)))
    assert [str(one.indication) for one in judge(world, target).signatures] == ["TOTAL-FAILED"]


def test_a_part_added_afterwards_is_told(world: World, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "sealed.ofd"
    apply(world, source, target)
    target.write_bytes(changed(target, "Doc_0/extra.xml", b"<x/>"))
    assert [one.covers for one in judge(world, target).signatures] == ["partial"]


def test_seals_one_after_another(world: World, source: Path, tmp_path: Path) -> None:
    one, two, three = (tmp_path / f"{name}.ofd" for name in ("one", "two", "three"))
    apply(world, source, one, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    apply(world, one, two)
    apply(world, two, three, [replace(UNIT, page=3)], SealKind.CONTRACT)
    assert outcomes(judge(world, three)) == [PASSED] * 3
    before, after = raw(one.read_bytes()), raw(two.read_bytes())
    assert {name for name in before if before[name] != after[name]} == {"Doc_0/Signs/Signatures.xml"}
    listed = parse_part(contents(three)["Doc_0/Signs/Signatures.xml"], "Signatures").all("Signature")
    assert [node.attributes["ID"] for node in listed] == ["s001", "s003", "s005"]


def test_a_later_seal_keeps_the_earlier_one_from_being_taken_out(world: World, source: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.ofd", tmp_path / "two.ofd"
    apply(world, source, one, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    apply(world, one, two)
    parts = {name: data for name, data in contents(two).items() if not name.startswith(FOLDER)}
    line = b'<ofd:Signature ID="s001" Type="Seal" BaseLoc="/Doc_0/Signs/Sign_0/Signature.xml"/>'
    parts["Doc_0/Signs/Signatures.xml"] = parts["Doc_0/Signs/Signatures.xml"].replace(line, b"")
    two.write_bytes(pack(parts))
    assert [str(one.indication) for one in judge(world, two).signatures] == ["TOTAL-FAILED"]


def lines_of(path: Path) -> list[bytes]:
    return re.findall(rb"<ofd:Signature [^>]*/>", contents(path)["Doc_0/Signs/Signatures.xml"])


def test_a_seal_that_is_only_taken_from_the_list_is_told(world: World, source: Path, tmp_path: Path) -> None:
    """The list stays open for later seals, so no signature covers what it leaves out."""
    one, two = tmp_path / "1.ofd", tmp_path / "2.ofd"
    apply(world, source, one, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    apply(world, one, two)
    assert judge(world, two).warnings == ()
    data = contents(two)["Doc_0/Signs/Signatures.xml"].replace(lines_of(two)[0], b"")
    two.write_bytes(changed(two, "Doc_0/Signs/Signatures.xml", data))
    verdict = judge(world, two)
    assert len(verdict.signatures) == 1
    assert any(text.startswith("UNLISTED：签名文件 Doc_0/Signs/Sign_0/Signature.xml") for text in verdict.warnings)


def test_a_seal_that_is_listed_twice_is_told(world: World, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "sealed.ofd"
    apply(world, source, target)
    (line,) = lines_of(target)
    data = contents(target)["Doc_0/Signs/Signatures.xml"].replace(line, line * 3)
    target.write_bytes(changed(target, "Doc_0/Signs/Signatures.xml", data))
    assert any(text.startswith("DUPLICATE：") and "3 次" in text for text in judge(world, target).warnings)


def test_the_source_may_be_the_target(world: World, source: Path) -> None:
    apply(world, source, source)
    apply(world, source, source, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    assert outcomes(judge(world, source)) == [PASSED] * 2
    assert [path.name for path in source.parent.iterdir()] == [source.name]


def test_several_impressions_in_one_signature(world: World, source: Path, tmp_path: Path) -> None:
    target, views = tmp_path / "sealed.ofd", survey_ofd(source).views
    plans = [Point(-1, 60, 230), Straddle(), Straddle(side="top", offset_mm=60)]
    plan = plan_stamps(plans, views, (40, 40))
    apply(world, source, target, plan.stamps)
    verdict = judge(world, target)
    assert outcomes(verdict) == [PASSED]
    root = parse_part(contents(target)[f"{FOLDER}/Signature.xml"], "Signature").one("SignedInfo")
    values = [one.attributes for one in root.all("StampAnnot")]
    found = [(one["PageRef"], one["Boundary"], one.get("Clip")) for one in values]
    assert found == [
        ("1", "196.667 128.5 40 40", "0 0 13.333 40"),
        ("1", "40 0 40 40", "0 0 40 13.333"),
        ("2", "183.333 128.5 40 40", "13.333 0 13.333 40"),
        ("2", "40 -13.333 40 40", "0 13.333 40 13.333"),
        ("3", "40 210 40 40", None),
        ("3", "170 128.5 40 40", "26.667 0 13.333 40"),
        ("3", "40 -26.667 40 40", "0 26.667 40 13.333"),
    ]
    assert len({one["ID"] for one in values}) == 7
    taken = {
        (box.page, round(box.x_mm), round(box.y_mm), round(box.w_mm), round(box.h_mm))
        for box in survey_ofd(target).taken
    }
    assert {(1, 197, 128, 13, 40), (2, 40, 0, 40, 13), (3, 40, 210, 40, 40)} <= taken


def test_a_closing_seal_is_the_last(world: World, source: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.ofd", tmp_path / "two.ofd"
    apply(world, source, one, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    apply(world, one, two, close=True)
    verdict = judge(world, two)
    assert outcomes(verdict) == [PASSED] * 2
    assert [check.name for check in verdict.signatures[1].verdict.checks].count("closing") == 1
    assert "签名列表" in survey_ofd(two).closed
    three = tmp_path / "three.ofd"
    with pytest.raises(ClosedOfdError):
        prepare(world, two, three)
    assert not three.exists()


def test_version_five(world: World, source: Path, tmp_path: Path) -> None:
    draft = prepare_seal_info(
        SealKind.UNIT,
        HOLDER,
        "3501000000099",
        [world.unit.certificate.der],
        vendor="YIZHAO",
        at=NOON - DAY,
        not_after=NOON + DAY,
        version=5,
    )
    seal = finish_seal(draft, world.maker.certificate.der, world.maker.sign(draft.info))
    target = tmp_path / "sealed.ofd"
    signer = world.unit.certificate
    prepared = prepare_ofd_seal(source, target, stamps=[UNIT], seal=seal, signer=signer, at=NOON)
    complete(world, prepared)
    assert outcomes(judge(world, target)) == [("SES-v5", "TOTAL-PASSED", "whole-document")]
    assert ses.parse_signature(contents(target)[prepared.value]).statement.version == 5


def test_an_empty_list_is_gone_on_with(world: World, tmp_path: Path) -> None:
    source, target = tmp_path / "source.ofd", tmp_path / "sealed.ofd"
    empty = b'<?xml version="1.0" encoding="UTF-8"?>\n<Signatures xmlns="http://www.ofdspec.org/2016"/>'
    parts = contract().parts()
    link = b"<ofd:Signatures>Doc_0/List.xml</ofd:Signatures></ofd:DocBody>"
    root = parts["OFD.xml"].replace(b"</ofd:DocBody>", link)
    source.write_bytes(pack({**parts, "OFD.xml": root, "Doc_0/List.xml": empty}))
    apply(world, source, target)
    assert outcomes(judge(world, target)) == [PASSED]
    found = contents(target)
    assert found["OFD.xml"] == root
    assert found["Doc_0/List.xml"] == empty.replace(
        b"/>", b'><Signature ID="s001" Type="Seal" BaseLoc="/Doc_0/Sign_0/Signature.xml"/></Signatures>'
    )


@pytest.mark.parametrize("largest", [b"s999999999", b"999999999999999", b"9999999999999999", b"none"])
def test_names_stay_different_after_any_largest_name(world: World, tmp_path: Path, largest: bytes) -> None:
    source = tmp_path / "source.ofd"
    listed = b'<Signatures xmlns="http://www.ofdspec.org/2016"><MaxSignId>' + largest + b"</MaxSignId></Signatures>"
    parts = contract().parts()
    link = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
    root = parts["OFD.xml"].replace(b"</ofd:DocBody>", link)
    source.write_bytes(pack({**parts, "OFD.xml": root, "Doc_0/Signs/Signatures.xml": listed}))
    apply(world, source, source)
    apply(world, source, source, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    assert outcomes(judge(world, source)) == [PASSED] * 2
    nodes = parse_part(contents(source)["Doc_0/Signs/Signatures.xml"], "Signatures").all("Signature")
    assert len({node.attributes["ID"] for node in nodes}) == 2


@pytest.mark.parametrize("empty", [b"<ofd:Signatures/>", b"<ofd:Signatures> </ofd:Signatures >"])
def test_an_empty_place_of_a_list_is_filled(world: World, tmp_path: Path, empty: bytes) -> None:
    source, target = tmp_path / "source.ofd", tmp_path / "sealed.ofd"
    parts = contract().parts()
    root = parts["OFD.xml"].replace(b"</ofd:DocBody>", empty + b"</ofd:DocBody>")
    source.write_bytes(pack({**parts, "OFD.xml": root}))
    apply(world, source, target)
    assert outcomes(judge(world, target)) == [PASSED]
    full = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
    assert contents(target)["OFD.xml"] == parts["OFD.xml"].replace(b"</ofd:DocBody>", full)


def test_the_largest_name_is_kept_up(world: World, tmp_path: Path) -> None:
    source, target = tmp_path / "source.ofd", tmp_path / "sealed.ofd"
    listed = b'<o:Signatures xmlns:o="http://www.ofdspec.org/2016"><o:MaxSignId>s041</o:MaxSignId></o:Signatures>'
    parts = contract().parts()
    link = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
    root = parts["OFD.xml"].replace(b"</ofd:DocBody>", link)
    source.write_bytes(pack({**parts, "OFD.xml": root, "Doc_0/Signs/Signatures.xml": listed}))
    apply(world, source, target)
    assert outcomes(judge(world, target)) == [PASSED]
    assert contents(target)["Doc_0/Signs/Signatures.xml"] == (
        b'<o:Signatures xmlns:o="http://www.ofdspec.org/2016"><o:MaxSignId>s043</o:MaxSignId>'
        b'<o:Signature ID="s042" Type="Seal" BaseLoc="/Doc_0/Signs/Sign_0/Signature.xml"/></o:Signatures>'
    )


def test_a_list_that_was_unlinked_is_not_taken_up(world: World, source: Path, tmp_path: Path) -> None:
    """Whoever takes the list out of OFD.xml does not get its name for a new one; what it held is protected."""
    one, two = tmp_path / "one.ofd", tmp_path / "two.ofd"
    apply(world, source, one)
    one.write_bytes(changed(one, "OFD.xml", contents(source)["OFD.xml"]))
    assert survey_ofd(one).signatures == 0
    prepared = apply(world, one, two)
    assert prepared.signature == "Doc_0/Signs_1/Sign_0/Signature.xml"
    assert outcomes(judge(world, two)) == [PASSED]


@pytest.mark.parametrize("document", [1, 2], ids=["first", "second"])
def test_one_of_several_documents(world: World, tmp_path: Path, document: int) -> None:
    source, target = tmp_path / "source.ofd", tmp_path / "sealed.ofd"
    parts = contract().parts()
    other = {name.replace("Doc_0", "Doc_1"): data for name, data in Paper([page()], size=(100, 80)).parts().items()}
    body = b"<ofd:DocBody><ofd:DocInfo/><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    root = parts["OFD.xml"].replace(b"</ofd:OFD>", body)
    source.write_bytes(pack({**other, **parts, "OFD.xml": root}))
    stamp = Stamp(1, 10, 10, 40, 40)
    prepared = apply(world, source, target, [stamp], document=document)
    assert prepared.signature == f"Doc_{document - 1}/Signs/Sign_0/Signature.xml"
    assert outcomes(judge(world, target)) == [PASSED]
    # the other document has no list yet, and OFD.xml is protected now
    with pytest.raises(ClosedOfdError):
        prepare(world, target, tmp_path / "again.ofd", [stamp], document=3 - document)
    apply(world, target, tmp_path / "again.ofd", [stamp], SealKind.LEGAL_REPRESENTATIVE, document=document)
    assert outcomes(judge(world, tmp_path / "again.ofd")) == [PASSED] * 2


def test_careless_names_are_kept(world: World, tmp_path: Path) -> None:
    """Names in GB 18030 without the flag for UTF-8, as some makers write them."""
    source, target = tmp_path / "source.ofd", tmp_path / "sealed.ofd"
    paper = contract(2)
    data = pack({**paper.parts(), "Doc_0/ABCDEFGH.png": b"\x89PNG"})
    source.write_bytes(data.replace(b"ABCDEFGH", "图片章样".encode("gb18030")))
    apply(world, source, target)
    verdict = judge(world, target)
    assert (outcomes(verdict), verdict.read_mode) == ([PASSED], "lenient")
    assert "图片章样".encode("gb18030") in target.read_bytes()


def test_an_act_leaves_no_room_for_doubt_about_the_seal(world: World, source: Path, tmp_path: Path) -> None:
    """Two seals of one kind by the same holder are told apart by their numbers."""
    other = make_seal(SealKind.UNIT, world.unit.certificate, world.maker, 77)
    target = tmp_path / "sealed.ofd"
    signer = world.unit.certificate
    prepared = prepare_ofd_seal(source, target, stamps=[UNIT], seal=other, signer=signer, at=NOON)
    complete(world, prepared)
    (report,) = judge(world, target).signatures
    assert (prepared.number, report.seal.number if report.seal else "") == (other.number, other.number)


def test_a_document_without_sizes_has_nowhere_to_put_a_seal(tmp_path: Path) -> None:
    source = tmp_path / "source.ofd"
    source.write_bytes(pack(plain()))
    with pytest.raises(UnsealableOfdError):
        survey_ofd(source)
