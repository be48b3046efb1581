"""Revocation lists and trust lists over HTTP, from configured addresses only."""

from dataclasses import dataclass

import httpx

from signing.adapters.http import fetch
from signing.canonical import MAX_DOCUMENT
from signing.errors import MalformedError, UnavailableError
from signing.path import TrustAnchors
from signing.revocation import MAX_CRL, parse_crl
from signing.trust import decode_trust


@dataclass(frozen=True)
class HttpRevocationSource:
    """A `signing.ports.RevocationSource` over a list of CRL addresses."""

    client: httpx.Client
    urls: tuple[str, ...]

    def fetch_crls(self) -> tuple[bytes, ...]:
        """Answer every list, DER; UnavailableError if one does not come or is none."""
        return tuple(self._fetch(url) for url in self.urls)

    def _fetch(self, url: str) -> bytes:
        body = fetch(self.client, url, limit=MAX_CRL)
        try:
            parse_crl(body)
        except MalformedError as error:
            raise UnavailableError(f"no CRL at {url}") from error
        return body


def fetch_trust(client: httpx.Client, url: str) -> TrustAnchors:
    """Answer a published trust list (`/ca/trust`); whoever calls this trusts the address. UnavailableError."""
    try:
        return decode_trust(fetch(client, url, limit=MAX_DOCUMENT))
    except MalformedError as error:
        raise UnavailableError(f"no trust list at {url}") from error
