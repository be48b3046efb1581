"""The XML report is one by ETSI TS 119 102-2: read by pyHanko's classes of the schema, which know nothing of ours."""

from typing import Any

import pytest
from lxml import etree
from pyhanko.generated.etsi import ts_11910202 as standard
from reporting_world import AGENCY, ISSUED, Judged, answer, check, details, signature
from xsdata.formats.dataclass.parsers import XmlParser

from bidding.reporting.details import ReportDetails, answer_bytes
from bidding.reporting.etsi import VR, render_xml

URN = "urn:etsi:019102:"


def read(*given: dict[str, Any], **more: Any) -> standard.ValidationReport:
    """Parse as the standard's own types: an element that it does not know, or out of place, is an error."""
    return XmlParser().from_bytes(render_xml(given, details(**more)), standard.ValidationReport)


def test_a_sealed_file(sealed: Judged) -> None:
    report = read(sealed.answer)
    first, second = report.signature_validation_report
    status = first.signature_validation_status
    assert (status.main_indication, status.sub_indication) == (f"{URN}mainindication:total-passed", ())
    assert first.signature_identifier.daidentifier == "legal"
    assert first.validation_time_info.best_signature_time.poetime.to_datetime().year == 2026
    assert second.signer_information.signer == "测试建设工程有限公司（91350100M000100Y43）"
    assert second.signature_attributes.name[0].name_element.startswith("测试建设工程有限公司")
    assert first.signers_document.digest_alg_and_value.digest_value.value.hex() == sealed.answer["sha256"]
    checks = first.validation_constraints_evaluation_report.validation_constraint
    assert len(checks) == len(sealed.answer["signatures"][0]["checks"])
    assert {one.validation_status.main_indication for one in checks} == {f"{URN}mainindication:passed"}
    assert report.signature_validator.digital_id[0].x509_subject_name == f"O={AGENCY}"


def test_the_answer_goes_along(sealed: Judged) -> None:
    objects = read(sealed.answer).signature_validation_objects.validation_object
    kept = [o.validation_object_representation.base64 for o in objects if o.validation_object_representation.base64]
    assert kept == [answer_bytes(sealed.answer)]
    names = [o.id for o in objects]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("given", "main", "sub"),
    [
        pytest.param(
            answer(signature(indication="TOTAL-FAILED", sub_indication="HASH_FAILURE")),
            "total-failed", ["HASH_FAILURE"], id="failed",
        ),
        pytest.param(
            answer(signature(indication="INDETERMINATE", sub_indication="NO_CERTIFICATE_CHAIN_FOUND")),
            "indeterminate", ["NO_CERTIFICATE_CHAIN_FOUND"], id="open",
        ),
        pytest.param(answer(indication="REFUSED"), "indeterminate", ["SIGNED_DATA_NOT_FOUND"], id="unreadable"),
        pytest.param(answer(indication="NO-SIGNATURE"), "indeterminate", ["NO_SIGNATURE_FOUND"], id="unsigned"),
    ],
)  # fmt: skip
def test_indications_by_the_standard_names(given: dict[str, Any], main: str, sub: list[str]) -> None:
    status = read(given).signature_validation_report[0].signature_validation_status
    assert status.main_indication == f"{URN}mainindication:{main}"
    assert [one.rpartition(":")[2] for one in status.sub_indication] == sub


def test_references_lead_to_objects(changed: Judged) -> None:
    tree = etree.fromstring(render_xml([changed.answer, answer(signature())], details()))
    known = {f"#{one}" for one in tree.xpath("//@id")}
    assert set(tree.xpath("//@VOReference")) <= known
    assert tree.tag == f"{{{VR}}}ValidationReport"


def test_what_xml_cannot_hold_is_replaced() -> None:
    bad = "a\x00\x0b\udcff\uffffb<&>"
    given = answer(signature(id=bad, signer={"name": bad}, checks=[check(bad, "SIG", "ok", bad)]), file=bad, reason=bad)
    (report,) = read(given).signature_validation_report
    assert report.signer_information.signer == "a����b<&>"


def test_a_check_that_nobody_asked_is_disabled() -> None:
    given = answer(signature(checks=[check("seal-state", "SEAL_STATE", "not-asked")]))
    (one,) = read(given).signature_validation_report[0].validation_constraints_evaluation_report.validation_constraint
    assert one.constraint_status.status == "urn:etsi:019102:constraintStatus:disabled"


def test_without_details_it_is_a_report_still() -> None:
    data = render_xml([answer(signature(), at="")], ReportDetails(issued_at=ISSUED))
    report = XmlParser().from_bytes(data, standard.ValidationReport)
    assert report.signature_validator is None
    assert report.signature_validation_report[0].validation_time_info.validation_time.to_datetime() == ISSUED
