"""Until when the WFM may repeat a command that it has accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add the column; what was accepted before counts as repeated."""
    op.add_column("commands", sa.Column("echo_until", UTC, nullable=True))
