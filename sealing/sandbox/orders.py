"""Reading an order for seals (制章申请): whose it is, for which certificates, from which place, by whose consent."""

from typing import Final

from sealing.errors import SealApplicationError, SealingError
from sealing.seal import Holder, SealKind
from sealing.wire import Application, SealOrder
from signing.certificates import Certificate, parse_certificate
from signing.digests import sm3
from signing.errors import MalformedError
from signing.key_use import signs_data

_PLACE: Final = slice(2, 8)
"""Where a credit code holds the place (GB/T 2260)."""


class OrderError(SealingError):
    """An order that is not one: malformed, or its certificates are not the company's."""


def certificate_for(kind: SealKind, order: SealOrder) -> bytes:
    """Answer whose certificate a kind of seal lists: the representative's own, or the unit's."""
    own = kind is SealKind.LEGAL_REPRESENTATIVE
    return order.representative_certificate if own else order.unit_certificate


def holder_of(order: SealOrder) -> Holder:
    """Answer whose seals are ordered."""
    return Holder(order.company, order.uscc, order.legal_representative)


def consent_of(application: Application | None) -> str:
    """Answer SM3 of an application's consent (hex), empty where none came along."""
    return sm3(application.consent).hex() if application is not None and application.consent else ""


def region_of(order: SealOrder) -> str:
    """Answer the place of the number (备案地): the one applied for, or that of the credit code."""
    if order.application is not None and order.application.place:
        return order.application.place
    return order.uscc[_PLACE] if order.uscc[_PLACE].isdecimal() else "000000"


def require_theirs(order: SealOrder) -> tuple[Certificate, Certificate]:
    """See that both certificates bear the company's code, and that the period is one."""
    try:
        unit, head = (parse_certificate(c) for c in (order.unit_certificate, order.representative_certificate))
    except MalformedError as error:
        raise OrderError(f"a certificate that cannot be read: {error}") from error
    if any(order.uscc not in c.uscc_candidates or not signs_data(c) for c in (unit, head)):
        raise OrderError("a certificate of somebody else, or not for signing")
    if unit.organisation != order.company or head.common_name != order.legal_representative:
        raise OrderError("a certificate that names somebody else")
    if order.not_after.tzinfo is None or order.not_before.tzinfo is None or order.not_after <= order.not_before:
        raise OrderError("a period that ends before it starts")
    return unit, head


def require_applicant(order: SealOrder, applicant: str) -> Application:
    """See that the one who confirms is the one who applied. SealApplicationError."""
    if order.application is None or order.application.applicant != applicant:
        raise SealApplicationError("须由提出申请的本人确认")
    return order.application
