"""Logging in by a token, and out."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit

import structlog
from aiohttp import web

from bridge.console.access import SESSION, USER, Door
from bridge.console.patience import Patience
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.console.users import User
from bridge.errors import BridgeError, PermanentError, StoreUnavailable, TransientError

log = structlog.get_logger(__name__)

AUDIT_PATIENCE_S: Final = 5.0
LONGEST_WANTED: Final = 1000  # characters: it is kept in a cookie
_OF_A_PATH: Final = re.compile(r"[!-\[\]-~]+")  # printable ASCII but the backslash, which browsers take for a slash


def routes(services: Services, door: Door) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def ask(request: web.Request) -> web.Response:
        return form(request, services, door, _wanted(request))

    async def log_in(request: web.Request) -> web.StreamResponse:
        door.check_origin(request)
        sent = await request.post()
        try:
            user = await door.users.identify(str(sent.get("token", "")).strip())
        except BridgeError as refused:
            return refusal(request, services, door, refused, _wanted(request))
        await enter(request, services, user)
        response = see(own(_wanted(request)))
        door.sessions.begin(response, user)
        return response

    async def log_out(request: web.Request) -> web.StreamResponse:
        user, session = request[USER], request.get(SESSION)
        is_over = session is None or await door.endings.end(session)
        await _write(services, user, "logout", "")
        response = await _left(request, door, user) if is_over else _left_here(request)
        door.sessions.forget(response)
        return response

    return [web.get("/login", ask), web.post("/login", log_in), web.post("/logout", log_out)]


def form(
    request: web.Request, services: Services, door: Door, wanted: str, wrong: str = "", status: int = 200
) -> web.Response:
    """Ask who it is that wants a page; `wrong` says why his last try was none."""
    at, query = door.at_issuer, after(own(wanted))
    return page(
        request,
        "login.html",
        status,
        wrong=wrong,
        hint=services.login_hint,
        query=query,
        issuer="" if at is None else at.name,
        begin=f"{door.base_url or ''}{BASE}/login/issuer?{query}",
        have_tokens=at is None or door.users.have_tokens,
    )


def refusal(request: web.Request, services: Services, door: Door, why: BridgeError, wanted: str = "") -> web.Response:
    """Say why somebody is not let in, to him and in the log."""
    log.warning("admin.login_refused", remote=request.remote, reason=str(why))
    status = 503 if isinstance(why, TransientError) else 502 if isinstance(why, PermanentError) else 401
    return form(request, services, door, wanted, str(why), status)


async def enter(request: web.Request, services: Services, user: User, note: str = "") -> None:
    """Write down that somebody comes in; `note` says how he is known."""
    log.info("admin.login", who=user.name, role=user.role.value, remote=request.remote)
    await _write(services, user, "login", request.remote or "", note)


async def _write(services: Services, user: User, act: str, thing: str, note: str = "") -> None:
    """Put it into the audit log. While the database is away people come in all the same, to see that it is, and go."""
    try:
        await Patience(AUDIT_PATIENCE_S).answer(partial(services.acts.written, user, act, thing, note))
    except StoreUnavailable:
        log.warning("admin.act_not_written", who=user.name, act=act, thing=thing)


async def _left(request: web.Request, door: Door, user: User) -> web.Response:
    """Lead who came by his issuer there, to log out, too: by a page, since browsers follow no form to another site."""
    at, back = door.at_issuer, f"{BASE}/login"
    if at is None or not door.users.came_by_login(user):
        return see(back)
    try:
        to = await at.issuer.logout_url(door.own_url(request) + back)
    except BridgeError as trouble:
        log.warning("admin.logout_not_told", issuer=at.name, reason=str(trouble))
        return see(back)
    if to is None:
        return see(back)
    return page(request, "onward.html", title="Logged out", text=f"Now at {at.name}, too.", to=to, user=None)


def _left_here(request: web.Request) -> web.Response:
    text = (
        "This browser is logged out, and this process of the bridge takes no copy of its session. Other processes do "
        "not know of it until the database answers."
    )
    return page(request, "problem.html", 503, title="Logged out here", text=text, user=None)


def _wanted(request: web.Request) -> str:
    return request.query.get("next", "")


def after(wanted: str) -> str:
    """Write where a login leads to, as a query."""
    return urlencode({"next": wanted})


def own(wanted: str) -> str:
    """Lead nowhere but into the console."""
    if len(wanted) > LONGEST_WANTED or not _OF_A_PATH.fullmatch(wanted):
        return f"{BASE}/"
    parts = urlsplit(wanted)
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith(f"{BASE}/")
    is_own = is_own and not {".", ".."} & set(unquote(parts.path).split("/"))  # which a browser would resolve
    return wanted if is_own else f"{BASE}/"
