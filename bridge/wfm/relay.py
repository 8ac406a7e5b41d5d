"""Passes messages on from one queue of ours to others, unchanged, in their order, each confirmed by RabbitMQ.

A batch is written at once, and is done when RabbitMQ has all of it. Only then the next one begins, and where one fails
the whole of it is written again: so of what is for one queue the first copy of each message is there in the order of
the batch, and what comes twice is recognised by its id where it is taken (`flows/job_updates.py`).

It has a connection of its own. An alarm in RabbitMQ blocks that, and what is written waits until the alarm is over. At
any other time RabbitMQ has a while to confirm; then the batch is written again, on another connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast
from uuid import uuid4

import pamqp.frame
import structlog
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from aiormq.exceptions import PublishError
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from yarl import URL

from bridge.backoff import Backoff
from bridge.errors import BrokerUnavailable
from bridge.flows.partition_routing import PARTS
from bridge.wfm.connection import CandidConnection
from bridge.wfm.properties import going_on
from bridge.wfm.topology import short_string
from bridge.wfm.trouble import GONE, explained

RETRIES: Final = Backoff(first=0.1, longest=5.0)
CONFIRM_S: Final = 30.0
"""So long RabbitMQ has to confirm a batch: a disk may be slow, and a quorum queue may look for a leader."""
STOP_TIMEOUT_S: Final = 2.0

_log = structlog.stdlib.get_logger(__name__)


class Passed(NamedTuple):
    """A message to be passed on to an exchange of ours, with the properties that it came with."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Basic.Properties


class Relay:
    """`prepare` makes the exchanges and queues that are passed on to; it is called again where one is missing."""

    def __init__(self, url: URL, prepare: Callable[[], Awaitable[None]], *, connect_timeout_s: float) -> None:
        self._url = url
        self.prepare = prepare
        self._connect_timeout_s = connect_timeout_s
        self._connection: CandidConnection | None = None
        self._channel: Channel | None = None
        self._blocked = False

    async def pass_on(self, batch: Sequence[Passed]) -> None:
        """Return once RabbitMQ has all of it; tried until it has."""
        said = None
        for wait in RETRIES.waits():
            try:
                await self._send(batch)
            except Exception as failed:  # noqa: BLE001 - of every kind: what waits here is on no other way
                problem = explained(self._url, failed)
                if problem != said:
                    _log.warning("messages could not be passed on; trying again", problem=problem)
                said = problem
            else:
                return
            await self._close()
            await asyncio.sleep(wait)

    async def stop(self) -> None:
        """Close the connection."""
        await self._close()

    async def _send(self, batch: Sequence[Passed]) -> None:
        channel = await self._opened()
        confirmed = [await self._write(channel, message) for message in batch]
        all_ = asyncio.gather(*confirmed, return_exceptions=True)
        try:
            await self._answered(all_, channel.closing)
            outcomes = await all_ if all_.done() else [BrokerUnavailable("RabbitMQ did not confirm in time")]
        finally:
            all_.cancel()
        channel.message_id_delivery_tag.clear()
        for outcome in outcomes:
            if isinstance(outcome, PublishError):
                raise BrokerUnavailable("a queue that messages are passed on to is missing") from outcome
            if isinstance(outcome, BaseException):
                raise BrokerUnavailable(f"RabbitMQ did not confirm a message: {outcome!r}") from outcome

    async def _answered(self, *either: "asyncio.Future[Any]") -> None:
        """Return when one of them is done, or RabbitMQ has been silent for too long while it took messages."""
        done: set[asyncio.Future[Any]] = set()
        while not done:
            blocked = self._blocked
            done, _ = await asyncio.wait(either, timeout=CONFIRM_S, return_when=asyncio.FIRST_COMPLETED)
            if not blocked and not self._blocked:
                return

    async def _write(self, channel: Channel, message: Passed) -> "asyncio.Future[Any]":
        """Write a message as the library would, but in one piece; give what becomes of it.

        The library tells of it by its number, or by its id where RabbitMQ returns it.
        """
        id_, header = header_frame(message, channel.number)
        publish = Basic.Publish(
            exchange=message.exchange, routing_key=short_string(message.routing_key), mandatory=True
        )
        body = [pamqp.frame.marshal(part, channel.number) for part in channel._split_body(message.body)]  # noqa: SLF001
        channel.delivery_tag += 1
        confirmed = channel.create_future()
        channel.confirmations[channel.delivery_tag] = confirmed
        channel.message_id_delivery_tag[id_] = channel.delivery_tag
        payload = b"".join((pamqp.frame.marshal(publish, channel.number), header, *body))
        await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
        return confirmed

    async def _opened(self) -> Channel:
        if self._channel is None or self._channel.is_closed:
            await self.prepare()
            self._blocked = False
            self._connection = CandidConnection(self._url, self._take_note)
            async with asyncio.timeout(self._connect_timeout_s):
                await self._connection.connect()
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            self._channel = cast("Channel", channel)
        return self._channel

    def _take_note(self, reason: str | None) -> None:
        self._blocked = reason is not None

    async def _close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(*GONE):
                await asyncio.wait([asyncio.ensure_future(connection.close())], timeout=STOP_TIMEOUT_S)


def header_frame(message: Passed, channel: int) -> tuple[str, bytes]:
    """Write the properties that a message is passed on with; give its id, which one without gets, to be known by."""
    id_ = short_string(message.properties.message_id or uuid4().hex)
    header = ContentHeader(properties=going_on(message.properties, id_, keep=(PARTS,)), body_size=len(message.body))
    return id_, pamqp.frame.marshal(header, channel)
