"""Keeps our queue bound to the WFM's exchange, which belongs to the WFM and may not be there yet.

The bindings are asserted at the start, after every reconnect and from time to time, since a queue or an exchange that
somebody deleted comes back without them, and messages would be lost in silence.
"""

import asyncio
from contextlib import suppress
from typing import Final

import structlog
from aiormq.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity
from faststream.rabbit import RabbitQueue

from bridge.errors import BridgeError
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Inbound, Topology, declare

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 15.0
ASSERT_EVERY_S: Final = 30.0

_log = structlog.stdlib.get_logger(__name__)


class Bindings:
    """The bindings of one queue. `bound` is whether RabbitMQ agreed when last asked."""

    def __init__(self, link: RabbitLink, topology: Topology, queue: RabbitQueue, inbound: Inbound) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self._exchange = topology.exchange_name(inbound.exchange)
        self._keys = inbound.bindings
        self._bound = asyncio.Event()
        self._again = asyncio.Event()

    @property
    def bound(self) -> bool:
        return self._bound.is_set()

    async def wait(self) -> None:
        """Return once the queue is bound."""
        await self._bound.wait()

    def assert_again(self) -> None:
        """Ask RabbitMQ again at once."""
        self._again.set()

    async def keep(self) -> None:
        """Keep the queue bound, for ever."""
        while True:
            self._again.clear()
            await self._until_bound()
            with suppress(TimeoutError):
                async with asyncio.timeout(ASSERT_EVERY_S):
                    await self._again.wait()

    async def _until_bound(self) -> None:
        wait = FIRST_WAIT_S
        while (problem := await self._problem()) is not None:
            self._bound.clear()
            _log.warning(
                "the inbound queue is not bound; trying again",
                queue=self._queue.name,
                exchange=self._exchange,
                problem=problem,
                again_in_s=wait,
            )
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)
        if not self.bound:
            _log.info("the inbound queue is bound", queue=self._queue.name, exchange=self._exchange, keys=self._keys)
        self._bound.set()

    async def _problem(self) -> str | None:
        try:
            await self._bind()
        except ChannelNotFoundEntity:
            return f"exchange {self._exchange!r} does not exist yet; the WFM makes it"
        except (AMQPError, ChannelInvalidStateError, OSError, BridgeError) as failed:
            return str(failed)
        return None

    async def _bind(self) -> None:
        await declare(self._link, self._topology, self._queue)
        async with self._link.scratch_channel() as channel:
            if self._topology.declare_exchanges:
                await channel.exchange_declare(self._exchange, exchange_type="topic", durable=True)
            for key in self._keys:
                await channel.queue_bind(self._queue.name, self._exchange, key)
