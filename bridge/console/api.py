"""The admin API: what the pages show and do, as JSON. Names are in camelCase, as those of `mef-bridge trace --json`."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web
from pydantic import BaseModel

from bridge.console import shapes
from bridge.console.query import number_in
from bridge.console.services import Services

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"  # RFC 9457
MOST: Final = 1000


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def audit(request: web.Request) -> web.Response:
        limit = min(number_in(request, "limit") or 100, MOST)
        acts = await services.audit.latest(limit, number_in(request, "before"))
        return answer(shapes.AuditLog(acts=[shapes.act(one) for one in acts]))

    return [web.get("/v1/audit", audit)]


def answer(body: BaseModel, status: int = 200) -> web.Response:
    """Give an answer."""
    return web.Response(status=status, text=body.model_dump_json(by_alias=True), content_type=JSON)


async def problem(_: web.Request, status: int, text: str) -> web.StreamResponse:
    """Say what is wrong."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": text}
    headers = {"WWW-Authenticate": 'Bearer realm="mef-bridge"'} if status == HTTPStatus.UNAUTHORIZED else {}
    return web.Response(status=status, body=orjson.dumps(body), content_type=PROBLEM, headers=headers)
