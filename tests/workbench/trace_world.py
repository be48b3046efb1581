"""Traces to look at: a unit whose seals were used, refused and tried in vain, by real sandbox parties."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import structs
from workbench_world import PASSPHRASE, Town, now, open_desk, pdf

from bidding.centre.house import ServiceKey
from bidding.wiring.centre import OwnSecrets, service_key
from bidding.workbench.acting import find_actor
from bidding.workbench.seal_rows import Plan, PlanFile, insert_plan
from bidding.workbench.sealing_flow import SealTask, TaskFile, WantedSeal
from bidding.workbench.service import Workbench
from bidding.workbench.trace_format import TraceRow, TraceStatement, encode_trace, link, parse_trace, trace_imprint
from bidding.workbench.trace_judging import verify_trace
from bidding.workbench.trace_rows import SealUse, entry_of
from identity.actor import Actor, Role
from identity.consent import LEGAL_REPRESENTATIVE
from identity.uscc import UnifiedSocialCreditCode
from sealing.placement import SealField
from sealing.seal import SealKind
from signing.checks import Verdict
from signing.path import TrustAnchors
from storage.database import writing

UNIT = SealKind.UNIT
USCC = "91110000MA01A2B3CN"
Change = Callable[[list[SealUse]], list[SealUse]]


@dataclass(frozen=True)
class TraceWorld:
    """A workbench with a service key, and the units of the town."""

    town: Town
    workbench: Workbench
    signer: ServiceKey
    folder: Path

    def actor(self, uscc: str = "", authorisation: str = "") -> Actor:
        code = uscc or self.town.bidder.uscc
        return find_actor(self.town.outside.register, code, authorisation=authorisation)

    def seal(self, answer: str = "confirm", *, actor: Actor, section: str = "S-1", name: str = "投标函.pdf") -> str:
        """Seal one file with the unit's seal: confirm, refuse or cancel. Answers the plan."""
        flow, plan = self.workbench.sealing.flow, os.urandom(16).hex()
        path = self.folder / f"{plan}.pdf"
        path.write_bytes(pdf(1, plan))
        file = TaskFile(name, 1, path, (WantedSeal(UNIT, SealField("unit", 1, 120, 200, 40, 40)),))
        flow.begin(SealTask(plan, str(actor.uscc), section, "ab" * 32, (file,)), actor, "192.0.2.1")
        view = flow.advance(plan, "192.0.2.1")
        if answer == "confirm":
            self.town.confirm(view.url, person=actor.person)
        elif answer == "refuse":
            self.town.refuse(view.url)
        else:
            flow.cancel(plan, "192.0.2.1")
        assert flow.advance(plan, "192.0.2.1").ended
        return plan

    def export(self, **stretch: Any) -> bytes:
        return self.workbench.traces.export(self.actor(), **stretch)

    @property
    def anchors(self) -> TrustAnchors:
        return self.town.outside.trust.anchors()

    def judge(self, data: bytes) -> Verdict:
        anchors = self.anchors
        return verify_trace(data, anchors=anchors, evidence=anchors.evidence, at=now())

    def forge(
        self,
        change: Change = list,
        statement: Callable[[TraceStatement], TraceStatement] = lambda one: one,
        signer: ServiceKey | None = None,
    ) -> bytes:
        """Make an export as whoever holds the service key could: other entries, in a chain that holds."""
        uses = change(list(self.workbench.traces.uses(self.actor())))
        made = parse_trace(self.export()).statement
        chain, rows = made.previous, []
        for number, use in enumerate(uses, made.first):
            entry = entry_of(replace(use, number=number))
            chain = link(chain, entry)
            rows.append(TraceRow(chain, entry))
        key, last = signer or self.signer, made.first - 1 + len(rows)
        said = structs.replace(made, last=last, total=last, chain=chain, certificate_sm3=key.sm3)
        signed = key.sign(statement(said))
        token = self.town.outside.tsa.stamp(trace_imprint(signed))
        evidence = (blob for use in uses for blob in (use.consent, use.token, use.answers))
        return encode_trace(signed, token, tuple(rows), evidence)


def open_world(folder: Path, town: Town) -> TraceWorld:
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    own = OwnSecrets(keys, PASSPHRASE, os.urandom)
    signer = service_key(own, town.outside.http, town.url, name="投标人工作台", uscc="")
    desk = open_desk(folder, town)
    workbench = Workbench.assemble(desk, seals=town.outside.seals, centres={}, run=lambda job: job(), signer=signer)
    return TraceWorld(town, workbench, signer, folder)


def fill(world: TraceWorld) -> TraceWorld:
    """Enter what every trace has: a use by the head, one by an agent, a refusal, a cancellation; and another unit's."""
    world.seal(actor=world.actor())
    world.seal("refuse", actor=world.actor())
    world.seal(actor=world.actor(authorisation=world.town.agent), section="S-2", name="报价表.pdf")
    world.seal("cancel", actor=world.actor(), section="S-2")
    world.seal("cancel", actor=world.actor(world.town.other.uscc), section="S-9", name="他人的标书.pdf")
    return world


def enter_plan(engine: Any, plan: str, uscc: str = USCC) -> None:
    """Keep a plan to which entries can belong, asking nobody."""
    code = UnifiedSocialCreditCode(uscc)
    actor = Actor(code, "某单位", "p-1", "某人", Role.LEGAL_REPRESENTATIVE, LEGAL_REPRESENTATIVE)
    file = PlanFile(0, "a.pdf", 1, {"unit": "unit"}, "object", "0" * 64, 1)
    with writing(engine) as tx:
        at = now()
        insert_plan(tx, Plan(plan, actor, "S-1", "ab" * 32, "planned", "", (file,), frozenset()), address="", at=at)


def bare_use(plan: str, position: int = 0, **changes: Any) -> SealUse:
    """Make an attempt that ended before anybody was asked."""
    use = SealUse(
        plan=plan,
        position=position,
        at=now(),
        section="S-1",
        file="a.pdf",
        kind="unit",
        seal="",
        outcome="failed",
        code="seal_missing",
        person="p-1",
        person_name="某人",
        authorisation=LEGAL_REPRESENTATIVE,
        certificate="",
        before_sm3="0" * 64,
        document_sm3="",
        after_sm3="",
        consent=b"",
        token=b"",
        answers=b"[]",
        address="192.0.2.9",
    )
    return replace(use, **changes)
