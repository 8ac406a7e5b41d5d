"""When a booking that came to nothing is to be taken back in the WFM once more."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add the columns; what was taken back before counts as settled."""
    op.add_column("commands", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("commands", sa.Column("try_again_at", UTC, nullable=True))
    op.create_index(
        "ix_commands_try_again",
        "commands",
        ["try_again_at"],
        unique=False,
        postgresql_where=sa.text("try_again_at IS NOT NULL"),
        sqlite_where=sa.text("try_again_at IS NOT NULL"),
    )
