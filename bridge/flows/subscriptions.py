"""Registering for notifications (UC 19, 21): which listener of which Buyer hears of which event types (R60-R63)."""

import asyncio
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from bridge.domain.callback_host import host_problem
from bridge.domain.model import BuyerId
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.subscription import Listeners, Subscription, SubscriptionId
from bridge.flows.refusals import InvalidSubscription, NotFound
from bridge.mef.enums import Api, EventType, Irp
from bridge.mef.models import EventSubscriptionInput

EVENT_TYPES: dict[Api, tuple[EventType, ...]] = {
    Api.APPOINTMENT: (EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE, EventType.APPOINTMENT_STATUS_CHANGE),
    Api.WORK_ORDER: (
        EventType.WORK_ORDER_CREATE,
        EventType.WORK_ORDER_STATE_CHANGE,
        EventType.WORK_ORDER_APPOINTMENT_REQUIRED,
    ),
}


LONGEST_CALLBACK = 2000  # characters; with our path behind it still a request line that every server takes


ANYWHERE: Final[Mapping[BuyerId, frozenset[str]]] = MappingProxyType({})


class Subscriptions:
    """The use cases. `max_listeners` is for one Buyer with one API; the standard names no maximum.

    `hosts` are those that the listeners of a Buyer may have; those of one that is not named may have any.
    """

    def __init__(
        self,
        listeners: Listeners,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        max_listeners: int,
        hosts: Mapping[BuyerId, frozenset[str]] = ANYWHERE,
    ) -> None:
        self._listeners = listeners
        self._clock = clock
        self._new_id = new_id
        self._max_listeners = max_listeners
        self._hosts = hosts
        self._adding = asyncio.Lock()

    async def register(
        self,
        api: Api,
        irp: Irp,
        buyer: BuyerId,
        request: EventSubscriptionInput,
        buyer_param: str | None,
        seller_param: str | None,
        subscription_id: SubscriptionId | None = None,
    ) -> Subscription:
        """Register a listener; raises `InvalidSubscription` with a sentence for the Buyer.

        The same registration again makes another listener: the hub is a POST, and two may be wanted.

        `subscription_id` is given for a request that may have been tried before: it registers one listener only.
        """
        _check_callback(request.callback)
        self._check_host(request.callback, buyer)
        registered = await self._listeners.find(subscription_id) if subscription_id else None
        if registered is not None:
            return registered
        subscription = Subscription(
            id=subscription_id or SubscriptionId(self._new_id()),
            api=api,
            irp=irp,
            buyer=buyer,
            callback=request.callback,
            query=request.query,
            event_types=event_types(api, request.query),
            buyer_param=buyer_param,
            seller_param=seller_param,
            created_at=self._clock(),
        )
        async with self._adding:
            await self._check_number(api, buyer)
            await self._listeners.add(subscription)
        return subscription

    def _check_host(self, callback: str, buyer: BuyerId) -> None:
        allowed = self._hosts.get(buyer)
        if allowed and urlsplit(callback).hostname not in allowed:
            raise InvalidSubscription(
                f"callback: the host must be one that was agreed on for this Buyer: {', '.join(sorted(allowed))}."
            )

    async def _check_number(self, api: Api, buyer: BuyerId) -> None:
        """Keep one Buyer from having every event sent without end. Replicas may count at once and exceed it a bit."""
        if await self._listeners.count(api, buyer) >= self._max_listeners:
            raise InvalidSubscription(
                f"This Buyer has {self._max_listeners} listeners registered with this API, which is the most possible; "
                "remove one that is not needed any more."
            )

    async def get(self, api: Api, buyers: frozenset[BuyerId], subscription_id: SubscriptionId) -> Subscription:
        """Return a subscription of one of the Buyers in this API; raises `NotFound`."""
        subscription = await self._listeners.find(subscription_id, buyers)
        if subscription is None or subscription.api is not api:
            raise NotFound
        return subscription

    async def remove(self, api: Api, buyers: frozenset[BuyerId], subscription_id: SubscriptionId) -> None:
        """Remove a subscription; nothing more is sent to its listener."""
        await self.get(api, buyers, subscription_id)
        await self._listeners.remove(subscription_id)


def event_types(api: Api, query: str | None) -> frozenset[EventType]:
    """Read a hub query (TMF630): `eventType=a,b` or `eventType=a&eventType=b`; empty means all types of the API.

    Case and spaces do not matter, since the guide and the OpenAPI file differ there.
    """
    known = EVENT_TYPES[api]
    if query is None or not query.strip():
        return frozenset(known)
    by_name = {event_type.lower(): event_type for event_type in known}
    found: set[EventType] = set()
    for name, values in parse_qsl(re.sub(r"\s+", "", query), keep_blank_values=True):
        if name.lower() != "eventtype":
            raise InvalidSubscription(f"query: only eventType can be filtered on, not {name!r}.")
        for value in values.split(","):
            if value.lower() not in by_name:
                raise InvalidSubscription(f"query: unknown event type {value!r}; known are {', '.join(known)}.")
            found.add(by_name[value.lower()])
    if not found:
        raise InvalidSubscription("query: expected eventType=<type>[,<type>...].")
    return frozenset(found)


def _check_callback(callback: str) -> None:
    if len(callback) > LONGEST_CALLBACK:
        raise InvalidSubscription(f"callback: must have at most {LONGEST_CALLBACK} characters.")
    try:
        parts = urlsplit(callback)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    # urlsplit drops line breaks without a word; the rest of the address would not be what it looked like.
    if not valid or not callback.isprintable() or " " in callback:
        raise InvalidSubscription("callback: expected an absolute http or https URL.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidSubscription("callback: must not have a query, a fragment or credentials.")
    if (problem := host_problem(parts.hostname or "")) is not None:
        raise InvalidSubscription(f"callback: {problem}.")
