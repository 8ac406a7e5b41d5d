"""Deliveries: by state, Buyer, listener and time; one with every attempt; and those that wait tried now."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.access import require_operator
from bridge.console.masks import plain_mask
from bridge.console.query import is_number
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.domain.model import BuyerId
from bridge.flows.facts import attempt_facts, delivery_facts
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import DeliveryFilter, DeliveryState
from bridge.mef.enums import EventType

MOST: Final = 100
ASKED: Final = ("state", "buyer", "listener", "type", "since")


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""
    hands = services.hands

    async def overview(request: web.Request) -> web.Response:
        asked = asked_in(request)
        wanted = filter_of(asked)
        found = await hands.backlog.reports(wanted, MOST)
        mask = plain_mask(request)
        is_pending = wanted.state is DeliveryState.PENDING
        return page(
            request,
            "deliveries.html",
            deliveries=[mask.json(delivery_facts(each)) for each in found],
            pending=await hands.backlog.pending(wanted, hands.clock()) if is_pending else None,
            asked=asked,
            states=list(DeliveryState),
            types=list(EventType),
            is_full=len(found) == MOST,
            done=request.query.get("done"),
        )

    async def show(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        report = await hands.delivery(number)
        mask = plain_mask(request)
        return page(
            request,
            "delivery.html",
            delivery=mask.json(delivery_facts(report)),
            attempts=[mask.json(attempt_facts(each)) for each in await hands.backlog.attempts(number)],
            may_retry=report.state is not DeliveryState.DELIVERED and report.behind is None,
            done=request.query.get("done"),
        )

    async def retry(request: web.Request) -> web.StreamResponse:
        user = require_operator(request)
        form = await request.post()
        note = str(form.get("note", ""))
        if number := str(form.get("number", "")):
            (told,) = await hands.retry(user, [number_of(number)], note)
            return see(f"{BASE}/deliveries/{told.number}?" + urlencode({"done": told.text}))
        asked = {name: str(form.get(name, "")).strip() for name in ASKED}
        count = await hands.hasten(user, filter_of({**asked, "state": "pending"}), note)
        kept = {name: value for name, value in asked.items() if value}
        return see(f"{BASE}/deliveries?" + urlencode({**kept, "done": f"{count} tried now."}))

    return [
        web.get("/deliveries", overview),
        web.get("/deliveries/{number:\\d{1,18}}", show),
        web.post("/deliveries", retry),
    ]


def asked_in(request: web.Request) -> dict[str, str]:
    """Give what a query asks for."""
    return {name: request.query.get(name, "").strip() for name in ASKED}


def number_of(text: str) -> int:
    """Read a number of a form; raises `HTTPBadRequest`."""
    if not is_number(text):
        raise web.HTTPBadRequest(text=f"expected a number, got {text!r}")
    return int(text)


def filter_of(given: Mapping[str, str]) -> DeliveryFilter:
    """Say which deliveries are meant; raises `HTTPBadRequest` for what is none of its values."""
    try:
        return DeliveryFilter(
            state=DeliveryState(given["state"]) if given.get("state") else None,
            buyer=BuyerId(given["buyer"]) if given.get("buyer") else None,
            listener=SubscriptionId(given["listener"]) if given.get("listener") else None,
            event_type=EventType(given["type"]) if given.get("type") else None,
            since=_moment(given["since"]) if given.get("since") else None,
        )
    except ValueError as wrong:
        raise web.HTTPBadRequest(text=str(wrong)) from None


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
