"""What the centre's interface answers: plain values, made from the desks' values."""

import base64
from datetime import datetime
from typing import Any

from msgspec import Struct

from bidding.centre.opening import OpenedDocument, Outcome
from bidding.centre.record import RecordVersion
from bidding.centre.sections import Phase, Section
from bidding.centre.service import Centre
from bidding.readout import readout_fields
from storage.models.centre import LID_1


class TimeView(Struct, frozen=True):
    """The centre's clock; whoever shows a countdown counts by this."""

    now: datetime
    source: str
    epsilon_ms: int


class SectionView(Struct, frozen=True):
    """One section, as everybody may see it; nothing here depends on bids before closing."""

    code: str
    title: str
    project: str
    tenderer: str
    tenderer_uscc: str
    params_sm3: str
    deadline: datetime
    closes_at: datetime
    released_at: datetime
    phase: str
    """Of the furthest stage that has begun."""
    phases: dict[str, str]
    now: datetime


class StageView(Struct, frozen=True):
    """One opening stage, as everybody may see it."""

    stage: int
    name: str
    phase: str
    window_opens_at: datetime | None
    window_ends_at: datetime | None
    frozen_at: datetime | None
    frozen: str
    """SM3 of lid 2's canonical bytes; empty before."""


class OpeningView(Struct, frozen=True):
    """The opening, as everybody may see it; the number of bids is there once the section is closed."""

    code: str
    phase: str
    closed_at: datetime | None
    bids: int | None
    bundles: tuple[str, ...]
    stages: tuple[StageView, ...]
    now: datetime


class FieldView(Struct, frozen=True):
    """One line of the readout."""

    id: str
    title: str
    value: str


class OutcomeView(Struct, frozen=True):
    """What came of one bid."""

    bidder: str
    uscc: str
    bundle_sm3: str
    received_at: datetime
    state: str
    cause: str
    code: str
    why: str
    decided_by: str
    reason: str
    readout: tuple[FieldView, ...]


class DocumentView(Struct, frozen=True):
    """One opened document, with the verifier's report."""

    document: str
    name: str
    sm3: str
    size: int
    indication: str
    report: str
    """JSON, as `yizhao verify --json` prints it."""


class BidderView(Struct, frozen=True):
    """One bidder, as the host sees it after closing."""

    bidder: str
    uscc: str
    bundle_sm3: str
    received_at: datetime
    released_at: datetime | None


class RecordView(Struct, frozen=True):
    """One version of the opening record."""

    section: str
    stage: int
    number: int
    sm3: str
    size: int
    signer: str
    at: datetime


def section_view(centre: Centre, section: Section) -> SectionView:
    """Answer a section with its phases now."""
    now, params = centre.house.clock(), section.params
    phases = centre.sections.phases(section, now)
    return SectionView(
        code=section.code,
        title=params.title,
        project=params.project,
        tenderer=params.tenderer.name,
        tenderer_uscc=params.tenderer.uscc,
        params_sm3=section.params_sm3,
        deadline=params.deadline,
        closes_at=params.closes_at,
        released_at=section.released_at,
        phase=overall(phases).value,
        phases={str(number): phase.value for number, phase in phases.items()},
        now=now,
    )


def overall(phases: Any) -> Phase:
    """Answer the phase of the first stage that has not ended, or that all have."""
    found = Phase.BIDDING
    for number in sorted(phases):
        found = phases[number]
        if found is not Phase.ENDED:
            break
    return found


def opening_view(centre: Centre, section: Section) -> OpeningView:
    """Answer the opening's public facts by phase."""
    now, closed = centre.house.clock(), section.closed_at is not None
    bundles = centre.closing.lid(section.code)[0].bundles if closed else ()
    phases = centre.sections.phases(section, now)
    return OpeningView(
        code=section.code,
        phase=overall(phases).value,
        closed_at=section.closed_at,
        bids=len(bundles) if closed else None,
        bundles=bundles,
        stages=tuple(_stage_view(centre, section, number, phase) for number, phase in phases.items()),
        now=now,
    )


def _stage_view(centre: Centre, section: Section, number: int, phase: Phase) -> StageView:
    window = centre.releasing.window(section.code, number)
    frozen = centre.releasing.frozen_sm3(section.code, number) if window.frozen_at is not None else ""
    name = section.params.stage(number).name
    return StageView(number, name, phase.value, window.opens_at, window.ends_at, window.frozen_at, frozen)


def outcome_view(section: Section, stage: int, outcome: Outcome) -> OutcomeView:
    """One outcome with the titles of its fields."""
    titles = {field.id: field.title for field in readout_fields(section.params, stage)}
    fields = outcome.readout.fields if outcome.readout is not None else ()
    return OutcomeView(
        bidder=outcome.bid.identity.name,
        uscc=outcome.bid.identity.uscc,
        bundle_sm3=outcome.bid.bundle_sm3,
        received_at=outcome.bid.received_at,
        state=outcome.state,
        cause=outcome.cause,
        code=outcome.code,
        why=outcome.why,
        decided_by=outcome.decided_by,
        reason=outcome.reason,
        readout=tuple(FieldView(field.id, titles.get(field.id, field.id), field.value) for field in fields),
    )


def document_view(document: OpenedDocument) -> DocumentView:
    """One document."""
    return DocumentView(
        document.document,
        document.name,
        document.object,
        document.size,
        document.indication,
        document.report.decode("utf-8", "replace"),
    )


def record_view(version: RecordVersion) -> RecordView:
    """One version of the record."""
    return RecordView(
        version.section, version.stage, version.number, version.sm3, version.size, version.signer, version.at
    )


def lid_view(centre: Centre, code: str) -> dict[str, str]:
    """Lid 1 as signed, and its token: base64."""
    closed, lid = centre.closing.lid(code)
    del closed
    encode = base64.b64encode
    return {
        "lid": str(LID_1),
        "statement": encode(lid.signed.statement).decode(),
        "signature": encode(lid.signed.signature).decode(),
        "certificate": encode(lid.signed.certificate).decode(),
        "token": encode(lid.token).decode() if lid.token else "",
    }
