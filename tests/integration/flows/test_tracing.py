"""One trace of OpenTelemetry, from the WFM's message or a Buyer's request to the command and the webhook."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from bridge.api.middleware import COUNT, correlate, uncounted
from bridge.api.refused import NOTE, unnoted
from bridge.delivery.sender import open_sender
from bridge.delivery.worker import DeliveryWorker
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.mef.enums import Api, Irp
from bridge.mef.models import EventSubscriptionInput
from bridge.settings import DeliverySettings
from bridge.tracing import Contexts, TracedBus, Tracing
from bridge.tracing.deliveries import Traced
from bridge.tracing.requests import tracing_requests
from tests.integration.flows import acme
from tests.integration.flows.world import BUYER, World
from tests.support import PATIENCE_S, eventually
from tests.unit.delivery.listener import Listener, listening

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SETTINGS = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)


class Spans:
    """Tracing into memory."""

    def __init__(self, world: World, ratio: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=ParentBasedTraceIdRatio(ratio), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider.get_tracer("test"), Contexts(world.sql_store.trace_contexts, world.clock))

    def named(self, beginning: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name.startswith(beginning)]


def said(message: WfmMessage, flags: str = "01") -> WfmMessage:
    return replace(message, headers={**message.headers, "traceparent": f"00-{TRACE}-{PARENT}-{flags}"})


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def id_of(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}"


@asynccontextmanager
async def delivering(world: World, tracing: Tracing) -> AsyncIterator[Listener]:
    """Post what is announced to a listener of the Buyer."""
    async with listening() as listener:
        request = EventSubscriptionInput(callback=listener.callback)
        await world.subscriptions.register(Api.WORK_ORDER, Irp.SONATA, BUYER, request, None, None)
        worker = DeliveryWorker(
            world.sql_store.deliveries,
            lambda: open_sender(SETTINGS, world.clock),
            SETTINGS,
            world.clock,
            Random(1),
            "http://bridge",
            around=Traced(tracing),
        )
        world.sql_store.deliveries.on_due = worker.wake
        task = asyncio.create_task(worker.run())
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_a_message_leads_to_the_webhook_in_the_trace_that_it_came_with(world: World) -> None:
    spans = Spans(world)
    async with delivering(world, spans.tracing) as listener:
        await spans.tracing.applying(world.job_updates.handle, "acme.events")(said(acme.event("NEW", 1)))
        await eventually(lambda: len(listener.received) == 2)
        await eventually(lambda: len(spans.named("deliver ")) == 2)
    (applied,) = spans.named("apply acme-wfm")
    assert (trace_of(applied), applied.parent and f"{applied.parent.span_id:016x}") == (TRACE, PARENT)
    posted = [received.headers["traceparent"] for received in listener.received]
    delivered = spans.named("deliver workOrder")
    assert sorted(posted) == sorted(f"00-{TRACE}-{id_of(span)}-01" for span in delivered)
    assert {span.parent and span.parent.span_id for span in delivered} == {applied.context.span_id}
    assert [dict(span.attributes or {})["http.response.status_code"] for span in delivered] == [204, 204]


async def test_the_trace_goes_on_in_another_process_and_is_put_on_commands(world: World) -> None:
    spans = Spans(world)
    order = await world.open_work_order()
    message = said(acme.event("SCHD", 2, **acme.IN_MORNING))
    await spans.tracing.applying(world.job_updates.handle, "acme.events")(message)
    await spans.tracing.contexts.write()
    other = Spans(world)
    bus = TracedBus(world.bus, other.tracing)
    for each in await world.sql_store.outbox.reports():
        if each.message.headers.get("x-correlation-id") == message.correlation_id:
            await bus.publish(each.message)
    assert order.id
    sent = [each.headers["traceparent"].split("-")[1] for each in world.bus.of("cmd.ticket")]
    assert sent
    assert {*sent, *map(trace_of, other.named("command cmd."))} == {TRACE}


async def test_without_a_trace_there_is_nothing_to_go_on_with(world: World) -> None:
    spans = Spans(world)
    await world.open_work_order()
    bus = TracedBus(world.bus, spans.tracing)
    (message, *_) = [each.message for each in await world.sql_store.outbox.reports()]
    await bus.publish(message)
    assert world.bus.sent[-1] == message
    assert spans.named("") == []


@pytest.mark.parametrize(("ratio", "flags", "kept"), [(0.0, None, 0), (0.0, "01", 1), (1.0, "00", 0), (1.0, None, 1)])
async def test_who_began_a_trace_says_whether_it_is_kept(
    world: World, ratio: float, flags: str | None, kept: int
) -> None:
    spans = Spans(world, ratio)
    message = acme.event("NEW", 1)
    await spans.tracing.applying(world.job_updates.handle, "x")(said(message, flags) if flags else message)
    assert len(spans.named("apply")) == kept
    assert (await spans.tracing.contexts.find(message.correlation_id) is not None) == bool(kept)


@pytest.mark.parametrize("header", ["", "00-zz", "ff-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5000])
async def test_a_header_that_is_none_begins_a_new_trace(world: World, header: str) -> None:
    spans = Spans(world)
    message = replace(acme.event("NEW", 1), headers={"traceparent": header})
    await spans.tracing.applying(world.job_updates.handle, "x")(message)
    (applied,) = spans.named("apply")
    assert applied.parent is None
    assert await world.outcomes() == ["applied"]


async def test_a_request_is_a_span_in_the_trace_of_its_buyer_and_what_changes_leads_on(world: World) -> None:
    spans = Spans(world)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=503 if request.method == "POST" else 200)

    app = web.Application(middlewares=[correlate, tracing_requests(spans.tracing)])
    app[COUNT], app[NOTE] = uncounted, unnoted
    app.add_routes([web.get("/order/{id}", answer), web.post("/order/{id}", answer), web.get("/health/live", answer)])
    given = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Correlation-ID": "corr-1"}
    async with TestServer(app) as server, ClientSession() as client:

        async def ask(method: str, path: str) -> Any:
            async with client.request(method, server.make_url(path), headers=given):
                return await spans.tracing.contexts.find("corr-1")

        assert await ask("GET", "/health/live") is None
        assert await ask("GET", "/order/1") is None
        leads_on = await ask("POST", "/order/1")
    read, changed = spans.named("")
    assert {trace_of(read), trace_of(changed)} == {TRACE}
    assert (changed.name, changed.status.is_ok) == ("POST /order/{id}", False)
    assert leads_on == {"traceparent": f"00-{TRACE}-{id_of(changed)}-01"}
