"""Registering listeners: use cases 19 and 21, the same for both APIs."""

from aiohttp import web

from bridge.api import presenter
from bridge.api.body import Body, read_model, read_object
from bridge.api.operations import Call, Route
from bridge.api.responses import answer, created, no_content
from bridge.api.services import Subscriptions
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.refusals import InvalidSubscription, Rejected
from bridge.mef.enums import Api, Error422Code
from bridge.mef.models import EventSubscriptionInput


class HubOperations:
    """The three operations on the hub of one API."""

    def __init__(self, subscriptions: Subscriptions, api: Api) -> None:
        self._subscriptions = subscriptions
        self._api = api

    def routes(self) -> tuple[Route, ...]:
        """The hub's part of Table 4 or 6."""
        return (
            Route(self._api, "POST", "/hub", self.register, keyed=True),
            Route(self._api, "GET", "/hub/{id}", self.retrieve),
            Route(self._api, "DELETE", "/hub/{id}", self.unregister),
        )

    async def register(self, call: Call) -> web.Response:
        """Register a listener for all or some event types."""
        request = _read(await read_object(call.request))
        party = call.represented
        known = None if call.effect is None else SubscriptionId(call.effect)
        subscription = await self._subscriptions.register(
            self._api, call.irp, party.buyer, request, party.buyer_param, party.seller_param, known
        )
        return created(presenter.event_subscription(subscription), call.links.subscription(subscription))

    async def retrieve(self, call: Call) -> web.Response:
        """Show a listener."""
        found = await self._subscriptions.get(self._api, call.represented.buyers, SubscriptionId(call.identifier))
        return answer(200, presenter.event_subscription(found))

    async def unregister(self, call: Call) -> web.Response:
        """Remove a listener."""
        await self._subscriptions.remove(self._api, call.represented.buyers, SubscriptionId(call.identifier))
        return no_content()


def _read(body: Body) -> EventSubscriptionInput:
    """Read the input; the hub has no 422, so one wrong attribute makes the body invalid.

    One that nobody knows is told first: it may be what is missing, misspelt.
    """
    try:
        return read_model(body, EventSubscriptionInput)
    except Rejected as rejected:
        first = min(rejected.problems, key=lambda problem: problem.code is not Error422Code.UNEXPECTED_PROPERTY)
        raise InvalidSubscription(f"{first.path or 'The body'}: {first.reason}") from rejected
