"""A Buyer to play with: it books visits over the REST API and listens to the notifications it registered for.

It knows the standard and nothing of the bridge, so it stands for any Buyer. Each notification is read strictly; a wrong
one is refused with 400 and kept in `refused`. Knobs make it a bad listener: failing, slow, or down.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from aiohttp import web
from pydantic import ValidationError

from bridge.mef.enums import Api, EventType, Irp
from bridge.mef.error_bodies import Error400, Error400Code, Error500
from bridge.mef.models import Event, EventSubscription
from bridge.simulator.buyer_client import CONTENT_TYPE, BuyerClient, BuyerError

__all__ = ["BuyerError", "Received", "SimulatedBuyer"]

GRACE: Final = 1.0  # seconds that a slow answer may still take once the Buyer stops
_EVENTS: Final = {
    Api.APPOINTMENT: (EventType.APPOINTMENT_STATUS_CHANGE, EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE),
    Api.WORK_ORDER: (
        EventType.WORK_ORDER_CREATE,
        EventType.WORK_ORDER_STATE_CHANGE,
        EventType.WORK_ORDER_APPOINTMENT_REQUIRED,
    ),
}


@dataclass(frozen=True, slots=True)
class Received:
    """A notification that was taken. `at` is UTC; `headers` are found by their names in any case."""

    event: Event
    path: str
    at: datetime
    headers: Mapping[str, str]


Observer = Callable[[Received], None]


class SimulatedBuyer(BuyerClient):
    """A Buyer with a listener on `host`:`port` (0 picks a free port). Use it as a context manager.

    `callback` is where the bridge reaches the listener, by default `http://<host>:<port>`. `received` holds what was
    taken, `refused` why a request was not, `attempts` how often somebody posted. `observers` hear of what is taken.
    """

    def __init__(
        self,
        bridge_url: str,
        api_key: str,
        irp: Irp,
        host: str = "127.0.0.1",
        port: int = 0,
        callback: str | None = None,
    ) -> None:
        super().__init__(bridge_url, api_key, irp)
        self.received: list[Received] = []
        self.refused: list[str] = []
        self.attempts = 0
        self.observers: list[Observer] = []
        self.subscriptions: dict[Api, EventSubscription] = {}
        self.slow = 0.0
        self.down = False
        self.app = web.Application()
        self._host, self._port, self._callback = host, port, callback
        self._failures: deque[int] = deque()
        self._news = asyncio.Event()
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=GRACE)
        self._add_listeners()

    def _add_listeners(self) -> None:
        for api, kinds in _EVENTS.items():
            for kind in kinds:
                path = f"/mefApi/{self.irp.value}/{api.value}Notification/v2/listener/{kind.value}"
                self.app.router.add_post(path, self._listen)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await super().__aexit__()

    @property
    def callback(self) -> str:
        """The address that is registered with the bridge; with a free port it is known once the listener runs."""
        if self._callback is not None:
            return self._callback
        host = "127.0.0.1" if self._host == "0.0.0.0" else self._host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.port}"

    @property
    def port(self) -> int:
        """The port the listener is on."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else self._port

    # registering

    async def register(self, query: str | None = None) -> tuple[EventSubscription, ...]:
        """Register the listener with both APIs, for all events or as `query` says."""
        for api in Api:
            if api not in self.subscriptions:
                self.subscriptions[api] = await self.subscribe(api, self.callback, query)
        return tuple(self.subscriptions.values())

    async def unregister(self) -> None:
        """Remove the listener from both APIs."""
        for api in list(self.subscriptions):
            await self.unsubscribe(api, self.subscriptions[api].id)
            del self.subscriptions[api]

    # listening

    def fail_next(self, count: int, status: int = 503) -> None:
        """Answer the next `count` notifications with `status`, and do not take them."""
        self._failures.extend([status] * count)

    async def wait_for(self, predicate: Callable[[Received], bool], deadline: float, since: int = 0) -> Received:
        """Wait up to `deadline` seconds for a notification that satisfies `predicate`, and return the first such.

        Those that came before count as well, from number `since` on. Raises TimeoutError with what did come.
        """
        try:
            async with asyncio.timeout(deadline):
                return await self._first(predicate, since)
        except TimeoutError as error:
            came = ", ".join(f"{item.event.event_type} {item.event.event.id}" for item in self.received[since:])
            raise TimeoutError(f"not told within {deadline} s; came: {came or 'nothing'}") from error

    async def _first(self, predicate: Callable[[Received], bool], since: int) -> Received:
        seen = since
        while True:
            for item in self.received[seen:]:
                if predicate(item):
                    return item
            seen = len(self.received)
            self._news.clear()
            await self._news.wait()

    async def _listen(self, request: web.Request) -> web.Response:
        self.attempts += 1
        if self.down:
            return _hang_up(request)
        if self.slow:
            await asyncio.sleep(self.slow)
        if self._failures:
            return _answer(self._failures.popleft(), Error500(reason="The Buyer was told to fail."))
        try:
            event = _read(request, await request.read())
        except ValueError as error:
            self.refused.append(f"{request.path}: {error}")
            return _answer(400, Error400(code=Error400Code.INVALID_BODY, reason=str(error)))
        self._take(Received(event, request.path, datetime.now(UTC), request.headers))
        return web.Response(status=204)

    def _take(self, received: Received) -> None:
        self.received.append(received)
        self._news.set()
        for observer in self.observers:
            observer(received)


def _hang_up(request: web.Request) -> web.Response:
    """Drop the connection without an answer, as a process that dies does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _read(request: web.Request, raw: bytes) -> Event:
    """Read a notification; raise ValueError if it is not exactly what the standard says."""
    if request.content_type != "application/json":
        raise ValueError(f"the body must be application/json, not {request.content_type}")
    try:
        event = Event.model_validate_json(raw, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise ValueError(f"this is no Event: {error.errors(include_url=False, include_input=False)}") from error
    expected = request.path.rsplit("/", 1)[-1]
    if event.event_type != expected:
        raise ValueError(f"eventType is {event.event_type} on the listener of {expected}")
    return event


def _answer(status: int, error: Error400 | Error500) -> web.Response:
    body = error.model_dump_json(by_alias=True, exclude_none=True).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": CONTENT_TYPE})
