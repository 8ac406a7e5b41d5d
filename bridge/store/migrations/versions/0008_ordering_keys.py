"""The column that says what leaves in order is called what others call it."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename it; the indexes over it follow by themselves."""
    for table in ("deliveries", "outbox"):
        op.alter_column(table, "lane", new_column_name="ordering_key")
