"""Alembic's entry: runs the versions of one role on the connection that `storage.database.migrate` gives."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
