"""Who acts for a unit, and under what: the legal representative, or a person with an authorisation (授权)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from identity.consent import LEGAL_REPRESENTATIVE, SELF, Act, ConsentRecord
from identity.errors import (
    AuthorisationCancelledError,
    AuthorisationExpiredError,
    AuthorisationMissingItemError,
    AuthorisationNotStartedError,
    MalformedAuthorisationError,
)
from identity.people import belongs_to
from identity.texts import Text, is_plain
from identity.uscc import UnifiedSocialCreditCode, Uscc
from signing import canonical
from signing.canonical import Code
from signing.certificates import parse_certificate
from signing.checks import SubIndication, Verdict, check
from signing.errors import MalformedError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement, verify_statement

Item = Literal["login", "seal", "pack", "submit", "withdraw", "release", "record", "publish"]
ITEM_NAMES: Final[dict[str, str]] = {
    "login": "应用登录",
    "seal": "使用公章等单位印章",
    "pack": "封装投标文件",
    "submit": "递交投标文件",
    "withdraw": "撤回投标文件",
    "release": "开标解密",
    "record": "签署开标记录",
    "publish": "签署并发布",
}


class Role(StrEnum):
    """In what capacity a person acts."""

    LEGAL_REPRESENTATIVE = "legal-representative"
    AGENT = "agent"
    SELF = "self"

    @property
    def label(self) -> str:
        """The field's word."""
        return {"legal-representative": "法定代表人", "agent": "经办人", "self": "本人"}[self.value]


class AuthorisationState(StrEnum):
    """What the register says of an authorisation; whether its period runs is judged with the instant."""

    ACTIVE = "active"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Actor:
    """A person acting for a unit, as one login or one consent proved it."""

    uscc: UnifiedSocialCreditCode
    company: str
    person: str
    person_name: str
    role: Role
    authorisation: str


@dataclass(frozen=True)
class PersonActor:
    """A natural person (自然人) acting for themselves; the rest reads as in `Actor`, so that both write one record."""

    person: str
    person_name: str

    @property
    def uscc(self) -> str:
        """No unit."""
        return ""

    @property
    def company(self) -> str:
        """No unit."""
        return ""

    @property
    def role(self) -> Role:
        """本人."""
        return Role.SELF

    @property
    def authorisation(self) -> str:
        """What stands in a consent record."""
        return SELF


AnyActor = Actor | PersonActor


def actor_of(record: ConsentRecord) -> AnyActor:
    """Answer who acts by a consent record."""
    if record.authorisation == SELF:
        return PersonActor(record.person, record.person_name)
    return Actor(
        uscc=UnifiedSocialCreditCode(record.uscc),
        company=record.company,
        person=record.person,
        person_name=record.person_name,
        role=Role.LEGAL_REPRESENTATIVE if record.authorisation == LEGAL_REPRESENTATIVE else Role.AGENT,
        authorisation=record.authorisation,
    )


def owner_of(actor: AnyActor) -> str:
    """Answer by what the key service finds their keys: the unit's code, or the natural person's id."""
    return str(actor.uscc) or actor.person


class Authorisation(Struct, frozen=True, forbid_unknown_fields=True):
    """授权: the legal representative lets a person act in these items, from and to these instants (精准授权)."""

    v: Literal[1]
    id: Code
    uscc: Uscc
    company: Text
    person: Code
    person_name: Text
    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=8)]
    not_before: datetime
    not_after: datetime
    granted_by: Code
    granted_at: datetime
    type: Literal["authorisation"] = "authorisation"

    def __post_init__(self) -> None:
        """Check items and instants; MalformedAuthorisationError."""
        force_setattr(self, "uscc", str(UnifiedSocialCreditCode(self.uscc)))
        if list(self.items) != sorted(set(self.items)):
            raise MalformedAuthorisationError("items are not sorted, or stand twice")
        if not all(is_plain(at) for at in (self.not_before, self.not_after, self.granted_at)):
            raise MalformedAuthorisationError("an instant is not UTC in whole milliseconds")
        if self.not_before >= self.not_after:
            raise MalformedAuthorisationError("the period is empty")


@dataclass(frozen=True)
class AuthorisationAnswer:
    """The register's answer about one authorisation, as of the moment of asking."""

    authorisation: SignedStatement
    state: AuthorisationState
    state_since: datetime


def parse_authorisation(signed: SignedStatement) -> Authorisation:
    """Answer the authorisation inside the legal representative's statement, not yet verified."""
    try:
        return canonical.decode(signed.statement, Authorisation)
    except MalformedError as error:
        raise MalformedAuthorisationError(str(error)) from error


def require_authorised(
    authorisation: Authorisation, state: AuthorisationState, *, item: Item | Act, at: datetime
) -> None:
    """Pass only if the authorisation is active, its period runs at `at`, and it covers `item`."""
    if state is not AuthorisationState.ACTIVE:
        raise AuthorisationCancelledError(authorisation.id)
    if at < authorisation.not_before:
        raise AuthorisationNotStartedError(authorisation.id)
    if at > authorisation.not_after:
        raise AuthorisationExpiredError(authorisation.id)
    if item not in authorisation.items:
        raise AuthorisationMissingItemError(f"{authorisation.id}: {item}")


def verify_authorisation(
    signed: SignedStatement, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime, granted_by: str
) -> Verdict:
    """Judge an authorisation: well formed, and signed by the person who is the legal representative, `granted_by`.

    A new legal representative voids what the old one granted, so `granted_by` is the register's answer now.
    """
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    try:
        granted, certificate = parse_authorisation(signed), parse_certificate(signed.certificate)
    except (MalformedAuthorisationError, MalformedError) as error:
        return Verdict(check("authorisation-form", False, code="FMT_CMS", sub=sub, why=str(error)))
    own = granted.granted_by == granted_by == certificate.person_id and belongs_to(certificate, granted.uscc)
    why = "" if own else "授权不是现任法定代表人签发的"
    return Verdict(
        check("authorisation-form", True, code="FMT_CMS"),
        check("authorisation-grantor", own, code="ID_MISMATCH", sub=sub, why=why),
    ) + verify_statement(signed, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE)
