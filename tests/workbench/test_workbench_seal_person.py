"""A natural person seals for themselves (自然人签名): own certificate, own signature-seal, no company anywhere."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from seal_batch_world import ofd, to_seal
from workbench_world import PIN, Town, now, pdf

from bidding.cli.sealing import LocalSealing
from bidding.errors import SealMissingError
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_batch import Batch, SealBatch, SealOrder, SealProfile
from bidding.workbench.seal_standing import SealPorts, ask_standing
from identity.actor import PersonActor
from identity.errors import IdentityError, PersonNotEntitledError, PersonRevokedError
from sealing.ofd import verify_ofd
from sealing.planning import Point
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing import canonical
from signing.checks import Indication
from signing.errors import KeyServiceRefusedError
from signing.ports import Statement

PERSONAL = SealKind.PERSONAL
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident(number: int) -> str:
    """Answer a number of GB 11643, with its check character."""
    body = f"35010019800101{number:03d}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, body, strict=True)) % 11]


@dataclass(frozen=True)
class People:
    """Enrols natural persons in the town."""

    town: Town

    def enrol(self, name: str, number: int, *, seal: bool = True) -> PersonActor:
        made = self.town.post("/registrar/persons", {"name": name, "resident_id": resident(number), "pin": PIN})
        if seal:
            self.town.post(f"/registrar/persons/{made['person']}/seals", {"pin": PIN})
        return PersonActor(made["person"], made["name"])


@pytest.fixture(scope="session")
def people(town: Town) -> People:
    return People(town)


@pytest.fixture(scope="session")
def writer(people: People) -> PersonActor:
    return people.enrol("钱小文", 1)


@pytest.fixture
def batch(town: Town) -> SealBatch:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    return SealBatch(SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, "电子签署中心"))


@pytest.mark.parametrize(
    ("profile", "form"),
    [
        pytest.param("ses", "pdf", id="ses"),
        pytest.param("pades", "pdf", id="pades"),
        pytest.param("pades-ses", "pdf", id="pades-ses"),
        pytest.param("gm-cms", "pdf", id="gm-cms"),
        pytest.param("ses", "ofd", id="ofd"),
    ],
)
def test_a_person_seals_for_themselves(
    *, town: Town, batch: SealBatch, writer: PersonActor, tmp_path: Path, profile: SealProfile, form: str
) -> None:
    file = to_seal(tmp_path, f"in.{form}", pdf() if form == "pdf" else ofd(), form=form)  # type: ignore[arg-type]
    asked = batch.ask(SealOrder(writer, PERSONAL, [file], profile=profile))
    assert (asked.record.uscc, asked.record.company, asked.record.authorisation) == ("", "", "self")
    town.confirm(asked.consent.url, person=writer.person)
    kept = canonical.decode(canonical.encode(asked), Batch)
    assert kept.actor == writer
    done = batch.finish(kept)
    assert done is not None
    assert (done.answers[0].licence, done.answers[0].person_state) == (None, "active")
    anchors, judge = town.outside.trust.anchors(), verify_ofd if form == "ofd" else verify_pdf
    report = judge(file.target, anchors=anchors, evidence=anchors.evidence, at=now())
    assert report.indication is Indication.TOTAL_PASSED, report


def test_another_persons_key_signs_nothing(
    town: Town, batch: SealBatch, people: People, writer: PersonActor, tmp_path: Path
) -> None:
    other = people.enrol("孙大手", 2)
    asked = batch.ask(SealOrder(writer, PERSONAL, [to_seal(tmp_path, "in.pdf", pdf())], profile="gm-cms"))
    town.confirm(asked.consent.url, person=writer.person)
    digest = bytes.fromhex(asked.files[0].prepared.document_sm3)
    for key in (f"person:{other.person}", f"unit:{town.bidder.uscc}"):
        with pytest.raises(KeyServiceRefusedError) as refused:
            batch.ports.acting.keys.sign(key, asked.consent.id, [Statement("gm-cms", digest)])
        assert refused.value.code == "statement_not_allowed"


@pytest.mark.parametrize(
    ("actor", "kind", "error"),
    [
        pytest.param(lambda _, writer: writer, SealKind.UNIT, PersonNotEntitledError, id="a unit's seal"),
        pytest.param(lambda town, _: town.actor, PERSONAL, PersonNotEntitledError, id="for a unit"),
        pytest.param(
            lambda _, writer: replace(writer, person_name="钱小武"), PERSONAL, PersonNotEntitledError, id="another name"
        ),
        pytest.param(lambda _, writer: replace(writer, person="P000"), PERSONAL, IdentityError, id="nobody"),
    ],
)
def test_who_may_not(
    *,
    town: Town,
    batch: SealBatch,
    writer: PersonActor,
    actor: Callable[[Town, PersonActor], PersonActor],
    kind: SealKind,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        ask_standing(batch.ports, actor(town, writer), "seal", kind)


def test_without_a_seal_there_is_nothing_to_use(batch: SealBatch, people: People) -> None:
    with pytest.raises(SealMissingError):
        ask_standing(batch.ports, people.enrol("李无章", 3, seal=False), "seal", PERSONAL)


def test_after_a_revocation_nothing_is_signed(town: Town, batch: SealBatch, people: People, tmp_path: Path) -> None:
    """The register is asked again between consent and signature."""
    gone = people.enrol("周已吊", 4)
    asked = batch.ask(SealOrder(gone, PERSONAL, [to_seal(tmp_path, "in.pdf", pdf())]))
    town.confirm(asked.consent.url, person=gone.person)
    confirmed = batch.poll(asked)
    town.post(f"/registrar/persons/{gone.person}/revoke", {"pin": PIN}, 200)
    with pytest.raises(PersonRevokedError):
        batch.sign(confirmed)
    with pytest.raises(PersonRevokedError):
        ask_standing(batch.ports, gone, "seal", PERSONAL)


def test_from_the_command_line_the_seal_has_its_own_size(
    *, town: Town, batch: SealBatch, writer: PersonActor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf())

    def decide(_: float) -> None:
        if "http" in (told := capsys.readouterr().out):
            town.confirm(told.split("：", 1)[1].strip(), person=writer.person)

    LocalSealing(batch.ports, writer, PERSONAL).apply(source, target, [Point(1, 100, 100)], sleep=decide)
    anchors = town.outside.trust.anchors()
    report = verify_pdf(target, anchors=anchors, evidence=anchors.evidence, at=now())
    assert report.indication is Indication.TOTAL_PASSED, report
