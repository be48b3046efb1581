"""The seal platform as whoever runs a verification names it (印章平台), for questions about seals' states."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from sealing.adapters.maker_http import HttpSealRegistry
from sealing.ports import SealStatusSource


@contextmanager
def open_seal_platform(url: str) -> Iterator[SealStatusSource]:
    """Yield the platform at this address; nobody is asked before it is used, and no redirection is followed."""
    with httpx.Client(timeout=httpx.Timeout(15, connect=5), follow_redirects=False) as http:
        yield HttpSealRegistry(http, url)
