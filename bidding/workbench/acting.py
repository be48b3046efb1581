"""Acting (办理) for a unit: ask its person on the wallet, then have the licence's key sign what was agreed to.

Two steps everywhere, so that a page can poll and a command line can wait: `ask` (or `request_act`) shows the consent
on the wallet, `outcome` (or `complete_act`) answers None until the person has confirmed. Pending values are Structs:
a caller that must survive a restart keeps them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bidding.acts import Finalise, Release, SignedAct, Withdraw
from bidding.faults import RecipientError
from identity.actor import (
    Actor,
    AnyActor,
    AuthorisationAnswer,
    PersonActor,
    Role,
    owner_of,
    parse_authorisation,
    require_authorised,
)
from identity.consent import (
    LEGAL_REPRESENTATIVE,
    LONGEST,
    Act,
    ConsentFile,
    ConsentRecord,
    SignedConsent,
    encode_record,
    verify_raw,
)
from identity.errors import (
    ConsentDiffersError,
    ConsentExpiredError,
    ConsentRefusedError,
    PersonNotEntitledError,
)
from identity.licence import LicenceAnswer, parse_licence
from identity.people import belongs_to, is_natural, is_person
from identity.ports import Register, Wallet
from identity.uscc import UnifiedSocialCreditCode
from signing.certificates import Certificate, parse_certificate
from signing.checks import Result
from signing.digests import sm3
from signing.ports import KeyService, Statement, TimestampAuthority
from signing.statement import complete_statement, prepare_statement

_BACKDATED: Final = timedelta(seconds=5)
"""Clocks of wallet, authority and centre may be this much behind ours."""
_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class ActingPorts:
    """Whom an acting party asks: wallet, licence keys, time and register; wiring gives the adapters."""

    wallet: Wallet
    keys: KeyService
    tsa: TimestampAuthority
    register: Register


class PendingConsent(Struct, frozen=True, forbid_unknown_fields=True):
    """A consent that waits on the wallet: `id` is our secret handle, only `url` may be shown (as link or QR code)."""

    record: ConsentRecord
    id: str
    url: str
    expires_at: datetime


class PendingAct(Struct, frozen=True, forbid_unknown_fields=True):
    """An act (canonical statement) whose consent waits on the wallet."""

    consent: PendingConsent
    statement: bytes


@dataclass(frozen=True)
class Standing:
    """What the register says now of the unit and of the acting person's authorisation (None: legal representative)."""

    asked_at: datetime
    licence: LicenceAnswer
    authorisation: AuthorisationAnswer | None


@dataclass(frozen=True)
class ActingParty:
    """One person acting for one unit, in one of our systems (`audience`, e.g. 投标人工作台)."""

    ports: ActingPorts
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    audience: str
    actor: AnyActor

    def ask(
        self, act: Act, files: Sequence[ConsentFile], *, section: str = "", params_sm3: str = "", seal: str = ""
    ) -> PendingConsent:
        """Ask the person on the wallet; `section` and `params_sm3` may be empty only for acts outside a section.

        Raises what `standing` raises, for a natural person PersonUnknownError or PersonRevokedError,
        MalformedConsentError, and the wallet's refusals.
        """
        self._require_entitled(act)
        start = self.clock().replace(microsecond=0) - _BACKDATED
        record = ConsentRecord(
            v=1,
            act=act,
            uscc=str(self.actor.uscc),
            company=self.actor.company,
            person=self.actor.person,
            person_name=self.actor.person_name,
            authorisation=self.actor.authorisation,
            audience=self.audience,
            files=tuple(files),
            seal=seal,
            section=section,
            params_sm3=params_sm3,
            nonce=self.random(16).hex(),
            not_before=start,
            not_after=start + LONGEST,
        )
        pending = self.ports.wallet.request_consent(encode_record(record))
        return PendingConsent(record, pending.id, pending.url, pending.expires_at)

    def standing(self, act: Act) -> Standing:
        """Ask the register again whether unit and person may do this now.

        LicenceRevokedError, LicenceCancelledError, PersonNotEntitledError, the Authorisation…Errors,
        LicencePlatformUnavailableError.
        """
        register, at = self.ports.register, self.clock()
        licence = register.fetch_licence(str(self.actor.uscc))
        licence.state.require()
        if self.actor.role is Role.LEGAL_REPRESENTATIVE:
            if licence.legal_representative.person != self.actor.person:
                raise PersonNotEntitledError(f"{self.actor.person_name} 现在不是法定代表人")
            return Standing(at, licence, None)
        found = register.fetch_authorisation(self.actor.authorisation)
        granted = parse_authorisation(found.authorisation)
        if (granted.uscc, granted.person) != (self.actor.uscc, self.actor.person):
            raise PersonNotEntitledError(f"授权 {granted.id} 不是给 {self.actor.person_name} 的")
        require_authorised(granted, found.state, item=act, at=at)
        return Standing(at, licence, found)

    def _require_entitled(self, act: Act) -> None:
        if isinstance(self.actor, PersonActor):
            self.ports.register.fetch_person(self.actor.person).state.require()
        else:
            self.standing(act)

    def outcome(self, pending: PendingConsent) -> SignedConsent | None:
        """Answer the signed consent, or None while the person has not decided.

        ConsentRefusedError, ConsentExpiredError; ConsentDiffersError if what was signed is not what we asked for.
        """
        answer = self.ports.wallet.fetch_consent(pending.id)
        if answer.state == "refused":
            raise ConsentRefusedError(pending.record.nonce)
        if answer.state == "expired":
            raise ConsentExpiredError(pending.record.nonce)
        if answer.signed is not None:
            _require_ours(answer.signed, pending.record)
        return answer.signed

    def wait(self, pending: PendingConsent, sleep: Callable[[float], None]) -> SignedConsent:
        """Poll until the person has decided: for command lines. Errors of `outcome`."""
        while (signed := self.outcome(pending)) is None:
            if self.clock() > pending.record.not_after:
                raise ConsentExpiredError(pending.record.nonce)
            sleep(_POLL_SECONDS)
        return signed

    def sign(self, pending: PendingConsent, credential: str, statements: Sequence[Statement]) -> list[bytes]:
        """Have the key service sign under a confirmed consent, each digest once; DER SM2 signatures in order.

        `credential` is `unit:{uscc}`, `legal-representative:{uscc}` or `person:{person}`. KeyServiceRefusedError,
        UnavailableError.
        """
        return self.ports.keys.sign(credential, pending.id, statements)

    def certificate(self, role: str = "unit") -> Certificate:
        """Fetch the unit's signing certificate, or with role `legal-representative` that person's. RecipientError."""
        found = parse_certificate(self.ports.keys.fetch_certificates(str(self.actor.uscc)).find(role).certificate)
        if not (belongs_to(found, self.actor.uscc) and found.may_sign):
            raise RecipientError(f"签名服务给出的不是 {self.actor.uscc} 的签名证书")
        return found

    def request_act(self, act: Finalise | Withdraw | Release, name: str, *also: ConsentFile) -> PendingAct:
        """Ask for the consent to an act; `name` is its line on the wallet, `also` what else is agreed to with it."""
        statement = prepare_statement(act)
        line = ConsentFile(name, 0, len(statement), sm3(statement).hex())
        consent = self.ask(act.act, (line, *also), section=act.section, params_sm3=act.params_sm3)
        return PendingAct(consent, statement)

    def complete_act(self, pending: PendingAct) -> SignedAct | None:
        """Answer the licence-signed act once the person has confirmed, None before; keep it: it is signed once.

        Errors of `outcome` and `sign`; BadSignatureError.
        """
        consent = self.outcome(pending.consent)
        if consent is None:
            return None
        (signature,) = self.sign(pending.consent, self.credential(), [Statement("act", pending.statement)])
        return complete_act(pending.statement, signature, self.certificate().der, consent)

    def credential(self, role: str = "unit") -> str:
        """Answer the key service's name for a key of this unit; with role `person`, for a natural person's own."""
        return f"{role}:{owner_of(self.actor)}"


def complete_act(statement: bytes, signature: bytes, certificate: bytes, consent: SignedConsent) -> SignedAct:
    """Put an act together; BadSignatureError if the signature (DER) is not of the certificate (DER) over it."""
    return SignedAct(1, complete_statement(statement, signature, certificate), consent)


def find_actor(register: Register, uscc: str, *, person: str = "", authorisation: str = "") -> Actor:
    """Answer who acts, by the register: the legal representative, or with an authorisation the person it names.

    PersonNotEntitledError if `person` is given and is somebody else.
    """
    code = UnifiedSocialCreditCode(uscc)
    answer = register.fetch_licence(uscc)
    company, head = parse_licence(answer.licence).name, answer.legal_representative
    if authorisation in ("", LEGAL_REPRESENTATIVE):
        actor = Actor(code, company, head.person, head.name, Role.LEGAL_REPRESENTATIVE, LEGAL_REPRESENTATIVE)
    else:
        granted = parse_authorisation(register.fetch_authorisation(authorisation).authorisation)
        actor = Actor(code, company, granted.person, granted.person_name, Role.AGENT, authorisation)
        if granted.uscc != uscc:
            raise PersonNotEntitledError(f"授权 {authorisation} 是另一单位的")
    if person not in ("", actor.person):
        raise PersonNotEntitledError(f"{person} 不是 {actor.person_name}；经办人请给出授权编号")
    return actor


def _require_ours(signed: SignedConsent, record: ConsentRecord) -> None:
    """Demand that the named person signed exactly what we asked; the certificate's path is judged by verifiers."""
    certificate = parse_certificate(signed.certificate)
    theirs = belongs_to(certificate, record.uscc) if record.uscc else is_natural(certificate)
    named = is_person(certificate, record.person, record.person_name) and theirs
    good = verify_raw("consent-signature", certificate, signed.record, signed.signature).result is Result.OK
    if signed.record != encode_record(record) or not (named and good):
        raise ConsentDiffersError(record.nonce)
