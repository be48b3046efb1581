"""The pure rules of the sandbox's CSC face: what a request asks for, and whether an authorisation holds it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from signing import csc, sm2
from signing.certificates import Certificate
from signing.errors import MalformedError
from signing.sandbox.csc_errors import CscRefusal, invalid
from signing.sandbox.csc_mechanisms import LENGTHS, Mechanism, describe_key
from signing.sandbox.csc_state import Transaction


@dataclass(frozen=True)
class Authorisation:
    """A request for a SAD: `digest` is a name or empty, `data` the consent (None for a PIN credential)."""

    credential: str
    number: int
    hashes: tuple[bytes, ...]
    digest: str
    factors: dict[str, str] = field(repr=False)
    data: str = field(repr=False)


@dataclass(frozen=True)
class Granted:
    """A SAD, and the seconds it lives."""

    sad: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True)
class Underway:
    """The holder has not answered yet; ask again with the handle."""

    handle: str = field(repr=False)


@dataclass(frozen=True)
class Signing:
    """A request for signatures."""

    credential: str
    sad: str = field(repr=False)
    hashes: tuple[bytes, ...]
    mechanism: Mechanism


def require_hashes(request: Authorisation, *, most: int) -> None:
    """Refuse a number of signatures or a list of hashes that nobody can authorise."""
    if request.number < 1:
        raise CscRefusal("Invalid value for parameter numSignatures", "malformed_request")
    if request.number > most:
        raise CscRefusal("Numbers of signatures is too high", "too_many_signatures")
    if len(request.hashes) > request.number or len(set(request.hashes)) != len(request.hashes):
        raise invalid("hashes")
    require_lengths(request.hashes, request.digest)


def require_lengths(hashes: Sequence[bytes], digest: str) -> None:
    """Refuse hashes that are not of this digest, or of none that is taken when it is not named."""
    allowed = {LENGTHS[digest]} if digest else set(LENGTHS.values())
    if any(len(one) not in allowed for one in hashes):
        raise CscRefusal("Invalid digest value length", "digest_length")


def require_alive(transaction: Transaction, at: datetime) -> None:
    """Refuse a SAD whose time is over."""
    if transaction.sad_until is None or at > transaction.sad_until:
        raise CscRefusal("SAD expired", "sad_expired")


def read_consent(request: Authorisation, certificate: Certificate) -> csc.ConsentData:
    """Read clientData and demand that each hash is e = SM3(Z || to_be_signed) of its statement, for this key."""
    try:
        data = csc.parse_consent_data(request.data)
    except MalformedError as error:
        raise CscRefusal("Invalid parameter clientData", "malformed_request") from error
    public_key = certificate.public_key
    if not isinstance(public_key, sm2.PublicKey) or request.digest not in ("", "sm3"):
        raise invalid("hashAlgorithmOID", "algorithm_not_allowed")
    expected = csc.hash_statements(public_key, data.statements)
    if expected != request.hashes or request.number != len(expected):
        raise CscRefusal("The hashes are not of the statements in clientData", "hash_differs")
    return data


def require_signable(transaction: Transaction, request: Signing, certificate: Certificate, at: datetime | None) -> None:
    """Refuse every hash that this authorisation does not hold; what was signed before may be asked for again.

    `at` is None for an asynchronous request, which was in time when it was made.
    """
    mechanism = request.mechanism
    if mechanism.oid not in describe_key(certificate.public_key).algorithms:
        raise invalid("signAlgo", "algorithm_not_allowed")
    if transaction.digest not in ("", mechanism.digest):
        raise invalid("hashAlgorithmOID", "algorithm_not_allowed")
    require_lengths(request.hashes, mechanism.digest)
    fresh = {one for one in request.hashes if transaction.signature_of(one, mechanism.oid) is None}
    if not fresh:
        return
    if at is not None:
        require_alive(transaction, at)
    bound = not transaction.hashes or fresh <= set(transaction.hashes)
    if not bound or fresh & {one.hash for one in transaction.signed}:
        raise CscRefusal("Hash is not authorized by the SAD", "hash_not_authorised")
    if len(transaction.signed) + len(fresh) > transaction.number:
        raise CscRefusal("Numbers of signatures is too high", "sad_used")
