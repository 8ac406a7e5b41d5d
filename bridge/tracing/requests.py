"""Requests of Buyers, a span each: in the trace that `traceparent` names, or in a new one."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry.trace import SpanKind, Status, StatusCode

from bridge.api.correlation import correlation_id_of
from bridge.tracing.spans import Tracing


def tracing_requests(tracing: Tracing) -> Middleware:
    """Make the middleware. Nothing follows from what only reads, and probes are nobody's."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None or request.path.startswith("/health/"):
            return await handler(request)
        leads_on = None if request.method == "GET" else correlation_id_of(request)
        attributes = {
            "http.request.method": request.method,
            "http.route": resource.canonical,
            "url.path": request.path,
            "mef_bridge.correlation_id": correlation_id_of(request),
        }
        name = f"{request.method} {resource.canonical}"
        with tracing.begin(name, SpanKind.SERVER, request.headers, leads_on, attributes) as span:
            response = await handler(request)
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= web.HTTPInternalServerError.status_code:
                span.set_status(Status(StatusCode.ERROR))
            return response

    return trace
