"""Letters from the registrar to the seal maker: written with the change of the register, sent until they arrive.

A maker that is away must not keep a licence from being revoked, and must still hear of it; so a letter is part of
the register until it is delivered. The maker hears the same letter twice without harm.
"""

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx
import msgspec
from msgspec import structs

from identity import wire
from identity.sandbox.book import Book, Letter, SealNote
from identity.sandbox.platform import LicencePlatform

_log = logging.getLogger("yizhao.sandbox")
_REFUSED: Final = range(400, 500)
NOTICES: Final = "/maker/notices"
"""Where the maker hears what cancels seals."""
REISSUES: Final = "/maker/reissues"
"""Where the maker takes an order that cancels seals and makes them anew."""


def with_letter(book: Book, letter: Letter) -> Book:
    """Answer the book with one letter more to send."""
    return structs.replace(book, letters=(*book.letters, letter))


@dataclass(frozen=True)
class MakerLine:
    """The line to the seal maker at `url`; the client has the timeouts, `token` says that it is us who write."""

    client: httpx.Client
    url: str
    token: str = field(default="", repr=False)

    def post(self, path: str, content: bytes) -> httpx.Response:
        """Post JSON; httpx.HTTPError when nobody answers."""
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return self.client.post(f"{self.url.rstrip('/')}{path}", content=content, headers=headers)

    def deliver(self, platform: LicencePlatform) -> None:
        """Send all letters that wait."""
        deliver(platform, self)


def deliver(platform: LicencePlatform, maker: MakerLine) -> None:
    """Send what waits, in order, up to the first letter that does not arrive; a refused one is logged and dropped."""
    for letter in platform.register.read().letters:
        try:
            response = maker.post(letter.path, letter.body)
        except httpx.HTTPError as error:
            _log.warning("the seal maker does not hear of %s: %s", letter.path, error)
            return
        if not response.is_success and response.status_code not in _REFUSED:
            _log.warning("the seal maker does not take %s: HTTP %d", letter.path, response.status_code)
            return
        if not response.is_success:
            _log.error("the seal maker refused %s: HTTP %d", letter.path, response.status_code)
        made = _made(response) if response.is_success and letter.path == REISSUES else ()
        platform.register.change(partial(_delivered, letter=letter, made=made))


def _delivered(book: Book, *, letter: Letter, made: tuple[wire.SealAnswer, ...]) -> tuple[Book, None]:
    """Drop the letter, and note the seals that the maker made anew in the place of older ones of their kind."""
    book = structs.replace(book, letters=tuple(one for one in book.letters if one != letter))
    if not made or letter.uscc not in book.companies:
        return book, None
    company = book.companies[letter.uscc]
    fresh = {one.kind: SealNote(one.number, one.kind, one.name) for one in made}
    notes = tuple(fresh.get(note.kind, note) for note in company.seals)
    return structs.replace(book, companies={**book.companies, letter.uscc: structs.replace(company, seals=notes)}), None


def _made(response: httpx.Response) -> tuple[wire.SealAnswer, ...]:
    """Read the seals of the answer to an order."""
    try:
        return msgspec.json.decode(response.content, type=wire.MakerAnswer).seals
    except msgspec.MsgspecError as error:
        _log.warning("the seal maker's answer cannot be read: %s", error)
        return ()
