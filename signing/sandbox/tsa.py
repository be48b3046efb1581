"""A timestamp authority for the sandbox (仿真时间戳服务): GM (SM3, SM2; GB/T 20520) and INTL (SHA-2, RSA or ECDSA)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import sleep
from typing import Annotated, Any, Final

from litestar import Request, Response, Router, post
from litestar.exceptions import ClientException
from litestar.params import HeaderParameter, RawBody

from signing.certificates import Certificate, parse_certificate
from signing.errors import MalformedError, SigningError, UnsupportedAlgorithmError
from signing.sandbox.authority import Issued
from signing.sandbox.problems import problem
from signing.schemes import SigningKey, Sm2Key
from signing.timestamp_requests import (
    BAD_ALGORITHM,
    BAD_DATA_FORMAT,
    SYSTEM_FAILURE,
    UNACCEPTED_EXTENSION,
    UNACCEPTED_POLICY,
)
from signing.timestamps import (
    Stamp,
    TimestampRequest,
    build_refusal,
    build_response,
    make_token,
    parse_request,
)

POLICY: Final = "2.25.190530148374163521472190563281907455126.4"
"""The sandbox's timestamp policy, GM profile."""
INTL_POLICY: Final = "2.25.190530148374163521472190563281907455126.5"
"""The sandbox's timestamp policy, INTL profile."""
GM_DIGESTS: Final = frozenset({"sm3"})
INTL_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"
MAX_REQUEST: Final = 16 << 10
"""Bytes of a request."""
_SERIAL_OCTETS: Final = 16
_TOO_LARGE: Final = 413


@dataclass(frozen=True)
class Fault:
    """What the authority does wrong, so that its clients can be tried: nothing, unless something is set.

    `delay` is in seconds; `refusal` is a PKIFailureInfo bit; `shift` moves genTime; `broken` answers no DER.
    """

    delay: float = 0.0
    refusal: int | None = None
    wrong_nonce: bool = False
    shift: timedelta = timedelta()
    broken: bool = False


@dataclass(frozen=True)
class TimestampService:
    """Answers RFC 3161 requests. `clock` answers aware UTC instants; only whole milliseconds are written.

    `digests` are the imprints taken; the suite follows from the key. `faults` is asked at each request and is for
    tests and demonstrations only.
    """

    certificate: Certificate
    key: SigningKey = field(repr=False)
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    policy: str = POLICY
    digests: frozenset[str] = GM_DIGESTS
    chain: tuple[Certificate, ...] = ()
    accuracy_ms: int = 1000
    faults: Callable[[], Fault] = Fault

    @classmethod
    def of(cls, issued: Issued, *, clock: Callable[[], datetime], random: Callable[[int], bytes]) -> "TimestampService":
        """Make the GM service of what `CertificateAuthority.issue_service(…, Purpose.TIMESTAMP)` answered."""
        return cls(parse_certificate(issued.certificate), Sm2Key(issued.key), clock, random)

    @classmethod
    def international(
        cls,
        key: SigningKey,
        certificate: bytes,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        chain: tuple[bytes, ...] = (),
    ) -> "TimestampService":
        """Make the INTL service of an RSA or ECDSA key; `chain` (DER) goes into tokens beside the certificate."""
        return cls(
            parse_certificate(certificate),
            key,
            clock,
            random,
            policy=INTL_POLICY,
            digests=INTL_DIGESTS,
            chain=tuple(parse_certificate(one) for one in chain),
        )

    def answer(self, request: bytes) -> bytes:
        """Answer a TimeStampReq with a TimeStampResp, granted or refused."""
        fault = self.faults()
        if fault.delay:
            sleep(fault.delay)
        if fault.broken:
            return b"<html>"
        try:
            asked = parse_request(request)
        except UnsupportedAlgorithmError:
            return build_refusal(BAD_ALGORITHM, "摘要算法不受支持")
        except MalformedError:
            return build_refusal(BAD_DATA_FORMAT, "请求格式错误")
        return self._refuse(asked, fault) or self._grant(asked, fault)

    def _refuse(self, asked: TimestampRequest, fault: Fault) -> bytes:
        if fault.refusal is not None:
            return build_refusal(fault.refusal, "仿真的拒绝")
        if asked.digest_algorithm not in self.digests:
            return build_refusal(BAD_ALGORITHM, f"只为 {'、'.join(sorted(self.digests))} 摘要签发时间戳")
        if asked.has_extensions:
            return build_refusal(UNACCEPTED_EXTENSION, "不支持请求扩展")
        if asked.policy not in ("", self.policy):
            return build_refusal(UNACCEPTED_POLICY, "不支持该时间戳策略")
        return b""

    def _grant(self, asked: TimestampRequest, fault: Fault) -> bytes:
        nonce = asked.nonce + 1 if fault.wrong_nonce and asked.nonce is not None else asked.nonce
        try:
            token = self.stamp(
                asked.imprint,
                nonce=nonce,
                digest=asked.digest_algorithm,
                embed=asked.wants_certificate,
                shift=fault.shift,
            )
        except SigningError:
            return build_refusal(SYSTEM_FAILURE, "暂时无法签发，请稍后再试")
        return build_response(token)

    def stamp(
        self,
        imprint: bytes,
        *,
        nonce: int | None = None,
        digest: str = "sm3",
        embed: bool = True,
        shift: timedelta = timedelta(),
    ) -> bytes:
        """Make a token over an imprint, as of now; the certificate is inside unless `embed` is false."""
        now = self.clock() + shift
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        serial = int.from_bytes(self.random(_SERIAL_OCTETS)) | 1
        what = Stamp(imprint, serial, at, self.policy, nonce, self.accuracy_ms, digest)
        return make_token(what, self.certificate, self.key.sign, embed=embed, chain=self.chain)


def create_router(
    gm: TimestampService, international: TimestampService | None = None, *, second: TimestampService | None = None
) -> Router:
    """Serve `POST /tsa`, and `/tsa/intl` and `/tsa/second` when there are such services."""
    others = {"/tsa/intl": international, "/tsa/second": second}
    services = {"/tsa": gm, **{path: service for path, service in others.items() if service}}
    handlers = [_create_handler(path, service) for path, service in services.items()]
    return Router(path="/", route_handlers=handlers, exception_handlers={ClientException: _answer_refused})


def _create_handler(path: str, service: TimestampService) -> Any:
    @post(path, status_code=200, sync_to_thread=True, request_max_body_size=MAX_REQUEST)
    def stamp(body: RawBody, kind: Annotated[str, HeaderParameter(name="Content-Type")] = "") -> Response[Any]:
        """时间戳."""
        if kind.partition(";")[0].strip().lower() != QUERY:
            return problem(415, "not_a_timestamp_query", "不是时间戳请求", f"请以 {QUERY} 类型提交 RFC 3161 请求。")
        return Response(service.answer(body), media_type=REPLY)

    return stamp


def _answer_refused(_: Request[Any, Any, Any], error: ClientException) -> Response[Any]:
    if error.status_code == _TOO_LARGE:
        return problem(_TOO_LARGE, "request_too_large", "请求过大", f"时间戳请求最多 {MAX_REQUEST} 字节。")
    return problem(error.status_code, "malformed_request", "请求无法处理", "请以 RFC 3161 请求提交。")
