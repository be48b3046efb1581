"""The outbox's timestamps: asked for after the commit, again and again until they come (trust.md amendment 9)."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select, update

from bidding.centre.house import Arrival, House
from signing.errors import SigningError
from signing.ports import TimestampAuthority
from storage.database import reading, writing
from storage.models import centre as tables

FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(minutes=5)


@dataclass(frozen=True)
class Stamps:
    """Asks the timestamp authority for what the outbox lists."""

    house: House
    authority: TimestampAuthority

    def work(self, arrival: Arrival, limit: int = 16) -> int:
        """Do the jobs that are due; how many tokens came. A token that is here already is no fault."""
        table = tables.outbox
        due = select(table).where(table.c.kind == "timestamp", table.c.done_at.is_(None), table.c.next_at <= arrival.at)
        with reading(self.house.engine) as tx:
            jobs = tx.execute(due.order_by(table.c.next_at).limit(limit)).all()
        return sum(self._stamp(job.id, job.subject, job.attempts, arrival) for job in jobs)

    def _stamp(self, job: str, imprint: str, attempts: int, arrival: Arrival) -> int:
        """Outside of any transaction for the call, inside one for its answer."""
        table = tables.outbox
        this = update(table).where(table.c.id == job)
        try:
            token = self.authority.stamp(bytes.fromhex(imprint))
        except SigningError:
            wait = min(LAST_RETRY, FIRST_RETRY * 2 ** min(attempts, 10))
            with writing(self.house.engine) as tx:
                tx.execute(this.values(attempts=attempts + 1, next_at=arrival.at + wait))
            return 0
        with writing(self.house.engine) as tx:
            known = tx.execute(select(tables.tokens.c.imprint).where(tables.tokens.c.imprint == imprint)).first()
            if known is None:
                tx.execute(insert(tables.tokens).values(imprint=imprint, token=token, at=arrival.at))
            tx.execute(this.values(done_at=arrival.at, attempts=attempts + 1))
        return 1
