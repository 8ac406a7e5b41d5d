"""What comes in from RabbitMQ: the WFM's messages (a queue for each pack) and its replies (a queue for each process, or
one pack's own).

Raw bytes go on as they are. The handler returns only after its commit, and then the message is acked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aio_pika import IncomingMessage
from faststream.rabbit import ExchangeType, RabbitExchange, RabbitQueue

from bridge.domain.model import CONTENT_ENCODING, CONTENT_TYPE
from bridge.flows.partition_routing import PARTS
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.loops import every
from bridge.wfm.collectors import Collector, QueueCollector
from bridge.wfm.intake import REQUEUE_PAUSE_S, GiveUp, Intake, Source, Take
from bridge.wfm.link import RabbitLink
from bridge.wfm.predecessor import Predecessor
from bridge.wfm.standing import Standing
from bridge.wfm.topology import OwnReplies, Topology, declare
from bridge.wfm.upkeep import Bindings, FixedQueue, end

REPLY_PREFETCH: Final = 500
"""Calls open at once: enough for two commits of 200 replies, one running and one filling."""
STOP_DEADLINE_S: Final = 10.0
LOOK_EVERY_S: Final = 10.0
"""How often an earlier version's queue is looked at, where there is one."""


async def always() -> bool:
    """Say yes."""
    return True


class InboundConsumer:
    """Hands the messages of one pack to `handle`, in the order of the queue.

    They come from an exchange of the WFM, by the routing keys that our queue is bound by. Where they are not handled
    here, but passed on, they go to `take` in place of `handle`. Where something else of ours is bound in place of
    the queue, that is the `collector`. `may_bind` is asked whenever that is to be bound.
    """

    def __init__(
        self,
        link: RabbitLink,
        topology: Topology,
        pack: str,
        handle: Callable[[WfmMessage], Awaitable[None]],
        *,
        exchange: str,
        bindings: Sequence[str],
        clock: Clock,
        new_id: Callable[[], str],
        prefetch: int,
        give_up: GiveUp | None = None,
        requeue_pause_s: float = REQUEUE_PAUSE_S,
        take: Take | None = None,
        collector: Collector | None = None,
        may_bind: Callable[[], Awaitable[bool]] = always,
    ) -> None:
        self._link = link
        self._topology = topology
        self._read = InboundReader(pack, clock, new_id)
        self._handle = handle
        self._take_instead = take
        self._queue = topology.inbound_queue(pack)
        sources = _in_memory_sources(topology, exchange, bindings) if link.in_memory else [(self._queue, None)]
        self._intake = Intake(
            link, sources, self._take, prefetch=prefetch, give_up=give_up, requeue_pause_s=requeue_pause_s
        )
        collector = collector or QueueCollector(link, topology, self._queue)
        self._bindings = None if link.in_memory else Bindings(link, topology, collector, exchange, bindings, may_bind)
        self._standing = Standing(link, self._queue.name)
        self._predecessor = Predecessor(
            link,
            topology.earlier_inbound_queue(pack),
            topology.exchange_name(exchange),
            bindings,
            self._take,
            prefetch=prefetch,
        )
        self._keeper: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """Why the queue does not collect what the WFM says; None if it is bound to its exchange. For a health check."""
        return None if self._bindings is None else self._bindings.upkeep.problem

    async def wait_bound(self) -> None:
        """Return once the queue is bound to the WFM's exchange; before that, what the WFM says is not kept."""
        if self._bindings is not None:
            await self._bindings.upkeep.wait()

    @property
    def stands_by(self) -> bool:
        """Does another process take the messages, so that this one has nothing to do until that goes?"""
        return self._standing.stands_by or (self._keeper is not None and not self._intake.is_started)

    async def start(self) -> None:
        """Declare our queue and consume it.

        The WFM's exchange may come later: it is waited for in the background. So is that an earlier version's queue is
        empty, if there is one: until then ours only collects. Raises `NotAllowed` if we lack a right.
        """
        if self._bindings is None:
            await self._intake.start()
            return
        await declare(self._link, self._topology, self._queue)
        if await self._predecessor.is_there():
            self._keeper = asyncio.create_task(every(LOOK_EVERY_S, self._succeed, "inbound"), name="inbound")
        else:
            await self._consume()
        self._bindings.upkeep.begin(self._link)

    async def _consume(self) -> None:
        await self._standing.look()
        await self._intake.start()

    async def _succeed(self) -> None:
        """Empty the earlier queue, then consume ours; and look now and then whether something came into it since."""
        if not self._intake.is_started or await self._predecessor.has_messages():
            async with self._predecessor.emptied():
                if not self._intake.is_started:
                    await self._consume()

    async def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Stop consuming, let calls in flight end; what is not acked by the deadline returns to the queue."""
        if self._bindings is not None:
            await self._bindings.upkeep.end()
        if self._keeper is not None:
            await end(self._keeper)
            await self._predecessor.stop(deadline_s)
        await self._intake.stop(deadline_s)

    def _take(self, message: IncomingMessage) -> Awaitable[None]:
        self._standing.given()
        if self._take_instead is not None:
            return self._take_instead(message)
        return self._handle(self._read(message))


@dataclass(frozen=True, slots=True)
class InboundReader:
    """Makes what the use case takes of what came off a queue of a pack.

    Only of a partition's queue, which our own partitioner fills, it believes that a message is for some of its parts.
    """

    pack: str
    clock: Clock
    new_id: Callable[[], str]
    believes_parts: bool = False

    def __call__(self, message: IncomingMessage) -> WfmMessage:
        """Read one message, whatever stands beside its body."""
        headers = read_headers(message)
        if not self.believes_parts:
            headers.pop(PARTS, None)
        return WfmMessage(
            pack=self.pack,
            body=message.body,
            routing_key=_text(message.routing_key or ""),
            headers=headers,
            correlation_id=_text(message.correlation_id or message.message_id or self.new_id()),
            received_at=self.clock(),
        )


class ReplyConsumer:
    """Hands the WFM's replies on a reply queue to `handle`. The queue and its replies outlive the process.

    The queue is the one for all packs, or where `own` says so, that of one pack. Only in the latter case a reply names
    its pack. Its `correlation_id` is AMQP's property, "" if the WFM sent none.
    """

    def __init__(
        self,
        link: RabbitLink,
        topology: Topology,
        handle: Callable[[WfmMessage], Awaitable[None]],
        own: OwnReplies | None = None,
        *,
        clock: Clock,
        give_up: GiveUp | None = None,
        requeue_pause_s: float = REQUEUE_PAUSE_S,
    ) -> None:
        self._link = link
        self._topology = topology
        self._handle = handle
        self._clock = clock
        self._pack = own.pack if own is not None else ""
        self._queue = topology.reply_queue if own is None else topology.reply_queue_of(own)
        is_fixed = own is not None and own.queue is not None and not link.in_memory
        sources: list[Source] = [(FixedQueue.as_it_is(self._queue) if is_fixed else self._queue, None)]
        self._intake = Intake(
            link, sources, self._take, prefetch=REPLY_PREFETCH, give_up=give_up, requeue_pause_s=requeue_pause_s
        )
        self._fixed = FixedQueue(link, topology, self._queue, self._intake) if is_fixed else None

    @property
    def problem(self) -> str | None:
        """Why the queue is not consumed; None if it is. Our own ones are, as long as RabbitMQ answers."""
        return None if self._fixed is None else self._fixed.upkeep.problem

    async def start(self) -> None:
        """Declare the reply queue and consume it; start this before any command is published.

        A fixed queue may be the WFM's: one that exists is taken as it is.
        """
        if self._fixed is None:
            await declare(self._link, self._topology, self._queue)
            await self._intake.start()
            return
        await self._fixed.declare()
        await self._intake.start()
        self._fixed.upkeep.begin(self._link)

    async def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Stop consuming and let calls in flight end."""
        if self._fixed is not None:
            await self._fixed.upkeep.end()
        await self._intake.stop(deadline_s)

    def _take(self, message: IncomingMessage) -> Awaitable[None]:
        return self._handle(
            WfmMessage(
                pack=self._pack,
                correlation_id=_text(message.correlation_id or ""),
                body=message.body,
                headers=read_headers(message),
                received_at=self._clock(),
            )
        )


def _in_memory_sources(topology: Topology, exchange: str, bindings: Iterable[str]) -> list[Source]:
    source = RabbitExchange(topology.exchange_name(exchange), ExchangeType.TOPIC)
    return [(RabbitQueue(f"in-memory {key}", routing_key=key), source) for key in bindings]


def text_headers(message: IncomingMessage) -> dict[str, str]:
    """Give the headers as text."""
    return {_text(key): _text(value) for key, value in message.headers.items()}


def read_headers(message: IncomingMessage) -> dict[str, str]:
    """Give the headers, and beside them the properties that say how the body is written, if they do."""
    properties = {}
    if "charset" in (message.content_type or "").lower():
        properties[CONTENT_TYPE] = _text(message.content_type)
    if message.content_encoding:
        properties[CONTENT_ENCODING] = _text(message.content_encoding)
    return properties | text_headers(message)


def _text(value: object) -> str:
    """Write it as text that every database keeps: PostgreSQL has no U+0000."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes | bytearray) else str(value)
    return text.replace("\0", "\\x00")
