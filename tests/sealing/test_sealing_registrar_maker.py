"""The registrar and the seal maker together: what happens to a licence happens to its seals."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from litestar import Litestar, Router
from litestar.testing import TestClient
from sealing_maker_world import serve

from bidding.cli.licence import show
from identity.sandbox import registrar_http
from identity.sandbox.platform import open_platform
from sealing import ses
from sealing.adapters.maker_http import HttpSealRegistry
from sealing.sandbox import maker
from sealing.seal import FIVE, SealKind, SealState
from sealing.seal_status import judge_state
from sealing.verify import verify_esl
from signing.certificates import parse_certificate
from signing.checks import Indication, Result
from signing.path import Purpose
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault

PIN = "246810"
COMPANY = set(FIVE) - {SealKind.LEGAL_REPRESENTATIVE}


class Clock:
    """A clock that the test turns."""

    now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Town:
    """A registrar and a maker in one application."""

    client: TestClient[Litestar]
    clock: Clock
    authority: CertificateAuthority
    company: dict[str, Any]
    routers: list[Router]

    @property
    def registry(self) -> HttpSealRegistry:
        return HttpSealRegistry(self.client, str(self.client.base_url))

    def change(self, what: str, **body: str) -> None:
        answer = self.client.post(f"/registrar/licences/{self.company['uscc']}/{what}", json=body)
        assert answer.status_code == 200, answer.text

    def live(self) -> dict[SealKind, str]:
        seals = self.registry.fetch_seals(self.company["uscc"])
        return {one.kind: one.number for one in seals if one.state is SealState.ACTIVE}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    clock, random = Clock(), os.urandom
    authority = CertificateAuthority(tmp_path / "ca", "passphrase", clock=clock, random=random)
    vault = KeyVault(tmp_path / "keys", "passphrase", random=random)
    platform = open_platform(tmp_path / "platform", vault=vault, random=random, clock=clock, passphrase="passphrase")
    made = authority.issue_service("仿真制章单位", Purpose.SEAL_MAKER)
    certificate = parse_certificate(made.certificate)
    making = maker.create_router(
        tmp_path / "seals", key=made.key, certificate=certificate, clock=clock, anchors=authority.trust
    )
    with TestClient(Litestar([making], openapi_config=None)) as inside:
        registrar = registrar_http.create_router(
            platform, authority=authority, maker=inside, maker_url=str(inside.base_url)
        )
        with TestClient(Litestar([registrar, making], openapi_config=None)) as client:
            body = {"name": "测试建设有限公司", "legal_representative": "欧阳明", "pin": PIN}
            company = client.post("/registrar/companies", json=body).json()
            clock.now += timedelta(days=1)
            yield Town(client, clock, authority, company, [registrar, making])


def test_a_new_representative_changes_that_seal_alone(town: Town) -> None:
    before = town.live()
    town.change("representative", legal_representative="孙小美", pin=PIN)
    after = town.live()
    assert {kind for kind in FIVE if before[kind] != after[kind]} == {SealKind.LEGAL_REPRESENTATIVE}
    issued = town.registry.fetch_seal(after[SealKind.LEGAL_REPRESENTATIVE])
    assert "孙小美" in issued.name
    trust = town.authority.trust()
    verdict = verify_esl(issued.esl, anchors=trust, evidence=trust.evidence, at=town.clock.now)
    assert verdict.indication is Indication.TOTAL_PASSED
    (listed,) = ses.parse_seal(issued.esl).info.property.certificates
    assert parse_certificate(listed).common_name == "孙小美"


def test_a_new_name_changes_the_units_seals(town: Town) -> None:
    before = town.live()
    town.change("name", name="改名建设有限公司")
    after = town.live()
    assert {kind for kind in FIVE if before[kind] != after[kind]} == COMPANY
    assert all("改名建设有限公司" in town.registry.fetch_seal(after[kind]).name for kind in COMPANY)


@pytest.mark.parametrize(("state", "left"), [("revoked", {SealKind.LEGAL_REPRESENTATIVE}), ("cancelled", set())])
def test_a_licence_that_is_no_more_takes_seals_away(town: Town, state: str, left: set[SealKind]) -> None:
    number, sealed = town.live()[SealKind.UNIT], town.clock.now
    town.clock.now += timedelta(days=1)
    town.change("state", state=state, reason="依法处理")
    assert set(town.live()) == left
    trust = town.authority.trust()
    for at, result in ((sealed, Result.OK), (town.clock.now, Result.FAILED)):
        judged = judge_state(town.registry.fetch_status(number, at), number=number, at=at, anchors=trust)
        assert judged.result is result
    assert town.registry.fetch_history(number)[-1].reason == "依法处理"


def test_an_application_with_the_real_licence_is_taken(town: Town) -> None:
    town.change("state", state="abnormal", reason="未年报")
    answer = town.client.get(f"/registrar/licences/{town.company['uscc']}").json()
    esl = town.registry.fetch_seal(town.live()[SealKind.UNIT]).esl
    body = {
        "esl": base64.b64encode(esl).decode(),
        "application": {"applicant": "欧阳明", "licence": answer["licence"], "person": town.company["person"]},
    }
    refused = town.client.post("/maker/imports", json=body)
    assert refused.json()["code"] == "seal_number_taken", "the papers are good; the seal is here already"


def test_an_agent_applies_under_the_grant_and_nobody_else_does(town: Town) -> None:
    now = town.clock.now
    period = {"not_before": now.isoformat(), "not_after": (now + timedelta(days=9)).isoformat()}
    asked = {"uscc": town.company["uscc"], "person_name": "王五", "items": ["seal"], "pin": PIN, "person_pin": PIN}
    grant = town.client.post("/registrar/authorisations", json=asked | period).json()
    esl = town.registry.fetch_seal(town.live()[SealKind.UNIT]).esl
    papers = {
        "applicant": "王五",
        "licence": town.company["licence"],
        "authorisation": grant["id"],
        "grant": grant["authorisation"],
    }
    cases = (
        ({}, "seal_number_taken"),
        ({"applicant": "赵六"}, "application_refused"),
        ({"authorisation": "A000000000000"}, "application_refused"),
        ({"person": "P000000000000"}, "application_refused"),
    )
    for changes, code in cases:
        body = {"esl": base64.b64encode(esl).decode(), "application": papers | changes}
        assert town.client.post("/maker/imports", json=body).json()["code"] == code
    town.clock.now += timedelta(days=10)
    late = {"esl": base64.b64encode(esl).decode(), "application": papers}
    assert "到期" in town.client.post("/maker/imports", json=late).json()["detail"]


def test_the_command_line_shows_every_seal_with_its_history(town: Town) -> None:
    town.change("representative", legal_representative="孙小美", pin=PIN)
    with serve(Litestar(town.routers, openapi_config=None)) as address:
        shown = CliRunner().invoke(show, [town.company["uscc"], "--sandbox", address])
    assert shown.exit_code == 0, shown.output
    assert sum(line.startswith("印章 ") for line in shown.output.splitlines()) == 6
    assert "已注销：变更法定代表人，仿真市市场监督管理局" in shown.output
