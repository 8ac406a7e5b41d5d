"""Since when a listener fails, whether it is disabled and why; when an attempt began, and how its answer did."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add the columns: all listeners are enabled, and none is known to fail."""
    op.add_column("subscriptions", sa.Column("failing_since", UTC, nullable=True))
    op.add_column("subscriptions", sa.Column("disabled_at", UTC, nullable=True))
    op.add_column("subscriptions", sa.Column("disabled_because", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("begun_at", UTC, nullable=True))
    op.add_column("attempts", sa.Column("excerpt", sa.Text(), nullable=True))
