"""Who may begin to take a pack's messages, and how one partitioning follows another: nothing is lost, and what comes
first is handled first.

A *partitioning* says into how many partitions messages are divided, and by what. By it one of two collects them, bound
to the WFM's exchange: the inbound queue (which is handled as it is, or by the partitioner), or an exchange that hashes.
Which partitioning is in force is in the database; beside it, while a change is under way, the next one. All processes
consume the inbound queue, also where an exchange divides and nothing should come into it: so its consumers show whether
anybody is at work.

Who begins holds a lock (a queue that RabbitMQ keeps for one connection) until it consumes. Where another partitioning
is in force, and nobody is at work, it changes that first:

1. It makes the queues and the exchanges of the next one. Nothing leads there yet.
2. It records which is next. From now on nobody begins who has not ended this change.
3. Where another one is to collect, it binds that; lets a while pass; and only then releases the one before. So each
   message comes to one of them, and those of that while to both, where they are known by their ids.
4. It takes all that the partitions of the one before have; then what its rest has (`collectors.py`), or, where an
   exchange is to collect and none did before, what the inbound queue has.
5. It removes the partitions of the one before, records that the next one is in force, and begins.

Each step can be done again. A process that is killed in the middle has recorded what is next, and whoever comes after
it goes on from step 3, also where its own settings want another partitioning, or the one before back: it changes to
that afterwards. To go back at once would be wrong: one queue would have what came before the change and after it, and
another one what came in between.

The same holds for a process that is cut off, or stopped for minutes, and goes on. All that it binds, releases and
removes for a change it does on the connection that has its lock, and with that connection both are lost; and it changes
in the database only what is still as it has found it. One that finds itself overruled, as it looks after each reconnect
and from time to time, consumes no more, and waits for its turn; and it binds nothing again without having looked.

Where an exchange is in force and has lost its division, because RabbitMQ was restarted, that is changed, too: to one
undivided queue, and back. All processes look for it after a reconnect and from time to time, and stop then.

Two that take the same messages at a time, each all of them from some moment on and in their order, do no harm: what one
has taken the other drops. Harm would be that one begins later than the other and is ahead of it; hence step 4.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource, ChannelNotFoundEntity
from faststream.rabbit import RabbitQueue

from bridge.errors import PermanentError
from bridge.flows.partitioning import UNDIVIDED, InForce, Partitioning, Partitionings
from bridge.wfm.collectors import Collector, HashExchange, QueueCollector
from bridge.wfm.link import Channels, RabbitLink
from bridge.wfm.partitions import Drain
from bridge.wfm.topology import Topology, asked
from bridge.wfm.upkeep import bind

OVERLAP_S: Final = 1.0
"""So long both collectors are bound: what was on its way to the one before, when the next was bound, arrives in it."""

_log = structlog.stdlib.get_logger(__name__)


class Succession:
    """What a pack's processes go by. Ours is `partitioning`; `exchange` and `keys` are of the WFM's exchange."""

    def __init__(
        self,
        link: RabbitLink,
        topology: Topology,
        store: Partitionings,
        drain: Drain,
        *,
        pack: str,
        partitioning: Partitioning,
        exchange: str,
        keys: Sequence[str],
    ) -> None:
        self._link = link
        self._topology = topology
        self._store = store
        self._drain = drain
        self._pack = pack
        self._ours = partitioning
        self._exchange = exchange
        self._keys = keys
        self._inbound = topology.inbound_queue(pack)
        self.collector: Final = self._collector(partitioning)
        if isinstance(self.collector, HashExchange):
            link.on_reconnect(self.collector.forget)
        self.others_are_at_work = False
        """Are there processes that go by another one, as far as is known? They take the messages, then."""

    @asynccontextmanager
    async def in_force(self) -> AsyncIterator[str | None]:
        """Enter with None where our partitioning is in force, or has been put in force; it stays so until the end of
        the block. Else enter with what is in the way.

        Raises `PermanentError` where it cannot be.
        """
        await self._check()
        channels = self._link.of_this_connection()
        try:
            async with channels() as channel:
                await channel.queue_declare(self._lock, exclusive=True)
        except ChannelLockedResource:
            yield "another process is beginning just now"
            return
        except ChannelAccessRefused as refused:
            raise self._link.not_allowed(refused) from refused
        try:
            yield await self._problem(channels)
        finally:
            async with channels() as channel:
                await channel.queue_delete(self._lock)

    async def still_ours(self) -> bool:
        """Tell whether our partitioning is in force, and no other one about to be."""
        found = await self._store.of(self._pack)
        return found == InForce(self._ours) and await self._is_whole(self._link.scratch_channel, found)

    async def _check(self) -> None:
        """See that what we want can be, before we wait for others to stop."""
        if not isinstance(self.collector, HashExchange):
            return
        await self.collector.demand()
        earlier = self._topology.earlier_inbound_queue(self._pack)
        if await asked(self._link.scratch_channel, earlier) is not None:
            raise PermanentError(
                f"the queue {earlier!r} of an earlier version is there, and an exchange that divides cannot follow on "
                f"that: set wfm.partitions to 1, and delete the queue once the log says that it is empty"
            )

    async def may_bind(self) -> bool:
        """Tell whether the WFM's exchange is to lead to what collects by our partitioning."""
        return await self._store.of(self._pack) == InForce(self._ours)

    async def _problem(self, channels: Channels) -> str | None:
        found = await self._store.of(self._pack)
        self.others_are_at_work = False
        while found != InForce(self._ours) or not await self._is_whole(channels, found):
            if await self._are_at_work(channels, found):
                return self._in_the_way(found)
            if found.next is None:
                following = UNDIVIDED if found.now == self._ours else self._ours
                await self._make(channels, following)
                found = await self._record(found, InForce(found.now, following))
            following = found.next or self._ours
            await self._follow(channels, found.now, following)
            if await self._are_at_work(channels, found):
                return self._in_the_way(found)
            await self._drain.remove(channels, self._topology.queues_of(self._pack, found.now))
            _log.info("the partitioning has changed", pack=self._pack, before=str(found.now), now=str(following))
            found = await self._record(found, InForce(following))
        return None

    async def _is_whole(self, channels: Channels, found: InForce) -> bool:
        """Tell whether what collects does so as it did from the beginning."""
        collector = self._collector(found.now)
        return not isinstance(collector, HashExchange) or await collector.is_whole(channels)

    async def _make(self, channels: Channels, following: Partitioning) -> None:
        collector = self._collector(following)
        if isinstance(collector, HashExchange):
            await collector.divide(channels)
        else:
            await collector.declare()

    async def _record(self, was: InForce, will: InForce) -> InForce:
        await self._store.change(self._pack, was, will)
        return will

    async def _follow(self, channels: Channels, old: Partitioning, new: Partitioning) -> None:
        """Let all that comes go to the new one, and all that the old one has be handled."""
        was, will = self._collector(old), self._collector(new)
        await will.declare()
        if was.name != will.name:
            with suppress(ChannelNotFoundEntity):  # the WFM has not made its exchange yet; so nothing comes
                await bind(channels, self._topology, will, self._exchange, self._keys)
            await asyncio.sleep(OVERLAP_S)
            await was.release(channels, self._exchange, self._keys)
        await self._drain.seal(channels, self._partitions(old))
        await self._drain.drain(channels, self._partitions(old), passed_on=not old.is_hashed)
        if old.is_hashed:
            await self._drain.drain(channels, [self._topology.rest(self._pack, old)], passed_on=False)
        elif new.is_hashed:
            await self._drain.drain(channels, [self._inbound], passed_on=False)

    async def _are_at_work(self, channels: Channels, found: InForce) -> bool:
        both = (found.now, found.next or self._ours)
        queues = [self._inbound, *(queue for each in both for queue in self._topology.queues_of(self._pack, each))]
        counts = [await asked(channels, queue.name) for queue in queues]
        self.others_are_at_work = any(count is not None and count.consumers for count in counts)
        return self.others_are_at_work

    def _in_the_way(self, found: InForce) -> str:
        if found == InForce(self._ours):
            return "the division by the exchange was lost; it is made again once all processes have stopped for that"
        return (
            f"wfm.partitions was {found.now}, and a process that goes by that is at work; "
            f"this one takes messages once all of those are stopped"
        )

    def _partitions(self, of: Partitioning) -> list[RabbitQueue]:
        return self._topology.partitions(self._pack, of)

    def _collector(self, of: Partitioning) -> Collector:
        if of.is_hashed:
            return HashExchange(self._link, self._topology, self._pack, of)
        return QueueCollector(self._link, self._topology, self._inbound)

    @property
    def _lock(self) -> str:
        return f"{self._inbound.name}.partitioning"
