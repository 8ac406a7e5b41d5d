"""The console on the admin port: `/console` for people, `/api` for programs, and one door for both."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from bridge.console import api, openapi
from bridge.console.access import USER, Door, Handler, add_headers
from bridge.console.pages import (
    audit,
    deliveries,
    draft,
    draft_editor,
    issuer,
    listeners,
    login,
    now,
    packs,
    parked,
    story,
    wfm,
    work_orders,
)
from bridge.console.render import BASE, STATIC, page, see, set_up
from bridge.console.services import Services
from bridge.errors import PermanentError, StoreUnavailable

log = structlog.get_logger(__name__)

OPEN: Final = frozenset({f"{BASE}/login", f"{BASE}/login/issuer", f"{BASE}/login/callback"})
"""Paths behind which nobody is asked who he is, besides the static files."""
STATIC_PATH: Final = f"{BASE}/static/"
KEEP: Final = "public, max-age=31536000, immutable"

Refuse = Callable[[web.Request, int, str], Awaitable[web.StreamResponse]]


def install(app: web.Application, services: Services, door: Door) -> None:
    """Add the console to the application of the admin port."""
    app.on_response_prepare.append(add_headers)

    async def end(_: web.Application) -> None:
        services.closing.set()

    app.on_shutdown.append(end)
    app.router.add_get("/", _to_console)
    app.router.add_get(BASE, _to_console)
    app.add_subapp(f"{BASE}/", _pages(services, door))
    app.add_subapp("/api/", _api(services, door))


async def _to_console(_: web.Request) -> web.Response:
    return see(f"{BASE}/")


def _pages(services: Services, door: Door) -> web.Application:
    console = web.Application(middlewares=[_guard(door, _page_of)], client_max_size=4 * 1024 * 1024)
    set_up(console)
    parts: Sequence[Iterable[web.RouteDef]] = (
        login.routes(services, door),
        issuer.routes(services, door),
        now.routes(services, door),
        work_orders.routes(services),
        story.routes(services),
        parked.routes(services),
        draft.routes(services),
        draft_editor.routes(services),
        deliveries.routes(services),
        listeners.routes(services),
        wfm.routes(services),
        packs.routes(services),
        audit.routes(services),
    )
    for routes in parts:
        console.add_routes(routes)
    console.router.add_static("/static", STATIC)
    return console


def _api(services: Services, door: Door) -> web.Application:
    app = web.Application(middlewares=[_guard(door, api.problem)], client_max_size=1024 * 1024)
    app.add_routes(api.routes(services))
    app.add_routes(openapi.routes())
    return app


def _guard(door: Door, refuse: Refuse) -> Middleware:
    """Let nobody in who is not known, and say what goes wrong in the way of `refuse`."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            door.check_host(request)
            is_static = request.path.startswith(STATIC_PATH)
            if not is_static and request.path not in OPEN:
                user = await door.user_of(request)
                if user is None:
                    return await refuse(request, 401, "Who are you? Log in, or send a token.")
                request[USER] = user
            response = await handler(request)
            if is_static:
                response.headers["Cache-Control"] = KEEP
            return response
        except web.HTTPException as raised:
            if raised.status < 400:
                raise
            return await refuse(request, raised.status, raised.text or raised.reason)
        except StoreUnavailable as trouble:
            return await refuse(request, 503, str(trouble))
        except PermanentError as refused:
            return await refuse(request, 409, str(refused))
        except Exception:
            log.exception("admin.request_failed", path=request.path)
            return await refuse(request, 500, "That failed; the log of the bridge says why.")

    return guard


async def _page_of(request: web.Request, status: int, text: str) -> web.StreamResponse:
    """Say on a page what is wrong; who is not logged in is led to the login."""
    if status == 401:
        wanted = request.path_qs if request.method == "GET" else f"{BASE}/"
        return see(f"{BASE}/login?" + login.after(wanted))
    return page(request, "problem.html", status, title="Not possible", text=text)
