"""Rings of commands beside a bridge: heard after their commit, and only then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from bridge.app.process import new_id
from bridge.loops import Bell, when_due
from bridge.store import SqlStore, open_existing
from bridge.store.engine import open_engine
from bridge.store.wakes import LOOK_S, POOLED_S
from tests.integration.store.conftest import Execute
from tests.integration.store.values import NOW, entry, message, send
from tests.support import eventually


class Rings:
    """What a bridge hears."""

    def __init__(self, store: SqlStore) -> None:
        self.heard = 0
        store.wakes.on_ring = self._count

    def _count(self) -> None:
        self.heard += 1


@pytest.fixture
async def rings(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rings]:
    """A bridge that listens as others do, if more often."""
    monkeypatch.setattr("bridge.store.wakes.LOOK_S", 0.02)
    rings = Rings(store)
    listening = asyncio.create_task(when_due(store.wakes.hear, Bell(), "wakes"))
    await eventually(lambda: rings.heard)
    yield rings
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


@pytest.fixture
async def beside(store: SqlStore, url: str) -> AsyncIterator[SqlStore]:
    """A command's store."""
    async with AsyncExitStack() as stack:
        opened = await open_existing(url, new_id=new_id)
        stack.push_async_callback(opened.close)
        yield opened


async def test_a_commit_of_a_command_is_heard(rings: Rings, beside: SqlStore) -> None:
    for _ in range(3):
        before = rings.heard
        await send(beside, message("J-1"))
        await eventually(lambda: rings.heard > before)  # noqa: B023 - it is waited for within the round


async def test_what_changes_nothing_or_is_rolled_back_is_not_heard(rings: Rings, beside: SqlStore) -> None:
    before = rings.heard
    await beside.journal.find(1)
    with suppress(ZeroDivisionError):
        async with beside.transaction() as tx:
            await tx.record([entry()])
            raise ZeroDivisionError
    await send(beside, message("J-1"))
    await eventually(lambda: rings.heard > before)
    assert rings.heard == before + 1


async def test_a_bridge_does_not_ring_for_itself(rings: Rings, store: SqlStore, beside: SqlStore) -> None:
    before = rings.heard
    await send(store, message("J-1"))
    await send(beside, message("J-2"))
    await eventually(lambda: rings.heard > before)
    assert rings.heard == before + 1


@pytest.mark.integration
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_connection_that_is_lost_is_made_anew_and_senders_look_once(
    rings: Rings, beside: SqlStore, sql: Execute
) -> None:
    before = rings.heard
    found = await sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        " AND query IN ('SELECT 1', 'LISTEN mef_bridge_due', 'LISTEN \"mef_bridge_due\"')"
    )
    assert found == [(1,)]
    await eventually(lambda: rings.heard > before)
    before = rings.heard
    await send(beside, message("J-1"))
    await eventually(lambda: rings.heard > before)


@pytest.mark.integration
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_behind_a_pooler_nobody_listens_and_senders_look_more_often(url: str) -> None:
    store = SqlStore(open_engine(url, named_statements=False), new_id=new_id, clock=lambda: NOW)
    rings = Rings(store)
    assert await store.wakes.hear() == POOLED_S
    assert rings.heard == 1
    await store.close()


async def test_a_database_that_is_not_there_is_waited_for() -> None:
    store = SqlStore(None, new_id=new_id, clock=lambda: NOW)
    rings = Rings(store)
    assert (await store.wakes.hear(), rings.heard) == (LOOK_S, 0)
