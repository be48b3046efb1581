"""Bidders release their halves (解密授权), and lid 2 fixes whose came in time.

Nobody can read anything here: K_T is still with the officers. Each bidder sees its own release only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from bidding.acts import Release, SignedAct
from bidding.bundle_header import Label
from bidding.centre.acts import Standing, examine, keep_act, parse_act, require_params, statement_sm3
from bidding.centre.bids import Bid, find_bid, live_bids, opened_bundle
from bidding.centre.closing import Lid, read_lid, write_lid
from bidding.centre.house import Arrival, House
from bidding.centre.ledger import acknowledgement
from bidding.centre.sections import Section, load_section
from bidding.errors import (
    NoLiveBidError,
    NotFrozenError,
    NotYetClosedError,
    TimestampPendingError,
    UnknownStageError,
    WindowNotOpenError,
    WindowOverError,
    WindowStillOpenError,
    WrongHalfError,
)
from bidding.lids import ClosedSet, FrozenBid, FrozenSet, StampedStatement
from bidding.officer import ReleaseSet
from signing import canonical
from signing.digests import sm3
from signing.envelope import HALF, commit_half
from signing.statement import SignedStatement, parse_statement
from storage.database import reading, writing
from storage.intake import Intake
from storage.models import centre as tables


@dataclass(frozen=True)
class Window:
    """The release window of one stage."""

    stage: int
    state: str
    opens_at: datetime | None
    ends_at: datetime | None
    frozen_at: datetime | None


@dataclass(frozen=True)
class Released:
    """Who has released, as the host sees it."""

    bid: Bid
    released_at: datetime | None


@dataclass(frozen=True)
class Releasing:
    """From lid 1 to lid 2."""

    house: House
    intake: Intake

    def release(self, data: bytes, half: bytes, arrival: Arrival) -> bytes:
        """Take K_B of one stage for one bid; answers the centre's signed acknowledgement. Again is no fault.

        Raises what `acts.examine` raises, and NotYetClosedError, WindowNotOpenError, WindowOverError, NoLiveBidError,
        WrongHalfError.
        """
        act, signed = parse_act(data, Release)
        with reading(self.house.engine) as tx:
            section = load_section(tx, act.section)
            require_params(act, section=section.code, params_sm3=section.params_sm3)
        if section.closed_at is None:
            raise NotYetClosedError(f"closes at {section.params.closes_at.isoformat()}")
        # Who asks is judged first: else anybody could try out whose bid a bundle of lid 1 is.
        standing = examine(
            act,
            signed,
            trust=self.house.trust,
            register=self.house.register,
            at=arrival.at,
            consent_at=arrival.at,
        )
        with reading(self.house.engine) as tx:
            window = read_window(tx, section, act.stage)
            bid = self._own_bid(tx, act)
            if bid.id not in _releases(tx, act.section, act.stage):
                self._require_window(section, window, arrival.at)
        self._require_half(bid, act, half)
        return self._keep(act, signed, standing, bid=bid, half=half, arrival=arrival)

    def window(self, code: str, stage: int) -> Window:
        """Answer the release window. UnknownStageError."""
        with reading(self.house.engine) as tx:
            return read_window(tx, load_section(tx, code), stage)

    def released(self, code: str, stage: int) -> tuple[Released, ...]:
        """Who has released: for the host, after closing. NotYetClosedError."""
        with reading(self.house.engine) as tx:
            section = load_section(tx, code)
            if section.closed_at is None:
                raise NotYetClosedError("the section is not closed")
            rows = _releases(tx, code, stage)
            bids = live_bids(tx, self.house, code)
        return tuple(Released(bid, rows[bid.id].at if bid.id in rows else None) for bid in bids)

    def freeze(self, code: str, stage: int, who: str, arrival: Arrival) -> Lid:
        """Put lid 2 on: when the window is over, or every live bid has released. Again is no fault.

        Raises NotYetClosedError, WindowNotOpenError, WindowStillOpenError, UnknownStageError.
        """
        house = self.house
        with writing(house.engine) as tx:
            section = load_section(tx, code, lock=True)
            if (found := read_lid(tx, house, code, tables.LID_2, stage)) is not None:
                return found
            window = read_window(tx, section, stage)
            if window.ends_at is None:
                raise WindowNotOpenError("the window has not begun")
            rows, bids = _releases(tx, code, stage), live_bids(tx, house, code)
            if arrival.at < window.ends_at and not all(bid.id in rows for bid in bids):
                raise WindowStillOpenError(
                    f"open until {window.ends_at.isoformat()}, and not every bidder has released"
                )
            self._write_frozen(tx, section, stage, bids, rows=rows, who=who, arrival=arrival)
        return self.lid(code, stage)

    def lid(self, code: str, stage: int) -> Lid:
        """Lid 2 of a stage. NotFrozenError."""
        with reading(self.house.engine) as tx:
            return self._lid(tx, code, stage)

    def release_set(self, code: str, stage: int) -> ReleaseSet:
        """Answer what the officer's client opens for. NotFrozenError, TimestampPendingError."""
        with reading(self.house.engine) as tx:
            section = load_section(tx, code)
            frozen = self._lid(tx, code, stage)
            closed = read_lid(tx, self.house, code, tables.LID_1, 0)
        if closed is None:
            raise NotFrozenError("the section is not closed")
        return ReleaseSet(1, section.signed, _stamped(closed), _stamped(frozen))

    def frozen_sm3(self, code: str, stage: int) -> str:
        """SM3 (hex) of lid 2's canonical bytes: its name. NotFrozenError."""
        return sm3(self.lid(code, stage).signed.statement).hex()

    def newest_frozen(self, code: str) -> int:
        """Answer the last stage that has lid 2. NotFrozenError."""
        table = tables.lids
        query = select(func.max(table.c.stage)).where(table.c.section == code, table.c.lid == tables.LID_2)
        with reading(self.house.engine) as tx:
            load_section(tx, code)
            stage = tx.execute(query).scalar()
        if stage is None:
            raise NotFrozenError("the release set is not frozen")
        return int(stage)

    def label(self, code: str, bundle_sm3: str) -> Label:
        """Header, manifest and signature of a live bid's bundle, once lid 2 is on. NotFrozenError, NoLiveBidError."""
        with reading(self.house.engine) as tx:
            self._lid(tx, code, 1)
            bid = find_bid(tx, self.house, code, bundle_sm3)
        if bid is None:
            raise NoLiveBidError("no such bid in the closed set")
        with opened_bundle(self.intake, bid) as (bundle, _):
            return bundle.label

    def half(self, tx: Connection, bid: Bid, stage: int) -> bytes | None:
        """K_B of a bid, or None if it was not released."""
        row = _releases(tx, bid.section, stage).get(bid.id)
        return None if row is None else self.house.vault.cipher.open(f"releases/{bid.id}/{stage}", row.sealed_half)

    def _lid(self, tx: Connection, code: str, stage: int) -> Lid:
        load_section(tx, code)
        found = read_lid(tx, self.house, code, tables.LID_2, stage)
        if found is None:
            raise NotFrozenError("the release set is not frozen")
        return found

    def _require_window(self, section: Section, window: Window, at: datetime) -> None:
        if section.closed_at is None:
            raise NotYetClosedError(f"closes at {section.params.closes_at.isoformat()}")
        if window.opens_at is None or window.ends_at is None:
            raise WindowNotOpenError("the window of this stage has not begun")
        if window.frozen_at is not None or at >= window.ends_at:
            raise WindowOverError(f"the window ended at {window.ends_at.isoformat()}")

    def _own_bid(self, tx: Connection, act: Release) -> Bid:
        bid = find_bid(tx, self.house, act.section, act.bundle_sm3)
        if bid is None or bid.identity.uscc != act.bidder:
            raise NoLiveBidError("the bidder has no such bid in the closed set")
        return bid

    def _require_half(self, bid: Bid, act: Release, half: bytes) -> None:
        with opened_bundle(self.intake, bid) as (bundle, _):
            committed = bundle.header.stage(act.stage).base.ckb
        if len(half) != HALF or act.ckb != committed or commit_half(b"cKB", half).hex() != committed:
            raise WrongHalfError("not the half that the bundle's header commits to")

    def _keep(
        self, act: Release, signed: SignedAct, standing: Standing, *, bid: Bid, half: bytes, arrival: Arrival
    ) -> bytes:
        house = self.house
        with writing(house.engine) as tx:
            section = load_section(tx, act.section, lock=True)
            row = _releases(tx, act.section, act.stage).get(bid.id)
            received_at = row.at if row is not None else arrival.at
            if row is None:
                self._require_window(section, read_window(tx, section, act.stage), arrival.at)
                self._insert(tx, act, signed, standing, bid=bid, half=half, arrival=arrival)
        told = acknowledgement(
            house, act, statement_sm3(signed), bundle_sm3=act.bundle_sm3, stage=act.stage, received_at=received_at
        )
        return canonical.encode(house.signer.sign(told))

    def _insert(
        self,
        tx: Connection,
        act: Release,
        signed: SignedAct,
        standing: Standing,
        *,
        bid: Bid,
        half: bytes,
        arrival: Arrival,
    ) -> None:
        house = self.house
        kept = keep_act(tx, house, act, signed, standing=standing, at=arrival.at)
        sealed = house.vault.cipher.seal(f"releases/{bid.id}/{act.stage}", half)
        row = {"bid": bid.id, "stage": act.stage, "sealed_half": sealed, "kb_sm3": sm3(half).hex()}
        tx.execute(insert(tables.releases).values(**row, act=kept, at=arrival.at))
        house.write_journal(
            tx, "half-released", section=act.section, subject=bid.id, who=standing.person, arrival=arrival
        )

    def _write_frozen(
        self,
        tx: Connection,
        section: Section,
        stage: int,
        bids: tuple[Bid, ...],
        *,
        rows: dict[str, Row[Any]],
        who: str,
        arrival: Arrival,
    ) -> None:
        house = self.house
        closed = read_lid(tx, house, section.code, tables.LID_1, 0)
        if closed is None:
            raise NotYetClosedError("lid 1 is missing")
        first, _ = parse_statement(closed.signed, ClosedSet)
        frozen = FrozenSet(
            v=1,
            lid=2,
            section=section.code,
            params_sm3=section.params_sm3,
            closed_sm3=sm3(closed.signed.statement).hex(),
            closed_at=first.closed_at,
            frozen_at=arrival.at,
            bids=tuple(_frozen_bid(bid, stage, rows.get(bid.id)) for bid in bids),
        )
        write_lid(tx, house, frozen, lid=tables.LID_2, stage=stage, arrival=arrival)
        table = tables.stages
        this = update(table).where(table.c.section == section.code, table.c.stage == stage)
        tx.execute(this.values(state="frozen", frozen_at=arrival.at))
        house.write_journal(
            tx, "release-set-frozen", section=section.code, subject=section.code, who=who, arrival=arrival
        )


def read_window(tx: Connection, section: Section, stage: int) -> Window:
    """Answer the window of one stage as its row tells. UnknownStageError."""
    table = tables.stages
    row = tx.execute(select(table).where(table.c.section == section.code, table.c.stage == stage)).first()
    if row is None:
        raise UnknownStageError(f"section {section.code} has no stage {stage}")
    ends_at = None if row.opens_at is None else row.opens_at + timedelta(seconds=section.params.release_window)
    return Window(stage, row.state, row.opens_at, ends_at, row.frozen_at)


def frozen_set(signed: SignedStatement) -> FrozenSet:
    """Answer what lid 2 says."""
    return parse_statement(signed, FrozenSet)[0]


def _releases(tx: Connection, section: str, stage: int) -> dict[str, Row[Any]]:
    releases, acts, bids = tables.releases, tables.acts, tables.bids
    query = (
        select(releases, acts.c.sm3.label("act_sm3"))
        .join(acts, acts.c.id == releases.c.act)
        .join(bids, bids.c.id == releases.c.bid)
        .where(bids.c.section == section, releases.c.stage == stage)
    )
    return {row.bid: row for row in tx.execute(query)}


def _frozen_bid(bid: Bid, stage: int, row: Row[Any] | None) -> FrozenBid:
    if row is None:
        return FrozenBid(bid.bundle_sm3, bid.header_sm3, stage, released=False, kb_sm3="", act_sm3="")
    return FrozenBid(bid.bundle_sm3, bid.header_sm3, stage, released=True, kb_sm3=row.kb_sm3, act_sm3=row.act_sm3)


def _stamped(lid: Lid) -> StampedStatement:
    if lid.token is None:
        raise TimestampPendingError("the lid waits for its timestamp")
    return StampedStatement(1, lid.signed, lid.token)
