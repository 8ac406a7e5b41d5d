"""A Buyer's listener on a real socket: records what comes, and answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[["Listener", "Received"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Listener:
    """`callback` is its URL; `most_at_once` counts requests that were there at the same time."""

    callback: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    now: int = 0
    most_at_once: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)


async def accept(_listener: Listener, _request: Received) -> web.StreamResponse:
    """Take everything."""
    return web.Response(status=204)


async def hang(listener: Listener, _request: Received) -> web.StreamResponse:
    """Answer only once released."""
    await listener.released.wait()
    return web.Response(status=204)


def statuses(*answers: int, headers: dict[str, str] | None = None) -> Answer:
    """Answer with these statuses in turn, the last one for ever."""

    async def answer(listener: Listener, _request: Received) -> web.StreamResponse:
        return web.Response(status=answers[min(len(listener.received), len(answers)) - 1], headers=headers)

    return answer


@asynccontextmanager
async def listening(answer: Answer = accept, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """Run a listener on a free port of the loopback."""
    listener = Listener()

    async def handle(request: web.Request) -> web.StreamResponse:
        received = Received(request.method, request.raw_path, dict(request.headers), await request.read())
        listener.received.append(received)
        listener.now += 1
        listener.most_at_once = max(listener.most_at_once, listener.now)
        try:
            return await answer(listener, received)
        finally:
            listener.now -= 1

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    listener.port = port
    listener.callback = f"http{'s' if tls else ''}://{host}:{port}/cb"
    try:
        yield listener
    finally:
        listener.released.set()
        await runner.cleanup()
