"""What would be good but for one thing outside the file: trust withdrawn, a weak hand above maker or clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import algos
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from msgspec.structs import replace as change
from sealing_world import DAY, NOON, Party, World, key, make_seal
from test_sealing_verify import apply_with, codes, judge

from sealing.report import TimeSource
from sealing.seal import SealKind
from sealing.verify import verify_esl
from signing.certificates import TIME_STAMPING, parse_certificate
from signing.checks import Indication
from signing.issuing import AUTHORITY, CertificateRequest, Subject, build_certificate
from signing.path import PURPOSE_OIDS, Anchor, Purpose, TrustAnchors
from signing.policy import DEFAULT_POLICY, PRODUCTION_POLICY
from signing.schemes import InternationalKey

PASSED, OPEN = Indication.TOTAL_PASSED, Indication.INDETERMINATE
LICENCES, SERVICES = 0, 1


def withdrawn(trust: TrustAnchors, number: int, until: datetime) -> TrustAnchors:
    """Answer the list that no longer vouches for one of its anchors."""
    anchors = list(trust.anchors)
    anchors[number] = replace(anchors[number], trusted_until=until)
    return replace(trust, anchors=tuple(anchors))


@pytest.mark.parametrize(
    ("stamped", "trusted", "expected"),
    [
        pytest.param(None, (LICENCES, NOON + DAY / 2), (OPEN, {"TRUST_NOPOE"}), id="licence, only claimed to be older"),
        pytest.param(None, (SERVICES, NOON + DAY / 2), (OPEN, {"TRUST_NOPOE"}), id="maker, only claimed to be older"),
        pytest.param(NOON, (LICENCES, NOON + DAY / 2), (PASSED, set()), id="licence, proven to be older"),
        pytest.param(NOON, (SERVICES, NOON + DAY / 2), (PASSED, set()), id="maker, proven to be older"),
        pytest.param(None, (LICENCES, NOON + 2 * DAY), (PASSED, set()), id="licence, not yet"),
        pytest.param(None, (SERVICES, NOON + 2 * DAY), (PASSED, set()), id="maker, not yet"),
    ],
)
def test_trust_that_has_ended(
    world: World,
    tmp_path: Path,
    stamped: datetime | None,
    trusted: tuple[int, datetime],
    expected: tuple[Indication, set[str]],
) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], stamped=stamped)
    verdict = judge(path, withdrawn(world.trust, *trusted))
    assert (verdict.indication, codes(verdict)) == expected


def test_trust_that_ended_before_it_has_nothing_to_say(world: World, tmp_path: Path) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT])
    verdict = judge(path, withdrawn(world.trust, LICENCES, NOON))
    assert (verdict.indication, codes(verdict)) == (OPEN, {"CHAIN_NONE", "REV_UNKNOWN"})


def test_another_anchor_that_still_vouches_is_enough(world: World, tmp_path: Path) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], stamped=None)
    trust = withdrawn(world.trust, LICENCES, NOON + DAY / 2)
    pinned = Anchor(world.unit.certificate, frozenset({Purpose.LICENCE}))
    assert judge(path, replace(trust, anchors=(*trust.anchors, pinned))).indication is PASSED


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        pytest.param(NOON + 40 * DAY, True, id="after the timestamp"),
        pytest.param(NOON + DAY / 3, False, id="in another time zone"),
        pytest.param(NOON - 5 * DAY, False, id="before it"),
    ],
)
def test_a_claim_that_its_own_timestamp_refutes_is_told(
    world: World, tmp_path: Path, claimed: datetime, told: bool
) -> None:
    path = apply_with(world, tmp_path, world.seals[SealKind.UNIT], claimed=claimed)
    verdict = judge(path, world.trust)
    assert verdict.indication is PASSED
    assert verdict.signatures[0].signed_at == NOON
    assert any("以时间戳为准" in text for text in verdict.warnings) is told


# A hand above that signs over SHA-1


@cache
def _old_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _by_sha1(data: bytes) -> bytes:
    """Sign a certificate again, over SHA-1."""
    made = asn1_x509.Certificate.load(data)
    sha1 = algos.SignedDigestAlgorithm({"algorithm": "sha1_rsa"})
    made["tbs_certificate"]["signature"] = sha1
    made["signature_algorithm"] = sha1
    tbs = made["tbs_certificate"].dump(force=True)
    made["signature_value"] = _old_key().sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what is tested
    return bytes(made.dump(force=True))


def _request(name: str, public: object, purposes: Sequence[str], **more: object) -> CertificateRequest:
    times = {"not_before": NOON - 100 * DAY, "not_after": NOON + 100 * DAY}
    return CertificateRequest(
        Subject(name), public, 77, purposes=purposes, purposes_critical=TIME_STAMPING in purposes, **times, **more
    )  # type: ignore[arg-type]


def _old_world(world: World, purposes: tuple[str, ...]) -> tuple[Party, TrustAnchors]:
    """Answer somebody whose certificate an old authority signed over SHA-1, and a list that trusts that authority."""
    old = InternationalKey(_old_key())
    top = _request("old ca", old.public_key, (), is_ca=True, key_usage=AUTHORITY)
    root = parse_certificate(build_certificate(top, None, old.sign))
    own = key("below")
    below = build_certificate(_request("below", own.public, purposes), root, old.sign)
    party = Party(own, parse_certificate(_by_sha1(below)))
    anchor = Anchor(root, frozenset({Purpose.SEAL_MAKER, Purpose.TIMESTAMP}))
    trust = replace(world.trust, sandbox=False, anchors=(*world.trust.anchors, anchor))
    return party, trust


def _old_seal(world: World, folder: Path) -> tuple[Path, TrustAnchors]:
    maker, trust = _old_world(world, (PURPOSE_OIDS[Purpose.SEAL_MAKER],))
    return apply_with(world, folder, make_seal(SealKind.UNIT, world.unit.certificate, maker, 9)), trust


def _old_clock(world: World, folder: Path) -> tuple[Path, TrustAnchors]:
    clock, trust = _old_world(world, (TIME_STAMPING,))
    return apply_with(replace(world, clock=clock), folder, world.seals[SealKind.UNIT]), trust


LAX = change(DEFAULT_POLICY, revocation="if-available")
STRICT = change(PRODUCTION_POLICY, revocation="if-available")


def test_sha1_above_the_maker_is_weighed(world: World, tmp_path: Path) -> None:
    path, trust = _old_seal(world, tmp_path)
    lax, strict = judge(path, trust, policy=LAX), judge(path, trust, policy=STRICT)
    assert (lax.indication, any("sha1" in text for text in lax.warnings)) == (PASSED, True)
    assert (strict.indication, codes(strict)) == (OPEN, {"ALG"})


def test_sha1_above_the_clock_is_weighed(world: World, tmp_path: Path) -> None:
    """A clock that is not accepted proves no time: the signature's own claim is left."""
    path, trust = _old_clock(world, tmp_path)
    lax, strict = judge(path, trust, policy=LAX), judge(path, trust, policy=STRICT)
    assert (lax.indication, any("sha1" in text for text in lax.warnings)) == (PASSED, True)
    assert lax.signatures[0].time_source is TimeSource.TIMESTAMP
    assert strict.signatures[0].time_source is TimeSource.CLAIMED
    assert any("TST_BAD" in text and "sha1" in text for text in strict.warnings)
    needed = judge(path, trust, policy=change(STRICT, timestamp="required"))
    assert (needed.indication, codes(needed)) == (OPEN, {"TIME_UNTRUSTED"})


def test_a_seal_alone_is_weighed_as_well(world: World) -> None:
    maker, trust = _old_world(world, (PURPOSE_OIDS[Purpose.SEAL_MAKER],))
    seal = make_seal(SealKind.UNIT, world.unit.certificate, maker, 9)
    policy = change(PRODUCTION_POLICY, revocation="if-available")
    verdict = verify_esl(seal.esl, anchors=trust, evidence=trust.evidence, at=NOON, policy=policy)
    assert (verdict.indication, codes(verdict)) == (OPEN, {"ALG"})
