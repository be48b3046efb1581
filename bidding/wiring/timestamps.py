"""Time for a party (可信时间): all configured authorities behind one port, every token verified before it is used."""

from collections.abc import Callable, Sequence
from datetime import datetime

import httpx

from signing.adapters.tsa_failover import FailoverTimestampAuthority, NamedAuthority
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.path import RevocationEvidence, TrustAnchors
from signing.timestamp_acceptance import TokenAcceptance

Trust = Callable[[], tuple[TrustAnchors, RevocationEvidence]]
SANDBOX_PATHS = ("/tsa", "/tsa/second")
"""Where the sandbox's two GM authorities answer."""


def open_timestamps(
    http: httpx.Client,
    urls: Sequence[str],
    *,
    trust: Trust,
    random: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> FailoverTimestampAuthority:
    """Ask the addresses in their order. Strict: what is stamped here will be judged strictly later on."""
    named = tuple(NamedAuthority(url, HttpTimestampAuthority(http, url, random)) for url in urls)
    return FailoverTimestampAuthority(named, clock, TokenAcceptance(trust, strict=True))
