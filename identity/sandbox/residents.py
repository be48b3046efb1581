"""Recognising a resident without keeping their number (去标识化)."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from identity.natural import ResidentId
from signing.keystore import load_secret, save_secret
from signing.sm3 import hmac_sm3


class ResidentTags:
    """Turns resident ids into tags: the same person is recognised, and nobody is named. The key is made when needed."""

    def __init__(self, folder: Path, passphrase: str, random: Callable[[int], bytes]) -> None:
        """Keep the key, protected by the passphrase, in `folder`/residents.key."""
        self._path, self._passphrase, self._random = folder / "residents.key", passphrase, random
        self._lock, self._key = Lock(), b""

    def __call__(self, resident: ResidentId) -> str:
        """Answer HMAC-SM3 of a resident id, hex."""
        with self._lock:
            if not self._key:
                if not self._path.exists():
                    save_secret(self._path, self._random(32), self._passphrase, self._random)
                self._key = load_secret(self._path, self._passphrase)
        return hmac_sm3(self._key, resident.encode()).hex()
