"""What both schemas share: naming of constraints, instants, append-only tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DDL, BigInteger, Dialect, MetaData, String, Table, event
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, or a migration could not change it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as whole milliseconds since 1970: exact, ordered, the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Instant → milliseconds; a naive one is a programming error."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return (value - _EPOCH) // timedelta(milliseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Milliseconds → instant."""
        del dialect
        return None if value is None else _EPOCH + timedelta(milliseconds=value)


Digest = String(64)
"""An SM3 in lower-case hex."""
Opaque = String(32)
"""A random identifier, 16 bytes in lower-case hex: it tells nothing, not even a number."""


def new_metadata() -> MetaData:
    """Answer the empty schema of one role."""
    return MetaData(naming_convention=NAMING)


def append_only_statements(table: str, dialect: str) -> tuple[str, ...]:
    """Answer the DDL after which rows of `table` can neither be changed nor deleted (sqlite, postgresql)."""
    if dialect == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        verbs = ("UPDATE", "DELETE")
        return tuple(f"CREATE TRIGGER {table}_no_{v.lower()} BEFORE {v} ON {table} {refuse}" for v in verbs)
    body = f"BEGIN RAISE EXCEPTION '{table} is append-only'; END"
    return _postgresql_trigger(table, "append_only", body)


def append_only(table: Table) -> Table:
    """Mark a table whose rows stay as they were written; `metadata.create_all` makes the triggers too."""
    for dialect in ("sqlite", "postgresql"):
        _after_create(table, append_only_statements(table.name, dialect), dialect)
    return table


def one_way_statements(table: str, column: str, final: str, dialect: str) -> tuple[str, ...]:
    """Answer the DDL after which a row whose `column` has the value `final` keeps it, and is not deleted."""
    if dialect == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table}: {final} is final'); END"
        changed = f"WHEN OLD.{column} = '{final}' AND NEW.{column} <> '{final}'"
        return (
            f"CREATE TRIGGER {table}_one_way BEFORE UPDATE OF {column} ON {table} {changed} {refuse}",
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} WHEN OLD.{column} = '{final}' {refuse}",
        )
    lost = f"OLD.{column} = '{final}' AND (TG_OP = 'DELETE' OR NEW.{column} <> '{final}')"
    refuse = f"RAISE EXCEPTION '{table}: {final} is final'"
    last = "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW"
    return _postgresql_trigger(table, "one_way", f"BEGIN IF {lost} THEN {refuse}; END IF; {last}; END")


def _postgresql_trigger(table: str, name: str, body: str) -> tuple[str, ...]:
    function = f"{table}_{name}"
    when = f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    return (
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        f"CREATE TRIGGER {function} {when} EXECUTE FUNCTION {function}()",
    )


def one_way(table: Table, column: str, final: str) -> Table:
    """Mark a table in which `final` is the end of all states of `column`."""
    for dialect in ("sqlite", "postgresql"):
        _after_create(table, one_way_statements(table.name, column, final, dialect), dialect)
    return table


def _after_create(table: Table, statements: tuple[str, ...], dialect: str) -> None:
    for statement in statements:
        ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
