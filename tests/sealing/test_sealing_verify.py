"""Judging our own sealed PDFs: what passes, what does not, and that no changed byte goes unnoticed."""

import random
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field
from sealing_world import CONSENT, DAY, HOLDER, NOON, World, draft_pdf, make_seal, revoke_unit

from sealing.errors import SealFormatError
from sealing.pdf import complete_seal, prepare_seal, statement_of
from sealing.report import DocumentVerdict, TimeSource
from sealing.seal import IssuedSeal, SealKind
from sealing.ses import parse_signature, write_signature
from sealing.verify import verify_esl, verify_pdf
from signing import sm2
from signing.checks import Indication, SubIndication
from signing.der import read_prefix
from signing.path import TrustAnchors
from signing.pdf import find_signatures
from signing.pdf_reading import NotAPdfError, open_pdf

NOBODY = TrustAnchors("nobody", "1", sandbox=True, anchors=())
BOTH = (SealKind.UNIT, SealKind.LEGAL_REPRESENTATIVE)


def judge(path: Path, trust: TrustAnchors, *, at: datetime = NOON + DAY, **options: object) -> DocumentVerdict:
    return verify_pdf(path, anchors=trust, evidence=trust.evidence, at=at, **options)  # type: ignore[arg-type]


def codes(verdict: DocumentVerdict) -> set[str]:
    return {
        c.code
        for s in verdict.signatures
        for c in s.verdict.checks
        if c.name in (*s.verdict.failed, *s.verdict.unknown)
    }


def test_two_seals_pass_without_a_warning(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world.trust, expect_uscc=HOLDER.uscc, require_seals=BOTH)
    assert (verdict.indication, verdict.warnings, verdict.read_mode) == (Indication.TOTAL_PASSED, (), "strict")
    legal, unit = verdict.signatures
    assert (legal.id, legal.page, legal.covers, legal.changes_after) == ("legal", 1, "revision", ())
    assert (unit.id, unit.page, unit.covers, unit.changes_after) == ("unit", 3, "whole-document", ())
    assert (unit.profile, unit.signed_at, unit.time_source) == ("SES-v4", NOON, TimeSource.TIMESTAMP)
    assert unit.signer is not None
    assert (unit.signer.name, unit.signer.uscc) == (HOLDER.company, HOLDER.uscc)
    assert unit.seal is not None
    assert (unit.seal.kind, unit.seal.number, unit.seal.maker) == (SealKind.UNIT, "3501000000000", "测试制章单位")
    assert unit.consent_sm3 == CONSENT.hex()


def test_the_published_form(world: World, sealed: Path) -> None:
    published = judge(sealed, world.trust).signatures[1].as_json()
    assert published["seal"] == {"name": HOLDER.company, "kind": "unit", "number": "3501000000000"}
    assert {c["name"] for c in published["checks"]} >= {
        "byte-range", "format", "digest", "signature", "seal-signature", "maker-chain", "seal-period",
        "certificate-list", "chain", "validity", "key-usage", "revocation", "timestamp-imprint", "changes",
    }  # fmt: skip


def test_a_seal_is_good_years_later(world: World, sealed: Path) -> None:
    assert judge(sealed, world.trust, at=NOON + 3000 * DAY).indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("when", "indication", "code"),
    [
        pytest.param(NOON - DAY, Indication.TOTAL_FAILED, "REVOKED_BEFORE", id="before"),
        pytest.param(NOON, Indication.TOTAL_FAILED, "REVOKED_BEFORE", id="in that very second"),
        pytest.param(NOON + DAY, Indication.TOTAL_PASSED, "REVOKED_AFTER", id="afterwards"),
    ],
)
def test_revocation(world: World, sealed: Path, when: datetime, indication: Indication, code: str) -> None:
    verdict = judge(sealed, revoke_unit(world, when))
    assert verdict.indication is indication
    assert code in {c.code for c in verdict.signatures[1].verdict.checks}


def test_without_a_trust_list_nothing_is_decided(sealed: Path) -> None:
    verdict = judge(sealed, NOBODY)
    assert verdict.indication is Indication.INDETERMINATE
    assert verdict.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert codes(verdict) == {"CHAIN_NONE", "REV_UNKNOWN"}


def test_another_subject_is_named(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world.trust, expect_uscc="91350100M000100Y44")
    assert verdict.indication is Indication.TOTAL_FAILED
    assert codes(verdict) == {"ID_MISMATCH"}


def test_a_required_seal_that_is_missing_fails_the_file(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world.trust, require_seals=["contract"])
    assert (verdict.indication, verdict.missing) == (Indication.TOTAL_FAILED, (SealKind.CONTRACT,))


def test_an_unsigned_file_has_no_signature(tmp_path: Path) -> None:
    assert judge(draft_pdf(tmp_path / "draft.pdf"), NOBODY).indication is Indication.NO_SIGNATURE


# Seals that were made wrongly


def apply_with(
    world: World, folder: Path, seal: IssuedSeal, *, claimed: datetime = NOON, stamped: datetime | None = NOON
) -> Path:
    """Seal a fresh PDF with this seal by the unit's key, checking less than `World.apply`."""
    target = folder / "one.pdf"
    draft = draft_pdf(folder / "draft.pdf")
    at = NOON
    prepared = prepare_seal(draft, target, field="unit", seal=seal, signer=world.unit.certificate, at=at)
    tbs = statement_of(prepared, CONSENT, claimed)
    signature = world.unit.sign(tbs)
    if stamped is not None:
        token = world.stamp(signature, stamped)
        complete_seal(prepared, tbs, signature, token, not_before=stamped - DAY, not_after=stamped + DAY)
        return target
    data = target.read_bytes()
    finished = write_signature(tbs, prepared.signer, signature, None).hex().encode()
    start = prepared.range[1] + 1
    target.write_bytes(data[:start] + finished + data[start + len(finished) :])
    return target


def test_without_a_timestamp_the_time_is_not_proven(world: World, tmp_path: Path) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], stamped=None)
    verdict = judge(path, world.trust)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert [text.partition("：")[2].partition("：")[0] for text in verdict.warnings] == ["TIME_UNTRUSTED"]
    assert verdict.signatures[0].time_source is TimeSource.CLAIMED


def test_without_a_timestamp_an_expired_certificate_leaves_it_open(world: World, tmp_path: Path) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], stamped=None)
    verdict = judge(path, world.trust, at=NOON + 200 * DAY)
    assert (verdict.indication, codes(verdict)) == (Indication.INDETERMINATE, {"EXPIRED_NOPOE"})


def test_without_a_timestamp_a_revocation_leaves_it_open(world: World, tmp_path: Path) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], stamped=None)
    verdict = judge(path, revoke_unit(world, NOON + DAY / 2))
    assert (verdict.indication, codes(verdict)) == (Indication.INDETERMINATE, {"REVOKED_NOPOE"})


def test_the_proven_time_counts_and_not_the_claimed_one(world: World, tmp_path: Path) -> None:
    period = {"at": NOON - DAY, "not_after": NOON + DAY}
    seal = make_seal(SealKind.UNIT, world.unit.certificate, world.maker, 9, **period)
    path = apply_with(world, tmp_path, seal, stamped=NOON + 2 * DAY)
    verdict = judge(path, world.trust, at=NOON + 3 * DAY)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"SEAL_PERIOD"})


@pytest.mark.parametrize(
    ("maker", "code"),
    [pytest.param("stranger", "CHAIN_NONE", id="unknown"), pytest.param("unit", "CHAIN_NONE", id="no seal maker")],
)
def test_a_maker_must_be_trusted_for_making_seals(world: World, tmp_path: Path, maker: str, code: str) -> None:
    seal = make_seal(SealKind.UNIT, world.unit.certificate, getattr(world, maker), 9)
    verdict = judge(apply_with(world, tmp_path, seal), world.trust)
    assert verdict.indication is Indication.INDETERMINATE
    assert code in codes(verdict)


def test_a_forged_seal_fails(world: World, tmp_path: Path) -> None:
    other = replace(world.maker, key=world.stranger.key)
    seal = make_seal(SealKind.UNIT, world.unit.certificate, other, 9)
    verdict = judge(apply_with(world, tmp_path, seal), world.trust)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"SEAL_SIG"})


def refill(path: Path, change: object) -> None:
    """Put another SES_Signature into the last seal's room."""
    with open_pdf(path) as pdf:
        last = find_signatures(pdf)[-1]
    assert last.byte_range is not None
    start, stop = last.byte_range[1], last.byte_range[2]
    contents = bytes.fromhex(path.read_bytes()[start + 1 : stop - 1].decode())
    old = parse_signature(read_prefix(contents, limit=1 << 20).raw)
    new = change(old).hex().encode().ljust(stop - start - 2, b"0")  # type: ignore[operator]
    data = path.read_bytes()
    path.write_bytes(data[: start + 1] + new + data[stop - 1 :])


def test_another_signers_certificate_is_not_on_the_list(world: World, tmp_path: Path) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT])
    signed = sm2.sign

    def change(old: object) -> bytes:
        tbs = old.statement.raw  # type: ignore[attr-defined]
        signature = signed(world.person.key, tbs)
        return write_signature(tbs, world.person.certificate.der, signature, world.stamp(signature))

    refill(path, change)
    verdict = judge(path, world.trust)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"SEAL_CERTLIST"})


def test_a_statement_for_another_document_fails(world: World, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = apply_with(world, tmp_path / "a", world.seals[SealKind.UNIT])
    two = apply_with(world, tmp_path / "b", world.seals[SealKind.UNIT], claimed=NOON + DAY / 100)
    with open_pdf(two) as pdf:
        foreign = parse_signature(read_prefix(find_signatures(pdf)[-1].contents, limit=1 << 20).raw)
    two.write_bytes(two.read_bytes().replace(b"page 1", b"page 9"))
    refill(one, lambda _: foreign.raw)
    data = one.read_bytes()
    one.write_bytes(data.replace(b"/Producer", b"/Producex", 1))
    assert "HASH" in codes(judge(one, world.trust))


# Later revisions


def update(path: Path, work: object) -> Path:
    with path.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        work(writer)  # type: ignore[operator]
        writer.write_in_place()
    return path


def _annotate(writer: IncrementalPdfFileWriter) -> None:
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject([generic.NumberObject(n) for n in (10, 10, 200, 200)]),
        }
    )
    writer.register_annotation(writer.find_page_for_modification(1)[0], writer.add_object(note))


def _add_field(writer: IncrementalPdfFileWriter) -> None:
    append_signature_field(writer, SigFieldSpec("late", on_page=0, box=(10, 10, 100, 100)))


def _redraw(writer: IncrementalPdfFileWriter) -> None:
    page = writer.find_page_for_modification(0)[0].get_object()
    contents = page.raw_get("/Contents").reference
    writer.get_object(contents)._data = b"0 0 600 800 re f"
    writer.get_object(contents)._encoded_data = None
    writer.mark_update(contents)


def _move_seal(writer: IncrementalPdfFileWriter) -> None:
    field = writer.root["/AcroForm"]["/Fields"].raw_get(1).reference
    writer.get_object(field)["/Rect"] = generic.ArrayObject([generic.NumberObject(n) for n in (1, 1, 9, 9)])
    writer.mark_update(field)


@pytest.mark.parametrize(
    ("work", "page"),
    [
        pytest.param(_annotate, 2, id="a note"),
        pytest.param(_add_field, 1, id="a field that was not prepared"),
        pytest.param(_redraw, 1, id="a page's content"),
        pytest.param(_move_seal, 3, id="the seal itself"),
    ],
)
def test_a_later_revision_that_does_more_than_fill_a_field(
    world: World, sealed: Path, tmp_path: Path, work: object, page: int
) -> None:
    path = tmp_path / "changed.pdf"
    path.write_bytes(sealed.read_bytes())
    verdict = judge(update(path, work), world.trust)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"MODIFIED"})
    assert all(any(c.page == page and not c.allowed for c in s.changes_after) for s in verdict.signatures)


def _fill(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    reference = writer.root["/AcroForm"]["/Fields"].raw_get(1).reference
    field = writer.get_object(reference)
    field["/V"] = writer.add_object(generic.DictionaryObject({generic.pdf_name("/Type"): generic.pdf_name("/Sig")}))
    writer.mark_update(reference)
    return field


def _fill_and_move(writer: IncrementalPdfFileWriter) -> None:
    _fill(writer)["/Rect"] = generic.ArrayObject([generic.NumberObject(n) for n in (1, 1, 9, 9)])


def _fill_and_redraw(writer: IncrementalPdfFileWriter) -> None:
    _fill(writer)
    _redraw(writer)


@pytest.mark.parametrize(
    ("work", "allowed"),
    [
        pytest.param(_fill, True, id="filled"),
        pytest.param(_fill_and_move, False, id="filled and moved"),
        pytest.param(_fill_and_redraw, False, id="filled, and a page redrawn"),
    ],
)
def test_what_may_come_with_a_filled_field(
    world: World, tmp_path: Path, draft: Path, work: object, allowed: bool
) -> None:
    path = tmp_path / "one.pdf"
    world.apply(draft, path, SealKind.LEGAL_REPRESENTATIVE, "legal")
    legal = next(s for s in judge(update(path, work), world.trust).signatures if s.id == "legal")
    assert (not legal.verdict.failed) is allowed
    assert all(c.allowed is allowed for c in legal.changes_after)


def test_a_field_that_is_used_elsewhere_too_gets_the_long_look(world: World, tmp_path: Path) -> None:
    """A picture or content that is also a field would change with it: only the general analysis may allow that."""
    draft, path = draft_pdf(tmp_path / "draft.pdf"), tmp_path / "one.pdf"

    def share(writer: IncrementalPdfFileWriter) -> None:
        field = writer.root["/AcroForm"]["/Fields"].raw_get(1)
        page = writer.find_page_for_modification(0)[0].get_object()
        page["/PieceInfo"] = generic.DictionaryObject({generic.pdf_name("/Shared"): field})
        writer.mark_update(writer.find_page_for_modification(0)[0].reference)

    world.apply(update(draft, share), path, SealKind.LEGAL_REPRESENTATIVE, "legal")
    world.apply(path, tmp_path / "two.pdf", SealKind.UNIT, "unit")
    verdict = judge(tmp_path / "two.pdf", world.trust)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"MODIFIED"})


@pytest.mark.parametrize("tail", [b"% comment\n", b"\0" * 3, b"1 0 obj<<>>endobj\n"])
def test_bytes_after_the_end_fail(world: World, sealed: Path, tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "longer.pdf"
    path.write_bytes(sealed.read_bytes() + tail)
    verdict = judge(path, world.trust)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"MODIFIED"})


def test_a_truncated_file_fails(world: World, sealed: Path, tmp_path: Path) -> None:
    path = tmp_path / "shorter.pdf"
    path.write_bytes(sealed.read_bytes()[:-40])
    assert judge(path, world.trust).indication is Indication.TOTAL_FAILED


# No byte may change unnoticed


def test_no_changed_byte_passes_without_a_warning(world: World, sealed: Path, tmp_path: Path) -> None:
    """In signed ranges, signature value and seal: TOTAL-FAILED. Padding and hex case: failed, or a warning."""
    data, path = sealed.read_bytes(), tmp_path / "changed.pdf"
    with open_pdf(sealed) as pdf:
        last = find_signatures(pdf)[-1]
    assert last.byte_range is not None
    _, start, stop, _ = last.byte_range
    end = start + 1 + 2 * len(read_prefix(last.contents, limit=1 << 20).raw)
    chance = random.Random(20261120)  # noqa: S311 - a sample, repeatable
    places = [start, start + 1, stop - 1, stop, len(data) - 1, 8, 9]
    parts = ((8, start, 12), (start, end, 12), (end - 40, end, 4), (end, stop, 6), (stop, len(data), 8))
    for low, high, count in parts:
        places += chance.sample(range(low, high), count)
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        verdict = judge(path, world.trust)
        outside = end <= place < stop - 1
        respelt = start < place < end and changed.lower() == data.lower()
        if verdict.indication is not Indication.TOTAL_FAILED:
            assert outside or respelt, (place, verdict)
            assert verdict.warnings, (place, verdict)
        else:
            assert _says_where(verdict)


def _says_where(verdict: DocumentVerdict) -> bool:
    return all(s.id and s.verdict.failed for s in verdict.signatures if s.indication is Indication.TOTAL_FAILED)


def test_hex_of_mixed_case_is_told(world: World, sealed: Path, tmp_path: Path) -> None:
    with open_pdf(sealed) as pdf:
        last = find_signatures(pdf)[-1]
    assert last.byte_range is not None
    start, data = last.byte_range[1], sealed.read_bytes()
    path = tmp_path / "case.pdf"
    path.write_bytes(data[:start] + data[start : start + 2000].upper() + data[start + 2000 :])
    verdict = judge(path, world.trust)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert len(verdict.warnings) == 1


def test_other_hex_than_ours_is_told(world: World, sealed: Path, tmp_path: Path) -> None:
    """We write small letters: the same value in capitals is another file."""
    with open_pdf(sealed) as pdf:
        last = find_signatures(pdf)[-1]
    assert last.byte_range is not None
    _, start, stop, _ = last.byte_range
    data, path = sealed.read_bytes(), tmp_path / "capitals.pdf"
    path.write_bytes(data[:start] + data[start:stop].upper() + data[stop:])
    verdict = judge(path, world.trust)
    assert (verdict.indication, len(verdict.warnings)) == (Indication.TOTAL_PASSED, 1)


def test_a_file_without_its_header_is_no_pdf(sealed: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.pdf"
    path.write_bytes(sealed.read_bytes().replace(b"%PDF-", b"%PDE-"))
    with pytest.raises(NotAPdfError):
        judge(path, NOBODY)


# Seals by themselves


def test_our_esl_passes(world: World) -> None:
    seal = world.seals[SealKind.UNIT]
    verdict = verify_esl(seal.esl, anchors=world.trust, evidence=world.trust.evidence, at=NOON, expect_uscc=HOLDER.uscc)
    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, ())


def test_no_changed_byte_of_an_esl_passes(world: World) -> None:
    data = world.seals[SealKind.LEGAL_REPRESENTATIVE].esl
    chance = random.Random(7)  # noqa: S311 - a sample, repeatable
    for place in [*range(30), *range(len(data) - 100, len(data)), *chance.sample(range(len(data)), 150)]:
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        try:
            trust = world.trust
            verdict = verify_esl(bytes(changed), anchors=trust, evidence=trust.evidence, at=NOON)
        except SealFormatError:
            continue
        assert verdict.indication is not Indication.TOTAL_PASSED, place


# A seal that is hidden, and bytes that are added, do not go unnoticed


def _forget_all(writer: IncrementalPdfFileWriter) -> None:
    del writer.root["/AcroForm"]
    writer.update_root()


def _forget_first(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"]
    form["/Fields"] = generic.ArrayObject([form["/Fields"].raw_get(1)])
    writer.update_root()
    writer.update_container(form)


def _redraw_fields(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"]
    form["/NeedAppearances"] = generic.BooleanObject(True)
    writer.update_root()
    writer.update_container(form)


def _new_fonts(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"]
    form["/DR"] = generic.DictionaryObject({generic.pdf_name("/Font"): generic.DictionaryObject()})
    writer.update_root()
    writer.update_container(form)


@pytest.mark.parametrize(
    ("work", "code"),
    [
        pytest.param(_forget_all, "FMT_BYTERANGE", id="the form is gone"),
        pytest.param(_forget_first, "FMT_BYTERANGE", id="one field is gone"),
        pytest.param(_redraw_fields, "MODIFIED", id="viewers shall redraw"),
        pytest.param(_new_fonts, "MODIFIED", id="other fonts for fields"),
    ],
)
def test_a_form_that_was_changed_after_the_seals(
    world: World, sealed: Path, tmp_path: Path, work: object, code: str
) -> None:
    path = tmp_path / "changed.pdf"
    path.write_bytes(sealed.read_bytes())
    verdict = judge(update(path, work), world.trust)
    assert verdict.indication is Indication.TOTAL_FAILED
    assert code in codes(verdict)


def append(data: bytes, body: bytes, *, previous: int | None = None) -> bytes:
    """Append a revision by hand: one new object (or none), in a classical cross-reference section."""
    newest = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    trailer = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref", data, re.DOTALL)[-1]
    trailer = re.sub(rb"/Prev \d+", b"", trailer) + b"/Prev %d" % (newest if previous is None else previous)
    place, body = len(data), b"900 0 obj\n%b\nendobj\n" % body if body else b""
    entries = b"900 1\n%010d 00000 n \n" % place if body else b"0 0\n"
    tail = b"xref\n%btrailer\n<<%b>>\nstartxref\n%d\n%%%%EOF\n" % (entries, trailer, place + len(body))
    return data + body + tail


@pytest.mark.parametrize("body", [b"", b"<< /A (hidden) >>"], ids=["nothing", "an object that nothing leads to"])
def test_a_revision_without_a_reason_fails(world: World, sealed: Path, tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "more.pdf"
    path.write_bytes(append(sealed.read_bytes(), body))
    verdict = judge(path, world.trust)
    assert (verdict.indication, codes(verdict)) == (Indication.TOTAL_FAILED, {"MODIFIED"})


def _add_validation_data(writer: IncrementalPdfFileWriter) -> None:
    certificates = generic.ArrayObject([writer.add_object(generic.StreamObject(stream_data=b"a certificate"))])
    store = generic.DictionaryObject({generic.pdf_name("/Certs"): certificates})
    writer.root["/DSS"] = writer.add_object(store)
    writer.update_root()


def test_validation_data_is_allowed_and_told(world: World, sealed: Path, tmp_path: Path) -> None:
    path = tmp_path / "more.pdf"
    path.write_bytes(sealed.read_bytes())
    verdict = judge(update(path, _add_validation_data), world.trust)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert all(any("验证数据" in c.what for c in s.changes_after) for s in verdict.signatures)


def test_a_file_turned_back_to_an_older_revision_fails(world: World, sealed: Path, tmp_path: Path) -> None:
    """Whatever the newest trailer points at, the seals whose bytes are there are accounted for."""
    data, path = sealed.read_bytes(), tmp_path / "back.pdf"
    for older in re.findall(rb"startxref\s+(\d+)", data)[:-1]:
        for changed in (data + b"startxref\n%b\n%%%%EOF\n" % older, append(data, b"", previous=int(older))):
            path.write_bytes(changed)
            assert judge(path, world.trust).indication is Indication.TOTAL_FAILED, older


@pytest.mark.parametrize("tail", [b"\n", b"\r\n", b" "])
def test_white_space_after_the_end_is_told(world: World, sealed: Path, tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "longer.pdf"
    path.write_bytes(sealed.read_bytes() + tail)
    verdict = judge(path, world.trust)
    assert (verdict.indication, len(verdict.warnings)) == (Indication.TOTAL_PASSED, 1)


def test_before_it_was_made_nothing_is_known_of_a_seal(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world.trust, at=NOON - DAY)
    assert (verdict.indication, codes(verdict)) == (Indication.INDETERMINATE, {"TST_BAD"})


def test_a_required_kind_is_asked_of_a_seal_by_itself(world: World) -> None:
    esl, trust = world.seals[SealKind.UNIT].esl, world.trust
    for kind, expected in ((SealKind.UNIT, "TOTAL-PASSED"), (SealKind.FINANCE, "TOTAL-FAILED")):
        verdict = verify_esl(esl, anchors=trust, evidence=trust.evidence, at=NOON, require_seals=[kind])
        assert verdict.indication == expected
