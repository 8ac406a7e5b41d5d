"""Traces of OpenTelemetry across the bus and HTTP: one from the WFM's message, or a Buyer's request, to the webhook.

A trace goes where the correlation id goes: what a message or request begins is remembered by that id, and whatever
follows from it (a command, a delivery), also in another process or after a restart, goes on from there. Without the
setting `tracing.endpoint` nothing of this package is imported.
"""

from bridge.tracing.bus import TracedBus
from bridge.tracing.contexts import Contexts
from bridge.tracing.spans import Tracing

__all__ = ["Contexts", "TracedBus", "Tracing"]
