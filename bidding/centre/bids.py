"""The live bids of a closed section: their rows, their owners, their bundles. Nothing here is shown before closing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, select

from bidding.bundle import Bundle, parse_bundle
from bidding.centre.house import House, Identity
from storage.intake import Intake
from storage.models import centre as tables


@dataclass(frozen=True)
class Bid:
    """One bid of the closed set."""

    id: str
    section: str
    identity: Identity
    bundle_sm3: str
    header_sm3: str
    size: int
    object: str
    received_at: datetime


def live_bids(tx: Connection, house: House, section: str) -> tuple[Bid, ...]:
    """All live bids, sorted by digest: an order that tells nothing."""
    table = tables.bids
    query = select(table).where(table.c.section == section, table.c.state == "live").order_by(table.c.bundle_sm3)
    return tuple(_bid_of(house, row) for row in tx.execute(query))


def find_bid(tx: Connection, house: House, section: str, bundle_sm3: str) -> Bid | None:
    """Answer the live bid with this digest."""
    table = tables.bids
    live = (table.c.section == section) & (table.c.bundle_sm3 == bundle_sm3) & (table.c.state == "live")
    row = tx.execute(select(table).where(live)).first()
    return None if row is None else _bid_of(house, row)


@contextmanager
def opened_bundle(intake: Intake, bid: Bid) -> Iterator[tuple[Bundle, BinaryIO]]:
    """Answer the bundle as it lies in the intake, and the stream to read its parts from."""
    with intake.open(bid.object) as stream:
        yield parse_bundle(stream, bid.size), stream


def _bid_of(house: House, row: Row[Any]) -> Bid:
    identity = house.vault.open(f"bids/{row.id}", row.sealed_identity, Identity)
    return Bid(row.id, row.section, identity, row.bundle_sm3, row.header_sm3, row.size, row.object, row.received_at)
