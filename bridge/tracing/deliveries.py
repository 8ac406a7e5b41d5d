"""Deliveries in the trace of what they tell of: a span for each attempt, and `traceparent` among its headers."""

from dataclasses import replace
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from bridge.delivery.webhook import Webhook
from bridge.delivery.worker import Post
from bridge.domain.retry import SendResult
from bridge.flows.ports.webhook_delivery import Delivery
from bridge.tracing.spans import Tracing, came_of


class Traced:
    """What stands around each attempt (`delivery.worker.Around`)."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def __call__(self, delivery: Delivery, webhook: Webhook, post: Post) -> SendResult:
        """Post with the trace."""
        attributes = {
            "http.request.method": webhook.method,
            "server.address": urlsplit(webhook.url).hostname or "",
            "mef_bridge.event_type": delivery.event_type.value,
            "mef_bridge.event_id": delivery.event_id,
            "mef_bridge.attempt": delivery.attempts + 1,
            "mef_bridge.correlation_id": delivery.correlation_id,
        }
        name = f"deliver {delivery.event_type.value}"
        async with self._tracing.go_on(name, SpanKind.CLIENT, delivery.correlation_id, attributes) as (span, headers):
            result = await post(replace(webhook, headers={**webhook.headers, **headers}))
            if span is not None:
                came_of(span, result)
            return result
