"""The database of one role: an engine that keeps what it said it kept, and two kinds of transaction.

SQLite runs in WAL with `synchronous=FULL`: the only other journal mode that survives a power cut is
DELETE+EXTRA (trust.md F5). Writers begin IMMEDIATE, so that what a transaction read stays true until it commits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect

from storage.errors import SchemaError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 30_000
"""Milliseconds that a writer waits for another."""
_WRITES = "yizhao_writes"


class Role(StrEnum):
    """Whose database it is; the two never share one."""

    CENTRE = "centre"
    WORKBENCH = "workbench"


def open_database(url: str) -> Engine:
    """Open an engine for a SQLAlchemy URL (`sqlite:////path` or `postgresql+…://`)."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def sqlite_url(path: Path) -> str:
    """Answer the URL of a SQLite file."""
    return f"sqlite:///{path.resolve()}"


def _configure_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # the driver opens no transaction by itself; `_begin_sqlite` does
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent look at the database; nothing is kept."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction: all of it is durable when the block is left, or nothing of it happened."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


def migrate(engine: Engine, role: Role) -> None:
    """Bring the schema of this role to the newest version; SchemaError if the database is another role's."""
    config = _config(role)
    _require_own(engine, role, config)
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_migrated(engine: Engine, role: Role) -> None:
    """Raise SchemaError unless the database stands at this program's newest version of the role's schema."""
    head = ScriptDirectory.from_config(_config(role)).get_current_head()
    if (found := _version(engine)) != head:
        raise SchemaError(f"schema version {found}; this program needs {head}: run `yizhao migrate`")


def _config(role: Role) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / role))
    config.set_main_option("path_separator", "os")
    return config


def _require_own(engine: Engine, role: Role, config: Config) -> None:
    found = _version(engine)
    if found is None:
        if inspect(engine).get_table_names():
            raise SchemaError("the database holds tables, but none of ours")
        return
    try:
        ScriptDirectory.from_config(config).get_revision(found)
    except CommandError as error:
        raise SchemaError(f"version {found} is not a version of the {role} schema") from error


def _version(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()
