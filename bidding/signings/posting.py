"""Sending one notice over HTTP: to the address that was judged, no redirect, no proxy, little time and few bytes."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from bidding.errors import WebhookAddressError
from bidding.signings.addresses import Resolve, Target, find_target

SECONDS: Final = 10.0
"""For everything after the name was resolved: connecting, the handshake, sending, and the whole answer."""
MAX_ANSWER: Final = 64 << 10
_SUCCESS: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)


@dataclass(frozen=True)
class Posted:
    """What came of one attempt: the status, or 0 and a code that says why there was none."""

    status: int
    code: str = ""
    milliseconds: int = 0

    @property
    def delivered(self) -> bool:
        """Whether the other side took it."""
        return self.status in _SUCCESS and not self.code


class Poster(Protocol):
    """Whoever sends a notice."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Posted:
        """Send once, and answer what came of it; raises nothing."""


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Answer the addresses of a name by the system's resolver; OSError."""
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _Pinned(http.client.HTTPConnection):
    """A connection to one IP address in the name of a host; `cut` ends it from another thread."""

    def __init__(self, target: Target, context: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=SECONDS)
        self._target, self._context, self._over = target, context, False

    def connect(self) -> None:
        """Connect to the judged address; the certificate must be the host's."""
        self.sock = socket.create_connection((self._target.ip, self._target.port), self.timeout)
        if self._over:
            raise TimeoutError
        if self._target.scheme == "https":
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._target.host)
            if self._over:  # cut during the handshake, when there was no socket to cut
                raise TimeoutError

    def cut(self) -> None:
        """End it now: whoever waits for the other side gets an error or the end."""
        self._over = True
        with suppress(OSError, AttributeError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    @property
    def over(self) -> bool:
        """Whether it was cut."""
        return self._over


@dataclass(frozen=True)
class HttpPoster:
    """Satisfies `Poster`; `loopback` for sandboxes only."""

    loopback: bool = False
    resolve: Resolve = resolve_host
    seconds: float = SECONDS
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Posted:
        """Send once."""
        start = time.monotonic()
        try:
            status, code = self._post(find_target(url, self.resolve, loopback=self.loopback), headers, body)
        except WebhookAddressError:
            status, code = 0, "address_refused"
        return Posted(status, code, int((time.monotonic() - start) * 1000))

    def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        connection = _Pinned(target, self.context)
        timer = threading.Timer(self.seconds, connection.cut)
        timer.daemon = True
        timer.start()
        try:
            connection.request("POST", target.path, body, {**headers, "host": target.authority, "connection": "close"})
            answer = connection.getresponse()
            rest = answer.read(MAX_ANSWER + 1)
        except ssl.SSLCertVerificationError:
            return 0, "tls_failed"
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = connection.over or isinstance(error, TimeoutError)
            return 0, "timed_out" if late else "not_reached"
        finally:
            timer.cancel()
            connection.close()
        if connection.over:
            return answer.status, "timed_out"
        if len(rest) > MAX_ANSWER:
            return answer.status, "answer_too_large"
        return answer.status, "redirected" if answer.status in _REDIRECTS else ""
