"""Forgets what is old and done with, in small steps beside the work; warns of messages whose job never came."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bridge.flows.ports.clock import Clock
from bridge.flows.ports.journal_entry import Journal
from bridge.flows.ports.memory import Memory
from bridge.loops import every

log = structlog.get_logger(__name__)

BATCH = 1000
"""Rows a transaction: a fraction of a second, so that nobody waits for it."""

EVERY_SECONDS = 300.0
WARN_EVERY = timedelta(days=1)


class Memories(Protocol):
    """What is kept for a time only."""

    async def forget(self, what: Memory, until: datetime, limit: int) -> int: ...


class Retention:
    """The use case. `ages` says how long each memory is kept; what is not in it is kept for ever."""

    def __init__(self, memories: Memories, journal: Journal, clock: Clock, ages: Mapping[Memory, timedelta]) -> None:
        self._memories = memories
        self._journal = journal
        self._clock = clock
        self._ages = ages
        self._warned_at: datetime | None = None

    async def run(self) -> None:
        """Look every few minutes, until cancelled."""
        await every(EVERY_SECONDS, self._look, "retention")

    async def _look(self) -> None:
        await self.warn_of_waiting()
        await self.sweep()

    async def sweep(self) -> dict[Memory, int]:
        """Delete all that is too old, batch by batch; return how much there was."""
        counts = {what: await self._sweep(what, self._clock() - age) for what, age in self._ages.items()}
        deleted = {what: count for what, count in counts.items() if count}
        if deleted:
            log.info("retention.deleted", **deleted)
        return deleted

    async def _sweep(self, what: Memory, until: datetime) -> int:
        deleted = 0
        while count := await self._memories.forget(what, until, BATCH):
            deleted += count
            await asyncio.sleep(0)
        return deleted

    async def warn_of_waiting(self) -> None:
        """Say at the start and once a day how many messages wait for a job, and how long the oldest does."""
        now = self._clock()
        if self._warned_at is not None and now - self._warned_at < WARN_EVERY:
            return
        self._warned_at = now
        count, oldest = await self._journal.waiting_since()
        if oldest is not None:
            log.warning("messages.waiting", count=count, oldest_hours=round((now - oldest).total_seconds() / 3600, 1))
