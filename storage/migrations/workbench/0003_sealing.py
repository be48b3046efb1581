"""Plans of seals and the record of their use."""

from alembic import op

from storage.models.sealing import metadata

revision = "workbench_0003"
down_revision = "workbench_0002"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
