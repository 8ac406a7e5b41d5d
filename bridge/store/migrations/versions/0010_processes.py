"""The processes that work on the database, and what each has claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; what is claimed so far is free when its lease ends."""
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("beats", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ballast", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )
    for table in ("deliveries", "outbox"):
        op.add_column(table, sa.Column("claimed_by", sa.Text(), nullable=True))
