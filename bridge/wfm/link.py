"""The link to RabbitMQ: one FastStream broker, whether it is connected now, and channels to try things on.

It comes back by itself after a loss and waits for a RabbitMQ that is not there yet. The address `memory://` gives
FastStream's in-memory broker: everything in one process, no confirms, no redelivery; to show the bridge, not to run it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiormq
import structlog
from aio_pika.abc import AbstractConnection, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AuthenticationError, ProbableAuthenticationError
from faststream.rabbit import Channel, RabbitBroker
from faststream.rabbit.testing import TestRabbitBroker
from yarl import URL

from bridge.backoff import Backoff
from bridge.errors import NotSent, PermanentError
from bridge.wfm.connection import connection_url
from bridge.wfm.frames import read_leniently

IN_MEMORY_URL: Final = "memory://"

CONNECT_TIMEOUT_S: Final = 5.0
RETRIES: Final = Backoff(first=0.5, longest=15.0)
STOP_TIMEOUT_S: Final = 2.0
RECONNECT_INTERVAL_S: Final = 1.0
"""RabbitMQ restarts take seconds; trying more often only fills the log."""

_log = structlog.stdlib.get_logger(__name__)


class RabbitLink:
    """The connection to RabbitMQ on which the bridge consumes and declares; in memory, all others share it.

    Commands go out on one of their own (`publisher.py`). `name` is what RabbitMQ's own tools show for the connection.
    `connected` is for a health check.
    """

    def __init__(self, url: str, *, name: str = "mef-bridge", connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        read_leniently()
        self.in_memory: Final = url == IN_MEMORY_URL
        self._plain_url = url
        self._name = name
        self._url = connection_url(url, name)
        self.connect_timeout_s: Final = connect_timeout_s
        self.broker: Final = self._build_broker()
        self._fake = TestRabbitBroker(self.broker, connect_only=False) if self.in_memory else None
        self._connection: AbstractRobustConnection | None = None
        self._started = False
        self._lost = False
        self._listeners: list[Callable[[], None]] = []

    def _build_broker(self) -> RabbitBroker:
        return RabbitBroker(
            None if self.in_memory else self._url,
            # Unroutable commands must raise, not come back as a value that a caller may overlook.
            default_channel=Channel(on_return_raises=True),
            timeout=self.connect_timeout_s,
            fail_fast=False,
            reconnect_interval=RECONNECT_INTERVAL_S,
            # Consumers wait for their own handlers, with their own deadline.
            graceful_timeout=None,
            on_close=[self._on_close],
            on_reconnected=[self._on_reconnected],
            logger=None,
            apply_types=False,
        )

    @property
    def connected(self) -> bool:
        """Is there a working connection at this moment?"""
        return self._started and (self._connection is None or self._connection.connected.is_set())

    def url_for(self, duty: str) -> URL:
        """Where to connect for something else, with a name that says for what."""
        return connection_url(self._plain_url, f"{self._name} ({duty})")

    def on_reconnect(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the connection is back after a loss."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Connect; waits until RabbitMQ answers, however long that takes.

        Raises `PermanentError` if it refuses the user or the password: waiting would not make them right.
        """
        if self._fake is None:
            await self._wait_for_rabbitmq()
            self._connection = await self.broker.connect()
            await self.broker.start()
        else:
            await self._fake.__aenter__()
        self._started = True

    async def _wait_for_rabbitmq(self) -> None:
        for wait in RETRIES.waits():
            if (problem := await self._problem()) is None:
                return
            _log.warning("RabbitMQ does not answer; trying again", problem=problem, again_in_s=wait)
            await asyncio.sleep(wait)

    async def _problem(self) -> str | None:
        """Connect once for a moment, because the robust connection would hide why it was refused, and try for ever."""
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                connection = await aiormq.connect(self._url)
                await connection.close()
        except (AuthenticationError, ProbableAuthenticationError) as refused:
            raise PermanentError(
                f"RabbitMQ at {self._url.host} refuses the user {self._url.user!r} or its password (broker.url)"
            ) from refused
        except TimeoutError:
            return "no answer in time"
        except CONNECTION_EXCEPTIONS as failed:
            return type(failed).__name__
        return None

    async def stop(self) -> None:
        """Close the connection. Stop the consumers first: what they have not settled returns to the queue."""
        self._started = False
        if self._fake is not None:
            await self._fake.__aexit__()
        elif self._connection is not None:
            # FastStream would wait for a lost connection to come back before it lets go of it.
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self.broker.stop()
            await self._connection.close()

    async def channel(self, prefetch: int) -> AbstractRobustChannel:
        """A channel to consume on, which comes back by itself; raises `NotSent` while the connection is lost."""
        if self._connection is None or not self.connected:
            raise NotSent
        channel = await self._connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=prefetch)
        return channel

    @asynccontextmanager
    async def scratch_channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel for one operation that RabbitMQ may refuse, since it closes a channel with every refusal.

        Raises `NotSent` while the connection is lost.
        """
        transport = self._connection.transport if self._connection is not None else None
        if transport is None or not self.connected:
            raise NotSent
        channel = await transport.connection.channel(publisher_confirms=False)
        try:
            yield channel
        finally:
            if not channel.is_closed:
                await channel.close()

    def _on_close(self, _connection: AbstractConnection | None, reason: BaseException | None) -> None:
        if self._started and not self._lost:
            _log.warning("the connection to RabbitMQ is lost; trying to get it back", reason=str(reason))
        self._lost = True

    def _on_reconnected(self, _connection: AbstractRobustConnection | None) -> None:
        _log.info("the connection to RabbitMQ is back")
        self._lost = False
        for listener in self._listeners:
            listener()
