"""A report as XML by ETSI TS 119 102-2 V1.2.1 (验证报告的机器形式): one SignatureValidationReport for each signature.

Chinese seals have no type in the standard; they are reported like signatures, their steps by GB/T 38540 as validation
constraints with URNs of ours, and the name of the seal as signer's further element. Digests by SM3 have no registered
algorithm URI: the document's identifier is its SHA-256, and the SM3 stands beside it as further report data.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from bidding.reporting.details import ReportDetails, answer_bytes
from bidding.reporting.facts import CheckFacts, FileFacts, SignatureFacts, read_answer
from sealing import texts
from signing.digests import sm3

VR: Final = "http://uri.etsi.org/19102/v1.2.1#"
"""That of V1.2.1 and V1.3.1, which others read today; V1.4.1 renamed it."""
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
TSL: Final = "http://uri.etsi.org/02231/v2#"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_URN: Final = "urn:etsi:019102:"
_OWN: Final = "urn:yizhao:verification:"
_MAIN: Final = {"TOTAL-PASSED": "total-passed", "TOTAL-FAILED": "total-failed", "INDETERMINATE": "indeterminate"}
_STATUS: Final = {"ok": "passed", "failed": "failed", "unknown": "indeterminate"}


def render_xml(answers: Sequence[Mapping[str, Any]], details: ReportDetails) -> bytes:
    """Answer the XML document, UTF-8; ReportAnswerError."""
    for prefix, namespace in (("vr", VR), ("ds", DS), ("xades", XADES), ("tsl", TSL)):
        register_namespace(prefix, namespace)
    root, objects = Element(_q(VR, "ValidationReport")), Element(_q(VR, "SignatureValidationObjects"))
    for number, answer in enumerate(answers, 1):
        facts = read_answer(answer)
        _document_object(objects, facts, f"D{number}", answer_bytes(answer))
        for index, one in enumerate(facts.signatures, 1):
            _report((root, objects), facts, one, details, (f"D{number}", f"D{number}-S{index}"))
        if not facts.signatures:
            _unsigned(root, facts, details, f"D{number}")
    root.append(objects)
    _validator(root, details)
    indent(root)
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    body: bytes = tostring(root, encoding="utf-8")
    return head + body + b"\n"


def _report(
    into: tuple[Element, Element], facts: FileFacts, one: SignatureFacts, details: ReportDetails, names: tuple[str, str]
) -> None:
    """Add one report, and what it refers to; `names` are those of the document and of this signature."""
    root, objects = into
    document, name = names
    report = _add(root, VR, "SignatureValidationReport")
    identifier = _add(report, VR, "SignatureIdentifier", id=name)
    _digest(identifier, facts)
    _text(identifier, VR, "HashOnly", "false")
    _text(identifier, VR, "DocHashOnly", "false")
    _text(identifier, VR, "DAIdentifier", _clean(one.id or name))
    _constraints(report, facts, one, details)
    times = _add(report, VR, "ValidationTimeInfo")
    _text(times, VR, "ValidationTime", _instant(facts.at) or _instant(details.issued_at) or _NEVER)
    if one.time_source == "timestamp" and _instant(one.signed_at):
        best = _add(times, VR, "BestSignatureTime")
        _text(best, VR, "POETime", _instant(one.signed_at))
        _text(best, VR, "TypeOfProof", f"{_URN}poetype:validation")
    _signers_document(report, facts, document)
    _attributes(report, one)
    if one.signer:
        _signer(report, one, name, objects)
    process = _add(report, VR, "SignatureValidationProcess")
    _text(process, VR, "SignatureValidationProcessID", f"{_URN}validationprocess:{_process(one)}")
    _text(process, VR, "SignatureValidationServicePolicy", _OWN + _token(details.policy or facts.policy or "policy"))
    _status(report, "SignatureValidationStatus", one.indication, one.sub_indication or "")


def _unsigned(root: Element, facts: FileFacts, details: ReportDetails, document: str) -> None:
    """Report a file without a signature, or one that cannot be read: nothing was found that could pass."""
    report = _add(root, VR, "SignatureValidationReport")
    times = _add(report, VR, "ValidationTimeInfo")
    _text(times, VR, "ValidationTime", _instant(facts.at) or _instant(details.issued_at) or _NEVER)
    _signers_document(report, facts, document)
    found = {"NO-SIGNATURE": f"{_OWN}subindication:NO_SIGNATURE_FOUND"}
    status = _add(report, VR, "SignatureValidationStatus")
    _text(status, VR, "MainIndication", f"{_URN}mainindication:indeterminate")
    _text(status, VR, "SubIndication", found.get(facts.indication, f"{_URN}subindication:SIGNED_DATA_NOT_FOUND"))
    _data(_add(status, VR, "AssociatedValidationReportData"), {"reason": facts.reason, "indication": facts.indication})


def _constraints(report: Element, facts: FileFacts, one: SignatureFacts, details: ReportDetails) -> None:
    """Report every check as a constraint: what was asked, what came out, and the step of the national standards."""
    evaluation = _add(report, VR, "ValidationConstraintsEvaluationReport")
    policy = _add(evaluation, VR, "SignatureValidationPolicy")
    _add(_add(policy, VR, "SignaturePolicyIdentifier"), XADES, "SignaturePolicyImplied")
    _text(policy, VR, "PolicyName", _clean(details.policy or facts.policy or "policy"))
    for check in one.checks:
        _constraint(evaluation, check)


def _constraint(evaluation: Element, check: CheckFacts) -> None:
    entry = _add(evaluation, VR, "ValidationConstraint")
    identifier = f"{_OWN}constraint:{_token(check.name or check.code)}"
    _text(entry, VR, "ValidationConstraintIdentifier", identifier)
    step = check.step or texts.step(check.code)
    for kind, value in (("code", check.code), ("step", step), ("question", texts.question(check.code, check.name))):
        if value:
            _typed(_add(entry, VR, "ValidationConstraintParameter"), kind, value)
    status = _add(entry, VR, "ConstraintStatus")
    applied = "applied" if check.result in _STATUS else "disabled"
    _text(status, VR, "Status", f"{_URN}constraintStatus:{applied}")
    outcome = _add(entry, VR, "ValidationStatus")
    word = _STATUS.get(check.result, "indeterminate")
    _text(outcome, VR, "MainIndication", f"{_URN}mainindication:{word}")
    said = "".join(part for part in (check.text or texts.explain_result(check.code, check.result), check.why) if part)
    _data(_add(outcome, VR, "AssociatedValidationReportData"), {"text": said})


def _signers_document(report: Element, facts: FileFacts, document: str) -> None:
    if facts.sha256:
        holder = _add(report, VR, "SignersDocument")
        _digest(holder, facts)
        _add(holder, VR, "SignersDocumentRef", VOReference=f"#{document}")


def _attributes(report: Element, one: SignatureFacts) -> None:
    attributes = _add(report, VR, "SignatureAttributes")
    if one.signed_at and one.time_source == "claimed" and _instant(one.signed_at):
        _text(_add(attributes, VR, "SigningTime", Signed="true"), VR, "Time", _instant(one.signed_at))
    if one.signed_at and one.time_source == "timestamp" and _instant(one.signed_at):
        stamp = _add(attributes, VR, "SignatureTimeStamp", Signed="false")
        _text(stamp, VR, "TimeStampValue", _instant(one.signed_at))
    if one.seal:
        _text(_add(attributes, VR, "Name", Signed="true"), VR, "NameElement", _clean(one.seal.name))


def _signer(report: Element, one: SignatureFacts, name: str, objects: Element) -> None:
    if one.signer is None:
        return
    information = _add(report, VR, "SignerInformation")
    _add(information, VR, "SignerCertificate", VOReference=f"#{name}-C")
    code = f"（{one.signer.uscc}）" if one.signer.uscc else ""
    _text(information, VR, "Signer", _clean(one.signer.name + code))
    entry = _add(objects, VR, "ValidationObject", id=f"{name}-C")
    _text(entry, VR, "ObjectType", f"{_URN}validationObject:certificate")
    representation = _add(entry, VR, "ValidationObjectRepresentation")
    serial = _token(one.signer.serial)
    held = one.certificate
    if held and held.sha256:
        digest = _add(representation, VR, "DigestAlgAndValue")
        _add(digest, DS, "DigestMethod", Algorithm=SHA256)
        _text(digest, DS, "DigestValue", _base64(held.sha256))
    else:
        _text(representation, VR, "URI", f"{_OWN}certificate:{serial}")


def _document_object(objects: Element, facts: FileFacts, name: str, kept: bytes) -> None:
    """Name the judged file, and the answer itself as the data that this report was made from."""
    for identifier, kind, digest in ((name, "signedData", facts.sha256), (f"{name}-A", "other", "")):
        entry = _add(objects, VR, "ValidationObject", id=identifier)
        _text(entry, VR, "ObjectType", f"{_URN}validationObject:{kind}")
        representation = _add(entry, VR, "ValidationObjectRepresentation")
        if digest:
            holder = _add(representation, VR, "DigestAlgAndValue")
            _add(holder, DS, "DigestMethod", Algorithm=SHA256)
            _text(holder, DS, "DigestValue", _base64(digest))
        elif kind == "other":
            _text(representation, VR, "base64", b64encode(kept).decode())
        else:
            _text(representation, VR, "URI", f"{_OWN}file:{sm3(facts.file.encode('utf-8', 'replace')).hex()}")


def _validator(root: Element, details: ReportDetails) -> None:
    if not details.agency:
        return
    validator = _add(root, VR, "SignatureValidator")
    identity = _add(validator, VR, "DigitalId")
    _text(identity, TSL, "X509SubjectName", f"O={_clean(details.agency)}")


def _status(parent: Element, tag: str, indication: str, sub: str) -> None:
    status = _add(parent, VR, tag)
    _text(status, VR, "MainIndication", f"{_URN}mainindication:{_MAIN.get(indication, 'indeterminate')}")
    if sub:
        _text(status, VR, "SubIndication", f"{_URN}subindication:{_token(sub)}")


def _process(one: SignatureFacts) -> str:
    if one.profile.startswith(("PAdES-B-LT", "PAdES-B-LTA")):
        return "LTA"
    return "LTVM" if one.time_source == "timestamp" else "Basic"


def _data(holder: Element, values: Mapping[str, str]) -> None:
    more = _add(holder, VR, "AdditionalValidationReportData")
    for kind, value in values.items():
        if value:
            _typed(_add(more, VR, "ReportData"), kind, value)


def _typed(holder: Element, kind: str, value: str) -> None:
    _text(holder, VR, "Type", f"{_OWN}data:{kind}")
    _text(holder, VR, "Value", _clean(value))


def _digest(holder: Element, facts: FileFacts) -> None:
    if facts.sha256:
        digest = _add(holder, VR, "DigestAlgAndValue")
        _add(digest, DS, "DigestMethod", Algorithm=SHA256)
        _text(digest, DS, "DigestValue", _base64(facts.sha256))


_NEVER: Final = "1970-01-01T00:00:00Z"


def _instant(value: datetime | str | None) -> str:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
    except (ValueError, OverflowError):
        return ""


def _base64(digest: str) -> str:
    try:
        return b64encode(bytes.fromhex(digest)).decode()
    except ValueError:
        return ""


def _token(text: str) -> str:
    """Answer text that may stand in a URN."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in text)
    return kept or "none"


def _clean(text: str) -> str:
    """Answer text without what XML 1.0 cannot hold."""
    return "".join(
        char if char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char > "\uffff" else "�"
        for char in text
    )


def _q(namespace: str, tag: str) -> str:
    return f"{{{namespace}}}{tag}"


def _add(parent: Element, namespace: str, tag: str, **attributes: str) -> Element:
    return SubElement(parent, _q(namespace, tag), attributes)


def _text(parent: Element, namespace: str, tag: str, text: str) -> None:
    _add(parent, namespace, tag).text = text
