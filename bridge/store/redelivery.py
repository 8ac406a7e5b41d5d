"""Notifications as the operator sees them, and those given up sent again, with the `eventId` they had."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select, update

from bridge.domain.model import BuyerId, JobRef
from bridge.flows.ports import Attempt, DeliveryReport, DeliveryState
from bridge.mef.enums import EventType
from bridge.store import lanes
from bridge.store.rows import Row
from bridge.store.session import KEYS, Session
from bridge.store.tables import appointments, attempts, deliveries, notifications, subscriptions, work_orders

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
    select(deliveries.c.number, deliveries.c.lane)
    .join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    .where(deliveries.c.number.in_(KEYS), deliveries.c.state == DeliveryState.DISCARDED.value)
    .order_by(deliveries.c.number)
    .with_for_update(of=[deliveries, subscriptions])
)
_AGAIN = (
    update(deliveries)
    .where(deliveries.c.number == bindparam("again"))
    .values(
        state=lanes.PENDING,
        attempts=0,
        lease_until=None,
        next_attempt_at=bindparam("due", type_=deliveries.c.next_attempt_at.type),
    )
)


async def reports(session: Session, state: DeliveryState | None, limit: int) -> Sequence[DeliveryReport]:
    """Read the newest notifications on their way, or through with it; newest first."""
    query = _REPORTS if state is None else _REPORTS.where(deliveries.c.state == state.value)
    return list(map(_report, await session.rows(query.limit(limit))))


async def jobs(session: Session, numbers: Collection[int]) -> set[JobRef]:
    """Tell which jobs must be locked before deliveries become pending again: who appends to a lane holds its job."""
    return {JobRef(row["pack"], row["job_key"]) for row in await session.rows_in(_JOBS, sorted(numbers))}


async def retry(session: Session, numbers: Collection[int], now: datetime) -> set[int]:
    """Make given-up deliveries pending, with all their attempts before them; return those that could be.

    Within their resource they leave before what is pending, as their events came before.
    """
    found = await session.rows_in(_GIVEN_UP, sorted(numbers))
    taken = await lanes.occupied(session, deliveries, {row["lane"] for row in found})
    again: list[dict[str, object]] = []
    for row in found:
        again.append({"again": row["number"], "due": None if row["lane"] in taken else now})
        taken.add(row["lane"])
    await session.run(_AGAIN, again)
    return {row["number"] for row in found}


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
