"""The audit log."""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from bridge.console.query import number_in
from bridge.console.render import page
from bridge.console.services import Services
from bridge.console.story import shown_to

MOST: Final = 100


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def show(request: web.Request) -> web.Response:
        acts = await services.audit.latest(MOST, number_in(request, "before"))
        older = acts[-1].number if len(acts) == MOST else None
        return page(request, "audit.html", acts=acts, older=older, text=shown_to(services, request))

    return [web.get("/audit", show)]
