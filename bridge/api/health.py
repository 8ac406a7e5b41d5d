"""Whether the process lives and whether it can do its work. Not part of the standard, and open to everybody."""

import orjson
from aiohttp import web

from bridge.api.responses import CONTENT_TYPE
from bridge.api.services import Readiness


def health_routes(readiness: Readiness) -> list[web.RouteDef]:
    """`/health/live` answers 200 as long as anything does; `/health/ready` 503 while something needed is away.

    What `readiness` tells as a text is what is wrong with a needed thing, in one line. A number is a detail: worth a
    look, but no reason to send Buyers elsewhere.
    """

    async def live(_: web.Request) -> web.Response:
        return _health(200, {"status": "live"})

    async def ready(_: web.Request) -> web.Response:
        found = await readiness()
        problems = {name: value for name, value in found.items() if isinstance(value, str)}
        checks = {name: value is True for name, value in found.items() if isinstance(value, bool | str)}
        details = {name: value for name, value in found.items() if name not in checks}
        good = all(checks.values())
        body: dict[str, object] = {"status": "ready" if good else "not ready", "checks": checks}
        more = {"problems": problems, "details": details}
        return _health(200 if good else 503, body | {name: value for name, value in more.items() if value})

    return [web.get("/health/live", live), web.get("/health/ready", ready)]


def _health(status: int, value: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), headers={"Content-Type": CONTENT_TYPE})
