"""What PAdES signing refuses: PDFs and fields before anything is asked, answers before anything is written."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.writer import PdfFileWriter
from signing_pades import ECDSA, GM, LATER, RSA, Suite, edit_pdf, hybrid_pdf, png, write_pdf
from signing_pki import CA, NOON

from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    PadesError,
    PreparedFileError,
    RoomError,
    SignatureFieldError,
    SigningError,
    TimestampError,
    UnsignablePdfError,
    UnsupportedAlgorithmError,
)
from signing.issuing import ENCRYPTION
from signing.pades import Appearance, PreparedSignature, SignatureRequest, ValidationData, imprint_of
from signing.pades_completing import complete_signature, complete_timestamp
from signing.pades_longterm import Level, augment
from signing.pades_preparing import prepare_signature, prepare_timestamp
from signing.pades_signing import Lasting, sign_pdf
from signing.pades_validation import ask_library
from signing.pdf_reading import EncryptedPdfError, NotAPdfError, UnreadablePdfError
from signing.schemes import SM2_SM3


class Untouchable:
    """A key and an authority that must not be asked."""

    public_key = GM.key.public_key
    scheme = SM2_SM3

    def sign(self, message: bytes) -> bytes:  # noqa: ARG002
        raise AssertionError("asked to sign")

    def stamp(self, imprint_sm3: bytes) -> bytes:  # noqa: ARG002
        raise AssertionError("asked to stamp")


def encrypted(path: Path) -> None:
    writer = PdfFileWriter()
    write_pdf(path)
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415
    from pyhanko.pdf_utils.writer import copy_into_new_writer  # noqa: PLC0415

    with path.open("rb") as stream:
        writer = copy_into_new_writer(PdfFileReader(stream))
    writer.encrypt("owner", "user")
    with path.open("wb") as stream:
        writer.write(stream)


def without_pages(path: Path) -> None:
    def change(writer: Any) -> None:
        pages = writer.root["/Pages"]
        pages["/Kids"], pages["/Count"] = generic.ArrayObject(), generic.NumberObject(0)
        writer.update_container(pages)

    edit_pdf(write_pdf(path), change)


def with_form(path: Path, **entries: Any) -> None:
    def change(writer: Any) -> None:
        form = generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject()})
        form.update({pdf_name(f"/{key}"): value for key, value in entries.items()})
        writer.root["/AcroForm"] = writer.add_object(form)
        writer.update_root()

    edit_pdf(write_pdf(path), change)


def with_field(path: Path, field: dict[str, Any], name: str = "Signature1") -> None:
    def change(writer: Any) -> None:
        entries = {"/FT": pdf_name("/Sig"), "/T": pdf_string(name), **field}
        node = generic.DictionaryObject({pdf_name(key): value for key, value in entries.items()})
        form = generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject([writer.add_object(node)])})
        writer.root["/AcroForm"] = writer.add_object(form)
        writer.update_root()

    edit_pdf(write_pdf(path), change)


def names(**values: Any) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name(f"/{key}"): value for key, value in values.items()})


def filled(method: str, **parameters: Any) -> dict[str, Any]:
    reference = names(TransformMethod=pdf_name(method), TransformParams=names(**parameters))
    return {"/V": names(Type=pdf_name("/Sig"), Reference=generic.ArrayObject([reference]))}


def certified(path: Path, level: int = 1) -> None:
    with_field(path, filled("/DocMDP", P=generic.NumberObject(level)), "Author")


def locked_for_good(path: Path) -> None:
    fields = generic.ArrayObject([pdf_string("Other")])
    parameters = {"Action": pdf_name("/Include"), "Fields": fields, "P": generic.NumberObject(1)}
    with_field(path, filled("/FieldMDP", **parameters), "Earlier")


def seed_values(path: Path) -> None:
    with_field(path, {"/SV": names(Ff=generic.NumberObject(2), SubFilter=generic.ArrayObject())})


def two_widgets(path: Path) -> None:
    with_field(path, {"/Kids": generic.ArrayObject([names(Subtype=pdf_name("/Widget"))] * 2)})


def cut(path: Path) -> None:
    path.write_bytes(write_pdf(path, padding=5000).read_bytes()[:2000])


def looping(path: Path) -> None:
    def change(writer: Any) -> None:
        pages = writer.root["/Pages"]
        pages["/Kids"] = generic.ArrayObject([writer.root.raw_get("/Pages")])
        writer.update_container(pages)

    edit_pdf(write_pdf(path), change)


PDFS = [
    pytest.param(lambda path: path.write_bytes(b"hello"), NotAPdfError, id="not a PDF"),
    pytest.param(lambda path: path.write_bytes(b""), NotAPdfError, id="empty file"),
    pytest.param(lambda path: path.write_bytes(b"%PDF-1.7\nnothing more"), UnreadablePdfError, id="only a header"),
    pytest.param(cut, UnreadablePdfError, id="cut off"),
    pytest.param(looping, UnreadablePdfError, id="page tree with a loop"),
    pytest.param(encrypted, EncryptedPdfError, id="password"),
    pytest.param(without_pages, UnsignablePdfError, id="no pages"),
    pytest.param(lambda path: with_form(path, XFA=pdf_string("x")), UnsignablePdfError, id="XFA"),
    pytest.param(certified, UnsignablePdfError, id="certified, no changes"),
    pytest.param(lambda path: with_field(path, {"/V": names()}), SignatureFieldError, id="field is signed"),
    pytest.param(lambda path: with_field(path, {"/FT": pdf_name("/Tx")}), SignatureFieldError, id="a text field"),
    pytest.param(seed_values, SignatureFieldError, id="seed values that must be followed"),
    pytest.param(two_widgets, SignatureFieldError, id="a field in two places"),
    pytest.param(
        lambda path: with_field(path, filled("/FieldMDP", Action=pdf_name("/All")), "Earlier"),
        SignatureFieldError,
        id="locked by an earlier signature",
    ),
    pytest.param(locked_for_good, UnsignablePdfError, id="no changes after an earlier signature"),
]


@pytest.mark.parametrize(("make", "error"), PDFS)
def test_a_pdf_that_cannot_be_signed_is_refused_before_anyone_is_asked(
    tmp_path: Path, make: Callable[[Path], object], error: type[SigningError]
) -> None:
    make(source := tmp_path / "source.pdf")
    before = source.read_bytes()
    with pytest.raises(error):
        sign_pdf(
            source,
            tmp_path / "signed.pdf",
            SignatureRequest("Signature1"),
            key=Untouchable(),
            certificate=GM.certificate,
            at=NOON,
            random=os.urandom,
            lasting=Lasting(Level.T, Untouchable()),
        )
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["source.pdf"]


BOX = (10.0, 10.0, 60.0, 40.0)
REQUESTS = [
    pytest.param(SignatureRequest(""), SignatureFieldError, id="no name"),
    pytest.param(SignatureRequest("a.b"), SignatureFieldError, id="a name with a full stop"),
    pytest.param(SignatureRequest("a\nb"), SignatureFieldError, id="a name with a line end"),
    pytest.param(SignatureRequest("x" * 101), SignatureFieldError, id="a long name"),
    pytest.param(SignatureRequest("S", Appearance(2, BOX)), SignatureFieldError, id="no such page"),
    pytest.param(SignatureRequest("S", Appearance(0, BOX)), SignatureFieldError, id="page zero"),
    pytest.param(SignatureRequest("S", Appearance(1, (10, 10, 10, 40))), SignatureFieldError, id="no width"),
    pytest.param(SignatureRequest("S", Appearance(1, (10, 10, float("nan"), 40))), SignatureFieldError, id="no number"),
    pytest.param(SignatureRequest("S", Appearance(1, BOX, png()[:30])), SignatureFieldError, id="a broken PNG"),
    pytest.param(SignatureRequest("S", Appearance(1, BOX, b"%PDF-1.7 x")), SignatureFieldError, id="a broken PDF"),
    pytest.param(SignatureRequest("S", Appearance(1, BOX, bytes(9 << 20))), SignatureFieldError, id="a huge picture"),
    pytest.param(SignatureRequest("S", digest="sha256"), UnsupportedAlgorithmError, id="SM2 with SHA-256"),
    pytest.param(SignatureRequest("S", room=2 << 20), RoomError, id="too much room"),
    pytest.param(SignatureRequest("S", room=-1), RoomError, id="negative room"),
]


@pytest.mark.parametrize(("request_", "error"), REQUESTS)
def test_a_request_that_makes_no_sense_is_refused(
    tmp_path: Path, request_: SignatureRequest, error: type[SigningError]
) -> None:
    source = write_pdf(tmp_path / "source.pdf")
    with pytest.raises(error):
        prepare(source, tmp_path / "signed.pdf", request=request_)
    assert [path.name for path in tmp_path.iterdir()] == ["source.pdf"]


def prepare(
    source: Path, target: Path, suite: Suite = GM, request: SignatureRequest | None = None
) -> PreparedSignature:
    wanted = request or SignatureRequest("Signature1")
    return prepare_signature(source, target, wanted, certificate=suite.certificate, at=NOON, random=os.urandom)


def test_an_encryption_certificate_is_refused(tmp_path: Path) -> None:
    certificate = CA.issue(serial=300, usage=ENCRYPTION).certificate
    with pytest.raises(InvalidKeyError):
        prepare_signature(
            write_pdf(tmp_path / "source.pdf"),
            tmp_path / "signed.pdf",
            SignatureRequest("S"),
            certificate=certificate,
            at=NOON,
            random=os.urandom,
        )


def test_an_unfinished_file_does_not_take_the_place_of_its_source(tmp_path: Path) -> None:
    source = write_pdf(tmp_path / "source.pdf")
    (tmp_path / "link.pdf").hardlink_to(source)
    before = source.read_bytes()
    for target in (source, tmp_path / "link.pdf"):
        with pytest.raises(PadesError):
            prepare(source, target)
        with pytest.raises(PadesError):
            prepare_timestamp(source, target, digest="sm3", random=os.urandom)
    assert source.read_bytes() == before


def test_certified_for_filling_takes_prepared_and_invisible_fields_only(tmp_path: Path) -> None:
    certified(source := tmp_path / "source.pdf", level=2)
    target = tmp_path / "signed.pdf"
    with pytest.raises(SignatureFieldError):
        prepare(source, target, request=SignatureRequest("S", Appearance(1, BOX)))
    prepare(source, target, request=SignatureRequest("S"))
    assert target.exists()


def test_certified_without_changes_takes_timestamps(tmp_path: Path) -> None:
    certified(source := tmp_path / "source.pdf")
    assert prepare_timestamp(source, tmp_path / "stamped.pdf", digest="sm3", random=os.urandom).field


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes((byte ^ 1,)))


@pytest.mark.parametrize("suite", [pytest.param(one, id=one.name) for one in (GM, RSA, ECDSA)])
def test_wrong_answers_leave_the_file_as_it_was(tmp_path: Path, suite: Suite) -> None:
    prepared = prepare(write_pdf(tmp_path / "source.pdf"), target := tmp_path / "signed.pdf", suite)
    before = target.read_bytes()
    good = suite.key.sign(prepared.to_be_signed)
    for wrong in (suite.key.sign(b"another"), good[:-1], b"", good[:-1] + bytes((good[-1] ^ 1,))):
        with pytest.raises(BadSignatureError):
            complete_signature(target, prepared, wrong)
    over_another = suite.stamp(imprint_of(b"another", suite.digest))
    with pytest.raises(TimestampError):
        complete_signature(target, prepared, good, over_another)
    other, token = GM if suite is not GM else RSA, suite.stamp(imprint_of(good, suite.digest))
    with pytest.raises(TimestampError):  # holds together, but nobody trusts this authority
        complete_signature(target, prepared, good, token, anchors=other.anchors, evidence=other.evidence)
    assert target.read_bytes() == before


def test_a_message_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    small = SignatureRequest("Signature1", room=600)
    prepared = prepare(write_pdf(tmp_path / "source.pdf"), target := tmp_path / "signed.pdf", request=small)
    before = target.read_bytes()
    assert prepared.room == 600
    with pytest.raises(RoomError):
        complete_signature(target, prepared, GM.key.sign(prepared.to_be_signed))
    assert target.read_bytes() == before


def swapped(target: Path, prepared: PreparedSignature) -> None:
    del prepared
    prepare(write_pdf(target.with_name("other source.pdf"), pages=2), target)


def shortened(target: Path, prepared: PreparedSignature) -> None:
    os.truncate(target, prepared.state.size - 1)


def in_the_room(target: Path, prepared: PreparedSignature) -> None:
    flip(target, prepared.range[1] + 5)


FILES = [
    pytest.param(lambda path, _: flip(path, 20), id="a changed byte"),
    pytest.param(lambda path, state: flip(path, state.state.size - 3), id="a changed byte after the room"),
    pytest.param(swapped, id="another file"),
    pytest.param(shortened, id="a shorter file"),
    pytest.param(in_the_room, id="something in the room"),
    pytest.param(lambda path, _: path.write_bytes(path.read_bytes() + b"\n"), id="a longer file"),
]


@pytest.mark.parametrize("harm", FILES)
def test_a_file_that_is_not_the_prepared_one_is_refused(
    tmp_path: Path, harm: Callable[[Path, PreparedSignature], object]
) -> None:
    prepared = prepare(write_pdf(tmp_path / "source.pdf"), target := tmp_path / "signed.pdf")
    harm(target, prepared)
    before = target.read_bytes()
    with pytest.raises(PreparedFileError):
        complete_signature(target, prepared, GM.key.sign(prepared.to_be_signed))
    assert target.read_bytes() == before


def test_a_document_timestamp_must_be_over_this_document(tmp_path: Path) -> None:
    source, target = write_pdf(tmp_path / "source.pdf"), tmp_path / "stamped.pdf"
    prepared = prepare_timestamp(source, target, digest="sm3", random=os.urandom)
    before = target.read_bytes()
    for token in (GM.stamp(bytes(32)), RSA.stamp(prepared.imprint)):
        with pytest.raises(TimestampError):
            complete_timestamp(target, prepared, token)
    assert target.read_bytes() == before
    complete_timestamp(target, prepared, GM.stamp(prepared.imprint))
    assert ask_library(target, roots=[GM.root.der], data=GM.data, at=LATER)[0].accepted


def test_lasting_levels_need_their_evidence(tmp_path: Path) -> None:
    source = write_pdf(tmp_path / "source.pdf")
    with pytest.raises(PadesError):
        sign_pdf(
            source,
            tmp_path / "signed.pdf",
            SignatureRequest("S"),
            key=Untouchable(),
            certificate=GM.certificate,
            at=NOON,
            random=os.urandom,
            lasting=Lasting(Level.LT, Untouchable()),
        )
    with pytest.raises(PadesError):
        augment(source, tmp_path / "signed.pdf", GM.data, random=os.urandom)
    with pytest.raises(PadesError):
        augment(source, tmp_path / "signed.pdf", ValidationData(), random=os.urandom)


def test_a_hybrid_file_is_signed_and_an_old_target_is_kept_after_a_failure(tmp_path: Path) -> None:
    source, target = hybrid_pdf(tmp_path / "hybrid.pdf"), tmp_path / "signed.pdf"
    prepared = prepare(source, target)
    complete_signature(target, prepared, GM.key.sign(prepared.to_be_signed))
    assert ask_library(target, roots=[GM.root.der], data=GM.data, at=LATER)[0].intact
    kept = target.read_bytes()
    shutil.copyfile(target, tmp_path / "again.pdf")
    with pytest.raises(SignatureFieldError):
        prepare(tmp_path / "again.pdf", target)
    assert target.read_bytes() == kept
