"""The first schema of the workbench."""

from alembic import op

from storage.models.workbench import metadata

revision = "workbench_0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
