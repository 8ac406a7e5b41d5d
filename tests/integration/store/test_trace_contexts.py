"""The context of a trace is kept by the correlation id, and the newest one counts."""

from bridge.flows.ports.memory import Memory
from bridge.store import SqlStore
from tests.integration.store.values import NOW, at

CONTEXT = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


async def test_the_context_of_a_correlation_id_is_found_and_overwritten(store: SqlStore) -> None:
    await store.trace_contexts.save({"corr-1": CONTEXT, "corr\x00": {"traceparent": "x", "tracestate": "a=b"}}, NOW)
    assert await store.trace_contexts.find("corr-1") == CONTEXT
    await store.trace_contexts.save({"corr-1": {"traceparent": "y"}}, at(days=1))
    assert await store.trace_contexts.find("corr-1") == {"traceparent": "y"}
    assert await store.trace_contexts.find("corr\x00") == {"traceparent": "x", "tracestate": "a=b"}
    assert await store.trace_contexts.find("corr-2") is None
    assert await store.retention.forget(Memory.TRACES, at(hours=1), 1000) == 1
    assert await store.trace_contexts.find("corr\x00") is None
