"""Whether the process lives and whether it can do its work. Not part of the standard, and open to everybody."""

import orjson
from aiohttp import web

from bridge.api.responses import CONTENT_TYPE
from bridge.api.services import Readiness


def health_routes(readiness: Readiness) -> list[web.RouteDef]:
    """`/health/live` answers 200 as long as anything does; `/health/ready` 503 while something needed is away."""

    async def live(_: web.Request) -> web.Response:
        return _health(200, {"status": "live"})

    async def ready(_: web.Request) -> web.Response:
        checks = dict(await readiness())
        good = all(checks.values())
        return _health(200 if good else 503, {"status": "ready" if good else "not ready", "checks": checks})

    return [web.get("/health/live", live), web.get("/health/ready", ready)]


def _health(status: int, value: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), headers={"Content-Type": CONTENT_TYPE})
