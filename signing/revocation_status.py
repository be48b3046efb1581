"""What lists and responses (CRL, OCSP) say of one certificate at one time (GM/T 0031 6.2.3 d, EN 319 102-1 5.2.5).

"Revoked before" and "revoked after" are kept apart. A revocation counts wherever it is proven, also in an outdated
list; that nothing is revoked must be said by evidence that holds for the time in question.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Literal

from signing.algorithms import verify_signature
from signing.certificates import OCSP_SIGNING, Certificate
from signing.checks import Check, Result, SubIndication
from signing.distinguished_names import same_name
from signing.errors import BadSignatureError, UnsupportedAlgorithmError
from signing.ocsp import OcspResponse, SingleStatus
from signing.path_search import diagnose_signature
from signing.revocation import Crl, is_issued_by

FRESH_WITHOUT_NEXT: Final = timedelta(minutes=10)
"""How long an OCSP answer holds that names no next update: the responder says that it always has a newer one."""
_HOLD: Final = "certificateHold"
_REMOVED: Final = "removeFromCRL"
_ORDERLY: Final = frozenset({"affiliationChanged", "superseded", "cessationOfOperation"})
"""Reasons for which what a timestamp authority said before its revocation stays good (RFC 3161 4.1)."""
_MAX_EVIDENCE: Final = 64
"""Lists, and responses, whose signatures are tried for one certificate."""


@dataclass(frozen=True)
class Revoked:
    """A revocation: when, why (name of RFC 5280 5.3.1), and since when the CA thinks the certificate was invalid."""

    since: datetime
    reason: str
    invalid_since: datetime | None = None


@dataclass(frozen=True)
class StatusSource:
    """The list or response by which a status was judged; `der` is the whole of it."""

    kind: Literal["CRL", "OCSP"]
    issuer: str
    this_update: datetime
    next_update: datetime | None
    der: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class RevocationStatus:
    """What was found out about one certificate: the check, the source that decided it, and the revocation if any."""

    check: Check
    source: StatusSource | None = None
    revoked: Revoked | None = None


@dataclass(frozen=True)
class _Report:
    """What one list or response says: `whole` when its silence means something, `holds` when it does so for `at`.

    `lifts` says whether its silence ends a hold: not when it was made after the certificate's own end, where lists and
    responders may forget it.
    """

    made: datetime
    revoked: Revoked | None
    whole: bool
    holds: bool
    source: str
    facts: StatusSource
    lifts: bool = True


def check_revocation(
    certificate: Certificate,
    issuer: Certificate,
    *,
    crls: Iterable[Crl],
    ocsps: Iterable[OcspResponse] = (),
    at: datetime,
    name: str = "revocation",
    tells_time: bool = False,
) -> Check:
    """Ask whether the certificate was revoked at `at`; the check of `find_status`."""
    return find_status(certificate, issuer, crls=crls, ocsps=ocsps, at=at, name=name, tells_time=tells_time).check


def find_status(
    certificate: Certificate,
    issuer: Certificate,
    *,
    crls: Iterable[Crl],
    ocsps: Iterable[OcspResponse] = (),
    at: datetime,
    name: str = "revocation",
    tells_time: bool = False,
    proven: datetime | None = None,
    proofs: Mapping[bytes, datetime] | None = None,
) -> RevocationStatus:
    """Ask whether the certificate was revoked at `at`, and by what that is known.

    With `tells_time`, `at` is what the holder of the certificate itself says (timestamp authorities and those above
    them): after a revocation for any reason but an orderly end, it may have been dated back (RFC 3161 4.1), unless
    what it said is `proven` to have existed before the revocation. `proofs` say since when lists and responses (by
    their DER) are known to have existed: an answer from before the end of its responder was not dated back.

    A revocation in any list or response of the issuer counts; a hold that a newer one no longer shows does not.
    Without a revocation, evidence that holds for `at` is needed for a good answer. Codes: REVOKED_BEFORE,
    REVOKED_AFTER (ok), REVOKED_NOPOE (revoked after, but invalid since before), REV_UNKNOWN, REVOCATION (ok).
    """
    lists, notes = tuple(crls), list[str]()
    reports = list(_from_crls(certificate, issuer, lists, at))
    for response, status in _named(certificate, issuer, ocsps):
        fault = _response_fault(response, status, issuer, lists, (proofs or {}).get(response.der))
        if fault:
            notes.append(fault)
        else:
            holds = _holds(status, certificate, at)
            facts = StatusSource("OCSP", issuer.common_name, status.this_update, status.next_update, response.der)
            lifts = _remembers(status, certificate)
            reports.append(_Report(status.this_update, _answered(status), True, holds, _said(status), facts, lifts))
    reports.sort(key=lambda report: report.made)
    found = _find(reports)
    if found is not None:
        checked = _judge(name, certificate, found, at)
        if tells_time and not _is_orderly(found, reports) and not _was_before(proven, found):
            checked = _doubt(checked, certificate)
        showing = next((one.facts for one in reversed(reports) if one.revoked is not None), None)
        return RevocationStatus(checked, showing, found)
    good = next((report for report in reversed(reports) if report.whole and report.holds), None)
    if good is not None:
        why = f"{certificate.common_name}：未被吊销（{good.source}）"
        return RevocationStatus(Check(name, "REVOCATION", Result.OK, why), good.facts)
    if not notes and any(report.whole for report in reports):
        notes.append("已有的撤销信息不适用于该时间")
    elif not notes and reports:
        notes.append("已有的撤销列表不完整（增量、间接或限定范围）")
    why = "；".join((f"没有 {issuer.common_name} 在该时间可用的证书撤销信息", *notes))
    return RevocationStatus(Check(name, "REV_UNKNOWN", Result.UNKNOWN, why, SubIndication.TRY_LATER))


def _was_before(proven: datetime | None, found: Revoked) -> bool:
    """Whether something is proven to have existed before a revocation, and before the CA thinks it took effect."""
    if proven is None:
        return False
    return proven < found.since and (found.invalid_since is None or proven < found.invalid_since)


def _judge(name: str, certificate: Certificate, found: Revoked, at: datetime) -> Check:
    why = f"{certificate.common_name}：{_moment(found.since)}，{found.reason}"
    if found.invalid_since is not None:
        why += f"，自 {_moment(found.invalid_since)} 起失效"
    if found.since <= at:
        return Check(name, "REVOKED_BEFORE", Result.FAILED, why, SubIndication.REVOKED)
    if found.invalid_since is not None and found.invalid_since <= at:
        return Check(name, "REVOKED_NOPOE", Result.UNKNOWN, why, SubIndication.REVOKED_NO_POE)
    return Check(name, "REVOKED_AFTER", Result.OK, why)


def _is_orderly(found: Revoked, reports: list[_Report]) -> bool:
    given = {report.revoked.reason for report in reports if report.revoked is not None}
    return (given - {_HOLD, _REMOVED}) | {found.reason} <= _ORDERLY


def _doubt(one: Check, certificate: Certificate) -> Check:
    if one.code != "REVOKED_AFTER":
        return one
    sub = SubIndication.REVOKED_CA_NO_POE if certificate.is_ca else SubIndication.REVOKED_NO_POE
    why = f"{one.why}；时间戳签发者因此被撤销，其此前的时间戳也不能采信"
    return Check(one.name, "REVOKED_NOPOE", Result.UNKNOWN, why, sub)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _find(reports: list[_Report]) -> Revoked | None:
    """Find the earliest revocation in force; of holds, only what newer evidence still shows."""
    final, hold = list[Revoked](), None
    for report in reports:
        if report.revoked is None:
            hold = None if report.whole and report.lifts else hold
        elif report.revoked.reason == _REMOVED:
            hold = None
        elif report.revoked.reason == _HOLD:
            hold = report.revoked
        else:
            final.append(report.revoked)
    return min([*final, *([hold] if hold else [])], key=lambda one: one.since, default=None)


# Lists


def _from_crls(certificate: Certificate, issuer: Certificate, crls: Iterable[Crl], at: datetime) -> Iterator[_Report]:
    ours = (crl for crl in crls if same_name(crl.issuer_der, issuer.subject_der))
    for crl in islice(ours, _MAX_EVIDENCE):
        if is_issued_by(crl, issuer):
            whole = crl.tells_all_of(certificate)
            source = f"撤销列表，{_moment(crl.this_update)} 签发"
            facts = StatusSource("CRL", issuer.common_name, crl.this_update, crl.next_update, crl.der)
            holds, lifts = crl.covers(at, certificate), crl.remembers(certificate)
            yield _Report(crl.this_update, _listed(crl, certificate), whole, holds, source, facts, lifts)


def _listed(crl: Crl, certificate: Certificate) -> Revoked | None:
    serial = certificate.serial_number
    entry = crl.revoked.get(serial)
    return Revoked(*entry, crl.invalid_since.get(serial)) if entry else None


# Responses


def _named(
    certificate: Certificate, issuer: Certificate, ocsps: Iterable[OcspResponse]
) -> list[tuple[OcspResponse, SingleStatus]]:
    found = ((one, status) for one in ocsps for status in one.statuses if status.cert_id.names(certificate, issuer))
    return list(islice(found, _MAX_EVIDENCE))


def _said(status: SingleStatus) -> str:
    return f"OCSP 应答，{_moment(status.this_update)}"


def _answered(status: SingleStatus) -> Revoked | None:
    if status.status != "revoked" or status.revoked_at is None:
        return None
    return Revoked(status.revoked_at, status.reason)


def _holds(status: SingleStatus, certificate: Certificate, at: datetime) -> bool:
    """Whether "good" is good for `at`: the answer is of then, or later and still about this certificate."""
    if status.this_update > certificate.not_after:
        return _remembers(status, certificate)
    if status.next_update is not None:
        return status.this_update >= at or at < status.next_update
    return status.this_update >= at or at - status.this_update < FRESH_WITHOUT_NEXT


def _remembers(status: SingleStatus, certificate: Certificate) -> bool:
    """Whether the answer is still about this certificate: not from after its end, or by one who says that it keeps."""
    cutoff = status.archive_cutoff
    return status.this_update <= certificate.not_after or (cutoff is not None and cutoff <= certificate.not_after)


def _response_fault(
    response: OcspResponse,
    status: SingleStatus,
    issuer: Certificate,
    crls: tuple[Crl, ...],
    proven: datetime | None,
) -> str:
    if response.strange or status.strange:
        return "OCSP 应答含无法识别的关键扩展"
    if status.status == "unknown":
        return "OCSP 应答者不知道该证书"
    produced = response.produced_at
    if produced is None or status.this_update > produced or (status.next_update or produced) < status.this_update:
        return "OCSP 应答的时间前后矛盾"
    return find_responder_fault(response, issuer, crls=crls, proven=proven)


def find_responder_fault(
    response: OcspResponse, issuer: Certificate, *, crls: Iterable[Crl] = (), proven: datetime | None = None
) -> str:
    """Say why a response is not from somebody who may answer for the issuer; empty when it is (RFC 6960 4.2.2.2).

    That is the issuer itself, or a certificate that it issued with id-kp-OCSPSigning, valid when the response was
    made, and not revoked: said by id-pkix-ocsp-nocheck, or by one of the `crls`. `proven` is since when the response is
    known to have existed.
    """
    if response.is_from(issuer):
        return _signature_fault(response, issuer)
    responder = next((one for one in response.certificates if response.is_from(one)), None)
    if responder is None:
        return "OCSP 应答中没有应答者证书"
    fault = _delegation_fault(responder, issuer, response.produced_at)
    if fault:
        return fault
    fault = _signature_fault(response, responder)
    return fault or _responder_status_fault(responder, issuer, crls, response.produced_at, proven)


def _signature_fault(response: OcspResponse, signer: Certificate) -> str:
    try:
        verify_signature(signer.public_key, response.signature_algorithm, response.tbs, response.signature)
    except BadSignatureError:
        wrong = diagnose_signature(signer.public_key, response.tbs, response.signature)
        return f"OCSP 应答的签名值不正确（{wrong}）" if wrong else "OCSP 应答的签名值不正确"
    except UnsupportedAlgorithmError as error:
        return f"OCSP 应答的签名算法不受支持：{error}"
    return ""


def _delegation_fault(responder: Certificate, issuer: Certificate, produced: datetime | None) -> str:
    if not same_name(responder.issuer_der, issuer.subject_der):
        return "OCSP 应答者不是由该签发机构授权的"
    try:
        verify_signature(issuer.public_key, responder.signature_algorithm, responder.tbs, responder.signature)
    except (BadSignatureError, UnsupportedAlgorithmError):
        return "OCSP 应答者证书的签名值不正确"
    if OCSP_SIGNING not in responder.extended_key_usage or not responder.may_sign:
        return f"证书 {responder.common_name} 没有注明可作 OCSP 应答"
    if responder.unknown_critical:
        return f"证书 {responder.common_name} 含无法识别的关键扩展 {responder.unknown_critical[0]}"
    if produced is None or not responder.not_before <= produced <= responder.not_after:
        return f"OCSP 应答时证书 {responder.common_name} 不在有效期内"
    return ""


def _responder_status_fault(
    responder: Certificate,
    issuer: Certificate,
    crls: Iterable[Crl],
    produced: datetime | None,
    proven: datetime | None,
) -> str:
    """Refuse a responder that any list shows as revoked, whenever: it could date back what is not `proven` older."""
    reports = sorted(_from_crls(responder, issuer, crls, produced or responder.not_before), key=lambda one: one.made)
    found = _find(reports)
    if found is not None and _was_before(proven, found):
        return ""
    if found is not None:
        return f"OCSP 应答者证书 {responder.common_name} 已被吊销"
    if responder.ocsp_nocheck or any(report.whole and report.holds for report in reports):
        return ""
    return f"无法确认 OCSP 应答者证书 {responder.common_name} 未被吊销"
