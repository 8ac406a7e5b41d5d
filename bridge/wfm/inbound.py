"""What a pack's messages come in by: its inbound queue, which one process handles at a time, or else passes on to
partitions, of which each process handles some.

How the queue is divided may only change while nobody works by the old way, and what is left in partitions of the old
number is handled first: then a job's messages stay in order. What is in force is in the database. Who begins holds a
lock meanwhile (a queue that RabbitMQ keeps for one connection), looks it up, and consumes before he lets the lock go.
Who wants to change it finds by the number of consumers whether others are at work. A process that finds itself
overruled, as it looks after each reconnect and from time to time, consumes no more, and waits for its turn.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource

from bridge.backoff import Backoff
from bridge.errors import PermanentError, TransientError
from bridge.flows.ports import Partitionings
from bridge.loops import Bell
from bridge.wfm.consumer import STOP_DEADLINE_S, InboundConsumer
from bridge.wfm.link import RabbitLink
from bridge.wfm.partitions import Drain, PartitionConsumer, Partitioner
from bridge.wfm.topology import Topology
from bridge.wfm.trouble import GONE
from bridge.wfm.upkeep import end

RETRIES: Final = Backoff(first=0.1, longest=3.0)
LOOK_EVERY_S: Final = 30.0
"""How often to see whether this process is overruled."""
BEGUN_SOON_S: Final = 2.0
"""So long a start waits until it may consume."""

_log = structlog.stdlib.get_logger(__name__)


class Partitioning:
    """How many partitions a pack's inbound queue is divided into (1: none), and who may change that."""

    def __init__(
        self, link: RabbitLink, topology: Topology, store: Partitionings, drain: Drain, *, pack: str, count: int
    ) -> None:
        self._link = link
        self._topology = topology
        self._store = store
        self._drain = drain
        self._pack = pack
        self._count = count
        self.others_are_at_work = False
        """Are there processes that go by another number, as far as is known? They take the messages, then."""

    @asynccontextmanager
    async def in_force(self) -> AsyncIterator[str | None]:
        """Enter with None where our number is in force, or has been put in force; it stays so until the end of the
        block. Else enter with what is in the way.
        """
        try:
            async with self._link.scratch_channel() as channel:
                await channel.queue_declare(self._lock, exclusive=True)
        except ChannelLockedResource:
            yield "another process is beginning just now"
            return
        except ChannelAccessRefused as refused:
            raise self._link.not_allowed(refused) from refused
        try:
            yield await self._problem()
        finally:
            async with self._link.scratch_channel() as channel:
                await channel.queue_delete(self._lock)

    async def is_overruled(self) -> bool:
        """Tell whether another number is in force by now."""
        return await self._store.count(self._pack) != self._count

    async def _problem(self) -> str | None:
        self.others_are_at_work = False
        before = await self._store.count(self._pack)
        if before == self._count:
            return None
        old = self._topology.partitions(self._pack, before)
        at_work = [self._topology.inbound_queue(self._pack).name, *(queue.name for queue in old)]
        in_the_way = (
            f"wfm.partitions was {before}, and a process that goes by that is at work; "
            f"this one takes messages once all of those are stopped"
        )
        if await self._are_consumed(at_work):
            return in_the_way
        await self._drain.drain(old)
        if await self._are_consumed(at_work):
            return in_the_way
        await self._store.change(self._pack, self._count)
        _log.info("the number of partitions has changed", pack=self._pack, before=before, now=self._count)
        return None

    async def _are_consumed(self, queues: Sequence[str]) -> bool:
        self.others_are_at_work = bool(await self._drain.consumers(queues))
        return self.others_are_at_work

    @property
    def _lock(self) -> str:
        return f"{self._topology.inbound_queue(self._pack).name}.partitioning"


class Inbound:
    """All that takes a pack's messages in this process. Without `partitions` the inbound queue is handled as it is."""

    def __init__(
        self,
        link: RabbitLink,
        queue: InboundConsumer,
        partitioning: Partitioning | None = None,
        *,
        partitions: Sequence[PartitionConsumer] = (),
        partitioner: Partitioner | None = None,
    ) -> None:
        self._link = link
        self._queue = queue
        self._partitioning = partitioning
        self.partitions: Final = partitions
        self._partitioner = partitioner
        self._bell = Bell()
        self._begun = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._said: str | None = None
        self._failed: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nothing is collected of what the WFM says; None where it is, be it by another process."""
        if self._begun.is_set():
            return self._queue.problem
        if self._failed is None and self._partitioning is not None and self._partitioning.others_are_at_work:
            return None
        if self._failed is not None:
            return f"the WFM's messages cannot be taken: {self._failed}"
        return "the WFM's messages are not taken yet" + (f": {self._said}" if self._said is not None else "")

    @property
    def stands_by(self) -> bool:
        """Do other processes take all messages, so that this one has nothing to do until one of them goes?"""
        if not self._begun.is_set():
            return True
        return self._queue.stands_by and all(partition.stands_by for partition in self.partitions)

    async def wait_bound(self) -> None:
        """Return once the queue is bound to the WFM's exchange."""
        await self._queue.wait_bound()

    async def start(self) -> None:
        """Begin, or wait in the background for our turn. Raises as `InboundConsumer.start`."""
        if self._partitioning is None:
            await self._consume()
            return
        self._keeper = asyncio.create_task(self._keep(self._partitioning), name="inbound")
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait([begun, self._keeper], timeout=BEGUN_SOON_S, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._keeper.done():
            self._keeper.result()

    async def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Take no more; what is in flight has so long to end."""
        if self._keeper is not None:
            await end(self._keeper)
        await self._stop(deadline_s)

    async def _keep(self, partitioning: Partitioning) -> None:
        self._link.on_reconnect(self._bell.ring)
        while True:
            try:
                await self._until_begun(partitioning)
            except PermanentError as wrong:
                self._failed = str(wrong)
                _log.error("messages cannot be taken", problem=self._failed)
                raise
            await self._bell.rest(LOOK_EVERY_S)
            try:
                overruled = await partitioning.is_overruled()
            except TransientError:  # the database is away; then nobody changes anything
                continue
            if overruled:
                _log.warning("another number of partitions is in force now; no more messages are taken")
                self._begun.clear()
                await self._stop(STOP_DEADLINE_S)

    async def _until_begun(self, partitioning: Partitioning) -> None:
        for wait in RETRIES.waits():
            if self._begun.is_set():
                return
            problem = await self._begin(partitioning)
            if problem is not None and problem != self._said:
                _log.warning("messages are not taken yet", problem=problem)
            self._said = problem
            if problem is not None:
                await asyncio.sleep(wait)

    async def _begin(self, partitioning: Partitioning) -> str | None:
        try:
            async with partitioning.in_force() as problem:
                if problem is None:
                    await self._consume()
        except (*GONE, TransientError, TimeoutError) as trouble:
            await self._stop(0)
            return str(trouble) or repr(trouble)
        return problem

    async def _consume(self) -> None:
        if self._partitioner is not None:
            await self._partitioner.prepare()
        for partition in self.partitions:
            await partition.start()
        await self._queue.start()
        self._begun.set()

    async def _stop(self, deadline_s: float) -> None:
        """Whoever fills the partitions stops first: what he has passed on is safe there."""
        await self._queue.stop(deadline_s)
        if self._partitioner is not None:
            await self._partitioner.stop()
        for partition in self.partitions:
            await partition.stop(deadline_s)
