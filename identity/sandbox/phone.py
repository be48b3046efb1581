"""Whose phone a browser plays in the sandbox, and the tokens that tie a page's form to that browser (CSRF)."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from identity.errors import BadFormTokenError

COOKIE: Final = "wallet_phone"
_FORMS_FROM: Final = frozenset({"", "same-origin", "none"})


@dataclass(frozen=True)
class Phone:
    """One browser: a random name, and the person whose phone it plays (empty until chosen)."""

    name: str
    person: str

    @property
    def cookie(self) -> str:
        """Answer the cookie's value."""
        return f"{self.name}.{self.person}"


class Phones:
    """Reads cookies and makes form tokens; nothing is kept, and a restart only makes open pages reload."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        """Take the randomness for names and for this run's secret."""
        self._random = random
        self._secret = random(32)

    def recognise(self, cookie: str) -> Phone:
        """Answer the phone of a cookie; a new one for a cookie that is missing or not ours."""
        name, _, person = cookie.partition(".")
        known = len(name) == 32 and set(name) <= set("0123456789abcdef")  # noqa: PLR2004 - 16 bytes in hex
        return Phone(name, person) if known else Phone(self._random(16).hex(), "")

    def token(self, phone: Phone, path: str) -> str:
        """Answer the token of the forms on one page, for this phone only."""
        return hmac.new(self._secret, f"{phone.cookie}|{path}".encode(), "sha256").hexdigest()

    def require(self, phone: Phone, path: str, token: str, *, fetched_from: str) -> None:
        """Pass if the form came from our own page in this browser; BadFormTokenError."""
        if fetched_from not in _FORMS_FROM or not hmac.compare_digest(self.token(phone, path).encode(), token.encode()):
            raise BadFormTokenError(path)
