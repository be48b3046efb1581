"""Asking the licence platform over HTTP: answers are data, problems are the errors that they name."""

from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
import msgspec
from msgspec import Struct

from identity.errors import LicencePlatformUnavailableError, refusal
from identity.wire import Problem
from signing import canonical
from signing.errors import MalformedError

T = TypeVar("T")
_OK: Final = 300
_FAULT: Final = 500


@dataclass(frozen=True)
class Platform:
    """One licence platform. `client` comes with its timeouts; `base_url` has no slash at its end."""

    client: httpx.Client
    base_url: str

    def get(self, path: str, kind: type[T]) -> T:
        """Ask; LicencePlatformUnavailableError, or the refusal that the platform names."""
        return self._answer("GET", path, None, kind)

    def post(self, path: str, message: Struct, kind: type[T]) -> T:
        """Tell and ask; errors as with `get`."""
        return self._answer("POST", path, canonical.encode(message), kind)

    def _answer(self, method: str, path: str, content: bytes | None, kind: type[T]) -> T:
        headers = {"accept": "application/json"} | ({"content-type": "application/json"} if content else {})
        try:
            response = self.client.request(method, f"{self.base_url}{path}", content=content, headers=headers)
        except httpx.HTTPError as error:
            raise LicencePlatformUnavailableError(f"{path}: {error}") from error
        if response.status_code >= _OK:
            raise _problem(path, response)
        return _decode(path, response.content, kind)


def _problem(path: str, response: httpx.Response) -> Exception:
    try:
        problem = canonical.decode_lenient(response.content, Problem)
    except MalformedError:
        return LicencePlatformUnavailableError(f"{path}: HTTP {response.status_code}")
    if response.status_code >= _FAULT and problem.code != "seal_maker_failed":
        return LicencePlatformUnavailableError(f"{path}: {problem.code}")
    return refusal(problem.code, problem.detail)


def _decode(path: str, content: bytes, kind: type[T]) -> T:
    if len(content) > canonical.MAX_DOCUMENT:
        raise LicencePlatformUnavailableError(f"{path}: an answer of {len(content)} bytes")
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise LicencePlatformUnavailableError(f"{path}: {error}") from error
