"""Number and chain the entries of seal uses (docs/format/trace.md).

The entries can neither be changed nor deleted, so the table is made anew and filled: the rows are those that were
there, with a number and a chain value, and the triggers are those of the new table. The form of an entry is written
out here as it was at this version: a migration does not follow later ones.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import op
from sqlalchemy import Connection, inspect, text

from signing import canonical
from signing.digests import sm3
from storage.models.sealing import seal_entries

revision = "workbench_0004"
down_revision = "workbench_0003"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAME = (
    "plan", "position", "section", "file", "kind", "seal", "outcome", "code", "person", "person_name",
    "authorisation", "certificate", "before_sm3", "document_sm3", "after_sm3", "address",
)  # fmt: skip
_BLOBS = ("consent", "token", "answers")


def upgrade() -> None:
    bind = op.get_bind()
    if "chain" in {column["name"] for column in inspect(bind).get_columns("seal_entries")}:
        return  # made by this program's version of the table
    bind.execute(text("CREATE TABLE seal_entries_before AS SELECT * FROM seal_entries"))
    bind.execute(text("DROP TABLE seal_entries"))
    if bind.dialect.name == "postgresql":
        bind.execute(text("DROP FUNCTION IF EXISTS seal_entries_append_only()"))
    seal_entries.create(bind)
    for row in _chained(bind):
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        bind.execute(text(f"INSERT INTO seal_entries ({names}) VALUES ({values})"), row)  # noqa: S608 - our own names
    bind.execute(text("DROP TABLE seal_entries_before"))


def _chained(bind: Connection) -> Iterator[dict[str, Any]]:
    """Each old row with what is new, unit by unit, in the order in which they were made."""
    unit, number, chain = "", 0, b""
    rows = bind.execute(text("SELECT * FROM seal_entries_before ORDER BY uscc, at, position, id")).mappings().all()
    for row in rows:
        if row["uscc"] != unit:
            unit, number = row["uscc"], 0
            chain = sm3(b"yizhao seal trace 1\0", unit.encode())
        number += 1
        chain = sm3(chain, sm3(canonical.encode(_entry(row, number))))
        yield {**row, "profile": "ses", "signature_sm3": "", "number": number, "chain": chain.hex()}


def _entry(row: Any, number: int) -> dict[str, Any]:
    return {
        **{name: row[name] for name in _SAME},
        **{f"{name}_sm3": sm3(bytes(row[name])).hex() if row[name] else "" for name in _BLOBS},
        "at": _EPOCH + timedelta(milliseconds=row["at"]),
        "number": number,
        "profile": "ses",
        "signature_sm3": "",
    }
