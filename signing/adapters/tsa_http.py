"""Timestamps over HTTP (RFC 3161 3.4)."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from signing.adapters.http import exchange
from signing.errors import MalformedError, TimestampError, UnavailableError, UnsupportedAlgorithmError
from signing.timestamps import MAX_MESSAGE, build_request, parse_response

_HEADERS = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}


@dataclass(frozen=True)
class HttpTimestampAuthority:
    """A `signing.ports.TimestampAuthority` at one address; `random` makes the nonces, the client has the timeouts."""

    client: httpx.Client
    url: str
    random: Callable[[int], bytes]

    def stamp(self, imprint_sm3: bytes) -> bytes:
        """Answer a DER token over the 32-byte SM3 imprint; UnavailableError, or TimestampError for a wrong answer."""
        nonce = int.from_bytes(self.random(8)) | 1
        query = build_request(imprint_sm3, nonce)
        status, body = exchange(self.client, "POST", self.url, limit=MAX_MESSAGE, content=query, headers=_HEADERS)
        if status != httpx.codes.OK:
            raise UnavailableError(f"status {status} from the timestamp authority")
        try:
            return parse_response(body, imprint_sm3, nonce)
        except (MalformedError, UnsupportedAlgorithmError) as error:
            raise TimestampError(f"an answer that is no timestamp: {error}") from error
