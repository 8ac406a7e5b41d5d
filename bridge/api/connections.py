"""The connections of the door: how many there may be, and how long each may take over what it does.

A client that sends its request's head byte by byte, or none, is closed in time; so is one that does not take its
answer. Where there are too many connections, the one that has been idle for longest makes room. Where none is idle, a
few more are let in to be told so, and so that probes are answered; any further one is told at once.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from aiohttp import web

from bridge.api.config import Limits

ANTEROOM: Final = 32  # connections beyond the limit that are let in to be refused, or asked after our health
LINGER_S: Final = 5.0  # so long is read what still comes of a body after its answer, which else might not arrive

Answer = Callable[[], bytes]


class Connections:
    """All connections of one door. `too_slow` and `too_many` give what a client is told before it is closed."""

    def __init__(self, limits: Limits, too_slow: Answer, too_many: Answer) -> None:
        self.limits = limits
        self.too_slow = too_slow
        self.too_many = too_many
        self._open: set[LimitedProtocol] = set()
        self._turns = count()

    def enter(self, arrived: "LimitedProtocol") -> bool:
        """Let a connection in; tells whether there was room, and refuses it where there is not even an anteroom."""
        self._open.add(arrived)
        if len(self._open) <= self.limits.connections:
            return True
        idle = min((each for each in self._open if each.is_idle), key=lambda each: each.seniority, default=None)
        if idle is not None:
            idle.force_close()
            return True
        if len(self._open) > self.limits.connections + ANTEROOM:
            arrived.refuse(self.too_many())
        return False

    def next_turn(self) -> int:
        """Count what happens: a loop's clock may stand still for a millisecond, in which several become idle."""
        return next(self._turns)

    def leave(self, gone: "LimitedProtocol") -> None:
        """A connection is closed."""
        self._open.discard(gone)


class LimitedProtocol(web.RequestHandler):
    """One connection of a client."""

    __slots__ = ("_connections", "_head_timer", "_idle_since", "_write_timer", "is_beyond_limit")

    def __init__(self, manager: Any, connections: Connections, **options: Any) -> None:
        super().__init__(manager, keepalive_timeout=connections.limits.idle_seconds, lingering_time=LINGER_S, **options)
        self._connections = connections
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._idle_since = self._connections.next_turn()
        self.is_beyond_limit = False

    @property
    def is_idle(self) -> bool:
        """Whether the next request is waited for: its head has not come, or not whole."""
        return self._waiter is not None and not self._waiter.done() and self.transport is not None

    @property
    def seniority(self) -> tuple[bool, int]:
        """Who has to go first: who never sent a request, then who has sent none for longest."""
        return self._request_count > 0, self._idle_since

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The head must come now."""
        super().connection_made(transport)
        self._expect_head()
        self.is_beyond_limit = not self._connections.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over."""
        self._connections.leave(self)
        _cancel(self._head_timer)
        _cancel(self._write_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head begins, goes on or is whole; or it is a part of a body."""
        if self._head_timer is None and self.is_idle:
            self._expect_head()
        known = self._request_count
        super().data_received(data)
        if self._request_count > known:
            _cancel(self._head_timer)
            self._head_timer = None
            self._idle_since = self._connections.next_turn()

    def pause_writing(self) -> None:
        """The client does not take what we send as fast as we do."""
        super().pause_writing()
        self._write_timer = self._loop.call_later(self._connections.limits.body_seconds, self._give_up)

    def resume_writing(self) -> None:
        """It has taken some of it."""
        super().resume_writing()
        _cancel(self._write_timer)

    def refuse(self, answer: bytes) -> None:
        """Tell the client something, and close."""
        if self.transport is not None:
            self.transport.write(answer)
        self.force_close()

    def _expect_head(self) -> None:
        self._head_timer = self._loop.call_later(self._connections.limits.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.is_idle:
            self.refuse(self._connections.too_slow())

    def _give_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
