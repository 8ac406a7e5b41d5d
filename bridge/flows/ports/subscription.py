"""A Buyer's registered listener, and how it is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from bridge.domain.model import BuyerId
from bridge.mef.enums import Api, EventType, Irp

SubscriptionId = NewType("SubscriptionId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A Buyer's registered listener. `buyer_param` / `seller_param` are what the hub request carried (R9)."""

    id: SubscriptionId
    api: Api
    irp: Irp
    buyer: BuyerId
    callback: str
    query: str | None
    event_types: frozenset[EventType]
    buyer_param: str | None = None
    seller_param: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerReport:
    """How a listener is, for the operator. `failing_since` is None if the last notification was taken.

    `waiting` are the deliveries that are pending for it, `waiting_since` the time of the oldest one's event.
    """

    subscription: Subscription
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    waiting: int
    waiting_since: datetime | None


class Listeners(Protocol):
    """The registered listeners."""

    async def add(self, listener: Subscription) -> None: ...
    async def find(self, listener: SubscriptionId, of: Collection[BuyerId] | None = None) -> Subscription | None: ...
    async def count(self, api: Api, buyer: BuyerId) -> int: ...
    async def remove(self, listener: SubscriptionId) -> bool: ...
