"""Resumable uploads (断点续传): who may begin one, how it grows, when its last byte was read.

An upload begins with the signed act that it serves, so nobody fills the disk anonymously, and the act's consent is
judged when it was fresh. Its bytes are frames of `storage.intake`; an offset is told only when it is durable.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update

from bidding.acts import Finalise, SignedAct
from bidding.centre.acts import Standing, examine, parse_act, require_params, statement_sm3
from bidding.centre.house import Arrival, House
from bidding.centre.sections import Section, load_section
from bidding.errors import BundleTooLargeError, TooManyUploadsError, UploadConflictError, UploadMissingError
from storage.database import reading, writing
from storage.errors import ObjectMissingError
from storage.intake import Appender, Intake
from storage.models import centre as tables

LIFETIME = timedelta(days=2)
"""How long an upload that does not grow to its end is kept, counted from its beginning."""
MOST_UPLOADS: Final = 4
"""Uploads of one signed act at a time: a lost answer may cost one, an attack more."""
QUIET: Final = timedelta(seconds=5)
"""How long after the last byte became durable nobody else notes when it came."""


@dataclass(frozen=True)
class Upload:
    """One upload as its row and its durable bytes tell."""

    id: str
    section: str
    length: int
    offset: int
    state: str
    act_sm3: str
    created_at: datetime
    expires_at: datetime
    last_byte_at: datetime | None
    finalise_at: datetime | None

    @property
    def complete(self) -> bool:
        """Whether all bytes are durable."""
        return self.offset == self.length


@dataclass(frozen=True)
class Opened:
    """An act that was examined, ready to begin an upload for."""

    data: bytes
    act: Finalise
    signed: SignedAct
    standing: Standing
    section: Section


@dataclass(frozen=True)
class Uploads:
    """The door for bytes."""

    house: House
    intake: Intake

    def examine(self, data: bytes, length: int, arrival: Arrival) -> Opened:
        """Judge the act with which an upload begins.

        Raises what `acts.examine` raises, and WrongSectionError, UploadConflictError, BundleTooLargeError.
        """
        act, signed = parse_act(data, Finalise)
        with reading(self.house.engine) as tx:
            section = load_section(tx, act.section)
        require_params(act, section=section.code, params_sm3=section.params_sm3)
        if act.size != length:
            raise UploadConflictError(f"the act speaks of {act.size} bytes, the upload of {length}")
        if length > section.params.max_bundle:
            raise BundleTooLargeError(f"{length} bytes; this section takes {section.params.max_bundle}")
        house = self.house
        standing = examine(
            act, signed, trust=house.trust, register=house.register, at=arrival.at, consent_at=arrival.at
        )
        return Opened(data, act, signed, standing, section)

    def begin(self, opened: Opened, arrival: Arrival) -> Upload:
        """Begin an upload; its row and its file are durable. TooManyUploadsError: one act fills no disk."""
        self._require_room(statement_sm3(opened.signed))
        upload = self.house.new_id()
        self.intake.create(upload)
        row: dict[str, Any] = {
            "id": upload,
            "section": opened.section.code,
            "length": opened.act.size,
            "state": "receiving",
            "sealed_act": self.house.vault.cipher.seal(f"uploads/{upload}", opened.data),
            "act_sm3": statement_sm3(opened.signed),
            "key_tag": self.house.vault.key(opened.act.key),
            "created_at": arrival.at,
            "expires_at": arrival.at + LIFETIME,
        }
        with writing(self.house.engine) as tx:
            tx.execute(insert(tables.uploads).values(**row))
            self.house.write_journal(
                tx, "upload-begun", section=opened.section.code, subject=upload, who=opened.act.bidder, arrival=arrival
            )
        return self.get(upload)

    def get(self, upload: str) -> Upload:
        """How an upload stands. UploadMissingError."""
        with reading(self.house.engine) as tx:
            row = tx.execute(select(tables.uploads).where(tables.uploads.c.id == upload)).first()
        if row is None or row.state == "ended":
            raise UploadMissingError("no such upload, or it expired")
        return self._upload_of(row)

    def act(self, upload: str) -> bytes:
        """Answer the signed act with which an upload began. UploadMissingError."""
        with reading(self.house.engine) as tx:
            query = select(tables.uploads.c.sealed_act).where(tables.uploads.c.id == upload)
            sealed = tx.execute(query).scalar()
        if sealed is None:
            raise UploadMissingError("no such upload")
        return self.house.vault.cipher.open(f"uploads/{upload}", sealed)

    @contextmanager
    def writing(self, upload: str, offset: int) -> Iterator[Appender]:
        """Hold an upload for one writer who begins at `offset`; UploadMissingError, UploadConflictError.

        Also storage's OffsetError and BusyError.
        """
        if self.get(upload).state != "receiving":
            raise UploadConflictError("the upload is complete")
        try:
            with self.intake.appending(upload) as appender:
                appender.require(offset)
                yield appender
        except ObjectMissingError as error:
            raise UploadMissingError("no such upload, or it expired") from error

    def complete(self, upload: str, last_byte_at: datetime) -> Upload:
        """Note that the last byte, read at `last_byte_at`, is durable."""
        with writing(self.house.engine) as tx:
            table = tables.uploads
            tx.execute(
                update(table)
                .where(table.c.id == upload, table.c.state == "receiving")
                .values(state="complete", last_byte_at=last_byte_at)
            )
        return self.get(upload)

    def note_finalise(self, upload: str, finalise_at: datetime) -> None:
        """Note when the finalise request was read; the first one counts."""
        with writing(self.house.engine) as tx:
            table = tables.uploads
            query = update(table).where(table.c.id == upload, table.c.finalise_at.is_(None))
            tx.execute(query.values(finalise_at=finalise_at))

    def forget_finalise(self, upload: str) -> None:
        """Take the note back: the request was answered with an error, and nothing is pending any more."""
        with writing(self.house.engine) as tx:
            table = tables.uploads
            this = update(table).where(table.c.id == upload, table.c.state.in_(("receiving", "complete")))
            tx.execute(this.values(finalise_at=None))

    def terminate(self, upload: str, arrival: Arrival) -> None:
        """Give an upload up: its bytes go. UploadMissingError; UploadConflictError once it is a bid."""
        found = self.get(upload)
        with writing(self.house.engine) as tx:
            if not self.end(tx, found, "upload-terminated", arrival):
                raise UploadConflictError("the upload is an accepted bid, or was given up meanwhile")
        self.intake.discard(found.id)

    def expire(self, arrival: Arrival) -> int:
        """Give up what has grown too old; how many. A pending submission waits for the closing instead."""
        table = tables.uploads
        due = and_(table.c.state.in_(("receiving", "complete")), table.c.expires_at <= arrival.at)
        with reading(self.house.engine) as tx:
            found = [row.id for row in tx.execute(select(table.c.id).where(due, table.c.finalise_at.is_(None)))]
        return sum(self._expire(upload, arrival) for upload in found)

    def unnoted(self, arrival: Arrival) -> tuple[tuple[Upload, datetime], ...]:
        """Submissions whose bytes are all durable without anybody having noted when the last one came.

        A crash, or a fault of the database, came between. What is known then is when the file was last written: not
        before the last byte was read. Whoever may still be about to note it is left alone.
        """
        found = [upload for upload in self._pending() if upload.state == "receiving" and upload.complete]
        written = [(upload, self.intake.written_at(upload.id)) for upload in found]
        return tuple(
            (upload, at if upload.created_at <= at <= arrival.at else arrival.at)
            for upload, at in written
            if not timedelta(0) <= arrival.at - at < QUIET
        )

    def pending(self, section: str) -> tuple[Upload, ...]:
        """Submissions whose finalise request was read and that have no outcome yet, the oldest first."""
        return self._pending(tables.uploads.c.section == section)

    def waiting_sections(self) -> tuple[str, ...]:
        """Sections with a submission that has no outcome yet."""
        table = tables.uploads
        waiting = table.c.finalise_at.is_not(None) & table.c.state.in_(("receiving", "complete"))
        with reading(self.house.engine) as tx:
            return tuple(tx.execute(select(table.c.section).where(waiting).distinct()).scalars())

    def find_by_key(self, key: str) -> Upload | None:
        """Answer the newest upload that serves the intention with this idempotency key."""
        table = tables.uploads
        query = select(table).where(table.c.key_tag == self.house.vault.key(key), table.c.state != "ended")
        with reading(self.house.engine) as tx:
            row = tx.execute(query.order_by(table.c.created_at.desc())).first()
        return None if row is None else self._upload_of(row)

    def end(self, tx: Connection, upload: Upload, event: str, arrival: Arrival, *, idle: bool = False) -> bool:
        """Give an upload up; its bytes stay where they are until somebody discards them.

        False, and nothing changed, if it has become a bid meanwhile; with `idle`, also if a finalise request came.
        """
        table = tables.uploads
        this = update(table).where(table.c.id == upload.id, table.c.state.in_(("receiving", "complete")))
        if idle:
            this = this.where(table.c.finalise_at.is_(None))
        if tx.execute(this.values(state="ended")).rowcount != 1:
            return False
        self.house.write_journal(tx, event, section=upload.section, subject=upload.id, who="", arrival=arrival)
        return True

    def _require_room(self, act_sm3: str) -> None:
        table = tables.uploads
        mine = (table.c.act_sm3 == act_sm3) & table.c.state.in_(("receiving", "complete"))
        with reading(self.house.engine) as tx:
            if tx.execute(select(func.count()).where(mine)).scalar_one() >= MOST_UPLOADS:
                raise TooManyUploadsError(f"{MOST_UPLOADS} uploads of this act are here already")

    def _expire(self, upload: str, arrival: Arrival) -> int:
        try:
            found = self.get(upload)
        except UploadMissingError:
            return 0
        with writing(self.house.engine) as tx:
            ended = self.end(tx, found, "upload-expired", arrival, idle=True)
        if ended:
            self.intake.discard(found.id)
        return int(ended)

    def _pending(self, *wanted: ColumnElement[bool]) -> tuple[Upload, ...]:
        table = tables.uploads
        with reading(self.house.engine) as tx:
            rows = tx.execute(
                select(table)
                .where(table.c.finalise_at.is_not(None), table.c.state.in_(("receiving", "complete")), *wanted)
                .order_by(table.c.finalise_at)
            ).all()
        return tuple(self._upload_of(row) for row in rows)

    def _upload_of(self, row: Row[Any]) -> Upload:
        offset = row.length if row.state != "receiving" else self._durable(row)
        return Upload(
            id=row.id,
            section=row.section,
            length=row.length,
            offset=offset,
            state=row.state,
            act_sm3=row.act_sm3,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_byte_at=row.last_byte_at,
            finalise_at=row.finalise_at,
        )

    def _durable(self, row: Row[Any]) -> int:
        try:
            return min(self.intake.durable_size(row.id), int(row.length))
        except ObjectMissingError as error:
            raise UploadMissingError("no such upload, or it expired") from error
