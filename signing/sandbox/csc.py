"""CSC API v2 (远程签名) over HTTP for the sandbox, and the same with the names of v1.0.4. docs/format/csc.md.

Every method is a POST of a JSON object with a bearer token, except `info`, which is open.
"""

import base64
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Final

from litestar import Request, Response, Router, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, RawBody

from signing import canonical, der
from signing.algorithms import AlgorithmIdentifier
from signing.digests import sm3
from signing.errors import MalformedError, UnsupportedAlgorithmError
from signing.sandbox.csc_errors import CscRefusal, invalid, unavailable
from signing.sandbox.csc_mechanisms import LENGTHS, read_digest, read_mechanism
from signing.sandbox.csc_parameters import BODY_LIMIT, Parameters, read_base64, read_parameters
from signing.sandbox.csc_rules import Authorisation, Granted, Signing, Underway
from signing.sandbox.csc_service import ANSWERS_KEPT, CscService
from signing.sandbox.csc_views import Certificates, Version, describe_credential, describe_service, is_valid

Stamper = Callable[[bytes], bytes]
"""Answers a TimeStampReq with a TimeStampResp, both DER; `TimestampService.answer` is one."""
Answer = tuple[int, dict[str, Any]]
_OK: Final = 200
_UNDERWAY: Final = 202
_VERSIONS: Final[Mapping[str, Version]] = {"v1": "v1", "v2": "v2"}
_CERTIFICATES: Final[Mapping[str, Certificates]] = {"none": "none", "single": "single", "chain": "chain"}
_PIN_ERROR: Final = "invalid_authentication_data"
_RESPONSE_LIMIT: Final = 64 << 10
_NONCE: Final = re.compile(r"[0-9A-Fa-f]{0,64}")


@dataclass(frozen=True)
class _Face:
    """What the methods need: the service, the version they were called in, and the timestamp authorities."""

    service: CscService
    version: Version
    stampers: Mapping[str, Stamper]

    @property
    def methods(self) -> tuple[str, ...]:
        """Answer the names of what is served in this version."""
        left_out = _V2_ONLY if self.version == "v1" else frozenset[str]()
        return tuple(
            name for name in _METHODS if name not in left_out and (self.stampers or name != "signatures/timestamp")
        )


def _info(face: _Face, _: Parameters) -> Answer:
    return _OK, describe_service(face.version, face.methods)


def _list(face: _Face, asked: Parameters) -> Answer:
    valid = asked.flag("onlyValid")
    held = [c for c in face.service.owned_by(asked.text("userID")) if not valid or is_valid(face.service, c)]
    told: dict[str, Any] = {"credentialIDs": [one.id for one in held]}
    if face.version == "v2" and asked.flag("credentialInfo"):
        told["credentialInfos"] = [{"credentialID": one.id} | _describe(face, one.id, asked) for one in held]
    return _OK, told | ({"onlyValid": True} if valid else {})


def _credential_info(face: _Face, asked: Parameters) -> Answer:
    return _OK, _describe(face, asked.text("credentialID"), asked)


def _describe(face: _Face, credential: str, asked: Parameters) -> dict[str, Any]:
    wanted = _CERTIFICATES.get(asked.optional("certificates") or "single")
    if wanted is None:
        raise invalid("certificates")
    return describe_credential(
        face.service,
        face.service.find(credential),
        face.version,
        certificates=wanted,
        cert_info=asked.flag("certInfo"),
        auth_info=asked.flag("authInfo"),
    )


def _authorize(face: _Face, asked: Parameters) -> Answer:
    request = Authorisation(
        asked.text("credentialID"),
        asked.number("numSignatures"),
        asked.hashes(required=False),
        _digest(asked),
        asked.factors(),
        asked.optional("clientData"),
    )
    answer = face.service.authorize(request)
    if face.version == "v1" and isinstance(answer, Underway):
        detail = "授权尚未确认，请在“电子营业执照”中确认后重试。"
        raise CscRefusal(
            "The holder has not consented yet", "consent_not_confirmed", error="access_denied", detail=detail
        )
    return _tell(answer)


def _check(face: _Face, asked: Parameters) -> Answer:
    return _tell(face.service.check(asked.text("handle")))


def _extend(face: _Face, asked: Parameters) -> Answer:
    credential, sad = asked.text("credentialID"), asked.text("SAD")
    return _tell(face.service.extend(credential, sad, asked.hashes(required=False), _digest(asked)))


def _sign_hash(face: _Face, asked: Parameters) -> Answer:
    request = _read_signing(asked)
    mode = asked.optional("operationMode") or "S"
    if mode == "A" and face.version == "v2":
        return _OK, {"responseID": face.service.ask(request, kept=_validity(asked))}
    if mode != "S":
        raise invalid("operationMode")
    return _OK, {"signatures": _encoded(face.service.sign(request))}


def _sign_polling(face: _Face, asked: Parameters) -> Answer:
    signatures = face.service.poll(asked.text("requestID"))
    if signatures is None:
        description = "The previous async request has been accepted but not yet completed"
        return _UNDERWAY, {"error": "accepted_request", "error_description": description}
    return _OK, {"signatures": _encoded(signatures)}


def _timestamp(face: _Face, asked: Parameters) -> Answer:
    digest = _digest(asked)
    imprint = read_base64(asked.text("hash"), "hash")
    if digest not in face.stampers:
        raise invalid("hashAlgo", "algorithm_not_allowed")
    if len(imprint) != LENGTHS[digest]:
        raise CscRefusal("Invalid digest value length", "digest_length")
    request = _stamp_request(asked.text("hashAlgo"), imprint, asked.optional("nonce"))
    return _OK, {"timestamp": base64.b64encode(_token(face.stampers[digest](request))).decode()}


_METHODS: Final[Mapping[str, Callable[[_Face, Parameters], Answer]]] = {
    "info": _info,
    "credentials/list": _list,
    "credentials/info": _credential_info,
    "credentials/authorize": _authorize,
    "credentials/authorizeCheck": _check,
    "credentials/extendTransaction": _extend,
    "signatures/signHash": _sign_hash,
    "signatures/signPolling": _sign_polling,
    "signatures/timestamp": _timestamp,
}
_V2_ONLY: Final = frozenset({"credentials/authorizeCheck", "signatures/signPolling"})


def create_router(
    service: CscService, *, tokens: Collection[str], stampers: Mapping[str, Stamper] | None = None
) -> Router:
    """Serve `/csc/v2/…` and `/csc/v1/…` to the bearers of `tokens`; `stampers` by digest name (sm3, sha256, …)."""
    known = frozenset(sm3(token.encode()).hex() for token in tokens)

    @post("/{version:str}/{method:path}", status_code=_OK, sync_to_thread=True, request_max_body_size=BODY_LIMIT)
    def call(
        version: FromPath[str], method: FromPath[str], body: RawBody, request: Request[Any, Any, Any]
    ) -> Response[Any]:
        """CSC."""
        face = _Face(service, _VERSIONS.get(version, "v2"), stampers or {})
        name = method.strip("/")
        try:
            _require_method(version, name, face)
            if name != "info":
                _require_bearer(request.headers.get("authorization", ""), known)
            status, told = _METHODS[name](face, read_parameters(body))
        except CscRefusal as refusal:
            return _refuse(refusal, face.version)
        return _json(told, status)

    return Router(path="/csc", route_handlers=[call], exception_handlers={HTTPException: _on_http_error})


def _require_method(version: str, name: str, face: _Face) -> None:
    if version not in _VERSIONS or name not in face.methods:
        raise CscRefusal("Unimplemented method", "method_unknown", status=501)


def _require_bearer(header: str, known: frozenset[str]) -> None:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CscRefusal("Malformed authorization header", "token_missing")
    given = sm3(token.strip().encode(errors="replace")).hex()
    if sum(compare_digest(given, one) for one in known) == 0:
        raise CscRefusal("The access token is not valid", "token_invalid", error="invalid_token", status=401)


def _digest(asked: Parameters) -> str:
    oid = asked.optional("hashAlgorithmOID", "hashAlgo")
    try:
        return read_digest(oid) if oid else ""
    except UnsupportedAlgorithmError:
        raise invalid("hashAlgorithmOID", "algorithm_not_allowed") from None


def _read_signing(asked: Parameters) -> Signing:
    credential, sad, hashes = asked.text("credentialID"), asked.text("SAD"), asked.hashes(required=True)
    oid, parameters, digest = asked.text("signAlgo"), asked.octets("signAlgoParams"), _digest(asked)
    try:
        mechanism = read_mechanism(oid, parameters, digest)
    except UnsupportedAlgorithmError:
        raise invalid("signAlgo", "algorithm_not_allowed") from None
    except MalformedError:
        raise invalid("signAlgoParams") from None
    return Signing(credential, sad, hashes, mechanism)


def _validity(asked: Parameters) -> timedelta:
    """Read `validity_period` (milliseconds). `response_uri` is refused: this service calls nobody."""
    if asked.optional("response_uri"):
        raise invalid("response_uri", "response_uri_not_supported")
    if asked.values.get("validity_period") is None:
        return ANSWERS_KEPT
    period = asked.number("validity_period")
    if not 0 < period <= ANSWERS_KEPT // timedelta(milliseconds=1):
        raise CscRefusal("Out of bounds parameter validity_period", "malformed_request")
    return timedelta(milliseconds=period)


def _stamp_request(oid: str, imprint: bytes, nonce: str) -> bytes:
    if not _NONCE.fullmatch(nonce):
        raise invalid("nonce")
    number = (der.integer(int(nonce, 16)),) if nonce else ()
    message = der.sequence(AlgorithmIdentifier(oid).encode(), der.octet_string(imprint))
    return der.sequence(der.integer(1), message, *number, der.boolean(True))


def _token(response: bytes) -> bytes:
    """Answer the token of a granted TimeStampResp."""
    try:
        fields = der.read(response, limit=_RESPONSE_LIMIT).fields()
        fields.take(der.SEQUENCE)
        return fields.take(der.SEQUENCE).raw
    except MalformedError:
        raise unavailable("timestamp_refused", "时间戳服务没有签发，请稍后重试。") from None


def _tell(answer: Granted | Underway) -> Answer:
    if isinstance(answer, Underway):
        return _UNDERWAY, {"handle": answer.handle}
    return _OK, {"SAD": answer.sad, "expiresIn": answer.expires_in}


def _encoded(signatures: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(one).decode() for one in signatures]


def _json(told: dict[str, Any], status: int, **headers: str) -> Response[Any]:
    all_headers = {"cache-control": "no-store", **headers}
    return Response(canonical.encode(told), status_code=status, media_type="application/json", headers=all_headers)


def _refuse(refusal: CscRefusal, version: Version) -> Response[Any]:
    error, description = refusal.error, refusal.description
    if version == "v1" and error == _PIN_ERROR:
        error, description = "invalid_pin", "The PIN is invalid"
    told = {"error": error, "error_description": description, "code": refusal.code}
    if refusal.detail:
        told["detail"] = refusal.detail
    headers = {"www-authenticate": "Bearer"} if refusal.status == 401 else {}  # noqa: PLR2004 - RFC 9110 15.5.2
    return _json(told, refusal.status, **headers)


def _on_http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Tell in CSC's form what the framework refused, such as a body over the limit."""
    code = "too_large" if error.status_code == 413 else "malformed_request"  # noqa: PLR2004
    return _refuse(CscRefusal("The request cannot be read", code, status=error.status_code), "v2")
