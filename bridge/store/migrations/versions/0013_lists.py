"""Indexes for what Buyers filter their lists by, each in the order of the list."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.create_index(
        "ix_work_orders_state", "work_orders", ["buyer", "state", "created_at", "id", "appointment_required"]
    )
    op.create_index(
        "ix_work_orders_required",
        "work_orders",
        ["buyer", "created_at", "id", "state"],
        postgresql_where=sa.text("appointment_required"),
        sqlite_where=sa.text("appointment_required = 1"),
    )
    op.create_index("ix_appointments_status", "appointments", ["buyer", "status", "created_at", "id"])
    op.create_index("ix_appointments_ends", "appointments", ["buyer", "valid_to"])
    there = sa.text("place_id IS NOT NULL")
    op.create_index(
        "ix_appointments_place",
        "appointments",
        ["buyer", "place_id", "created_at", "id"],
        postgresql_where=there,
        sqlite_where=there,
    )
