"""Migration 0004: entries that were there before are chained, and stay as they were written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateTable

from bidding.workbench.trace_format import genesis, link
from bidding.workbench.trace_rows import entry_of, load_uses
from storage.database import Role, migrate, open_database, reading, require_migrated, sqlite_url, writing
from storage.models import sealing, sessions, workbench
from storage.models.base import append_only_statements

AT = datetime(2026, 3, 2, 4, 0, 0, 125000, tzinfo=UTC)
OURS, OTHER = "91110000MA01A2B3CN", "91370200MAMNKK7C4R"
OLD = """
CREATE TABLE seal_entries (
 id VARCHAR(32) NOT NULL, plan VARCHAR(32) NOT NULL, position INTEGER NOT NULL, at BIGINT NOT NULL,
 uscc VARCHAR(18) NOT NULL, section VARCHAR(64) NOT NULL, file TEXT NOT NULL, kind VARCHAR(24) NOT NULL,
 seal VARCHAR(13) NOT NULL, outcome VARCHAR(16) NOT NULL, code VARCHAR(64) NOT NULL, person VARCHAR(64) NOT NULL,
 person_name TEXT NOT NULL, authorisation VARCHAR(64) NOT NULL, certificate VARCHAR(64) NOT NULL,
 before_sm3 VARCHAR(64) NOT NULL, document_sm3 VARCHAR(64) NOT NULL, after_sm3 VARCHAR(64) NOT NULL,
 consent BLOB NOT NULL, token BLOB NOT NULL, answers BLOB NOT NULL, address TEXT NOT NULL,
 CONSTRAINT pk_seal_entries PRIMARY KEY (id),
 CONSTRAINT ck_seal_entries_outcome CHECK (outcome IN ('sealed', 'refused', 'expired', 'failed')),
 CONSTRAINT ck_seal_entries_sealed_has_digest CHECK ((outcome = 'sealed') = (after_sm3 <> '')),
 CONSTRAINT fk_seal_entries_plan_seal_plans FOREIGN KEY(plan) REFERENCES seal_plans (id)
)"""


def old_row(number: int, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": f"{number:032x}", "plan": "a" * 32, "position": 0, "at": _milliseconds(AT) + number, "uscc": OURS,
        "section": "S-1", "file": "投标函.pdf", "kind": "unit", "seal": "3702000000001", "outcome": "failed",
        "code": "seal_missing", "person": "p", "person_name": "张三", "authorisation": "legal-representative",
        "certificate": "AB", "before_sm3": "0" * 64, "document_sm3": "", "after_sm3": "", "consent": b"", "token": b"",
        "answers": b"[]", "address": "192.0.2.1",
    }  # fmt: skip
    return {**row, **changes}


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@pytest.fixture
def old(tmp_path: Path) -> Engine:
    """Make a database as version 0003 left it, with entries of two units."""
    engine = open_database(sqlite_url(tmp_path / "workbench.db"))
    migrate(engine, Role.WORKBENCH)
    rows = [
        old_row(3, position=1),
        old_row(1, outcome="sealed", code="", after_sm3="1" * 64, consent=b"{}", token=b"t", document_sm3="2" * 64),
        old_row(2, uscc=OTHER),
        old_row(4, at=_milliseconds(AT) + 3, position=0),
    ]
    later = set(inspect(engine).get_table_names()) - set(_tables())
    with writing(engine) as tx:
        for table in later - {"alembic_version"}:  # those of versions after this one
            tx.exec_driver_sql(f"DROP TABLE {table}")
        tx.exec_driver_sql("DROP TABLE seal_entries")
        tx.exec_driver_sql(OLD)
        for statement in append_only_statements("seal_entries", "sqlite"):
            tx.exec_driver_sql(statement)
        plan = "INSERT INTO seal_plans VALUES (:id, :u, '', '', '', '', '', '', 'planned', '', '', 0, NULL, NULL)"
        tx.execute(text(plan), {"id": "a" * 32, "u": OURS})
        for row in rows:
            values = ", ".join(f":{name}" for name in row)
            tx.execute(text(f"INSERT INTO seal_entries ({', '.join(row)}) VALUES ({values})"), row)  # noqa: S608
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = 'workbench_0003'")
    return engine


def _tables() -> list[str]:
    return [name for each in (sealing, sessions, workbench) for name in each.metadata.tables]


def test_old_entries_are_chained_in_the_order_in_which_they_were_made(old: Engine) -> None:
    migrate(old, Role.WORKBENCH)
    require_migrated(old, Role.WORKBENCH)
    with reading(old) as tx:
        ours, others = load_uses(tx, uscc=OURS), load_uses(tx, uscc=OTHER)
    assert [(use.number, use.outcome, use.position) for use in ours] == [
        (1, "sealed", 0),
        (2, "failed", 0),
        (3, "failed", 1),
    ]
    assert [use.number for use in others] == [1]
    for unit, uses in ((OURS, ours), (OTHER, others)):
        chain = genesis(unit)
        for use in uses:
            chain = link(chain, entry_of(use))
            assert use.chain == chain
    assert (ours[0].consent, ours[0].token, ours[0].signature_sm3, ours[0].profile) == (b"{}", b"t", "", "ses")


@pytest.mark.parametrize("statement", ["UPDATE seal_entries SET code = ''", "DELETE FROM seal_entries"])
def test_they_are_still_append_only(old: Engine, statement: str) -> None:
    migrate(old, Role.WORKBENCH)
    with pytest.raises((IntegrityError, OperationalError), match="append-only"), writing(old) as tx:
        tx.exec_driver_sql(statement)


def test_the_migrated_table_is_that_of_the_models(old: Engine) -> None:
    migrate(old, Role.WORKBENCH)
    with old.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), sealing.metadata)
    assert [change for change in found if "seal_" in str(change) and "remove_table" not in str(change)] == []
    assert "seal_entries_before" not in inspect(old).get_table_names()


def test_the_migrated_table_is_that_of_a_new_database(old: Engine, tmp_path: Path) -> None:
    migrate(old, Role.WORKBENCH)
    new = open_database(sqlite_url(tmp_path / "new.db"))
    migrate(new, Role.WORKBENCH)
    assert _sql(old) == _sql(new)


def _sql(engine: Engine) -> set[str]:
    with reading(engine) as tx:
        rows = tx.exec_driver_sql("SELECT sql FROM sqlite_master WHERE tbl_name = 'seal_entries' AND sql IS NOT NULL")
        return set(rows.scalars())


def test_the_table_can_be_written_for_postgresql() -> None:
    made = str(CreateTable(sealing.seal_entries).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "UNIQUE (uscc, number)" in made
