"""Entries of seal uses (用章记录) as rows: chained as they are inserted, and never changed afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, func, insert, select

from bidding.workbench.trace_format import TraceEntry, genesis, link
from signing.digests import sm3
from storage.models import sealing as tables


@dataclass(frozen=True)
class SealUse:
    """用章记录: one line of who used which seal on what, and what came of it.

    `consent` is the canonical SignedConsent (the record, while nobody agreed), `answers` canonical JSON.
    """

    plan: str
    position: int
    at: datetime
    section: str
    file: str
    kind: str
    seal: str
    outcome: str
    code: str
    person: str
    person_name: str
    authorisation: str
    certificate: str
    before_sm3: str
    document_sm3: str
    after_sm3: str
    consent: bytes
    token: bytes
    answers: bytes
    address: str
    profile: str = "ses"
    signature_sm3: str = ""
    """SM3 of the signature value, hex: what the token is over."""
    number: int = 0
    """Within the unit, from 1; 0 before it is entered."""
    chain: str = ""
    """What binds it to all entries before it (docs/format/trace.md 2)."""

    @property
    def consent_sm3(self) -> str:
        """Answer SM3 of the consent, hex: what stands in the seal itself."""
        return sm3(self.consent).hex()

    @property
    def token_sm3(self) -> str:
        """Answer SM3 of the time token, hex; empty when there is none."""
        return _sm3_or_none(self.token)


def insert_uses(tx: Connection, uses: Sequence[SealUse], *, uscc: str, ids: Sequence[str]) -> None:
    """Add entries at the end of the unit's chain; they can never be changed or deleted."""
    number, chain = _end_of_chain(tx, uscc)
    for name, use in zip(ids, uses, strict=True):
        number += 1
        at = use.at.replace(microsecond=use.at.microsecond // 1000 * 1000)  # as the database keeps it
        entered = replace(use, at=at, number=number)
        chain = link(chain, entry_of(entered))
        values = vars(replace(entered, chain=chain))
        tx.execute(insert(tables.seal_entries).values(id=name, uscc=uscc, **values))


def _end_of_chain(tx: Connection, uscc: str) -> tuple[int, str]:
    """Answer the last number and chain value of a unit; nobody else adds to the chain until this transaction ends.

    SQLite has one writer at a time, who began before this look. Elsewhere a lock of the transaction keeps the others
    waiting; without it the unique constraint would refuse the later one.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"seal_entries {uscc}"))))
    table = tables.seal_entries
    last = select(table.c.number, table.c.chain).where(table.c.uscc == uscc).order_by(table.c.number.desc()).limit(1)
    row = tx.execute(last).one_or_none()
    return (row.number, row.chain) if row else (0, genesis(uscc))


def entry_of(use: SealUse) -> TraceEntry:
    """Answer an entry in the form in which it is chained and exported."""
    same = {name: getattr(use, name) for name in TraceEntry.__struct_fields__ if name in _PLAIN}
    return TraceEntry(
        **same,
        consent_sm3=_sm3_or_none(use.consent),
        token_sm3=_sm3_or_none(use.token),
        answers_sm3=_sm3_or_none(use.answers),
    )


_PLAIN: Final = frozenset(TraceEntry.__struct_fields__) - {"consent_sm3", "token_sm3", "answers_sm3"}


def _sm3_or_none(data: bytes) -> str:
    return sm3(data).hex() if data else ""


def load_uses(tx: Connection, **where: Any) -> tuple[SealUse, ...]:
    """Read entries in the order in which they were made; `where` are columns with their values."""
    table = tables.seal_entries
    query = select_uses().order_by(table.c.uscc, table.c.number)
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    return read_uses(tx, query)


def select_uses() -> Select[Any]:
    """Begin a query for entries."""
    return select(*(tables.seal_entries.c[name] for name in SealUse.__dataclass_fields__))


def read_uses(tx: Connection, query: Select[Any]) -> tuple[SealUse, ...]:
    """Answer the entries that a query of `select_uses` finds."""
    return tuple(SealUse(**row) for row in tx.execute(query).mappings())
