"""Traces of OpenTelemetry, where the settings want them; else nothing of it is imported."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp.typedefs import Middleware

from bridge import __version__
from bridge.app.process import now
from bridge.delivery.worker import Around, plainly
from bridge.errors import PermanentError
from bridge.settings import Settings
from bridge.store import SqlStore

if TYPE_CHECKING:
    from bridge.tracing import Tracing


def open_tracing(settings: Settings, store: SqlStore, stack: AsyncExitStack) -> "Tracing | None":
    """Open what sends spans to the collector; None where no collector is named.

    Raises `PermanentError` if OpenTelemetry is not installed.
    """
    chosen = settings.tracing
    if chosen.endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

        from bridge.tracing import Contexts, Tracing
    except ImportError as missing:
        raise PermanentError(
            f"tracing.endpoint: OpenTelemetry is not installed ({missing.name}): pip install 'mef-bridge[otel]'"
        ) from missing
    about = {"service.name": chosen.service, "service.version": __version__, "service.instance.id": settings.instance}
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(chosen.ratio), resource=Resource.create(about), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(chosen.endpoint)))
    stack.push_async_callback(asyncio.to_thread, provider.shutdown)
    return Tracing(provider.get_tracer("mef-bridge", __version__), Contexts(store.trace_contexts, now))


def around_requests(tracing: "Tracing | None") -> Sequence[Middleware]:
    """Give what stands around each request of a Buyer."""
    if tracing is None:
        return ()
    from bridge.tracing.requests import tracing_requests

    return (tracing_requests(tracing),)


def around_deliveries(tracing: "Tracing | None") -> Around:
    """Give what stands around each attempt at a delivery."""
    if tracing is None:
        return plainly
    from bridge.tracing.deliveries import Traced

    return Traced(tracing)
