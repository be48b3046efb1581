"""A seal maker with a clock that the test turns, and the orders that one sends to it."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import uvicorn
from litestar import Litestar, Router
from sealing_world import DAY, HOLDER, NOON, Party, World, declare, key

from identity.licence import BusinessLicence
from sealing.sandbox.maker import create_router
from signing import canonical
from signing.certificates import Certificate
from signing.path import PURPOSE_OIDS, Purpose
from signing.statement import SignedStatement, complete_statement, prepare_statement


@contextmanager
def serve(app: Litestar) -> Iterator[str]:
    """Serve an application on a real socket; answer its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def open_maker(world: World, folder: Path, clock: Clock, **extra: Any) -> Router:
    return create_router(folder, key=world.maker.key, certificate=world.maker.certificate, clock=clock, **extra)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def order(world: World, **changes: object) -> dict[str, Any]:
    return {
        "company": HOLDER.company,
        "uscc": HOLDER.uscc,
        "legal_representative": HOLDER.legal_representative,
        "unit_certificate": text(world.unit.certificate.der),
        "representative_certificate": text(world.person.certificate.der),
        "not_before": (NOON - DAY).isoformat(),
        "not_after": (NOON + 300 * DAY).isoformat(),
    } | changes


def holder_of(world: World, name: str, **subject: str) -> Certificate:
    """Certify somebody else of the same unit."""
    licences = Party(key("licence ca"), world.trust.anchors[0].certificate)
    return declare(name, licences, uscc=HOLDER.uscc, **subject).certificate


def licence(registrar: Party, **changes: str) -> SignedStatement:
    face = {
        "uscc": HOLDER.uscc,
        "name": HOLDER.company,
        "type": "有限责任公司",
        "legal_representative": HOLDER.legal_representative,
        "registered_capital": "5000万元人民币",
        "established": "2020-01-01",
        "term": "长期",
        "address": "仿真市示范路1号",
        "scope": "建设工程施工",
        "authority": "仿真市市场监督管理局",
        "status": "存续",
        "approved": "2020-01-01",
    } | changes
    statement = prepare_statement(BusinessLicence(v=1, **face))
    return complete_statement(statement, registrar.sign(statement), registrar.certificate.der)


def registrar_of(world: World) -> Party:
    services = Party(key("service ca"), world.trust.anchors[1].certificate)
    return declare("registrar", services, cn="仿真市市场监督管理局", purposes=[PURPOSE_OIDS[Purpose.REGISTRAR]])


def application(signed: SignedStatement, **changes: object) -> dict[str, Any]:
    return {"applicant": HOLDER.legal_representative, "licence": json.loads(canonical.encode(signed))} | changes
