"""Sections (标段): released with the tenderer's signature, judged by the clock, closed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from bidding.centre.house import Arrival, House
from bidding.errors import (
    DeadlineTooNearError,
    MalformedParamsError,
    NotTheTendererError,
    SectionExistsError,
    UnknownSectionError,
    WrongCentreError,
)
from bidding.params import SectionParams, params_sm3, parse_params
from identity.people import belongs_to
from signing import canonical
from signing.certificates import parse_certificate
from signing.checks import Result
from signing.errors import MalformedError
from signing.path import Purpose
from signing.statement import SignedStatement, verify_statement
from storage.database import reading, writing
from storage.models import centre as tables


class Phase(StrEnum):
    """Where a section is, as everybody may know it."""

    BIDDING = "bidding"
    """递交中: before T."""
    CLOSING = "closing"
    """T is over; what was read in time is still being committed, until T + G."""
    CLOSED = "closed"
    """Lid 1 is on; bidders release their halves."""
    FROZEN = "frozen"
    """Lid 2 is on; the officers' halves are awaited."""
    OPENED = "opened"
    """唱标 and documents are open."""
    ENDED = "ended"
    """开标结束."""


@dataclass(frozen=True)
class Section:
    """One section as released."""

    params: SectionParams
    params_sm3: str
    signed: SignedStatement
    released_at: datetime
    closed_at: datetime | None

    @property
    def code(self) -> str:
        """标段编号."""
        return self.params.section


def section_of(row: Row[Any]) -> Section:
    """Row → value; what lies there was verified when it came."""
    signed = canonical.decode(row.signed, SignedStatement)
    return Section(parse_params(signed.statement), row.params_sm3, signed, row.released_at, row.closed_at)


def load_section(tx: Connection, code: str, *, lock: bool = False) -> Section:
    """Read one section; with `lock`, nobody else changes it before this transaction ends. UnknownSectionError."""
    query = select(tables.sections).where(tables.sections.c.code == code)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise UnknownSectionError(code)
    return section_of(row)


@dataclass(frozen=True)
class Sections:
    """What is put out to tender here."""

    house: House

    def release(self, data: bytes, arrival: Arrival) -> Section:
        """Release parameters that the tenderer signed; the same again is no second act.

        Raises MalformedParamsError, NotTheTendererError, WrongCentreError, DeadlineTooNearError, SectionExistsError.
        """
        params, signed = self._read(data)
        self._require_tenderer(params, signed, arrival.at)
        if params.centre.uscc != self.house.uscc:
            raise WrongCentreError(f"the parameters name {params.centre.name}")
        digest = params_sm3(signed.statement)
        with writing(self.house.engine) as tx:
            known = tx.execute(select(tables.sections).where(tables.sections.c.code == params.section)).first()
            if known is not None:
                if known.params_sm3 != digest:
                    raise SectionExistsError(params.section)
                return section_of(known)
            self._require_notice(params, arrival.at)
            self._insert(tx, params, digest, canonical.encode(signed), arrival)
            return load_section(tx, params.section)

    def get(self, code: str) -> Section:
        """One section. UnknownSectionError."""
        with reading(self.house.engine) as tx:
            return load_section(tx, code)

    def list(self) -> tuple[Section, ...]:
        """All sections, the next deadline last."""
        with reading(self.house.engine) as tx:
            rows = tx.execute(
                select(tables.sections).order_by(tables.sections.c.deadline.desc(), tables.sections.c.code)
            )
            return tuple(section_of(row) for row in rows)

    def phases(self, section: Section, now: datetime) -> Mapping[int, Phase]:
        """Answer the phase of every stage at this instant."""
        with reading(self.house.engine) as tx:
            table = tables.stages
            rows = tx.execute(select(table.c.stage, table.c.state).where(table.c.section == section.code))
            states = {row.stage: row.state for row in rows}
        return {number: _phase(section, state, now) for number, state in sorted(states.items())}

    def _read(self, data: bytes) -> tuple[SectionParams, SignedStatement]:
        try:
            signed = canonical.decode(data, SignedStatement)
        except MalformedError as error:
            raise MalformedParamsError(str(error)) from error
        return parse_params(signed.statement), signed

    def _require_tenderer(self, params: SectionParams, signed: SignedStatement, at: datetime) -> None:
        trust = self.house.trust
        try:
            own = belongs_to(parse_certificate(signed.certificate), params.tenderer.uscc)
            verdict = verify_statement(
                signed, anchors=trust.anchors, evidence=trust.evidence(), at=at, purpose=Purpose.LICENCE
            )
        except MalformedError as error:
            raise NotTheTendererError(str(error)) from error
        if not own or verdict.worst.result is not Result.OK:
            raise NotTheTendererError(f"{params.tenderer.name}: {verdict.worst.code}")

    def _require_notice(self, params: SectionParams, at: datetime) -> None:
        notice = self.house.notice.get(params.rules)
        if notice is None:
            raise MalformedParamsError(f"no rules profile {params.rules} is in force here")
        if params.deadline - at <= max(notice, timedelta(0)):
            raise DeadlineTooNearError(f"rules profile {params.rules} asks for {notice} before the deadline")

    def _insert(self, tx: Connection, params: SectionParams, digest: str, signed: bytes, arrival: Arrival) -> None:
        row = {"code": params.section, "params_sm3": digest, "signed": signed, "deadline": params.deadline}
        tx.execute(
            insert(tables.sections).values(
                **row, closes_at=params.closes_at, released_at=arrival.at, state="bidding", closed_at=None
            )
        )
        for stage in params.stages:
            tx.execute(insert(tables.stages).values(section=params.section, stage=stage.id, state="waiting"))
        self.house.write_journal(
            tx, "section-released", section=params.section, subject=digest, who=params.tenderer.uscc, arrival=arrival
        )


def _phase(section: Section, state: str, now: datetime) -> Phase:
    if section.closed_at is None:
        return Phase.BIDDING if now < section.params.deadline else Phase.CLOSING
    return {"frozen": Phase.FROZEN, "opened": Phase.OPENED, "ended": Phase.ENDED}.get(state, Phase.CLOSED)
