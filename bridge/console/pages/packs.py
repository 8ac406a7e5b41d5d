"""Packs: their rules with how often each held, codes seen and never seen, the ways of WorkOrders, activated drafts."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web

from bridge.console.access import require_operator
from bridge.console.activations import Running
from bridge.console.acts import said_why
from bridge.console.chart import counted_machine
from bridge.console.masks import mask_of
from bridge.console.query import number_in
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.console.users import User
from bridge.flows.operator import PackUsage, Standing
from bridge.mapping.pack import Pack

DAYS: Final = (1, 7, 30, 90)
USUAL_DAYS: Final = 7


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def overview(request: web.Request) -> web.Response:
        packs = [
            (pack.name, pack.version, len(pack.translator.rules.rules), await running_of(services, pack.name))
            for pack in services.packs.values()
        ]
        return page(request, "packs.html", packs=packs)

    async def show(request: web.Request) -> web.Response:
        usage = await usage_of(services, request)
        most = max((rule.count for rule in usage.rules), default=0) or 1
        return page(
            request,
            "pack.html",
            usage=usage,
            most=most,
            machine=counted_machine(usage.hops),
            all_days=DAYS,
            running=await running_of(services, usage.pack),
            shown=mask_of(services, request, usage.pack).text,
            done=request.query.get("done"),
        )

    async def download(request: web.Request) -> web.Response:
        require_operator(request)  # a pack may hold contact data
        running = await services.activations.running(pack_in(services, request).name)
        if running is None:
            raise web.HTTPNotFound(text="No draft of this pack is activated.")
        return pack_file(running.activation.text)

    async def do(request: web.Request) -> web.StreamResponse:
        user = require_operator(request)
        form = await request.post()
        pack = pack_in(services, request).name
        if form.get("act") != "take back":
            raise web.HTTPBadRequest(text="Expected take back.")
        done = await take_back(services, user, pack, str(form.get("note", "")))
        return see(f"{BASE}/packs/{quote(pack, safe='')}?" + urlencode({"done": done}))

    return [
        web.get("/packs", overview),
        web.get("/packs/{name}", show),
        web.post("/packs/{name}", do),
        web.get("/packs/{name}/activated", download),
    ]


async def running_of(services: Services, pack: str) -> Running | None:
    """Tell of the activated draft of a pack; None also where the deployed files are just that."""
    running = await services.activations.running(pack)
    return None if running is None or running.standing is Standing.REDUNDANT else running


async def take_back(services: Services, user: User, pack: str, note: str) -> str:
    """Have all processes go by the deployed files again; say what came of it. Raises `PermanentError` for no note."""
    why = said_why(note)
    async with services.acts.writing(user, "take back pack", pack, why) as result:
        result.text = f"taken back; the pack runs as {await services.activations.take_back(pack)}"
        return result.text


def pack_file(text: str) -> web.Response:
    """Give the text of a pack as a file."""
    headers = {"Content-Disposition": 'attachment; filename="pack.yaml"'}
    return web.Response(text=text, content_type="application/yaml", headers=headers)


def pack_in(services: Services, request: web.Request) -> Pack:
    """Give the pack that is asked for; raises `HTTPNotFound`."""
    pack = services.packs.get(request.match_info["name"])
    if pack is None:
        raise web.HTTPNotFound(text=f"No pack {request.match_info['name']} runs here.")
    return pack


async def usage_of(services: Services, request: web.Request) -> PackUsage:
    """Look how a pack was used; raises `HTTPNotFound`."""
    pack = pack_in(services, request)
    days = number_in(request, "days") or USUAL_DAYS
    return await services.hands.usage(pack, min(days, 3650))
