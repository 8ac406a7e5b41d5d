"""What a pack's messages come in by: its inbound queue, which one process handles at a time, or else passes on to
partitions, of which each process handles some. Where an exchange divides, the partitions are filled without it.

When a process may begin says `succession.py`.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from bridge.backoff import Backoff
from bridge.errors import ConflictError, PermanentError, TransientError
from bridge.loops import Bell
from bridge.wfm.consumer import STOP_DEADLINE_S, InboundConsumer
from bridge.wfm.link import RabbitLink
from bridge.wfm.partitions import Gate, PartitionConsumer, Partitioner
from bridge.wfm.succession import Succession
from bridge.wfm.trouble import GONE
from bridge.wfm.upkeep import end

RETRIES: Final = Backoff(first=0.1, longest=3.0)
LOOK_EVERY_S: Final = 30.0
"""How often to see whether this process is overruled."""
LOOK_SOON_S: Final = 1.0
"""The same while it has not been seen since a reconnect."""
BEGUN_SOON_S: Final = 2.0
"""So long a start waits until it may consume."""

_log = structlog.stdlib.get_logger(__name__)


class Inbound:
    """All that takes a pack's messages in this process. Without `partitions` the inbound queue is handled as it is."""

    def __init__(
        self,
        link: RabbitLink,
        queue: InboundConsumer,
        succession: Succession | None = None,
        *,
        partitions: Sequence[PartitionConsumer] = (),
        partitioner: Partitioner | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._link = link
        self._queue = queue
        self._succession = succession
        self.partitions: Final = partitions
        self._partitioner = partitioner
        self._gate = gate or Gate()
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
        if self._failed is None and self._succession is not None and self._succession.others_are_at_work:
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
        if self._succession is None:
            await self._consume()
            return
        self._keeper = asyncio.create_task(self._keep(self._succession), name="inbound")
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

    async def _keep(self, succession: Succession) -> None:
        self._link.on_reconnect(self._bell.ring)
        self._link.on_lost(self._gate.close)
        while True:
            try:
                await self._until_begun(succession)
            except PermanentError as wrong:
                self._failed = str(wrong)
                _log.error("messages cannot be taken", problem=self._failed)
                raise
            await self._bell.rest(LOOK_EVERY_S if self._gate.is_open else LOOK_SOON_S)
            closings = self._gate.closings
            try:
                overruled = not await succession.still_ours()
            except (*GONE, TransientError):  # who does not reach the database, or RabbitMQ, changes nothing, either
                continue
            if overruled:
                _log.warning("what is in force has changed, or must be made anew; no more messages are taken")
                self._begun.clear()
                await self._stop(STOP_DEADLINE_S)
            else:
                self._gate.open(closings)

    async def _until_begun(self, succession: Succession) -> None:
        for wait in RETRIES.waits():
            if self._begun.is_set():
                return
            problem = await self._begin(succession)
            if problem is not None and problem != self._said:
                _log.warning("messages are not taken yet", problem=problem)
            self._said = problem
            if problem is not None:
                await asyncio.sleep(wait)

    async def _begin(self, succession: Succession) -> str | None:
        try:
            async with succession.in_force() as problem:
                if problem is None:
                    self._gate.close()
                    closings = self._gate.closings
                    await self._consume()
                    self._gate.open(closings)
        except (*GONE, TransientError, ConflictError, TimeoutError) as trouble:
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
        self._gate.drop()
        await self._queue.stop(deadline_s)
        if self._partitioner is not None:
            await self._partitioner.stop()
        for partition in self.partitions:
            await partition.stop(deadline_s)
