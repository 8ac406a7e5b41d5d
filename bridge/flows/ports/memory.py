"""What the bridge keeps for a time only."""

from enum import StrEnum


class Memory(StrEnum):
    """What the bridge keeps for a time only."""

    JOURNAL = "journal"
    INBOX = "inbox"
    DELIVERIES = "deliveries"
    OUTBOX = "outbox"
    REFUSED = "refused requests"
    TRACES = "trace contexts"
    SLOTS = "slots"
    SESSIONS = "ended sessions"
