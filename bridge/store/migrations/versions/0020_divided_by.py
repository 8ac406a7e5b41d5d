"""By what the messages of a pack are divided, and which partitioning is about to follow the one in force."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns."""
    for column in (
        sa.Column("divided_by", sa.Text(), nullable=False, server_default="job"),
        sa.Column("next_partitions", NUMBER, nullable=False, server_default="0"),
        sa.Column("next_divided_by", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("partitionings", column)
