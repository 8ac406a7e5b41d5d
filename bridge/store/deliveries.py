"""Notifications on their way to listeners: claimed fairly, settled as many as are done, and seen by the operator.

Order is kept among those of one resource to one listener.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CTE, FromClause, Integer, Select, and_, bindparam, func, or_, select, true, update

from bridge.batcher import Batcher
from bridge.domain.model import BuyerId, JobRef
from bridge.flows.ports import Attempt, Clock, Delivery, DeliveryReport, DeliveryState
from bridge.mef.enums import EventType
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.jobs import lock
from bridge.store.listeners import subscription
from bridge.store.session import KEYS, Database, Session
from bridge.store.tables import appointments, attempts, deliveries, notifications, subscriptions, work_orders

_NOW = bindparam("now", type_=deliveries.c.next_attempt_at.type)
_LIMIT = bindparam("limit", type_=Integer)
_RECORD = attempts.insert()
_TRIES = attempts.alias("tries")
_LAST = select(func.max(_TRIES.c.number)).where(_TRIES.c.delivery == deliveries.c.number).scalar_subquery()
_REPORTS = (
    select(
        deliveries,
        notifications.c.event_type,
        notifications.c.event_time,
        notifications.c.resource_id,
        notifications.c.buyer,
        subscriptions.c.callback,
        attempts.c.at,
        attempts.c.status,
        attempts.c.error,
        attempts.c.elapsed,
    )
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    .outerjoin(attempts, attempts.c.number == _LAST)
    .order_by(deliveries.c.number.desc())
)
_JOBS = (
    select(work_orders.c.pack, work_orders.c.job_key)
    .distinct()
    .select_from(deliveries)
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .outerjoin(appointments, appointments.c.id == notifications.c.resource_id)
    .join(
        work_orders,
        or_(work_orders.c.id == notifications.c.resource_id, work_orders.c.id == appointments.c.work_order_id),
    )
    .where(deliveries.c.number.in_(KEYS))
)
# A listener that was removed hears nothing more; one that is being removed waits for us.
_GIVEN_UP = (
    select(deliveries.c.number, deliveries.c.ordering_key)
    .join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    .where(deliveries.c.number.in_(KEYS), deliveries.c.state == DeliveryState.DISCARDED.value)
    .order_by(deliveries.c.number)
    .with_for_update(of=[deliveries, subscriptions])
)
_AGAIN = (
    update(deliveries)
    .where(deliveries.c.number == bindparam("again"))
    .values(
        state=ordering.PENDING,
        attempts=0,
        lease_until=None,
        next_attempt_at=bindparam("due", type_=deliveries.c.next_attempt_at.type),
    )
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """An attempt at a delivery, and what is to be done next."""

    attempt: Attempt
    next: ordering.Settlement


class Deliveries:
    """The deliveries as their sender and the operator see them.

    `on_due` is called after a commit that made something due.
    """

    def __init__(self, database: Database, clock: Clock, claimer: str | None = None) -> None:
        self._database = database
        self._clock = clock
        self._claimer = claimer
        self._settling = Batcher(self._settle)
        self.on_due: Callable[[], None] = ordering.nobody

    async def finish(self) -> None:
        """Return once all that is being settled is safe."""
        await self._settling.finish()

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[Delivery]:
        """Lease at most `limit` due deliveries, in the order to send them: the first of each listener and resource.

        What this process has in hand still when its lease ends is leased again, and given again: whoever claims must
        know it.
        """
        async with self._database.write() as session:
            wanted = {"now": now, "limit": limit, "me": self._claimer}
            claimed = [delivery(row) for row in await session.rows(_due(lateral=session.is_postgres), wanted)]
            await ordering.lease(session, deliveries, [each.number for each in claimed], lease_until, self._claimer)
            return claimed

    async def settle(
        self, number: int, attempt: Attempt, state: DeliveryState, next_attempt_at: datetime | None
    ) -> None:
        """Record an attempt and end the lease. A delivery that was discarded meanwhile stays so.

        Raises ValueError unless `next_attempt_at` is given exactly for a pending one.
        """
        following = ordering.Settlement(number, state.value, next_attempt_at, next_due=attempt.at)
        await self._settling.submit(Settlement(attempt, following))

    async def _settle(self, settlements: Sequence[Settlement]) -> Sequence[None]:
        async with self._database.write() as session:
            await session.run(_RECORD, [_attempt_row(settlement) for settlement in settlements])
            another = await ordering.settle(session, deliveries, [settlement.next for settlement in settlements])
        if another:
            self.on_due()
        return [None] * len(settlements)

    async def next_at(self) -> datetime | None:
        """Tell the earliest moment at which a delivery may be claimed; None when nothing is pending."""
        async with self._database.read() as session:
            return await ordering.next_at(session, deliveries, self._clock(), self._claimer)

    async def reports(self, state: DeliveryState | None = None, limit: int = 100) -> Sequence[DeliveryReport]:
        """Read the newest deliveries, newest first."""
        query = _REPORTS if state is None else _REPORTS.where(deliveries.c.state == state.value)
        async with self._database.read() as session:
            return [_report(row) for row in await session.rows(query.limit(limit))]

    async def retry(self, numbers: Collection[int], now: datetime) -> set[int]:
        """Send given-up notifications again, with the same event ids; return the numbers of those that can be."""
        async with self._database.write() as session:
            jobs = await session.rows_in(_JOBS, sorted(numbers))
            await lock(session, {JobRef(row["pack"], row["job_key"]) for row in jobs})
            again = await _retry(session, numbers, now)
        self.on_due()
        return again


async def _retry(session: Session, numbers: Collection[int], now: datetime) -> set[int]:
    """Make given-up deliveries pending, with all their attempts before them. We hold their jobs, as who appends does.

    Within their resource they leave before what is pending, as their events came before.
    """
    found = await session.rows_in(_GIVEN_UP, sorted(numbers))
    taken = await ordering.occupied(session, deliveries, {row["ordering_key"] for row in found})
    again: list[dict[str, object]] = []
    for row in found:
        again.append({"again": row["number"], "due": None if row["ordering_key"] in taken else now})
        taken.add(row["ordering_key"])
    await session.run(_AGAIN, again)
    return {row["number"] for row in found}


@cache
def _due(*, lateral: bool) -> Select[Any]:
    """Choose what to send next.

    Among listeners, the one with the fewest deliveries in flight comes first: a dead listener that keeps its senders
    waiting may fill what is idle, and never takes another's turn.
    """
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
        .where(deliveries.c.next_attempt_at <= _NOW, ordering.is_free(deliveries))
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
        .where(first.c.subscription_id == listener.c.id, first.c.next_attempt_at <= _NOW, ordering.is_free(first))
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


def _attempt_row(settlement: Settlement) -> dict[str, object]:
    attempt = settlement.attempt
    return {
        "delivery": settlement.next.number,
        "at": attempt.at,
        "status": attempt.status,
        "error": attempt.error,
        "elapsed": attempt.elapsed,
    }


def delivery(row: Row) -> Delivery:
    """Read a row of `deliveries` joined with its `notifications` and `subscriptions` rows."""
    return Delivery(
        number=row["number"],
        event_id=row["event_id"],
        event_type=EventType(row["event_type"]),
        event_time=row["event_time"],
        resource_id=row["resource_id"],
        subscription=subscription(row),
        attempts=row["attempts"],
        correlation_id=row["correlation_id"],
    )


def _report(row: Row) -> DeliveryReport:
    last = (
        None
        if row["at"] is None
        else Attempt(at=row["at"], status=row["status"], error=row["error"], elapsed=row["elapsed"])
    )
    return DeliveryReport(
        number=row["number"],
        event_id=row["event_id"],
        event_type=EventType(row["event_type"]),
        event_time=row["event_time"],
        resource_id=row["resource_id"],
        buyer=BuyerId(row["buyer"]),
        callback=row["callback"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        last=last,
    )
