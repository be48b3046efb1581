"""How the key service has the wallet spend a consent before it signs: one desk for all its faces.

The ledger notes every attempt before the wallet is asked. Should its answer be lost, or this process die, the same
attempt may be made again: a consent that only this attempt can have spent was spent for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, Literal
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from signing import canonical
from signing.errors import KeyServiceRefusedError, MalformedError, UnavailableError
from signing.ports import Statement
from signing.sandbox.files import replace_file

_ANSWER_LIMIT: Final = 64 << 10
_KEPT: Final = 500
"""Consents remembered; a forgotten one can only be refused more often, never be spent twice."""
_JSON: Final = {"content-type": "application/json"}

ConsentState = Literal["pending", "confirmed", "refused", "expired", "used"]
Attempts = dict[str, Literal["open", "done"]]


class RefusedByWalletError(KeyServiceRefusedError):
    """The wallet will not have this signed; its answer as it came, to be passed on."""

    def __init__(self, code: str, message: str, *, status: int, body: bytes) -> None:
        """Keep the wallet's problem document."""
        super().__init__(code, message)
        self.status, self.body = status, body


class WalletUnclearError(UnavailableError):
    """The wallet gave an answer that is none."""


class _Ledger(Struct, frozen=True):
    consents: dict[str, Attempts] = {}


class _Problem(Struct):
    code: str = "refused"
    detail: str = ""


class _State(Struct):
    state: ConsentState


class ConsentLedger:
    """Which attempts were made under which consent, and whether their outcome is known. One file, durable."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin an empty one; msgspec.DecodeError for a damaged one."""
        self._path, self._lock = path, Lock()
        self._kept = msgspec.json.decode(path.read_bytes(), type=_Ledger) if path.exists() else _Ledger()

    def begin(self, consent: str, attempt: str) -> bool:
        """Note an attempt; answers whether nothing but this very attempt was ever made, and its outcome is unknown."""
        with self._lock:
            earlier = self._kept.consents.get(consent, {})
            if earlier == {attempt: "open"}:
                return True
            if attempt not in earlier:
                self._put(consent, {**earlier, attempt: "open"})
            return False

    def settle(self, consent: str, attempt: str) -> None:
        """Note that the attempt came to its end: what it spent is spent."""
        with self._lock:
            earlier = self._kept.consents.get(consent, {})
            if earlier.get(attempt) != "done":
                self._put(consent, {**earlier, attempt: "done"})

    def drop(self, consent: str, attempt: str) -> None:
        """Forget an attempt that spent nothing."""
        with self._lock:
            earlier = self._kept.consents.get(consent, {})
            self._put(consent, {a: state for a, state in earlier.items() if (a, state) != (attempt, "open")})

    def _put(self, consent: str, attempts: Attempts) -> None:
        others = [(key, old) for key, old in self._kept.consents.items() if key != consent]
        mine = [(consent, attempts)] if attempts else []
        kept = _Ledger(dict([*others, *mine][-_KEPT:]))
        replace_file(self._path, msgspec.json.encode(kept))
        self._kept = kept


@dataclass(frozen=True)
class ConsentDesk:
    """Asks the wallet at `base_url` over HTTP, and keeps the ledger."""

    ledger: ConsentLedger
    wallet: httpx.Client
    base_url: str

    def fetch_state(self, consent: str) -> ConsentState:
        """Answer how a consent stands; RefusedByWalletError if there is none, UnavailableError."""
        answer = _decode(self._ask("GET", consent, ""), _State)
        return answer.state

    def redeem(self, consent: str, *, credential: str, statements: Sequence[Statement], attempt: str) -> None:
        """Spend the consent on exactly these statements; the caller signs, keeps its signatures, then settles.

        `attempt` names the caller's transaction and is never used for another one. Raises RefusedByWalletError,
        UnavailableError, WalletUnclearError.
        """
        resumed = self.ledger.begin(consent, attempt)
        try:
            self._spend(consent, credential, statements)
        except RefusedByWalletError as error:
            if resumed and error.code == "consent_used" and self._all_spent(consent, credential, statements):
                return
            if not resumed:
                self.ledger.drop(consent, attempt)
            raise

    def settle(self, consent: str, attempt: str) -> None:
        """Close an attempt whose signatures are safe."""
        self.ledger.settle(consent, attempt)

    def _spend(self, consent: str, credential: str, statements: Sequence[Statement]) -> None:
        body = canonical.encode({"credential": credential, "statements": list(statements)})
        self._ask("POST", consent, "/redeem", content=body, headers=_JSON)

    def _all_spent(self, consent: str, credential: str, statements: Sequence[Statement]) -> bool:
        """Have the wallet judge each statement by itself: all must be listed, and each must have been spent before.

        One that can be spent only now was not spent for the attempt, which was all or nothing: two for one digest.
        """
        for one in statements:
            try:
                self._spend(consent, credential, [one])
            except RefusedByWalletError as error:
                if error.code != "consent_used":
                    raise
                continue
            return False
        return True

    def _ask(self, method: str, consent: str, what: str, **options: object) -> bytes:
        url = f"{self.base_url.rstrip('/')}/wallet/consents/{quote(consent, safe='')}{what}"
        try:
            answer = self.wallet.request(method, url, **options)  # type: ignore[arg-type]  # as httpx takes them
        except httpx.HTTPError as error:
            raise UnavailableError("the wallet does not answer") from error
        if answer.status_code in (httpx.codes.OK, httpx.codes.CREATED):
            return answer.content
        if not answer.is_error or len(answer.content) > _ANSWER_LIMIT:
            raise WalletUnclearError(f"status {answer.status_code} from the wallet")
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> RefusedByWalletError:
    try:
        problem = canonical.decode_lenient(answer.content, _Problem)
    except MalformedError:
        problem = _Problem()
    return RefusedByWalletError(problem.code, problem.detail, status=answer.status_code, body=answer.content)


def _decode(body: bytes, kind: type[_State]) -> _State:
    try:
        return canonical.decode_lenient(body, kind)
    except MalformedError as error:
        raise WalletUnclearError("a state that a consent does not have") from error
