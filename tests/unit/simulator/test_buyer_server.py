"""The simulated Buyer as a process: it waits for the bridge, shows what it was told, and says good-bye."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession
from aiohttp.test_utils import TestServer

from bridge.api.app import build_app
from bridge.api.identity import ApiKeyIdentity, Identity, NoIdentity, Principal
from bridge.errors import StoreUnavailable
from bridge.mef.enums import Irp
from bridge.simulator.buyer import BuyerError
from bridge.simulator.buyer_server import serve_buyer
from tests.api.fakes import ACME, FakeBridge
from tests.api.usual import usual_config
from tests.support import eventually

PATH = "/mefApi/cantata/appointmentNotification/v2/listener/appointmentStatusChangeEvent"
EVENT = {
    "eventId": "E-1",
    "eventTime": "2026-03-05T12:00:00.000Z",
    "eventType": "appointmentStatusChangeEvent",
    "event": {"id": "A-1"},
}
LAB = NoIdentity(Principal("lab", (ACME,)))


@asynccontextmanager
async def serving(bridge: FakeBridge, port: int, identity: Identity = LAB) -> AsyncIterator[None]:
    """Run the Buyer's side of a bridge on a port."""
    server = TestServer(build_app(bridge.services(), identity, usual_config(base_url="http://bridge")), port=port)
    await server.start_server(access_log=None)
    try:
        yield
    finally:
        await server.close()


@asynccontextmanager
async def running(bridge_port: int, port: int) -> AsyncIterator[asyncio.Task[None]]:
    """Run the Buyer until the block ends."""
    serve = serve_buyer(f"http://127.0.0.1:{bridge_port}", "any-key", "127.0.0.1", port, Irp.CANTATA)
    task = asyncio.create_task(serve)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Control:
    """Talks to the Buyer's process."""

    def __init__(self, session: ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}"

    async def send(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._session.request(method, self._url + path, json=body) as response:
            return response.status, await response.json() if response.content_length else None

    async def registered(self) -> bool:
        try:
            return bool((await self.send("GET", "/health"))[1]["registered"])
        except ClientConnectorError:
            return False


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def test_it_registers_as_soon_as_the_bridge_answers_and_leaves_at_the_end(
    session: ClientSession, unused_tcp_port_factory: Any
) -> None:
    bridge_port, port = unused_tcp_port_factory(), unused_tcp_port_factory()
    bridge, control = FakeBridge(), Control(session, port)
    async with running(bridge_port, port):
        await eventually(lambda: _listening(control))
        assert await control.send("GET", "/health") == (200, {"status": "live", "registered": False})
        bridge.subscriptions.raises = StoreUnavailable()
        async with serving(bridge, bridge_port):
            await eventually(lambda: bridge.subscriptions.calls)
            bridge.subscriptions.raises = None
            await eventually(control.registered)
            callbacks = {item.callback for item in bridge.subscriptions.items.values()}
            assert callbacks == {f"http://127.0.0.1:{port}"}
    async with serving(bridge, bridge_port):
        async with running(bridge_port, port):
            await eventually(control.registered)
            assert len(bridge.subscriptions.items) == 4  # two of the Buyer that found no bridge to leave
        assert len(bridge.subscriptions.items) == 2


async def _listening(control: Control) -> bool:
    try:
        return (await control.send("GET", "/health"))[0] == 200
    except ClientConnectorError:
        return False


async def test_it_shows_and_forgets_what_it_was_told(session: ClientSession, unused_tcp_port_factory: Any) -> None:
    bridge_port, port = unused_tcp_port_factory(), unused_tcp_port_factory()
    control = Control(session, port)
    async with serving(FakeBridge(), bridge_port), running(bridge_port, port):
        await eventually(control.registered)
        assert (await control.send("POST", PATH, EVENT))[0] == 204
        status, (shown,) = await control.send("GET", "/received")
        assert (status, shown["event"], shown["path"]) == (200, EVENT, PATH)
        assert shown["headers"]["Content-Type"] == "application/json"
        assert shown["at"].endswith("+00:00")
        assert (await control.send("DELETE", "/received"))[0] == 204
        assert await control.send("GET", "/received") == (200, [])


async def test_its_knobs_are_turned_over_http(session: ClientSession, unused_tcp_port_factory: Any) -> None:
    bridge_port, port = unused_tcp_port_factory(), unused_tcp_port_factory()
    control = Control(session, port)
    async with serving(FakeBridge(), bridge_port), running(bridge_port, port):
        await eventually(control.registered)
        knobs = {"fail_next": {"count": 1, "status": 429}, "slow": 0.001, "down": False}
        assert (await control.send("POST", "/knobs", knobs))[0] == 204
        assert [(await control.send("POST", PATH, EVENT))[0] for _ in range(2)] == [429, 204]
        for wrong in ({"fail_next": 1}, {"slow": -1}, {"speed": 1}, {"down": "no"}, []):
            status, answer = await control.send("POST", "/knobs", wrong)
            assert (status, len(answer["problems"])) == (400, 1)


async def test_a_refused_registration_ends_it(session: ClientSession, unused_tcp_port_factory: Any) -> None:
    """Waiting would not help: the key is wrong."""
    bridge_port, port = unused_tcp_port_factory(), unused_tcp_port_factory()
    async with serving(FakeBridge(), bridge_port, ApiKeyIdentity([])):
        with pytest.raises(BuyerError) as failed:
            await serve_buyer(f"http://127.0.0.1:{bridge_port}", "wrong-key", "127.0.0.1", port)
    assert failed.value.status == 401
