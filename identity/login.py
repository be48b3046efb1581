"""Login by e-licence on a second device (执照登录), by the rules of RFC 10027. See docs/format/consent.md.

The relying party makes a 32-byte challenge and two digits, keeps both in the session of the very browser that asked,
shows the QR code and the digits, and accepts the answer only in that session, once, within two minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from identity.actor import (
    Actor,
    AuthorisationAnswer,
    Role,
    parse_authorisation,
    require_authorised,
    verify_authorisation,
)
from identity.consent import LEGAL_REPRESENTATIVE, verify_raw
from identity.errors import MalformedAuthorisationError, MalformedLoginError, RefusedError, code_of
from identity.licence import LicenceAnswer, LicenceState, verify_licence
from identity.people import belongs_to, is_person, is_unit
from identity.texts import Text, is_plain
from identity.uscc import UnifiedSocialCreditCode, Uscc
from signing import canonical
from signing.canonical import Code
from signing.certificates import parse_certificate
from signing.checks import Check, SubIndication, Verdict, check
from signing.errors import MalformedError
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.statement import SignedStatement, verify_statement

LIFETIME: Final = timedelta(seconds=120)
"""A login reference, and the assertion made of it, lives at most this long."""
SKEW: Final = timedelta(seconds=5)
"""How far the wallet's clock may run before ours."""

Challenge = Annotated[bytes, Meta(min_length=32, max_length=32)]
Number = Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")]


class LoginAssertion(Struct, frozen=True, forbid_unknown_fields=True):
    """What the licence signs at login. It has no `act` and its own `type`, so it never is a consent or an act."""

    v: Literal[1]
    audience: Text
    purpose: Text
    challenge: Challenge
    uscc: Uscc
    company: Text
    person: Code
    person_name: Text
    role: Role
    authorisation: Code
    at: datetime
    nonce: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    type: Literal["login"] = "login"

    def __post_init__(self) -> None:
        """Check what one field alone cannot say; MalformedLoginError."""
        force_setattr(self, "uscc", str(UnifiedSocialCreditCode(self.uscc)))
        if not is_plain(self.at):
            raise MalformedLoginError("the instant is not UTC in whole milliseconds")
        if (self.role is Role.LEGAL_REPRESENTATIVE) != (self.authorisation == LEGAL_REPRESENTATIVE):
            raise MalformedLoginError("role and authorisation contradict each other")


class SignedLogin(Struct, frozen=True, forbid_unknown_fields=True):
    """The assertion signed by the unit's licence, and the person's own signature over the same statement bytes."""

    v: Literal[1]
    assertion: SignedStatement
    signature: Annotated[bytes, Meta(max_length=80)]
    certificate: Annotated[bytes, Meta(max_length=1 << 14)]


@dataclass(frozen=True)
class Login:
    """The judgement of one login, and who it names if the assertion could be read at all."""

    verdict: Verdict
    actor: Actor | None

    def require(self) -> Actor:
        """Answer the actor if every check is ok; VerdictError."""
        self.verdict.require()
        if self.actor is None:
            raise MalformedLoginError("no actor")
        return self.actor


def parse_assertion(signed: SignedLogin) -> LoginAssertion:
    """Answer the assertion inside, not yet verified; MalformedLoginError."""
    try:
        return canonical.decode(signed.assertion.statement, LoginAssertion)
    except MalformedError as error:
        raise MalformedLoginError(str(error)) from error


def verify_assertion(
    signed: SignedLogin,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    challenge: bytes,
    audience: str,
    licence: LicenceAnswer,
    authorisation: AuthorisationAnswer | None = None,
) -> Login:
    """Judge a login as of `at`: both signatures, both paths, challenge, audience, freshness, subject state, authority.

    `licence` is the register's answer for the assertion's unit, asked now; `authorisation` the answer for the
    assertion's authorisation when the role is `agent`. The caller must forget the challenge, whatever the verdict.
    """
    try:
        assertion = parse_assertion(signed)
    except MalformedLoginError as error:
        return Login(Verdict(_check("login-form", False, code="FMT_CMS", why=str(error))), None)
    verdict = Verdict(
        check("login-form", True, code="FMT_CMS"),
        _check("login-challenge", compare_digest(assertion.challenge, challenge), why="登录挑战不是本次会话的"),
        _check("login-audience", assertion.audience == audience, why=f"登录对象是 {assertion.audience}"),
        _check("login-fresh", at - LIFETIME <= assertion.at <= at + SKEW, code="OUTSIDE", why="登录确认已超过时限"),
    )
    verdict += _by_unit(signed.assertion, assertion, anchors=anchors, evidence=evidence, at=at)
    verdict += _by_person(signed, assertion, anchors=anchors, evidence=evidence, at=at)
    verdict += verify_licence(licence.licence, anchors=anchors, evidence=evidence, at=at, uscc=assertion.uscc)
    verdict += Verdict(_subject(licence.state), _authority(assertion, licence, authorisation, at))
    if authorisation is not None and assertion.role is Role.AGENT:
        verdict += verify_authorisation(
            authorisation.authorisation,
            anchors=anchors,
            evidence=evidence,
            at=at,
            granted_by=licence.legal_representative.person,
        )
    return Login(verdict, _actor(assertion))


def _check(name: str, ok: bool, *, code: str = "ID_MISMATCH", why: str = "") -> Check:
    return check(name, ok, code=code, sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why="" if ok else why)


def _by_unit(
    statement: SignedStatement,
    assertion: LoginAssertion,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    """Judge that the unit's own licence certificate, not one of its persons', signed the assertion."""
    try:
        certificate = parse_certificate(statement.certificate)
    except MalformedError as error:
        return Verdict(_check("login-unit", False, code="NO_CERT", why=str(error)))
    own = is_unit(certificate, assertion.uscc, assertion.company)
    verdict = verify_statement(statement, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE)
    return Verdict(_check("login-unit", own, why="不是该单位的执照证书")) + verdict


def _by_person(
    signed: SignedLogin,
    assertion: LoginAssertion,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    try:
        certificate = parse_certificate(signed.certificate)
    except MalformedError as error:
        return Verdict(_check("person-certificate", False, code="NO_CERT", why=str(error)))
    own = Verdict(
        verify_raw("person-signature", certificate, signed.assertion.statement, signed.signature),
        _check("person-identity", is_person(certificate, assertion.person, assertion.person_name)),
        _check("person-unit", belongs_to(certificate, assertion.uscc)),
    )
    return own + verify_path(certificate, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE)


def _subject(state: LicenceState) -> Check:
    return _refused("subject-state", state.require, why=f"主体登记状态：{state.label}")


def _refused(name: str, require: Callable[[], None], *, why: str) -> Check:
    """Make a check whose code is that of the refusal, so that the caller can say which it was."""
    try:
        require()
    except RefusedError as error:
        return _check(name, False, code=code_of(type(error)), why=why)
    return _check(name, True)


def _authority(
    assertion: LoginAssertion, licence: LicenceAnswer, answer: AuthorisationAnswer | None, at: datetime
) -> Check:
    name = "person-authority"
    if assertion.role is Role.LEGAL_REPRESENTATIVE:
        now = licence.legal_representative
        ok = (now.person, now.name) == (assertion.person, assertion.person_name)
        return _check(name, ok, code="person_not_entitled", why="不是登记的现任法定代表人")
    if answer is None:
        return check(name, None, code="REV_UNKNOWN", sub=SubIndication.TRY_LATER, why="尚未向登记机关核实授权")
    try:
        granted = parse_authorisation(answer.authorisation)
    except MalformedAuthorisationError as error:
        return _check(name, False, code="FMT_CMS", why=str(error))
    told = (assertion.authorisation, assertion.uscc, assertion.person, assertion.person_name)
    if told != (granted.id, granted.uscc, granted.person, granted.person_name):
        return _check(name, False, code="person_not_entitled", why="授权不是给此人的")
    return _refused(
        name, lambda: require_authorised(granted, answer.state, item="login", at=at), why="授权不含登录或不在有效期内"
    )


def _actor(assertion: LoginAssertion) -> Actor:
    return Actor(
        uscc=UnifiedSocialCreditCode(assertion.uscc),
        company=assertion.company,
        person=assertion.person,
        person_name=assertion.person_name,
        role=assertion.role,
        authorisation=assertion.authorisation,
    )
