"""Where seals go besides their main places (盖章位置)."""

from alembic import op

from storage.models.workbench import metadata, placings

revision = "workbench_0006"
down_revision = "workbench_0005"


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[placings])  # a new database has it since its first version
