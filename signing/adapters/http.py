"""One bounded HTTP exchange: no redirects, a size limit while reading, and our own error."""

from typing import Any, Final

import httpx

from signing.errors import UnavailableError

PROBLEM_LIMIT: Final = 64 << 10


def exchange(client: httpx.Client, method: str, url: str, *, limit: int, **options: Any) -> tuple[int, bytes]:
    """Answer status and body; UnavailableError if nobody answers in time, or with more than `limit` bytes."""
    try:
        with client.stream(method, url, follow_redirects=False, **options) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > limit:
                    raise UnavailableError(f"{response.url.host} answered more than {limit} bytes")
            return response.status_code, bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(f"no answer: {type(error).__name__}") from error


def fetch(client: httpx.Client, url: str, *, limit: int) -> bytes:
    """GET a body; UnavailableError also for any status but 200."""
    status, body = exchange(client, "GET", url, limit=limit)
    if status != httpx.codes.OK:
        raise UnavailableError(f"status {status} where a file was expected")
    return body
