"""Signing transactions of the sandbox's CSC face: one file each, so that they outlive the process."""

import re
from collections.abc import Callable
from datetime import datetime
from hmac import compare_digest
from pathlib import Path
from threading import Lock
from typing import Final

from msgspec import Struct

from signing import canonical
from signing.digests import sm3
from signing.errors import MalformedError
from signing.ports import Statement
from signing.sandbox.files import replace_file

MOST: Final = 2000
"""Transactions kept at one time."""
_TOKEN: Final = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


class Signed(Struct, frozen=True, forbid_unknown_fields=True):
    """One signature that was made: of which hash, with which `signAlgo`."""

    hash: bytes
    algorithm: str
    signature: bytes


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """A signHash in asynchronous mode that waits to be polled."""

    hashes: tuple[bytes, ...]
    algorithm: str
    digest: str
    salt: int


class Transaction(Struct, frozen=True, forbid_unknown_fields=True):
    """One authorisation. `sad`, `handle` and `response` are SM3 of the secrets that were given out, in hex."""

    id: str
    credential: str
    number: int
    digest: str
    hashes: tuple[bytes, ...]
    kept_until: datetime
    consent: str = ""
    statements: tuple[Statement, ...] = ()
    handle: str = ""
    sad: str = ""
    sad_until: datetime | None = None
    signed: tuple[Signed, ...] = ()
    response: str = ""
    asked: Asked | None = None

    def signature_of(self, digest: bytes, algorithm: str) -> bytes | None:
        """Answer the signature that was made of a hash with this `signAlgo`, if it was."""
        return next((s.signature for s in self.signed if (s.hash, s.algorithm) == (digest, algorithm)), None)


class Transactions:
    """All transactions of one folder. Thread-safe; one process owns the folder."""

    def __init__(self, folder: Path, random: Callable[[int], bytes]) -> None:
        """Open the folder, or make it. MalformedError for a damaged transaction."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._random, self._lock = folder, random, Lock()
        self._ends = {file.stem: self._read(file.stem).kept_until for file in folder.glob("*.json")}
        self._busy = set[str]()

    def new_id(self, at: datetime) -> str:
        """Answer the id of a new transaction, empty if too many are open; what has outlived its time is forgotten."""
        with self._lock:
            for old in [key for key, end in self._ends.items() if end < at]:
                (self._folder / f"{old}.json").unlink(missing_ok=True)
                del self._ends[old]
            return "" if len(self._ends) >= MOST else self._random(16).hex()

    def put(self, transaction: Transaction) -> Transaction:
        """Keep a new transaction, durable before anybody hears of it."""
        with self._lock:
            return self._keep(transaction)

    def change(self, transaction: str, rule: Callable[[Transaction], Transaction]) -> Transaction:
        """Let a rule answer a transaction's next state from its present one, atomically."""
        with self._lock:
            return self._keep(rule(self._read(transaction)))

    def issue(self, transaction: str) -> tuple[str, str]:
        """Answer a new secret for a transaction, and the SM3 under which it is kept."""
        token = f"{transaction}.{self._random(32).hex()}"
        return token, sm3(token.encode()).hex()

    def find(self, token: str, kind: str, at: datetime) -> Transaction | None:
        """Answer the transaction whose `sad`, `handle` or `response` this is; None if there is none any more."""
        match = _TOKEN.fullmatch(token)
        with self._lock:  # what has outlived its time may be forgotten by another thread at this moment
            if match is None or match[1] not in self._ends or self._ends[match[1]] < at:
                return None
            found = self._read(match[1])
        return found if compare_digest(getattr(found, kind), sm3(token.encode()).hex()) else None

    def get(self, transaction: str) -> Transaction:
        """Answer a transaction as it is kept now."""
        return self._read(transaction)

    def begin(self, transaction: str) -> bool:
        """Take a transaction for one thread; False while another thread has it."""
        with self._lock:
            free = transaction not in self._busy
            self._busy.add(transaction)
            return free

    def end(self, transaction: str) -> None:
        """Give a transaction back."""
        with self._lock:
            self._busy.discard(transaction)

    def _keep(self, transaction: Transaction) -> Transaction:
        replace_file(self._folder / f"{transaction.id}.json", canonical.encode(transaction))
        self._ends[transaction.id] = transaction.kept_until
        return transaction

    def _read(self, transaction: str) -> Transaction:
        data = (self._folder / f"{transaction}.json").read_bytes()
        try:
            return canonical.decode(data, Transaction)
        except MalformedError as error:
            raise MalformedError(f"transaction {transaction} is damaged") from error
