"""An HTTP proxy on a real socket: tunnels (CONNECT) to one place, whatever it is asked for, and records that."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"
LOGIN_REQUIRED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Proxy:
    """`asked` are the targets of CONNECT, or the URLs of other requests."""

    port: int
    login: str | None = None
    url: str = ""
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._tunnel(reader, writer)
        writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        self.asked.append(head.split()[1])
        if self.login is not None and self._expected() not in head:
            writer.write(LOGIN_REQUIRED)
            return
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.port)
        if head.startswith("CONNECT "):
            writer.write(OK)
        else:
            to_writer.write(head.encode())
        await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))

    def _expected(self) -> str:
        return f"Proxy-Authorization: Basic {base64.b64encode(str(self.login).encode()).decode()}"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def proxying(port: int, login: str | None = None) -> AsyncIterator[Proxy]:
    """Run a proxy whose tunnels all lead to a port of the loopback."""
    proxy = Proxy(port, login)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
