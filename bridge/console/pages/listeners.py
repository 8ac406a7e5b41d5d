"""Listeners: how each one is, what waits for it; paused, resumed, removed, and asked whether they are there."""

from collections.abc import Iterable
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.access import require_operator
from bridge.console.masks import plain_mask
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.flows.facts import listener_facts
from bridge.flows.ports.webhook_delivery import Attempt

ACTS = ("pause", "resume", "remove", "ping")


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""
    hands = services.hands

    async def overview(request: web.Request) -> web.Response:
        mask = plain_mask(request)
        found = [mask.json(listener_facts(each)) for each in await hands.listeners.reports()]
        return page(request, "listeners.html", listeners=found, done=request.query.get("done"))

    async def show(request: web.Request) -> web.Response:
        report = await hands.listener(request.match_info["id"])
        facts = plain_mask(request).json(listener_facts(report))
        return page(request, "listener.html", listener=facts, done=request.query.get("done"))

    async def do(request: web.Request) -> web.StreamResponse:
        user = require_operator(request)
        form = await request.post()
        act, note = str(form.get("act", "")), str(form.get("note", ""))
        report = await hands.listener(request.match_info["id"])
        id_ = report.subscription.id
        match act:
            case "pause":
                done = await hands.pause(user, id_, note)
            case "resume":
                done = await hands.resume(user, id_, note)
            case "remove":
                done = await hands.remove(user, report, note)
                return see(f"{BASE}/listeners?" + urlencode({"done": f"{id_}: {done}"}))
            case "ping":
                done = pinged(await hands.ping(user, report.subscription, note))
            case _:
                raise web.HTTPBadRequest(text=f"Expected one of {', '.join(ACTS)}.")
        return see(f"{BASE}/listeners/{id_}?" + urlencode({"done": done}))

    return [
        web.get("/listeners", overview),
        web.get("/listeners/{id}", show),
        web.post("/listeners/{id}", do),
    ]


def pinged(attempt: Attempt) -> str:
    """Say what a ping has shown."""
    if attempt.status is None:
        return f"not reached: {attempt.error}"
    refused = " It refuses us: are the credentials right?" if attempt.status in (401, 403) else ""
    return f"answered {attempt.status} to OPTIONS after {attempt.elapsed:.3f} s; no event was sent.{refused}"
