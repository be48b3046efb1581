"""What the registrar (登记机关) does: licence, keys and seals issued in one act, and answers for their state.

docs/format/consent.md 9. The centre and the tenderer are units like any bidder.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from threading import Lock
from typing import Final

import httpx
import msgspec
from msgspec import structs

from identity import wire
from identity.actor import Authorisation, AuthorisationState, parse_authorisation
from identity.errors import CompanyExistsError, MalformedRequestError, SealMakerFailedError
from identity.licence import BusinessLicence, LicenceState
from identity.sandbox.book import Book, Company, Grant, Person, SealNote
from identity.sandbox.keys import encryption_key, person_key, representative_key, unit_key
from identity.sandbox.persons import PersonDesk
from identity.sandbox.pins import require_length
from identity.sandbox.platform import LicencePlatform
from identity.sandbox.registrar_changes import NameChange, RegisterChanges, RepresentativeChange, state_letter
from identity.sandbox.registrar_letters import MakerLine, with_letter
from identity.uscc import UnifiedSocialCreditCode, generate_uscc
from signing import canonical
from signing.certificates import parse_certificate
from signing.errors import InvalidKeyError
from signing.path import Purpose
from signing.sandbox.authority import CertificateAuthority, Issued, UnitCertificates
from signing.statement import SignedStatement, complete_statement, prepare_statement

AUTHORITY: Final = "仿真市市场监督管理局"
_OWN_KEY: Final = "registrar:sandbox"
_SEALS_OF_A_SET: Final = 5
_OK: Final = (200, 201)


@dataclass(frozen=True)
class _Draft:
    """A unit whose licence and certificates are made, and that nobody knows of yet."""

    request: wire.RegistrationRequest
    uscc: UnifiedSocialCreditCode
    person: str
    unit: UnitCertificates
    head: Issued
    at: datetime


class Registrar:
    """登记机关."""

    def __init__(
        self,
        platform: LicencePlatform,
        authority: CertificateAuthority,
        maker: httpx.Client,
        maker_url: str,
        maker_token: str = "",
    ) -> None:
        """Take the platform and its CA, and the HTTP client (with its timeouts) for the seal maker at `maker_url`."""
        self.platform, self.authority = platform, authority
        self.maker = MakerLine(maker, maker_url, maker_token)
        self._one_at_a_time = Lock()
        self.persons = PersonDesk(platform, authority, self.maker, self._one_at_a_time)

    def register(self, request: wire.RegistrationRequest) -> wire.RegistrationAnswer:
        """Register a unit: licence, dual certificates, the legal representative's certificate, seals and device key.

        All or nothing; CompanyExistsError, SealMakerFailedError, MalformedLicenceError.
        """
        with self._one_at_a_time:
            require_length(request.pin)
            self._require_new(self.platform.register.read(), request.name)
            draft = self._draft(request)
            try:
                licence = self._licence(draft)
                seals = self._seals(draft)
            except Exception:
                self._take_back(draft)
                raise
            return self._enter(draft, licence, seals)

    def companies(self) -> list[wire.CompanyAnswer]:
        """Answer all units, for a sandbox's lists of choices."""
        found = self.platform.register.read().companies
        return [wire.CompanyAnswer(uscc, company.face.name, company.state) for uscc, company in found.items()]

    def licence(self, uscc: str) -> wire.LicenceStateAnswer:
        """Answer the licence and its state now; CompanyUnknownError."""
        answer = self.platform.register.read().licence_answer(uscc)
        head = wire.RepresentativeAnswer(**vars(answer.legal_representative))
        return wire.LicenceStateAnswer(answer.licence, answer.state, answer.state_since, head)

    def change_state(self, uscc: str, state: LicenceState, reason: str) -> wire.LicenceStateAnswer:
        """Change the state of a unit: 存续, 吊销, 注销, 经营异常."""
        at = self.platform.now()

        def rule(book: Book) -> tuple[Book, None]:
            changed = structs.replace(book.company(uscc), state=state, state_since=at, reason=reason)
            book = structs.replace(book, companies={**book.companies, uscc: changed})
            letter = state_letter(uscc, state, reason, AUTHORITY)
            return with_letter(book, letter) if letter else book, None

        self.platform.register.change(rule)
        return self._told(uscc)

    def change_representative(self, uscc: str, request: RepresentativeChange) -> wire.LicenceStateAnswer:
        """Enter a new legal representative; the maker cancels the old one's seal and makes the new one's."""
        with self._one_at_a_time:
            self._changes().representative(uscc, request)
        return self._told(uscc)

    def rename(self, uscc: str, request: NameChange) -> wire.LicenceStateAnswer:
        """Enter a new name; the maker cancels the unit's seals and makes them anew. CompanyExistsError."""
        with self._one_at_a_time:
            self._require_new(self.platform.register.read(), request.name)
            self._changes().name(uscc, request)
        return self._told(uscc)

    def _changes(self) -> RegisterChanges:
        return RegisterChanges(self.platform, self.authority, self._sign_licence)

    def _told(self, uscc: str) -> wire.LicenceStateAnswer:
        """Tell the maker what it has to hear, now or with the next change, and answer the licence."""
        self.maker.deliver(self.platform)
        return self.licence(uscc)

    def authorise(self, request: wire.GrantRequest) -> wire.GrantAnswer:
        """Let the legal representative authorise a person (授权), who gets a certificate and password of their own."""
        at = self.platform.now()
        company = self.platform.register.read().company(request.uscc)
        require_length(request.person_pin)
        self.platform.pins.require(company.legal_representative, request.pin, at=at)
        company.state.require()
        authorisation = self._authorisation(request, company, at)
        signed = self._sign_grant(authorisation)
        person = self._issue_agent(authorisation)
        self.platform.pins.put(person.id, request.person_pin)
        grant = Grant(signed, AuthorisationState.ACTIVE, at)

        def rule(book: Book) -> tuple[Book, None]:
            persons, grants = {**book.persons, person.id: person}, {**book.grants, authorisation.id: grant}
            return structs.replace(book, persons=persons, grants=grants), None

        self.platform.register.change(rule)
        return wire.GrantAnswer(authorisation.id, person.id, person.certificate, signed)

    def grant(self, authorisation: str) -> wire.GrantStateAnswer:
        """Answer an authorisation and its state now; AuthorisationUnknownError."""
        grant = self.platform.register.read().grant(authorisation)
        return wire.GrantStateAnswer(grant.authorisation, grant.state, grant.state_since)

    def cancel(self, authorisation: str, pin: str) -> wire.GrantStateAnswer:
        """Cancel an authorisation with the legal representative's password; cancelling twice changes nothing."""
        at, book = self.platform.now(), self.platform.register.read()
        uscc = parse_authorisation(book.grant(authorisation).authorisation).uscc
        self.platform.pins.require(book.company(uscc).legal_representative, pin, at=at)

        def rule(book: Book) -> tuple[Book, None]:
            grant = book.grant(authorisation)
            if grant.state is AuthorisationState.CANCELLED:
                return book, None
            cancelled = structs.replace(grant, state=AuthorisationState.CANCELLED, state_since=at)
            return structs.replace(book, grants={**book.grants, authorisation: cancelled}), None

        self.platform.register.change(rule)
        return self.grant(authorisation)

    # Registration, step by step

    def _require_new(self, book: Book, name: str) -> None:
        if any(company.face.name == name for company in book.companies.values()):
            raise CompanyExistsError(name)

    def _draft(self, request: wire.RegistrationRequest) -> _Draft:
        uscc, person = generate_uscc(self.platform.random), f"P{self.platform.random(6).hex()}"
        unit = self.authority.issue_unit(request.name, uscc)
        head = self.authority.issue_person(
            request.legal_representative, company=request.name, uscc=uscc, title="法定代表人", person_id=person
        )
        return _Draft(request, uscc, person, unit, head, self.platform.now())

    def _licence(self, draft: _Draft) -> SignedStatement:
        request, today = draft.request, _beijing_day(draft.at)
        face = BusinessLicence(
            v=1,
            uscc=draft.uscc,
            name=request.name,
            type=request.type,
            legal_representative=request.legal_representative,
            registered_capital=request.registered_capital,
            established=request.established or today,
            term=request.term,
            address=request.address,
            scope=request.scope,
            authority=AUTHORITY,
            status=LicenceState.ACTIVE.label,
            approved=today,
        )
        return self._sign_licence(face)

    def _sign_licence(self, face: BusinessLicence) -> SignedStatement:
        statement = prepare_statement(face)
        certificate = self._own_certificate()
        return complete_statement(statement, self.platform.vault.sign_with(_OWN_KEY, statement), certificate)

    def _own_certificate(self) -> bytes:
        """Answer the registrar's own certificate, made at the first registration."""
        try:
            return self.platform.vault.find(_OWN_KEY).certificate
        except InvalidKeyError:
            issued = self.authority.issue_service(AUTHORITY, Purpose.REGISTRAR)
            self.platform.vault.add(_OWN_KEY, issued.key, issued.certificate, issued.chain)
            return issued.certificate

    def _seals(self, draft: _Draft) -> tuple[SealNote, ...]:
        certificate = parse_certificate(draft.unit.signing.certificate)
        message = wire.MakerRequest(
            company=draft.request.name,
            uscc=str(draft.uscc),
            legal_representative=draft.request.legal_representative,
            unit_certificate=draft.unit.signing.certificate,
            representative_certificate=draft.head.certificate,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            unit_type=draft.request.type,
        )
        try:
            response = self.maker.post("/maker/seals", canonical.encode(message))
            if response.status_code not in _OK:
                raise SealMakerFailedError(f"HTTP {response.status_code}")
            made = msgspec.json.decode(response.content, type=wire.MakerAnswer).seals
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise SealMakerFailedError(str(error)) from error
        if len({seal.kind for seal in made}) != _SEALS_OF_A_SET:
            raise SealMakerFailedError(f"{len(made)} seals instead of the set of five")
        return tuple(SealNote(seal.number, seal.kind, seal.name) for seal in made)

    def _take_back(self, draft: _Draft) -> None:
        """Revoke what was certified for a unit that did not come to be."""
        for issued in (draft.unit.signing, draft.unit.encryption, draft.head):
            serial = parse_certificate(issued.certificate).serial
            self.authority.revoke(serial, "cessationOfOperation", draft.at)

    def _enter(self, draft: _Draft, licence: SignedStatement, seals: tuple[SealNote, ...]) -> wire.RegistrationAnswer:
        """Store keys first and the register last: what the register knows, the platform can do."""
        uscc, vault = str(draft.uscc), self.platform.vault
        unit, encryption, head = draft.unit.signing, draft.unit.encryption, draft.head
        vault.add(unit_key(uscc), unit.key, unit.certificate, unit.chain)
        vault.add(encryption_key(uscc), encryption.key, encryption.certificate, encryption.chain)
        vault.add(representative_key(uscc), head.key, head.certificate, head.chain)
        device = self.platform.devices.register(uscc, unit.certificate, at=draft.at)
        self.platform.pins.put(draft.person, draft.request.pin)
        company = Company(
            licence=licence,
            state=LicenceState.ACTIVE,
            state_since=draft.at,
            reason="设立登记",
            legal_representative=draft.person,
            unit_certificate=unit.certificate,
            encryption_certificate=encryption.certificate,
            seals=seals,
        )
        name = draft.request.legal_representative
        person = Person(draft.person, name, uscc, representative_key(uscc), head.certificate)

        def rule(book: Book) -> tuple[Book, None]:
            companies, persons = {**book.companies, uscc: company}, {**book.persons, person.id: person}
            return structs.replace(book, companies=companies, persons=persons), None

        self.platform.register.change(rule)
        return wire.RegistrationAnswer(
            uscc=uscc,
            person=person.id,
            licence=licence,
            unit_certificate=unit.certificate,
            encryption_certificate=encryption.certificate,
            representative_certificate=head.certificate,
            seals=tuple(wire.SealAnswer(seal.number, seal.kind, seal.name) for seal in seals),
            device=device,
        )

    # Authorisation, step by step

    def _authorisation(self, request: wire.GrantRequest, company: Company, at: datetime) -> Authorisation:
        return Authorisation(
            v=1,
            id=f"A{self.platform.random(6).hex()}",
            uscc=request.uscc,
            company=company.face.name,
            person=f"P{self.platform.random(6).hex()}",
            person_name=request.person_name,
            items=tuple(sorted(set(request.items))),
            not_before=_plain(request.not_before),
            not_after=_plain(request.not_after),
            granted_by=company.legal_representative,
            granted_at=at,
        )

    def _sign_grant(self, authorisation: Authorisation) -> SignedStatement:
        head = self.platform.register.read().person(authorisation.granted_by)
        statement = prepare_statement(authorisation)
        return complete_statement(
            statement, self.platform.vault.sign_with(head.credential, statement), head.certificate
        )

    def _issue_agent(self, granted: Authorisation) -> Person:
        issued = self.authority.issue_person(
            granted.person_name,
            company=granted.company,
            uscc=granted.uscc,
            title="经办人",
            person_id=granted.person,
        )
        credential = person_key(granted.person)
        self.platform.vault.add(credential, issued.key, issued.certificate, issued.chain)
        return Person(granted.person, granted.person_name, granted.uscc, credential, issued.certificate)


def _beijing_day(at: datetime) -> str:
    return f"{at.astimezone(timezone(timedelta(hours=8))):%Y-%m-%d}"


def _plain(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise MalformedRequestError("起止时间须带时区")
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
