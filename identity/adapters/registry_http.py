"""The registrar's register over HTTP; satisfies identity.ports.Register."""

from dataclasses import dataclass
from urllib.parse import quote

from identity.actor import AuthorisationAnswer
from identity.adapters.http import Platform
from identity.errors import LicencePlatformUnavailableError
from identity.licence import LegalRepresentative, LicenceAnswer
from identity.natural import PersonAnswer
from identity.wire import GrantStateAnswer, LicenceStateAnswer, PersonStateAnswer


@dataclass(frozen=True)
class HttpRegister:
    """The register of one licence platform."""

    platform: Platform

    def fetch_licence(self, uscc: str) -> LicenceAnswer:
        """Answer the licence and its state now; CompanyUnknownError, LicencePlatformUnavailableError."""
        answer = self.platform.get(f"/registrar/licences/{uscc}", LicenceStateAnswer)
        head = answer.legal_representative
        representative = LegalRepresentative(head.person, head.name, head.certificate)
        return LicenceAnswer(answer.licence, answer.state, answer.state_since, representative)

    def fetch_authorisation(self, authorisation: str) -> AuthorisationAnswer:
        """Answer an authorisation and its state now; AuthorisationUnknownError, LicencePlatformUnavailableError."""
        answer = self.platform.get(f"/registrar/authorisations/{authorisation}", GrantStateAnswer)
        return AuthorisationAnswer(answer.authorisation, answer.state, answer.state_since)

    def fetch_person(self, person: str) -> PersonAnswer:
        """Answer a natural person and their state now; PersonUnknownError, LicencePlatformUnavailableError."""
        found = self.platform.get(f"/registrar/persons/{quote(person, safe='')}", PersonStateAnswer)
        if found.person != person:
            raise LicencePlatformUnavailableError("an answer about somebody else")
        return PersonAnswer(found.person, found.name, found.certificate, found.state, found.state_since)
