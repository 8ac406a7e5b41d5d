"""The simulated Buyer with a bad listener: it answers errors, hangs, and resets before and after it took something."""

import asyncio
from random import Random

from aiohttp import web

from bridge.mef.enums import Irp
from bridge.simulator.buyer import SimulatedBuyer

ERRORS = (500, 503, 404, 302)


class MoodyBuyer(SimulatedBuyer):
    """`trouble` is the part of requests that go wrong; at most `hangs` of them never get an answer."""

    def __init__(self, bridge_url: str, api_key: str, random: Random, trouble: float, hangs: int) -> None:
        super().__init__(bridge_url, api_key, Irp.SONATA)
        self.trouble = trouble
        self.hangs = hangs
        self._random = random

    async def _listen(self, request: web.Request) -> web.Response:
        if self._random.random() >= self.trouble:
            return await super()._listen(request)
        kind = self._random.choice(("error", "reset", "took and reset", "slow", "hang"))
        if kind == "hang" and self.hangs > 0:
            self.hangs -= 1
            await asyncio.sleep(3600)
        if kind == "error":
            return web.Response(status=self._random.choice(ERRORS))
        if kind == "slow":
            await asyncio.sleep(self._random.uniform(0, 0.5))
            return await super()._listen(request)
        if kind != "reset":
            await super()._listen(request)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)
