"""One process for each instance: two with one name would share a reply queue, and each miss half of its replies.

The mark is a queue that RabbitMQ keeps for one connection only, and removes with it. It is taken anew after a
reconnect. A process that died leaves its mark behind until RabbitMQ misses its heartbeats, so one in use is waited for.
"""

import asyncio
from typing import Final

import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource

from bridge.errors import BrokerUnavailable, NotAllowed, PermanentError
from bridge.wfm.connection import HEARTBEAT_S
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from bridge.wfm.trouble import GONE

PATIENCE_S: Final = 2.5 * HEARTBEAT_S
"""RabbitMQ gives a silent connection up after two heartbeats."""
ASK_EVERY_S: Final = 1.0

_log = structlog.stdlib.get_logger(__name__)


class InstanceMark:
    """The mark of this process's instance."""

    def __init__(self, link: RabbitLink, topology: Topology, *, patience_s: float = PATIENCE_S) -> None:
        self._link = link
        self._topology = topology
        self._patience_s = patience_s
        self._again = asyncio.Event()
        link.on_reconnect(self._again.set)

    async def take(self) -> None:
        """Take the mark; raises `PermanentError` if another process keeps it, `NotAllowed` if we have no right to."""
        if self._link.in_memory:
            return
        deadline = asyncio.get_running_loop().time() + self._patience_s
        warned = False
        while not await self._taken():
            if asyncio.get_running_loop().time() >= deadline:
                raise PermanentError(
                    f"another process runs as instance {self._topology.instance!r}; give each its own `instance`"
                )
            if not warned:
                warned = True
                _log.warning(
                    "another process, or one that just died, is this instance; waiting for it to go",
                    instance=self._topology.instance,
                    at_most_s=self._patience_s,
                )
            await asyncio.sleep(ASK_EVERY_S)

    async def keep(self) -> None:
        """Take the mark again after each reconnect, for ever; raises `PermanentError` as `take` does."""
        while True:
            await self._again.wait()
            self._again.clear()
            try:
                await self.take()
            except NotAllowed as refused:
                _log.warning(
                    "the instance's mark cannot be taken; it is tried after the next reconnect", problem=str(refused)
                )

    async def _taken(self) -> bool:
        """Try once. Without a connection there is nothing to take; the reconnect will have it taken."""
        try:
            async with self._link.scratch_channel() as channel:
                await channel.queue_declare(self._topology.instance_mark, exclusive=True)
        except ChannelLockedResource:
            return False
        except ChannelAccessRefused as refused:
            raise self._link.not_allowed(refused) from refused
        except (*GONE, BrokerUnavailable) as lost:
            _log.info("the connection was lost while the instance's mark was taken", reason=str(lost))
        return True
