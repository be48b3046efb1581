"""The one error tree of identity: who may act, and why not. Nothing here knows HTTP or shows words to users.

The stable code that a licence platform sends over the wire is the class name in snake_case without `Error`
(`ConsentExpiredError` ↔ `consent_expired`), so that adapters can raise the very class that the other side meant.
"""

import re


class IdentityError(Exception):
    """Base of everything identity refuses to do."""


class InvalidCreditCodeError(IdentityError, ValueError):
    """Not a unified social credit code (统一社会信用代码)."""


class MalformedLicenceError(IdentityError, ValueError):
    """Licence face data (照面信息) that is not well formed."""


class MalformedAuthorisationError(IdentityError, ValueError):
    """An authorisation (授权) that is not well formed."""


class MalformedConsentError(IdentityError, ValueError):
    """A consent record that is not well formed or not canonical."""


class MalformedLoginError(IdentityError, ValueError):
    """A login assertion that is not well formed or not canonical."""


class LicencePlatformRefusedError(IdentityError):
    """The registrar or the wallet refused, for a reason with a stable code that we do not know more closely."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the platform's stable code beside its words."""
        super().__init__(message)
        self.code = code


class LicencePlatformUnavailableError(IdentityError):
    """The registrar or the wallet did not answer, or not usefully; try again later."""


class RefusedError(IdentityError):
    """Base of all reasons for which registrar and wallet refuse; every leaf has a code on the wire."""


# -- the request itself


class MalformedRequestError(RefusedError):
    """A request that lacks something or says something impossible."""


class BadFormTokenError(RefusedError):
    """A page's form came without the token that the page gave out (CSRF)."""


class TooManyPendingError(RefusedError):
    """Too many logins or consents wait already (push bombing)."""


# -- subject: the unit and its licence


class CompanyUnknownError(RefusedError):
    """No such unit in this register."""


class CompanyExistsError(RefusedError):
    """A unit of this name is registered already."""


class LicenceRevokedError(RefusedError):
    """The licence is revoked (吊销)."""


class LicenceCancelledError(RefusedError):
    """The licence is cancelled (注销)."""


class SealMakerFailedError(RefusedError):
    """The seal maker did not make the set of seals, so nothing was registered."""


# -- person and authorisation


class PersonUnknownError(RefusedError):
    """No such person in this wallet."""


class PersonNotEntitledError(RefusedError):
    """This person may not do this act for this unit."""


class AuthorisationUnknownError(RefusedError):
    """No such authorisation."""


class AuthorisationMissingItemError(RefusedError):
    """The authorisation does not cover this item (事项)."""


class AuthorisationNotStartedError(RefusedError):
    """The authorisation has not begun."""


class AuthorisationExpiredError(RefusedError):
    """The authorisation's period is over."""


class AuthorisationCancelledError(RefusedError):
    """The authorisation was cancelled (取消授权)."""


class PinWrongError(RefusedError):
    """The licence password is wrong."""


class PinLockedError(RefusedError):
    """Too many wrong passwords; locked for a while."""


# -- login


class LoginUnknownError(RefusedError):
    """No such login request, or long over."""


class LoginExpiredError(RefusedError):
    """The login request is over (二维码过期)."""


class LoginRefusedError(RefusedError):
    """The login was refused on the wallet."""


class LoginUsedError(RefusedError):
    """The login was confirmed already; a reference works once."""


class NumberMismatchError(RefusedError):
    """The two digits typed are not those that the asking page shows."""


# -- consent


class ConsentUnknownError(RefusedError):
    """No such consent, or long over."""


class ConsentNotConfirmedError(RefusedError):
    """The consent waits for its person."""


class ConsentExpiredError(RefusedError):
    """The consent's period is over."""


class ConsentRefusedError(RefusedError):
    """The person refused on the wallet."""


class ConsentUsedError(RefusedError):
    """What was consented to was done already; once each."""


class ConsentDiffersError(RefusedError):
    """The record does not agree with the register (name, person, period)."""


class DigestNotListedError(RefusedError):
    """What is to be signed is not among the consented digests."""


class SealMismatchError(RefusedError):
    """The seal is not the consented one, or not of this unit."""


class StatementMalformedError(RefusedError):
    """What is to be signed is not of the kind that it claims to be."""


class StatementNotAllowedError(RefusedError):
    """This kind of statement or key may not be used under this act."""


# -- device


class DeviceUnknownError(RefusedError):
    """No such device key."""


class WrapUnopenableError(RefusedError):
    """A wrapped half that is not for this device, or damaged."""


# -- natural persons


class ResidentIdError(RefusedError, ValueError):
    """Not a resident identity number (公民身份号码, GB 11643), or of somebody who may not enrol yet."""


class PersonExistsError(RefusedError):
    """This resident is enrolled already."""


class PersonRevokedError(RefusedError):
    """The natural person's certificate was revoked, and no other one was issued (证书已吊销)."""


class SealOrderRefusedError(RefusedError):
    """The seal maker refused a person's signature-seal; the words are the maker's."""


def code_of(error: type[IdentityError]) -> str:
    """Answer the stable snake_case code of an error class."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", error.__name__.removesuffix("Error")).lower()


def refusal(code: str, message: str) -> IdentityError:
    """Answer the error that a code on the wire stands for; a code of a newer platform is kept as it is."""
    kinds = {code_of(kind): kind for kind in RefusedError.__subclasses__()}
    kind = kinds.get(code)
    return kind(message) if kind else LicencePlatformRefusedError(code, message)
