"""Until when a message is held for a partner."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
HELD = "due_at IS NOT NULL"


def upgrade() -> None:
    """Add the column; what waits so far waits for something else."""
    op.add_column("journal", sa.Column("due_at", UTC, nullable=True))
    op.create_index(
        "ix_journal_due",
        "journal",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text(HELD),
        sqlite_where=sa.text(HELD),
    )
