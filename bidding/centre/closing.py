"""Closing (截止): at T + G the section is closed once and for all, and lid 1 says which bids there are."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from bidding.centre.house import Arrival, House
from bidding.centre.reception import Reception
from bidding.centre.sections import Section, load_section, section_of
from bidding.errors import NotYetClosedError
from bidding.lids import ClosedSet, FrozenSet
from signing import canonical
from signing.digests import sm3
from signing.statement import SignedStatement, parse_statement
from storage.database import reading, writing
from storage.models import centre as tables


@dataclass(frozen=True)
class Lid:
    """A lid as it was signed, and its timestamp when there is one."""

    signed: SignedStatement
    token: bytes | None


@dataclass(frozen=True)
class Closing:
    """The one door from BIDDING to CLOSED."""

    house: House
    reception: Reception

    def close_due(self, arrival: Arrival) -> tuple[str, ...]:
        """Close every section whose T + G is over; their codes. Submissions read in time are drained until then."""
        table = tables.sections
        query = select(table).where(table.c.state == "bidding", table.c.closes_at <= arrival.at)
        with reading(self.house.engine) as tx:
            due = [section_of(row) for row in tx.execute(query)]
        for section in due:
            self.reception.drain(section, arrival, closed=False)
            self.close(section.code, arrival)
        self._drain_closed(arrival)
        return tuple(section.code for section in due)

    def close(self, code: str, arrival: Arrival) -> Section:
        """Close one section: state and lid 1 in one transaction; again is no fault. NotYetClosedError before T + G."""
        with writing(self.house.engine) as tx:
            section = load_section(tx, code, lock=True)
            if section.closed_at is None:
                if arrival.at < section.params.closes_at:
                    raise NotYetClosedError(f"closes at {section.params.closes_at.isoformat()}")
                self._close(tx, section, arrival)
            return load_section(tx, code)

    def lid(self, code: str) -> tuple[ClosedSet, Lid]:
        """Lid 1. NotYetClosedError before there is one."""
        with reading(self.house.engine) as tx:
            found = read_lid(tx, self.house, code, tables.LID_1, 0)
        if found is None:
            raise NotYetClosedError("the section is not closed")
        return parse_statement(found.signed, ClosedSet)[0], found

    def _drain_closed(self, arrival: Arrival) -> None:
        """Answer what still waits in a closed section: just now, since a crash, or asked for after the closing."""
        for code in self.reception.uploads.waiting_sections():
            with reading(self.house.engine) as tx:
                section = load_section(tx, code)
            if section.closed_at is not None:
                self.reception.drain(section, arrival, closed=True)

    def _close(self, tx: Connection, section: Section, arrival: Arrival) -> None:
        bids = tables.bids
        live = select(bids.c.bundle_sm3).where(bids.c.section == section.code, bids.c.state == "live")
        bundles = tuple(sorted(tx.execute(live).scalars()))
        closed = ClosedSet(1, 1, section.code, section.params_sm3, arrival.at, bundles)
        write_lid(tx, self.house, closed, lid=tables.LID_1, stage=0, arrival=arrival)
        table, stages = tables.sections, tables.stages
        tx.execute(update(table).where(table.c.code == section.code).values(state="closed", closed_at=arrival.at))
        first = update(stages).where(stages.c.section == section.code, stages.c.stage == 1)
        tx.execute(first.values(state="window", opens_at=arrival.at))
        self.house.write_journal(
            tx, "section-closed", section=section.code, subject=section.code, who="", arrival=arrival
        )


def write_lid(
    tx: Connection, house: House, value: ClosedSet | FrozenSet, *, lid: int, stage: int, arrival: Arrival
) -> SignedStatement:
    """Sign a lid, keep it, and leave a job for its timestamp."""
    signed = house.signer.sign(value)
    imprint = sm3(signed.signature)
    row = {"lid": lid, "stage": stage, "signed": canonical.encode(signed), "imprint": imprint.hex(), "at": arrival.at}
    tx.execute(insert(tables.lids).values(section=value.section, **row))
    house.ask_for_token(tx, imprint, arrival.at)
    return signed


def read_lid(tx: Connection, house: House, section: str, lid: int, stage: int) -> Lid | None:
    """Answer a lid as signed, with its timestamp if that has come."""
    table = tables.lids
    query = select(table).where(table.c.section == section, table.c.lid == lid, table.c.stage == stage)
    row = tx.execute(query).first()
    if row is None:
        return None
    return Lid(canonical.decode(row.signed, SignedStatement), house.find_token(tx, bytes.fromhex(row.imprint)))
