"""What is told of a request that was refused, to whoever keeps it: whose it was, what it was about, and why.

Only what an authenticated caller wanted changed or searched: reading leaves no trace, and strangers fill no table.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from aiohttp import web

from bridge.api.correlation import correlation_id_of
from bridge.domain.model import AppointmentId, BuyerId, WorkOrderId
from bridge.flows.ports.refused_request import RefusedRequest

LONGEST_REASON: Final = 1000  # characters
LONGEST_ID: Final = 200

REQUESTER: Final = web.RequestKey("requester", str)
BUYER: Final = web.RequestKey("buyer", str)
SAID: Final = web.RequestKey("said", dict)
"""The body, once it is known to be a JSON object."""

Note = Callable[[RefusedRequest], None]
NOTE: Final = web.AppKey[Note]("NOTE", Callable)  # type: ignore[arg-type] # takes a refused request


def unnoted(_request: RefusedRequest) -> None:
    """Keep nothing."""


def note_refused(request: web.Request, response: web.StreamResponse) -> None:
    """Tell of a request, if it was refused and is one of those that are told of."""
    if response.status >= web.HTTPBadRequest.status_code and request.method != "GET" and REQUESTER in request:
        request.app[NOTE](_refused(request, response))


def _refused(request: web.Request, response: web.StreamResponse) -> RefusedRequest:
    resource = request.match_info.route.resource
    path = request.path if resource is None else resource.canonical
    buyer, work_order = request.get(BUYER), _work_order(request)
    appointment = request.match_info.get("id") if "/appointment/{id}" in path else None
    return RefusedRequest(
        at=datetime.now(UTC),
        requester=request[REQUESTER],
        buyer=None if buyer is None else BuyerId(buyer),
        operation=f"{request.method} {path}",
        status=response.status,
        reason=_reason(response)[:LONGEST_REASON],
        work_order=None if work_order is None else WorkOrderId(work_order),
        appointment=None if appointment is None else AppointmentId(appointment[:LONGEST_ID]),
        correlation_id=correlation_id_of(request),
    )


def _work_order(request: web.Request) -> str | None:
    """Read which WorkOrder a body is about, as far as that can be told: the body may be what is wrong."""
    about = request.get(SAID, {}).get("workOrder")
    id_ = about.get("id") if isinstance(about, dict) else None
    return id_[:LONGEST_ID] if isinstance(id_, str) else None


def _reason(response: web.StreamResponse) -> str:
    """Give what the Buyer is told: one error, or a list of them."""
    body = response.body if isinstance(response, web.Response) else None
    told: Any = orjson.loads(body) if isinstance(body, bytes) and body else []
    errors = told if isinstance(told, list) else [told]
    return "; ".join(filter(None, (_sentence(error) for error in errors)))


def _sentence(error: dict[str, Any]) -> str:
    where = f" ({error['propertyPath']})" if error.get("propertyPath") else ""
    return ": ".join(filter(None, [error.get("code"), error.get("reason")])) + where
