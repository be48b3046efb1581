"""The seal registry (印章备案系统) over HTTP, as the sandbox's seal maker speaks it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

import httpx
from msgspec import Struct

from sealing.errors import SealRegistryRefusedError, SealRegistryUnavailableError, UnknownSealError
from sealing.seal import IssuedSeal, SealState
from sealing.seal_life import StateChange
from sealing.seal_status import Finding, SealStatus, StatusAnswer, read_status
from sealing.wire import MadeSeals, SealFile
from signing import canonical
from signing.adapters.http import exchange
from signing.errors import MalformedError, SigningError, UnavailableError
from signing.statement import SignedStatement

T = TypeVar("T", bound=Struct)
_LIMIT = 4 << 20
_SERVER_ERROR = 500


class _Problem(Struct):
    code: str = "refused"
    detail: str = ""


@dataclass(frozen=True)
class HttpSealRegistry:
    """A `sealing.ports.SealRegistry` at one base address; the client has the timeouts."""

    client: httpx.Client
    base_url: str

    def fetch_seals(self, uscc: str) -> tuple[IssuedSeal, ...]:
        """Answer all seals of a company."""
        made = self._ask(f"/maker/seals?uscc={quote(uscc, safe='')}", MadeSeals)
        return tuple(one.issued() for one in made.seals)

    def fetch_person_seals(self, person: str) -> tuple[IssuedSeal, ...]:
        """Answer all signature-seals of a natural person."""
        made = self._ask(f"/maker/seals?person={quote(person, safe='')}", MadeSeals)
        return tuple(one.issued() for one in made.seals)

    def fetch_seal(self, number: str) -> IssuedSeal:
        """Answer one seal; UnknownSealError."""
        return self._file(number).seal.issued()

    def fetch_state(self, number: str, at: datetime) -> SealState:
        """Answer the state at an instant; UnknownSealError, also for an instant before the seal was made."""
        status, _ = self._status(number, at)
        if status.state is None:
            raise UnknownSealError(f"seal {number!r} was not made yet")
        return status.state

    def fetch_status(self, number: str, at: datetime) -> StatusAnswer:
        """Answer the maker's signed word of a state at an instant; who does not answer is a finding too."""
        try:
            return StatusAnswer(Finding.ANSWERED, self._status(number, at)[1])
        except UnknownSealError:
            return StatusAnswer(Finding.UNKNOWN_NUMBER)
        except (SealRegistryUnavailableError, SealRegistryRefusedError):
            return StatusAnswer(Finding.UNAVAILABLE)

    def fetch_history(self, number: str) -> tuple[StateChange, ...]:
        """Answer the whole history of a seal's states; UnknownSealError."""
        return self._file(number).history

    def _status(self, number: str, at: datetime) -> tuple[SealStatus, SignedStatement]:
        moment = quote(at.astimezone(UTC).isoformat(), safe="")
        try:
            signed = self._ask(f"/maker/seals/{quote(number, safe='')}/status?at={moment}", SignedStatement)
            status, signed = read_status(signed)
        except SigningError as error:
            raise SealRegistryUnavailableError(str(error)) from error
        if status.number != number:
            raise SealRegistryUnavailableError("an answer about another seal")
        return status, signed

    def _file(self, number: str) -> SealFile:
        return self._ask(f"/maker/seals/{quote(number, safe='')}", SealFile)

    def _ask(self, path: str, kind: type[T]) -> T:
        try:
            status, body = exchange(self.client, "GET", f"{self.base_url.rstrip('/')}{path}", limit=_LIMIT)
            if status == httpx.codes.OK:
                return canonical.decode_lenient(body, kind)
            problem = canonical.decode_lenient(body, _Problem)
        except (UnavailableError, MalformedError) as error:
            raise SealRegistryUnavailableError(str(error)) from error
        if problem.code == "seal_unknown":
            raise UnknownSealError(problem.detail)
        if status >= _SERVER_ERROR or problem.code == _Problem().code:
            raise SealRegistryUnavailableError(f"{problem.code}: {problem.detail}")
        raise SealRegistryRefusedError(problem.code, problem.detail)
