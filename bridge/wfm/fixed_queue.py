"""Keeps a fixed reply queue consumed. It may be the WFM's: gone with a restart of RabbitMQ, deleted, made anew.

The connection does not restore it by itself: while such a queue is missing, all the rest would wait for it.
"""

from aiormq.exceptions import AMQPError, ChannelInvalidStateError
from faststream.rabbit import RabbitQueue

from bridge.errors import BridgeError
from bridge.wfm.intake import Intake
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology, declare_missing
from bridge.wfm.upkeep import Upkeep


class FixedQueue:
    """One queue with its consumption; `upkeep` keeps it."""

    def __init__(self, link: RabbitLink, topology: Topology, queue: RabbitQueue, intake: Intake) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self._intake = intake
        self.upkeep = Upkeep("consume the fixed reply queue", self._problem, queue=queue.name)

    @staticmethod
    def as_it_is(queue: RabbitQueue) -> RabbitQueue:
        """The queue as it is consumed: whatever its properties are."""
        return RabbitQueue(queue.name, declare=False, robust=False)

    async def declare(self) -> None:
        """Declare the queue where it is missing. Raises `PermanentError` if barred."""
        await declare_missing(self._link, self._topology, self._queue)

    async def _problem(self) -> str | None:
        try:
            await self.declare()
            await self._intake.resume()
        except (AMQPError, ChannelInvalidStateError, OSError, BridgeError) as failed:
            return str(failed)
        return None
