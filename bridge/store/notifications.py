"""What is announced to listeners (R60-R63): one event with one id for all of them, and a delivery for each."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports import AnnouncedEvent
from bridge.mef.enums import EventType
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.session import KEYS, Bulk, Database, Session
from bridge.store.tables import deliveries, notifications, subscriptions

_NOTIFY = Bulk(notifications)
# The lock keeps a listener from being removed, disabled or enabled until we commit.
_LISTENERS = (
    select(
        subscriptions.c.id,
        subscriptions.c.buyer,
        subscriptions.c.event_types,
        subscriptions.c.seller_param,
        subscriptions.c.disabled_at,
    )
    .where(subscriptions.c.buyer.in_(KEYS))
    .order_by(subscriptions.c.created_at, subscriptions.c.id)
    .with_for_update(read=True, key_share=True)
)


_NEWEST = select(notifications).order_by(notifications.c.event_time.desc(), notifications.c.position.desc())


class Notifications:
    """The events as the operator sees them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest(self, limit: int = 100) -> Sequence[AnnouncedEvent]:
        """Read the newest events, newest first; those of one decision in its order, backwards."""
        async with self._database.read() as session:
            return [event_of(row) for row in await session.rows(_NEWEST.limit(limit))]


class Announcement(NamedTuple):
    """A notification at its moment; `position` is its place among those of one decision, `seller` whose it is."""

    notification: Notification
    at: datetime
    correlation_id: str
    position: int
    seller: str | None = None

    def concerns(self, listener: Row) -> bool:
        """Tell whether the listener is to hear of it (R60-R63; of several Sellers, of its own one)."""
        return (
            listener["buyer"] == self.notification.buyer
            and self.notification.event_type in listener["event_types"]
            and (self.seller is None or listener["seller_param"] in (None, self.seller))
        )


async def announce(session: Session, announcements: Sequence[Announcement], new_id: Callable[[], str]) -> bool:
    """Write events and their deliveries; tells whether there are any of these."""
    listeners = await session.rows_in(_LISTENERS, sorted({each.notification.buyer for each in announcements}))
    events = [(new_id(), announcement) for announcement in announcements]
    rows = [
        {
            "event_id": event_id,
            "event_type": event.notification.event_type.value,
            "resource_id": event.notification.id,
            "buyer": event.notification.buyer,
            "event_time": event.at,
            "correlation_id": event.correlation_id,
            "position": event.position,
        }
        for event_id, event in events
    ]
    await _NOTIFY.run(session, rows)
    due = [
        _delivery_row(event_id, event, listener)
        for event_id, event in events
        for listener in listeners
        if event.concerns(listener)
    ]
    await ordering.append(session, deliveries, due)
    return bool(due)


def event_of(row: Row) -> AnnouncedEvent:
    """Read a row of `notifications`."""
    return AnnouncedEvent(
        event_id=row["event_id"],
        event_type=EventType(row["event_type"]),
        event_time=row["event_time"],
        resource_id=row["resource_id"],
        buyer=BuyerId(row["buyer"]),
        correlation_id=row["correlation_id"],
    )


def _delivery_row(event_id: str, announcement: Announcement, listener: Row) -> dict[str, object]:
    """Make a delivery that is due at once; for a disabled listener, it waits until that is enabled."""
    return {
        "event_id": event_id,
        "subscription_id": listener["id"],
        "ordering_key": f"{listener['id']} {announcement.notification.id}",
        "state": ordering.PENDING,
        "attempts": 0,
        "next_attempt_at": announcement.at if listener["disabled_at"] is None else None,
    }
