"""The audit log."""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from bridge.console.masks import mask_of_all
from bridge.console.query import number_in
from bridge.console.render import page
from bridge.console.services import Services

MOST: Final = 100


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def show(request: web.Request) -> web.Response:
        acts = await services.audit.latest(MOST, number_in(request, "before"))
        older = acts[-1].number if len(acts) == MOST else None
        return page(request, "audit.html", acts=acts, older=older, text=mask_of_all(services, request).text)

    return [web.get("/audit", show)]
