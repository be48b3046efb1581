"""Sealing as a service: signings, interface tokens, webhooks with their outbox."""

from alembic import op

from storage.models.signings import metadata

revision = "workbench_0005"
down_revision = "workbench_0004"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
