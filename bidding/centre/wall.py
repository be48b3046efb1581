"""The wall before the deadline (保密墙): names and number of bidders are nobody's, staff included (招标投标法 22)."""

from dataclasses import dataclass

from sqlalchemy import select

from bidding.centre.bids import live_bids
from bidding.centre.house import Arrival, House, Identity
from bidding.centre.sections import load_section
from bidding.errors import NotAllowedError, SealedUntilOpeningError
from identity.actor import Actor
from storage.database import reading, writing
from storage.models import centre as tables


@dataclass(frozen=True)
class Wall:
    """Asks before anything is counted or listed, and notes who asked too early."""

    house: House

    def require_staff(self, actor: Actor) -> None:
        """Raise NotAllowedError for another unit's people."""
        if str(actor.uscc) != self.house.uscc:
            raise NotAllowedError("only the trading centre's own staff")

    def require_closed(self, code: str, actor: Actor, what: str, arrival: Arrival) -> None:
        """Raise SealedUntilOpeningError while the section is open; the attempt is journalled."""
        self.require_staff(actor)
        with reading(self.house.engine) as tx:
            closed = load_section(tx, code).closed_at is not None
        if not closed:
            self._note(code, actor, what, arrival)
            raise SealedUntilOpeningError("names and number of bidders are secret until opening")

    def require_all_closed(self, actor: Actor, what: str, arrival: Arrival) -> None:
        """Raise SealedUntilOpeningError while any section is open: totals would tell of it."""
        self.require_staff(actor)
        table = tables.sections
        with reading(self.house.engine) as tx:
            is_open = tx.execute(select(table.c.code).where(table.c.state == "bidding")).first() is not None
        if is_open:
            self._note("", actor, what, arrival)
            raise SealedUntilOpeningError("a section is open for bids")

    def bidders(self, code: str) -> tuple[Identity, ...]:
        """Who has a live bid; callers have asked the wall."""
        with reading(self.house.engine) as tx:
            return tuple(bid.identity for bid in live_bids(tx, self.house, code))

    def _note(self, code: str, actor: Actor, what: str, arrival: Arrival) -> None:
        with writing(self.house.engine) as tx:
            self.house.write_journal(
                tx,
                "sealed-asked",
                section=code,
                subject=what,
                who=f"{actor.person_name} {actor.person}",
                arrival=arrival,
            )
