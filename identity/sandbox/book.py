"""The register as data: units, persons, authorisations, and the one rule of who may do what."""

from datetime import datetime

from msgspec import Struct

from identity.actor import (
    AuthorisationAnswer,
    AuthorisationState,
    Item,
    Role,
    parse_authorisation,
    require_authorised,
)
from identity.consent import LEGAL_REPRESENTATIVE, SELF, Act
from identity.errors import (
    AuthorisationUnknownError,
    CompanyUnknownError,
    PersonNotEntitledError,
    PersonUnknownError,
    RefusedError,
)
from identity.licence import BusinessLicence, LegalRepresentative, LicenceAnswer, LicenceState, parse_licence
from identity.natural import PersonAnswer, PersonState
from signing.statement import SignedStatement


class SealNote(Struct, frozen=True):
    """A seal that the maker made for a unit; the maker may tell more than we keep."""

    number: str
    kind: str
    name: str


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who holds a key of a unit, or their own (`uscc` is empty).

    `credential` names the key in the vault; `certificate` is DER.
    """

    id: str
    name: str
    uscc: str
    credential: str
    certificate: bytes


class Natural(Struct, frozen=True, forbid_unknown_fields=True):
    """What the register keeps of a natural person besides `Person`; of the resident id only a tag and its mask."""

    tag: str
    """HMAC-SM3 of the resident id under a key that lies outside the register, hex."""
    masked_id: str
    state: PersonState
    state_since: datetime
    reason: str
    seals: tuple[SealNote, ...] = ()


class Company(Struct, frozen=True, forbid_unknown_fields=True):
    """A registered unit with its licence; certificates are DER."""

    licence: SignedStatement
    state: LicenceState
    state_since: datetime
    reason: str
    legal_representative: str
    unit_certificate: bytes
    encryption_certificate: bytes
    seals: tuple[SealNote, ...]

    @property
    def face(self) -> BusinessLicence:
        """Answer the face data (照面信息)."""
        return parse_licence(self.licence)


class Grant(Struct, frozen=True, forbid_unknown_fields=True):
    """An authorisation and what has become of it."""

    authorisation: SignedStatement
    state: AuthorisationState
    state_since: datetime


class Letter(Struct, frozen=True, forbid_unknown_fields=True):
    """What the seal maker has yet to hear: of which unit, the path to post to, and the JSON to post."""

    uscc: str
    path: str
    body: bytes


class Book(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the registrar knows, by USCC, person id and authorisation id; and its letters to the maker.

    Every natural person stands in `persons` and in `naturals`, under one id.
    """

    companies: dict[str, Company] = {}
    persons: dict[str, Person] = {}
    naturals: dict[str, Natural] = {}
    grants: dict[str, Grant] = {}
    letters: tuple[Letter, ...] = ()

    def company(self, uscc: str) -> Company:
        """Answer a unit; CompanyUnknownError."""
        if uscc not in self.companies:
            raise CompanyUnknownError(uscc)
        return self.companies[uscc]

    def person(self, person: str) -> Person:
        """Answer a person; PersonUnknownError."""
        if person not in self.persons:
            raise PersonUnknownError(person)
        return self.persons[person]

    def natural(self, person: str) -> Natural:
        """Answer what is kept of a natural person; PersonUnknownError."""
        if person not in self.naturals:
            raise PersonUnknownError(person)
        return self.naturals[person]

    def grant(self, authorisation: str) -> Grant:
        """Answer an authorisation; AuthorisationUnknownError."""
        if authorisation not in self.grants:
            raise AuthorisationUnknownError(authorisation)
        return self.grants[authorisation]

    def licence_answer(self, uscc: str) -> LicenceAnswer:
        """Answer what the register says about a unit."""
        company = self.company(uscc)
        head = self.person(company.legal_representative)
        representative = LegalRepresentative(head.id, head.name, head.certificate)
        return LicenceAnswer(company.licence, company.state, company.state_since, representative)

    def person_answer(self, person: str) -> PersonAnswer:
        """Answer what the register says about a natural person; PersonUnknownError for a unit's person."""
        natural, held = self.natural(person), self.person(person)
        return PersonAnswer(held.id, held.name, held.certificate, natural.state, natural.state_since)

    def authorisation_answer(self, authorisation: str) -> AuthorisationAnswer:
        """Answer what the register says about an authorisation."""
        grant = self.grant(authorisation)
        return AuthorisationAnswer(grant.authorisation, grant.state, grant.state_since)

    def role(self, person: str) -> Role:
        """Answer in what capacity a person holds a key."""
        uscc = self.person(person).uscc
        if not uscc:
            return Role.SELF
        return Role.LEGAL_REPRESENTATIVE if self.company(uscc).legal_representative == person else Role.AGENT

    def require_entitled(self, authorisation: str, *, person: str, uscc: str, item: Item | Act, at: datetime) -> None:
        """Pass if the unit may act at all and this person may do `item` for it under this authorisation, at `at`.

        A natural person acts for nobody (`uscc` empty) under `self`, while their certificate stands.
        """
        if authorisation == SELF:
            if uscc or self.person(person).uscc:
                raise PersonNotEntitledError(person)
            self.natural(person).state.require()
            return
        self.company(uscc).state.require()
        if self.person(person).uscc != uscc:
            raise PersonNotEntitledError(person)
        if authorisation == LEGAL_REPRESENTATIVE:
            if self.role(person) is not Role.LEGAL_REPRESENTATIVE:
                raise PersonNotEntitledError(person)
            return
        self._require_granted(authorisation, person=person, uscc=uscc, item=item, at=at)

    def _require_granted(self, authorisation: str, *, person: str, uscc: str, item: Item | Act, at: datetime) -> None:
        grant = self.grant(authorisation)
        granted = parse_authorisation(grant.authorisation)
        if (granted.person, granted.uscc) != (person, uscc):
            raise PersonNotEntitledError(person)
        if granted.granted_by != self.company(uscc).legal_representative:
            raise PersonNotEntitledError("the legal representative who granted this has been replaced")
        require_authorised(granted, grant.state, item=item, at=at)

    def find_entitlement(self, *, person: str, uscc: str, item: Item, at: datetime) -> str:
        """Answer the authorisation under which this person may do `item` now; the refusal of the latest if none."""
        if not uscc:
            raise PersonNotEntitledError("自然人不代表单位")
        if self.role(person) is Role.LEGAL_REPRESENTATIVE:
            self.require_entitled(LEGAL_REPRESENTATIVE, person=person, uscc=uscc, item=item, at=at)
            return LEGAL_REPRESENTATIVE
        refused: RefusedError = PersonNotEntitledError(person)
        for authorisation, grant in self.grants.items():
            if parse_authorisation(grant.authorisation).person != person:
                continue
            try:
                self.require_entitled(authorisation, person=person, uscc=uscc, item=item, at=at)
            except RefusedError as error:
                refused = error
            else:
                return authorisation
        raise refused
