"""Judging seals and their signatures: the order of the steps, and what version 5 adds."""

from dataclasses import replace
from datetime import datetime

import pytest
from sealing_world import DAY, HOLDER, NOON, Party, World, declare, key, make_crl

from sealing import seal as seals
from sealing import ses
from sealing.evidence import Payload, SignatureEvidence
from sealing.judging import Policy
from sealing.judging_seal import judge_seal, judge_ses, seal_notices
from sealing.seal import SealKind
from sealing.verify import verify_esl
from signing.checks import Indication
from signing.digests import sm3
from signing.issuing import Revocation
from signing.path import PURPOSE_OIDS, Purpose, TrustAnchors
from signing.pdf import Coverage, FilledSignature
from signing.sm2 import compute_z


def v5_seal(world: World, maker: Party | None = None, *, stamped: datetime | None = NOON, **term: datetime) -> bytes:
    maker = maker or world.maker
    period = {"at": NOON - 10 * DAY, "not_after": NOON + 50 * DAY} | term
    draft = seals.prepare_seal_info(
        SealKind.UNIT, HOLDER, "3501000000001", [world.unit.certificate.der], vendor="YIZHAO", version=5, **period
    )
    signature = maker.sign(draft.info)
    token = world.stamp(signature, stamped) if stamped else None
    return seals.finish_seal(draft, maker.certificate.der, signature, token).esl


def failed(data: bytes, trust: TrustAnchors, at: datetime = NOON) -> list[str]:
    return verify_esl(data, anchors=trust, evidence=trust.evidence, at=at).signatures[0].verdict.failed


def test_the_steps_of_a_v5_seal_have_names_in_order(world: World) -> None:
    report = verify_esl(v5_seal(world), anchors=world.trust, evidence=world.trust.evidence, at=NOON).signatures[0]
    names = [one.name for one in report.verdict.checks]
    assert names[:4] == ["format", "seal-signature", "seal-created", "maker-chain"]
    assert names[-1] == "seal-period"
    assert "seal-order" in names
    assert (report.indication, report.profile) == (Indication.TOTAL_PASSED, "SES-v5-seal")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"stamped": NOON - 11 * DAY}, ["seal-order"], id="stamped before createDate"),
        pytest.param({"at": NOON + DAY, "stamped": None}, ["seal-created", "seal-period"], id="made tomorrow"),
        pytest.param({"stamped": None}, [], id="no timestamp"),
        pytest.param({"not_after": NOON - DAY}, ["seal-period"], id="over"),
    ],
)
def test_what_v5_adds(world: World, changes: dict[str, datetime], expected: list[str]) -> None:
    assert failed(v5_seal(world, **changes), world.trust) == expected


def test_a_timestamp_of_another_signature_is_none(world: World) -> None:
    seal = ses.parse_seal(v5_seal(world, stamped=None))
    moved = ses.write_seal(seal.signed, seal.certificate, seal.signature, world.stamp(b"another signature"))
    assert [name for name in failed(moved, world.trust) if name.startswith("seal-")]


def revoked_maker(world: World, at: datetime) -> TrustAnchors:
    issuer = Party(key("service ca"), world.trust.anchors[1].certificate)
    entry = Revocation(world.maker.certificate.serial_number, at, "cessationOfOperation")
    return replace(world.trust, crls=(world.trust.crls[0], make_crl(issuer, entry)))


def test_a_maker_revoked_since_leaves_an_undated_v5_seal_open_and_fails_a_v4_one(world: World) -> None:
    """The date of making is the maker's own word: docs/decisions/0007. With a timestamp: test_sealing_hostile_maker."""
    trust = revoked_maker(world, NOON - DAY)
    verdict = verify_esl(v5_seal(world), anchors=trust, evidence=trust.evidence, at=NOON)
    assert verdict.indication is Indication.INDETERMINATE
    assert [text for text in verdict.warnings if text.startswith("MAKER_THEN")]
    assert failed(world.seals[SealKind.UNIT].esl, trust) == ["maker-revocation"]


def test_a_maker_expired_since_is_a_notice_in_v5(world: World) -> None:
    at = NOON + 101 * DAY
    seal = ses.parse_seal(v5_seal(world, not_after=NOON + 300 * DAY))
    policy = Policy(world.trust, world.trust.evidence, at)
    assert [one.name for one in judge_seal(seal, policy, at) if one.name == "maker-validity" and one.why] == []
    assert [text for text in seal_notices(seal, policy) if "现已过期" in text]


def test_a_maker_that_was_bad_then_fails(world: World) -> None:
    assert "maker-revocation" in failed(v5_seal(world), revoked_maker(world, NOON - 20 * DAY))
    assert "maker-validity" in failed(v5_seal(world, at=NOON - 200 * DAY), world.trust)


def test_a_maker_for_another_purpose_fails_at_key_usage(world: World) -> None:
    issuer = Party(key("service ca"), world.trust.anchors[1].certificate)
    other = declare("not a maker", issuer, purposes=[PURPOSE_OIDS[Purpose.CENTRE]])
    verdict = verify_esl(v5_seal(world, other), anchors=world.trust, evidence=world.trust.evidence, at=NOON)
    assert "maker-key-usage" in verdict.signatures[0].verdict.unknown


def test_a_picture_that_is_not_what_it_is_called_is_told(world: World) -> None:
    seal = ses.parse_seal(world.seals[SealKind.UNIT].esl)
    info = replace(seal.info, picture=replace(seal.info.picture, format="GIF"))
    data = ses.write_seal_info(info)
    told = ses.write_seal(data, world.maker.certificate.der, world.maker.sign(data))
    verdict = verify_esl(told, anchors=world.trust, evidence=world.trust.evidence, at=NOON)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert any("图片" in text for text in verdict.warnings)


def listing(world: World, *digests: bytes) -> bytes:
    """Make a seal with certListType 2."""
    info = ses.parse_seal(world.seals[SealKind.UNIT].esl).info
    entries = tuple(ses.CertificateDigest("1.2.156.10197.1.401", one) for one in digests)
    data = ses.write_seal_info(replace(info, property=replace(info.property, certificates=(), digests=entries)))
    return ses.write_seal(data, world.maker.certificate.der, world.maker.sign(data))


FIELD = FilledSignature(
    name="unit",
    filter="",
    sub_filter="",
    is_timestamp=False,
    page=None,
    byte_range=None,
    contents=b"",
    claimed_time=None,
    covers=Coverage.PARTIAL,
    revision=0,
    defects=(),
    remarks=(),
    doc_mdp=None,
)


def certificate_list(world: World, seal: bytes) -> tuple[str, str]:
    digest = sm3(b"a document")
    statement = ses.write_statement(seal, NOON, digest, "x")
    signature = world.unit.sign(statement)
    message = ses.write_signature(statement, world.unit.certificate.der, signature, world.stamp(signature))
    evidence = SignatureEvidence(FIELD, Payload.SEAL, message, {"sm3": digest}, None, (), ())
    report = judge_ses(evidence, Policy(world.trust, world.trust.evidence, NOON))
    names = [one.name for one in report.verdict.checks]
    assert names[:3] == ["format", "signature", "chain"]
    assert names.index("revocation") < names.index("digest") < names.index("seal-signature")
    assert names.index("seal-period") < names.index("certificate-list") < names.index("timestamp-imprint")
    one = next(check for check in report.verdict.checks if check.name == "certificate-list")
    return str(one.result), one.why


def test_a_digest_on_the_list_is_enough(world: World) -> None:
    assert certificate_list(world, listing(world, bytes(32), sm3(world.unit.certificate.der))) == ("ok", "")


def test_a_digest_with_z_is_told_as_not_conforming(world: World) -> None:
    prefixed = sm3(compute_z(world.unit.certificate.public_key), world.unit.certificate.der)
    result, why = certificate_list(world, listing(world, prefixed))
    assert (result, "Z" in why) == ("failed", True)
