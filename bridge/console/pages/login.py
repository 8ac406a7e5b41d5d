"""Logging in and out."""

from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

import structlog
from aiohttp import web

from bridge.console.access import USER, Door
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.errors import BridgeError, TransientError

log = structlog.get_logger(__name__)


def routes(services: Services, door: Door) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def ask(request: web.Request) -> web.Response:
        return _form(request, "", 200)

    async def log_in(request: web.Request) -> web.StreamResponse:
        door.check_origin(request)
        form = await request.post()
        try:
            user = await door.users.identify(str(form.get("token", "")).strip())
        except TransientError as trouble:
            return _form(request, str(trouble), 503)
        except BridgeError as refused:
            log.warning("admin.login_refused", remote=request.remote, reason=str(refused))
            return _form(request, str(refused), 401)
        await services.acts.written(user, "login", request.remote or "", "")
        response = see(_own(request.query.get("next", "")))
        door.sessions.begin(response, user)
        return response

    async def log_out(request: web.Request) -> web.StreamResponse:
        await services.acts.written(request[USER], "logout", "", "")
        response = see(f"{BASE}/login")
        door.sessions.end(response)
        return response

    def _form(request: web.Request, wrong: str, status: int) -> web.Response:
        return page(request, "login.html", status, wrong=wrong, hint=services.login_hint, query=request.query_string)

    return [web.get("/login", ask), web.post("/login", log_in), web.post("/logout", log_out)]


def after(wanted: str) -> str:
    """Write where a login leads to, as a query."""
    return urlencode({"next": wanted})


def _own(wanted: str) -> str:
    """Lead nowhere but into the console."""
    parts = urlsplit(wanted)
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith(f"{BASE}/") and "\\" not in wanted
    return wanted if is_own else f"{BASE}/"
