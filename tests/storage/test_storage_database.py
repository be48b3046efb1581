"""The engine keeps what it said; the schema holds the invariants; migrations make exactly the models."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.database import Role, migrate, open_database, reading, require_migrated, sqlite_url, writing
from storage.errors import SchemaError
from storage.models import centre as tables
from storage.models import sessions
from storage.models.base import Instant, append_only_statements, one_way_statements

AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_database(sqlite_url(tmp_path / "centre.db"))
    migrate(engine, Role.CENTRE)
    return engine


def fill(engine: Engine) -> None:
    with writing(engine) as tx:
        tx.execute(
            insert(tables.sections).values(
                code="S", params_sm3="p", signed=b"", deadline=AT, closes_at=AT, released_at=AT, state="bidding"
            )
        )
        tx.execute(insert(tables.acts).values(id="a", section="S", kind="submit", sm3="s", sealed=b"", at=AT))


def bid(number: int, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": f"b{number}",
        "section": "S",
        "bidder_tag": "t",
        "version": number,
        "state": "live",
        "sealed_identity": b"",
        "bundle_sm3": "x",
        "header_sm3": "y",
        "size": 1,
        "object": f"o{number}",
        "act": "a",
        "received_at": AT,
        "accepted_at": AT,
    }
    return {**row, **changes}


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0)],
)
def test_every_connection_is_durable_and_checked(engine: Engine, pragma: str, value: object) -> None:
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    def write_and_fail() -> None:
        with writing(engine) as tx:
            tx.execute(insert(tables.tokens).values(imprint="i", token=b"", at=AT))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with reading(engine) as tx:
        assert tx.execute(select(tables.tokens)).all() == []


def test_what_is_written_while_reading_is_not_kept(engine: Engine) -> None:
    with reading(engine) as tx:
        tx.execute(insert(tables.tokens).values(imprint="i", token=b"", at=AT))
    with reading(engine) as tx:
        assert tx.execute(select(tables.tokens)).all() == []


def test_writers_take_turns_from_their_first_read_on(engine: Engine) -> None:
    """Each reads the number and writes the next; an upgrade of a read lock would lose one or fail."""
    fill(engine)

    def one(number: int) -> None:
        with writing(engine) as tx:
            known = len(tx.execute(select(tables.bids)).all())
            tx.execute(insert(tables.bids).values(**bid(known + 1, bidder_tag=f"t{number}")))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as tx:
        assert sorted(tx.execute(select(tables.bids.c.version)).scalars()) == list(range(1, 9))


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(bid(2), id="two live bids of one bidder"),
        pytest.param(bid(1, id="b2", object="o2", state="replaced", ended_at=AT), id="one version twice"),
        pytest.param(bid(2, bidder_tag="u", object="o1"), id="one object for two bids"),
        pytest.param(bid(2, bidder_tag="u", state="gone"), id="an unknown state"),
        pytest.param(bid(2, bidder_tag="u", ended_at=AT), id="live and ended"),
        pytest.param(bid(2, bidder_tag="u", state="replaced"), id="ended without an instant"),
        pytest.param(bid(2, bidder_tag="u", section="other"), id="a section that is not there"),
        pytest.param(bid(2, bidder_tag="u", size=0), id="no bytes"),
    ],
)
def test_what_the_schema_refuses(engine: Engine, second: dict[str, object]) -> None:
    fill(engine)
    with writing(engine) as tx:
        tx.execute(insert(tables.bids).values(**bid(1)))
    with pytest.raises(IntegrityError), writing(engine) as tx:
        tx.execute(insert(tables.bids).values(**second))


def test_another_live_bid_may_follow_a_replaced_one(engine: Engine) -> None:
    fill(engine)
    with writing(engine) as tx:
        tx.execute(insert(tables.bids).values(**bid(1)))
        tx.execute(update(tables.bids).values(state="replaced", ended_at=AT))
        tx.execute(insert(tables.bids).values(**bid(2)))


@pytest.mark.parametrize("statement", ["UPDATE {} SET at = 1", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["journal", "acts", "tokens"])
def test_append_only_rows_stay(engine: Engine, table: str, statement: str) -> None:
    fill(engine)
    with writing(engine) as tx:
        tx.execute(insert(tables.journal).values(at=AT, section="S", event="e", subject="s", sealed=b""))
        tx.execute(insert(tables.tokens).values(imprint="i", token=b"", at=AT))
    with pytest.raises((IntegrityError, OperationalError), match="append-only"), writing(engine) as tx:
        tx.exec_driver_sql(statement.format(table))


APPEND_ONLY = [
    "acts",
    "envelopes",
    "receipts",
    "refusals",
    "withdrawals",
    "idempotency",
    "tokens",
    "lids",
    "releases",
    "officer_releases",
    "opened_documents",
    "records",
    "journal",
]


def test_every_table_that_is_evidence_is_append_only(engine: Engine) -> None:
    with reading(engine) as tx:
        found = tx.exec_driver_sql("SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' GROUP BY 1")
        triggers = {row[0]: row[1] for row in found}
    assert triggers == dict.fromkeys([*APPEND_ONLY, "sections", "stages"], 2)


def test_migrations_make_exactly_the_models(engine: Engine) -> None:
    migrate(engine, Role.CENTRE)
    require_migrated(engine, Role.CENTRE)
    with engine.connect() as connection:
        models = [tables.metadata, sessions.metadata]
        assert compare_metadata(MigrationContext.configure(connection), models) == []


def test_constraints_of_the_migrations_are_those_of_the_models(tmp_path: Path, engine: Engine) -> None:
    """What `compare_metadata` does not look at: checks and triggers, as SQLite tells them."""
    made = open_database(sqlite_url(tmp_path / "made.db"))
    tables.metadata.create_all(made)
    assert _sql(made) == {name: sql for name, sql in _sql(engine).items() if name in _sql(made)}


def _sql(engine: Engine) -> dict[str, list[str]]:
    with reading(engine) as tx:
        rows = tx.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {name: sorted(" ".join(line.split()).strip(",() ") for line in sql.splitlines()) for name, sql in rows}


@pytest.mark.parametrize("role", list(Role))
def test_another_roles_database_is_refused(tmp_path: Path, role: Role) -> None:
    other = next(each for each in Role if each is not role)
    engine = open_database(sqlite_url(tmp_path / "x.db"))
    migrate(engine, other)
    with pytest.raises(SchemaError):
        migrate(engine, role)


def test_a_foreign_or_empty_database_is_refused(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path / "x.db"))
    with pytest.raises(SchemaError):
        require_migrated(engine, Role.CENTRE)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (x)")
    with pytest.raises(SchemaError):
        migrate(engine, Role.CENTRE)


@given(st.datetimes(datetime(1600, 1, 1), datetime(2600, 1, 1)))
def test_instants_come_back_to_the_millisecond(naive: datetime) -> None:
    kind, dialect = Instant(), sqlite.dialect()
    at = naive.replace(tzinfo=timezone(timedelta(hours=8)), microsecond=naive.microsecond // 1000 * 1000)
    kept = kind.process_bind_param(at, dialect)
    assert kind.process_result_value(kept, dialect) == at


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(AT.replace(tzinfo=None), sqlite.dialect())


def test_the_schema_can_be_written_for_postgresql() -> None:
    for table in tables.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "WHERE state = 'live'" in str(
        CreateIndex(tables.one_live).compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    )
    assert "plpgsql" in append_only_statements("journal", "postgresql")[0]
    assert "plpgsql" in one_way_statements("sections", "state", "closed", "postgresql")[0]
