"""Deletes what is old and done with, a limited number of rows at a time.

Never what is pending, parked or waiting, nor WorkOrders, Appointments, jobs and commands. What waits for a disabled
listener is not kept longer than what was delivered: nobody may ever enable it. Rows that somebody else holds are left
for the next time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, select, tuple_

from bridge.domain.model import Outcome
from bridge.flows.ports.memory import Memory
from bridge.flows.ports.outbox_entry import OutboxState
from bridge.store import ordering
from bridge.store.session import KEYS, Database, Session
from bridge.store.tables import (
    attempts,
    deliveries,
    ended_sessions,
    inbox,
    journal,
    notifications,
    offered_slots,
    outbox,
    refused_requests,
    subscriptions,
    trace_contexts,
)

_KEPT = (Outcome.PARKED.value, Outcome.WAITING.value)
_IS_DISABLED = exists().where(
    subscriptions.c.id == deliveries.c.subscription_id, subscriptions.c.disabled_at.is_not(None)
)
_EVENT_IS_PENDING = exists().where(
    deliveries.c.event_id == notifications.c.event_id, ordering.is_pending(deliveries), ~_IS_DISABLED
)

_AGE = {
    Memory.JOURNAL: journal.c.received_at,
    Memory.INBOX: inbox.c.received_at,
    Memory.DELIVERIES: notifications.c.event_time,
    Memory.OUTBOX: outbox.c.attempted_at,
    Memory.REFUSED: refused_requests.c.at,
    Memory.TRACES: trace_contexts.c.at,
    Memory.SLOTS: offered_slots.c.expires_at,
    Memory.SESSIONS: ended_sessions.c.ends_at,
}
_BESIDES = {
    Memory.JOURNAL: journal.c.outcome.not_in(_KEPT),
    Memory.DELIVERIES: ~_EVENT_IS_PENDING,
    Memory.OUTBOX: outbox.c.state == OutboxState.SENT.value,
}
_OF_EVENTS = select(deliveries.c.number).where(deliveries.c.event_id.in_(KEYS))
_LOCKED = (
    select(deliveries.c.event_id, deliveries.c.state, _IS_DISABLED.label("is_disabled"))
    .where(deliveries.c.event_id.in_(KEYS))
    .order_by(deliveries.c.number)
    .with_for_update(of=deliveries)
)


class Retention:
    """What is kept for a time only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, what: Memory, until: datetime, limit: int) -> int:
        """Delete at most `limit` of what is done with and older than `until`; return how many there were."""
        async with self._database.write() as session:
            if what is Memory.DELIVERIES:
                return await _forget_events(session, until, limit)
            table = _AGE[what].table
            key = tuple_(*table.primary_key)
            return await session.run(delete(table).where(key.in_(_oldest(what, until, limit))))


async def _forget_events(session: Session, until: datetime, limit: int) -> int:
    """Delete events with their deliveries and attempts. One that is sent again meanwhile is kept."""
    found = [row["event_id"] for row in await session.rows(_oldest(Memory.DELIVERIES, until, limit))]
    rows = await session.rows_in(_LOCKED, found)
    again = {row["event_id"] for row in rows if row["state"] == ordering.PENDING and not row["is_disabled"]}
    events = [event for event in found if event not in again]
    if events:
        await _delete_events(session, events)
    return len(events)


async def _delete_events(session: Session, events: Sequence[str]) -> None:
    keys = {"keys": events}
    await session.run(delete(attempts).where(attempts.c.delivery.in_(_OF_EVENTS)), keys)
    await session.run(delete(deliveries).where(deliveries.c.event_id.in_(KEYS)), keys)
    await session.run(delete(notifications).where(notifications.c.event_id.in_(KEYS)), keys)


def _oldest(what: Memory, until: datetime, limit: int) -> Select[Any]:
    age = _AGE[what]
    table = age.table
    query = select(*table.primary_key).where(age < bindparam("until", until, type_=age.type))
    if what in _BESIDES:
        query = query.where(_BESIDES[what])
    return query.order_by(age).limit(limit).with_for_update(skip_locked=True, of=table)
