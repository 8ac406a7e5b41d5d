"""What became of a message, also where the bridge itself fails on it."""

from collections.abc import Awaitable
from dataclasses import replace

import structlog

from bridge.domain.model import Outcome
from bridge.errors import ConflictError, StoreDefect, TransientError
from bridge.flows.ports import JournalEntry
from bridge.mapping.pack import Skipped, Unreadable

log = structlog.get_logger(__name__)


async def survived(entry: JournalEntry, applied: Awaitable[JournalEntry]) -> JournalEntry:
    """Apply a message, or park it if it breaks the bridge: what it waited for must not suffer."""
    try:
        return await applied
    except (TransientError, ConflictError, StoreDefect):
        raise  # nothing of this transaction can be kept
    except Exception as error:  # outermost for this message
        log.exception("message.crashed")
        return crashed(entry, error)


def crashed(entry: JournalEntry, error: Exception) -> JournalEntry:
    """Return a message as one that the bridge failed on."""
    reason = f"the bridge failed on this message: {type(error).__name__}: {error}"
    return noted(replace(entry, outcome=Outcome.PARKED, reason=reason, due_at=None))


def noted(entry: JournalEntry) -> JournalEntry:
    """Log an entry if it is parked, and return it."""
    if entry.outcome is Outcome.PARKED:
        log.warning(
            "message.parked",
            pack=entry.raw.pack,
            message_id=entry.message,
            job=entry.job.key if entry.job else None,
            reason=entry.reason,
            correlation_id=entry.raw.correlation_id,
        )
    return entry


def without_job(entry: JournalEntry, read: Skipped | Unreadable) -> JournalEntry:
    """Return a message as one that the pack leaves alone, or that nobody can attribute to a job."""
    outcome = Outcome.IGNORED if isinstance(read, Skipped) else Outcome.PARKED
    became = replace(entry, outcome=outcome, reason=read.reason, explanation=read.explanation, due_at=None)
    return noted(became)
