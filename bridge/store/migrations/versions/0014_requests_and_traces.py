"""Requests of Buyers that were refused, for the story of a WorkOrder; and where traces of OpenTelemetry go on."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "refused_requests",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", UTC, nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("work_order_id", sa.Text(), nullable=True),
        sa.Column("appointment_id", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_refused_requests_at", "refused_requests", ["at"])
    for name in ("work_order", "appointment"):
        there = sa.text(f"{name}_id IS NOT NULL")
        op.create_index(
            f"ix_refused_requests_{name}",
            "refused_requests",
            [f"{name}_id"],
            postgresql_where=there,
            sqlite_where=there,
        )
    op.create_table(
        "trace_contexts",
        sa.Column("correlation_id", sa.Text(), primary_key=True),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
    )
    op.create_index("ix_trace_contexts_at", "trace_contexts", ["at"])
