"""Messages for the WFM that were decided on and not sent yet. Order is kept within the lane of a job."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Integer, bindparam, select

from bridge.flows.ports import BusMessage, OutboxEntry
from bridge.store import lanes, rows
from bridge.store.lanes import AT_ONCE, PENDING, Settlement
from bridge.store.session import Session
from bridge.store.tables import outbox

SENT = "sent"
GIVEN_UP = "given up"

_DUE = (
    select(outbox)
    .where(outbox.c.next_attempt_at <= bindparam("now", type_=outbox.c.next_attempt_at.type))
    .order_by(outbox.c.next_attempt_at, outbox.c.number)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)


async def append(session: Session, messages: Sequence[BusMessage]) -> bool:
    """Write messages in their order; tells whether there were any."""
    new = {"state": PENDING, "attempts": 0, "next_attempt_at": AT_ONCE}
    await lanes.append(session, outbox, [rows.outbox_row(message) | new for message in messages])
    return bool(messages)


async def claim(session: Session, now: datetime, lease_until: datetime, limit: int) -> Sequence[OutboxEntry]:
    """Lease at most `limit` messages that are due, oldest first."""
    claimed = list(map(rows.outbox_entry, await session.rows(_DUE, {"now": now, "limit": limit})))
    await lanes.lease(session, outbox, [entry.number for entry in claimed], lease_until)
    return claimed


def settlement(
    number: int, sent: bool, error: str | None, next_attempt_at: datetime | None, at: datetime
) -> Settlement:
    """Say that a message was sent, is to be tried again, or was given up at the moment `at`."""
    state = SENT if sent else GIVEN_UP if next_attempt_at is None else PENDING
    return Settlement(number, state, next_attempt_at, next_due=AT_ONCE, columns={"error": error, "attempted_at": at})


async def settle(session: Session, settlements: Sequence[Settlement]) -> bool:
    """Note what became of messages; tells whether it made other ones due."""
    return await lanes.settle(session, outbox, settlements)
