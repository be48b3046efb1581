"""A key service that speaks CSC API v2 (远程签名): in one step, or in two with hours and restarts between."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

import httpx
from msgspec import Meta, Struct, structs

from signing import canonical, csc, sm2
from signing.adapters.http import exchange
from signing.certificates import parse_certificate
from signing.csc import PendingSignatures
from signing.errors import (
    InvalidKeyError,
    KeyServiceRefusedError,
    MalformedError,
    UnavailableError,
    UnsupportedAlgorithmError,
)
from signing.ports import Credential, KeyRing, Statement

T = TypeVar("T", bound=Struct)
_LIMIT: Final = 4 << 20
_MOST: Final = 100
"""Credentials of one licence: each may cost a request."""
_OK, _UNDERWAY, _TOO_MANY, _SERVER_ERROR = 200, 202, 429, 500
_TRIES: Final = 3
"""Times one signHash is sent: the service answers a repeated one with the same signatures."""
_REPLACED: Final = "sad_invalid"
"""Another process asked for the same pending signatures at this moment, and its SAD replaced ours."""
_FACTORS: Final = [{"id": csc.CONSENT_FACTOR}]


class _Certificates(Struct):
    certificates: tuple[str, ...]


class _Info(Struct):
    cert: _Certificates
    credentialID: str = ""  # noqa: N815 - the standard's name


class _List(Struct):
    credentialIDs: Annotated[tuple[str, ...], Meta(max_length=_MOST)]  # noqa: N815 - the standard's name
    credentialInfos: tuple[_Info, ...] = ()  # noqa: N815 - the standard's name


_Secret = Annotated[str, Meta(min_length=1, max_length=500)]


class _Granted(Struct):
    SAD: _Secret


class _Underway(Struct):
    handle: _Secret


class _Asked(Struct):
    responseID: _Secret  # noqa: N815 - the standard's name


class _Signatures(Struct):
    signatures: tuple[str, ...]


class _Refusal(Struct):
    error: str = "refused"
    error_description: str = ""
    code: str = ""
    detail: str = ""


@dataclass(frozen=True)
class CscKeyService:
    """A `signing.ports.KeyService` at one base address (before `/csc/v2`); the client has the timeouts.

    Credentials are found by `userID` = the licence's credit code. Signature values come back as strict DER, of the
    number that was asked for; whether they verify is checked where they are put to use (`complete_*`).
    """

    client: httpx.Client
    base_url: str
    token: str = field(repr=False)

    def fetch_certificates(self, uscc: str) -> KeyRing:
        """Answer the credentials of one licence; raises KeyServiceRefusedError, UnavailableError."""
        asked = {"userID": uscc, "credentialInfo": True, "certificates": "chain"}
        listed = self._ask("credentials/list", asked, _List)
        known = {one.credentialID: one for one in listed.credentialInfos}
        return KeyRing(tuple(_credential(name, known.get(name) or self._info(name)) for name in listed.credentialIDs))

    def sign(self, credential: str, consent: str, statements: Sequence[Statement]) -> list[bytes]:
        """Sign each statement under a consent that is confirmed already; DER, not verified here.

        Raises KeyServiceRefusedError (`consent_not_confirmed` while the holder has not answered), UnavailableError.
        """
        pending, sad = self._authorize(credential, consent, statements)
        if not sad:
            raise KeyServiceRefusedError("consent_not_confirmed", "授权尚未确认。请先在“电子营业执照”中确认。")
        return self._sign_hashes(pending, sad)

    def request_signatures(self, credential: str, consent: str, statements: Sequence[Statement]) -> PendingSignatures:
        """Ask for signatures that the holder may allow later; keep the answer, and complete it in any process.

        Raises KeyServiceRefusedError, UnavailableError; nothing is signed yet.
        """
        pending, sad = self._authorize(credential, consent, statements)
        if not sad:
            return pending
        answer = self._ask("signatures/signHash", _signing(pending, sad) | {"operationMode": "A"}, _Asked)
        return structs.replace(pending, handle="", response=answer.responseID)

    def fetch_signatures(self, pending: PendingSignatures) -> list[bytes] | None:
        """Answer the signatures, or None while there are none; may be repeated, and answers the same.

        Raises KeyServiceRefusedError once the holder has refused or the time is over, UnavailableError.
        """
        if pending.response:
            status, body = self._post("signatures/signPolling", {"requestID": pending.response})
            return None if status == _UNDERWAY else _read(_decode(body, _Signatures), len(pending.hashes))
        for _ in range(_TRIES - 1):
            try:
                return self._check(pending)
            except KeyServiceRefusedError as error:
                if error.code != _REPLACED:
                    raise
        return self._check(pending)

    def _check(self, pending: PendingSignatures) -> list[bytes] | None:
        status, body = self._post("credentials/authorizeCheck", {"handle": pending.handle})
        return None if status == _UNDERWAY else self._sign_hashes(pending, _decode(body, _Granted).SAD)

    def _authorize(
        self, credential: str, consent: str, statements: Sequence[Statement]
    ) -> tuple[PendingSignatures, str]:
        """Answer the transaction and its SAD, which is empty while the holder has not answered."""
        certificate = _credential(credential, self._info(credential)).certificate
        try:
            public_key = parse_certificate(certificate).public_key
        except (MalformedError, InvalidKeyError) as error:
            raise UnavailableError("a certificate that cannot be read") from error
        if not isinstance(public_key, sm2.PublicKey):
            raise UnsupportedAlgorithmError(f"{credential} is not an SM2 key")
        hashes = csc.hash_statements(public_key, statements)
        asked = {
            "credentialID": credential,
            "numSignatures": len(hashes),
            "hashes": [base64.b64encode(one).decode() for one in hashes],
            "hashAlgorithmOID": csc.SM3_OID,
            "authData": _FACTORS,
            "clientData": csc.encode_consent_data(consent, statements),
        }
        status, body = self._post("credentials/authorize", asked)
        pending = PendingSignatures(credential, consent, hashes, tuple(statements))
        if status == _UNDERWAY:
            return structs.replace(pending, handle=_decode(body, _Underway).handle), ""
        return pending, _decode(body, _Granted).SAD

    def _sign_hashes(self, pending: PendingSignatures, sad: str) -> list[bytes]:
        for _ in range(_TRIES - 1):
            try:
                return self._sign_once(pending, sad)
            except UnavailableError:
                continue
        return self._sign_once(pending, sad)

    def _sign_once(self, pending: PendingSignatures, sad: str) -> list[bytes]:
        answer = self._ask("signatures/signHash", _signing(pending, sad), _Signatures)
        return _read(answer, len(pending.hashes))

    def _info(self, credential: str) -> _Info:
        return self._ask("credentials/info", {"credentialID": credential, "certificates": "chain"}, _Info)

    def _ask(self, method: str, asked: dict[str, Any], kind: type[T]) -> T:
        return _decode(self._post(method, asked)[1], kind)

    def _post(self, method: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        url = f"{self.base_url.rstrip('/')}/csc/v2/{method}"
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        content = canonical.encode(asked)
        status, body = exchange(self.client, "POST", url, limit=_LIMIT, content=content, headers=headers)
        if status in (_OK, _UNDERWAY):
            return status, body
        raise _refusal(status, body)


def _signing(pending: PendingSignatures, sad: str) -> dict[str, Any]:
    return {
        "credentialID": pending.credential,
        "SAD": sad,
        "hashes": [base64.b64encode(one).decode() for one in pending.hashes],
        "hashAlgorithmOID": csc.SM3_OID,
        "signAlgo": csc.SM2_WITH_SM3,
    }


def _read(answer: _Signatures, count: int) -> list[bytes]:
    if len(answer.signatures) != count:
        raise UnavailableError("the key service answered another number of signatures")
    try:
        return [csc.read_signature_value(base64.b64decode(one, validate=True)) for one in answer.signatures]
    except (binascii.Error, ValueError, MalformedError) as error:
        raise UnavailableError("an answer that is no SM2 signature") from error


def _credential(name: str, info: _Info) -> Credential:
    try:
        chain = tuple(base64.b64decode(one, validate=True) for one in info.cert.certificates)
        return Credential(name, name.partition(":")[0], chain[0], chain[1:])
    except (binascii.Error, ValueError, IndexError) as error:
        raise UnavailableError("certificates that cannot be read") from error


def _refusal(status: int, body: bytes) -> Exception:
    try:
        told = canonical.decode_lenient(body, _Refusal)
    except MalformedError:
        return UnavailableError(f"status {status} from the key service")
    if status >= _SERVER_ERROR or status == _TOO_MANY:
        return UnavailableError(f"{told.code or told.error}: {told.error_description}")
    return KeyServiceRefusedError(told.code or told.error, told.detail or told.error_description)


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return canonical.decode_lenient(body, kind)
    except MalformedError as error:
        raise UnavailableError("an answer that the key service does not give") from error
