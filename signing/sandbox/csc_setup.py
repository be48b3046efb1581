"""The CSC face of a whole sandbox: its bearer token, its demonstration credentials and its router, over one folder."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import httpx
from litestar import Router

from signing.path import Purpose
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.csc import Stamper, create_router
from signing.sandbox.csc_service import CscService
from signing.sandbox.files import replace_file
from signing.sandbox.keys import KeyVault
from signing.sandbox.redeeming import ConsentDesk

DEMO_PIN: Final = "246810"
"""PIN of the demonstration credentials; printed in the documents, worth nothing."""
DEMO_CREDENTIALS: Final[tuple[tuple[str, Literal["ecdsa", "rsa"], Literal["1", "2"]], ...]] = (
    ("intl-rsa:demo", "rsa", "2"),
    ("intl-ecdsa:demo", "ecdsa", "1"),
)
_BEARER_FILE: Final = "bearer.token"


def open_token(folder: Path, random: Callable[[int], bytes]) -> str:
    """Answer the bearer token of a service folder, made at the first start; only its owner can read the file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / _BEARER_FILE
    if not file.exists():
        replace_file(file, random(32).hex().encode())
    return file.read_text()


def open_router(
    folder: Path,
    *,
    vault: KeyVault,
    authority: CertificateAuthority,
    wallet: httpx.Client,
    wallet_url: str,
    random: Callable[[int], bytes],
    clock: Callable[[], datetime],
    stampers: Mapping[str, Stamper] | None = None,
) -> Router:
    """Open (or make) the service over a folder and serve it at `/csc`; the token is in the folder's `bearer.token`."""
    desk = ConsentDesk(vault.ledger, wallet, wallet_url)
    service = CscService(folder, vault=vault, desk=desk, random=random, clock=clock)
    for name, kind, scal in DEMO_CREDENTIALS:
        if service.policy(name) is None:
            made = authority.issue_international(f"CSC demonstration {kind.upper()}", Purpose.LICENCE, kind)
            service.add_demonstration(name, made.key, made.certificate, made.chain, pin=DEMO_PIN, scal=scal)
    return create_router(service, tokens=[open_token(folder, random)], stampers=stampers)
