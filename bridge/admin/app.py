"""What operators and their tools reach, on a port of its own: probes and metrics. Buyers never see it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import web

from bridge.admin.metrics import CONTENT_TYPE, Metrics, Observed

JSON = "application/json"
NOT_CACHED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Watched:
    """What the pages are made of. `checks` are those of readiness: True, or what is wrong.

    `lacking` says what the start still waits for; `warnings` need nobody at once.
    """

    metrics: Metrics
    observe: Callable[[], Awaitable[Observed]]
    checks: Callable[[], Mapping[str, bool | str]]
    lacking: Callable[[], Sequence[str]]
    warnings: Callable[[], Sequence[str]]


def build_admin(watched: Watched) -> web.Application:
    """Build the application: `/metrics`, `/livez`, `/readyz`, `/startupz`. Run it with `access_log=None`."""

    async def metrics(_: web.Request) -> web.Response:
        body = watched.metrics.render(await watched.observe())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE, **NOT_CACHED})

    async def live(_: web.Request) -> web.Response:
        return _probe([], [])

    async def ready(_: web.Request) -> web.Response:
        wrong = [f"{name}: {_said(value)}" for name, value in watched.checks().items() if value is not True]
        return _probe(wrong, watched.warnings())

    async def started(_: web.Request) -> web.Response:
        return _probe(watched.lacking(), [])

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/livez", live),
            web.get("/readyz", ready),
            web.get("/startupz", started),
        ]
    )
    return app


def _said(value: bool | str) -> str:
    return value if isinstance(value, str) else "not well"


def _probe(problems: Sequence[str], warnings: Sequence[str]) -> web.Response:
    body = {"status": "not ok" if problems else "ok", "problems": list(problems), "warnings": list(warnings)}
    status = 503 if problems else 200
    return web.Response(status=status, body=orjson.dumps(body), headers={"Content-Type": JSON, **NOT_CACHED})
