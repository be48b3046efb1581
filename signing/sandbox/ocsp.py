"""OCSP responders for the sandbox (仿真 OCSP): one for each authority, by a certificate that the authority issued."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from signing.certificates import Certificate
from signing.errors import MalformedError, SigningError, UnsupportedAlgorithmError
from signing.ocsp import (
    CertId,
    OcspRequest,
    SingleStatus,
    build_ocsp_failure,
    build_ocsp_response,
    parse_ocsp_request,
)
from signing.sandbox.authority_state import IssuedEntry
from signing.schemes import SigningKey

RESPONSE: Final = "application/ocsp-response"
OCSP_LIFE: Final = timedelta(hours=1)
_MAX_ASKED: Final = 50


@dataclass(frozen=True)
class OcspResponder:
    """Answers for one issuer. `find` answers the register's entry of a serial of the issuer's."""

    issuer: Certificate
    certificate: Certificate
    key: SigningKey = field(repr=False)
    find: Callable[[int], IssuedEntry | None] = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    def is_asked(self, request: OcspRequest) -> bool:
        """Whether the request's first certificate is of this issuer."""
        return self._is_ours(request.cert_ids[0])

    def answer(self, request: OcspRequest) -> bytes:
        """Answer a request as of now; what is not of this issuer, or was never issued, is unknown."""
        now = self.clock().replace(microsecond=0)
        statuses = [self._status(one, now) for one in request.cert_ids]
        return build_ocsp_response(
            statuses,
            self.certificate,
            self.key.sign,
            produced_at=now,
            nonce=request.nonce,
            certificates=[self.certificate],
        )

    def _is_ours(self, one: CertId) -> bool:
        return one == CertId.of(one.serial, self.issuer, one.digest)

    def _status(self, one: CertId, now: datetime) -> SingleStatus:
        entry = self.find(one.serial) if one.serial > 0 and self._is_ours(one) else None
        until = now + OCSP_LIFE
        if entry is None:
            return SingleStatus(one, "unknown", now, until)
        if entry.revoked is None:
            return SingleStatus(one, "good", now, until)
        return SingleStatus(one, "revoked", now, until, entry.revoked, entry.reason)


def answer_ocsp(data: bytes, responders: tuple[OcspResponder, ...]) -> bytes:
    """Answer a request by the responder whose issuer is asked about: always an OCSPResponse, whatever came."""
    try:
        request = parse_ocsp_request(data)
    except (MalformedError, UnsupportedAlgorithmError):
        return build_ocsp_failure("malformedRequest")
    responder = next((one for one in responders if one.is_asked(request)), None)
    if responder is None or len(request.cert_ids) > _MAX_ASKED:
        return build_ocsp_failure("unauthorized")
    try:
        return responder.answer(request)
    except SigningError:
        return build_ocsp_failure("tryLater")
