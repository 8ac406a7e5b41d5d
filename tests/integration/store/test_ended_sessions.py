"""A session that was ended stays ended for every process and after a restart, until it would have ended by itself."""

from bridge.flows.ports.memory import Memory
from bridge.store import SqlStore
from tests.integration.store.conftest import Execute, OpenStore
from tests.integration.store.values import NOW, at


async def test_what_was_ended_is_ended_for_all_and_nothing_else_is(store: SqlStore, open_: OpenStore) -> None:
    await store.ended_sessions.add("s-1", at(hours=8))
    await store.ended_sessions.add("s-1", at(hours=9))
    other = await open_()
    assert await other.ended_sessions.has("s-1")
    assert not await other.ended_sessions.has("s-2")


async def test_it_is_forgotten_once_the_session_would_be_over(store: SqlStore, sql: Execute) -> None:
    await store.ended_sessions.add("s-1", at(hours=8))
    await store.ended_sessions.add("s-2", at(hours=10))
    assert await store.retention.forget(Memory.SESSIONS, NOW, 1000) == 0
    assert await store.retention.forget(Memory.SESSIONS, at(hours=9), 1000) == 1
    assert await sql("SELECT id FROM ended_sessions") == [("s-2",)]
