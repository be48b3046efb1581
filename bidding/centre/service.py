"""The trading centre (交易平台) as one value: its desks, put together from what wiring gives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import select

from bidding.centre.closing import Closing
from bidding.centre.house import Arrival, House
from bidding.centre.ledger import Ledger
from bidding.centre.opening import DocumentJudge, Opening
from bidding.centre.reception import Reception
from bidding.centre.record import RecordJudge, RecordMaker, Records
from bidding.centre.releasing import Releasing
from bidding.centre.sections import Sections
from bidding.centre.stamps import Stamps
from bidding.centre.uploads import Uploads
from bidding.centre.wall import Wall
from signing.ports import TimestampAuthority
from storage.database import reading
from storage.intake import Intake
from storage.models import centre as tables
from storage.objects import Objects


@dataclass(frozen=True)
class Judges:
    """What the centre asks of the verifier: documents, record versions; and who draws the record."""

    document: DocumentJudge
    record: RecordJudge
    draw: RecordMaker


@dataclass(frozen=True)
class Centre:
    """All desks of one centre."""

    house: House
    sections: Sections
    uploads: Uploads
    reception: Reception
    closing: Closing
    releasing: Releasing
    opening: Opening
    records: Records
    stamps: Stamps
    wall: Wall

    @classmethod
    def assemble(
        cls,
        house: House,
        *,
        intake: Intake,
        objects: Objects,
        authority: TimestampAuthority,
        judges: Judges,
        scratch: Path,
    ) -> Self:
        """Put the desks together; `scratch` is a folder for documents while they are opened."""
        uploads = Uploads(house, intake)
        reception = Reception(house, uploads, Ledger(house))
        closing = Closing(house, reception)
        releasing = Releasing(house, intake)
        opening = Opening(house, releasing, objects, judges.document, scratch)
        records = Records(house, closing, releasing, opening, objects, judges.draw, judges.record)
        return cls(
            house,
            Sections(house),
            uploads,
            reception,
            closing,
            releasing,
            opening,
            records,
            Stamps(house, authority),
            Wall(house),
        )

    def arrival(self, address: str) -> Arrival:
        """Now, for a request whose last byte was read now."""
        return Arrival(self.house.clock(), address)

    def missing_bundles(self) -> tuple[str, ...]:
        """Answer the ids of bids whose bundle is not whole in the intake: always none, and checked at start-up."""
        table = tables.bids
        with reading(self.house.engine) as tx:
            rows = tx.execute(select(table.c.id, table.c.object, table.c.size)).all()
        return tuple(row.id for row in rows if self.uploads.intake.accepted_size(row.object) != row.size)

    def tick(self) -> None:
        """Do what is due: close sections, fetch timestamps, open documents, drop old uploads. Call it often.

        A step that fails keeps no other one from being done; what failed is raised together, at the end.
        """
        steps = (
            self.reception.recover,
            self.closing.close_due,
            self.stamps.work,
            self.opening.resume,
            self.opening.open_documents,
            self.uploads.expire,
        )
        failed = [error for step in steps if (error := self._try(step)) is not None]
        if failed:
            raise ExceptionGroup("due work failed", failed)

    def _try(self, step: Callable[[Arrival], object]) -> Exception | None:
        try:
            step(self.arrival(""))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next step is still due
            return error
        return None
