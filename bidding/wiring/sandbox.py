"""The sandbox put together: every stand-in in one process, calling each other over HTTP only (仿真环境)."""

from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar, Response, get
from litestar.enums import MediaType

from bidding.reading import READERS
from bidding.wiring.machine import system_clock, system_random
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from sealing.sandbox import maker
from sealing.sandbox.scan_worker import clean_in_child
from signing.certificates import parse_certificate
from signing.keystore import load_key, load_signing_key, save_key, save_signing_key
from signing.path import Purpose
from signing.sandbox import authority as authorities
from signing.sandbox import csc_setup, keys, tsa
from signing.sandbox.authority import CertificateAuthority, Issued
from signing.sandbox.files import replace_file
from signing.schemes import SigningKey


@get(["/", "/healthz"], sync_to_thread=False, include_in_schema=False)
def healthz() -> Response[str]:
    """Answer when the sandbox is up, and lead people to the wallet."""
    link = '<p>仿真环境：登记机关、执照钱包、签名服务、制章、证书与时间戳。</p><p><a href="/wallet/">执照钱包</a></p>'
    return Response(f'<!doctype html><meta charset="utf-8"><title>仿真环境</title>{link}', media_type=MediaType.HTML)


def build_sandbox(folder: Path, passphrase: str, base_url: str) -> Litestar:
    """Open (or make) the whole sandbox over one folder; `base_url` is where people and parties reach it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock, random = system_clock, system_random
    http = httpx.Client(timeout=30)
    authority = CertificateAuthority(folder / "ca", passphrase, clock=clock, random=random, base_url=base_url)
    vault = keys.KeyVault(folder / "keys", passphrase, random=random)
    platform = open_platform(folder / "platform", vault=vault, random=random, clock=clock, passphrase=passphrase)
    first, second = (
        tsa.TimestampService.of(
            _service(authority, folder / name, title, Purpose.TIMESTAMP, passphrase), clock=clock, random=random
        )
        for name, title in (("tsa", "仿真时间戳服务"), ("tsa-second", "仿真时间戳服务（备用）"))
    )
    international = _international_stamping(authority, folder / "tsa-intl", passphrase)
    maker_token = _token(folder / "maker-token")
    making = _service(authority, folder / "maker", "仿真制章单位", Purpose.SEAL_MAKER, passphrase)
    routers: list[Any] = [
        healthz,
        authorities.create_router(authority),
        tsa.create_router(first, international, second=second),
        keys.create_router(vault, wallet=http, wallet_url=base_url),
        csc_setup.open_router(
            folder / "csc",
            vault=vault,
            authority=authority,
            wallet=http,
            wallet_url=base_url,
            random=random,
            clock=clock,
            stampers={"sm3": first.answer, "sha256": international.answer},
        ),
        registrar_http.create_router(
            platform, authority=authority, maker=http, maker_url=base_url, maker_token=maker_token
        ),
        wallet.create_router(platform, readers=READERS, base_url=base_url),
        maker.create_router(
            folder / "seals",
            key=making.key,
            certificate=parse_certificate(making.certificate),
            clock=clock,
            anchors=authority.trust,
            stamp=first.stamp,
            clean=clean_in_child,
            token=maker_token,
        ),
    ]
    return Litestar(route_handlers=routers, on_shutdown=[http.close], openapi_config=None, logging_config=None)


def _token(path: Path) -> str:
    """Answer the token that lets registrar and operator write to the seal maker; made at the first start and kept."""
    if not path.exists():
        replace_file(path, system_random(24).hex().encode())
    return path.read_text()


def _service(authority: CertificateAuthority, folder: Path, name: str, purpose: Purpose, passphrase: str) -> Issued:
    """Open a service's key and certificate, made at the first start and kept."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file, certificate_file = folder / "service.key", folder / "service.cer"
    chain = (authority.certificate("service"), authority.certificate("root"))
    if key_file.exists() and certificate_file.exists():
        return Issued(load_key(key_file, passphrase), certificate_file.read_bytes(), chain)
    made = authority.issue_service(name, purpose)
    key_file.unlink(missing_ok=True)
    save_key(key_file, made.key, passphrase, system_random)
    certificate_file.write_bytes(made.certificate)
    return made


def _international_stamping(authority: CertificateAuthority, folder: Path, passphrase: str) -> tsa.TimestampService:
    """Open the INTL authority's ECDSA key and certificate, made at the first start and kept."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file, certificate_file = folder / "service.key", folder / "service.cer"
    if not certificate_file.exists():
        made = authority.issue_international("INTL sandbox TSA", Purpose.TIMESTAMP, "ecdsa")
        key_file.unlink(missing_ok=True)
        save_signing_key(key_file, made.key, passphrase, system_random)
        certificate_file.write_bytes(made.certificate)
    key: SigningKey = load_signing_key(key_file, passphrase)
    return tsa.TimestampService.international(
        key, certificate_file.read_bytes(), clock=system_clock, random=system_random
    )
