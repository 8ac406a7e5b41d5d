"""Packs: their rules with how often each held, codes seen and never seen, and the ways of WorkOrders."""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from bridge.console.chart import counted_machine
from bridge.console.query import number_in
from bridge.console.render import page
from bridge.console.services import Services
from bridge.flows.operator import PackUsage

DAYS: Final = (1, 7, 30, 90)
USUAL_DAYS: Final = 7


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def overview(request: web.Request) -> web.Response:
        packs = [(pack.name, pack.version, len(pack.translator.rules.rules)) for pack in services.packs.values()]
        return page(request, "packs.html", packs=packs)

    async def show(request: web.Request) -> web.Response:
        usage = await usage_of(services, request)
        most = max((rule.count for rule in usage.rules), default=0) or 1
        return page(request, "pack.html", usage=usage, most=most, machine=counted_machine(usage.hops), all_days=DAYS)

    return [web.get("/packs", overview), web.get("/packs/{name}", show)]


async def usage_of(services: Services, request: web.Request) -> PackUsage:
    """Look how a pack was used; raises `HTTPNotFound`."""
    pack = services.packs.get(request.match_info["name"])
    if pack is None:
        raise web.HTTPNotFound(text=f"No pack {request.match_info['name']} runs here.")
    days = number_in(request, "days") or USUAL_DAYS
    return await services.hands.usage(pack, min(days, 3650))
