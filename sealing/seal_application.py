"""Applying for seals with the licence (凭执照申请), and bringing an existing seal along: rules, pure.

Who applies is the legal representative or a person granted to; the licence that comes along must name the same unit.
With a trust list the signatures are judged too; without one only what the papers say is compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from identity.actor import parse_authorisation, verify_authorisation
from identity.consent import LEGAL_REPRESENTATIVE
from identity.errors import IdentityError
from identity.licence import parse_licence, verify_licence
from sealing import ses
from sealing.errors import SealApplicationError, SealFormatError, SealImportError, SealLimitError
from sealing.judging import Policy, judge_licence, read_certificates
from sealing.judging_seal import judge_seal
from sealing.seal import Holder, SealKind, kind_of
from sealing.wire import Application
from signing.certificates import Certificate
from signing.checks import Indication, Verdict, check
from signing.digests import sm3
from signing.errors import SigningError
from signing.key_use import signs_data
from signing.path import TrustAnchors

_NUMBER: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
"""Numbers of other makers are kept as they are, if they can be names of files and addresses."""


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
    if kind is None or not (own or holder.company in name):
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
