"""RabbitMQ: that it lets us in, our queues, the WFM's exchanges, our rights, and policies that would lose messages.

Rights are found out on a queue and an exchange of the doctor's own, which are gone when it is done. Nothing is
published, and nothing is taken: whether we may write to an exchange is found out by binding it to the doctor's, whether
we may read, by binding the doctor's queue to it, each with a key that no message has.
"""

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from faststream.rabbit import RabbitQueue
from yarl import URL

from bridge.app.credentials import broker_url
from bridge.app.doctor.diagnosis import Diagnosis, look, unseen
from bridge.app.doctor.policies import policies
from bridge.app.wfm_side import build_link, topology_of
from bridge.errors import NotAllowed, PermanentError
from bridge.flows.partitioning import Partitioning
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.wfm.collectors import demand_hashing
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from bridge.wfm.topology import OwnReplies, Topology
from bridge.wfm.trouble import GONE, trouble

NO_KEY = "mef-bridge.doctor"
"""A routing key that no message has."""


async def examine_broker(
    settings: Settings, packs: Mapping[str, Pack] | None, management: str | None
) -> AsyncIterator[Diagnosis]:
    """Look at it, as far as one gets. Without packs, nobody knows what the WFM has."""
    reached = await look("broker", _reach(settings))
    yield reached
    rest = ("broker.queues", "broker.exchanges", "broker.rights")
    if reached.is_wrong:
        for each in unseen("RabbitMQ cannot be used", *rest, "broker.policies"):
            yield each
        return
    if packs is None:
        for each in unseen("the packs are wrong, so nobody knows what is needed", *rest, "broker.policies"):
            yield each
        return
    async with _connected(settings) as link:
        wants = Wants(link, topology_of(settings), packs, settings.wfm.partitions)
        yield await look("broker.queues", wants.queues())
        yield await look("broker.exchanges", wants.exchanges())
        yield await look("broker.rights", wants.rights())
    yield await look("broker.policies", policies(URL(broker_url(settings.broker)), wants.queue_names, management))


async def _reach(settings: Settings) -> str:
    url = broker_url(settings.broker)
    if url == IN_MEMORY_URL:
        raise PermanentError("broker.url: memory:// is for the demo; name a RabbitMQ")
    problem = await trouble(URL(url), settings.broker.connect_timeout_seconds)
    if problem is not None:
        raise PermanentError(problem)
    return f"{settings.broker.safe_url} lets the bridge in"


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[RabbitLink]:
    link = build_link(settings)
    await link.start()
    try:
        yield link
    finally:
        await link.stop()


class Wants:
    """What a bridge with these packs needs in RabbitMQ."""

    def __init__(self, link: RabbitLink, topology: Topology, packs: Mapping[str, Pack], partitions: int) -> None:
        self._link = link
        self._topology = topology
        self._packs = packs
        self._partitions = partitions

    @property
    def queue_names(self) -> list[str]:
        """The names of the queues that messages and replies come to."""
        return [queue.name for queue in self._queues()]

    async def queues(self) -> str:
        """Say that those that are there are as we would declare them, and that RabbitMQ can divide messages."""
        if any(self._partitioning(pack).is_hashed for pack in self._packs.values()):
            await demand_hashing(self._link, self._topology)
        running = await self._is_running()
        missing = [queue.name for queue in self._queues() if not await self._fits(queue)]
        made = f"{len(missing)} are to be made by mef-bridge serve" if missing else "all there"
        return f"{made}; {'a' if running else 'no'} bridge runs as {self._topology.instance}"

    async def exchanges(self) -> str:
        """Say that the WFM's are there."""
        if self._topology.declare_exchanges:
            return "made by the bridge itself (broker.declare_exchanges)"
        named = sorted({*self._heard(), *self._commanded()})
        missing = [name for name in named if not await self._is_there(name)]
        if missing:
            raise PermanentError(
                f"RabbitMQ has no exchange {', '.join(map(repr, missing))}: the WFM, or who runs it, must make it; see "
                "exchange in the packs, and broker.namespace. mef-bridge serve waits for it, and is not ready. In a "
                "laboratory: broker.declare_exchanges"
            )
        return ", ".join(named) or "none is needed"

    async def rights(self) -> str:
        """Say that we may do what a bridge does."""
        name = f"{self._topology.namespace}mef-bridge.doctor-{uuid4()}"
        async with self._link.scratch_channel() as channel:
            await self._demand(channel.queue_declare(name, exclusive=True, auto_delete=True))
            await self._demand(channel.basic_get(name, no_ack=True))
            await self._demand(channel.exchange_declare(name, auto_delete=True))
            try:
                await self._demand(channel.queue_bind(name, name, NO_KEY))
                await self._may_hear(channel, name)
                await self._may_tell(channel, name)
            finally:
                await self._clear(name)
        return "all that it needs, as far as the WFM's exchanges are there"

    async def _may_hear(self, channel: AbstractChannel, queue: str) -> None:
        for exchange in [name for name in self._heard() if await self._is_there(name)]:
            await self._demand(channel.queue_bind(queue, exchange, NO_KEY))
            await channel.queue_unbind(queue, exchange, NO_KEY)

    async def _may_tell(self, channel: AbstractChannel, source: str) -> None:
        for exchange in [name for name in self._commanded() if await self._is_there(name)]:
            await self._demand(channel.exchange_bind(exchange, source, routing_key=NO_KEY))
            await channel.exchange_unbind(exchange, source, routing_key=NO_KEY)

    async def _demand(self, asked: Awaitable[object]) -> None:
        try:
            await asked
        except ChannelAccessRefused as refused:
            raise self._link.not_allowed(refused) from None
        except GONE as gone:
            raise NotAllowed(f"RabbitMQ closed the channel: {gone!r}") from None

    async def _clear(self, exchange: str) -> None:
        """Take the doctor's exchange away; a refusal has closed the channel, so on another one."""
        with suppress(*GONE):
            async with self._link.scratch_channel() as channel:
                await channel.exchange_delete(exchange)

    def _queues(self) -> list[RabbitQueue]:
        topology, packs = self._topology, self._packs.values()
        own = [OwnReplies(pack.name, pack.replies.queue) for pack in packs if pack.replies is not None]
        inbound = [topology.inbound_queue(pack.name) for pack in packs]
        inbound += [queue for pack in packs for queue in topology.queues_of(pack.name, self._partitioning(pack))]
        return [*inbound, topology.reply_queue, *(topology.reply_queue_of(each) for each in own if each.queue is None)]

    def _partitioning(self, pack: Pack) -> Partitioning:
        return Partitioning.of(pack.inbound, self._partitions)

    def _heard(self) -> list[str]:
        return sorted({self._topology.exchange_name(pack.inbound.exchange) for pack in self._packs.values()})

    def _commanded(self) -> list[str]:
        told = {command.exchange for pack in self._packs.values() for command in pack.commands.values()}
        return sorted(map(self._topology.exchange_name, told))

    async def _is_there(self, exchange: str) -> bool:
        try:
            async with self._link.scratch_channel() as channel:
                await channel.exchange_declare(exchange, passive=True)
        except ChannelNotFoundEntity:
            return False
        return True

    async def _fits(self, queue: RabbitQueue) -> bool:
        """Tell whether a queue is there. Raises `PermanentError` where it is another one than ours."""
        try:
            async with self._link.scratch_channel() as channel:
                await channel.queue_declare(queue.name, passive=True)
                await channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
        except ChannelNotFoundEntity:
            return False
        except ChannelLockedResource:
            raise PermanentError(f"the queue {queue.name!r} is in the exclusive use of another connection") from None
        except ChannelAccessRefused as refused:
            raise self._link.not_allowed(refused) from None
        except ChannelPreconditionFailed as refused:
            raise PermanentError(
                f"the queue {queue.name!r} is there with other properties than the bridge gives it ({refused}): set "
                "broker.queue_type to what it has, or drain and delete it"
            ) from None
        return True

    async def _is_running(self) -> bool:
        try:
            async with self._link.scratch_channel() as channel:
                await channel.queue_declare(self._topology.instance_mark, passive=True)
        except ChannelNotFoundEntity:
            return False
        except ChannelLockedResource:
            return True
        return True
