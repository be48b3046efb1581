"""Logins and sessions of the bidder's people."""

from alembic import op

from storage.models.sessions import metadata

revision = "workbench_0002"
down_revision = "workbench_0001"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
