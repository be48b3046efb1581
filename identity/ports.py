"""What the users of identity need from outside: the registrar's register and the person's wallet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from identity.actor import AuthorisationAnswer
from identity.consent import SignedConsent
from identity.licence import LicenceAnswer
from identity.login import SignedLogin
from identity.natural import PersonAnswer
from signing.statement import SignedStatement


@dataclass(frozen=True)
class StatementFacts:
    """What a reader finds in bytes that are to be signed, so that a wallet can compare them with a consent.

    `sm3` is the final hash in lower hex (SES: dataHash, CMS: messageDigest, act: SM3 of the bytes), `consent_sm3`
    the digest of the consent carried inside (lower hex) or None, `seal` the seal's number or None, `names` SM3 of the
    seal statement that must be signed together with it (lower hex) or None.
    A reader raises signing.errors.MalformedError for bytes that are not of its kind.
    """

    sm3: str
    consent_sm3: str | None = None
    seal: str | None = None
    names: str | None = None


@dataclass(frozen=True)
class Pending:
    """A login or consent that waits on the wallet.

    `id` is the asking party's secret handle for polling; only `url`, which carries another one-time reference,
    may be shown or printed as a QR code.
    """

    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class LoginAnswer:
    """pending, scanned, confirmed, refused or expired; with the signed login once confirmed."""

    state: str
    assertion: SignedLogin | None = None


@dataclass(frozen=True)
class ConsentAnswer:
    """pending, confirmed, refused, expired or used; with the signed consent once confirmed."""

    state: str
    signed: SignedConsent | None = None


@dataclass(frozen=True)
class Device:
    """A wallet device key of a unit: SM2 point 04||x||y, and the licence's signed word that it is theirs."""

    id: str
    public_key: bytes
    certificate: SignedStatement


class Register(Protocol):
    """The registrar's register (登记机关): asked again at every act."""

    def fetch_licence(self, uscc: str) -> LicenceAnswer:
        """Answer the licence and its state now; CompanyUnknownError."""

    def fetch_authorisation(self, authorisation: str) -> AuthorisationAnswer:
        """Answer an authorisation and its state now; AuthorisationUnknownError."""

    def fetch_person(self, person: str) -> PersonAnswer:
        """Answer a natural person (自然人) and the state of their certificate now; PersonUnknownError."""


class Wallet(Protocol):
    """The e-licence wallet (电子营业执照小程序), as the asking party sees it."""

    def request_login(self, *, audience: str, purpose: str, challenge: bytes, number: str) -> Pending:
        """Ask for a login; show `url` as a QR code and `number` beside it."""

    def fetch_login(self, login: str) -> LoginAnswer:
        """Answer how the login stands; LoginUnknownError."""

    def request_consent(self, record: bytes) -> Pending:
        """Ask for a consent to this canonical ConsentRecord."""

    def fetch_consent(self, consent: str) -> ConsentAnswer:
        """Answer how the consent stands; ConsentUnknownError."""

    def fetch_devices(self, uscc: str) -> tuple[Device, ...]:
        """Answer the unit's device keys; the caller verifies each certificate."""

    def rehearse(self, device: str, wrap: bytes) -> str:
        """Answer hex SM3("rehearse" | plaintext) of a wrap: the device can open it, and says no more."""

    def release(self, device: str, wrap: bytes, consent: str) -> bytes:
        """Answer the half inside a wrap, under a confirmed consent of act `release` that lists SM3(wrap)."""
