"""Watches the dead-letter queue: what RabbitMQ gave up delivering waits there for a person."""

from typing import Final

import structlog

from bridge.errors import BrokerUnavailable
from bridge.loops import every
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from bridge.wfm.trouble import GONE

LOOK_EVERY_S: Final = 30.0

_log = structlog.stdlib.get_logger(__name__)


class DeadLetters:
    """The dead-letter queue. `depth` is how many messages it had when last looked at."""

    def __init__(self, link: RabbitLink, topology: Topology, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._link = link
        self._queue = topology.dead_letter
        self._look_every_s = look_every_s
        self.depth = 0

    async def watch(self) -> None:
        """Look from time to time, for ever; warns when there are messages, and again when their number changes."""
        if not self._link.in_memory:
            await every(self._look_every_s, self._look, "dead_letters")

    async def _look(self) -> None:
        depth = await self._count()
        if depth and depth != self.depth:
            _log.warning(
                "messages wait in the dead-letter queue; see docs/durability.md", queue=self._queue, depth=depth
            )
        self.depth = depth

    async def _count(self) -> int:
        """Count; while RabbitMQ is away, what was there is there still."""
        depth = await depth_of(self._link, self._queue)
        return self.depth if depth is None else depth


async def depth_of(link: RabbitLink, queue: str) -> int | None:
    """Ask RabbitMQ how many messages wait in a queue; None where it does not say."""
    try:
        async with link.scratch_channel() as channel:
            declared = await channel.queue_declare(queue, passive=True)
    except (*GONE, BrokerUnavailable):
        return None
    return declared.message_count or 0
