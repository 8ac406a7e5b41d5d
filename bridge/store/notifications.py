"""What is announced to listeners (R60-R63): one event with one id for all of them, and a delivery for each.

Where this process has room for a delivery that is due at once, it is written as claimed already, and handed over after
the commit: nobody has to look for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

from sqlalchemy import select

from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports.job_trace import AnnouncedEvent
from bridge.flows.ports.subscription import Subscription
from bridge.flows.ports.webhook_delivery import Delivery
from bridge.mef.enums import EventType
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.listeners import subscription
from bridge.store.session import KEYS, Bulk, Database, Session
from bridge.store.tables import deliveries, notifications, subscriptions

_NOTIFY = Bulk(notifications)
_DELIVER = Bulk(deliveries, numbered=True)
# The lock keeps a listener from being removed, disabled or enabled until we commit.
_LISTENERS = (
    select(subscriptions)
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


class Taker(Protocol):
    """Who sends in this process, as a transaction sees it: room is kept before the commit, and used after it."""

    @property
    def lease(self) -> timedelta:
        """For how long what is handed over is claimed."""

    def reserve(self, listener: Subscription) -> bool:
        """Keep room for one delivery; tells whether there is any."""

    def release(self, listener: Subscription) -> None:
        """Give up the room for one delivery."""

    def take(self, claimed: Sequence[Delivery]) -> None:
        """Send these, for which there is room."""


class NobodyTakes:
    """No sender in this process, or none as yet."""

    lease = timedelta()

    def reserve(self, listener: Subscription) -> bool:
        """Refuse."""
        return False

    def release(self, listener: Subscription) -> None:
        """Never called, as nothing was reserved."""

    def take(self, claimed: Sequence[Delivery]) -> None:
        """Never called with anything, as nothing was reserved."""


@dataclass(slots=True)
class HandOver:
    """What one transaction claims for this process: `room` is kept for it, `claimed` are handed over at the commit.

    `left_some` tells whether others have become due, which somebody is to claim.
    """

    taker: Taker
    claimer: str | None
    room: list[Subscription] = field(default_factory=list)
    claimed: list[Delivery] = field(default_factory=list)
    left_some: bool = False

    def begin(self, rows: Sequence[dict[str, Any]], listeners: Mapping[str, Subscription], now: datetime) -> None:
        """Claim what is due and has room, in its rows."""
        for row in rows:
            to = listeners[row["subscription_id"]]
            if row["next_attempt_at"] is None:
                continue
            if self.reserve(to):
                until = now + self.taker.lease
                row.update(attempts=1, begun_at=now, next_attempt_at=until, lease_until=until, claimed_by=self.claimer)

    def reserve(self, to: Subscription) -> bool:
        """Keep room for one delivery that is due, or leave it to be claimed."""
        has_room = self.taker.reserve(to)
        if has_room:
            self.room.append(to)
        self.left_some |= not has_room
        return has_room

    def finish(self) -> None:
        """Hand over; call it after the commit."""
        self.room.clear()
        if self.claimed:
            self.taker.take(self.claimed)

    def undo(self) -> None:
        """Give up the room: the transaction failed. What it claimed nevertheless is ours once its lease ends."""
        for each in self.room:
            self.taker.release(each)
        self.room.clear()


@dataclass(frozen=True, slots=True)
class Announced:
    """Events with their ids, and their deliveries, those claimed already for which there is room; not written yet."""

    events: Mapping[str, Announcement]
    rows: Sequence[dict[str, Any]]
    listeners: Mapping[str, Subscription]
    handing: HandOver
    now: datetime

    async def write(self, session: Session) -> Callable[[], None]:
        """Write all of it. Gives what hands over what was claimed, to be called after `Session.written`."""
        await _NOTIFY.run(session, [_event_row(event_id, event) for event_id, event in self.events.items()])
        numbers = await _DELIVER.run(session, self.rows)
        return partial(self._hand_over, numbers)

    def _hand_over(self, numbers: Sequence[int]) -> None:
        self.handing.claimed += [
            _delivery(number, row["event_id"], self.events[row["event_id"]], self.listeners[to], self.now)
            for number, row in zip(numbers, self.rows, strict=True)
            if row["lease_until"] is not None and (to := row["subscription_id"])
        ]


async def announce(
    session: Session,
    announcements: Sequence[Announcement],
    new_id: Callable[[], str],
    handing: HandOver,
    now: datetime,
) -> Announced:
    """Find who is to hear of events, and line them up."""
    found = await session.rows_in(_LISTENERS, sorted({each.notification.buyer for each in announcements}))
    events = {new_id(): announcement for announcement in announcements}
    rows = [
        _delivery_row(event_id, event, listener)
        for event_id, event in events.items()
        for listener in found
        if event.concerns(listener)
    ]
    await ordering.line_up(session, deliveries, rows)
    listeners = {row["id"]: subscription(row) for row in found}
    handing.begin(rows, listeners, now)
    return Announced(events, rows, listeners, handing, now)


def _event_row(event_id: str, event: Announcement) -> dict[str, object]:
    return {
        "event_id": event_id,
        "event_type": event.notification.event_type.value,
        "resource_id": event.notification.id,
        "buyer": event.notification.buyer,
        "event_time": event.at,
        "correlation_id": event.correlation_id,
        "position": event.position,
    }


def _delivery(number: int, event_id: str, event: Announcement, to: Subscription, now: datetime) -> Delivery:
    return Delivery(
        number=number,
        event_id=event_id,
        event_type=event.notification.event_type,
        event_time=event.at,
        resource_id=event.notification.id,
        subscription=to,
        attempts=0,
        correlation_id=event.correlation_id,
        claimed_at=now,
    )


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
        "lease_until": None,
        "claimed_by": None,
        "begun_at": None,
    }
