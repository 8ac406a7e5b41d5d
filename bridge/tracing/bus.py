"""Messages for the WFM in the trace of what caused them: a span each, and `traceparent` among their headers."""

from dataclasses import replace

from opentelemetry.trace import SpanKind

from bridge.flows.bus_messages import CAUSE_HEADER
from bridge.flows.ports.command_bus import BusMessage, CommandBus
from bridge.tracing.spans import Tracing


class TracedBus:
    """A command bus (`CommandBus` of bridge.flows.ports) before another one."""

    def __init__(self, bus: CommandBus, tracing: Tracing) -> None:
        self._bus = bus
        self._tracing = tracing

    async def publish(self, message: BusMessage) -> None:
        """Publish as the other one does, with the trace."""
        cause = message.headers.get(CAUSE_HEADER, message.correlation_id)
        attributes = {
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "send",
            "messaging.destination.name": message.exchange,
            "messaging.rabbitmq.destination.routing_key": message.routing_key,
            "messaging.message.id": message.message_id,
            "mef_bridge.pack": message.pack,
            "mef_bridge.correlation_id": cause,
        }
        async with self._tracing.go_on(f"command {message.routing_key}", SpanKind.PRODUCER, cause, attributes) as (
            _,
            headers,
        ):
            await self._bus.publish(replace(message, headers={**message.headers, **headers}))

    async def pass_on(self, body: bytes, correlation_id: str, instance: str) -> None:
        """Pass a reply on as the other one does."""
        await self._bus.pass_on(body, correlation_id, instance)
