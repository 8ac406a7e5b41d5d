"""What is found by its age, to be deleted; and parked messages by their id, so that a re-send is no duplicate."""

from datetime import UTC as ZONE
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
PARKED, SENT, DISCARDED = "outcome = 'parked'", "state = 'sent'", "state = 'discarded'"


def upgrade() -> None:
    """Add them. What was sent before counts as sent now. A parked message no longer counts as seen."""
    op.add_column("outbox", sa.Column("attempted_at", UTC, nullable=True))
    now = datetime.now(ZONE)
    sqlite = op.get_context().dialect.name == "sqlite"
    moment = now.isoformat(timespec="microseconds").replace("+00:00", "Z") if sqlite else now
    op.execute(sa.text("UPDATE outbox SET attempted_at = :now WHERE state = 'sent'").bindparams(now=moment))
    op.create_index(
        "ix_outbox_sent",
        "outbox",
        ["attempted_at"],
        unique=False,
        postgresql_where=sa.text(SENT),
        sqlite_where=sa.text(SENT),
    )
    op.create_index(
        "ix_journal_parked",
        "journal",
        ["pack", "message_id"],
        unique=False,
        postgresql_where=sa.text(PARKED),
        sqlite_where=sa.text(PARKED),
    )
    op.create_index(
        "ix_deliveries_discarded",
        "deliveries",
        ["number"],
        unique=False,
        postgresql_where=sa.text(DISCARDED),
        sqlite_where=sa.text(DISCARDED),
    )
    op.create_index("ix_journal_received", "journal", ["received_at"], unique=False)
    op.create_index("ix_inbox_received", "inbox", ["received_at"], unique=False)
    op.create_index("ix_offered_slots_expires", "offered_slots", ["expires_at"], unique=False)
    op.create_index("ix_notifications_time", "notifications", ["event_time"], unique=False)
    op.execute(
        "DELETE FROM inbox WHERE EXISTS (SELECT 1 FROM journal WHERE journal.outcome = 'parked' "
        "AND journal.pack = inbox.pack AND journal.message_id = inbox.message_id)"
    )
