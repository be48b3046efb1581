import io
from collections.abc import Callable
from pathlib import Path

import pytest
from documents_pdfs import changed_pdf, simple_pdf
from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from bidding.documents.child import Limits
from bidding.documents.intake import take_in
from bidding.errors import (
    ActiveContentError,
    DamagedDocumentError,
    DocumentError,
    DocumentTooLargeError,
    EmptyDocumentError,
    EncryptedDocumentError,
    NotAPdfError,
)
from signing.digests import sm3

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
Put = Callable[[bytes], Path]


def action(name: str) -> Callable[[PdfWriter], None]:
    def change(writer: PdfWriter) -> None:
        made = DictionaryObject({NameObject("/S"): NameObject(name), NameObject("/F"): TextStringObject("x")})
        writer.root_object[NameObject("/OpenAction")] = made

    return change


def script(writer: PdfWriter) -> None:
    made = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(made)


def attach(writer: PdfWriter) -> None:
    writer.add_attachment("a.exe", b"MZ")


def xfa(writer: PdfWriter) -> None:
    form = {NameObject("/XFA"): TextStringObject("<x/>"), NameObject("/Fields"): ArrayObject()}
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject(form)


def signature(writer: PdfWriter) -> None:
    value = DictionaryObject(
        {NameObject("/Type"): NameObject("/Sig"), NameObject("/ByteRange"): ArrayObject([NumberObject(0)] * 4)}
    )
    field = {NameObject("/FT"): NameObject("/Sig"), NameObject("/T"): TextStringObject("s"), NameObject("/V"): value}
    form = {NameObject("/Fields"): ArrayObject([DictionaryObject(field)])}
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject(form)


def comment(writer: PdfWriter) -> None:
    writer.add_annotation(0, FreeText(text="note", rect=(10, 10, 90, 40)))


def turned(writer: PdfWriter) -> None:
    page = writer.pages[0]
    page.rotation = 90
    page.cropbox.lower_left, page.cropbox.upper_right = (100, 100), (385, 242)


def bare(writer: PdfWriter) -> None:
    writer.root_object["/Pages"].get_object()[NameObject("/Kids")] = ArrayObject()
    writer.root_object["/Pages"].get_object()[NameObject("/Count")] = NumberObject(0)


def encrypted(password: str) -> bytes:
    buffer = io.BytesIO()
    writer = PdfWriter(clone_from=io.BytesIO(simple_pdf()))
    writer.encrypt(user_password=password, owner_password="o", algorithm="AES-256")
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"PK\x03\x04 a zip", NotAPdfError, id="not a PDF"),
        pytest.param(b"", EmptyDocumentError, id="no bytes"),
        pytest.param(b"%PDF-1.7\nrubbish", DamagedDocumentError, id="only a header"),
        pytest.param(simple_pdf()[:400], DamagedDocumentError, id="cut off"),
        pytest.param(encrypted("secret"), EncryptedDocumentError, id="password"),
        pytest.param(encrypted(""), EncryptedDocumentError, id="encrypted without a password"),
        pytest.param(changed_pdf(bare), EmptyDocumentError, id="no pages"),
        pytest.param(simple_pdf(6), DocumentTooLargeError, id="more pages than taken"),
        pytest.param(changed_pdf(script), ActiveContentError, id="JavaScript"),
        pytest.param(changed_pdf(attach), ActiveContentError, id="embedded file"),
        pytest.param(changed_pdf(xfa), ActiveContentError, id="XFA"),
        pytest.param(changed_pdf(action("/Launch")), ActiveContentError, id="Launch"),
        pytest.param(changed_pdf(action("/SubmitForm")), ActiveContentError, id="SubmitForm"),
    ],
)
def test_what_is_refused(data: bytes, error: type[DocumentError], put: Put) -> None:
    with pytest.raises(error):
        take_in(put(data), max_pages=5)


def test_what_is_found(put: Put) -> None:
    data = simple_pdf(3)
    found = take_in(put(data))
    assert (found.size, found.sm3, len(found.pages)) == (len(data), sm3(data).hex(), 3)
    assert (found.signed, found.drawn_annotations) == (False, False)
    assert found.fonts_missing == ("Helvetica",)
    assert (found.pages[0].w_mm, found.pages[0].h_mm) == (209.9, 297.04)


@pytest.mark.parametrize(
    ("change", "signed", "drawn"),
    [
        pytest.param(signature, True, False, id="a signature"),
        pytest.param(comment, False, True, id="a comment"),
        pytest.param(action("/GoTo"), False, False, id="a harmless action"),
    ],
)
def test_what_is_remembered(change: Callable[[PdfWriter], None], signed: bool, drawn: bool, put: Put) -> None:
    found = take_in(put(changed_pdf(change)))
    assert (found.signed, found.drawn_annotations) == (signed, drawn)


def test_a_page_is_measured_as_it_is_seen(put: Put) -> None:
    [page] = take_in(put(changed_pdf(turned))).pages
    assert (page.w_mm, page.h_mm) == (50.09, 100.54)


def test_a_file_over_the_size_limit_is_not_opened(put: Put) -> None:
    with pytest.raises(DocumentTooLargeError):
        take_in(put(simple_pdf()), max_size=100)


def test_a_child_out_of_time_is_the_files_fault(put: Put) -> None:
    with pytest.raises(DamagedDocumentError):
        take_in(put(simple_pdf()), limits=Limits(seconds=0))


@pytest.mark.conformance
@pytest.mark.parametrize(
    "name",
    ["gen_bomb_stacked", "gen_field_kids_self", "gen_ref_self", "gen_xref_prev_self", "gen_xrefstm_w_zero"],
)
def test_hostile_files_end_in_an_answer(name: str) -> None:
    path = SAMPLES / "verify" / "hostile" / f"{name}.pdf"
    try:
        assert take_in(path, limits=Limits(seconds=20)).pages
    except DocumentError:
        return


@pytest.mark.conformance
@pytest.mark.parametrize("path", sorted((SAMPLES / "verify" / "valid").glob("*.pdf")), ids=lambda path: path.stem)
def test_signed_files_are_seen_as_signed(path: Path) -> None:
    assert take_in(path).signed
