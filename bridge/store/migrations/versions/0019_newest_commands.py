"""An index for the operators' list of commands, newest first."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_commands_newest", "commands", ["buyer", "state", "kind", "created_at", "id"])
