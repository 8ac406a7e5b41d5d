"""The queue that earlier versions of the bridge take a pack's messages from: several processes at once, out of order.

What a queue is like cannot be changed, so the one with a single active consumer has another name. It collects messages
from the moment it is bound. What came before is in its predecessor, which is taken first, by one process, and by none
as long as an earlier version is at it. What both have got is recognised by its id. The predecessor is unbound, emptied
and left to the operator: he may have bound it to something else, too.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity
from faststream.rabbit import RabbitQueue

from bridge.backoff import Backoff
from bridge.errors import BrokerUnavailable
from bridge.wfm.intake import Intake, Take
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import asked
from bridge.wfm.trouble import GONE

RETRIES: Final = Backoff(first=0.5, longest=5.0)
LOOK_EVERY_S: Final = 0.1
STOP_DEADLINE_S: Final = 10.0

_TROUBLE: Final = (*GONE, BrokerUnavailable)

_log = structlog.stdlib.get_logger(__name__)


class Predecessor:
    """`name` is the queue's; `keys` are those by which earlier versions have bound it to `exchange`."""

    def __init__(
        self, link: RabbitLink, name: str, exchange: str, keys: Sequence[str], take: Take, *, prefetch: int
    ) -> None:
        self._link = link
        self._name = name
        self._exchange = exchange
        self._keys = keys
        as_it_is = RabbitQueue(name, declare=False, robust=False)
        self._intake = Intake(link, [(as_it_is, None)], take, prefetch=prefetch)

    async def is_there(self) -> bool:
        """Tell whether there is such a queue."""
        return await asked(self._link.scratch_channel, self._name) is not None

    async def has_messages(self) -> bool:
        """Tell whether there is such a queue, with messages that nobody was given."""
        try:
            return await self._waiting() > 0
        except _TROUBLE:  # it is gone, or RabbitMQ is away: then nothing can be done now
            return False

    @asynccontextmanager
    async def emptied(self) -> AsyncIterator[None]:
        """Enter once nothing is left in it; until the end no other process does."""
        said = None
        for wait in RETRIES.waits():
            problem = await self._empty()
            if problem is None:
                break
            if problem != said:
                _log.warning("an earlier version's queue must be emptied first", queue=self._name, problem=problem)
            said = problem
            await asyncio.sleep(wait)
        _log.info("an earlier version's queue is empty; delete it, unless it is bound elsewhere", queue=self._name)
        try:
            yield
        finally:
            await self._unlock()

    async def stop(self, deadline_s: float) -> None:
        """Take no more from it."""
        await self._intake.stop(deadline_s)

    async def _empty(self) -> str | None:
        """Lock it, unbind it and take what is in it; say what keeps us from that."""
        try:
            if not await self._locked():
                return "another process is at it"
            if await self._consumers():
                await self._unlock()
                return "an earlier version of the bridge is at it; this one takes over once that is stopped"
            await self._unbind()
            await self._take_all()
        except ChannelNotFoundEntity:  # it was deleted
            await self._intake.stop(STOP_DEADLINE_S)
        except (*_TROUBLE, TimeoutError) as failed:
            await self._intake.stop(0)
            return str(failed) or "RabbitMQ did not answer in time"
        return None

    async def _locked(self) -> bool:
        try:
            async with self._link.scratch_channel() as channel:
                await channel.queue_declare(self._lock, exclusive=True)
        except ChannelLockedResource:
            return False
        return True

    async def _unlock(self) -> None:
        try:
            async with self._link.scratch_channel() as channel:
                await channel.queue_delete(self._lock)
        except _TROUBLE as lost:  # and with the connection, the lock
            _log.debug("the lock went with the connection", reason=str(lost))

    @property
    def _lock(self) -> str:
        return f"{self._name}.emptied"

    async def _consumers(self) -> int:
        async with self._link.scratch_channel() as channel:
            return (await channel.queue_declare(self._name, passive=True)).consumer_count or 0

    async def _waiting(self) -> int:
        async with self._link.scratch_channel() as channel:
            return (await channel.queue_declare(self._name, passive=True)).message_count or 0

    async def _unbind(self) -> None:
        for key in self._keys:
            async with self._link.scratch_channel() as channel:
                await channel.queue_unbind(self._name, self._exchange, key)

    async def _take_all(self) -> None:
        await self._intake.resume()
        empty = 0
        while empty < 2:  # what RabbitMQ has sent, and we have not received yet, is seen at the second look
            await asyncio.sleep(LOOK_EVERY_S)
            empty = 0 if await self._waiting() or not self._intake.is_idle else empty + 1
        await self._intake.stop(STOP_DEADLINE_S)
