"""Applying for seals with the licence (凭执照申请), and bringing an existing seal along: rules, pure.

Who applies is the legal representative or a person granted to; the licence that comes along must name the same unit.
A consent that comes along must be the applicant's to this very message. A natural person applies for their own
signature-seal, never without consent. With a trust list the signatures are judged too; without one only what the
papers say is compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from identity.actor import parse_authorisation, verify_authorisation
from identity.consent import LEGAL_REPRESENTATIVE, SELF, SignedConsent, parse_consent, verify_consent, verify_raw
from identity.errors import IdentityError
from identity.licence import parse_licence, verify_licence
from identity.people import is_natural, is_person
from sealing import ses
from sealing.errors import SealApplicationError, SealFormatError, SealImportError, SealLimitError
from sealing.judging import Policy, judge_licence, read_certificates
from sealing.judging_seal import judge_seal
from sealing.seal import Holder, SealKind, kind_of
from sealing.wire import Application, ImportOrder, PersonSealOrder, ReissueOrder, ScanOrder, SealOrder
from signing import canonical
from signing.certificates import Certificate, parse_certificate
from signing.checks import Indication, Result, Verdict, check
from signing.digests import sm3
from signing.errors import MalformedError, SigningError
from signing.key_use import signs_data
from signing.path import Purpose, TrustAnchors, verify_path

_NUMBER: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
"""Numbers of other makers are kept as they are, if they can be names of files and addresses."""


APPLY: Final = "apply-seal"
"""The act that a consent to a making of seals names."""
Asked = SealOrder | ReissueOrder | ScanOrder | ImportOrder | PersonSealOrder


@dataclass(frozen=True)
class ImportedSeal:
    """An existing seal that passed: its kind and what it says."""

    kind: SealKind
    seal: ses.SesSeal


def read_holder(application: Application) -> Holder:
    """Read from the licence whose seals are applied for. Raises SealApplicationError."""
    try:
        face = parse_licence(application.licence)
    except (IdentityError, SigningError) as error:
        raise SealApplicationError("申请所附营业执照无法读取") from error
    return Holder(face.name, face.uscc, face.legal_representative)


def check_application(
    application: Application, holder: Holder, *, representative: str, anchors: TrustAnchors | None, at: datetime
) -> None:
    """See that the licence is the holder's and that the applicant may apply. Raises SealApplicationError.

    `representative` is the legal representative's opaque id (of the certificate); empty when it is not known.
    """
    if read_holder(application) != holder:
        raise SealApplicationError("申请所附营业执照与所申请的单位、法定代表人不一致")
    if anchors is not None:
        judged = verify_licence(
            application.licence, anchors=anchors, evidence=anchors.evidence, at=at, uscc=holder.uscc
        )
        _require(judged, "申请所附营业执照未通过验证")
    if application.authorisation != LEGAL_REPRESENTATIVE:
        _check_grant(application, holder, representative, anchors, at)
    elif application.applicant != holder.legal_representative:
        raise SealApplicationError("申请人不是法定代表人本人，也没有出示授权")
    elif application.person and representative and application.person != representative:
        raise SealApplicationError("申请人的人员编号与法定代表人证书不一致")


def _check_grant(
    application: Application, holder: Holder, representative: str, anchors: TrustAnchors | None, at: datetime
) -> None:
    if application.grant is None:
        raise SealApplicationError("申请写明了授权编号，但没有附上授权")
    try:
        granted = parse_authorisation(application.grant)
    except (IdentityError, SigningError) as error:
        raise SealApplicationError("申请所附授权无法读取") from error
    if (granted.id, granted.uscc) != (application.authorisation, holder.uscc):
        raise SealApplicationError("申请所附授权不是申请写明的那一项")
    if granted.person_name != application.applicant or application.person not in {"", granted.person}:
        raise SealApplicationError("申请人不是被授权人")
    if not granted.not_before <= at <= granted.not_after:
        raise SealApplicationError("申请所附授权尚未生效或已到期")
    if anchors is not None:
        by = representative or granted.granted_by
        judged = verify_authorisation(
            application.grant, anchors=anchors, evidence=anchors.evidence, at=at, granted_by=by
        )
        _require(judged, "申请所附授权未通过验证")


def _require(verdict: Verdict, words: str) -> None:
    if verdict.indication is not Indication.TOTAL_PASSED:
        raise SealApplicationError(f"{words}：{'、'.join(verdict.failed + verdict.unknown)}")


def asked_sm3(message: Asked) -> str:
    """Answer what a consent to this message lists: SM3 (hex) of its canonical JSON with an empty consent."""
    return sm3(canonical.encode(_blank(message))).hex()


def check_consent(
    message: Asked, application: Application, holder: Holder, *, anchors: TrustAnchors | None, at: datetime
) -> None:
    """See that the consent, if one came along, is the applicant's, to this message, now. SealApplicationError."""
    if not application.consent:
        return
    expected = (application.applicant, application.authorisation, holder.uscc, holder.company)
    signed = _read_consent(message, application.consent, application.person, expected)
    _judge_consent(signed, asked_sm3(message), anchors, at)


def check_person_order(order: PersonSealOrder, *, anchors: TrustAnchors, at: datetime) -> Certificate:
    """See that a natural person orders their own seal, for a good certificate of theirs; answer that certificate.

    Raises SealApplicationError.
    """
    try:
        certificate = parse_certificate(order.certificate)
    except MalformedError as error:
        raise SealApplicationError("所附个人证书无法读取") from error
    if not (is_natural(certificate) and is_person(certificate, order.person, order.name) and signs_data(certificate)):
        raise SealApplicationError("所附证书不是本人的个人签名证书")
    _require(
        verify_path(certificate, anchors=anchors, evidence=anchors.evidence, at=at, purpose=Purpose.LICENCE),
        "所附个人证书未通过验证",
    )
    signed = _read_consent(order, order.consent, order.person, (order.name, SELF, "", ""))
    if signed.certificate != order.certificate:
        raise SealApplicationError("授权不是用所附个人证书签署的")
    _judge_consent(signed, asked_sm3(order), anchors, at)
    return certificate


def _read_consent(message: Asked, consent: bytes, person: str, expected: tuple[str, str, str, str]) -> SignedConsent:
    """Read a consent and see that it is to this message; `expected` is name, authorisation, code and company."""
    try:
        record, signed = parse_consent(consent)
    except IdentityError as error:
        raise SealApplicationError("申请所附授权确认无法读取") from error
    if record.act != APPLY:
        raise SealApplicationError("所附授权确认不是为申领印章作出的")
    told = (record.person_name, record.authorisation, record.uscc, record.company)
    if told != expected or person not in {"", record.person}:
        raise SealApplicationError("所附授权确认不是申请人本人为此单位作出的")
    if [file.sm3 for file in record.files] != [asked_sm3(message)]:
        raise SealApplicationError("所附授权确认针对的不是这份申请")
    return signed


def _judge_consent(signed: SignedConsent, digest: str, anchors: TrustAnchors | None, at: datetime) -> None:
    """Judge signature and period, and with a trust list the signer's certificate."""
    if anchors is not None:
        judged = verify_consent(signed, anchors=anchors, evidence=anchors.evidence, at=at, expected=[digest])
        _require(judged, "所附授权确认未通过验证")
        return
    try:
        certificate = parse_certificate(signed.certificate)
    except MalformedError as error:
        raise SealApplicationError("申请所附授权确认无法读取") from error
    if verify_raw("consent-signature", certificate, signed.record, signed.signature).result is not Result.OK:
        raise SealApplicationError("所附授权确认未通过验证：consent-signature")


def _blank(message: Asked) -> Asked:
    """Answer the message with an empty consent, which is what the consent was given to."""
    if isinstance(message, PersonSealOrder):
        return replace(message, consent=b"")
    if isinstance(message, ReissueOrder | ScanOrder):
        return replace(message, order=_blank(message.order))
    application = message.application
    return replace(message, application=replace(application, consent=b"") if application else None)


def unit_type(application: Application | None) -> str:
    """Answer 类型 on the licence of an application, empty without one."""
    return parse_licence(application.licence).type if application is not None else ""


def check_import(
    data: bytes, holder: Holder, *, anchors: TrustAnchors, at: datetime, certificates: Sequence[bytes] = ()
) -> ImportedSeal:
    """Judge an existing `.esl` fully before it is kept: structure, maker, period, kind, and whose it is.

    `certificates` help where the seal lists digests only. Raises SealImportError with a Chinese sentence.
    """
    try:
        seal = ses.parse_seal(data)
    except SealLimitError as error:
        raise SealImportError("印章文件过大，不予读取") from error
    except SealFormatError as error:
        raise SealImportError("文件不是电子印章，或格式有误") from error
    if not _NUMBER.fullmatch(seal.info.number):
        raise SealImportError("印章编码的写法无法登记（应为数字、字母，最多 64 位）")
    policy = Policy(anchors, anchors.evidence, at)
    judged = Verdict(check("format", ok=True, code="FMT_CMS"), *judge_seal(seal, policy, at))
    if judged.indication is not Indication.TOTAL_PASSED:
        raise SealImportError(f"印章未通过验证：{'、'.join(judged.failed + judged.unknown)}")
    name = seal.info.property.name
    kind = kind_of(name)
    own = kind is SealKind.LEGAL_REPRESENTATIVE and holder.legal_representative in name
    if kind in (None, SealKind.PERSONAL) or not (own or holder.company in name):
        raise SealImportError("印章名称与执照上的单位名称不一致，或看不出是哪一种章")
    if not any(_is_theirs(one, kind, holder, policy) for one in _listed(seal, certificates)):
        raise SealImportError("印章的证书列表中没有该单位（或其法定代表人）现行有效的证书")
    return ImportedSeal(kind, seal)


def _listed(seal: ses.SesSeal, certificates: Sequence[bytes]) -> list[Certificate]:
    """Read the certificates on the seal's list; of those given along, the ones whose digest is on it."""
    named = {entry.value for entry in seal.info.property.digests}
    return read_certificates([*seal.info.property.certificates, *(c for c in certificates if sm3(c) in named)])


def _is_theirs(certificate: Certificate, kind: SealKind, holder: Holder, policy: Policy) -> bool:
    own = kind is SealKind.LEGAL_REPRESENTATIVE
    name = holder.legal_representative if own else holder.company
    named = certificate.common_name == name and certificate.organisation == holder.company
    good = judge_licence(certificate, policy, policy.at).indication is Indication.TOTAL_PASSED
    return named and holder.uscc in certificate.uscc_candidates and signs_data(certificate) and good
