"""Sealing a tender's files, on the sandbox's own registrar, wallet, key service, seal maker and authority."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace as replace_struct
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from bidding.errors import NoSuchPlanError, SealingRunningError, SealPlanError
from bidding.reading import read_act, read_cms, read_ses
from bidding.workbench.acting import ActingPorts, find_actor
from bidding.workbench.desk import Shelf
from bidding.workbench.seal_batch import Batch, FileToSeal, SealBatch, SealOrder, file_sm3
from bidding.workbench.seal_standing import SealPorts
from bidding.workbench.sealing_flow import PlanView, SealingFlow, SealTask, TaskFile, WantedSeal
from identity.actor import Actor
from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from identity.consent import parse_consent
from identity.errors import LicencePlatformUnavailableError, PersonNotEntitledError
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from sealing.adapters.maker_http import HttpSealRegistry
from sealing.errors import SealRegistryUnavailableError
from sealing.pdf import prepare_fields
from sealing.placement import SealField, Stamp
from sealing.sandbox import maker
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.adapters.key_http import HttpKeyService
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.errors import KeyServiceRefusedError, UnavailableError
from signing.path import Purpose
from signing.pdf_reading import NotAPdfError
from signing.sandbox import authority as authorities
from signing.sandbox import keys, tsa
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault
from storage.database import Role, migrate, open_database, require_migrated, sqlite_url, writing
from storage.intake import Intake
from storage.models import sealing as tables

BASE, PIN = "http://sandbox.test", "246810"
LR, UNIT = SealKind.LEGAL_REPRESENTATIVE, SealKind.UNIT
PARAMS = "ab" * 32


@dataclass
class Clock:
    at: datetime = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass
class Wire(httpx.BaseTransport):
    """The network between everybody: answers by the sandbox, and fails for addresses that are cut off."""

    app: TestClient[Litestar] | None = None
    cut: set[str] = field(default_factory=set)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert self.app is not None
        if any(request.url.path.startswith(path) for path in self.cut):
            raise httpx.ConnectError("cut off")
        headers = {"content-type": request.headers.get("content-type", "")}
        answer = self.app.request(request.method, request.url, content=request.read(), headers=headers)
        return httpx.Response(
            answer.status_code, headers={"content-type": answer.headers["content-type"]}, content=answer.content
        )


@dataclass
class Town:
    """The whole licence platform with one unit and its agent."""

    wire: Wire
    clock: Clock
    authority: CertificateAuthority
    unit: dict[str, Any] = field(default_factory=dict)
    agent: dict[str, Any] = field(default_factory=dict)

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(transport=self.wire, base_url=BASE)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def confirm(self, view_url: str, person: str) -> None:
        self.post(f"/wallet/consents/{view_url.split('/')[-2]}/confirm", {"person": person, "pin": PIN})

    def refuse(self, view_url: str, person: str) -> None:
        self.post(f"/wallet/consents/{view_url.split('/')[-2]}/refuse", {"person": person})

    def authorise(self, name: str) -> dict[str, Any]:
        return self.post(
            "/registrar/authorisations",
            {
                "uscc": self.unit["uscc"],
                "person_name": name,
                "items": ["login", "seal", "record"],
                "not_before": (self.clock.at - timedelta(days=1)).isoformat(),
                "not_after": (self.clock.at + timedelta(days=300)).isoformat(),
                "pin": PIN,
                "person_pin": PIN,
            },
        )

    def set_seal(self, kind: SealKind, state: str) -> None:
        number = next(seal["number"] for seal in self.unit["seals"] if seal["kind"] == kind.value)
        self.post(f"/maker/seals/{number}/state", {"state": state, "reason": "测试"})


@pytest.fixture(scope="session")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, clock, wire = tmp_path_factory.mktemp("sandbox"), Clock(), Wire()
    authority = CertificateAuthority(folder / "ca", "a passphrase", clock=clock, random=os.urandom)
    vault = KeyVault(folder / "keys", "a passphrase", random=os.urandom)
    platform = open_platform(
        folder / "platform", vault=vault, random=os.urandom, clock=clock, passphrase="a passphrase"
    )
    made = Town(wire, clock, authority)
    stamping = authority.issue_service("仿真时间戳服务", Purpose.TIMESTAMP)
    making = authority.issue_service("仿真制章单位", Purpose.SEAL_MAKER)
    app = Litestar(
        [
            authorities.create_router(authority),
            tsa.create_router(tsa.TimestampService.of(stamping, clock=clock, random=os.urandom)),
            keys.create_router(vault, wallet=made.http, wallet_url=BASE),
            registrar_http.create_router(platform, authority=authority, maker=made.http, maker_url=BASE),
            wallet.create_router(platform, readers={"ses": read_ses, "cms": read_cms, "act": read_act}, base_url=BASE),
            maker.create_router(
                folder / "maker", key=making.key, certificate=parse_certificate(making.certificate), clock=clock
            ),
        ],
        openapi_config=None,
    )
    with TestClient(app, base_url=BASE) as client:
        wire.app = client
        made.unit = made.post(
            "/registrar/companies", {"name": "仿真市第一建筑有限公司", "legal_representative": "张三丰", "pin": PIN}
        )
        made.agent = made.authorise("王五")
        yield made


@pytest.fixture
def town(whole_town: Town) -> Iterator[Town]:
    yield whole_town
    whole_town.wire.cut.clear()
    whole_town.clock.forward(minutes=15)


@pytest.fixture
def ports(town: Town) -> SealPorts:
    platform, http = Platform(town.http, BASE), town.http
    acting = ActingPorts(
        wallet=HttpWallet(platform),
        keys=HttpKeyService(http, BASE),
        tsa=HttpTimestampAuthority(http, f"{BASE}/tsa", os.urandom),
        register=HttpRegister(platform),
    )
    return SealPorts(acting, HttpSealRegistry(http, BASE), town.authority.trust, town.clock, os.urandom, "投标人工作台")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(Intake(tmp_path / "shelf", os.urandom(32), os.urandom), tmp_path / "work")


@pytest.fixture
def flow(tmp_path: Path, ports: SealPorts, shelf: Shelf) -> Iterator[SealingFlow]:
    engine = open_database(sqlite_url(tmp_path / "workbench.db"))
    migrate(engine, Role.WORKBENCH)
    require_migrated(engine, Role.WORKBENCH)
    yield SealingFlow(engine, shelf, SealBatch(ports))
    engine.dispose()


@pytest.fixture
def agent(town: Town, ports: SealPorts) -> Actor:
    return find_actor(ports.acting.register, town.unit["uscc"], authorisation=town.agent["id"])


def make_pdf(path: Path, text: str, pages: int = 2) -> Path:
    out = BytesIO()
    canvas = Canvas(out, pagesize=(595, 842))
    for number in range(pages):
        canvas.drawString(72, 770, f"{text} {number}")
        canvas.showPage()
    canvas.save()
    path.write_bytes(out.getvalue())
    return path


@pytest.fixture
def task(tmp_path: Path, town: Town) -> SealTask:
    letter, bill = make_pdf(tmp_path / "letter.pdf", "letter"), make_pdf(tmp_path / "bill.pdf", "bill", 1)
    small, large = SealField("lr", 1, 30, 150, 20, 20), SealField("unit", -1, 120, 200, 40, 40)
    files = (
        TaskFile("投标函.pdf", 2, letter, (WantedSeal(UNIT, large), WantedSeal(LR, small))),
        TaskFile("报价表.pdf", 1, bill, (WantedSeal(UNIT, large),)),
    )
    return SealTask(os.urandom(16).hex(), town.unit["uscc"], "S-1", PARAMS, files)


def rep(town: Town) -> str:
    return str(town.unit["person"])


def sealed_by(town: Town, flow: SealingFlow, plan: str) -> PlanView:
    """Carry a plan to its end, everybody agreeing."""
    view = flow.advance(plan)
    while not view.ended:
        assert view.state.startswith("awaiting-"), view
        town.confirm(view.url, rep(town) if view.kind is LR else town.agent["person"])
        view = flow.advance(plan)
    return view


def test_both_seals_one_after_the_other(
    town: Town, flow: SealingFlow, task: SealTask, agent: Actor, tmp_path: Path
) -> None:
    before = {file.name: file.path.read_bytes() for file in task.files}
    view = flow.begin(task, agent, "192.0.2.1")
    assert (view.state, view.kind) == ("planned", LR)
    view = flow.advance(task.plan)
    assert (view.state, view.person_name) == ("awaiting-representative", "张三丰")
    assert flow.advance(task.plan) == view  # nobody has agreed yet, and nobody is asked twice
    town.confirm(view.url, rep(town))
    view = flow.advance(task.plan)
    assert (view.state, view.kind, view.person_name) == ("awaiting-unit", UNIT, "王五")
    assert [len(view.seals_on(n)) for n in (0, 1)] == [1, 0]
    town.confirm(view.url, town.agent["person"])
    view = flow.advance(task.plan, "192.0.2.7")
    assert (view.state, view.code) == ("sealed", "")
    assert {file.name: file.path.read_bytes() for file in task.files} == before
    trust = town.authority.trust()
    for position, kinds in ((0, [LR, UNIT]), (1, [UNIT])):
        path = flow.take(task.plan, position, tmp_path / f"out-{position}.pdf")
        assert file_sm3(path) == view.files[position].sm3
        assert path.stat().st_size == view.files[position].size
        verdict = verify_pdf(path, anchors=trust, evidence=trust.evidence, at=town.clock.at)
        assert verdict.indication is Indication.TOTAL_PASSED, verdict
        assert [use.kind for use in view.seals_on(position)] == [kind.value for kind in kinds]
        assert len(verdict.signatures) == len(kinds)


def test_every_use_is_entered(town: Town, flow: SealingFlow, task: SealTask, agent: Actor) -> None:
    flow.begin(task, agent)
    sealed_by(town, flow, task.plan)
    uses = flow.uses(town.unit["uscc"])
    assert [(use.file, use.kind, use.outcome, use.person_name) for use in uses] == [
        ("投标函.pdf", "legal-representative", "sealed", "张三丰"),
        ("投标函.pdf", "unit", "sealed", "王五"),
        ("报价表.pdf", "unit", "sealed", "王五"),
    ]
    first, second, _ = uses
    assert second.before_sm3 == first.after_sm3  # the unit's seal is on what the representative sealed
    for use in uses:
        record, _ = parse_consent(use.consent)
        assert (record.act, record.section, record.params_sm3, record.seal) == ("seal", "S-1", PARAMS, use.seal)
        assert use.document_sm3 in {file.sm3 for file in record.files}
        assert use.token
        assert b'"licence_state":"active"' in use.answers
    assert second.authorisation == town.agent["id"]
    assert flow.uses("91110000MA01A2B3C4") == ()


@pytest.mark.parametrize("change", [delete(tables.seal_entries), update(tables.seal_entries).values(outcome="failed")])
def test_entries_stay_as_they_were_written(flow: SealingFlow, task: SealTask, agent: Actor, change: Any) -> None:
    flow.begin(task, agent)
    flow.advance(task.plan)
    flow.cancel(task.plan)
    with pytest.raises(IntegrityError, match="append-only"), writing(flow.engine) as tx:
        tx.execute(change)


@pytest.mark.parametrize("who", ["representative", "unit"])
def test_a_refusal_ends_the_plan_and_can_be_taken_up_again(
    town: Town, flow: SealingFlow, task: SealTask, agent: Actor, who: str
) -> None:
    flow.begin(task, agent)
    view = flow.advance(task.plan)
    if who == "unit":
        town.confirm(view.url, rep(town))
        view = flow.advance(task.plan)
    files = view.files
    town.refuse(view.url, rep(town) if who == "representative" else town.agent["person"])
    view = flow.advance(task.plan)
    assert (view.state, view.code, view.files) == ("refused", "consent_refused", files)
    assert {use.after_sm3 for use in view.uses if use.outcome == "refused"} == {""}
    assert flow.advance(task.plan) == view
    with pytest.raises(SealingRunningError):
        flow.take(task.plan, 0, Path("nowhere.pdf"))
    again = flow.again(task.plan, agent)
    assert again.state == f"awaiting-{who}"
    assert sealed_by(town, flow, task.plan).state == "sealed"


def test_a_consent_expires(town: Town, flow: SealingFlow, task: SealTask, agent: Actor) -> None:
    flow.begin(task, agent)
    flow.advance(task.plan)
    town.clock.forward(minutes=11)
    view = flow.advance(task.plan)
    assert (view.state, view.code) == ("expired", "consent_expired")
    assert [use.outcome for use in view.uses] == ["expired"]


def test_without_a_timestamp_nothing_is_sealed_and_nothing_is_lost(
    town: Town, flow: SealingFlow, task: SealTask, agent: Actor
) -> None:
    flow.begin(task, agent)
    view = flow.advance(task.plan)
    files = view.files
    town.confirm(view.url, rep(town))
    town.wire.cut.add("/tsa")
    for _ in range(2):
        with pytest.raises(UnavailableError):
            flow.advance(task.plan)
        view = flow.read(task.plan)
        assert (view.state, view.code, view.files) == ("sealing-representative", "unavailable", files)
    town.wire.cut.clear()
    restarted = SealingFlow(flow.engine, flow.bench, flow.batch)
    assert restarted.advance(task.plan).state == "awaiting-unit"
    assert sealed_by(town, restarted, task.plan).state == "sealed"


def test_a_timestamp_that_comes_after_the_consent_is_none(
    town: Town, flow: SealingFlow, task: SealTask, agent: Actor
) -> None:
    flow.begin(task, agent)
    view = flow.advance(task.plan)
    town.confirm(view.url, rep(town))
    town.wire.cut.add("/tsa")
    with pytest.raises(UnavailableError):
        flow.advance(task.plan)
    town.wire.cut.clear()
    town.clock.forward(minutes=11)
    view = flow.advance(task.plan)
    assert (view.state, view.code) == ("expired", "consent_window")
    assert view.seals_on(0) == ()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        pytest.param("/wallet", LicencePlatformUnavailableError, id="wallet"),
        pytest.param("/registrar", LicencePlatformUnavailableError, id="registrar"),
        pytest.param("/keys", UnavailableError, id="key service"),
        pytest.param("/maker", SealRegistryUnavailableError, id="seal registry"),
    ],
)
def test_silence_is_no_answer(
    *, town: Town, flow: SealingFlow, task: SealTask, agent: Actor, path: str, error: type[Exception]
) -> None:
    flow.begin(task, agent)
    town.wire.cut.add(path)
    with pytest.raises(error):
        flow.advance(task.plan)
    assert flow.read(task.plan).state == "planned"
    town.wire.cut.clear()
    assert flow.advance(task.plan).state == "awaiting-representative"


def test_a_cancelled_authorisation_signs_nothing(
    town: Town, flow: SealingFlow, task: SealTask, ports: SealPorts
) -> None:
    granted = town.authorise("赵六")
    actor = find_actor(ports.acting.register, town.unit["uscc"], authorisation=granted["id"])
    flow.begin(replace(task, files=task.files[1:]), actor)
    town.confirm(flow.advance(task.plan).url, granted["person"])
    town.post(f"/registrar/authorisations/{granted['id']}/cancel", {"pin": PIN})
    view = flow.advance(task.plan)
    assert (view.state, view.code) == ("failed", "authorisation_cancelled")
    assert view.files == flow.read(task.plan).files


def test_a_suspended_seal_is_not_used(town: Town, flow: SealingFlow, task: SealTask, agent: Actor) -> None:
    flow.begin(replace(task, files=task.files[1:]), agent)
    town.set_seal(UNIT, "suspended")
    try:
        view = flow.advance(task.plan)
    finally:
        town.set_seal(UNIT, "active")
    assert (view.state, view.code) == ("failed", "seal_suspended")
    assert [(use.outcome, use.seal, use.after_sm3) for use in view.uses] == [("failed", "", "")]
    assert flow.again(task.plan, agent).state == "awaiting-unit"


class PowerCutError(Exception):
    """The process died."""


@dataclass(frozen=True)
class Dying(SealBatch):
    """Dies once, before or after one step."""

    step: str = ""
    after: bool = False
    alive: list[bool] = field(default_factory=lambda: [True])

    def _do(self, name: str, work: Callable[[Batch], Any], batch: Batch) -> Any:
        dies = name == self.step and self.alive.pop()
        if dies and not self.after:
            raise PowerCutError
        done = work(batch)
        if dies:
            raise PowerCutError
        if name == self.step:
            self.alive.append(False)
        return done

    def poll(self, batch: Batch) -> Batch:
        done: Batch = self._do("poll", super().poll, batch)
        return done

    def sign(self, batch: Batch) -> Batch:
        done: Batch = self._do("sign", super().sign, batch)
        return done

    def stamp(self, batch: Batch) -> Batch:
        done: Batch = self._do("stamp", super().stamp, batch)
        return done

    def complete(self, batch: Batch) -> tuple[Path, ...]:
        done: tuple[Path, ...] = self._do("complete", super().complete, batch)
        return done


@pytest.mark.parametrize(
    ("step", "after", "state"),
    [
        pytest.param("poll", True, "sealed", id="after the consent came"),
        pytest.param("sign", False, "sealed", id="before signing"),
        pytest.param("sign", True, "failed", id="the signatures were lost: once each, so ask again"),
        pytest.param("stamp", False, "sealed", id="before the timestamps"),
        pytest.param("stamp", True, "sealed", id="the timestamps were lost"),
        pytest.param("complete", False, "sealed", id="before the files were written"),
        pytest.param("complete", True, "sealed", id="after the files were written"),
    ],
)
def test_a_power_cut(
    *, town: Town, flow: SealingFlow, task: SealTask, agent: Actor, step: str, after: bool, state: str
) -> None:
    only_unit = replace(task, files=task.files[1:])
    flow.begin(only_unit, agent)
    view = flow.advance(task.plan)
    files = view.files
    town.confirm(view.url, town.agent["person"])
    with pytest.raises(PowerCutError):
        replace(flow, batch=Dying(flow.batch.ports, step, after)).advance(task.plan)
    assert flow.read(task.plan).files == files
    assert flow.read(task.plan).uses == ()
    view = flow.advance(task.plan)
    assert view.state == state
    if state == "failed":
        assert (view.code, view.files) == ("consent_used", files)
        flow.again(task.plan, agent)
        view = sealed_by(town, flow, task.plan)
    assert [use.outcome for use in view.uses if use.outcome == "sealed"] == ["sealed"]


def test_beginning_again_is_no_second_plan(flow: SealingFlow, task: SealTask, agent: Actor) -> None:
    assert flow.begin(task, agent) == flow.begin(task, agent)
    with pytest.raises(NoSuchPlanError):
        flow.advance("0" * 32)


def test_one_request_at_a_time(town: Town, flow: SealingFlow, task: SealTask, agent: Actor) -> None:
    flow.begin(task, agent)
    with writing(flow.engine) as tx:
        tx.execute(update(tables.seal_plans).values(leased_until=town.clock.at + timedelta(minutes=1)))
    assert flow.advance(task.plan).state == "planned"
    with pytest.raises(SealingRunningError):
        flow.cancel(task.plan)
    town.clock.forward(minutes=2)
    assert flow.advance(task.plan).state == "awaiting-representative"


def test_nothing_plain_is_left(
    *, town: Town, flow: SealingFlow, task: SealTask, agent: Actor, shelf: Shelf, tmp_path: Path
) -> None:
    flow.begin(task, agent)
    sealed_by(town, flow, task.plan)
    assert list(shelf.work.iterdir()) == []
    kept = [path for path in (tmp_path / "shelf").rglob("*") if path.is_file()]
    assert len(kept) == len(task.files)  # every intermediate copy is forgotten
    assert not any(b"%PDF" in path.read_bytes() for path in kept)


def test_a_plan_is_forgotten_with_its_draft(flow: SealingFlow, task: SealTask, agent: Actor, tmp_path: Path) -> None:
    flow.begin(task, agent)
    with pytest.raises(SealingRunningError):
        flow.forget(task.plan)
    flow.advance(task.plan)
    flow.cancel(task.plan)
    flow.forget(task.plan)
    assert [path for path in (tmp_path / "shelf").rglob("*") if path.is_file()] == []
    assert [use.code for use in flow.read(task.plan).uses] == ["cancelled"]
    with pytest.raises(SealingRunningError):
        flow.again(task.plan, agent)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda task: replace(task, files=()), id="no file"),
        pytest.param(lambda task: replace(task, files=(replace(task.files[0], seals=()),)), id="no seal"),
        pytest.param(
            lambda task: replace(task, files=(replace(task.files[0], seals=task.files[0].seals[:1] * 2),)),
            id="one seal twice",
        ),
        pytest.param(lambda task: replace(task, uscc="91110000MA01A2B3C4"), id="another unit"),
    ],
)
def test_what_cannot_be_planned(
    flow: SealingFlow, task: SealTask, agent: Actor, change: Callable[[SealTask], SealTask]
) -> None:
    with pytest.raises(SealPlanError):
        flow.begin(change(task), agent)
    with pytest.raises(NoSuchPlanError):
        flow.read(task.plan)


# -- one batch by itself, as the host and the bidders seal the opening record


@pytest.fixture
def order(town: Town, agent: Actor, tmp_path: Path) -> SealOrder:
    source = make_pdf(tmp_path / "record.pdf", "record")
    prepare_fields(source, [SealField(f"seal-{town.unit['uscc']}", -1, 100, 100, 40, 40)])
    file = FileToSeal("开标记录.pdf", 2, source, tmp_path / "sealed.pdf", f"seal-{town.unit['uscc']}")
    return SealOrder(agent, UNIT, [file], section="S-1", params_sm3=PARAMS, act="record")


def test_a_record_is_sealed(town: Town, ports: SealPorts, order: SealOrder) -> None:
    batch = SealBatch(ports)
    asked = batch.ask(order)
    assert batch.finish(asked) is None
    town.confirm(asked.consent.url, town.agent["person"])
    done = batch.finish(asked)
    assert done is not None
    assert done.record.act == "record"
    before, after = order.files[0].source.read_bytes(), order.files[0].target.read_bytes()
    assert after.startswith(before)
    trust = town.authority.trust()
    verdict = verify_pdf(order.files[0].target, anchors=trust, evidence=trust.evidence, at=town.clock.at)
    assert verdict.indication is Indication.TOTAL_PASSED


def test_what_was_not_agreed_to_is_not_signed(town: Town, ports: SealPorts, order: SealOrder) -> None:
    batch = SealBatch(ports)
    asked = batch.ask(order)
    town.confirm(asked.consent.url, town.agent["person"])
    confirmed = batch.poll(asked)
    file = confirmed.files[0]
    other = replace_struct(file, prepared=replace_struct(file.prepared, document_sm3="cd" * 32))
    with pytest.raises(KeyServiceRefusedError) as refused:
        batch.sign(replace_struct(confirmed, files=(other,)))
    assert refused.value.code == "digest_not_listed"
    batch.sign(confirmed)
    with pytest.raises(KeyServiceRefusedError) as refused:
        batch.sign(confirmed)
    assert refused.value.code == "consent_used"


def test_an_agent_does_not_use_the_representatives_seal(ports: SealPorts, order: SealOrder) -> None:
    with pytest.raises(PersonNotEntitledError):
        SealBatch(ports).ask(replace(order, kind=LR))
    assert not order.files[0].target.exists()


# -- several impressions, and attempts that come to nothing


def test_a_plan_holds_any_planned_impressions(
    town: Town, flow: SealingFlow, task: SealTask, agent: Actor, tmp_path: Path
) -> None:
    """Several places and a 骑缝章 of the unit, one place of the representative, prepared together."""
    slices = [Stamp(1, 190, 100, 20, 40, (0.0, 0.5)), Stamp(2, 190, 100, 20, 40, (0.5, 1.0))]
    places = (Stamp(1, 120, 200, 40, 40), Stamp(2, 20, 20, 40, 40), *slices)
    first = task.files[0]
    unit, representative = first.seals
    wanted = (replace(unit, stamps=places), representative)
    flow.begin(
        replace(task, files=(replace(first, seals=wanted, spare=(SealField("later", -1, 10, 10, 9, 9),)),)), agent
    )
    assert sealed_by(town, flow, task.plan).state == "sealed"
    path = flow.take(task.plan, 0, tmp_path / "out.pdf")
    trust = town.authority.trust()
    verdict = verify_pdf(path, anchors=trust, evidence=trust.evidence, at=town.clock.at)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict
    assert path.read_bytes().count(b"/Subtype/Widget/T(") >= len(places) - 1
    prepare = [field.name for field in (unit.field, representative.field)]
    assert [one.id for one in verdict.signatures] == prepare[::-1]


def test_a_file_that_cannot_be_sealed_ends_the_plan_and_is_entered(
    flow: SealingFlow, task: SealTask, agent: Actor, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"not a PDF")
    with pytest.raises(NotAPdfError):
        flow.begin(replace(task, files=(replace(task.files[1], path=bad),)), agent, "192.0.2.9")
    view = flow.read(task.plan)
    assert (view.state, view.code) == ("failed", "not_a_pdf")
    (use,) = view.uses
    assert (use.outcome, use.code, use.address, use.person_name) == ("failed", "not_a_pdf", "192.0.2.9", "王五")
    assert use.before_sm3 == file_sm3(bad)
    assert flow.begin(task, agent).state == "failed"  # a plan is begun once
    with pytest.raises(SealingRunningError):
        flow.again(task.plan, agent)
    flow.forget(task.plan)


@pytest.mark.parametrize("path", ["/maker", "/keys", "/tsa"])
def test_a_service_that_does_not_answer_is_entered_once(
    *, town: Town, flow: SealingFlow, task: SealTask, agent: Actor, path: str
) -> None:
    flow.begin(replace(task, files=task.files[1:]), agent)
    if path == "/tsa":
        town.confirm(flow.advance(task.plan).url, town.agent["person"])
    town.wire.cut.add(path)
    for _ in range(3):
        with pytest.raises((UnavailableError, SealRegistryUnavailableError)):
            flow.advance(task.plan)
    (use,) = flow.read(task.plan).uses
    assert (use.outcome, use.after_sm3, bool(use.seal)) == ("failed", "", path == "/tsa")
    town.wire.cut.clear()
    assert sealed_by(town, flow, task.plan).state == "sealed"
    assert [one.outcome for one in flow.read(task.plan).uses] == ["failed", "sealed"]


def test_who_would_have_sealed_is_entered(town: Town, flow: SealingFlow, task: SealTask, agent: Actor) -> None:
    """The representative's seal is theirs to use, whoever began the plan."""
    flow.begin(task, agent)
    town.set_seal(LR, "suspended")
    try:
        view = flow.advance(task.plan)
    finally:
        town.set_seal(LR, "active")
    assert [(use.kind, use.person_name, use.code) for use in view.uses] == [
        ("legal-representative", "张三丰", "seal_suspended")
    ]


def test_what_the_rehearsal_refuses_is_entered(flow: SealingFlow, task: SealTask, agent: Actor, tmp_path: Path) -> None:
    """A field that is there, and filled already: nobody is asked."""
    source = make_pdf(tmp_path / "own.pdf", "own", 1)
    ready = replace(task.files[1], path=source, fields_ready=True)
    flow.begin(replace(task, files=(ready,)), agent)
    view = flow.advance(task.plan)
    assert (view.state, view.code) == ("failed", "field")
    assert [(use.outcome, use.code) for use in view.uses] == [("failed", "field")]
    assert view.record is None
