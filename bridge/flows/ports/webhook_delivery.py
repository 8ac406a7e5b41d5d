"""A notification for one listener: claimed, attempted and settled, and as the operator sees it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.mef.enums import EventType


class DeliveryState(StrEnum):
    """How far a notification is on its way to one listener."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification for one listener, claimed for sending at `claimed_at`. `attempts` counts those made before."""

    number: int
    event_id: str
    event_type: EventType
    event_time: datetime
    resource_id: str
    subscription: Subscription
    attempts: int
    correlation_id: str
    claimed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one POST to a listener gave: an HTTP status, or an error sentence. `elapsed` is in seconds.

    `excerpt` is how the body of the answer begins. Neither status nor error: it is under way, or was when the process
    that made it died.
    """

    at: datetime
    status: int | None
    error: str | None
    elapsed: float
    excerpt: str = ""


def is_under_way(attempt: Attempt) -> bool:
    """Tell whether an attempt has not ended, as far as is known."""
    return attempt.status is None and attempt.error is None


class Busy(NamedTuple):
    """Listeners, and Buyers with all their listeners, that are to be sent nothing more at the moment.

    `most_each` is how many any other listener may be sent.
    """

    listeners: frozenset[SubscriptionId] = frozenset()
    buyers: frozenset[BuyerId] = frozenset()
    most_each: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettlement:
    """What is to be recorded of an attempt. `next_attempt_at` is given exactly for a delivery that stays pending.

    `disable` says why the listener is to be sent nothing more. It is also sent nothing more if it has only failed since
    before `dead_since`.
    """

    number: int
    listener: SubscriptionId
    attempt: Attempt
    state: DeliveryState
    next_attempt_at: datetime | None = None
    disable: str | None = None
    dead_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries are meant; None means any. `since` and `until` (excluded) bound the time of the event."""

    state: DeliveryState | None = None
    buyer: BuyerId | None = None
    listener: SubscriptionId | None = None
    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """How far a notification is, for the operator. `callback` is None once the listener was removed.

    `last` is the newest attempt. `next_attempt_at` is None also for one that is behind another of its resource (its
    number is `behind`), or that waits for its listener to be resumed (`is_suspended`).
    """

    number: int
    listener: SubscriptionId
    is_suspended: bool
    event_id: str
    event_type: EventType
    event_time: datetime
    resource_id: str
    buyer: BuyerId
    callback: str | None
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    behind: int | None
    last: Attempt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryGroup:
    """How many deliveries of one event type there are for a listener, and the times of the first and last event."""

    buyer: BuyerId
    listener: SubscriptionId
    callback: str | None
    event_type: EventType
    count: int
    first: datetime
    last: datetime
