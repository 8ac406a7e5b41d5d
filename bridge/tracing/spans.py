"""Spans: begun by what comes from outside, and gone on with by what follows from it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bridge.domain.retry import Answered, SendResult, is_taken
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.tracing.contexts import Context, Contexts

HEADERS: Final = ("traceparent", "tracestate")
_PROPAGATOR: Final = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int]


class Tracing:
    """Makes the spans of a process; they end up where its `tracer` sends them."""

    def __init__(self, tracer: Tracer, contexts: Contexts) -> None:
        self._tracer = tracer
        self.contexts = contexts

    @contextmanager
    def begin(
        self, name: str, kind: SpanKind, headers: Mapping[str, str], correlation_id: str | None, attributes: Attributes
    ) -> Iterator[Span]:
        """Begin a span by what came from outside: in the trace that its headers name, or in a new one.

        What follows from `correlation_id` goes on from here, if the span is one that is kept.
        """
        given = {key.lower(): value for key, value in headers.items() if key.lower() in HEADERS}
        before = _PROPAGATOR.extract(given)
        with self._tracer.start_as_current_span(name, before, kind, attributes=attributes) as span:
            if correlation_id and span.is_recording():
                self.contexts.remember(correlation_id, _injected())
            yield span

    @asynccontextmanager
    async def go_on(
        self, name: str, kind: SpanKind, correlation_id: str, attributes: Attributes
    ) -> AsyncIterator[tuple[Span | None, Context]]:
        """Make a span where a trace goes on, and give it with the headers to send along; else none and none."""
        context = await self.contexts.find(correlation_id)
        if context is None:
            yield None, {}
            return
        with self._tracer.start_as_current_span(
            name, _PROPAGATOR.extract(context), kind, attributes=attributes
        ) as span:
            yield span, _injected()

    def applying(
        self, handle: Callable[[WfmMessage], Awaitable[None]], exchange: str
    ) -> Callable[[WfmMessage], Awaitable[None]]:
        """Make a span of each message of the WFM, from when it came until it is safe."""

        async def traced(message: WfmMessage) -> None:
            attributes = {
                "messaging.system": "rabbitmq",
                "messaging.operation.type": "process",
                "messaging.destination.name": exchange,
                "messaging.rabbitmq.destination.routing_key": message.routing_key,
                "mef_bridge.pack": message.pack,
                "mef_bridge.correlation_id": message.correlation_id,
            }
            name = f"apply {message.pack}"
            with self.begin(name, SpanKind.CONSUMER, message.headers, message.correlation_id, attributes):
                await handle(message)

        return traced


def _injected() -> Context:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def came_of(span: Span, result: SendResult) -> None:
    """Say on a span of a delivery what came of it."""
    if isinstance(result, Answered):
        span.set_attribute("http.response.status_code", result.status)
    error = f"{result.status}" if isinstance(result, Answered) else result.error
    if not (isinstance(result, Answered) and is_taken(result.status)):
        span.set_status(Status(StatusCode.ERROR, error))
