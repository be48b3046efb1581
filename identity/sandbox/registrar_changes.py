"""Changes of a registered unit (变更登记): its legal representative, its name; each with a letter to the seal maker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct, structs

from identity import wire
from identity.licence import BusinessLicence, LicenceState
from identity.sandbox.book import Book, Company, Letter, Person
from identity.sandbox.keys import person_key, representative_key, unit_key
from identity.sandbox.pins import require_length
from identity.sandbox.platform import LicencePlatform
from identity.sandbox.registrar_letters import NOTICES, REISSUES, with_letter
from identity.texts import Text
from signing import canonical
from signing.certificates import parse_certificate
from signing.sandbox.authority import CertificateAuthority
from signing.statement import SignedStatement


class RepresentativeChange(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/licences/{uscc}/representative; `pin` becomes the new representative's licence password."""

    legal_representative: Text
    pin: wire.NewPin
    reason: Text = "变更法定代表人"


class NameChange(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/licences/{uscc}/name."""

    name: Text
    reason: Text = "变更名称"


def state_letter(uscc: str, state: LicenceState, reason: str, authority: str) -> Letter | None:
    """Write to the maker of a licence that is no more; None for a state that takes no seal away."""
    causes = {LicenceState.REVOKED: "licence-revoked", LicenceState.CANCELLED: "licence-cancelled"}
    if state not in causes:
        return None
    notice = {"uscc": uscc, "cause": causes[state], "reason": reason, "actor": authority}
    return Letter(uscc, NOTICES, canonical.encode(notice))


@dataclass(frozen=True)
class RegisterChanges:
    """Changes what stands on the licence. `sign` signs a licence as the registrar."""

    platform: LicencePlatform
    authority: CertificateAuthority
    sign: Callable[[BusinessLicence], SignedStatement]

    def representative(self, uscc: str, request: RepresentativeChange) -> None:
        """Enter a new legal representative with a certificate of their own; the old one's is revoked.

        What the old one granted is void (`Book.require_entitled`), and their seal is cancelled by the maker.
        """
        require_length(request.pin)
        company, at = self._active(uscc), self.platform.now()
        person = f"P{self.platform.random(6).hex()}"
        issued = self.authority.issue_person(
            request.legal_representative, company=company.face.name, uscc=uscc, title="法定代表人", person_id=person
        )
        old = self.platform.register.read().person(company.legal_representative)
        face = structs.replace(company.face, legal_representative=request.legal_representative)
        licence = self.sign(face)
        self.platform.vault.add(representative_key(uscc), issued.key, issued.certificate, issued.chain)
        self.platform.pins.put(person, request.pin)
        self.authority.revoke(parse_certificate(old.certificate).serial, "affiliationChanged", at)
        head = Person(person, request.legal_representative, uscc, representative_key(uscc), issued.certificate)
        changed = structs.replace(company, licence=licence, legal_representative=person)
        letter = _order(face, changed, head, cause="representative-changed", reason=request.reason)

        def rule(book: Book) -> tuple[Book, None]:
            gone = structs.replace(old, credential=person_key(old.id))  # the key under the old name is another's now
            persons = {**book.persons, old.id: gone, person: head}
            companies = {**book.companies, uscc: changed}
            return with_letter(structs.replace(book, persons=persons, companies=companies), letter), None

        self.platform.register.change(rule)

    def name(self, uscc: str, request: NameChange) -> None:
        """Enter a new name, with a new signing certificate; the encryption certificate stays, for what it sealed.

        The old signing key is overwritten, so its certificate can sign nothing more.
        """
        company = self._active(uscc)
        unit = self.authority.issue_unit(request.name, uscc).signing
        face = structs.replace(company.face, name=request.name)
        licence = self.sign(face)
        self.platform.vault.add(unit_key(uscc), unit.key, unit.certificate, unit.chain)
        changed = structs.replace(company, licence=licence, unit_certificate=unit.certificate)
        head = self.platform.register.read().person(company.legal_representative)
        letter = _order(face, changed, head, cause="renamed", reason=request.reason)

        def rule(book: Book) -> tuple[Book, None]:
            return with_letter(structs.replace(book, companies={**book.companies, uscc: changed}), letter), None

        self.platform.register.change(rule)

    def _active(self, uscc: str) -> Company:
        company = self.platform.register.read().company(uscc)
        company.state.require()
        return company


def _order(face: BusinessLicence, company: Company, head: Person, *, cause: str, reason: str) -> Letter:
    """Order what the change cancels to be cancelled and made anew, in one act of the maker."""
    certificate = parse_certificate(company.unit_certificate if cause == "renamed" else head.certificate)
    order = wire.MakerRequest(
        company=face.name,
        uscc=face.uscc,
        legal_representative=head.name,
        unit_certificate=company.unit_certificate,
        representative_certificate=head.certificate,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        unit_type=face.type,
    )
    body: dict[str, Any] = {"order": order, "cause": cause, "reason": reason, "actor": face.authority}
    return Letter(face.uscc, REISSUES, canonical.encode(body))
