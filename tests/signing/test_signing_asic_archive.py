"""Archive timestamps in containers: they keep signatures good whose own proof has been lost since."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pytest
from signing_asic_files import ASIC_E, container, manifest
from signing_pki import CA, DAY, NOON, ROOT, TRUST, TSA, UNIT, Holder, token

from signing.asic import AsicReport, verify_asic
from signing.asic_archive import StampedEntry, prove_entries
from signing.certificates import TIME_STAMPING
from signing.checks import Indication, SubIndication
from signing.cms import complete_detached, prepare_detached
from signing.digests import sm3
from signing.issuing import Revocation
from signing.path import Purpose, RevocationEvidence
from signing.poe import Proof, ProofKind

OBJECTS = {"a.txt": b"one", "b.txt": b"two"}
SIGNATURE, LIST = "META-INF/signature.p7s", "META-INF/ASiCManifest.xml"
LATER_TSA = CA.issue("后来的时间戳", serial=401, purposes=(TIME_STAMPING,), critical=True)
LOST = ((TSA, NOON + 5 * DAY),)


@dataclass(frozen=True)
class Archive:
    """An archive timestamp of an authority, over the entries so named."""

    holder: Holder
    at: datetime
    over: tuple[str, ...]


def signed(*archives: Archive) -> dict[str, bytes]:
    listed = manifest(OBJECTS, digest="sm3")
    attributes = prepare_detached(sm3(listed), UNIT.certificate, NOON)
    value = UNIT.sign(attributes)
    message = complete_detached(attributes, UNIT.certificate, [CA.certificate], value, token(sm3(value)))
    files = {"mimetype": ASIC_E, **OBJECTS, LIST: listed, SIGNATURE: message}
    for number, one in enumerate(archives):
        name, where = f"META-INF/timestamp{number}.tst", f"META-INF/ASiCArchiveManifest{number}.xml"
        covering = manifest({name: files[name] for name in one.over}, digest="sm3", signature=name)
        files |= {where: covering, name: token(sm3(covering), at=one.at, holder=one.holder)}
    return files


def judge(files: Mapping[str, bytes], *revoked: tuple[Holder, datetime]) -> AsicReport:
    times = {"this_update": NOON - DAY, "next_update": NOON + 90 * DAY}
    entries = [Revocation(one.certificate.serial_number, at, "keyCompromise") for one, at in revoked]
    evidence = RevocationEvidence.of(ROOT.crl(**times), CA.crl(*entries, **times))
    return verify_asic(io.BytesIO(container(files)), anchors=TRUST, evidence=evidence, purpose=Purpose.LICENCE)


WHOLE = (LIST, SIGNATURE)


@pytest.mark.parametrize(
    ("archives", "indication", "proven"),
    [
        pytest.param((), Indication.INDETERMINATE, None, id="none"),
        pytest.param((Archive(LATER_TSA, NOON + DAY, WHOLE),), Indication.TOTAL_PASSED, 1, id="before"),
        pytest.param((Archive(LATER_TSA, NOON + 8 * DAY, WHOLE),), Indication.INDETERMINATE, 8, id="too late"),
        pytest.param((Archive(LATER_TSA, NOON + DAY, (LIST,)),), Indication.INDETERMINATE, None, id="over another"),
        pytest.param(
            (
                Archive(TSA, NOON + DAY, WHOLE),
                Archive(LATER_TSA, NOON + 2 * DAY, (*WHOLE, "META-INF/timestamp0.tst")),
            ),
            Indication.TOTAL_PASSED,
            1,
            id="one by the lost authority, renewed in time",
        ),
        pytest.param(
            (Archive(TSA, NOON + DAY, WHOLE), Archive(LATER_TSA, NOON + 8 * DAY, (*WHOLE, "META-INF/timestamp0.tst"))),
            Indication.INDETERMINATE,
            8,
            id="one by the lost authority, renewed too late",
        ),
    ],
)
def test_an_authority_is_lost(archives: tuple[Archive, ...], indication: Indication, proven: int | None) -> None:
    report = judge(signed(*archives), *LOST)
    (found,) = (one for one in report.signatures if one.name == SIGNATURE)
    assert found.verdict.indication is indication, found.verdict.checks
    if indication is Indication.INDETERMINATE:
        assert found.verdict.sub_indication is SubIndication.REVOKED_NO_POE
    assert (found.proof and round((found.proof.at - NOON) / DAY)) == proven


def test_without_a_loss_all_is_good() -> None:
    report = judge(signed(Archive(LATER_TSA, NOON + DAY, WHOLE)))
    assert report.indication is Indication.TOTAL_PASSED
    assert [one.name for one in report.signatures] == [SIGNATURE, "META-INF/timestamp0.tst"]


def test_a_changed_signature_is_not_under_the_timestamp() -> None:
    files = signed(Archive(LATER_TSA, NOON + DAY, WHOLE))
    changed = files | {SIGNATURE: files[SIGNATURE][:-1] + bytes((files[SIGNATURE][-1] ^ 1,))}
    report = judge(changed, *LOST)
    (found,) = (one for one in report.signatures if one.name == SIGNATURE)
    assert found.proof is None
    assert found.verdict.indication is not Indication.TOTAL_PASSED


def test_a_timestamp_proves_nothing_of_itself() -> None:
    circle = StampedEntry("x", frozenset({"x", "y"}), NOON)

    def judge_none(stamp: StampedEntry, proof: Proof | None) -> Proof | None:
        assert proof is None
        return Proof(stamp.at, ProofKind.ARCHIVE_TIMESTAMP) if stamp.at else None

    proofs = prove_entries([circle, StampedEntry("z", frozenset({"q"}), None)], judge_none)
    assert sorted(proofs) == ["x", "y"]
