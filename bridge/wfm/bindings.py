"""Keeps our queue bound to the WFM's exchange, which belongs to the WFM and may not be there yet.

The bindings are asserted again and again, since a queue or an exchange that somebody deleted comes back without them,
and messages would be lost in silence.
"""

from aiormq.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity
from faststream.rabbit import RabbitQueue

from bridge.errors import BridgeError
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Inbound, Topology, declare
from bridge.wfm.upkeep import Upkeep


class Bindings:
    """The bindings of one queue; `upkeep` keeps them."""

    def __init__(self, link: RabbitLink, topology: Topology, queue: RabbitQueue, inbound: Inbound) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self._exchange = topology.exchange_name(inbound.exchange)
        self._keys = inbound.bindings
        self.upkeep = Upkeep(
            "bind the inbound queue", self._problem, queue=queue.name, exchange=self._exchange, keys=self._keys
        )

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
