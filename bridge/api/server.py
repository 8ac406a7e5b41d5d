"""The web server itself: what it cannot even read as a request is answered in the standard's shape, too.

Anybody can send such things, so they leave no traces in the log, and the answer tells no versions.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from bridge.api.config import Limits
from bridge.api.connections import Connections, LimitedProtocol
from bridge.api.failures import CLOSE, NO_HEADERS, RETRY_AFTER, RequestFailed, bad_request, plain, unknown_coding
from bridge.api.middleware import SERVER, TOO_MANY
from bridge.api.responses import CONTENT_TYPE, encode, failure
from bridge.mef.error_bodies import Error, Error400Code

BACKLOG: Final = 128

_log = structlog.stdlib.get_logger(__name__)


class Protocol(LimitedProtocol):
    """One connection of a client."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what went wrong outside of the application, mostly what is no HTTP; closes the connection."""
        if status == HTTPStatus.BAD_REQUEST:
            _log.info("request.unreadable", remote=request.remote, problem=type(exc).__name__)
        else:
            _log.error("request.failed_outside", status=status, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; another one can't be sent")
        response = _answer(_failure(status, exc))
        response.force_close()
        return response

    def log_exception(self, *said: Any, **how: Any) -> None:
        """Log what went wrong outside of the application; that a body could not be unpacked is no fault of ours."""
        if isinstance(problem := how.get("exc_info"), web.RequestPayloadError):
            _log.info("request.unreadable", problem=type(problem).__name__)
        else:
            super().log_exception(*said, **how)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer. An HTTP exception that comes this far was raised before the application's middlewares."""
        if isinstance(resp, web.HTTPException):
            resp = _answer(plain(resp.status, f"{resp.reason}."))
        return await super().finish_response(request, resp, start_time)


async def open_server(app: web.Application, listening: socket.socket, limits: Limits) -> Callable[[], Awaitable[None]]:
    """Serve the application on a bound socket; return what ends it (harmless when done twice)."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    loop = asyncio.get_running_loop()
    manager: Any = runner.server
    quiet: dict[str, Any] = {"loop": loop, "access_log": None}
    connections = Connections(limits, _too_slow, _too_many)
    server = await loop.create_server(lambda: Protocol(manager, connections, **quiet), sock=listening, backlog=BACKLOG)

    async def close() -> None:
        server.close()
        await runner.cleanup()

    return close


def _failure(status: int, problem: BaseException | None) -> RequestFailed:
    if isinstance(problem, LineTooLong):
        return bad_request(Error400Code.INVALID_QUERY, "The URL or a header is too long.")
    if isinstance(problem, ContentEncodingError):
        return unknown_coding("another one")
    if status == HTTPStatus.BAD_REQUEST:
        return bad_request(Error400Code.INVALID_QUERY, "This cannot be read as an HTTP request.")
    return plain(status, f"{HTTPStatus(status).phrase}.")


def _answer(failed: RequestFailed) -> web.Response:
    response = failure(failed)
    response.headers["Server"] = SERVER
    return response


def _too_slow() -> bytes:
    return _raw(HTTPStatus.REQUEST_TIMEOUT, "The head of the request did not come in time.")


def _too_many() -> bytes:
    return _raw(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY, RETRY_AFTER)


def _raw(status: HTTPStatus, reason: str, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
    """Write an answer to what was never read as a request."""
    body = encode(Error(reason=reason))
    own = {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(body)), "Server": SERVER}
    lines = [f"{name}: {value}" for name, value in {**own, **headers, **CLOSE}.items()]
    return "\r\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", ""]).encode() + body
