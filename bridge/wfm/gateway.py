"""Publishes to the WFM: confirmed by RabbitMQ, routed to a queue, kept on disk, and many at once.

The WFM's exchange is looked for on a channel of its own before it is first used, because publishing to one that does
not exist closes the channel under everybody else.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aio_pika import IncomingMessage
from aiormq.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity, PublishError
from faststream.exceptions import IncorrectState, SubscriberNotFound
from faststream.rabbit import ExchangeType, RabbitExchange

from bridge.errors import BrokerUnavailable, NotRouted
from bridge.flows.ports import BusMessage
from bridge.wfm.consumer import text_headers
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import LONGEST_SHORT_STRING, OwnReplies, Topology

PUBLISH_TIMEOUT_S: Final = 5.0
REASON: Final = "x-bridge-reason"
TAKEN_FROM: Final = "x-bridge-queue"
"""Headers of a message that was given up: why, and the queue that it came from."""
LONGEST_REASON: Final = 2000  # characters; all headers of a message must fit into a frame


class RabbitCommandBus:
    """The command bus on RabbitMQ (`flows.ports.CommandBus`).

    `own_replies` are those of the packs whose replies do not come to the common reply queue. `timeout_s` bounds the
    wait for RabbitMQ's confirm.
    """

    def __init__(
        self,
        link: RabbitLink,
        topology: Topology,
        own_replies: Iterable[OwnReplies] = (),
        *,
        timeout_s: float = PUBLISH_TIMEOUT_S,
    ) -> None:
        self._reply_to = {one.pack: _reply_to(topology, one) for one in own_replies}
        self._link = link
        self._topology = topology
        self._timeout_s = timeout_s
        self._exchanges: dict[str, asyncio.Task[RabbitExchange]] = {}

    async def publish(self, message: BusMessage) -> None:
        """Return once RabbitMQ has the message in a queue of the WFM.

        Raises `NotRouted` (no such exchange, or nothing bound for the routing key) or `BrokerUnavailable` (lost, silent
        for `timeout_s`, or it refused). After `BrokerUnavailable` the message may have gone out all the same.
        """
        try:
            async with self._confirmed(f"no queue takes {message.routing_key!r} from exchange {message.exchange!r}"):
                await self._send(message, await self._exchange(message.exchange))
        except ChannelNotFoundEntity as missing:
            raise self._not_found(message.exchange, missing) from missing

    async def pass_on(self, body: bytes, correlation_id: str, instance: str) -> None:
        """Put a reply into the reply queue of another process of ours. Raises as `publish`."""
        queue = self._topology.reply_queue_at(instance)
        if max(len(text.encode(errors="replace")) for text in (queue, correlation_id)) > LONGEST_SHORT_STRING:
            raise NotRouted("no process of ours has so long a name, and no command so long an id")
        try:
            async with self._confirmed(f"there is no instance {instance!r}"):
                await self._link.broker.publish(
                    body, queue, mandatory=True, persist=True, correlation_id=correlation_id
                )
        except ChannelNotFoundEntity as other:  # somebody else's exchange, which closed the channel for all
            raise BrokerUnavailable(f"RabbitMQ closed the channel: {other!r}") from other

    async def give_up(self, message: IncomingMessage, queue: str, reason: str) -> None:
        """Put a message of a queue into the dead-letter queue, with the reason. Raises as `publish`."""
        name = self._topology.dead_letter
        beside: dict[str, Any] = {**text_headers(message), REASON: reason[:LONGEST_REASON], TAKEN_FROM: queue}
        async with self._confirmed(f"there is no queue {name!r}"):
            await self._link.broker.publish(
                message.body,
                exchange=RabbitExchange(name, ExchangeType.FANOUT, durable=True, robust=False),
                routing_key=message.routing_key or "",
                mandatory=True,
                persist=True,
                message_id=message.message_id,
                correlation_id=message.correlation_id,
                content_type=message.content_type,
                headers=beside,
            )

    @asynccontextmanager
    async def _confirmed(self, not_routed: str) -> AsyncIterator[None]:
        """Publishing, until RabbitMQ confirms it; what fails is told in the bridge's terms."""
        if not self._link.connected:
            raise BrokerUnavailable  # at once: the driver would wait for the connection to come back
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (PublishError, SubscriberNotFound) as returned:
            raise NotRouted(not_routed) from returned
        except ChannelNotFoundEntity:
            raise  # an exchange, which the caller knows
        except (AMQPError, ChannelInvalidStateError, IncorrectState, OSError) as failed:
            raise BrokerUnavailable(f"RabbitMQ did not confirm the message: {failed!r}") from failed

    async def _send(self, message: BusMessage, exchange: RabbitExchange) -> None:
        await self._link.broker.publish(
            message.body,
            exchange=exchange,
            routing_key=message.routing_key,
            mandatory=True,
            persist=True,
            message_id=message.message_id,
            correlation_id=message.correlation_id,
            reply_to=self._reply_queue_for(message.pack) if message.reply_expected else None,
            content_type=message.content_type,
            headers=dict(message.headers),
        )

    def _reply_queue_for(self, pack: str) -> str | None:
        """Say where a pack's WFM is to reply to; None where it has a queue for that."""
        return self._reply_to.get(pack, self._topology.reply_queue.name)

    async def _exchange(self, name: str) -> RabbitExchange:
        """The exchange, looked for once however many ask at the same time; a failure is not remembered."""
        lookup = self._exchanges.get(name)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(name))
            lookup.add_done_callback(lambda done: self._forget_failed(name, done))
            self._exchanges[name] = lookup
        return await asyncio.shield(lookup)

    def _forget_failed(self, name: str, lookup: asyncio.Task[RabbitExchange]) -> None:
        if lookup.cancelled() or lookup.exception() is not None:
            self._exchanges.pop(name, None)

    async def _look_up(self, name: str) -> RabbitExchange:
        exchange = self._topology.wfm_exchange(name)
        if self._link.in_memory:
            return exchange
        passive = not self._topology.declare_exchanges
        async with self._link.scratch_channel() as channel:
            await channel.exchange_declare(exchange.name, exchange_type="topic", durable=True, passive=passive)
        return exchange

    def _not_found(self, name: str, missing: ChannelNotFoundEntity) -> NotRouted | BrokerUnavailable:
        """A missing exchange closes the channel for all that was in flight; only its own messages were not routed."""
        if f"'{self._topology.exchange_name(name)}'" not in str(missing):
            return BrokerUnavailable(f"RabbitMQ closed the channel: {missing!r}")
        self._exchanges.pop(name, None)
        return NotRouted(f"the WFM's exchange {name!r} does not exist")


def _reply_to(topology: Topology, own: OwnReplies) -> str | None:
    return topology.reply_queue_of(own).name if own.queue is None else None
