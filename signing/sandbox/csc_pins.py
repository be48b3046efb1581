"""PINs of the sandbox's INTL demonstration credentials: kept as scrypt hashes, locked for a while after five tries."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from threading import Lock
from typing import Final, Literal

import msgspec
from msgspec import Struct, structs

from signing import canonical
from signing.errors import KeyServiceRefusedError
from signing.sandbox.files import replace_file

TRIES: Final = 5
LOCK: Final = timedelta(minutes=5)
_COST: Final = 1 << 14


class PinPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """How one credential is authorised: SCAL 2 binds hashes; `multisign` signatures at most under one authorisation."""

    salt: bytes
    hash: bytes
    scal: Literal["1", "2"]
    multisign: int
    enabled: bool = True
    wrong: int = 0
    locked_until: datetime | None = None


class _Book(Struct, frozen=True):
    policies: dict[str, PinPolicy] = {}


class PinBook:
    """Credential → policy, in one file. Thread-safe; tries queue up behind each other."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin an empty book; msgspec.DecodeError for a damaged one."""
        self._path, self._lock = path, Lock()
        self._kept = msgspec.json.decode(path.read_bytes(), type=_Book) if path.exists() else _Book()

    def put(
        self, credential: str, pin: str, *, scal: Literal["1", "2"], multisign: int, random: Callable[[int], bytes]
    ) -> None:
        """Give a credential a PIN and its policy."""
        salt = random(16)
        with self._lock:
            self._keep(credential, PinPolicy(salt, _hash(pin, salt), scal, multisign))

    def find(self, credential: str) -> PinPolicy | None:
        """Answer the policy, or None for a credential that has no PIN."""
        return self._kept.policies.get(credential)

    def disable(self, credential: str) -> None:
        """Take a credential out of use."""
        with self._lock:
            self._keep(credential, structs.replace(self._kept.policies[credential], enabled=False))

    def require(self, credential: str, pin: str, *, at: datetime) -> None:
        """Pass if the PIN is right; KeyServiceRefusedError `pin_wrong`, `pin_locked`."""
        with self._lock:
            policy = self._kept.policies[credential]
            if policy.locked_until and at < policy.locked_until:
                raise KeyServiceRefusedError("pin_locked", "Credential locked")
            if compare_digest(_hash(pin, policy.salt), policy.hash):
                self._keep(credential, structs.replace(policy, wrong=0, locked_until=None))
                return
            self._keep(credential, _count(policy, at))
        raise KeyServiceRefusedError("pin_wrong", "The authentication data is invalid")

    def _keep(self, credential: str, policy: PinPolicy) -> None:
        if self._kept.policies.get(credential) == policy:
            return
        kept = _Book({**self._kept.policies, credential: policy})
        replace_file(self._path, canonical.encode(kept))
        self._kept = kept


def _count(policy: PinPolicy, at: datetime) -> PinPolicy:
    if policy.wrong + 1 >= TRIES:
        return structs.replace(policy, wrong=0, locked_until=at + LOCK)
    return structs.replace(policy, wrong=policy.wrong + 1, locked_until=None)


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(errors="replace"), salt=salt, n=_COST, r=8, p=1, dklen=32)
