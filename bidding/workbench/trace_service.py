"""The unit's own trace of seal uses (用章记录): looked through page by page, and exported signed and timestamped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec import Struct
from sqlalchemy import Connection, Engine, Select, func, select

from bidding.errors import NoSuchEntryError, NoTraceKeyError, TraceTooLargeError
from bidding.workbench.trace_format import (
    MAX_ROWS,
    TraceRow,
    TraceStatement,
    encode_trace,
    genesis,
    trace_imprint,
)
from bidding.workbench.trace_rows import SealUse, entry_of, read_uses, select_uses
from identity.actor import AnyActor, owner_of
from signing.certificates import parse_certificate
from signing.ports import TimestampAuthority
from signing.statement import SignedStatement
from storage.database import reading
from storage.models.sealing import seal_entries

PAGE: Final = 100
MOST: Final = 500
"""Entries of one page, and the most that may be asked for."""


_LAST: Final = 10**12
"""Above every number: what a database takes as an integer has an end."""


class TraceSigner(Protocol):
    """The workbench's own service key."""

    @property
    def certificate(self) -> bytes:
        """Answer its certificate, DER."""

    def sign(self, value: Struct) -> SignedStatement:
        """Sign a statement of the workbench."""


@dataclass(frozen=True)
class Wanted:
    """Which entries; what is empty or None does not matter. `since` and `until` are aware instants, both inclusive."""

    seal: str = ""
    kind: str = ""
    outcome: str = ""
    section: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class TracePage:
    """Entries of one page; `more` is the number after (or before) which the next page begins, None on the last."""

    uses: tuple[SealUse, ...]
    more: int | None


@dataclass(frozen=True)
class SealTraces:
    """Traces of all units of one workbench; who asks sees that of the unit for which the person acts, and no other."""

    engine: Engine
    authority: TimestampAuthority
    now: Callable[[], datetime]
    signer: TraceSigner | None = None
    sandbox: bool = False

    def page(
        self,
        actor: AnyActor,
        wanted: Wanted | None = None,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = PAGE,
    ) -> TracePage:
        """Answer entries oldest first after a number; with `before` newest first, below that number."""
        table, limit = seal_entries, max(1, min(limit, MOST))
        query = _matching(select_uses(), wanted or Wanted()).where(table.c.uscc == owner_of(actor)).limit(limit + 1)
        if before is None:
            query = query.where(table.c.number > after).order_by(table.c.number)
        else:
            query = query.where(table.c.number < before).order_by(table.c.number.desc())
        with reading(self.engine) as tx:
            uses = read_uses(tx, query)
        return TracePage(uses[:limit], uses[limit - 1].number if len(uses) > limit else None)

    def entry(self, actor: AnyActor, number: int) -> SealUse:
        """Answer one entry; NoSuchEntryError."""
        found: tuple[SealUse, ...] = ()
        if 1 <= number <= _LAST:
            with reading(self.engine) as tx:
                found = _stretch(tx, owner_of(actor), number, number)
        if not found:
            raise NoSuchEntryError(f"第 {number} 条")
        return found[0]

    def seals(self, actor: AnyActor) -> tuple[tuple[str, str], ...]:
        """Answer kind and number of every seal that the trace names."""
        table = seal_entries
        query = select(table.c.kind, table.c.seal).where(table.c.uscc == owner_of(actor), table.c.seal != "").distinct()
        with reading(self.engine) as tx:
            return tuple(sorted((row.kind, row.seal) for row in tx.execute(query)))

    def uses(self, actor: AnyActor, *, first: int = 1, last: int | None = None) -> tuple[SealUse, ...]:
        """Answer a stretch of entries in order, all of them by default."""
        with reading(self.engine) as tx:
            return _stretch(tx, owner_of(actor), first, last)

    def export(self, actor: AnyActor, *, first: int = 1, last: int | None = None) -> bytes:
        """Sign and stamp a stretch, to the latest entry by default; answers the canonical file.

        NoTraceKeyError, NoSuchEntryError for a stretch that begins after the end, TraceTooLargeError, and the errors of
        the timestamp authority: nothing is exported without a time.
        """
        if self.signer is None:
            raise NoTraceKeyError("no service key")
        uscc = owner_of(actor)
        with reading(self.engine) as tx:
            total = tx.execute(select(func.max(seal_entries.c.number)).where(seal_entries.c.uscc == uscc)).scalar() or 0
            end = total if last is None else min(last, total)
            if not 1 <= first <= end + 1 or (first > total and total):
                raise NoSuchEntryError(f"第 {first} 条")
            uses = _stretch(tx, uscc, first, end)
            before = _stretch(tx, uscc, first - 1, first - 1)
        rows = tuple(TraceRow(use.chain, entry_of(use)) for use in uses)
        previous = before[0].chain if before else genesis(uscc)
        certificate = parse_certificate(self.signer.certificate)
        statement = TraceStatement(
            v=1,
            type="seal-trace",
            workbench=certificate.common_name,
            uscc=uscc,
            first=first,
            last=end,
            total=total,
            previous=previous,
            chain=rows[-1].chain if rows else previous,
            certificate_sm3=certificate.sm3,
            at=self.now(),
            sandbox=self.sandbox,
        )
        signed = self.signer.sign(statement)
        token = self.authority.stamp(trace_imprint(signed))
        return encode_trace(
            signed, token, rows, (blob for use in uses for blob in (use.consent, use.token, use.answers))
        )


def _matching(query: Select[Any], wanted: Wanted) -> Select[Any]:
    table = seal_entries
    for column in ("seal", "kind", "outcome", "section"):
        if value := getattr(wanted, column):
            query = query.where(table.c[column] == value)
    if wanted.since is not None:
        query = query.where(table.c.at >= wanted.since)
    return query if wanted.until is None else query.where(table.c.at <= wanted.until)


def _stretch(tx: Connection, uscc: str, first: int, last: int | None) -> tuple[SealUse, ...]:
    table = seal_entries
    query = select_uses().where(table.c.uscc == uscc, table.c.number >= first).order_by(table.c.number)
    query = query if last is None else query.where(table.c.number <= last)
    found = select(func.count()).select_from(query.with_only_columns(table.c.number).subquery())
    if (count := tx.execute(found).scalar() or 0) > MAX_ROWS:
        raise TraceTooLargeError(f"共 {count} 条，一次最多 {MAX_ROWS} 条")
    return read_uses(tx, query)
