"""Each job has a revision that every change of it raises: a process that keeps it knows whether it is still so."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin with 0 for all."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("jobs", sa.Column("revision", number, nullable=False, server_default="0"))
