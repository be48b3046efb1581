"""Timestamps over HTTP (RFC 3161 3.4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import httpx

from signing.errors import MalformedError, TimestampError, UnavailableError, UnsupportedAlgorithmError
from signing.timestamps import MAX_MESSAGE, build_request, parse_response

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"
_LONGEST: Final = 30.0


@dataclass(frozen=True)
class HttpTimestampAuthority:
    """A `signing.ports.TimestampAuthority` at one address; `random` makes the nonces.

    The client's timeouts bound each step, `longest` (seconds) the whole answer, so that one that trickles does not
    hold us either. `headers` may hold an Authorization; `digest` says what imprints are (SM3 unless set), `policy` is
    asked for, and `policies` are taken (any when empty, but the one asked for when there is one).
    """

    client: httpx.Client
    url: str
    random: Callable[[int], bytes]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: str = ""
    policies: frozenset[str] = frozenset()
    digest: str = "sm3"
    wants_certificate: bool = True
    longest: float = _LONGEST

    def stamp(self, imprint_sm3: bytes) -> bytes:
        """Answer a DER token over the imprint; UnavailableError, or TimestampError for a wrong answer.

        The answer is to our question (imprint, nonce, policy), and not yet verified: that is `TokenAcceptance`.
        """
        nonce = int.from_bytes(self.random(8)) | 1
        query = build_request(
            imprint_sm3, nonce, digest=self.digest, policy=self.policy, wants_certificate=self.wants_certificate
        )
        body = self._exchange(query)
        policies = self.policies or ({self.policy} if self.policy else frozenset())
        try:
            return parse_response(body, imprint_sm3, nonce, digest=self.digest, policies=policies)
        except (MalformedError, UnsupportedAlgorithmError) as error:
            raise TimestampError(f"an answer that is no timestamp: {error}") from error

    def _exchange(self, query: bytes) -> bytes:
        """Answer the body. A compressed one is not asked for and not taken: unpacking it would have no bounds."""
        headers = {**self.headers, "content-type": QUERY, "accept": REPLY, "accept-encoding": "identity"}
        start, limits = monotonic(), self._limits()
        try:
            with self.client.stream(
                "POST", self.url, content=query, headers=headers, follow_redirects=False, timeout=limits
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise UnavailableError(f"status {response.status_code} from the timestamp authority")
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise TimestampError("an answer that is compressed")
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_MESSAGE:
                        raise UnavailableError(f"the timestamp authority answered more than {MAX_MESSAGE} bytes")
                    if monotonic() - start > self.longest:
                        raise UnavailableError(f"no whole answer within {self.longest:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnavailableError(f"no answer: {type(error).__name__}") from error
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != REPLY:
            raise TimestampError(f"an answer of type {kind[:80]!r} is no timestamp")
        return bytes(body)

    def _limits(self) -> httpx.Timeout:
        """Answer the client's timeouts, none of which may be longer than `longest` (or for ever)."""
        ours = self.client.timeout
        steps = (ours.connect, ours.read, ours.write, ours.pool)
        connect, read, write, pool = (self.longest if one is None else min(one, self.longest) for one in steps)
        return httpx.Timeout(connect=connect, read=read, write=write, pool=pool)
