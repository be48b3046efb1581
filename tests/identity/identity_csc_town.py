"""A licence platform with wallet, key service and CSC over real HTTP; as a program: FOLDER PORT, until it is ended."""

import base64
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from identity_town import KINDS, PIN, Maker, read_act
from litestar import Litestar

from identity.consent import ConsentFile, ConsentRecord, encode_record
from identity.ports import StatementFacts
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from signing.cms import read_message_digest
from signing.sandbox import csc_setup, keys
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault

TOKEN = bytes(32).hex()
NAME, HEAD = "仿真市第一建筑有限公司", "张三丰"


def now() -> datetime:
    return datetime.now(UTC)


def read_cms(data: bytes) -> StatementFacts:
    return StatementFacts(read_message_digest(data).hex())


def build_app(folder: Path, base_url: str) -> Litestar:
    """Open (or make) the platform over a folder."""
    http = httpx.Client(timeout=10)
    authority = CertificateAuthority(folder / "ca", "a passphrase", clock=now, random=os.urandom)
    vault = KeyVault(folder / "keys", "a passphrase", random=os.urandom)
    platform = open_platform(folder / "platform", vault=vault, random=os.urandom, clock=now, passphrase="a passphrase")
    maker = httpx.Client(transport=httpx.MockTransport(Maker()))
    (folder / "csc").mkdir(exist_ok=True)
    (folder / "csc" / "bearer.token").write_text(TOKEN)
    remote = csc_setup.open_router(
        folder / "csc",
        vault=vault,
        authority=authority,
        wallet=http,
        wallet_url=base_url,
        random=os.urandom,
        clock=now,
    )
    return Litestar(
        [
            registrar_http.create_router(platform, authority=authority, maker=maker, maker_url="http://maker.test"),
            wallet.create_router(platform, readers={"cms": read_cms, "act": read_act}, base_url=base_url),
            keys.create_router(vault, wallet=http, wallet_url=base_url),
            remote,
        ],
        on_shutdown=[http.close, maker.close],
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(app: Any, port: int) -> Iterator[str]:
    """Run an application on loopback until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True)
class Office:
    """The holder's side: registers a company, asks for consents and confirms them."""

    http: httpx.Client
    url: str

    def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.http.post(f"{self.url}{path}", json=body)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def register(self) -> dict[str, Any]:
        body = {"name": NAME, "legal_representative": HEAD, "pin": PIN}
        made = self.post("/registrar/companies", body)
        assert len(made["seals"]) == len(KINDS)
        return made

    def request(self, company: dict[str, Any], act: str, *digests: bytes, minutes: float = 5) -> str:
        """Ask for a consent of the legal representative to these final hashes, answering its id."""
        at = now().replace(microsecond=0)
        record = ConsentRecord(
            v=1,
            act=act,
            uscc=company["uscc"],
            company=NAME,
            person=company["person"],
            person_name=HEAD,
            authorisation="legal-representative",
            audience="投标人工作台",
            files=tuple(ConsentFile(f"文件{n}", 1, 1, one.hex()) for n, one in enumerate(digests)),
            seal="",
            section="S-1",
            params_sm3="ab" * 32,
            nonce=os.urandom(16).hex(),
            not_before=at,
            not_after=at + timedelta(minutes=minutes),
        )
        told = self.post("/wallet/consents", {"record": base64.b64encode(encode_record(record)).decode()})
        return str(told["id"])

    def confirm(self, company: dict[str, Any], consent: str) -> None:
        self.post(f"/wallet/consents/{consent}/confirm", {"person": company["person"], "pin": PIN})

    def refuse(self, company: dict[str, Any], consent: str) -> None:
        self.post(f"/wallet/consents/{consent}/refuse", {"person": company["person"]})

    def consent(self, company: dict[str, Any], act: str, *digests: bytes) -> str:
        consent = self.request(company, act, *digests)
        self.confirm(company, consent)
        return consent


def act_of(what: str = "submit", n: int = 0) -> bytes:
    return f'{{"act":"{what}","n":{n},"nonce":"{os.urandom(4).hex()}"}}'.encode()


if __name__ == "__main__":
    port = int(sys.argv[2])
    uvicorn.run(build_app(Path(sys.argv[1]), f"http://127.0.0.1:{port}"), port=port, log_level="error", ws="none")
