"""The status line decides: what a listener answers is known once that line was read, whatever may follow it.

The HTTP client gives no answer at all where it cannot read one to its end (a header of 9 kB, a body behind a 204, a
length that is no number). A 2xx would then be sent again until it is given up, and hold up all behind it. So the
client's connections keep the beginning of what came by, and it is read here as leniently as it can be understood. Of
interim answers (1xx) the client sees nothing: over one that it cannot read it would close the connection.
"""

import asyncio
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

LONGEST_HEAD: Final = 32 * 1024
"""Bytes that are kept of an answer."""
LONGEST_STATUS: Final = 64
"""Bytes in which a line has the form of a status line, or never will; and what is kept of interim answers."""

# Lines may end in CR LF, in LF (RFC 9112, 2.2), or as somebody thought they would. A reason need not be there.
_STATUS_LINE: Final = re.compile(rb"(?:\A|[\r\n])HTTP/\d(?:\.\d)?[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)
_RETRY_AFTER: Final = re.compile(rb"[\r\n]Retry-After[ \t]*:([^\r\n]*)", re.IGNORECASE)
_FINAL: Final = re.compile(rb"[\r\n]HTTP/\d(?:\.\d)?[ \t]+(?:101|[2-9]\d\d)(?!\d)", re.IGNORECASE)
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_BLANK: Final = b"\r\n \t"
_SWITCHING_PROTOCOLS: Final = 101  # is below 200, and no HTTP comes after it (RFC 9110, 15.2.2)


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A final status, and what can be told of the rest: the value of Retry-After, and the body's start as it came."""

    status: int
    retry_after: str | None = None
    body: bytes = b""


def read_answer(received: bytes) -> RawAnswer | None:
    """Read the first answer that is not interim (1xx); None as long as its status has not come."""
    received = received.lstrip(_BLANK)
    if _STATUS_LINE.match(received) is None:
        return None
    for found in _STATUS_LINE.finditer(received):
        status = int(found[1])
        if not _is_interim(status):
            return _answer(status, received[found.end() :])
    return None


def _answer(status: int, rest: bytes) -> RawAnswer:
    end = _END_OF_HEAD.search(rest)
    head, body = (rest, b"") if end is None else (rest[: end.start()], rest[end.end() :])
    asked = _RETRY_AFTER.search(head)
    return RawAnswer(status, asked[1].decode("latin-1") if asked else None, body)


class Watch:
    """What comes by of one request's answer. Make one before the request, in the task that makes it.

    `on_status` is called once, when the final status has come.
    """

    def __init__(self, on_status: Callable[[], None]) -> None:
        self._on_status = on_status
        self._protocol: WatchedProtocol | None = None
        _WATCH.set(self)

    @property
    def answer(self) -> RawAnswer | None:
        """The answer, once its status was read."""
        return None if self._protocol is None else self._protocol.answer()

    def follow(self, protocol: "WatchedProtocol") -> None:
        """Watch the connection that the answer comes by."""
        self._protocol = protocol
        protocol.expect(self._on_status)


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


class Stage(Enum):
    """How far an answer has come."""

    BEGINS = auto()
    INTERIM = auto()
    HANDED_ON = auto()


def _stage_of(received: bytes) -> Stage:
    """Tell what begins so. What has no status line is handed on, too: the client says what is wrong with it."""
    found = _STATUS_LINE.match(received)
    if found is not None:
        return Stage.INTERIM if _is_interim(int(found[1])) else Stage.HANDED_ON
    is_undecided = len(received) < LONGEST_STATUS and not re.search(rb"[\r\n]", received)
    return Stage.BEGINS if is_undecided else Stage.HANDED_ON


def _is_interim(status: int) -> bool:
    return status < 200 and status != _SWITCHING_PROTOCOLS


class WatchedProtocol(ResponseHandler):
    """A connection that keeps the beginning of the answer under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._received = b""  # of the final answer, or what may become the beginning of one
        self._stage = Stage.BEGINS
        self._is_used = False
        self._on_status: Callable[[], None] | None = None

    def expect(self, on_status: Callable[[], None]) -> None:
        """Another request goes out: its answer is yet to come, unless the listener speaks before it was asked."""
        if self._is_used:
            self._received, self._stage = b"", Stage.BEGINS
        self._is_used, self._on_status = True, on_status

    def answer(self) -> RawAnswer | None:
        """Read what has come."""
        return read_answer(self._received)

    @property
    def has_spoken_unasked(self) -> bool:
        """Tell whether something has come since the last answer: it would be taken for the next one."""
        return self._is_used and self.should_close

    def data_received(self, data: bytes) -> None:
        """Keep the beginning of the answer, and hand on what is no part of interim ones."""
        if self._stage is not Stage.HANDED_ON:
            self._received += data
            data = self._begun()
        elif len(self._received) < LONGEST_HEAD:
            self._received += data[:LONGEST_HEAD]
        if data:
            super().data_received(data)

    def _begun(self) -> bytes:
        """Give what can be handed on by now; nothing before the final status, or what never becomes one, has come."""
        if self._stage is Stage.BEGINS:
            self._received = self._received.lstrip(_BLANK)
            self._stage = _stage_of(self._received)
        if self._stage is Stage.INTERIM:
            found = _FINAL.search(self._received)
            self._received = self._received[found.start() + 1 if found else -LONGEST_STATUS :]
            self._stage = Stage.HANDED_ON if found else Stage.INTERIM
        if self._stage is not Stage.HANDED_ON:
            return b""
        begun, self._received = self._received, self._received[:LONGEST_HEAD]
        if self._on_status is not None and self.answer() is not None:
            tell, self._on_status = self._on_status, None
            tell()
        return begun


class WatchedConnector(TCPConnector):
    """A connector whose connections can be watched."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        make: Callable[..., ResponseHandler] = WatchedProtocol
        self._factory = partial(make, loop=self._loop)

    async def connect(self, *request: Any, **how: Any) -> Connection:
        """Get a connection for a request: one on which nobody has spoken meanwhile."""
        connection = await super().connect(*request, **how)
        while isinstance(connection.protocol, WatchedProtocol) and connection.protocol.has_spoken_unasked:
            connection.close()
            connection = await super().connect(*request, **how)
        watch = _WATCH.get()
        if watch is not None and isinstance(connection.protocol, WatchedProtocol):
            watch.follow(connection.protocol)
        return connection
