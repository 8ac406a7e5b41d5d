"""What an operation of the standard is, and how a request becomes one: authenticate, read the query, find the Buyer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from math import ceil
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.api.config import ApiConfig
from bridge.api.correlation import correlation_id_of
from bridge.api.failures import access_denied, not_found, plain, unauthorized
from bridge.api.idempotency_key import Requests, answer_once, key_of
from bridge.api.identity import Identity, Principal, Unauthenticated
from bridge.api.presenter import Links
from bridge.api.query import Query, parse_query
from bridge.api.rates import Rates
from bridge.api.refused import BUYER, REQUESTER
from bridge.api.represented import PARAMETERS, Represented, represented
from bridge.flows.ports.keyed_request import RequestKey
from bridge.mef.enums import Api, Irp


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a known caller. `identifier` is the `{id}` of the path, or empty.

    `effect` is the id for what the request does, where it may have been tried before.
    """

    request: web.Request
    irp: Irp
    links: Links
    query: Query
    represented: Represented
    correlation_id: str
    identifier: str
    effect: str | None = None


Operation = Callable[[Call], Awaitable[web.Response]]
NO_FILTERS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """An operation of one API: `path` is below the API's base, `filters` are its own query parameters.

    `keyed` says that an `Idempotency-Key` counts.
    """

    api: Api
    method: str
    path: str
    operation: Operation
    filters: frozenset[str] = NO_FILTERS
    keyed: bool = False

    @property
    def name(self) -> str:
        """The operation among all others."""
        return f"{self.method} {self.api}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What all operations have in common. `sellers` are the operations of each of several Sellers, by name."""

    identity: Identity
    requests: Requests
    config: ApiConfig
    rates: Rates
    sellers: Mapping[str, Mapping[str, Operation]]


def handler(route: Route, irp: Irp, door: Door) -> Handler:
    """Make the HTTP handler of an operation under one reference point."""
    known = route.filters | PARAMETERS
    links = Links(door.config.root, irp)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = await _authenticate(door.identity, request)
        request[REQUESTER] = principal.name
        if len(principal.buyers) == 1:
            request[BUYER] = principal.buyers[0]
        _admit(door.rates, principal)
        _authorize(principal, route.api)
        query = parse_query(request.rel_url.raw_query_string, known)
        party = represented(query, principal.buyers, tuple(door.sellers))
        request[BUYER] = party.buyer
        structlog.contextvars.bind_contextvars(requester=principal.name, buyer=party.buyer)
        call = Call(
            request=request,
            irp=irp,
            links=links,
            query=query,
            represented=party,
            correlation_id=correlation_id_of(request),
            identifier=_identifier(request),
        )
        operation = door.sellers[party.seller_param][route.name] if party.seller_param else route.operation
        key = key_of(request) if route.keyed else None
        if key is None:
            return await operation(call)
        own_key = RequestKey(principal.name, route.name, key)
        return await answer_once(
            door.requests, own_key, request, lambda effect: operation(replace(call, effect=effect))
        )

    return handle


async def _authenticate(identity: Identity, request: web.Request) -> Principal:
    try:
        return await identity.authenticate(request.headers, request.remote)
    except Unauthenticated as error:
        raise unauthorized(error.code, str(error)) from error


def _admit(rates: Rates, principal: Principal) -> None:
    wait = rates.wait(principal.name)
    if wait:
        again = {"Retry-After": f"{ceil(wait)}"}
        raise plain(HTTPStatus.TOO_MANY_REQUESTS, "These are too many requests; try again later.", again)


def _authorize(principal: Principal, api: Api) -> None:
    if api not in principal.apis:
        raise access_denied(f"The token has no scope for the {api} API.")


def _identifier(request: web.Request) -> str:
    """Give the path's `{id}`. One that cannot be printed names nothing, and no database should have to look at it."""
    identifier = request.match_info.get("id", "")
    if not identifier.isprintable():
        raise not_found("There is no such object.")
    return identifier
