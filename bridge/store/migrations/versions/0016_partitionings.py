"""How many partitions the inbound queue of each pack is divided into; 1 where nobody ever said."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "partitionings",
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("partitions", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("pack", name="pk_partitionings"),
    )
