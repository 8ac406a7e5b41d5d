"""Notifications on their way to listeners: claimed fairly, settled as many as are done.

Order is kept within a lane (subscription and resource). Among listeners, the one with the fewest deliveries in flight
comes first: a dead listener that keeps its senders waiting may fill what is idle, and never takes another's turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CTE, FromClause, Integer, Select, and_, bindparam, func, select, true

from bridge.flows.ports import Attempt, Delivery, DeliveryState
from bridge.store import lanes, rows
from bridge.store.session import Session
from bridge.store.tables import attempts, deliveries, notifications, subscriptions

_NOW = bindparam("now", type_=deliveries.c.next_attempt_at.type)
_LIMIT = bindparam("limit", type_=Integer)
_RECORD = attempts.insert()


async def claim(session: Session, now: datetime, lease_until: datetime, limit: int) -> Sequence[Delivery]:
    """Lease at most `limit` deliveries that are due, in the order to send them."""
    found = await session.rows(_due(lateral=session.is_postgres), {"now": now, "limit": limit})
    claimed = list(map(rows.delivery, found))
    await lanes.lease(session, deliveries, [delivery.number for delivery in claimed], lease_until)
    return claimed


@cache
def _due(*, lateral: bool) -> Select[Any]:
    turns = _turns(lateral=lateral)
    return (
        select(
            deliveries.c.number,
            deliveries.c.event_id,
            deliveries.c.attempts,
            notifications.c.event_type,
            notifications.c.event_time,
            notifications.c.resource_id,
            notifications.c.correlation_id,
            subscriptions,
        )
        .join(turns, turns.c.number == deliveries.c.number)
        .join(notifications, notifications.c.event_id == deliveries.c.event_id)
        .join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
        # Said again, because PostgreSQL checks only this level once more when it has got the row's lock.
        .where(deliveries.c.next_attempt_at <= _NOW)
        .order_by(turns.c.turn, turns.c.next_attempt_at, deliveries.c.number)
        .limit(_LIMIT)
        .with_for_update(of=deliveries, skip_locked=True)
    )


def _turns(*, lateral: bool) -> CTE:
    """Number what is due for each listener (at most `limit` each), after what it has in flight: its turns."""
    listener = subscriptions.alias("listener")
    first = deliveries.alias("first")
    flying = deliveries.alias("flying")
    in_flight = select(func.count()).where(flying.c.subscription_id == listener.c.id, flying.c.lease_until > _NOW)
    due = (
        select(first.c.number, first.c.next_attempt_at)
        .where(first.c.subscription_id == listener.c.id, first.c.next_attempt_at <= _NOW)
        .order_by(first.c.next_attempt_at, first.c.number)
        .limit(_LIMIT)
        .correlate(listener)
    )
    found, joined = _for_each(listener, due) if lateral else _for_each_in(listener, due)
    position = func.row_number().over(partition_by=listener.c.id, order_by=(found.c.next_attempt_at, found.c.number))
    turn = (position + in_flight.scalar_subquery()).label("turn")
    return select(found.c.number, found.c.next_attempt_at, turn).select_from(joined).cte("turns")


def _for_each(listener: FromClause, due: Select[int, datetime]) -> tuple[FromClause, FromClause]:
    """Run a limited query for each listener, as PostgreSQL says it."""
    found = due.lateral("due")
    return found, listener.join(found, true())


def _for_each_in(listener: FromClause, due: Select[int, datetime]) -> tuple[FromClause, FromClause]:
    """Run a limited query for each listener, as SQLite says it, which has no LATERAL."""
    found = deliveries.alias("due")
    return found, listener.join(found, and_(found.c.number.in_(due.with_only_columns(due.selected_columns.number))))


@dataclass(frozen=True, slots=True)
class Settlement:
    """An attempt at a delivery, and what is to be done next."""

    attempt: Attempt
    next: lanes.Settlement


def settlement(number: int, attempt: Attempt, state: DeliveryState, next_attempt_at: datetime | None) -> Settlement:
    """Make one; raises ValueError unless `next_attempt_at` is given exactly for a pending one."""
    return Settlement(attempt, lanes.Settlement(number, state.value, next_attempt_at, next_due=attempt.at))


async def settle(session: Session, settlements: Sequence[Settlement]) -> bool:
    """Record attempts and what is to be done next; tells whether they made other deliveries due."""
    await session.run(_RECORD, [_attempt_row(settlement) for settlement in settlements])
    return await lanes.settle(session, deliveries, [settlement.next for settlement in settlements])


def _attempt_row(settlement: Settlement) -> dict[str, object]:
    attempt = settlement.attempt
    return {
        "delivery": settlement.next.number,
        "at": attempt.at,
        "status": attempt.status,
        "error": attempt.error,
        "elapsed": attempt.elapsed,
    }
