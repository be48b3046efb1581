"""The messages of the licence platform's HTTP protocol (docs/format/consent.md 7 to 9), for both of its ends.

Requests refuse what they do not know; answers may gain fields, so the asking side ignores what it does not know.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from identity.actor import AuthorisationState, Item
from identity.consent import SignedConsent
from identity.licence import Day, LicenceState, Long
from identity.login import Challenge, Number, SignedLogin
from identity.natural import PersonState
from identity.texts import PersonName, Text
from identity.uscc import Uscc
from signing.canonical import Code
from signing.ports import MAX_STATEMENTS, Statement
from signing.statement import SignedStatement

PinText = Annotated[str, Meta(min_length=1, max_length=64)]
NewPin = Annotated[str, Meta(min_length=6, max_length=64)]


class Problem(Struct, frozen=True):
    """RFC 9457 problem; `code` is stable."""

    code: str
    detail: str = ""
    title: str = ""
    status: int = 0
    type: str = ""


class LoginRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/logins."""

    audience: Text
    purpose: Text
    challenge: Challenge
    number: Number


class ConsentRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/consents; `record` is a canonical ConsentRecord."""

    record: Annotated[bytes, Meta(max_length=1 << 20)]


class PendingAnswer(Struct, frozen=True):
    """What the asking party gets: its secret handle, the link to show, and until when."""

    id: str
    url: str
    expires_at: datetime


class LoginConfirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/logins/{id or ref}/confirm."""

    person: Code
    uscc: Uscc
    pin: PinText
    number: Number


class ConsentConfirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/consents/{id or ref}/confirm."""

    person: Code
    pin: PinText


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """POST …/refuse."""

    person: Code


class LoginStateAnswer(Struct, frozen=True):
    """How a login stands."""

    state: str
    assertion: SignedLogin | None = None


class ConsentStateAnswer(Struct, frozen=True):
    """How a consent stands."""

    state: str
    signed: SignedConsent | None = None


class RedeemRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/consents/{id}/redeem, by the key service."""

    credential: Annotated[str, Meta(min_length=1, max_length=100)]
    statements: Annotated[tuple[Statement, ...], Meta(min_length=1, max_length=MAX_STATEMENTS)]


class RedeemAnswer(Struct, frozen=True):
    """What is redeemed may be signed now; SM3(consent) in hex."""

    state: str
    consent_sm3: str


class DeviceAnswer(Struct, frozen=True):
    """One device key of a unit."""

    id: str
    public_key: bytes
    certificate: SignedStatement


Wrap = Annotated[bytes, Meta(min_length=1, max_length=4096)]


class RehearseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/devices/{id}/rehearse."""

    wrap: Wrap


class RehearseAnswer(Struct, frozen=True):
    """Hex SM3("rehearse" | plaintext)."""

    proof: str


class ReleaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /wallet/devices/{id}/release; `consent` is the id of a release consent."""

    wrap: Wrap
    consent: str


class ReleaseAnswer(Struct, frozen=True):
    """The half inside the wrap."""

    half: bytes


class RegistrationRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/companies; what is left out is filled in as a sandbox may."""

    name: Text
    legal_representative: Text
    pin: NewPin
    type: Text = "有限责任公司"
    registered_capital: Text = "5000万元人民币"
    established: Day | None = None
    term: Text = "长期"
    address: Text = "仿真市仿真区示范路1号"
    scope: Long = "许可项目：建设工程施工。一般项目：技术服务、技术开发、技术咨询。"


class SealAnswer(Struct, frozen=True):
    """One seal of the set of five."""

    number: str
    kind: str
    name: str


class RegistrationAnswer(Struct, frozen=True):
    """A newly registered unit; certificates are DER, `person` is the legal representative's id."""

    uscc: str
    person: str
    licence: SignedStatement
    unit_certificate: bytes
    encryption_certificate: bytes
    representative_certificate: bytes
    seals: tuple[SealAnswer, ...]
    device: str


class MakerRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST {maker}/maker/seals; certificates are DER."""

    company: str
    uscc: str
    legal_representative: str
    unit_certificate: bytes
    representative_certificate: bytes
    not_before: datetime
    not_after: datetime
    unit_type: str = ""
    """类型 on the licence, by which the size of the 公章 goes."""


class MakerAnswer(Struct, frozen=True):
    """The set of seals that the maker made."""

    seals: tuple[SealAnswer, ...]


class CompanyAnswer(Struct, frozen=True):
    """One line of the sandbox's list of units."""

    uscc: str
    name: str
    state: LicenceState


class RepresentativeAnswer(Struct, frozen=True):
    """法定代表人 now; the certificate is DER."""

    person: str
    name: str
    certificate: bytes


class LicenceStateAnswer(Struct, frozen=True):
    """What the register says about a unit."""

    licence: SignedStatement
    state: LicenceState
    state_since: datetime
    legal_representative: RepresentativeAnswer


class StateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/licences/{uscc}/state, by the sandbox's operator."""

    state: LicenceState
    reason: Text


class GrantRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/authorisations: `pin` is the legal representative's, `person_pin` becomes the person's."""

    uscc: Uscc
    person_name: Text
    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=8)]
    not_before: datetime
    not_after: datetime
    pin: PinText
    person_pin: NewPin


class GrantAnswer(Struct, frozen=True):
    """A new authorisation; the person's certificate is DER."""

    id: str
    person: str
    certificate: bytes
    authorisation: SignedStatement


class GrantStateAnswer(Struct, frozen=True):
    """What the register says about an authorisation."""

    authorisation: SignedStatement
    state: AuthorisationState
    state_since: datetime


class CancelRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/authorisations/{id}/cancel, with the legal representative's password."""

    pin: PinText


# Natural persons (自然人)


class EnrolRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/persons; `resident_id` is read, tagged and forgotten."""

    name: PersonName
    resident_id: Annotated[str, Meta(min_length=1, max_length=40)]
    pin: NewPin


class PersonStateAnswer(Struct, frozen=True):
    """GET /registrar/persons/{person}, and the answer to enrolment; `masked_id` hides all but two characters."""

    person: str
    name: str
    certificate: bytes
    state: PersonState
    state_since: datetime
    masked_id: str = ""
    seals: tuple[SealAnswer, ...] = ()


class PersonRevocation(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/persons/{person}/revoke, by the person."""

    pin: PinText
    reason: Text = "本人申请吊销"


class PersonRenewal(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/persons/{person}/renew: a new key and certificate; the old ones and their seal end."""

    pin: PinText


Sample = tuple[int, int, int]
"""Where a pen was (x, y down, in any unit) and when (ms)."""
Stroke = Annotated[tuple[Sample, ...], Meta(max_length=5_000)]


class SealAppearance(Struct, frozen=True, forbid_unknown_fields=True):
    """How a signature-seal looks: written as the name, drawn from a pen's strokes, or a cleaned picture.

    `width_mm` is the real width on paper; 0 leaves it to the maker, where no picture is given.
    """

    kind: Literal["name", "strokes", "picture"] = "name"
    strokes: Annotated[tuple[Stroke, ...], Meta(max_length=200)] = ()
    picture: Annotated[bytes, Meta(max_length=2 << 20)] = b""
    width_mm: Annotated[int, Meta(ge=0, le=60)] = 0


class PersonSealRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /registrar/persons/{person}/seals: have a signature-seal made; the password is the consent to it."""

    pin: PinText
    appearance: SealAppearance = SealAppearance()


class PersonSealOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST {maker}/maker/person-seals; the certificate is DER.

    `consent` is the person's signed consent `apply-seal`, whose one file is SM3 of this order with an empty consent.
    """

    v: Literal[1]
    person: Code
    name: Text
    certificate: bytes
    not_before: datetime
    not_after: datetime
    appearance: SealAppearance = SealAppearance()
    replaces: Annotated[str, Meta(pattern=r"^([0-9]{13})?\Z")] = ""
    version: Literal[4, 5] = 4
    consent: Annotated[bytes, Meta(max_length=1 << 20)] = b""
