"""The opening record (开标记录): drawn once from the rows, then sealed by one party after the other.

Every version is the one before plus one increment that fills exactly the sealer's own prepared field; If-Match keeps
two who seal at once from losing one of the seals.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, func, insert, select, update

from bidding.centre.bids import Bid, live_bids
from bidding.centre.closing import Closing
from bidding.centre.house import Arrival, House
from bidding.centre.opening import Opening, Outcome
from bidding.centre.releasing import Releasing, frozen_set
from bidding.centre.sections import Section, load_section
from bidding.documents.opening_record import BidderFacts, Fault, OpeningFacts
from bidding.errors import (
    BadRecordVersionError,
    NoRecordError,
    NotAllowedError,
    OpeningNotFinishedError,
    RecordMovedError,
    UnknownStageError,
)
from bidding.readout import readout_fields
from signing.checks import Indication, Verdict
from signing.digests import sm3
from signing.errors import VerdictError
from storage.database import reading, writing
from storage.models import centre as tables
from storage.objects import Objects

CAUSES: Final = {
    "bidder": "投标人原因，视为撤销投标文件",
    "platform": "平台原因，视为撤回投标文件",
    "officer": "开标人原因，视为撤回投标文件",
    "unknown": "原因待定",
}
"""电子招标投标办法 31."""
INDICATIONS: Final = {
    "TOTAL-FAILED": "验证不通过",
    "INDETERMINATE": "无法确定",
    "NO-SIGNATURE": "没有签章",
    "REFUSED": "无法读取",
}
MAX_RECORD: Final = 64 << 20
"""Bytes of the PDF with all its seals."""


@dataclass(frozen=True)
class AddedSeal:
    """What one increment added: the field that it filled, whose seal it is, and how it was judged."""

    field: str
    uscc: str
    verdict: Verdict


class RecordJudge(Protocol):
    """Judges a new version against the one before; wiring gives it the verifier."""

    def __call__(self, previous: bytes, new: bytes, /) -> AddedSeal:
        """Answer what was added after `previous`; BadRecordVersionError if that is not exactly one seal."""


class RecordMaker(Protocol):
    """Draws the record with all signature fields prepared, named by `field_of` each party's credit code."""

    def __call__(self, facts: OpeningFacts, /) -> bytes:
        """Answer the PDF."""


@dataclass(frozen=True)
class RecordVersion:
    """One version of the PDF."""

    section: str
    stage: int
    number: int
    sm3: str
    size: int
    signer: str
    at: datetime


def field_of(uscc: str) -> str:
    """Answer the signature field of a party in the record."""
    return f"seal-{uscc}"


@dataclass(frozen=True)
class Records:
    """The record's desk."""

    house: House
    closing: Closing
    releasing: Releasing
    opening: Opening
    objects: Objects
    draw: RecordMaker
    judge: RecordJudge

    def make(self, code: str, stage: int, who: str, arrival: Arrival) -> RecordVersion:
        """Draw the record, once every bid has its outcome and no cause is open; again is no fault."""
        with reading(self.house.engine) as tx:
            section = load_section(tx, code)
            known, row = _newest(tx, code, stage), _stage(tx, code, stage)
        if known is not None:
            return _version_of(known)
        outcomes = self.opening.outcomes(code, stage)
        if row.state != "opened" or any(o.cause == "unknown" for o in outcomes):
            raise OpeningNotFinishedError("a bid is not opened yet, or whose cause it is was not decided")
        stored = self.objects.put([self.draw(self.facts(section, stage, outcomes, arrival.at))])
        with writing(self.house.engine) as tx:
            load_section(tx, code, lock=True)
            if (known := _newest(tx, code, stage)) is None:
                kept = stored.name, stored.size
                self._insert(tx, code, stage, 1, stored=kept, told=("drawn", "", who), arrival=arrival)
                known = _newest(tx, code, stage)
        return _version_of(known)

    def get(self, code: str, stage: int) -> tuple[RecordVersion, bytes]:
        """Answer the newest version and its bytes. NoRecordError."""
        with reading(self.house.engine) as tx:
            load_section(tx, code)
            row = _newest(tx, code, stage)
        if row is None:
            raise NoRecordError("the record is not drawn yet")
        with self.objects.open(row.object) as stream:
            return _version_of(row), stream.read()

    def signers(self, code: str, stage: int) -> dict[str, datetime]:
        """Who has sealed the record, and when that version came."""
        table = tables.records
        query = select(table.c.signer, table.c.at).where(table.c.section == code, table.c.stage == stage)
        with reading(self.house.engine) as tx:
            return {row.signer: row.at for row in tx.execute(query) if row.signer}

    def add(self, code: str, stage: int, data: bytes, if_match: str, arrival: Arrival) -> RecordVersion:
        """Take a version with one more seal.

        NoRecordError, RecordMovedError, BadRecordVersionError, NotAllowedError.
        """
        current, previous = self.get(code, stage)
        if if_match != current.sm3:
            raise RecordMovedError("the record has a newer version: seal that one")
        if len(data) > MAX_RECORD or len(data) <= len(previous) or not data.startswith(previous):
            raise BadRecordVersionError("not the version before plus something")
        added = self._judge(previous, data)
        self._require_party(code, added)
        stored = self.objects.put([data])
        with writing(self.house.engine) as tx:
            section = load_section(tx, code, lock=True)
            newest = _newest(tx, code, stage)
            if newest is None or newest.number != current.number:
                raise RecordMovedError("the record has a newer version: seal that one")
            if _stage(tx, section.code, stage).state != "opened":
                raise NotAllowedError("the opening has ended")
            told = (added.field, added.uscc, added.uscc)
            kept = stored.name, stored.size
            self._insert(tx, code, stage, current.number + 1, stored=kept, told=told, arrival=arrival)
            return _version_of(_newest(tx, code, stage))

    def end(self, code: str, stage: int, who: str, arrival: Arrival) -> None:
        """End the opening of a stage: the host has sealed; who has not sealed is on record as not confirmed."""
        if self.house.uscc not in self.signers(code, stage):
            raise OpeningNotFinishedError("the host has not sealed the record")
        with writing(self.house.engine) as tx:
            load_section(tx, code, lock=True)
            table = tables.stages
            this = update(table).where(table.c.section == code, table.c.stage == stage, table.c.state == "opened")
            if tx.execute(this.values(state="ended", ended_at=arrival.at)).rowcount == 1:
                self.house.write_journal(tx, "stage-ended", section=code, subject=code, who=who, arrival=arrival)

    def begin_stage(self, code: str, stage: int, who: str, arrival: Arrival) -> None:
        """Begin the window of a later stage, once the one before has ended. OpeningNotFinishedError."""
        with writing(self.house.engine) as tx:
            load_section(tx, code, lock=True)
            if _stage(tx, code, stage).state != "waiting":
                return
            if stage == 1 or _stage(tx, code, stage - 1).state != "ended":
                raise OpeningNotFinishedError("the stage before has not ended")
            table = tables.stages
            this = update(table).where(table.c.section == code, table.c.stage == stage)
            tx.execute(this.values(state="window", opens_at=arrival.at))
            self.house.write_journal(tx, "stage-begun", section=code, subject=code, who=who, arrival=arrival)

    def facts(self, section: Section, stage: int, outcomes: tuple[Outcome, ...], made_at: datetime) -> OpeningFacts:
        """Answer what the record says."""
        params, source = section.params, self.house.time_source
        closed, _ = self.closing.lid(section.code)
        frozen = frozen_set(self.releasing.lid(section.code, stage).signed)
        released = {bid.bundle_sm3 for bid in frozen.released(stage)}
        decided = [o for o in outcomes if o.reason]
        return OpeningFacts(
            project=params.project,
            section=section.code,
            title=params.title,
            stage=params.stage(stage).name,
            params_sm3=section.params_sm3,
            tenderer=params.tenderer,
            host=params.centre,
            deadline=params.deadline,
            closed_at=closed.closed_at,
            opened_at=frozen.frozen_at,
            made_at=made_at,
            time_source=f"交易中心时钟（{source.name}），误差界 {source.epsilon_ms} 毫秒",
            bidders=tuple(self._bidder(section, stage, o, released=o.bid.bundle_sm3 in released) for o in outcomes),
            faults=tuple(
                Fault(made_at, f"{o.bid.identity.name}：主持人认定为{CAUSES[o.cause]}；理由：{o.reason}")
                for o in decided
            ),
            sandbox=self.house.trust.anchors.sandbox,
        )

    def _bidder(self, section: Section, stage: int, outcome: Outcome, *, released: bool) -> BidderFacts:
        bid = outcome.bid
        titles = {field.id: field.title for field in readout_fields(section.params, stage)}
        fields = outcome.readout.fields if outcome.readout is not None else ()
        return BidderFacts(
            name=bid.identity.name,
            uscc=bid.identity.uscc,
            received_at=bid.received_at,
            bundle_sm3=bid.bundle_sm3,
            released=released,
            decrypted=outcome.state == "opened",
            cause=f"{CAUSES[outcome.cause]}（{outcome.code}：{outcome.why}）" if outcome.cause else "",
            seals=self._seals(bid, stage),
            readout=tuple((titles.get(field.id, field.id), field.value) for field in fields),
        )

    def _seals(self, bid: Bid, stage: int) -> tuple[str, ...]:
        documents = self.opening.documents(bid, stage)
        good = [document for document in documents if document.indication == Indication.TOTAL_PASSED]
        told = tuple(
            f"{d.name.removesuffix('.pdf')}：{INDICATIONS.get(d.indication, d.indication)}"
            for d in documents
            if d not in good
        )
        return (*((f"{len(good)} 份文件的印章验证通过",) if good else ()), *told)

    def _judge(self, previous: bytes, data: bytes) -> AddedSeal:
        added = self.judge(previous, data)
        try:
            added.verdict.require()
        except VerdictError as error:
            raise BadRecordVersionError(str(error)) from error
        if added.field != field_of(added.uscc):
            raise BadRecordVersionError("the seal is not in its party's own field")
        return added

    def _require_party(self, code: str, added: AddedSeal) -> None:
        with reading(self.house.engine) as tx:
            parties = {self.house.uscc} | {bid.identity.uscc for bid in live_bids(tx, self.house, code)}
        if added.uscc not in parties:
            raise NotAllowedError("only the host and the bidders of this section seal the record")

    def _insert(
        self,
        tx: Connection,
        code: str,
        stage: int,
        number: int,
        *,
        stored: tuple[str, int],
        told: tuple[str, str, str],
        arrival: Arrival,
    ) -> None:
        field, signer, who = told
        row: dict[str, Any] = {"section": code, "stage": stage, "number": number, "at": arrival.at}
        tx.execute(insert(tables.records).values(**row, object=stored[0], size=stored[1], field=field, signer=signer))
        self.house.write_journal(
            tx, "record-version", section=code, subject=stored[0], who=who, arrival=arrival, number=str(number)
        )


def _newest(tx: Connection, code: str, stage: int) -> Row[Any] | None:
    table = tables.records
    this = (table.c.section == code) & (table.c.stage == stage)
    number = select(func.max(table.c.number)).where(this).scalar_subquery()
    return tx.execute(select(table).where(this, table.c.number == number)).first()


def _stage(tx: Connection, code: str, stage: int) -> Row[Any]:
    table = tables.stages
    row = tx.execute(select(table).where(table.c.section == code, table.c.stage == stage)).first()
    if row is None:
        raise UnknownStageError(f"section {code} has no stage {stage}")
    return row


def _version_of(row: Row[Any] | None) -> RecordVersion:
    if row is None:
        raise NoRecordError("the record is not drawn yet")
    return RecordVersion(row.section, row.stage, row.number, row.object, row.size, row.signer, row.at)


def record_sm3(data: bytes) -> str:
    """Answer the name of a version: SM3 of its bytes, hex; what If-Match carries."""
    return sm3(data).hex()
