"""How the bridge is now."""

from collections.abc import Iterable

from aiohttp import web

from bridge.console.render import page
from bridge.console.services import Services


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def show(request: web.Request) -> web.Response:
        return page(request, "now.html", checks=services.checks())

    return [web.get("/", show)]
