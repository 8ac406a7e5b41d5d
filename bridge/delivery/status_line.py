"""The status line decides: what a listener answers is known once that line was read, whatever may follow it.

The HTTP client gives no answer at all where it cannot read one to its end (a header of 9 kB, a body behind a 204, a
length that is no number). A 2xx would then be sent again until it is given up, and hold up all behind it. So the
client's connections keep the final status line that came by, beside what the client makes of the rest.
"""

import asyncio
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

LONGEST_HEAD: Final = 64 * 1024
"""Bytes before the final status line: interim answers (1xx) may come first (RFC 9110, 15.2)."""

_STATUS_LINE: Final = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t\r]|$)")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")


class SeenStatus:
    """What came by of one request's answer. Make one before the request, in the task that makes it."""

    def __init__(self) -> None:
        self._protocol: StatusProtocol | None = None
        _SEEN.set(self)

    @property
    def status(self) -> int | None:
        """The final status, once its line was read."""
        return self._protocol.status if self._protocol is not None else None

    def comes_by(self, protocol: "StatusProtocol") -> None:
        """Note which connection the answer comes by."""
        self._protocol = protocol
        protocol.expect()


_SEEN: ContextVar[SeenStatus | None] = ContextVar("seen_status", default=None)


class StatusProtocol(ResponseHandler):
    """A connection that keeps the final status line of the answer under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.status: int | None = None
        self._head = b""

    def expect(self) -> None:
        """Another request goes out: its answer is yet to come."""
        self.status, self._head = None, b""

    def data_received(self, data: bytes) -> None:
        """Look for the status line, and hand the data on."""
        if self.status is None and len(self._head) < LONGEST_HEAD:
            self._head += data[:LONGEST_HEAD]
            self.status = final_status(self._head)
        super().data_received(data)


class StatusConnector(TCPConnector):
    """A connector whose connections tell `SeenStatus`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        make: Callable[..., ResponseHandler] = StatusProtocol
        self._factory = partial(make, loop=self._loop)

    async def connect(self, *request: Any, **how: Any) -> Connection:
        """Get a connection for a request."""
        connection = await super().connect(*request, **how)
        seen = _SEEN.get()
        if seen is not None and isinstance(connection.protocol, StatusProtocol):
            seen.comes_by(connection.protocol)
        return connection


def final_status(head: bytes) -> int | None:
    """Read the status of the first answer that is not interim (1xx); None as long as its line is not whole."""
    rest = head
    while True:
        line, end, _ = rest.lstrip(b"\r\n").partition(b"\n")
        found = _STATUS_LINE.match(line) if end else None
        if found is None:
            return None
        status = int(found[1])
        if status >= 200:
            return status
        over = _END_OF_HEAD.search(rest)
        if over is None:
            return None
        rest = rest[over.end() :]
