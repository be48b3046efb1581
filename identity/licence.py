"""电子营业执照: its face data (照面信息), its state in the register, and the registrar's signed word for both."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from identity.errors import LicenceCancelledError, LicenceRevokedError, MalformedLicenceError
from identity.people import is_registrar
from identity.texts import Text
from identity.uscc import UnifiedSocialCreditCode, Uscc
from signing import canonical
from signing.certificates import parse_certificate
from signing.checks import SubIndication, Verdict, check
from signing.errors import MalformedError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement, verify_statement

Long = Annotated[str, Meta(min_length=1, max_length=2000)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]


class LicenceState(StrEnum):
    """登记状态 of the subject."""

    ACTIVE = "active"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    ABNORMAL = "abnormal"

    @property
    def label(self) -> str:
        """The register's word."""
        return {"active": "存续", "revoked": "吊销", "cancelled": "注销", "abnormal": "经营异常"}[self.value]

    def require(self) -> None:
        """LicenceRevokedError or LicenceCancelledError unless the unit may act; 经营异常 is shown, not refused."""
        if self is LicenceState.REVOKED:
            raise LicenceRevokedError(self.label)
        if self is LicenceState.CANCELLED:
            raise LicenceCancelledError(self.label)


class BusinessLicence(Struct, frozen=True, forbid_unknown_fields=True):
    """照面信息: what is printed on the licence (市场主体登记管理条例实施细则 23). Days are `YYYY-MM-DD`."""

    v: Literal[1]
    uscc: Uscc
    """统一社会信用代码"""
    name: Text
    """名称"""
    type: Text
    """类型"""
    legal_representative: Text
    """法定代表人"""
    registered_capital: Text
    """注册资本, as printed, e.g. 5000万元人民币"""
    established: Day
    """成立日期"""
    term: Text
    """营业期限, as printed, e.g. 2020-01-01 至 长期"""
    address: Text
    """住所"""
    scope: Long
    """经营范围"""
    authority: Text
    """登记机关"""
    status: Text
    """登记状态 when the licence was issued; the state now is asked from the register"""
    approved: Day
    """核准日期"""

    def __post_init__(self) -> None:
        """Check the code and the days; MalformedLicenceError."""
        force_setattr(self, "uscc", str(UnifiedSocialCreditCode(self.uscc)))
        try:
            established, approved = date.fromisoformat(self.established), date.fromisoformat(self.approved)
        except ValueError as error:
            raise MalformedLicenceError(f"not a day: {error}") from error
        if approved < established:
            raise MalformedLicenceError("approved before it was established")

    def texts(self) -> dict[str, str]:
        """Answer the face data by their printed Chinese names, in printed order: what fills tender forms."""
        return {label: getattr(self, field) for field, label in FACE.items()}


FACE: Final[dict[str, str]] = {
    "uscc": "统一社会信用代码",
    "name": "名称",
    "type": "类型",
    "legal_representative": "法定代表人",
    "registered_capital": "注册资本",
    "established": "成立日期",
    "term": "营业期限",
    "address": "住所",
    "scope": "经营范围",
    "authority": "登记机关",
    "status": "登记状态",
    "approved": "核准日期",
}
"""Field → printed name, in printed order."""


@dataclass(frozen=True)
class LegalRepresentative:
    """法定代表人 now: opaque person id, name, and signing certificate (DER)."""

    person: str
    name: str
    certificate: bytes


@dataclass(frozen=True)
class LicenceAnswer:
    """The register's answer about one unit, as of the moment of asking."""

    licence: SignedStatement
    state: LicenceState
    state_since: datetime
    legal_representative: LegalRepresentative


def parse_licence(signed: SignedStatement) -> BusinessLicence:
    """Answer the face data inside the registrar's statement, not yet verified; MalformedLicenceError."""
    try:
        return canonical.decode(signed.statement, BusinessLicence)
    except MalformedError as error:
        raise MalformedLicenceError(str(error)) from error


def verify_licence(
    signed: SignedStatement,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    uscc: str,
) -> Verdict:
    """Judge a licence: well formed, signed by a trusted registrar, and of this unit."""
    try:
        licence, certificate = parse_licence(signed), parse_certificate(signed.certificate)
    except (MalformedLicenceError, MalformedError) as error:
        return Verdict(check("licence-form", False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=str(error)))
    registrar = is_registrar(certificate, licence.authority)
    own = Verdict(
        check("licence-form", True, code="FMT_CMS"),
        check("licence-registrar", registrar, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE),
        check("licence-unit", licence.uscc == uscc, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE),
    )
    return own + verify_statement(signed, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.REGISTRAR)
