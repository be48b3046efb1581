"""What is refused before anybody is asked: nothing is written, and the source stays as it was."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from ofd_paper import UNIT, Paper, apply, contract, page, prepare
from ofd_world import Order, Parts, list_of, pack, protect, sign, xml
from sealing_world import DAY, NOON, World, make_seal

from sealing.errors import (
    ClosedOfdError,
    EncryptedOfdError,
    NoOfdPagesError,
    PageRangeError,
    PlanError,
    SealCertificateError,
    SealExpiredError,
    SealHolderError,
    SealingError,
    SealNotYetValidError,
    SealSuspendedError,
    StampOutsideError,
    UnreadableOfdError,
    UnsealableOfdError,
)
from sealing.ofd_sealing import prepare_ofd_seal, rehearse_ofd_seal, survey_ofd
from sealing.placement import Stamp
from sealing.seal import SealKind, SealState
from signing.errors import LimitError, MalformedError, SigningError, UnsupportedAlgorithmError

Edit = Callable[[Parts], Parts | bytes]
LISTED = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
LIST = "Doc_0/Signs/Signatures.xml"


def part(name: str, old: bytes, new: bytes) -> Edit:
    return lambda parts: {**parts, name: parts[name].replace(old, new)}


def without(name: str) -> Edit:
    return lambda parts: {key: data for key, data in parts.items() if key != name}


def listed(data: bytes | None, **more: bytes) -> Edit:
    """Name a list of signatures, and put these bytes there."""

    def edit(parts: Parts) -> Parts:
        root = parts["OFD.xml"].replace(b"</ofd:DocBody>", LISTED)
        return {**parts, "OFD.xml": root, **({LIST: data} if data is not None else {}), **more}

    return edit


def encrypted(parts: Parts) -> bytes:
    data = bytearray(pack(parts))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + at] |= 1
    return bytes(data)


def climbing(parts: Parts) -> bytes:
    out = BytesIO(pack(parts))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("../evil.xml", b"<x/>")
    return out.getvalue()


ORPHAN = list_of(("s001", "Seal", "/Doc_0/Signs/Sign_0/Signature.xml"))
PAGE = "Doc_0/Pages/Page_0/Content.xml"


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        pytest.param(lambda _: b"%PDF-1.7\n", LimitError, id="no package"),
        pytest.param(lambda _: b"PK\x05\x06" + bytes(18), LimitError, id="an empty package"),
        pytest.param(lambda parts: pack(parts)[:-40], MalformedError, id="cut off"),
        pytest.param(without("OFD.xml"), UnreadableOfdError, id="no entry part"),
        pytest.param(without("Doc_0/Document.xml"), UnreadableOfdError, id="no document"),
        pytest.param(without(PAGE), UnsealableOfdError, id="a page is missing"),
        pytest.param(part(PAGE, b"</ofd:Page>", b""), UnsealableOfdError, id="a page is cut off"),
        pytest.param(part("Doc_0/Document.xml", b"<ofd:Page ", b"<ofd:Leaf "), NoOfdPagesError, id="no pages"),
        pytest.param(part("Doc_0/Document.xml", b"0 0 210 297", b"0 0 210"), UnreadableOfdError, id="half a size"),
        pytest.param(part("Doc_0/Document.xml", b"210 297", b"nan 297"), UnreadableOfdError, id="size not a number"),
        pytest.param(part("Doc_0/Document.xml", b"210 297", b"0 297"), UnreadableOfdError, id="no width"),
        pytest.param(part("Doc_0/Document.xml", b"ofd:PageArea", b"ofd:Other"), UnsealableOfdError, id="no size"),
        pytest.param(part("Doc_0/Document.xml", b'ID="1"', b'ID="2"'), UnsealableOfdError, id="an ID twice"),
        pytest.param(part("Doc_0/Document.xml", b'ID="1"', b""), UnsealableOfdError, id="no ID"),
        pytest.param(encrypted, UnsupportedAlgorithmError, id="an encrypted entry"),
        pytest.param(lambda parts: {**parts, "Encryptions.xml": b"<x/>"}, EncryptedOfdError, id="encrypted"),
        pytest.param(climbing, UnsealableOfdError, id="an entry that leads out"),
        pytest.param(listed(None), UnsealableOfdError, id="the list is missing"),
        pytest.param(listed(b"<x/>"), UnsealableOfdError, id="the list is none"),
        pytest.param(listed(ORPHAN), UnsealableOfdError, id="a signature is missing"),
        pytest.param(
            lambda parts: listed(None)({**parts, LIST: parts[PAGE]}), UnsealableOfdError, id="a page instead of a list"
        ),
        pytest.param(
            lambda parts: {**parts, "OFD.xml": b'<!DOCTYPE x [<!ENTITY a "b">]>' + parts["OFD.xml"]},
            UnreadableOfdError,
            id="entities",
        ),
        pytest.param(
            part(
                "Doc_0/Document.xml",
                b"</ofd:Document>",
                b"<ofd:Permissions><ofd:Signature>false</ofd:Signature></ofd:Permissions></ofd:Document>",
            ),
            ClosedOfdError,
            id="signing is not permitted",
        ),
    ],
)
def test_packages_that_cannot_be_sealed(world: World, tmp_path: Path, edit: Edit, error: type[Exception]) -> None:
    source, target = tmp_path / "source.ofd", tmp_path / "target.ofd"
    made = edit(contract().parts())
    data = made if isinstance(made, bytes) else pack(made)
    source.write_bytes(data)
    target.write_bytes(b"as it was")
    with pytest.raises(error):
        prepare(world, source, target)
    with pytest.raises(error):
        rehearse(world, source)
    assert (source.read_bytes(), target.read_bytes()) == (data, b"as it was")
    assert {path.name for path in tmp_path.iterdir()} == {"source.ofd", "target.ofd"}


def rehearse(world: World, source: Path) -> None:
    seal, signer = world.seals[SealKind.UNIT], world.unit.certificate
    rehearse_ofd_seal(source, stamps=[UNIT], seal=seal, signer=signer, at=NOON, random=lambda count: bytes([7]) * count)


def signed_parts(world: World, order: Order) -> Parts:
    return sign(world, contract().parts() | {"Doc_0/Signs/Signatures.xml": list_of()}, order)


@pytest.mark.parametrize("payload", ["ses", "cms", "gm", "bare"])
def test_closed_by_a_signature_of_any_kind(world: World, tmp_path: Path, payload: str) -> None:
    source = tmp_path / "source.ofd"
    parts = signed_parts(world, Order(close=True, payload=payload))
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:DocBody>", LISTED)
    source.write_bytes(pack(parts))
    assert survey_ofd(source).closed
    with pytest.raises(ClosedOfdError):
        prepare(world, source, tmp_path / "target.ofd")


@pytest.mark.parametrize(
    "location",
    [
        "/Doc_0/Signs/Signatures.xml",
        "Doc_0/Signs/Signatures.xml",
        "../Signatures.xml",
        "..\\Signatures.xml",
        "/DOC_0/signs/SIGNATURES.xml",
        " /Doc_0/./Signs//Signatures.xml ",
    ],
)
def test_closed_however_the_list_is_spelt(world: World, tmp_path: Path, location: str) -> None:
    source = tmp_path / "source.ofd"
    parts = signed_parts(world, Order(more=((location, bytes(32)),)))
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:DocBody>", LISTED)
    source.write_bytes(pack(parts))
    with pytest.raises(ClosedOfdError):
        prepare(world, source, tmp_path / "target.ofd")


def test_closed_by_a_signed_list_of_files(world: World, tmp_path: Path) -> None:
    source = tmp_path / "source.ofd"
    source.write_bytes(pack(protect(world, contract().parts())))
    with pytest.raises(ClosedOfdError, match="GM/T 0099"):
        prepare(world, source, tmp_path / "target.ofd")


@pytest.mark.parametrize(
    ("stamps", "error"),
    [
        pytest.param([], PlanError, id="none"),
        pytest.param([replace(UNIT, page=0)], PageRangeError, id="page 0"),
        pytest.param([replace(UNIT, page=4)], PageRangeError, id="a page that is not there"),
        pytest.param([replace(UNIT, x_mm=171)], StampOutsideError, id="over the right edge"),
        pytest.param([replace(UNIT, y_mm=-1)], StampOutsideError, id="over the upper edge"),
        pytest.param([replace(UNIT, w_mm=0)], StampOutsideError, id="no width"),
        pytest.param([replace(UNIT, x_mm=float("nan"))], StampOutsideError, id="not a number"),
        pytest.param([replace(UNIT, share=(0.5, 0.5))], PlanError, id="no part of the picture"),
        pytest.param([replace(UNIT, share=(0.5, 1.5))], PlanError, id="more than the picture"),
    ],
)
def test_impressions_that_have_no_place(
    world: World, tmp_path: Path, stamps: list[Stamp], error: type[SealingError]
) -> None:
    source, target = contract().write(tmp_path / "source.ofd"), tmp_path / "target.ofd"
    with pytest.raises(error):
        prepare(world, source, target, stamps)
    assert not target.exists()


@pytest.mark.parametrize(
    ("change", "at", "error"),
    [
        pytest.param({}, NOON + 60 * DAY, SealExpiredError, id="expired"),
        pytest.param({}, NOON - 20 * DAY, SealNotYetValidError, id="not yet valid"),
        pytest.param({"state": SealState.SUSPENDED}, NOON, SealSuspendedError, id="suspended"),
        pytest.param({"number": "3501000000098"}, NOON, SealingError, id="another number"),
        pytest.param({"esl": b"0\x00"}, NOON, SealingError, id="no seal"),
    ],
)
def test_seals_that_may_not_be_used(
    world: World, tmp_path: Path, change: dict[str, Any], at: datetime, error: type[SealingError]
) -> None:
    source, target = contract().write(tmp_path / "source.ofd"), tmp_path / "target.ofd"
    seal, signer = replace(world.seals[SealKind.UNIT], **change), world.unit.certificate
    with pytest.raises(error):
        prepare_ofd_seal(source, target, stamps=[UNIT], seal=seal, signer=signer, at=at)
    assert not target.exists()


def test_a_certificate_that_is_not_listed(world: World, tmp_path: Path) -> None:
    source, target = contract().write(tmp_path / "source.ofd"), tmp_path / "target.ofd"
    seal = world.seals[SealKind.UNIT]
    with pytest.raises(SealCertificateError):
        prepare_ofd_seal(source, target, stamps=[UNIT], seal=seal, signer=world.person.certificate, at=NOON)
    foreign = make_seal(SealKind.UNIT, world.stranger.certificate, world.maker, 9)
    with pytest.raises(SealHolderError):
        prepare_ofd_seal(source, target, stamps=[UNIT], seal=foreign, signer=world.unit.certificate, at=NOON)
    assert not target.exists()


@pytest.mark.parametrize("document", [0, -1, 2])
def test_documents_that_are_not_there(world: World, tmp_path: Path, document: int) -> None:
    source = contract().write(tmp_path / "source.ofd")
    with pytest.raises(PageRangeError):
        prepare(world, source, tmp_path / "target.ofd", document=document)


def test_a_list_of_two_documents_is_refused(world: World, tmp_path: Path) -> None:
    source = tmp_path / "source.ofd"
    parts = contract().parts()
    body = b"<ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>" + LISTED
    root = parts["OFD.xml"].replace(b"</ofd:DocBody>", LISTED).replace(b"</ofd:OFD>", body + b"</ofd:OFD>")
    source.write_bytes(pack({**parts, "OFD.xml": root, LIST: list_of()}))
    with pytest.raises(UnsealableOfdError):
        prepare(world, source, tmp_path / "target.ofd")


def test_too_many_signatures(tmp_path: Path) -> None:
    source = tmp_path / "source.ofd"
    many = list_of(*((f"s{i}", "Seal", "/x") for i in range(200)))
    source.write_bytes(pack(listed(many)(contract().parts())))
    with pytest.raises(UnsealableOfdError):
        survey_ofd(source)


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    source = tmp_path / "source.ofd"
    bomb = xml("Page", " " * (40 << 20))
    source.write_bytes(pack({**contract().parts(), PAGE: bomb}))
    with pytest.raises((LimitError, UnsealableOfdError)):
        survey_ofd(source)


def test_too_deep_and_too_many_elements(tmp_path: Path) -> None:
    source = tmp_path / "source.ofd"
    deep = b"<Page>" + b"<a>" * 80 + b"</a>" * 80 + b"</Page>"
    source.write_bytes(pack({**contract().parts(), PAGE: deep}))
    with pytest.raises((LimitError, UnsealableOfdError)):
        survey_ofd(source)


def test_any_cut_is_told_by_type(world: World, tmp_path: Path) -> None:
    """However a sealed package is cut, sealing it again refuses by a type of ours."""
    source, target = tmp_path / "source.ofd", tmp_path / "target.ofd"
    apply(world, contract(1).write(tmp_path / "plain.ofd"), source)
    data = source.read_bytes()
    for stop in range(0, len(data) - 1, len(data) // 40):
        source.write_bytes(data[:stop])
        with pytest.raises((SealingError, SigningError)):
            prepare(world, source, target)
    assert not target.exists()


def test_the_page_may_say_its_own_size(tmp_path: Path) -> None:
    """Page, then template, then document (7.7)."""
    pages = [
        page(),
        page(size=(100, 60)),
        page(template="T0"),
        page(size=(50, 70), template="T0"),
        page(template="none"),
    ]
    paper = Paper(pages, templates=[page(size=(420, 297))])
    views = survey_ofd(paper.write(tmp_path / "a.ofd")).views
    sizes = [tuple(round(side, 6) for side in view.size_mm) for view in views]
    assert sizes == [(210, 297), (100, 60), (420, 297), (50, 70), (210, 297)]
