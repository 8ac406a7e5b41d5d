"""The simulated Buyer as a process: registers with the bridge, keeps what it is told, and shows it to whoever asks."""

import asyncio
from contextlib import suppress
from typing import Annotated, Final

import orjson
import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.mef.enums import Api, Irp
from bridge.simulator.buyer import BuyerError, Received, SimulatedBuyer
from bridge.simulator.buyer_client import CONTENT_TYPE

BUYER_PORT: Final = 8139
RETRY: Final = 0.5  # seconds between attempts to register while the bridge does not answer
FAREWELL: Final = 2.0  # seconds that unregistering may take at the end

_log = structlog.stdlib.get_logger(__name__)


class FailNext(BaseModel):
    """How many of the next notifications are answered with which status."""

    model_config = ConfigDict(extra="forbid", strict=True)

    count: Annotated[int, Field(ge=0)]
    status: Annotated[int, Field(ge=400, le=599)] = 503


class Knobs(BaseModel):
    """How badly the listener behaves; what is left out stays as it is. `slow` is in seconds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fail_next: FailNext | None = None
    slow: Annotated[float, Field(ge=0)] | None = None
    down: bool | None = None

    def turn(self, buyer: SimulatedBuyer) -> None:
        """Set the knobs of a Buyer."""
        if self.fail_next is not None:
            buyer.fail_next(self.fail_next.count, self.fail_next.status)
        if self.slow is not None:
            buyer.slow = self.slow
        if self.down is not None:
            buyer.down = self.down


async def serve_buyer(
    bridge_url: str,
    api_key: str,
    host: str = "127.0.0.1",
    port: int = BUYER_PORT,
    irp: Irp = Irp.SONATA,
    callback: str | None = None,
) -> None:
    """Run the simulated Buyer until cancelled; waits for a bridge that is not there yet.

    Raises `BuyerError` if the bridge answers and refuses the registration (4xx): waiting would not help.
    """
    buyer = SimulatedBuyer(bridge_url, api_key, irp, host, port, callback)
    add_control(buyer)
    buyer.observers.append(_log_received)
    async with buyer:
        _log.info("the simulated Buyer listens", host=host, port=buyer.port, callback=buyer.callback)
        await _register(buyer)
        try:
            await asyncio.Event().wait()
        finally:
            await _unregister(buyer)


async def _register(buyer: SimulatedBuyer) -> None:
    while True:
        try:
            made = await buyer.register()
        except BuyerError as error:
            if error.status is not None and error.status < 500:
                raise
            _log.info("the bridge does not take registrations yet", reason=str(error))
            await asyncio.sleep(RETRY)
        else:
            _log.info("registered", subscriptions=[item.id for item in made])
            return


async def _unregister(buyer: SimulatedBuyer) -> None:
    """Say good-bye, so that one that comes back is not told everything twice; a bridge that is gone is no matter."""
    with suppress(BuyerError, TimeoutError):
        await asyncio.wait_for(buyer.unregister(), FAREWELL)


def _log_received(received: Received) -> None:
    event = received.event
    _log.info("told", event_type=event.event_type, id=event.event.id, event_id=event.event_id)


def add_control(buyer: SimulatedBuyer) -> None:
    """Add the doors for whoever plays with the Buyer, beside its listeners."""

    async def health(_: web.Request) -> web.Response:
        return _json({"status": "live", "registered": len(buyer.subscriptions) == len(Api)})

    async def received(_: web.Request) -> web.Response:
        return _json([_shown(item) for item in buyer.received])

    async def forget(_: web.Request) -> web.Response:
        buyer.received.clear()
        return web.Response(status=204)

    async def knobs(request: web.Request) -> web.Response:
        try:
            Knobs.model_validate_json(await request.read()).turn(buyer)
        except ValidationError as error:
            return _json({"problems": error.errors(include_url=False, include_input=False)}, 400)
        return web.Response(status=204)

    buyer.app.router.add_get("/health", health)
    buyer.app.router.add_get("/received", received)
    buyer.app.router.add_delete("/received", forget)
    buyer.app.router.add_post("/knobs", knobs)


def _shown(item: Received) -> dict[str, object]:
    event = item.event.model_dump(mode="json", by_alias=True, exclude_none=True)
    headers = {str(name): value for name, value in item.headers.items()}
    return {"event": event, "path": item.path, "at": item.at, "headers": headers}


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), headers={"Content-Type": CONTENT_TYPE})
