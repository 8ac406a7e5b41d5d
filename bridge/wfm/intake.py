"""Takes messages off one queue and settles each exactly once: acked after `take` returned, requeued after it raised.

Messages reach `take` in the order of the queue: nothing between the socket and `take` waits or hops to a thread, so up
to `prefetch` calls are open at once and began in order. When the connection goes, calls in flight are cancelled and
what was not acked is delivered again; `take` must bear both.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import structlog
from aio_pika import IncomingMessage
from aio_pika.abc import AbstractQueue
from aiormq.exceptions import AMQPError, ChannelAccessRefused, ChannelInvalidStateError
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.subscriber import RabbitSubscriber

from bridge.wfm.frames import UNREADABLE
from bridge.wfm.link import RabbitLink

REQUEUE_PAUSE_S: Final = 1.0
"""A requeued message comes straight back; without a pause a failing handler would spin."""
STEP_TIMEOUT_S: Final = 2.0
RESUME_TIMEOUT_S: Final = 10.0

Take = Callable[[IncomingMessage], Awaitable[None]]
Source = tuple[RabbitQueue, RabbitExchange | None]

_log = structlog.stdlib.get_logger(__name__)


class Intake:
    """Consumption of one queue. `sources` has one entry, or in memory (which has no queues) one for each binding."""

    def __init__(
        self,
        link: RabbitLink,
        sources: Sequence[Source],
        take: Take,
        *,
        prefetch: int,
        requeue_pause_s: float = REQUEUE_PAUSE_S,
    ) -> None:
        self._link = link
        self._sources = sources
        self._take = take
        self._channel = Channel(prefetch_count=prefetch)
        self._requeue_pause_s = requeue_pause_s
        self._subscribers: list[RabbitSubscriber] = []
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_started(self) -> bool:
        """Was it told to consume, and not yet to stop?"""
        return bool(self._subscribers)

    @property
    def is_idle(self) -> bool:
        """Is no call open?"""
        return self._idle.is_set()

    async def start(self) -> None:
        """Begin to consume; raises `NotAllowed` if we have no right to."""
        subscribers = [self._subscribe(*source) for source in self._sources]
        try:
            for subscriber in subscribers:
                await subscriber.start()
        except ChannelAccessRefused as refused:
            for subscriber in subscribers:
                await _briefly(subscriber.stop())
            raise self._link.not_allowed(refused) from refused
        self._subscribers = subscribers

    async def resume(self) -> None:
        """Consume again where RabbitMQ has stopped giving us messages: a queue that was deleted, or is not restored by
        itself. Raises `TimeoutError` if that takes too long.
        """
        async with asyncio.timeout(RESUME_TIMEOUT_S):
            if not self._subscribers:
                await self.start()
            if await self._consumers():
                return
            for subscriber in self._subscribers:
                await _briefly(subscriber.stop())
                await subscriber.start()

    async def stop(self, deadline_s: float) -> None:
        """Stop consuming and let open calls end, for at most `deadline_s`. The rest stays unsettled."""
        await _briefly(self._cancel())
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
        for subscriber in self._subscribers:
            await _briefly(subscriber.stop())
        self._subscribers = []

    def _subscribe(self, queue: RabbitQueue, exchange: RabbitExchange | None) -> RabbitSubscriber:
        subscriber = self._link.broker.subscriber(
            queue,
            exchange,
            channel=self._channel,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_undecoded,
        )
        subscriber(self._on_message)
        return subscriber

    async def _cancel(self) -> None:
        """Tell RabbitMQ to deliver no more. FastStream does that last, after letting more come in and ignoring it."""
        if self._link.in_memory or not self._link.connected:
            return
        for queue, tag in await self._consumers():
            await queue.cancel(tag)

    async def _consumers(self) -> list[tuple[AbstractQueue, str]]:
        """The tags under which RabbitMQ gives us messages now; it takes them away from a queue that is deleted."""
        found: list[tuple[AbstractQueue, str]] = []
        for source, _ in self._sources:
            queue = await self._link.broker.config.declarer.declare_queue(source, channel=self._channel)
            underlay = await queue.channel.get_underlay_channel()
            found += [(queue, tag) for tag in cast("Any", underlay).consumers]
        return found

    async def _on_message(self, message: Any) -> None:
        self._in_flight += 1
        self._idle.clear()
        try:
            await self._take_and_settle(message)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _take_and_settle(self, message: RabbitMessage) -> None:
        if (unreadable := message.headers.get(UNREADABLE)) is not None:
            _log.warning(
                "what stands beside a message's body cannot be read; it is taken without",
                **self._about(message),
                unreadable=unreadable,
            )
        try:
            await self._take(message.raw_message)
        except Exception:  # noqa: BLE001 - the outermost frame of a message
            _log.exception("a message could not be handled; it goes back to the queue", **self._about(message))
            await asyncio.sleep(self._requeue_pause_s)
            await _settle(message.nack(requeue=True))
        else:
            await _settle(message.ack())

    def _about(self, message: RabbitMessage) -> dict[str, str | None]:
        """Say in the log which message it is."""
        raw = message.raw_message
        return {
            "queue": self._sources[0][0].name,
            "message_id": raw.message_id,
            "correlation_id": raw.correlation_id,
            "routing_key": raw.routing_key,
        }


async def _briefly(step: Awaitable[None]) -> None:
    """A step of stopping, which a lost connection must not hold up."""
    with suppress(TimeoutError, AMQPError, ChannelInvalidStateError):
        async with asyncio.timeout(STEP_TIMEOUT_S):
            await step


async def _settle(settlement: Awaitable[None]) -> None:
    try:
        await settlement
    except (AMQPError, ChannelInvalidStateError, OSError) as lost:
        _log.info("the channel was lost before a message was settled; it will come again", reason=str(lost))


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    """FastStream would decode by content type; the pack does that, and the handler wants the whole message."""
    return message
