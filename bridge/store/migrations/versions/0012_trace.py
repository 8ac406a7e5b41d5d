"""When a command was settled; the journal can be read job by job; which packs each process goes by."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add them: of commands that were settled before, the moment is not known."""
    op.add_column("commands", sa.Column("settled_at", UTC, nullable=True))
    op.add_column("processes", sa.Column("packs", sa.Text(), nullable=True))
    op.create_index("ix_journal_job", "journal", ["pack", "job_key", "number"])
