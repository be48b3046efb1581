"""Logins and sessions of the centre's staff."""

from alembic import op

from storage.models.sessions import metadata

revision = "centre_0002"
down_revision = "centre_0001"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
