"""Acts with many impressions: one increment each, in any order, in every profile, and both judges agree."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult
from sealing_world import CONSENT, DAY, NOON, World, plain_pdf

from sealing.errors import ClosedPdfError, FieldError, StampsNotPreparedError
from sealing.pdf import Profile, complete_seal, prepare_fields, prepare_seal, statement_of, to_be_signed
from sealing.placement import SealField, Stamp
from sealing.report import DocumentVerdict
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication

PAGES = 6
LEGAL, UNIT = SealKind.LEGAL_REPRESENTATIVE, SealKind.UNIT
FIELDS = (SealField("legal", 1, 30, 150, 20, 20), SealField("unit", 1, 120, 200, 40, 40))
NAMES = {LEGAL: "legal", UNIT: "unit"}


def stamps_for(kind: SealKind, pages: int = PAGES) -> list[Stamp]:
    """Answer one whole impression and one slice a page."""
    size = 20 if kind is LEGAL else 40
    top = 20 if kind is LEGAL else 100
    whole = [Stamp(page, 60, top, size, size) for page in range(1, pages + 1)]
    width = size / pages
    slices = [
        Stamp(page, 209.9 - width, top + 60, width, size, ((page - 1) / pages, page / pages))
        for page in range(1, pages + 1)
    ]
    return whole + slices


def book(path: Path, *, prepared: bool = True, pages: int = PAGES, rotate: int = 0) -> Path:
    path.write_bytes(plain_pdf(pages, rotate=rotate))
    prepare_fields(path, FIELDS, {NAMES[k]: stamps_for(k, pages) for k in NAMES} if prepared else None)
    return path


def act(
    world: World, source: Path, target: Path, kind: SealKind, profile: Profile = Profile.SES, *, stamps: list[Stamp]
) -> None:
    holder = world.holder_of(kind)
    prepared = prepare_seal(
        source,
        target,
        field=NAMES[kind],
        seal=world.seals[kind],
        signer=holder.certificate,
        at=NOON,
        stamps=stamps,
        profile=profile,
    )
    tbs = statement_of(prepared, CONSENT, NOON) if profile.has_seal else b""
    signature = holder.sign(to_be_signed(prepared, tbs))
    inner = holder.sign(tbs) if profile is Profile.PADES_SES else b""
    window = {"not_before": NOON - DAY, "not_after": NOON + DAY}
    complete_seal(prepared, tbs, signature, world.stamp(signature), seal_signature=inner, **window)


def judge(world: World, path: Path) -> DocumentVerdict:
    return verify_pdf(path, anchors=world.trust, evidence=world.trust.evidence, at=NOON + timedelta(hours=1))


NAMED = {
    Profile.SES: "SES-v4",
    Profile.GM_CMS: "GM-CMS",
    Profile.PADES: "PAdES-B-T",
    Profile.PADES_SES: "PAdES-B-T+SES-v4",
}


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_is_recognised_and_passes(world: World, tmp_path: Path, profile: Profile) -> None:
    draft, out = book(tmp_path / "draft.pdf", prepared=False), tmp_path / "out.pdf"
    act(world, draft, out, UNIT, profile, stamps=stamps_for(UNIT))
    verdict = judge(world, out)
    assert [(r.profile, r.indication, r.covers) for r in verdict.signatures] == [
        (NAMED[profile], Indication.TOTAL_PASSED, "whole-document")
    ], [c for r in verdict.signatures for c in r.verdict.checks if c.why]
    assert verdict.signatures[0].authority == "tsa"
    assert (verdict.signatures[0].seal is not None) is profile.has_seal


@pytest.mark.parametrize("order", [(LEGAL, UNIT), (UNIT, LEGAL)], ids=["person first", "unit first"])
@pytest.mark.parametrize("profile", Profile)
def test_two_acts_in_either_order(world: World, tmp_path: Path, profile: Profile, order: tuple[SealKind, ...]) -> None:
    draft = book(tmp_path / "draft.pdf")
    one, two = tmp_path / "one.pdf", tmp_path / "two.pdf"
    act(world, draft, one, order[0], profile, stamps=[])
    act(world, one, two, order[1], profile, stamps=stamps_for(order[1]))
    reports = judge(world, two).signatures
    assert [r.indication for r in reports] == [Indication.TOTAL_PASSED] * 2, [
        c for r in reports for c in r.verdict.checks if c.why
    ]
    assert [[c.allowed for c in r.changes_after] for r in reports] == [[], []]
    with two.open("rb") as stream:
        reader = PdfFileReader(stream)
        for revision in (2, 3):
            assert isinstance(DEFAULT_DIFF_POLICY.review_file(reader, revision), DiffResult)


def test_the_general_analysis_says_the_same_of_a_long_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, one, two = book(tmp_path / "draft.pdf"), tmp_path / "one.pdf", tmp_path / "two.pdf"
    act(world, draft, one, UNIT, Profile.SES, stamps=[])
    act(world, one, two, LEGAL, Profile.SES, stamps=[])
    monkeypatch.setattr("signing.pdf_filling.MAX_FILE", 0)
    assert judge(world, two).indication is Indication.TOTAL_PASSED


def test_all_impressions_stand_in_one_increment_and_share_one_picture(world: World, tmp_path: Path) -> None:
    draft, out = book(tmp_path / "draft.pdf", prepared=False), tmp_path / "out.pdf"
    before = draft.read_bytes()
    act(world, draft, out, UNIT, Profile.SES, stamps=stamps_for(UNIT))
    added = out.read_bytes().removeprefix(before)
    assert added.count(b"%%EOF") == 1
    assert added.count(b"/ByteRange") == 1
    assert len(re.findall(rb"/Subtype/Stamp", added)) == 2 * PAGES
    assert len(re.findall(rb"/Subtype/Form", added)) == PAGES  # the slices; the picture itself is written otherwise
    assert set(re.findall(rb"/F (\d+)/P", added)) == {b"708"}  # printed, read-only, locked with its contents


def test_impressions_after_a_seal_need_prepared_places(world: World, tmp_path: Path) -> None:
    draft, one = book(tmp_path / "draft.pdf", prepared=False), tmp_path / "one.pdf"
    act(world, draft, one, LEGAL, Profile.SES, stamps=stamps_for(LEGAL))
    with pytest.raises(StampsNotPreparedError):
        act(world, one, tmp_path / "two.pdf", UNIT, Profile.SES, stamps=stamps_for(UNIT))
    act(world, one, tmp_path / "two.pdf", UNIT, Profile.SES, stamps=[])
    assert judge(world, tmp_path / "two.pdf").indication is Indication.TOTAL_PASSED


def test_only_the_prepared_impressions_can_be_made(world: World, tmp_path: Path) -> None:
    draft = book(tmp_path / "draft.pdf")
    with pytest.raises(FieldError):
        act(world, draft, tmp_path / "one.pdf", UNIT, Profile.SES, stamps=stamps_for(LEGAL))


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param(Stamp(7, 10, 10, 40, 40), id="no such page"),
        pytest.param(Stamp(0, 10, 10, 40, 40), id="page zero"),
        pytest.param(Stamp(1, 200, 10, 40, 40), id="over the edge"),
        pytest.param(Stamp(1, 10, 10, 40, 40, (0.5, 0.5)), id="an empty share"),
        pytest.param(Stamp(1, 10, 10, 40, 40, (0, 1.5)), id="a share beyond"),
    ],
)
def test_impressions_that_cannot_be(world: World, tmp_path: Path, stamp: Stamp) -> None:
    draft = book(tmp_path / "draft.pdf", prepared=False)
    with pytest.raises(FieldError):
        act(world, draft, tmp_path / "one.pdf", UNIT, Profile.SES, stamps=[stamp])
    assert not (tmp_path / "one.pdf").exists()


def test_a_certified_file_that_allows_nothing_is_refused(world: World, tmp_path: Path) -> None:
    draft = book(tmp_path / "draft.pdf", prepared=False)
    level = b"/Reference[<</TransformMethod/DocMDP/TransformParams<</P 1>>>>]"
    act(world, draft, tmp_path / "one.pdf", LEGAL, Profile.SES, stamps=[])
    data = (tmp_path / "one.pdf").read_bytes()
    end = data.index(b"0" * 200 + b">") + 200  # of the room of /Contents, which stands before /Filter
    at = data.index(b"/Filter /Gomain", end)
    closed = tmp_path / "closed.pdf"
    closed.write_bytes(data[: end - len(level)] + data[end:at] + level + data[at:])
    with pytest.raises(ClosedPdfError):
        act(world, closed, tmp_path / "two.pdf", UNIT, Profile.SES, stamps=[])
    assert not (tmp_path / "two.pdf").exists()


@pytest.mark.parametrize("prepared", [False, True], ids=["one act", "prepared"])
@pytest.mark.parametrize("pages", [10, 100])
def test_growth_of_a_page(world: World, tmp_path: Path, pages: int, *, prepared: bool) -> None:
    """0.9 KB for one stamp and one slice, whether prepared or not; what does not grow with the pages apart."""
    grown = {}
    for count in (pages, 2 * pages):
        draft, out = tmp_path / f"{count}.pdf", tmp_path / f"{count}.out.pdf"
        draft.write_bytes(plain_pdf(count))
        size = draft.stat().st_size
        group = [Stamp(p, 205, 100, 4, 40, (p % 10 / 10, (p % 10 + 1) / 10)) for p in range(1, count + 1)]
        stamps = [*(Stamp(p, 60, 20, 40, 40) for p in range(1, count + 1)), *group]
        prepare_fields(draft, FIELDS, {"unit": stamps} if prepared else None)
        act(world, draft, out, UNIT, Profile.SES, stamps=stamps)
        grown[count] = out.stat().st_size - size
    assert (grown[2 * pages] - grown[pages]) / pages <= 900
