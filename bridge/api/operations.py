"""What an operation of the standard is, and how a request becomes one: authenticate, read the query, find the Buyer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.api.config import ApiConfig
from bridge.api.correlation import correlation_id_of
from bridge.api.failures import not_found, unauthorized
from bridge.api.identity import Identity, Principal, Unauthenticated
from bridge.api.presenter import Links
from bridge.api.query import Query, parse_query
from bridge.api.represented import PARAMETERS, Represented, represented
from bridge.mef.enums import Api, Irp


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a known caller. `identifier` is the `{id}` of the path, or empty."""

    request: web.Request
    irp: Irp
    links: Links
    query: Query
    represented: Represented
    correlation_id: str
    identifier: str


Operation = Callable[[Call], Awaitable[web.Response]]
NO_FILTERS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """An operation of one API: `path` is below the API's base, `filters` are its own query parameters."""

    api: Api
    method: str
    path: str
    operation: Operation
    filters: frozenset[str] = NO_FILTERS


def handler(route: Route, irp: Irp, identity: Identity, config: ApiConfig) -> Handler:
    """Make the HTTP handler of an operation under one reference point."""
    known = route.filters | PARAMETERS
    links = Links(config.root, irp)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = await _authenticate(identity, request)
        query = parse_query(request.rel_url.raw_query_string, known)
        party = represented(query, principal.buyers, config.sellers)
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
        return await route.operation(call)

    return handle


async def _authenticate(identity: Identity, request: web.Request) -> Principal:
    try:
        return await identity.authenticate(request.headers)
    except Unauthenticated as error:
        raise unauthorized(error.code, str(error)) from error


def _identifier(request: web.Request) -> str:
    """Give the path's `{id}`. One that cannot be printed names nothing, and no database should have to look at it."""
    identifier = request.match_info.get("id", "")
    if not identifier.isprintable():
        raise not_found("There is no such object.")
    return identifier
