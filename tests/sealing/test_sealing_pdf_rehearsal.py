"""Rehearsals and jobs: everything that can go wrong goes wrong before anybody is asked."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas
from sealing_world import CONSENT, DAY, NOON, World, plain_pdf

from sealing.artwork import RED
from sealing.errors import (
    RehearsalError,
    SealCertificateError,
    SealExpiredError,
    SealHolderError,
    SealNotYetValidError,
    SealSuspendedError,
)
from sealing.pdf import Act, Profile, complete_seal, prepare_acts, prepare_fields, statement_of, to_be_signed
from sealing.pdf_job import SealingJob
from sealing.pdf_rehearsal import rehearse_seal
from sealing.placement import SealField, Stamp
from sealing.seal import SealKind, SealState
from sealing.verify import verify_pdf
from signing.checks import Indication

FIELDS = (SealField("legal", 1, 30, 150, 20, 20), SealField("unit", 2, 120, 200, 40, 40))
STAMPS = [Stamp(1, 100, 50, 40, 40), Stamp(2, 100, 50, 20, 40, (0.0, 0.5)), Stamp(3, 100, 50, 20, 40, (0.5, 1.0))]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.pdf"
    path.write_bytes(plain_pdf(3))
    prepare_fields(path, FIELDS, {"unit": STAMPS})
    return path


def act_of(world: World, kind: SealKind, profile: Profile = Profile.SES) -> Act:
    name = "legal" if kind is SealKind.LEGAL_REPRESENTATIVE else "unit"
    return Act(name, world.seals[kind], world.holder_of(kind).certificate, NOON, profile)


@pytest.mark.parametrize("profile", Profile)
def test_a_good_act_passes_and_leaves_nothing(world: World, draft: Path, tmp_path: Path, profile: Profile) -> None:
    before = draft.read_bytes()
    rehearse_seal(draft, act_of(world, SealKind.UNIT, profile), os.urandom, folder=tmp_path)
    assert draft.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["draft.pdf"]


@pytest.mark.parametrize("profile", [Profile.SES, Profile.PADES_SES])
def test_a_job_seals_twice_and_hashes_once(world: World, draft: Path, tmp_path: Path, profile: Profile) -> None:
    job, target = SealingJob(draft, tmp_path / "work.pdf"), tmp_path / "sealed.pdf"
    for kind in (SealKind.UNIT, SealKind.LEGAL_REPRESENTATIVE):
        act, holder = act_of(world, kind, profile), world.holder_of(kind)
        job.rehearse(act, os.urandom)
        prepared = job.prepare(act)
        tbs = statement_of(prepared, CONSENT, NOON)
        signature = holder.sign(to_be_signed(prepared, tbs))
        inner = holder.sign(tbs) if profile is Profile.PADES_SES else b""
        token = world.stamp(signature)
        job.complete(prepared, tbs, signature, token, window=(NOON - DAY, NOON + DAY), seal_signature=inner)
    job.publish(target)
    verdict = verify_pdf(target, anchors=world.trust, evidence=world.trust.evidence, at=NOON)
    assert [one.indication for one in verdict.signatures] == [Indication.TOTAL_PASSED] * 2
    assert target.read_bytes().startswith(draft.read_bytes())


def test_a_job_sees_that_somebody_else_wrote(world: World, draft: Path, tmp_path: Path) -> None:
    job = SealingJob(draft, tmp_path / "work.pdf")
    job.rehearse(act_of(world, SealKind.UNIT), os.urandom)
    data = job.path.read_bytes().replace(b"page 1", b"page 9")
    job.path.write_bytes(data)
    prepared = job.prepare(act_of(world, SealKind.UNIT))
    fresh = SealingJob(job.path, tmp_path / "other.pdf")
    assert fresh.path.read_bytes()[prepared.byte_range[2] :] == job.path.read_bytes()[prepared.byte_range[2] :]
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = world.unit.sign(tbs)
    job.complete(prepared, tbs, signature, world.stamp(signature), window=(NOON - DAY, NOON + DAY))
    assert verify_pdf(job.path, anchors=world.trust, evidence=world.trust.evidence, at=NOON).signatures[0].seal


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"at": NOON + 60 * DAY}, SealExpiredError, id="expired"),
        pytest.param({"at": NOON - 20 * DAY}, SealNotYetValidError, id="not yet valid"),
    ],
)
def test_a_seal_at_another_time(world: World, draft: Path, change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        rehearse_seal(draft, replace(act_of(world, SealKind.UNIT), **change), os.urandom)  # type: ignore[arg-type]


def test_a_suspended_seal(world: World, draft: Path) -> None:
    act = act_of(world, SealKind.UNIT)
    with pytest.raises(SealSuspendedError):
        rehearse_seal(draft, replace(act, seal=replace(act.seal, state=SealState.SUSPENDED)), os.urandom)


def test_somebody_elses_seal(world: World, draft: Path) -> None:
    with pytest.raises(SealHolderError):
        rehearse_seal(draft, replace(act_of(world, SealKind.UNIT), signer=world.stranger.certificate), os.urandom)


def test_a_certificate_of_the_unit_that_is_not_listed(world: World, draft: Path) -> None:
    act = replace(act_of(world, SealKind.UNIT), signer=world.person.certificate)
    with pytest.raises(SealCertificateError) as caught:
        rehearse_seal(draft, act, os.urandom)
    assert type(caught.value) is SealCertificateError


def test_an_impression_that_nobody_would_see_fails_the_rehearsal(world: World, tmp_path: Path) -> None:
    path = tmp_path / "draft.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFillColorRGB(*RED)
    canvas.rect(0, 0, 595, 842, stroke=0, fill=1)
    canvas.save()
    prepare_acts(path, {"unit": [Stamp(1, 50, 50, 40, 40)]})
    with pytest.raises(RehearsalError, match="no impression"):
        rehearse_seal(path, act_of(world, SealKind.UNIT), os.urandom)


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        pytest.param(Profile.PADES, CONSENT.hex(), id="pades"),
        pytest.param(Profile.PADES_SES, CONSENT.hex(), id="pades-ses"),
        pytest.param(Profile.GM_CMS, "", id="gm-cms has no room for it"),
    ],
)
def test_the_report_names_the_consent(world: World, draft: Path, tmp_path: Path, profile: Profile, told: str) -> None:
    """Whatever the profile, a reader is led from the signature to the consent under which it was made."""
    job = SealingJob(draft, tmp_path / "work.pdf")
    prepared = job.prepare(act_of(world, SealKind.UNIT, profile))
    tbs = statement_of(prepared, CONSENT, NOON) if profile.has_seal else b""
    signature = world.unit.sign(to_be_signed(prepared, tbs, CONSENT))
    inner, window = (
        world.unit.sign(tbs) if profile.has_seal else b"",
        {"not_before": NOON - DAY, "not_after": NOON + DAY},
    )
    parts = {"seal_signature": inner, "consent_sm3": CONSENT}
    complete_seal(prepared, tbs, signature, world.stamp(signature), **window, **parts)  # type: ignore[arg-type]
    report = verify_pdf(job.path, anchors=world.trust, evidence=world.trust.evidence, at=NOON).signatures[0]
    assert (report.verdict.failed, report.consent_sm3) == ([], told)
