"""A workbench beside a sandbox that runs on loopback, as its adapters see it: real PDFs, real SM2, no mocks of ours."""

import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from msgspec import structs
from reportlab.pdfgen.canvas import Canvas

from bidding.centre.service import Centre
from bidding.judging import DocumentJudging
from bidding.params import Officer, Party, ReadoutField, RequiredItem, SectionParams, Stage, encode_params, params_sm3
from bidding.settings import Settings
from bidding.web.app import create_app
from bidding.web.centre_api import CENTRE_API
from bidding.web.upload import UPLOAD_ROUTER
from bidding.wiring.centre import OwnSecrets, build_centre
from bidding.wiring.ports import Outside, open_outside
from bidding.wiring.sandbox import build_sandbox
from bidding.workbench.acting import ActingParty, ActingPorts, find_actor
from bidding.workbench.desk import Desk, Shelf
from identity.actor import Actor
from identity.consent import ConsentFile
from signing import canonical, sm2
from signing.digests import sm3
from signing.ports import Statement
from signing.statement import SignedStatement, complete_statement
from storage.database import Role, migrate, open_database, sqlite_url, writing
from storage.intake import Intake
from storage.models import workbench as tables
from storage.secrets import FieldCipher

PIN = "246810"
CENTRE = "http://centre.test"
PASSPHRASE = "a passphrase of the tests"


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def serving(app: Any, port: int) -> Iterator[str]:
    """Run an ASGI application on loopback until the block ends."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="on", timeout_keep_alive=75)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Company:
    uscc: str
    name: str
    person: str


@dataclass(frozen=True)
class Town:
    """The sandbox, and the three kinds of units that a tender needs."""

    url: str
    http: httpx.Client
    outside: Outside
    bidder: Company
    other: Company
    tenderer: Company
    agent: str
    """Authorisation of the bidder's agent."""

    def post(self, path: str, body: Any, expect: int = 201) -> Any:
        answer = self.http.post(f"{self.url}{path}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def confirm(self, url: str, *, person: str = "", pin: str = PIN) -> None:
        """Type the password on the wallet; `url` is the one-time link that was shown."""
        reference = url.rstrip("/").removesuffix("/page").rpartition("/")[2]
        self.post(f"/wallet/consents/{reference}/confirm", {"person": person or self.bidder.person, "pin": pin}, 200)

    def refuse(self, url: str) -> None:
        reference = url.rstrip("/").removesuffix("/page").rpartition("/")[2]
        self.post(f"/wallet/consents/{reference}/refuse", {"person": self.bidder.person}, 200)

    @property
    def actor(self) -> Actor:
        return find_actor(self.outside.register, self.bidder.uscc)

    def set_state(self, uscc: str, state: str) -> None:
        self.post(f"/registrar/licences/{uscc}/state", {"state": state, "reason": "测试"}, 200)


@contextmanager
def open_town(folder: Path) -> Iterator[Town]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serving(build_sandbox(folder / "sandbox", PASSPHRASE, url), port):
        outside = open_outside(url, folder / "trust", os.urandom)
        http = httpx.Client(timeout=30)

        def company(name: str, person: str) -> Company:
            body = {"name": name, "legal_representative": person, "pin": PIN}
            made = http.post(f"{url}/registrar/companies", json=body)
            assert made.status_code == 201, made.text
            return Company(made.json()["uscc"], name, made.json()["person"])

        bidder = company("远山喆建设工程有限公司", "欧阳㛃")
        town = Town(
            url, http, outside, bidder, company("临江路桥有限公司", "李四光"), company("滨河城投有限公司", "王一"), ""
        )
        grant = {
            "uscc": bidder.uscc,
            "person_name": "王小明",
            "items": ["login", "pack", "record", "release", "seal", "submit", "withdraw"],
            "not_before": (now() - timedelta(days=1)).isoformat(),
            "not_after": (now() + timedelta(days=30)).isoformat(),
            "pin": PIN,
            "person_pin": PIN,
        }
        yield replace(town, agent=town.post("/registrar/authorisations", grant)["id"])
        http.close()
        outside.http.close()


def make_params(tenderer: Company, *, section: str = "S-1", version: int = 1, minutes: float = 60) -> SectionParams:
    deadline = (now() + timedelta(minutes=minutes)).replace(microsecond=0)
    return SectionParams(
        v=1,
        suite="GM",
        section=section,
        version=version,
        project="滨河新区市政道路工程",
        title="第一标段",
        tenderer=Party(tenderer.name, tenderer.uscc),
        centre=Party("滨河交易中心", "12350100M000100Y43"),
        deadline=deadline,
        release_window=60,
        grace=10,
        decrypt_mode="bidder-and-officer",
        stages=(Stage(1, "商务技术标", sm2.generate(os.urandom).public.point, shows_price=True),),
        officers=(Officer("开标人", (1,)),),
        threshold=1,
        required=(
            RequiredItem("letter", "投标函", 1, mandatory=True, seals=("legal-representative", "unit")),
            RequiredItem("technical", "技术文件", 1, mandatory=True, seals=("unit",)),
            RequiredItem("other", "其他资料", 1, mandatory=False, seals=()),
        ),
        readout=(
            ReadoutField("price", "投标总报价", 1, "money"),
            ReadoutField("days", "工期", 1, "days"),
            ReadoutField("bond", "投标保证金", 1, "text"),
        ),
        max_bundle=64 << 20,
        rules="demo",
    )


@dataclass(frozen=True)
class Clock:
    """A clock that tests can set ahead."""

    ahead: dict[str, timedelta]

    def __call__(self) -> datetime:
        return now() + self.ahead.get("by", timedelta(0))


def open_desk(folder: Path, town: Town, clock: Callable[[], datetime] = now) -> Desk:
    engine = open_database(sqlite_url(folder / "workbench.sqlite"))
    migrate(engine, Role.WORKBENCH)
    outside = town.outside
    return Desk(
        engine=engine,
        shelf=Shelf(Intake(folder / "shelf", b"\x01" * 32, os.urandom), folder / "work"),
        bundles=folder / "bundles",
        cipher=FieldCipher(b"\x02" * 32, os.urandom),
        clock=clock,
        random=os.urandom,
        trust=outside.trust.anchors,
        ports=ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register),
        judge=lambda path: (f"已签章文件，{path.stat().st_size} 字节",),
        sandbox=True,
    )


def keep_section(desk: Desk, params: SectionParams) -> str:
    """Put parameters into the workbench as if they had been followed; the tenderer's signature is left out."""
    data = encode_params(params)
    signed = canonical.encode(SignedStatement(1, data, b"", b""))
    row = {"params_sm3": params_sm3(data), "centre": CENTRE, "code": params.section, "version": params.version}
    with writing(desk.engine) as tx:
        tx.execute(tables.sections.insert().values(**row, signed=signed, at=now()))
    return params_sm3(data)


def pdf(pages: int = 1, text: str = "page") -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    for number in range(1, pages + 1):
        canvas.drawString(100, 400, f"{text} {number}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@dataclass(frozen=True)
class Trading:
    """A trading centre on loopback, beside the sandbox."""

    url: str
    unit: Company
    centre: Centre
    town: Town
    counter: Iterator[int]

    def release(self, *, minutes: float = 60, section: str = "") -> SectionParams:
        """Let the tenderer sign a section's parameters on the wallet, and the centre release them."""
        tenderer, outside = self.town.tenderer, self.town.outside
        name = section or f"T-{next(self.counter)}"
        params = structs.replace(
            make_params(tenderer, section=name, minutes=minutes), centre=Party(self.unit.name, self.unit.uscc), grace=0
        )
        statement = encode_params(params)
        ports = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
        party = ActingParty(ports, now, os.urandom, "招标人", find_actor(outside.register, tenderer.uscc))
        line = ConsentFile("标段参数", 0, len(statement), sm3(statement).hex())
        pending = party.ask("publish", (line,), section=name, params_sm3=params_sm3(statement))
        self.town.confirm(pending.url, person=tenderer.person)
        (signature,) = party.sign(pending, party.credential(), [Statement("act", statement)])
        signed = complete_statement(statement, signature, party.certificate().der)
        answer = httpx.post(
            f"{self.url}/api/v1/sections",
            content=canonical.encode(signed),
            headers={"content-type": "application/json"},
        )
        assert answer.is_success, answer.text
        return params


@contextmanager
def open_centre(folder: Path, town: Town) -> Iterator[Trading]:
    made = town.post(
        "/registrar/companies", {"name": "滨河公共资源交易中心", "legal_representative": "赵一", "pin": PIN}
    )
    unit = Company(made["uscc"], "滨河公共资源交易中心", made["person"])
    port = free_port()
    settings = Settings(role="centre", data=str(folder / "centre"), port=port, sandbox_url=town.url, rules="demo")
    (folder / "centre").mkdir()
    (folder / "centre-keys").mkdir(mode=0o700)
    own = OwnSecrets(folder / "centre-keys", PASSPHRASE, os.urandom)
    centre = build_centre(settings, own, town.outside, name=unit.name, uscc=unit.uscc)
    app = create_app([CENTRE_API, UPLOAD_ROUTER], {"centre": centre}, title="test centre")
    with serving(app, port) as url:
        yield Trading(url, unit, centre, town, count(1))
    if isinstance(centre.opening.judge, DocumentJudging):
        centre.opening.judge.worker.close()
    centre.house.engine.dispose()
