"""Seals and PAdES signatures in one file: what is prepared before the first seal may be filled after it."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sealing_world import FIELDS, NOON, World, draft_pdf

from sealing.placement import SealField
from sealing.report import DocumentVerdict
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication
from signing.pades import Appearance, SignatureRequest, ValidationData
from signing.pades_longterm import add_archive_timestamp, renew_archive_timestamp
from signing.pades_signing import Lasting, Level, sign_pdf
from signing.schemes import Sm2Key
from signing.timestamps import Stamp, make_token

PREPARED = (*FIELDS, SealField("signature", 2, 30, 150, 40, 20), SealField("stamp", 2, 100, 150, 1, 1))


@dataclass(frozen=True)
class Authority:
    """The world's timestamp authority."""

    world: World

    def stamp(self, imprint_sm3: bytes) -> bytes:
        clock = self.world.clock
        return make_token(Stamp(imprint_sm3, 8, NOON, "1.2.3.4.1"), clock.certificate, clock.sign)


def data_of(world: World) -> ValidationData:
    anchors = [one.certificate for one in world.trust.anchors]
    certificates = (*anchors, world.unit.certificate, world.clock.certificate)
    return ValidationData(tuple(one.der for one in certificates), world.trust.crls)


def sealed_twice(world: World, folder: Path) -> Path:
    draft, one, two = draft_pdf(folder / "draft.pdf", PREPARED), folder / "one.pdf", folder / "two.pdf"
    world.apply(draft, one, SealKind.LEGAL_REPRESENTATIVE, "legal")
    world.apply(one, two, SealKind.UNIT, "unit")
    return two


def sign(world: World, source: Path, target: Path, request: SignatureRequest) -> Path:
    sign_pdf(
        source,
        target,
        request,
        key=Sm2Key(world.unit.key),
        certificate=world.unit.certificate,
        at=NOON,
        random=os.urandom,
        lasting=Lasting(Level.T, Authority(world)),
    )
    return target


def judge(world: World, path: Path) -> DocumentVerdict:
    return verify_pdf(path, anchors=world.trust, evidence=world.trust.evidence, at=NOON + timedelta(hours=1))


def test_prepared_fields_take_a_signature_and_an_archive_timestamp_after_the_seals(
    world: World, tmp_path: Path
) -> None:
    shown = Appearance(2, (0, 0, 1, 1), b"1 0 0 rg 0 0 30 10 re f")
    signed = sign(world, sealed_twice(world, tmp_path), tmp_path / "3.pdf", SignatureRequest("signature", shown))
    assert judge(world, signed).indication is Indication.TOTAL_PASSED
    kept = tmp_path / "4.pdf"
    add_archive_timestamp(signed, kept, data_of(world), Authority(world), random=os.urandom, field="stamp")
    verdict = judge(world, kept)
    assert [(one.id, one.verdict.failed) for one in verdict.signatures] == [
        ("legal", []),
        ("unit", []),
        ("signature", []),
        ("stamp", []),
    ]
    assert verdict.indication is Indication.TOTAL_PASSED


def test_a_new_field_after_a_seal_is_a_change_that_seals_do_not_allow(world: World, tmp_path: Path) -> None:
    """Why timestamps over sealed files go into prepared fields."""
    sealed = sealed_twice(world, tmp_path)
    signed = sign(world, sealed, tmp_path / "3.pdf", SignatureRequest("another"))
    verdict = judge(world, signed)
    assert {one.id: one.verdict.failed for one in verdict.signatures} == {
        "legal": ["changes"],
        "unit": ["changes"],
        "another": [],
    }


def test_seals_over_a_lasting_signature(world: World, tmp_path: Path) -> None:
    """A company signs and archives, then seals go on: nothing fails, and the archive timestamp is renewed."""
    draft = draft_pdf(tmp_path / "draft.pdf", PREPARED)
    signed = sign(world, draft, tmp_path / "1.pdf", SignatureRequest("signature"))
    world.apply(signed, tmp_path / "2.pdf", SealKind.UNIT, "unit")
    kept = tmp_path / "3.pdf"
    add_archive_timestamp(tmp_path / "2.pdf", kept, data_of(world), Authority(world), random=os.urandom, field="stamp")
    assert judge(world, kept).indication is Indication.TOTAL_PASSED
    renewed = tmp_path / "4.pdf"
    renew_archive_timestamp(kept, renewed, data_of(world), Authority(world), random=os.urandom)
    failed = {one.id: one.verdict.failed for one in judge(world, renewed).signatures}
    assert failed == {"signature": [], "unit": ["changes"], "stamp": [], "ArchiveTimestamp1": []}
