"""Opening (开标): the officers' halves, the readout of all bids first (唱标), then their documents.

Every outcome is a row that can be made again from the stored halves and bundles; whose a failed opening is follows
from trust.md A.5, and an UNKNOWN one blocks the end until the host decides with a reason.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sqlalchemy import Connection, insert, select, update

from bidding.bundle import Bundle
from bidding.centre.bids import Bid, find_bid, live_bids, opened_bundle
from bidding.centre.closing import read_lid
from bidding.centre.house import Arrival, House
from bidding.centre.releasing import Releasing, frozen_set
from bidding.centre.sections import Section, load_section
from bidding.errors import (
    DuplicateDecisionError,
    MalformedBundleError,
    NoLiveBidError,
    NotFrozenError,
    OfficerReleaseError,
)
from bidding.faults import Fault, StageFaultError
from bidding.file_manifest import ManifestDocument
from bidding.lids import OfficerFault, OfficerRelease
from bidding.params import SealDemand, SectionParams
from bidding.readout import Readout
from bidding.unsealing import StageKeys, open_document, open_file_manifest, open_readout, unlock_stage
from signing import canonical
from signing.digests import read_chunks, sm3
from signing.errors import MalformedError
from storage.database import reading, writing
from storage.errors import DamagedObjectError, ObjectMissingError
from storage.intake import Intake
from storage.models import centre as tables
from storage.objects import Objects, StoredObject


@dataclass(frozen=True)
class Judgement:
    """How a document's seals were judged: the main indication, and the report as JSON (design.md 5)."""

    indication: str
    report: bytes


class DocumentJudge(Protocol):
    """Judges the seals of an opened document; wiring gives it the verifier."""

    def __call__(self, path: Path, uscc: str, seals: tuple[SealDemand, ...], /) -> Judgement:
        """Judge whether these seals of this unit are on the file; never raises for what is in the file."""


@dataclass(frozen=True)
class Outcome:
    """What came of one bid in a stage; `readout` is there once it was read."""

    bid: Bid
    state: str
    cause: str
    code: str
    why: str
    readout: Readout | None
    decided_by: str
    reason: str


@dataclass(frozen=True)
class OpenedDocument:
    """One plain document."""

    document: str
    name: str
    object: str
    size: int
    indication: str
    report: bytes


@dataclass(frozen=True)
class Opening:
    """From lid 2 to opened bids."""

    house: House
    releasing: Releasing
    objects: Objects
    judge: DocumentJudge
    scratch: Path

    def accept(self, data: bytes, arrival: Arrival) -> None:
        """Take what the officer hands out for a stage and read out all bids; the same again is no fault.

        Raises NotFrozenError before lid 2, OfficerReleaseError for what does not answer it.
        """
        try:
            release = canonical.decode(data, OfficerRelease)
        except MalformedError as error:
            raise OfficerReleaseError(str(error)) from error
        with writing(self.house.engine) as tx:
            section = load_section(tx, release.section, lock=True)
            self._require_answer(tx, section, release)
            known = _document(tx, release.section, release.stage)
            if known is not None and not release.says_the_same(canonical.decode(known, OfficerRelease)):
                raise OfficerReleaseError("another release was accepted for this stage")
            if known is None:
                row = {"section": release.section, "stage": release.stage, "document": data, "at": arrival.at}
                tx.execute(insert(tables.officer_releases).values(**row))
                self.house.write_journal(
                    tx, "officer-released", section=section.code, subject=release.frozen_sm3, who="", arrival=arrival
                )
        self.read_out(release.section, release.stage, arrival)

    def resume(self, arrival: Arrival) -> None:
        """Read out what a crash left between the officer's release and its readout. Call it often."""
        table, stages = tables.officer_releases, tables.stages
        same = (stages.c.section == table.c.section) & (stages.c.stage == table.c.stage)
        query = select(table.c.section, table.c.stage).join(stages, same).where(stages.c.state == "frozen")
        with reading(self.house.engine) as tx:
            due = tx.execute(query).all()
        for row in due:
            self.read_out(row.section, row.stage, arrival)

    def read_out(self, code: str, stage: int, arrival: Arrival) -> None:
        """Open every readout; all outcomes are kept in one transaction, so that none is known before the others."""
        with reading(self.house.engine) as tx:
            section = load_section(tx, code)
            release = self._release(tx, code, stage)
            done = set(tx.execute(_outcomes(code, stage).with_only_columns(tables.openings.c.bid)).scalars())
            todo = [bid for bid in live_bids(tx, self.house, code) if bid.id not in done]
            halves = {bid.id: self.releasing.half(tx, bid, stage) for bid in todo}
        if done and not todo:
            return  # its documents are being opened
        rows = [self._read(bid, stage, section.params, release, halves[bid.id]) for bid in todo]
        with writing(self.house.engine) as tx:
            load_section(tx, code, lock=True)
            again = set(tx.execute(_outcomes(code, stage).with_only_columns(tables.openings.c.bid)).scalars())
            for row in rows:
                if row["bid"] not in again:
                    self._insert(tx, code, row, arrival)
            self._finish(tx, code, stage, arrival)

    def open_documents(self, arrival: Arrival) -> int:
        """Open and judge the documents of all bids that were read out; how many bids. Can be killed and run again."""
        with reading(self.house.engine) as tx:
            table = tables.openings
            query = select(table.c.bid, table.c.stage, tables.bids.c.section).join(
                tables.bids, tables.bids.c.id == table.c.bid
            )
            due = tx.execute(query.where(table.c.state == "readout")).all()
        for row in due:
            self._open_bid(row.section, row.bid, row.stage, arrival)
        return len(due)

    def decide(  # noqa: PLR0917 - the facts of one decision, in the order in which they are told
        self, code: str, stage: int, bundle_sm3: str, cause: Fault, reason: str, who: str, arrival: Arrival
    ) -> None:
        """Let the host say whose an undecided opening is. NoLiveBidError, DuplicateDecisionError."""
        table = tables.openings
        with writing(self.house.engine) as tx:
            bids = {bid.bundle_sm3: bid for bid in live_bids(tx, self.house, code)}
            if bundle_sm3 not in bids:
                raise NoLiveBidError("no such bid in the closed set")
            bid = bids[bundle_sm3]
            undecided = (table.c.bid == bid.id) & (table.c.stage == stage) & (table.c.cause == Fault.UNKNOWN.value)
            change = update(table).where(undecided).values(cause=cause.value, decided_by=who, reason=reason)
            if tx.execute(change).rowcount != 1:
                raise DuplicateDecisionError("nothing is undecided there")
            self.house.write_journal(
                tx, "cause-decided", section=code, subject=bid.id, who=who, arrival=arrival, cause=cause, reason=reason
            )

    def outcomes(self, code: str, stage: int) -> tuple[Outcome, ...]:
        """Answer what came of every bid, sorted by digest. NotFrozenError before lid 2."""
        with reading(self.house.engine) as tx:
            load_section(tx, code)
            if read_lid(tx, self.house, code, tables.LID_2, stage) is None:
                raise NotFrozenError("the release set is not frozen")
            rows = {row.bid: row for row in tx.execute(_outcomes(code, stage))}
            bids = live_bids(tx, self.house, code)
        return tuple(_outcome_of(bid, rows[bid.id]) for bid in bids if bid.id in rows)

    def documents(self, bid: Bid, stage: int) -> tuple[OpenedDocument, ...]:
        """Answer the documents of one opened bid."""
        table = tables.opened_documents
        query = select(table).where(table.c.bid == bid.id, table.c.stage == stage).order_by(table.c.document)
        with reading(self.house.engine) as tx:
            return tuple(
                OpenedDocument(row.document, row.name, row.object, row.size, row.indication, row.judgement)
                for row in tx.execute(query)
            )

    def documents_of(self, code: str, stage: int, bundle_sm3: str) -> tuple[OpenedDocument, ...]:
        """Answer the documents of one bid by its digest. NoLiveBidError."""
        with reading(self.house.engine) as tx:
            bid = find_bid(tx, self.house, code, bundle_sm3)
        if bid is None:
            raise NoLiveBidError("no such bid in the closed set")
        return self.documents(bid, stage)

    def _require_answer(self, tx: Connection, section: Section, release: OfficerRelease) -> None:
        lid = read_lid(tx, self.house, release.section, tables.LID_2, release.stage)
        if lid is None:
            raise NotFrozenError("the release set is not frozen")
        if not release.is_of(section.params.stage(release.stage).opening_key):
            raise OfficerReleaseError("the release is not signed by the stage's opening key")
        if release.frozen_sm3 != sm3(lid.signed.statement).hex() or not release.answers(frozen_set(lid.signed)):
            raise OfficerReleaseError("the release does not answer the frozen set")

    def _release(self, tx: Connection, code: str, stage: int) -> OfficerRelease:
        document = _document(tx, code, stage)
        if document is None:
            raise OfficerReleaseError("the officer has released nothing for this stage")
        return canonical.decode(document, OfficerRelease)

    def _read(
        self, bid: Bid, stage: int, params: SectionParams, release: OfficerRelease, half: bytes | None
    ) -> dict[str, Any]:
        try:
            with _stored_bundle(self.releasing.intake, bid) as (bundle, stream):
                keys = unlock_stage(bundle, stage, officer_half(release, bid.bundle_sm3), half)
                readout = open_readout(bundle, stream, keys, params)
        except StageFaultError as error:
            return _failed(bid, stage, error)
        return _row(bid, stage, "readout", readout=canonical.encode(readout))

    def _insert(self, tx: Connection, code: str, row: dict[str, Any], arrival: Arrival) -> None:
        tx.execute(insert(tables.openings).values(**row, at=arrival.at))
        facts = {"state": row["state"], "cause": row["cause"], "code": row["code"]}
        self.house.write_journal(tx, "bid-read-out", section=code, subject=row["bid"], who="", arrival=arrival, **facts)

    def _open_bid(self, code: str, bid_id: str, stage: int, arrival: Arrival) -> None:
        with reading(self.house.engine) as tx:
            section = load_section(tx, code)
            release = self._release(tx, code, stage)
            bid = next(bid for bid in live_bids(tx, self.house, code) if bid.id == bid_id)
            half = self.releasing.half(tx, bid, stage)
        try:
            rows = self._open_all(bid, stage, section, officer_half(release, bid.bundle_sm3), half)
            change: dict[str, Any] = {"state": "opened"}
        except StageFaultError as error:
            rows, change = [], {"state": "failed", "cause": error.fault.value, "code": error.code, "why": str(error)}
        with writing(self.house.engine) as tx:
            load_section(tx, code, lock=True)
            table = tables.openings
            this = (table.c.bid == bid.id) & (table.c.stage == stage) & (table.c.state == "readout")
            if tx.execute(update(table).where(this).values(**change)).rowcount == 1:
                for row in rows:
                    tx.execute(insert(tables.opened_documents).values(**row))
                self.house.write_journal(
                    tx, "bid-opened", section=code, subject=bid.id, who="", arrival=arrival, state=change["state"]
                )
                self._finish(tx, code, stage, arrival)

    def _open_all(
        self, bid: Bid, stage: int, section: Section, k_t: bytes | OfficerFault | None, k_b: bytes | None
    ) -> list[dict[str, Any]]:
        folder = self.scratch / bid.id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        try:
            with _stored_bundle(self.releasing.intake, bid) as (bundle, stream):
                keys: StageKeys = unlock_stage(bundle, stage, k_t, k_b)
                manifest = open_file_manifest(bundle, stream, keys)
                return [
                    self._keep(
                        bid, stage, section.params, document, open_document(bundle, stream, keys, document, folder)
                    )
                    for document in manifest.documents
                ]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(
        self, bid: Bid, stage: int, params: SectionParams, document: ManifestDocument, path: Path
    ) -> dict[str, Any]:
        seals = next((item.seals for item in params.required if item.id == document.item), ())
        judged = self.judge(path, bid.identity.uscc, seals)
        stored = _put(self.objects, path)
        path.unlink()
        return {
            "bid": bid.id,
            "stage": stage,
            "document": document.part,
            "name": document.name,
            "object": stored.name,
            "size": stored.size,
            "indication": judged.indication,
            "judgement": judged.report,
        }

    def _finish(self, tx: Connection, code: str, stage: int, arrival: Arrival) -> None:
        """Mark the stage opened once no bid waits for its documents."""
        waiting = _outcomes(code, stage).where(tables.openings.c.state == "readout")
        if tx.execute(waiting).first() is None:
            table = tables.stages
            this = (table.c.section == code) & (table.c.stage == stage) & (table.c.state == "frozen")
            tx.execute(update(table).where(this).values(state="opened", opened_at=arrival.at))


@contextmanager
def _stored_bundle(intake: Intake, bid: Bid) -> Iterator[tuple[Bundle, BinaryIO]]:
    """Open a bundle that was readable when it was accepted: what is wrong with its storage now is the platform's."""
    try:
        with opened_bundle(intake, bid) as found:
            yield found
    except (DamagedObjectError, ObjectMissingError, MalformedBundleError) as error:
        raise StageFaultError(Fault.PLATFORM, "OBJECT", "平台保存的投标文件包缺失或已损坏") from error


def officer_half(release: OfficerRelease, bundle_sm3: str) -> bytes | OfficerFault | None:
    """Answer what the officer's release says of one bundle: a half, a fault, or nothing."""
    answers: dict[str, bytes | OfficerFault] = {half.bundle_sm3: half.k_t for half in release.halves}
    answers |= {fault.bundle_sm3: fault for fault in release.faults}
    return answers.get(bundle_sm3)


def _document(tx: Connection, code: str, stage: int) -> bytes | None:
    table = tables.officer_releases
    query = select(table.c.document).where(table.c.section == code, table.c.stage == stage)
    return tx.execute(query).scalar()


def _outcomes(code: str, stage: int) -> Any:
    table, bids = tables.openings, tables.bids
    return select(table).join(bids, bids.c.id == table.c.bid).where(bids.c.section == code, table.c.stage == stage)


def _row(bid: Bid, stage: int, state: str, **values: Any) -> dict[str, Any]:
    empty = {"cause": "", "code": "", "why": "", "decided_by": "", "reason": "", "readout": None}
    return {"bid": bid.id, "stage": stage, "state": state, **empty, **values}


def _failed(bid: Bid, stage: int, error: StageFaultError) -> dict[str, Any]:
    return _row(bid, stage, "failed", cause=error.fault.value, code=error.code, why=str(error))


def _outcome_of(bid: Bid, row: Any) -> Outcome:
    readout = None if row.readout is None else canonical.decode(row.readout, Readout)
    return Outcome(bid, row.state, row.cause, row.code, row.why, readout, row.decided_by, row.reason)


def _put(objects: Objects, path: Path) -> StoredObject:
    with path.open("rb") as stream:
        return objects.put(read_chunks(stream))
