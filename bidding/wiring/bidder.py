"""A bidder's own machine put together: the licence platform's adapters, and a trust list that is never fetched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from bidding.wiring.machine import system_clock
from bidding.wiring.timestamps import SANDBOX_PATHS, open_timestamps
from bidding.workbench.acting import ActingPorts
from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from sealing.adapters.maker_http import HttpSealRegistry
from signing.adapters.key_http import HttpKeyService
from signing.adapters.revocation_http import HttpRevocationSource
from signing.errors import UnavailableError
from signing.path import TrustAnchors
from signing.trust import load_trust

_CRLS = ("root", "licence", "service", "intl-root", "intl")
_TIMEOUT = httpx.Timeout(30, connect=5)


@dataclass(frozen=True)
class BidderPorts:
    """Whom a bidder's machine asks, and whom it trusts, with revocation lists of now if the source answered."""

    acting: ActingPorts
    seals: HttpSealRegistry
    trust: TrustAnchors
    http: httpx.Client


@contextmanager
def bidder_ports(sandbox_url: str, trust: Path, random: Callable[[int], bytes]) -> Iterator[BidderPorts]:
    """Make the adapters of the platform at `sandbox_url`; the trust folder is read only. MalformedError."""
    base = sandbox_url.rstrip("/")
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as http:
        platform = Platform(http, base)
        source = HttpRevocationSource(http, tuple(f"{base}/ca/{name}.crl" for name in _CRLS))
        anchors = _refreshed(load_trust(trust), source)
        acting = ActingPorts(
            wallet=HttpWallet(platform),
            keys=HttpKeyService(http, base),
            tsa=open_timestamps(
                http,
                [f"{base}{path}" for path in SANDBOX_PATHS],
                trust=lambda: (anchors, anchors.evidence),
                random=random,
                clock=system_clock,
            ),
            register=HttpRegister(platform),
        )
        yield BidderPorts(acting, HttpSealRegistry(http, base), anchors, http)


def _refreshed(trust: TrustAnchors, source: HttpRevocationSource) -> TrustAnchors:
    try:
        crls = source.fetch_crls()
    except UnavailableError:
        return trust
    return replace(trust, crls=crls)
