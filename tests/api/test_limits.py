"""The limits of the door, on a real port: how many may come in, and how long each may take."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
from aiohttp import web

from bridge.api import connections as connections_module
from bridge.api.app import build_app
from bridge.api.identity import ApiKeyIdentity
from bridge.api.server import open_server
from tests.api.conftest import ENTITIES
from tests.api.fakes import FakeBridge
from tests.api.usual import usual_config, usual_limits
from tests.support import NEVER_S, PATIENCE_S, eventually

ON_BOTH_LOOPS = True
PATIENT = {"head_seconds": NEVER_S, "body_seconds": NEVER_S, "idle_seconds": NEVER_S}
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
HANG = b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n"
LISTS = b"GET /mefApi/sonata/workOrderManagement/v2/workOrder HTTP/1.1\r\nHost: a\r\nX-API-Key: acme-key\r\n\r\n"
POST = (
    b"POST /mefApi/sonata/workOrderManagement/v2/hub HTTP/1.1\r\nHost: a\r\nX-API-Key: acme-key\r\n"
    b"Content-Type: application/json;charset=utf-8\r\nContent-Length: 1000\r\n\r\n"
)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, raw: bytes) -> None:
        self._writer.write(raw)
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Read one answer: status, headers, and the JSON of the body."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-1])}
            return (
                int(head[0].split()[1]),
                headers,
                orjson.loads(await self._reader.readexactly(int(headers["content-length"]))),
            )

    async def ask(self, raw: bytes = LIVE) -> int:
        await self.say(raw)
        return (await self.answer())[0]

    async def rest(self) -> bytes:
        """Read all that comes until the connection is closed."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read()

    def close(self) -> None:
        self._writer.close()


class Door:
    """A door with some limits. `released` lets those go who are being answered."""

    def __init__(self, port: int, released: asyncio.Event) -> None:
        self._port = port
        self.hanging = 0
        self.released = released
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self.clients.append(client)
        return client


OpenDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
async def open_door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenDoor]:
    monkeypatch.setattr(connections_module, "LINGER_S", 0.1)
    async with AsyncExitStack() as stack:

        async def make(**limits: Any) -> Door:
            listening = socket.create_server(("127.0.0.1", 0))
            config = usual_config(limits=usual_limits(**{**PATIENT, **limits}))
            app = build_app(FakeBridge().services(), ApiKeyIdentity(ENTITIES), config)
            door = Door(listening.getsockname()[1], asyncio.Event())

            async def hang(_: web.Request) -> web.Response:
                door.hanging += 1
                await door.released.wait()
                return web.json_response({})

            async def much(_: web.Request) -> web.Response:
                return web.Response(body=b"x" * 50_000_000)

            app.router.add_get("/hang", hang)
            app.router.add_get("/health/hang", hang)
            app.router.add_get("/much", much)
            stack.push_async_callback(await open_server(app, listening, config.limits))
            stack.callback(door.released.set)
            stack.callback(lambda: [client.close() for client in door.clients])
            return door

        yield make


@pytest.mark.parametrize("start", [b"", b"GET /health/live HT", b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_head_that_does_not_come_in_time_is_not_waited_for(open_door: OpenDoor, start: bytes) -> None:
    client = await (await open_door(head_seconds=0.05)).connect()
    await client.say(start)
    status, headers, body = await client.answer()
    assert (status, body) == (408, {"reason": "The head of the request did not come in time."})
    assert (headers["content-type"], headers["server"], headers["connection"]) == (
        "application/json;charset=utf-8",
        "mef-bridge",
        "close",
    )
    assert await client.rest() == b""


async def test_a_head_that_trickles_is_not_waited_for(open_door: OpenDoor) -> None:
    """Whatever comes meanwhile, the time counts from the first byte."""
    door = await open_door(head_seconds=0.3)
    client, silent = await door.connect(), await door.connect()
    answered = asyncio.create_task(silent.answer())
    for byte in b"GET / HTTP/1.1\r\nX: " + b"x" * 5_000:
        if answered.done():
            break
        await client.say(bytes([byte]))
    assert (await answered)[0] == 408  # whose time began as soon
    assert (await client.answer())[0] == 408


async def test_the_time_of_a_head_begins_anew_with_each_request(open_door: OpenDoor) -> None:
    client = await (await open_door(head_seconds=0.2)).connect()
    assert await client.ask() == 200
    await client.say(HANG.replace(b"/hang", b"/health/live")[:20])
    assert (await client.answer())[0] == 408


async def test_a_request_that_takes_long_to_answer_is_not_slow_to_come(open_door: OpenDoor) -> None:
    door = await open_door(head_seconds=0.05, body_seconds=0.05)
    client = await door.connect()
    await client.say(HANG)  # at once: on a busy machine another connection may take longer than it has
    other = await door.connect()
    assert (await other.answer())[0] == 408  # so the time is over for both
    door.released.set()
    assert (await client.answer())[0] == 200


async def test_a_connection_without_a_request_is_closed_after_a_while(open_door: OpenDoor) -> None:
    client = await (await open_door(idle_seconds=0.1)).connect()
    assert await client.ask() == 200
    assert await client.rest() == b""


async def test_a_body_that_does_not_come_in_time_is_not_waited_for(open_door: OpenDoor) -> None:
    client = await (await open_door(body_seconds=0.05)).connect()
    await client.say(POST + b"{")
    status, headers, body = await client.answer()
    assert (status, body) == (408, {"reason": "The body did not come within 0.05 s."})
    assert headers["connection"] == "close"
    assert headers["x-correlation-id"]


async def test_a_client_that_does_not_take_its_answer_is_closed(open_door: OpenDoor) -> None:
    door = await open_door(body_seconds=0.2)
    client = await door.connect()
    await client.say(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n")
    other = await door.connect()
    await other.say(POST)
    assert (await other.answer())[0] == 408  # as long as that, nothing was taken
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client._reader.readexactly(50_000_000)


async def test_who_has_been_idle_for_longest_makes_room(open_door: OpenDoor) -> None:
    door = await open_door(connections=3)
    first, second, third = [await door.connect() for _ in range(3)]
    for client in (second, first, third):
        assert await client.ask() == 200
    newest = await door.connect()
    assert await newest.ask() == 200
    assert await second.rest() == b""
    assert await first.ask() == 200
    assert await third.ask() == 200


async def test_who_never_asked_for_anything_goes_before_who_did(open_door: OpenDoor) -> None:
    door = await open_door(connections=2)
    asked = await door.connect()
    assert await asked.ask() == 200
    silent = await door.connect()
    newest = await door.connect()
    assert await newest.ask() == 200
    assert await silent.rest() == b""
    assert await asked.ask() == 200


async def test_where_nobody_is_idle_a_newcomer_is_refused_and_a_probe_answered(open_door: OpenDoor) -> None:
    door = await open_door(connections=2)
    for client in [await door.connect() for _ in range(2)]:
        await client.say(HANG)
    await eventually(lambda: door.hanging == 2)
    newcomer = await door.connect()
    await newcomer.say(LISTS)
    status, headers, body = await newcomer.answer()
    assert (status, headers["retry-after"], body) == (503, "5", {"reason": "Too many connections are open."})
    assert await newcomer.rest() == b""
    assert await (await door.connect()).ask(LIVE) == 200


async def test_where_the_anteroom_is_full_too_a_newcomer_is_refused_unheard(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections_module, "ANTEROOM", 1)
    door = await open_door(connections=2)
    for number, path in enumerate((b"/hang", b"/hang", b"/health/hang"), 1):
        await (await door.connect()).say(HANG.replace(b"/hang", path))
        await eventually(lambda number=number: door.hanging == number)
    last = await door.connect()
    status, headers, body = await last.answer()
    assert (status, headers["retry-after"], body) == (503, "5", {"reason": "Too many connections are open."})
    assert await last.rest() == b""


async def test_those_who_have_gone_leave_room(open_door: OpenDoor) -> None:
    door = await open_door(connections=2)
    for _ in range(5):
        client = await door.connect()
        assert await client.ask(LISTS) == 200
        client.close()
    busy = await door.connect()
    await busy.say(HANG)
    await eventually(lambda: door.hanging == 1)
    assert await (await door.connect()).ask(LISTS) == 200
