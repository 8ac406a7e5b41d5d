"""Logging in at an issuer: there, and back again (OpenID Connect Core 1.0, 3.1)."""

from collections.abc import Iterable, Mapping

import structlog
from aiohttp import web

from bridge.console.access import Door
from bridge.console.logins import AtIssuer, Begun
from bridge.console.pages.login import enter, own, refusal
from bridge.console.render import BASE, page
from bridge.console.services import Services
from bridge.console.users import NoRole, name_in
from bridge.errors import BridgeError
from bridge.oidc import LoginRefused, is_answer, newly_asked

log = structlog.get_logger(__name__)

CALLBACK = f"{BASE}/login/callback"
NOT_BEGUN = (
    "This login was not begun in this browser, was begun more than ten minutes ago, or is over already. Log in again."
)


def routes(services: Services, door: Door) -> Iterable[web.RouteDef]:
    """Give the routes; none where nobody logs in at an issuer."""
    if door.at_issuer is None:
        return []
    at: AtIssuer = door.at_issuer

    async def begin(request: web.Request) -> web.StreamResponse:
        asked = newly_asked()
        try:
            to = await at.issuer.login_url(asked, door.own_url(request) + CALLBACK)
        except BridgeError as trouble:
            return refusal(request, services, door, trouble, request.query.get("next", ""))
        response = web.Response(status=303, headers={"Location": to})
        at.logins.begin(response, Begun(asked, own(request.query.get("next", ""))))
        return response

    async def come_back(request: web.Request) -> web.StreamResponse:
        begun, answer = at.logins.read(request), _answer_in(request)
        if begun is None or not is_answer(answer, begun.asked):
            return refusal(request, services, door, LoginRefused(NOT_BEGUN))
        response = await finish(request, begun, answer)
        at.logins.forget(response)
        response.headers["Referrer-Policy"] = "no-referrer"  # the address has the code
        return response

    async def finish(request: web.Request, begun: Begun, answer: Mapping[str, str]) -> web.Response:
        try:
            claims = await at.issuer.claims(answer, begun.asked, door.own_url(request) + CALLBACK)
            user = door.users.who_logged_in(claims)
        except NoRole as why:
            log.warning("admin.login_refused", remote=request.remote, reason=str(why))
            return page(request, "problem.html", 403, title="No role here", text=str(why))
        except BridgeError as why:
            return refusal(request, services, door, why, begun.wanted)
        await enter(request, services, user, f"at {at.name}, as {name_in(claims, ('sub',))}")  # a `sub` is for good
        response = page(request, "onward.html", title="Logged in", text=f"Welcome, {user.name}.", to=begun.wanted)
        door.sessions.begin(response, user)
        return response

    return [web.get("/login/issuer", begin, allow_head=False), web.get("/login/callback", come_back, allow_head=False)]


def _answer_in(request: web.Request) -> Mapping[str, str]:
    """Read what the issuer answers; what is there twice is not there (RFC 6749, 3.1)."""
    return {name: value for name, value in request.query.items() if len(request.query.getall(name)) == 1}
