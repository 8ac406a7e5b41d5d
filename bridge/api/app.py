"""The Buyer's side as one web application: the two APIs under both reference points, their documents, and health."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from bridge.api.appointments import AppointmentOperations
from bridge.api.body import BODY_SECONDS
from bridge.api.config import ApiConfig
from bridge.api.documents import document_routes
from bridge.api.health import health_routes
from bridge.api.hub import HubOperations
from bridge.api.identity import Identity
from bridge.api.middleware import COUNT, LEAVING, Count, admit, answer_errors, correlate, dismiss, uncounted
from bridge.api.operations import Door, Route, handler
from bridge.api.presenter import api_path
from bridge.api.rates import Rates
from bridge.api.refused import NOTE, Note, unnoted
from bridge.api.services import Services
from bridge.api.work_orders import WorkOrderOperations
from bridge.mef.enums import Api, Irp

NO_SELLERS: Final[Mapping[str, Services]] = MappingProxyType({})


def build_app(
    services: Services,
    identity: Identity,
    config: ApiConfig,
    sellers: Mapping[str, Services] = NO_SELLERS,
    leaving: Callable[[], bool] = lambda: False,
    count: Count = uncounted,
    note: Note = unnoted,
    around: Sequence[Middleware] = (),
) -> web.Application:
    """Build the application. It logs requests itself: run it with `access_log=None`.

    `sellers` are the services of each Seller, if the bridge stands for several (R7, R8). While it is `leaving`, each
    answer ends its connection. `note` is told of requests that were refused, and
    `around` stands around each request, once its correlation id is known.
    """
    middlewares = [correlate, *around, dismiss, answer_errors, admit]
    app = web.Application(middlewares=middlewares, client_max_size=config.max_body_bytes)
    app[LEAVING] = leaving
    app[COUNT] = count
    app[NOTE] = note
    app[BODY_SECONDS] = config.limits.body_seconds
    app.add_routes(health_routes(services.readiness))
    routes = operations(services, config)
    app.add_routes(_mef_routes(routes, _door(services, identity, config, sellers)))
    app.add_routes(document_routes(routes, config))
    return app


def operations(services: Services, config: ApiConfig) -> tuple[Route, ...]:
    """All 14 operations of Tables 4 and 6 (two of them in two spellings)."""
    return (
        *AppointmentOperations(services.appointments, config).routes(),
        *HubOperations(services.subscriptions, Api.APPOINTMENT).routes(),
        *WorkOrderOperations(services.work_orders, config).routes(),
        *HubOperations(services.subscriptions, Api.WORK_ORDER).routes(),
    )


def _door(services: Services, identity: Identity, config: ApiConfig, sellers: Mapping[str, Services]) -> Door:
    of_sellers = {
        seller: {route.name: route.operation for route in operations(own, config)} for seller, own in sellers.items()
    }
    rates = Rates(config.limits.requests_per_second, config.limits.burst)
    return Door(identity=identity, requests=services.requests, config=config, rates=rates, sellers=of_sellers)


def _mef_routes(routes: Iterable[Route], door: Door) -> Iterator[web.RouteDef]:
    for route in routes:
        for irp in Irp:
            path = door.config.path + api_path(irp, route.api) + route.path
            yield web.route(route.method, path, handler(route, irp, door))
