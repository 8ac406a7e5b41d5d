"""Publishes to the WFM: confirmed by RabbitMQ, routed to a queue, kept on disk, and many at once."""

from collections.abc import Callable, Iterable
from typing import Final
from uuid import uuid4

from aio_pika import IncomingMessage
from faststream.exceptions import SubscriberNotFound
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange

from bridge.errors import NotRouted, NotSent
from bridge.flows.ports.command_bus import BusMessage
from bridge.wfm.link import RabbitLink
from bridge.wfm.publisher import Outgoing, Publisher
from bridge.wfm.topology import LONGEST_SHORT_STRING, OwnReplies, Topology, short_string
from bridge.wfm.trouble import GONE

PUBLISH_TIMEOUT_S: Final = 5.0
REASON: Final = "x-bridge-reason"
TAKEN_FROM: Final = "x-bridge-queue"
"""Headers of a message that was given up: why, and the queue that it came from."""
LONGEST_REASON: Final = 2000  # characters; all headers of a message must fit into a frame


class RabbitCommandBus:
    """The command bus on RabbitMQ (`CommandBus` of bridge.flows.ports).

    `own_replies` are those of the packs whose replies do not come to the common reply queue. `timeout_s` bounds the
    wait for RabbitMQ's confirm. `on_open` is called whenever RabbitMQ takes messages (again).
    """

    def __init__(
        self,
        link: RabbitLink,
        topology: Topology,
        own_replies: Iterable[OwnReplies] = (),
        *,
        timeout_s: float = PUBLISH_TIMEOUT_S,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._topology = topology
        self._reply_to = {one.pack: _reply_to(topology, one) for one in own_replies}
        self._declared: set[str] = set()
        self._publisher = (
            None
            if link.in_memory
            else Publisher(
                link.url_for("publishing"),
                topology.canaries,
                timeout_s=timeout_s,
                connect_timeout_s=link.connect_timeout_s,
                on_open=on_open,
            )
        )

    @property
    def problem(self) -> str | None:
        """Why nothing can be sent at this moment, in a sentence; None as far as is known."""
        return self._publisher.problem if self._publisher is not None else None

    async def start(self) -> None:
        """Connect to publish; returns once that is done, or could not be done and is tried again."""
        if self._publisher is not None:
            await self._publisher.start()

    async def stop(self) -> None:
        """Close the connection for publishing."""
        if self._publisher is not None:
            await self._publisher.stop()

    async def publish(self, message: BusMessage) -> None:
        """Return once RabbitMQ has the message in a queue of the WFM; raises as `CommandBus` says.

        `NotRouted`: there is no such exchange, we have no right to it, or nothing is bound for the routing key.
        """
        await self._declare(message.exchange)
        await self._send(
            Outgoing(
                exchange=self._topology.exchange_name(message.exchange),
                routing_key=message.routing_key,
                body=message.body,
                id=message.message_id,
                correlation_id=message.correlation_id,
                reply_to=self._reply_queue_for(message.pack) if message.reply_expected else None,
                content_type=message.content_type,
                headers=message.headers,
            )
        )

    async def pass_on(self, body: bytes, correlation_id: str, instance: str) -> None:
        """Put a reply into the reply queue of another process of ours. Raises as `publish`."""
        queue = self._topology.reply_queue_at(instance)
        if max(len(text.encode(errors="replace")) for text in (queue, correlation_id)) > LONGEST_SHORT_STRING:
            raise NotRouted("no process of ours has so long a name, and no command so long an id")
        try:
            await self._send(Outgoing(exchange="", routing_key=queue, body=body, correlation_id=correlation_id))
        except NotRouted as missing:
            raise NotRouted(f"there is no instance {instance!r}: {missing}") from missing

    async def give_up(self, message: IncomingMessage, queue: str, reason: str) -> None:
        """Put a message of a queue into the dead-letter queue, with the reason. Raises as `publish`."""
        await self._send(
            Outgoing(
                exchange=self._topology.dead_letter,
                routing_key=short_string(message.routing_key or ""),
                body=message.body,
                id=short_string(message.message_id or uuid4().hex),
                correlation_id=message.correlation_id or "",
                headers={REASON: reason[:LONGEST_REASON], TAKEN_FROM: queue},
                came=message.properties,
            )
        )

    async def _send(self, message: Outgoing) -> None:
        if self._publisher is not None:
            await self._publisher.publish(message)
        else:
            await _in_memory(self._link.broker, message)

    def _reply_queue_for(self, pack: str) -> str | None:
        """Say where a pack's WFM is to reply to; None where it has a queue for that."""
        return self._reply_to.get(pack, self._topology.reply_queue.name)

    async def _declare(self, name: str) -> None:
        """Make the WFM's exchange, in a lab where nobody else does."""
        if not self._topology.declare_exchanges or self._link.in_memory or name in self._declared:
            return
        try:
            async with self._link.scratch_channel() as channel:
                await channel.exchange_declare(self._topology.exchange_name(name), exchange_type="topic", durable=True)
        except GONE as failed:
            raise NotSent(f"the exchange {name!r} could not be made: {failed}; nothing was sent") from failed
        self._declared.add(name)


async def _in_memory(broker: RabbitBroker, message: Outgoing) -> None:
    try:
        await broker.publish(
            message.body,
            exchange=RabbitExchange(message.exchange, ExchangeType.TOPIC) if message.exchange else None,
            routing_key=message.routing_key,
            mandatory=True,
            persist=True,
            message_id=message.id,
            correlation_id=message.correlation_id,
            reply_to=message.reply_to,
            content_type=message.content_type,
            headers=dict(message.headers),
        )
    except SubscriberNotFound as nobody:
        raise NotRouted(f"no queue takes {message.routing_key!r} from exchange {message.exchange!r}") from nobody


def _reply_to(topology: Topology, own: OwnReplies) -> str | None:
    return topology.reply_queue_of(own).name if own.queue is None else None
