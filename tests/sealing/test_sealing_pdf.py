"""Sealing a PDF: two increments, everything checked before anything is written."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from PIL import ImageChops
from pyhanko.pdf_utils.reader import PdfFileReader
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas
from sealing_world import CONSENT, DAY, FIELDS, NOON, World, draft_pdf, plain_pdf

from identity.ports import StatementFacts
from sealing import pages, ses
from sealing.errors import (
    ActivePdfError,
    ConsentWindowError,
    FieldError,
    NoPagesError,
    PlaceholderTooSmallError,
    SealCertificateError,
    SealFormatError,
    SealStateError,
    SignatureRejectedError,
    StatementMismatchError,
    XfaPdfError,
)
from sealing.pdf import (
    PreparedSeal,
    complete_seal,
    prepare_fields,
    prepare_seal,
    read_ses_statement,
    statement_of,
)
from sealing.placement import SealField
from sealing.seal import SealKind, SealState
from signing import canonical
from signing.digests import sm3
from signing.errors import MalformedError
from signing.path import TrustAnchors
from signing.pdf_reading import EncryptedPdfError, NotAPdfError, UnreadablePdfError

WINDOW = {"not_before": NOON - DAY, "not_after": NOON + DAY}


def test_the_digest_covers_all_but_the_room(world: World, draft: Path, tmp_path: Path) -> None:
    prepared = world.prepare(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    data = (tmp_path / "one.pdf").read_bytes()
    _, length, second, rest = prepared.byte_range
    assert prepared.document_sm3 == sm3(data[:length], data[second:]).hex()
    assert second + rest == len(data)
    assert (data[length : length + 1], data[second - 1 : second]) == (b"<", b">")
    assert set(data[length + 1 : second - 1]) == {ord("0")}


def test_the_source_is_only_appended_to(world: World, draft: Path, tmp_path: Path) -> None:
    before = draft.read_bytes()
    world.apply(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    assert draft.read_bytes() == before
    assert (tmp_path / "one.pdf").read_bytes().startswith(before)


def test_no_clock_of_the_machine_is_written(sealed: Path) -> None:
    assert sealed.read_bytes().count(b"/ModDate") == plain_pdf().count(b"/ModDate")


def test_another_process_can_complete(world: World, draft: Path, tmp_path: Path) -> None:
    prepared = world.prepare(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    carried = canonical.decode(canonical.encode(prepared), PreparedSeal)
    assert carried == prepared
    tbs = statement_of(carried, CONSENT, NOON)
    signature = world.unit.sign(tbs)
    complete_seal(carried, tbs, signature, world.stamp(signature), anchors=world.trust, **WINDOW)


def test_what_a_wallet_reads(world: World, draft: Path, tmp_path: Path) -> None:
    prepared = world.prepare(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    facts = read_ses_statement(statement_of(prepared, CONSENT, NOON))
    assert facts == StatementFacts(prepared.document_sm3, CONSENT.hex(), prepared.number)


def test_a_wallet_refuses_other_bytes() -> None:
    with pytest.raises(MalformedError):
        read_ses_statement(b"0")


def test_the_library_sees_two_revisions_that_change_nothing_else(sealed: Path) -> None:
    with sealed.open("rb") as stream:
        reader = PdfFileReader(stream)
        assert reader.xrefs.total_revisions == 4
        assert all(len(reader.xrefs.explicit_refs_in_revision(r)) == 3 for r in (2, 3))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_the_seal_is_where_it_was_asked_for_and_upright(world: World, tmp_path: Path, rotate: int) -> None:
    field = SealField("unit", 1, 120, 30, 40, 40)
    draft = draft_pdf(tmp_path / "draft.pdf", [field], rotate=rotate)
    world.apply(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    red = red_box(tmp_path / "one.pdf")
    assert red == pytest.approx((120, 30, 160, 70), abs=0.5)


def red_box(path: Path) -> tuple[float, float, float, float]:
    """Answer in millimetres the box of red pixels on the first page; its upper half must be the fuller one."""
    document = pypdfium2.PdfDocument(path)
    document.init_forms()
    scale = 2.0
    image = document[0].render(scale=scale).to_pil().convert("RGB")
    document.close()
    red = ImageChops.subtract(image.getchannel("R"), image.getchannel("G")).point(lambda v: 255 if v > 80 else 0)
    left, top, right, bottom = red.getbbox() or (0, 0, 0, 0)
    middle = (top + bottom) // 2
    upper, lower = (red.crop((left, a, right, b)).histogram()[255] for a, b in ((top, middle), (middle, bottom)))
    assert upper > lower
    mm = 25.4 / 72 / scale
    return left * mm, top * mm, right * mm, bottom * mm


# Refusals before anything is written


def test_the_signer_must_be_listed(world: World, draft: Path, tmp_path: Path) -> None:
    seal = world.seals[SealKind.UNIT]
    with pytest.raises(SealCertificateError):
        prepare_seal(draft, tmp_path / "one.pdf", field="unit", seal=seal, signer=world.person.certificate, at=NOON)
    assert not (tmp_path / "one.pdf").exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"state": SealState.SUSPENDED}, SealStateError, id="suspended"),
        pytest.param({"state": SealState.CANCELLED}, SealStateError, id="cancelled"),
        pytest.param({"number": "3501000000099"}, SealFormatError, id="another number"),
        pytest.param({"esl": b"0"}, SealFormatError, id="no seal"),
        pytest.param({"artwork": b"{}"}, SealFormatError, id="another picture"),
    ],
)
def test_seals_that_cannot_be_used(
    world: World, draft: Path, tmp_path: Path, change: dict[str, object], error: type[Exception]
) -> None:
    seal = replace(world.seals[SealKind.UNIT], **change)  # type: ignore[arg-type]
    with pytest.raises(error):
        prepare_seal(draft, tmp_path / "one.pdf", field="unit", seal=seal, signer=world.unit.certificate, at=NOON)
    assert not (tmp_path / "one.pdf").exists()


def test_a_seal_outside_its_period(world: World, draft: Path, tmp_path: Path) -> None:
    with pytest.raises(SealStateError):
        prepare_seal(
            draft,
            tmp_path / "one.pdf",
            field="unit",
            seal=world.seals[SealKind.UNIT],
            signer=world.unit.certificate,
            at=NOON + 60 * DAY,
        )


def test_a_field_is_filled_once(world: World, draft: Path, tmp_path: Path) -> None:
    world.apply(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    with pytest.raises(FieldError):
        world.prepare(tmp_path / "one.pdf", tmp_path / "two.pdf", SealKind.UNIT, "unit")


def test_a_field_must_have_been_prepared(world: World, draft: Path, tmp_path: Path) -> None:
    with pytest.raises(FieldError):
        world.prepare(draft, tmp_path / "one.pdf", SealKind.UNIT, "other")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([], id="none"),
        pytest.param([FIELDS[0], FIELDS[0]], id="one name twice"),
        pytest.param([replace(FIELDS[0], name="a.b")], id="a dotted name"),
        pytest.param([replace(FIELDS[0], page=4)], id="no such page"),
        pytest.param([replace(FIELDS[0], page=0)], id="page zero"),
        pytest.param([replace(FIELDS[0], x_mm=500)], id="outside"),
        pytest.param([replace(FIELDS[0], name="legal")], id="there already"),
    ],
)
def test_fields_that_cannot_be_prepared(tmp_path: Path, fields: list[SealField]) -> None:
    path = draft_pdf(tmp_path / "draft.pdf")
    before = path.read_bytes()
    with pytest.raises(FieldError):
        prepare_fields(path, fields)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["draft.pdf"]  # noqa: PTH208 - hidden files too


# What came back is not what was asked for


Change = Callable[[World, PreparedSeal, bytes, bytes, bytes], tuple[bytes, bytes, bytes]]


def _other_document(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    forged = ses.write_statement(p.seal, NOON, bytes(32), p.property_info, ())
    return forged, world.unit.sign(forged), t


def _no_consent(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    bare = ses.write_statement(p.seal, NOON, bytes.fromhex(p.document_sm3), p.property_info, ())
    signature = world.unit.sign(bare)
    return bare, signature, world.stamp(signature)


def _other_signer(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    signature = world.person.sign(tbs)
    return tbs, signature, world.stamp(signature)


def _other_token(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    return tbs, s, world.stamp(b"another signature")


def _late_token(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    return tbs, s, world.stamp(s, NOON + 2 * DAY)


def _no_token(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    return tbs, s, b"0\0"


def _broken_token(world: World, p: PreparedSeal, tbs: bytes, s: bytes, t: bytes) -> tuple[bytes, bytes, bytes]:  # noqa: ARG001
    return tbs, s, t[:-1] + bytes((t[-1] ^ 1,))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(_other_document, StatementMismatchError, id="another document"),
        pytest.param(_no_consent, StatementMismatchError, id="no consent inside"),
        pytest.param(_other_signer, SignatureRejectedError, id="another signer"),
        pytest.param(_other_token, SignatureRejectedError, id="a timestamp of something else"),
        pytest.param(_no_token, SignatureRejectedError, id="no timestamp"),
        pytest.param(_broken_token, SignatureRejectedError, id="a broken timestamp"),
        pytest.param(_late_token, ConsentWindowError, id="stamped after the consent ended"),
    ],
)
def test_what_is_not_accepted(
    world: World, draft: Path, tmp_path: Path, change: Change, error: type[Exception]
) -> None:
    target = tmp_path / "one.pdf"
    prepared = world.prepare(draft, target, SealKind.UNIT, "unit")
    before = target.read_bytes()
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = world.unit.sign(tbs)
    answer = change(world, prepared, tbs, signature, world.stamp(signature))
    with pytest.raises(error):
        complete_seal(prepared, *answer, **WINDOW)
    assert target.read_bytes() == before


def test_an_unknown_authority_is_refused_when_a_trust_list_is_given(world: World, draft: Path, tmp_path: Path) -> None:
    prepared = world.prepare(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = world.unit.sign(tbs)
    nobody = TrustAnchors("nobody", "1", sandbox=True, anchors=())
    with pytest.raises(SignatureRejectedError):
        complete_seal(prepared, tbs, signature, world.stamp(signature), anchors=nobody, **WINDOW)


def test_a_file_changed_meanwhile_is_refused(world: World, draft: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.pdf"
    prepared = world.prepare(draft, target, SealKind.UNIT, "unit")
    data = bytearray(target.read_bytes())
    data[200] ^= 1
    target.write_bytes(data)
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = world.unit.sign(tbs)
    with pytest.raises(StatementMismatchError):
        complete_seal(prepared, tbs, signature, world.stamp(signature), **WINDOW)


def test_a_room_that_is_too_small_is_refused(world: World, draft: Path, tmp_path: Path) -> None:
    prepared = world.prepare(draft, tmp_path / "one.pdf", SealKind.UNIT, "unit")
    _, start, _, rest = prepared.range
    small = PreparedSeal(**{**_plain(prepared), "byte_range": (0, start, start + 100, rest)})
    tbs = statement_of(small, CONSENT, NOON)
    signature = world.unit.sign(tbs)
    with pytest.raises(PlaceholderTooSmallError):
        complete_seal(small, tbs, signature, world.stamp(signature), **WINDOW)


def _plain(prepared: PreparedSeal) -> dict[str, object]:
    return {name: getattr(prepared, name) for name in prepared.__struct_fields__}


# PDFs that cannot be sealed


def _with(canvas_work: Callable[[Canvas], object], path: Path, **options: object) -> None:
    canvas = Canvas(str(path), **options)
    canvas.drawString(72, 700, "x")
    canvas.showPage()
    canvas_work(canvas)
    canvas.save()


def _catalogue(entry: bytes) -> bytes:
    """Answer a one-page PDF with one more entry in its catalogue."""
    return _numbered([b"<</Type/Catalog/Pages 2 0 R%b>>" % entry, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", _PAGE])


_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"


def _numbered(objects: list[bytes]) -> bytes:
    out, places = b"%PDF-1.7\n", list[int]()
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%b endobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % at for at in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, rows)
    return out + head + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))


def _encrypted(path: Path) -> None:
    _with(lambda _: None, path, encrypt=StandardEncryption("secret"))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"PK\x03\x04", NotAPdfError, id="a ZIP"),
        pytest.param(b"", NotAPdfError, id="empty"),
        pytest.param(b"%PDF-1.7\nnothing", UnreadablePdfError, id="only a header"),
        pytest.param(
            _numbered([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]), NoPagesError, id="no page"
        ),
        pytest.param(_catalogue(b"/AcroForm<</Fields[]/XFA(x)>>"), XfaPdfError, id="XFA"),
        pytest.param(_catalogue(b"/OpenAction<</S/JavaScript/JS(app.alert)>>"), ActivePdfError, id="script at opening"),
        pytest.param(_catalogue(b"/Names<</JavaScript<</Names[]>>>>"), ActivePdfError, id="named script"),
        pytest.param(_catalogue(b"/AA<</WC<</S/Launch>>>>"), ActivePdfError, id="additional actions"),
    ],
)
def test_pdfs_that_cannot_be_sealed(tmp_path: Path, data: bytes, error: type[Exception]) -> None:
    path = tmp_path / "in.pdf"
    path.write_bytes(data)
    with pytest.raises(error):
        pages.inspect_pdf(path)
    with pytest.raises(error):
        prepare_fields(path, FIELDS)
    assert path.read_bytes() == data


def test_an_encrypted_pdf_cannot_be_sealed(tmp_path: Path) -> None:
    _encrypted(tmp_path / "in.pdf")
    with pytest.raises(EncryptedPdfError):
        pages.inspect_pdf(tmp_path / "in.pdf")


def test_a_plain_pdf_tells_its_pages(tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(plain_pdf(4, rotate=90))
    facts = pages.inspect_pdf(tmp_path / "in.pdf")
    assert facts.count == 4
    assert facts.sizes_mm[0] == pytest.approx((210, 297), abs=0.2)  # reportlab turns the media box against /Rotate
