"""A timestamp authority for the sandbox (仿真时间戳服务), GM profile: SM3 imprints, SM2 signatures (GB/T 20520)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from litestar import Response, Router, post
from litestar.params import RawBody

from signing import sm2
from signing.certificates import Certificate, parse_certificate
from signing.errors import MalformedError, SigningError, UnsupportedAlgorithmError
from signing.sandbox.authority import Issued
from signing.sm2 import PrivateKey
from signing.timestamps import Stamp, build_refusal, build_response, make_token, parse_request

POLICY: Final = "2.25.190530148374163521472190563281907455126.4"
"""The sandbox's timestamp policy."""
REPLY: Final = "application/timestamp-reply"
_BAD_ALGORITHM, _BAD_REQUEST, _UNACCEPTED_POLICY, _SYSTEM_FAILURE = 0, 2, 15, 25
_SERIAL_OCTETS: Final = 16


@dataclass(frozen=True)
class TimestampService:
    """Answers RFC 3161 requests. `clock` answers aware UTC instants; only whole milliseconds are written."""

    certificate: Certificate
    key: PrivateKey = field(repr=False)
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    policy: str = POLICY

    @classmethod
    def of(cls, issued: Issued, *, clock: Callable[[], datetime], random: Callable[[int], bytes]) -> "TimestampService":
        """Make a service of what `CertificateAuthority.issue_service(…, Purpose.TIMESTAMP)` answered."""
        return cls(parse_certificate(issued.certificate), issued.key, clock, random)

    def answer(self, request: bytes) -> bytes:
        """Answer a TimeStampReq with a TimeStampResp, granted or refused."""
        try:
            asked = parse_request(request)
        except UnsupportedAlgorithmError:
            return build_refusal(_BAD_ALGORITHM, "摘要算法或扩展不受支持")
        except MalformedError:
            return build_refusal(_BAD_REQUEST, "请求格式错误")
        if asked.digest_algorithm != "sm3":
            return build_refusal(_BAD_ALGORITHM, "只为 SM3 摘要签发时间戳")
        if asked.policy not in ("", self.policy):
            return build_refusal(_UNACCEPTED_POLICY, "不支持该时间戳策略")
        try:
            return build_response(self.stamp(asked.imprint, nonce=asked.nonce))
        except SigningError:
            return build_refusal(_SYSTEM_FAILURE, "暂时无法签发，请稍后再试")

    def stamp(self, imprint_sm3: bytes, *, nonce: int | None = None) -> bytes:
        """Make a token over a 32-byte SM3 imprint, as of now."""
        now = self.clock()
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        serial = int.from_bytes(self.random(_SERIAL_OCTETS)) | 1
        what = Stamp(imprint_sm3, serial, at, self.policy, nonce)
        return make_token(what, self.certificate, lambda attributes: sm2.sign(self.key, attributes))


def create_router(service: TimestampService) -> Router:
    """Serve `POST /tsa` with application/timestamp-query."""

    @post("/tsa", status_code=200, sync_to_thread=True)
    def stamp(body: RawBody) -> Response[Any]:
        """时间戳."""
        return Response(service.answer(body), media_type=REPLY)

    return Router(path="/", route_handlers=[stamp])
