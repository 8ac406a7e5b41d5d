"""By which versions each field of a job's record was told last."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was told before counts as told by the last message that was applied."""
    op.add_column("jobs", sa.Column("told", sa.Text(), nullable=False, server_default="{}"))
