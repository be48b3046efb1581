"""A seal maker whose key was stolen: seals that say of themselves that they are older."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sealing_world import DAY, NOON, Party, World, key, make_crl
from test_sealing_verify import apply_with, codes, judge

from sealing.seal import SealKind
from signing.checks import Indication
from signing.issuing import Revocation
from signing.path import TrustAnchors


def revoke_maker(world: World, at: datetime) -> TrustAnchors:
    services = Party(key("service ca"), world.trust.anchors[1].certificate)
    entry = Revocation(world.maker.certificate.serial_number, at, "keyCompromise")
    return replace(world.trust, crls=(world.trust.crls[0], make_crl(services, entry)))


@pytest.mark.parametrize(
    ("stamped", "indication", "doubts"),
    [
        pytest.param(NOON, Indication.TOTAL_PASSED, set(), id="a timestamp says before"),
        pytest.param(None, Indication.INDETERMINATE, {"REVOKED_NOPOE"}, id="only the signer says before"),
        pytest.param(NOON + DAY, Indication.TOTAL_FAILED, {"REVOKED_BEFORE"}, id="a timestamp says after"),
    ],
)
def test_a_maker_revoked_afterwards(
    world: World, tmp_path: Path, stamped: datetime | None, indication: Indication, doubts: set[str]
) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], stamped=stamped)
    verdict = judge(path, revoke_maker(world, NOON + DAY / 2), at=NOON + DAY)
    assert (verdict.indication, codes(verdict)) == (indication, doubts)
