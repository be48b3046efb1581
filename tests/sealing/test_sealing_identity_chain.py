"""The chain of identity: seal's owner, signer, expected unit or partner, legal representative, natural person."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as change
from sealing_maker_world import licence, registrar_of
from sealing_world import DAY, HOLDER, NOON, World, declare, draft_pdf, make_seal

from sealing.judging_identity import Expected, expect_licence
from sealing.pdf import complete_seal, prepare_seal, statement_of
from sealing.report import DocumentVerdict
from sealing.seal import SealKind
from sealing.verify import verify_esl, verify_pdf
from signing.checks import Indication, Result
from signing.path import Purpose
from signing.policy import DEFAULT_POLICY, PRODUCTION_POLICY, ValidationPolicy

OTHER = "91110000600037341L"


def judge(path: Path, world: World, **options: object) -> DocumentVerdict:
    trust = world.trust
    return verify_pdf(path, anchors=trust, evidence=trust.evidence, at=NOON + DAY, **options)  # type: ignore[arg-type]


def results(verdict: DocumentVerdict, name: str) -> list[tuple[str, Result]]:
    found = [(s.id, c) for s in verdict.signatures for c in s.verdict.checks if c.name == name]
    assert all(c.code == "ID_MISMATCH" for _, c in found)
    return [(name, c.result) for name, c in found]


BOTH = ["legal", "unit"]


@pytest.mark.parametrize(
    ("expected", "unit", "person"),
    [
        pytest.param(Expected(), [], [], id="nothing asked"),
        pytest.param(Expected(HOLDER.uscc), [Result.OK] * 2, [], id="the bidder"),
        pytest.param(Expected(OTHER, (HOLDER.uscc,)), [Result.OK] * 2, [], id="a partner of a joint venture"),
        pytest.param(Expected(OTHER), [Result.FAILED] * 2, [], id="another unit"),
        pytest.param(Expected(OTHER, ("91350100M000100Y44",)), [Result.FAILED] * 2, [], id="other partners"),
        pytest.param(
            Expected(HOLDER.uscc, person_name="欧阳明"), [Result.OK] * 2, [Result.OK], id="the representative"
        ),
        pytest.param(Expected(HOLDER.uscc, person_name="欧阳鸣"), [Result.OK] * 2, [Result.FAILED], id="another name"),
        pytest.param(
            Expected(HOLDER.uscc, person="P-1", person_name="欧阳明"),
            [Result.OK] * 2,
            [Result.FAILED],
            id="another person of that name",
        ),
        pytest.param(
            Expected(person_name="欧阳鸣", at=NOON - DAY), [], [Result.UNKNOWN], id="the licence is older than the seal"
        ),
        pytest.param(Expected(person_name="欧阳鸣", at=NOON + DAY), [], [Result.FAILED], id="the licence is younger"),
    ],
)
def test_who_signed(world: World, sealed: Path, expected: Expected, unit: list[Result], person: list[Result]) -> None:
    verdict = judge(sealed, world, expect=expected)
    assert results(verdict, "identity") == list(zip(BOTH, unit, strict=False))
    assert results(verdict, "person") == [("legal", one) for one in person]
    worst = Result.FAILED in unit + person
    opened = Result.UNKNOWN in unit + person
    words = {True: Indication.TOTAL_FAILED, False: Indication.INDETERMINATE if opened else Indication.TOTAL_PASSED}
    assert verdict.indication is words[worst]


def test_a_partner_is_named(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world, expect=Expected(OTHER, (HOLDER.uscc,)))
    why = {c.why for s in verdict.signatures for c in s.verdict.checks if c.name == "identity"}
    assert why == {f"联合体成员 {HOLDER.uscc}"}


def test_the_short_word_goes_with_the_long_one(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world, expect_uscc=HOLDER.uscc, expect=Expected(person_name="欧阳明"))
    assert results(verdict, "identity") == [("legal", Result.OK), ("unit", Result.OK)]


def test_the_owner_of_the_seal_is_the_signer(world: World, sealed: Path) -> None:
    assert results(judge(sealed, world), "seal-owner") == [("legal", Result.OK), ("unit", Result.OK)]


def test_another_units_seal_is_noticed(world: World, tmp_path: Path) -> None:
    """A maker who put another company's certificate into the seal, and the signer uses it all the same."""
    stranger = declare("other company", None, cn="别的公司", o="别的公司", uscc=OTHER)
    seal = make_seal(SealKind.UNIT, stranger.certificate, world.maker, 9)
    draft, target = draft_pdf(tmp_path / "draft.pdf"), tmp_path / "one.pdf"
    prepared = prepare_seal(draft, target, field="unit", seal=seal, signer=stranger.certificate, at=NOON)
    tbs = statement_of(prepared, b"\1" * 32, NOON)
    signature = stranger.sign(tbs)
    token = world.stamp(signature)
    complete_seal(prepared, tbs, signature, token, not_before=NOON - DAY, not_after=NOON + DAY)
    verdict = judge(target, world, expect=Expected(HOLDER.uscc))
    assert results(verdict, "identity") == [("unit", Result.FAILED)]
    assert results(verdict, "seal-owner") == [("unit", Result.OK)]


def test_the_expectation_can_come_from_the_licence(world: World, sealed: Path) -> None:
    registrar = registrar_of(world)
    known = world.trust.anchors[1]
    trust = replace(
        world.trust,
        anchors=(world.trust.anchors[0], replace(known, purposes=known.purposes | {Purpose.REGISTRAR})),
    )
    signed = licence(registrar)
    expected, verdict = expect_licence(
        signed, anchors=trust, evidence=trust.evidence, at=NOON, uscc=HOLDER.uscc, partners=(OTHER,)
    )
    assert verdict.indication is Indication.TOTAL_PASSED
    assert (expected.units, expected.person_name, expected.at) == (
        (HOLDER.uscc, OTHER),
        HOLDER.legal_representative,
        NOON,
    )
    assert judge(sealed, world, expect=expected).indication is Indication.TOTAL_PASSED
    doubtful, verdict = expect_licence(signed, anchors=world.trust, evidence=trust.evidence, at=NOON, uscc=HOLDER.uscc)
    assert verdict.indication is Indication.INDETERMINATE
    assert doubtful == Expected(HOLDER.uscc)


def test_a_seal_by_itself_is_asked_for_its_owner(world: World) -> None:
    seal, trust = world.seals[SealKind.UNIT], world.trust
    for code, result in ((HOLDER.uscc, Result.OK), (OTHER, Result.FAILED)):
        verdict = verify_esl(seal.esl, anchors=trust, evidence=trust.evidence, at=NOON, expect=Expected(code))
        assert [result for _, result in results(verdict, "identity")] == [result]


# What a policy makes of it


def policy(**fields: object) -> ValidationPolicy:
    return change(DEFAULT_POLICY, **fields)


def test_the_production_profile_refuses_test_authorities(world: World, sealed: Path) -> None:
    verdict = judge(sealed, world, policy=PRODUCTION_POLICY)
    assert verdict.indication is Indication.INDETERMINATE
    assert "仿真" in verdict.warnings[0]
    real = replace(world, trust=replace(world.trust, sandbox=False))
    assert judge(sealed, real, policy=PRODUCTION_POLICY).indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("fields", "indication", "code"),
    [
        pytest.param({"revocation_max_age": 3 * 86400}, Indication.TOTAL_PASSED, "", id="evidence fresh enough"),
        pytest.param({"revocation_max_age": 3600}, Indication.INDETERMINATE, "REV_UNKNOWN", id="evidence too old"),
        pytest.param({"timestamp": "required"}, Indication.TOTAL_PASSED, "", id="timestamp there"),
        pytest.param({"authorities": ("0" * 64,)}, Indication.TOTAL_PASSED, "", id="authority not named"),
        pytest.param(
            {"authorities": ("0" * 64,), "timestamp": "required"},
            Indication.INDETERMINATE,
            "TIME_UNTRUSTED",
            id="authority not named, and a time required",
        ),
        pytest.param({"purposes": (Purpose.LICENCE,)}, Indication.INDETERMINATE, "CHAIN_NONE", id="no makers accepted"),
    ],
)
def test_what_the_policy_asks(
    world: World, sealed: Path, fields: dict[str, object], indication: Indication, code: str
) -> None:
    verdict = judge(sealed, world, policy=policy(**fields))
    assert (verdict.indication) is indication
    open_ones = {c.code for s in verdict.signatures for c in s.verdict.checks if c.result is not Result.OK}
    assert code in open_ones if code else open_ones == set()


def test_a_named_authority_is_taken(world: World, sealed: Path) -> None:
    named = policy(authorities=(world.clock.certificate.sm3,), timestamp="required")
    verdict = judge(sealed, world, policy=named)
    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, ())


def test_missing_revocation_evidence_may_be_a_warning(world: World, sealed: Path) -> None:
    bare = replace(world, trust=replace(world.trust, crls=()))
    assert judge(sealed, bare).indication is Indication.INDETERMINATE
    verdict = judge(sealed, bare, policy=policy(revocation="if-available"))
    assert verdict.indication is Indication.TOTAL_PASSED
    assert all("REV_UNKNOWN" in text for text in verdict.warnings)


def test_the_answer_names_its_policy_and_what_it_rests_on(world: World, sealed: Path) -> None:
    published = judge(sealed, world).signatures[1].as_json()
    assert published["policy"]["id"] == "yizhao-2026.1"
    assert len(published["policy"]["fingerprint"]) == 64
    certificate = published["certificate"]
    assert (certificate["name"], certificate["serial"]) == (HOLDER.company, world.unit.certificate.serial)
    assert certificate["not_after"] == (NOON + 100 * DAY).isoformat()
    assert [one["name"] for one in published["chain"]] == [HOLDER.company, "licence ca"]
    revocation = published["revocation"]
    assert (revocation["status"], revocation["source"], revocation["this_update"]) == (
        "good",
        "CRL",
        (NOON - DAY).isoformat(),
    )
    assert published["poe"]["at"] == NOON.isoformat()
    assert published["poe"]["kind"] == "signature-timestamp"
    blocks = published["building_blocks"]
    assert {one["result"] for one in blocks.values()} == {"PASSED"}
    assert set(blocks) >= {"format-checking", "cryptographic-verification", "time-stamp-validation"}
    assert "seal_picture" not in published


def test_the_picture_comes_when_asked(world: World, sealed: Path) -> None:
    report = judge(sealed, world).signatures[1]
    picture = report.as_json(pictures=True)["seal_picture"]
    assert picture["format"].lower() == "png"
    assert picture["data"].startswith("iVBORw0KGgo")
