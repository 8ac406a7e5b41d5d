"""A real callback listener. Each registration gets a mailbox of its own, so that who was told what can be told apart.

It takes a POST on any path: one on a wrong path is a finding, not a 404.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any, Final, Self

import orjson
from aiohttp import web

from bridge.conformance.exchange import Notice

GRACE: Final = 1.0  # seconds for answers under way when the listener stops


class Mailbox:
    """The notifications of one registration. `callback` is what is registered."""

    def __init__(self, callback: str, prefix: str) -> None:
        self.callback = callback
        self.prefix = prefix
        self.notices: list[Notice] = []
        self._refused: set[str] = set()
        self._news = asyncio.Event()

    def refuse_next(self, resource: str) -> None:
        """Answer the next notification of a resource with 503."""
        self._refused.add(resource)

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> int:
        """Keep a notification and say with which status it is answered."""
        notice = Notice(path=path, headers=headers, raw=raw, body=_json(raw), answered=204)
        if notice.resource in self._refused:
            self._refused.discard(str(notice.resource))
            notice = replace(notice, answered=503)
        self.notices.append(notice)
        self._news.set()
        self._news = asyncio.Event()  # whoever waits holds the one that it has seen nothing since
        return notice.answered

    async def wait(self, wanted: Callable[[Notice], bool], since: int, patience: float) -> Notice | None:
        """Wait for the first wanted notification from number `since` on; None if it does not come."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    news = self._news
                    found = next((notice for notice in self.notices[since:] if wanted(notice)), None)
                    if found is not None:
                        return found
                    await news.wait()
        except TimeoutError:
            return None


class Listener:
    """The HTTP server behind all mailboxes. Use it as a context manager.

    `callback` is how the tested system reaches it; by default `http://<host>:<port>`.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, callback: str | None = None) -> None:
        self._host, self._port, self._callback = host, port, callback
        self._mailboxes: dict[str, Mailbox] = {}
        self._numbers = count(1)
        self.strays: list[str] = []
        app = web.Application()
        app.router.add_post("/{name}/{rest:.*}", self._receive)
        app.router.add_post("/{name}", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The base of all callbacks."""
        if self._callback is not None:
            return self._callback.rstrip("/")
        return f"http://{self._host}:{self._runner.addresses[0][1]}"

    def open(self) -> Mailbox:
        """A new mailbox."""
        name = f"listener-{next(self._numbers)}"
        mailbox = Mailbox(f"{self.url}/{name}", f"/{name}")
        self._mailboxes[name] = mailbox
        return mailbox

    async def _receive(self, request: web.Request) -> web.Response:
        mailbox = self._mailboxes.get(request.match_info["name"])
        if mailbox is None:
            self.strays.append(request.path)
            return web.Response(status=404)
        path = request.path.removeprefix(mailbox.prefix)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return web.Response(status=mailbox.take(path, headers, await request.read()))


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
