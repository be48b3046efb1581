"""A report under the agency's seal: consent, seal, timestamp, and the verdict on the sealed report itself."""

import os
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from reporting_world import Judged, answer, details, signature

sys.path.insert(0, str(Path(__file__).parents[1] / "workbench"))

from workbench_world import Town, now, open_town

from bidding.errors import SealPlanError
from bidding.reporting.details import answer_bytes
from bidding.reporting.reports import make_pdf
from bidding.reporting.sealing import seal_report
from bidding.workbench.acting import ActingPorts, PendingConsent
from bidding.workbench.seal_batch import SealBatch
from bidding.workbench.seal_standing import SealPorts
from identity.errors import ConsentExpiredError, ConsentRefusedError
from sealing.verify import verify_pdf
from signing.checks import Indication


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest.fixture
def sealer(town: Town) -> SealBatch:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    return SealBatch(SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, "核验机构"))


def nobody(pending: PendingConsent) -> None:
    del pending


def test_a_sealed_report_proves_itself(town: Town, sealer: SealBatch, changed: Judged, tmp_path: Path) -> None:
    paper = make_pdf([changed.answer], details(), [changed.path], random=os.urandom)
    target, told = tmp_path / "report.pdf", list[str]()

    def tell(pending: PendingConsent) -> None:
        told.append(pending.url)
        town.confirm(pending.url)

    seal_report(paper, target, sealer, town.actor, name="核验报告.pdf", tell=tell, wait=nobody)
    anchors = town.outside.trust.anchors()
    verdict = verify_pdf(target, anchors=anchors, evidence=anchors.evidence, at=now(), expect_uscc=town.bidder.uscc)
    (report,) = verdict.signatures
    assert verdict.indication is Indication.TOTAL_PASSED
    assert (report.page, report.covers, str(report.time_source)) == (1, "whole-document", "timestamp")
    reader = pypdf.PdfReader(BytesIO(target.read_bytes()))
    assert reader.attachments["answer.json"] == [answer_bytes(changed.answer)]
    assert len(told) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["report.pdf"]


def test_a_refusal_leaves_no_report(town: Town, sealer: SealBatch, tmp_path: Path) -> None:
    paper = make_pdf([answer(signature())], details(), random=os.urandom)
    with pytest.raises(ConsentRefusedError):
        seal_report(
            paper, tmp_path / "r.pdf", sealer, town.actor, name="r", tell=lambda p: town.refuse(p.url), wait=nobody
        )
    assert list(tmp_path.iterdir()) == []


def test_nobody_has_decided(town: Town, sealer: SealBatch, tmp_path: Path) -> None:
    paper = make_pdf([answer(signature())], details(), random=os.urandom)
    with pytest.raises(ConsentExpiredError):
        seal_report(paper, tmp_path / "r.pdf", sealer, town.actor, name="r", tell=nobody, wait=nobody)
    assert list(tmp_path.iterdir()) == []


def test_a_report_of_nobody_has_no_place_for_a_seal(town: Town, sealer: SealBatch, tmp_path: Path) -> None:
    paper = make_pdf([answer(signature())], details(agency=""), random=os.urandom)
    with pytest.raises(SealPlanError):
        seal_report(paper, tmp_path / "r.pdf", sealer, town.actor, name="r", tell=nobody, wait=nobody)
