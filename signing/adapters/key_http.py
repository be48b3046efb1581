"""The licence platform's key service over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from msgspec import Struct

from signing import canonical
from signing.adapters.http import exchange
from signing.errors import KeyServiceRefusedError, MalformedError, UnavailableError
from signing.ports import KeyRing, Statement

T = TypeVar("T", bound=Struct)
_LIMIT = 4 << 20
_SERVER_ERROR = 500


class _Signatures(Struct, forbid_unknown_fields=True):
    signatures: tuple[bytes, ...]


class _Problem(Struct):
    code: str = "refused"
    detail: str = ""


@dataclass(frozen=True)
class HttpKeyService:
    """A `signing.ports.KeyService` at one base address; the client has the timeouts."""

    client: httpx.Client
    base_url: str

    def fetch_certificates(self, uscc: str) -> KeyRing:
        """Answer the credentials of one licence."""
        body = self._ask("GET", f"/keys/{quote(uscc, safe='')}")
        return _decode(body, KeyRing)

    def sign(self, credential: str, consent: str, statements: Sequence[Statement]) -> list[bytes]:
        """Sign each statement under a confirmed consent; signatures are not verified here, see `complete_*`."""
        body = canonical.encode({"credential": credential, "consent": consent, "statements": list(statements)})
        headers = {"content-type": "application/json"}
        answer = _decode(self._ask("POST", "/keys/sign", content=body, headers=headers), _Signatures)
        if len(answer.signatures) != len(statements):
            raise UnavailableError("the key service answered another number of signatures")
        return list(answer.signatures)

    def _ask(self, method: str, path: str, **options: Any) -> bytes:
        status, body = exchange(self.client, method, f"{self.base_url.rstrip('/')}{path}", limit=_LIMIT, **options)
        if status == httpx.codes.OK:
            return body
        try:
            problem = canonical.decode_lenient(body, _Problem)
        except MalformedError as error:
            raise UnavailableError(f"status {status} from the key service") from error
        if status >= _SERVER_ERROR:
            raise UnavailableError(f"{problem.code}: {problem.detail}")
        raise KeyServiceRefusedError(problem.code, problem.detail)


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return canonical.decode_lenient(body, kind)
    except MalformedError as error:
        raise UnavailableError("an answer that the key service does not give") from error
