"""The trading side of the demo: the tenderer signs, the officer keeps the key, the staff ask and host."""

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from bidding.demo.cast import Person, Platform, Unit
from bidding.demo.report import DemoFailedError
from bidding.officer import OpeningKeys
from bidding.params import (
    Officer,
    Party,
    ReadoutField,
    RequiredItem,
    SealDemand,
    SectionParams,
    Stage,
    encode_params,
    parse_params,
)
from bidding.workbench.acting import ActingParty
from identity.consent import ConsentFile
from signing import canonical
from signing.digests import sm3
from signing.ports import Statement
from signing.statement import SignedStatement, complete_statement

SECTION = "A3702000000261121001001"
BOTH: Final[tuple[SealDemand, ...]] = ("legal-representative", "unit")
REQUIRED = (
    RequiredItem("letter", "投标函", 1, mandatory=True, seals=BOTH),
    RequiredItem("readout", "开标一览表", 1, mandatory=True, seals=BOTH),
    RequiredItem("business", "商务文件", 1, mandatory=True, seals=BOTH),
    RequiredItem("technical", "技术文件", 1, mandatory=True, seals=BOTH),
)
READOUT = (
    ReadoutField("price", "投标总报价", 1, "money"),
    ReadoutField("days", "工期", 1, "days"),
    ReadoutField("quality", "质量标准", 1, "text"),
)


def yizhao(*words: str | Path, wait: bool = True) -> "subprocess.Popen[str]":
    """Run the command line as an own process, as a person would."""
    process = subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-m", "bidding.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if wait:
        finish(process)
    return process


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a command and answer what it said; DemoFailedError unless it ended well."""
    said, _ = process.communicate(timeout=120)
    if process.returncode != 0:
        raise DemoFailedError(f"命令失败（{process.returncode}）：{said[-800:]}")
    return said


def make_section(
    tenderer: Unit, centre: Unit, keys: OpeningKeys, deadline: datetime, *, section: str = SECTION, window: int = 120
) -> SectionParams:
    """Answer the parameters of a one-envelope section."""
    params = SectionParams(
        v=1,
        suite="GM",
        section=section,
        version=1,
        project="仿真市滨海大道改造工程",
        title=f"滨海大道改造工程施工 {section[-3:]} 标段",
        tenderer=Party(tenderer.name, tenderer.uscc),
        centre=Party(centre.name, centre.uscc),
        deadline=deadline,
        release_window=window,
        grace=5,
        decrypt_mode="bidder-and-officer",
        stages=(Stage(1, "投标文件", keys.keys[0].public_key, shows_price=True),),
        officers=(Officer("开标人 赵一", (1,)),),
        threshold=1,
        required=REQUIRED,
        readout=READOUT,
        max_bundle=2 << 30,
        rules="demo",
    )
    return parse_params(encode_params(params))


def sign_params(params: SectionParams, party: ActingParty, platform: Platform, person: Person) -> SignedStatement:
    """Let the tenderer's person agree on the wallet and the licence sign exactly these bytes."""
    statement = encode_params(params)
    line = ConsentFile(f"标段参数 {params.section} 第 {params.version} 版", 0, len(statement), sm3(statement).hex())
    pending = party.ask("publish", (line,), section=params.section, params_sm3=sm3(statement).hex())
    platform.confirm(pending.url, person)
    (signature,) = party.sign(pending, party.credential(), [Statement("act", statement)])
    return complete_statement(statement, signature, party.certificate().der)


@dataclass(frozen=True)
class Staff:
    """A person of the trading centre, logged in at the centre."""

    http: httpx.Client
    token: str

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask the centre as staff."""
        return self.http.request(method, f"/api/v1{path}", headers={"authorization": f"Bearer {self.token}"}, **options)

    def do(self, method: str, path: str, **options: Any) -> Any:
        """Ask, and fail the demo if it is refused."""
        response = self.ask(method, path, **options)
        if response.is_error:
            raise DemoFailedError(f"{method} {path}: {response.status_code} {response.text[:400]}")
        return response.json() if response.content else None


def log_in(http: httpx.Client, platform: Platform, unit: Unit, person: Person) -> str:
    """Log a person in by e-licence at a party, over its published protocol; answers the session's token."""
    begun = http.post("/api/v1/logins")
    if begun.is_error:
        raise DemoFailedError(f"登录未能发起：{begun.text[:300]}")
    login = begun.json()
    platform.confirm_login(login["url"], unit, person, login["number"])
    for _ in range(50):
        answer = http.get(f"/api/v1/logins/{login['login']}", headers={"x-login-secret": login["secret"]})
        if answer.is_error:
            raise DemoFailedError(f"登录未成功：{answer.text[:300]}")
        if answer.json().get("token"):
            return str(answer.json()["token"])
        time.sleep(0.1)
    raise DemoFailedError("登录超时")


def publish(http: httpx.Client, signed: SignedStatement) -> None:
    """Have the centre check and release the section."""
    answer = http.post(
        "/api/v1/sections", content=canonical.encode(signed), headers={"content-type": "application/json"}
    )
    if answer.is_error:
        raise DemoFailedError(f"标段未能发布：{answer.text[:400]}")


def now() -> datetime:
    """Read the demo's own clock."""
    return datetime.now(UTC)  # noqa: TID251 - the demo is an edge


def in_seconds(seconds: float) -> datetime:
    """Answer a whole second so far ahead."""
    return (now() + timedelta(seconds=seconds)).replace(microsecond=0)
