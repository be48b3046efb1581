"""The outside as one value: every port of a party with its HTTP adapter (端口与适配器)."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from bidding.wiring.machine import system_clock
from bidding.wiring.timestamps import SANDBOX_PATHS, open_timestamps
from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from sealing.adapters.maker_http import HttpSealRegistry
from signing.adapters.key_http import HttpKeyService
from signing.adapters.revocation_http import HttpRevocationSource, fetch_trust
from signing.errors import UnavailableError
from signing.path import RevocationEvidence, TrustAnchors
from signing.ports import TimestampAuthority
from signing.trust import load_trust, save_trust

CRL_SECONDS = 2.0
"""How long revocation lists are used before they are asked for again."""
_CRLS = ("root", "licence", "service", "intl-root", "intl")


@dataclass
class LiveTrust:
    """A trust list on disk with revocation lists that are kept fresh; the anchors change with its editions only."""

    folder: Path
    source: HttpRevocationSource
    _anchors: TrustAnchors = field(init=False)
    _fetched: float = field(default=float("-inf"), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        """Read the list; MalformedError."""
        self._anchors = load_trust(self.folder)

    def anchors(self) -> TrustAnchors:
        """Answer the list with lists of at most CRL_SECONDS of age; older ones stay when the source is silent."""
        with self._lock:
            if time.monotonic() - self._fetched >= CRL_SECONDS:
                self._refresh()
            return self._anchors

    def evidence(self) -> RevocationEvidence:
        """Answer the revocation evidence alone."""
        return self.anchors().evidence

    def refreshed_folder(self) -> Path:
        """Answer the folder, with current lists in it, for a child process to read."""
        self.anchors()
        return self.folder

    def _refresh(self) -> None:
        try:
            crls = self.source.fetch_crls()
        except UnavailableError:
            return
        # an operator may have brought a newer edition into the folder meanwhile
        kept = load_trust(self.folder)
        newest = kept if kept.number > self._anchors.number else self._anchors
        self._anchors = replace(newest, crls=crls)
        save_trust(self.folder, self._anchors)
        self._fetched = time.monotonic()


@dataclass(frozen=True)
class Outside:
    """Whom a party asks: registrar, wallet, key service, seal maker, timestamps, revocation."""

    http: httpx.Client
    register: HttpRegister
    wallet: HttpWallet
    keys: HttpKeyService
    seals: HttpSealRegistry
    tsa: TimestampAuthority
    trust: LiveTrust


def open_outside(
    base_url: str, trust_folder: Path, random: Callable[[int], bytes], timestamps: Sequence[str] = ()
) -> Outside:
    """Make the adapters; at the first start the trust list is taken from the sandbox that the settings name.

    `timestamps` are the addresses of the timestamp authorities, the sandbox's two if there are none.
    """
    http = httpx.Client(timeout=httpx.Timeout(30, connect=5), follow_redirects=False)
    if not (trust_folder / "trust.json").exists():
        save_trust(trust_folder, fetch_trust(http, f"{base_url}/ca/trust"))
    platform = Platform(http, base_url)
    crls = HttpRevocationSource(http, tuple(f"{base_url}/ca/{name}.crl" for name in _CRLS))
    trust = LiveTrust(trust_folder, crls)
    urls = timestamps or [f"{base_url}{path}" for path in SANDBOX_PATHS]
    return Outside(
        http=http,
        register=HttpRegister(platform),
        wallet=HttpWallet(platform),
        keys=HttpKeyService(http, base_url),
        seals=HttpSealRegistry(http, base_url),
        tsa=open_timestamps(
            http, urls, trust=lambda: (trust.anchors(), trust.evidence()), random=random, clock=system_clock
        ),
        trust=trust,
    )
