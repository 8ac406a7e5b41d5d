"""Deliveries to test with."""

from datetime import UTC, datetime
from typing import Any

from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Delivery
from bridge.mef.enums import Api, EventType, Irp

EVENT_TIME = datetime(2026, 3, 5, 12, 4, 5, 678900, tzinfo=UTC)


def subscription(callback: str = "https://buyer.example/callback", **values: Any) -> Subscription:
    """Make a subscription to WorkOrder events over Sonata."""
    defaults: dict[str, Any] = {
        "id": SubscriptionId("sub-1"),
        "api": Api.WORK_ORDER,
        "irp": Irp.SONATA,
        "buyer": BuyerId("acme-buyer"),
        "callback": callback,
        "query": None,
        "event_types": frozenset(EventType),
        "created_at": EVENT_TIME,
    }
    return Subscription(**(defaults | values))


def delivery(number: int = 1, to: Subscription | None = None, resource: str = "wo-1", **values: Any) -> Delivery:
    """Make a delivery of a state change that was never tried."""
    defaults: dict[str, Any] = {
        "number": number,
        "event_id": f"event-{number}",
        "event_type": EventType.WORK_ORDER_STATE_CHANGE,
        "event_time": EVENT_TIME,
        "resource_id": resource,
        "subscription": to or subscription(),
        "attempts": 0,
        "correlation_id": f"correlation-{number}",
        "claimed_at": EVENT_TIME,
    }
    return Delivery(**(defaults | values))
