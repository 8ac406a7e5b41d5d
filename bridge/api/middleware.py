"""Around every request: a correlation id, one line in the access log, and always an answer in the standard's shape."""

import time
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from structlog.typing import FilteringBoundLogger

from bridge.api.correlation import HEADER, correlation_id_of, new_or_given
from bridge.api.failures import (
    CLOSE,
    RETRY_AFTER,
    RequestFailed,
    failure_of,
    internal_error,
    not_found,
    plain,
)
from bridge.api.refused import note_refused
from bridge.api.responses import failure
from bridge.errors import BridgeError

_log: FilteringBoundLogger = structlog.get_logger("bridge.api")

LEAVING: Final = web.AppKey[Callable[[], bool]]("LEAVING", Callable)  # type: ignore[arg-type] # tells whether it is
Count = Callable[[str, int, float], None]
"""Counts a request: its operation, status and seconds."""
COUNT: Final = web.AppKey[Count]("COUNT", Callable)  # type: ignore[arg-type] # as above


def uncounted(_operation: str, _status: int, _seconds: float) -> None:
    """Count nothing."""


HEALTH: Final = "/health/"
TOO_MANY: Final = "Too many connections are open."
SERVER: Final = "mef-bridge"  # instead of the versions that aiohttp would tell everybody


@web.middleware
async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind the correlation id for all that this request does, and log the request once."""
    started = time.perf_counter()
    correlation_id = new_or_given(request)
    with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
        response = await handler(request)
        note_refused(request, response)
        _log_access(request, response, time.perf_counter() - started)
    response.headers[HEADER] = correlation_id
    response.headers["Server"] = SERVER
    response.headers["X-Content-Type-Options"] = "nosniff"  # what we quote of a request is never a page
    return response


def _log_access(request: web.Request, response: web.StreamResponse, elapsed: float) -> None:
    """Log it, and have it counted; probes ask every few seconds, and nobody wants to read of them."""
    is_probe = request.path.startswith(HEALTH)
    if not is_probe:
        request.app[COUNT](_operation(request), response.status, elapsed)
    (_log.debug if is_probe else _log.info)(
        "request",
        method=request.method,
        path=request.rel_url.raw_path,
        status=response.status,
        elapsed_ms=round(elapsed * 1000, 1),
    )


def _operation(request: web.Request) -> str:
    """Name the operation as the documents do; what does not exist has one name, whatever was asked for."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else f"{request.method} {resource.canonical}"


@web.middleware
async def dismiss(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let no connection outlive its answer when the door is about to close: the client makes another one elsewhere."""
    response = await handler(request)
    if request.app[LEAVING]():
        response.force_close()
    return response


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a request ends in into an answer; nothing of a cause that is ours leaves the house."""
    try:
        return await handler(request)
    except BridgeError as error:
        return failure(failure_of(error, request.method) or _unexpected(request))
    except web.HTTPException as error:
        return failure(_of_http(error, request))
    except Exception:  # noqa: BLE001 - the outermost frame of a request
        return failure(_unexpected(request))


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse who came when there were too many; whoever asks whether the process lives is answered all the same."""
    if getattr(request.protocol, "is_beyond_limit", False) and not request.path.startswith(HEALTH):
        raise plain(503, TOO_MANY, {**RETRY_AFTER, **CLOSE})
    return await handler(request)


def _unexpected(request: web.Request) -> RequestFailed:
    """Log what is being handled, with its trace."""
    _log.exception("request failed", method=request.method, path=request.rel_url.raw_path)
    return internal_error(correlation_id_of(request))


def _of_http(error: web.HTTPException, request: web.Request) -> RequestFailed:
    """Give aiohttp's own refusals the standard's shape."""
    match error:
        case web.HTTPNotFound():
            return not_found("There is nothing at this path.")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return plain(405, f"{request.method} is not possible here; allowed: {allowed}.", {"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return plain(413, f"The body is larger than the {request.client_max_size} bytes allowed.")
        case _:
            return plain(error.status, f"{error.reason}.")
