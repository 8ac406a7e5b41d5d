"""Sends GETs as fast as they are answered, over a number of connections. It does as little as it can itself.

A request is bytes made before; of an answer only the status and the length of its body are read.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_OK: Final = b"HTTP/1.1 200 "


def get(path: str, *, key: str = "acme-buyer-key") -> bytes:
    """Write a GET of a Buyer who is known by an API key."""
    head = f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}", "Accept: */*"
    return "\r\n".join((*head, "", "")).encode()


@dataclass(slots=True)
class Load:
    """What came of it: seconds of each request, and of all."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


async def load(host: str, port: int, requests: Sequence[bytes], at_once: int) -> Load:
    """Send all requests, `at_once` at a time; raises `RuntimeError` for an answer that is not 200."""
    loop = asyncio.get_running_loop()
    result, left, ends = Load(), iter(requests), []
    begun = time.perf_counter()
    for _ in range(at_once):
        end: asyncio.Future[None] = loop.create_future()
        ends.append(end)
        await loop.create_connection(lambda end=end: _Client(left, result, end), host, port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    result.seconds = time.perf_counter() - begun
    return result


class _Client(asyncio.Protocol):
    def __init__(self, left: Iterator[bytes], result: Load, end: "asyncio.Future[None]") -> None:
        self._left, self._result, self._end = left, result, end
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by its class
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_END)
        if not found:
            return
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(_OK):
            self._end.set_exception(RuntimeError(self._received.decode()))
            return
        self._result.latencies.append(time.perf_counter() - self._sent_at)
        self._received = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._end.done():
            self._end.set_exception(exc or RuntimeError("the server closed the connection"))

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._left, None)
        if request is None:
            self._end.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)
