"""Reading from a certificate who it names: the person (姓名, opaque id) or the unit (统一社会信用代码)."""

from signing.certificates import Certificate


def is_person(certificate: Certificate, person: str, name: str) -> bool:
    """Whether the certificate names exactly this person, by opaque id and name."""
    return person != "" and certificate.person_id == person and certificate.common_name == name


def belongs_to(certificate: Certificate, uscc: str) -> bool:
    """Whether the certificate is of this unit or one of its persons, by the first credit code that it carries."""
    return certificate.uscc_candidates[:1] == (uscc,)


def is_natural(certificate: Certificate) -> bool:
    """Whether the certificate is a natural person's own (自然人): it names a person and no unit at all."""
    units = (certificate.organisation, certificate.uscc_candidates, certificate.uscc_refused)
    return certificate.person_id != "" and not any(units)


def is_unit(certificate: Certificate, uscc: str, company: str) -> bool:
    """Whether the certificate is the unit's own, not one of its persons'."""
    return certificate.person_id == "" and certificate.common_name == company and belongs_to(certificate, uscc)


def is_registrar(certificate: Certificate, authority: str) -> bool:
    """Whether the certificate is the registrar's: it carries no credit code, as those of units and persons do."""
    return certificate.uscc_candidates == () and certificate.person_id == "" and certificate.common_name == authority
