"""The sandbox's seal maker, asked over HTTP through the adapter that the product uses."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sealing_world import DAY, HOLDER, NOON, World

from sealing import ses
from sealing.adapters.maker_http import HttpSealRegistry
from sealing.errors import SealRegistryUnavailableError, UnknownSealError
from sealing.ports import SealRegistry
from sealing.sandbox.maker import create_router
from sealing.seal import FIVE, SealState, read_artwork
from sealing.verify import verify_esl
from signing.checks import Indication


class Clock:
    """A clock that the test turns."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(world: World, clock: Clock, tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    router = create_router(tmp_path, key=world.maker.key, certificate=world.maker.certificate, clock=clock)
    with TestClient(Litestar([router], openapi_config=None)) as client:
        yield client


@pytest.fixture
def registry(client: TestClient[Litestar]) -> SealRegistry:
    return HttpSealRegistry(client, str(client.base_url))


def order(world: World, **changes: object) -> dict[str, Any]:
    return {
        "company": HOLDER.company,
        "uscc": HOLDER.uscc,
        "legal_representative": HOLDER.legal_representative,
        "unit_certificate": base64.b64encode(world.unit.certificate.der).decode(),
        "representative_certificate": base64.b64encode(world.person.certificate.der).decode(),
        "not_before": (NOON - DAY).isoformat(),
        "not_after": (NOON + 300 * DAY).isoformat(),
    } | changes


def make(client: TestClient[Litestar], world: World) -> list[dict[str, Any]]:
    answer = client.post("/maker/seals", json=order(world))
    assert answer.status_code == 201
    seals: list[dict[str, Any]] = answer.json()["seals"]
    return seals


def test_the_set_of_five_is_made_in_one_act(client: TestClient[Litestar], registry: SealRegistry, world: World) -> None:
    made = make(client, world)
    assert [one["kind"] for one in made] == list(FIVE)
    seals = registry.fetch_seals(HOLDER.uscc)
    assert [seal.number for seal in seals] == [one["number"] for one in made]
    for seal in seals:
        read_artwork(seal)
        listed = ses.parse_seal(seal.esl).info.property.certificates
        assert listed == (world.holder_of(seal.kind).certificate.der,)
        verdict = verify_esl(seal.esl, anchors=world.trust, evidence=world.trust.evidence, at=NOON)
        assert verdict.indication is Indication.TOTAL_PASSED


def test_nobody_gets_a_second_set(client: TestClient[Litestar], world: World) -> None:
    make(client, world)
    answer = client.post("/maker/seals", json=order(world))
    assert (answer.status_code, answer.json()["code"]) == (409, "seals_exist")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_state_has_its_history(
    client: TestClient[Litestar], registry: SealRegistry, world: World, clock: Clock
) -> None:
    number = make(client, world)[0]["number"]
    for days, state in ((1, "suspended"), (2, "active"), (3, "cancelled")):
        clock.now = NOON + days * DAY
        answer = client.post(f"/maker/seals/{number}/state", json={"state": state, "reason": "试验"})
        assert answer.status_code == 200
    states = [registry.fetch_state(number, NOON + hours * DAY / 2) for hours in range(1, 8)]
    assert [str(state) for state in states] == ["active", *["suspended"] * 2, *["active"] * 2, *["cancelled"] * 2]
    assert registry.fetch_seal(number).state is SealState.CANCELLED
    answer = client.post(f"/maker/seals/{number}/state", json={"state": "active", "reason": "恢复"})
    assert (answer.status_code, answer.json()["code"]) == (409, "seal_cancelled")
    with pytest.raises(UnknownSealError):
        registry.fetch_state(number, NOON - DAY)


def test_the_file_of_a_seal_has_its_picture(client: TestClient[Litestar], world: World) -> None:
    number = make(client, world)[0]["number"]
    told = client.get(f"/maker/seals/{number}").json()
    assert told["svg"].startswith("<svg ")
    assert told["uscc"] == HOLDER.uscc


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        pytest.param({"company": "测试𫠠公司"}, 400, "order_malformed", id="another company"),
        pytest.param({"uscc": "91350100M000100Y44"}, 400, "order_malformed", id="somebody else's code"),
        pytest.param({"legal_representative": "别人"}, 400, "order_malformed", id="another person"),
        pytest.param({"unit_certificate": "AAAA"}, 400, "order_malformed", id="no certificate"),
        pytest.param({"not_after": NOON.replace(year=2020).isoformat()}, 400, "order_malformed", id="no period"),
        pytest.param({"extra": 1}, 400, "order_malformed", id="an unknown field"),
    ],
)
def test_orders_that_are_refused_leave_nothing(
    client: TestClient[Litestar], world: World, changes: dict[str, object], status: int, code: str
) -> None:
    answer = client.post("/maker/seals", content=json.dumps(order(world, **changes)))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get("/maker/seals", params={"uscc": HOLDER.uscc}).json() == {"seals": []}


def test_an_unknown_seal_is_unknown(registry: SealRegistry) -> None:
    with pytest.raises(UnknownSealError):
        registry.fetch_seal("3501000009999")
    assert registry.fetch_seals(HOLDER.uscc) == ()


def test_a_restarted_maker_remembers(client: TestClient[Litestar], world: World, clock: Clock, tmp_path: Path) -> None:
    number = make(client, world)[0]["number"]
    router = create_router(tmp_path, key=world.maker.key, certificate=world.maker.certificate, clock=clock)
    with TestClient(Litestar([router], openapi_config=None)) as again:
        assert HttpSealRegistry(again, str(again.base_url)).fetch_seal(number).number == number


def test_no_answer_is_unavailable(client: TestClient[Litestar]) -> None:
    with pytest.raises(SealRegistryUnavailableError):
        HttpSealRegistry(client, "http://testserver.local/nowhere").fetch_seals(HOLDER.uscc)
