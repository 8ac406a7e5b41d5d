"""A Buyer's authorization server on a real socket: gives tokens by client credentials, and can be made to fail."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web

CLIENT, SECRET = "bridge: 1", "s3cr%t&+ł"


@dataclass(slots=True)
class AuthorizationServer:
    """Gives `token-1`, `token-2`, …; `answers` replaces the next answers. `gate` holds requests up."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    lifetime: Any = 3600
    answers: list[Callable[[], web.Response]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def give(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        self.authorizations.append(request.headers.get("Authorization"))
        await self.gate.wait()
        if self.answers:
            return self.answers.pop(0)()
        token = {"access_token": f"token-{len(self.forms)}", "token_type": "Bearer", "expires_in": self.lifetime}
        return web.json_response({name: value for name, value in token.items() if value is not None})


def login_in(authorization: str | None) -> tuple[str, str]:
    """Read HTTP Basic as RFC 6749, 2.3.1 has it."""
    scheme, _, pair = str(authorization).partition(" ")
    assert scheme == "Basic"
    name, _, secret = base64.b64decode(pair).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)


@asynccontextmanager
async def giving_tokens() -> AsyncIterator[AuthorizationServer]:
    """Run one on a free port of the loopback."""
    server = AuthorizationServer()
    server.gate.set()
    app = web.Application()
    app.router.add_post("/token", server.give)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    try:
        yield server
    finally:
        server.gate.set()
        await runner.cleanup()
