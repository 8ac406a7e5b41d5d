"""Registered listeners (R60-R63), and the deliveries each notification makes for them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update

from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports import DeliveryState, Subscription, SubscriptionId
from bridge.mef.enums import Api
from bridge.store import lanes, rows
from bridge.store.session import KEYS, Session
from bridge.store.tables import deliveries, notifications, subscriptions

_NOTIFY = notifications.insert()
_LISTENERS = (
    select(subscriptions)
    .where(subscriptions.c.buyer.in_(KEYS))
    .order_by(subscriptions.c.created_at, subscriptions.c.id)
    .with_for_update(read=True, key_share=True)
)


class Announcement(NamedTuple):
    """A notification at its moment; `position` is its place among those of one decision, `seller` whose it is."""

    notification: Notification
    at: datetime
    correlation_id: str
    position: int
    seller: str | None = None

    def concerns(self, listener: Subscription) -> bool:
        """Tell whether the listener is to hear of it (R60-R63; of several Sellers, of its own one)."""
        return (
            listener.buyer == self.notification.buyer
            and self.notification.event_type in listener.event_types
            and (self.seller is None or listener.seller_param in (None, self.seller))
        )


async def add(session: Session, subscription: Subscription) -> None:
    """Register a listener."""
    await session.run(subscriptions.insert().values(rows.subscription_row(subscription)))


async def find(session: Session, subscription: SubscriptionId) -> Subscription | None:
    """Read a listener's registration."""
    row = await session.row(select(subscriptions).where(subscriptions.c.id == subscription))
    return None if row is None else rows.subscription(row)


async def count(session: Session, api: Api, buyer: BuyerId) -> int:
    """Count the listeners of a Buyer with one API."""
    number = func.count().label("number")
    row = await session.row(select(number).where(subscriptions.c.buyer == buyer, subscriptions.c.api == api.value))
    return 0 if row is None else int(row["number"])


async def remove(session: Session, subscription: SubscriptionId) -> bool:
    """Delete a listener and discard what is still on its way to it; tells whether there was one.

    Deleting comes first: it waits for transactions that are announcing something to the listener, see `_listeners`.
    """
    if not await session.run(subscriptions.delete().where(subscriptions.c.id == subscription)):
        return False
    pending = select(deliveries.c.number).where(
        deliveries.c.subscription_id == subscription, lanes.is_pending(deliveries)
    )
    # In the order in which everybody locks deliveries.
    await session.rows(pending.order_by(deliveries.c.number).with_for_update())
    discarded = {"state": DeliveryState.DISCARDED.value, "next_attempt_at": None, "lease_until": None}
    await session.run(update(deliveries).where(deliveries.c.number.in_(pending)).values(discarded))
    return True


async def announce(session: Session, announcements: Sequence[Announcement], new_id: Callable[[], str]) -> bool:
    """Write events, each with one id for all listeners, and their deliveries; tells whether there are any."""
    if not announcements:
        return False
    listeners = await _listeners(session, {announcement.notification.buyer for announcement in announcements})
    events = [(new_id(), announcement) for announcement in announcements]
    await session.run(_NOTIFY, [_event_row(event_id, event) for event_id, event in events])
    due = [row for event_id, event in events for row in _delivery_rows(event_id, event, listeners)]
    await lanes.append(session, deliveries, due)
    return bool(due)


async def _listeners(session: Session, buyers: Collection[BuyerId]) -> Sequence[Subscription]:
    """Read the Buyers' listeners, and keep them from being removed until we commit."""
    return list(map(rows.subscription, await session.rows_in(_LISTENERS, sorted(buyers))))


def _event_row(event_id: str, announcement: Announcement) -> dict[str, object]:
    return {
        "event_id": event_id,
        "event_type": announcement.notification.event_type.value,
        "resource_id": announcement.notification.id,
        "buyer": announcement.notification.buyer,
        "event_time": announcement.at,
        "correlation_id": announcement.correlation_id,
        "position": announcement.position,
    }


def _delivery_rows(
    event_id: str, announcement: Announcement, listeners: Sequence[Subscription]
) -> Iterator[dict[str, object]]:
    notification = announcement.notification
    for listener in listeners:
        if announcement.concerns(listener):
            yield {
                "event_id": event_id,
                "subscription_id": listener.id,
                "lane": f"{listener.id} {notification.id}",
                "state": lanes.PENDING,
                "attempts": 0,
                "next_attempt_at": announcement.at,
            }
