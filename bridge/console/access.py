"""The door of the console and of the admin API. All that is behind it is closed unless it is listed as open.

A browser shows its session's cookie, and for each change the session's CSRF token and an `Origin` of ours; a program
shows a token (`Authorization: Bearer`), and no cookie. On loopback only loopback's names are answered to, so that no
page of the web can have a browser read us by a name of its own (DNS rebinding).
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bridge.console.logins import AtIssuer
from bridge.console.sessions import Endings, Session, Sessions
from bridge.console.users import User, Users
from bridge.errors import BridgeError, StoreUnavailable, TransientError

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LOGOUT: Final = "/console/logout"
USER: Final = web.RequestKey("user", User)
SESSION: Final = web.RequestKey("session", Session)

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # no-referrer would have browsers send `Origin: null` with our own forms
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Door:
    """How requests are judged. `base_url` is how operators reach us, if it is not by what they name as `Host`.

    `at_issuer` is where people log in, if not by a token of their own.
    """

    users: Users
    sessions: Sessions
    endings: Endings
    base_url: str | None = None
    only_loopback: bool = False
    at_issuer: AtIssuer | None = None

    async def user_of(self, request: web.Request) -> User | None:
        """Tell who asks; None if nobody is known. Raises `HTTPForbidden` for a change from a foreign page."""
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            return await self._bearer(request, authorization)
        session = self.sessions.read(request)
        if session is None or not await self._holds(request, session):
            return None
        if request.method in CHANGING:
            await self._check_change(request, session)
        request[SESSION] = session
        return session.user

    async def still_knows(self, request: web.Request) -> bool:
        """Tell whether who asked may go on with what takes long: his session may have ended meanwhile."""
        if SESSION not in request:
            return True
        session = self.sessions.read(request)
        return session is not None and await self._holds(request, session)

    def own_url(self, request: web.Request) -> str:
        """Give the address at which a browser reaches us, without a path."""
        return self.base_url or f"{request.scheme}://{request.host}"

    async def _holds(self, request: web.Request, session: Session) -> bool:
        """Tell whether a session was not ended.

        While the database does not say it, who comes may look, at what is seen without a database, and leave.
        """
        try:
            return not await self.endings.has(session)
        except StoreUnavailable as trouble:
            if request.method in CHANGING and request.path != LOGOUT:
                raise web.HTTPServiceUnavailable(text=f"{trouble} Nothing was changed.") from trouble
            return True

    async def _bearer(self, request: web.Request, authorization: str) -> User | None:
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return None
        try:
            return await self.users.identify(token.strip())
        except TransientError as trouble:
            raise web.HTTPServiceUnavailable(text=str(trouble)) from trouble
        except BridgeError as refused:
            log.warning("admin.token_refused", remote=request.remote, reason=str(refused))
            return None

    async def _check_change(self, request: web.Request, session: Session) -> None:
        self.check_origin(request)
        given = request.headers.get(CSRF_HEADER)
        if given is None:
            given = str((await request.post()).get(CSRF_FIELD, ""))
        if not hmac.compare_digest(given.encode("utf-8", "replace"), session.csrf.encode()):
            raise web.HTTPForbidden(text="The form is from another session. Go back, load the page anew, try again.")

    def check_origin(self, request: web.Request) -> None:
        """Raise `HTTPForbidden` for a form that another site has sent."""
        origin = urlsplit(request.headers.get("Origin", ""))
        own = urlsplit(self.base_url) if self.base_url else None
        if own is not None:
            is_ours = (origin.scheme, origin.netloc) == (own.scheme, own.netloc)
        else:
            is_ours = origin.scheme in ("http", "https") and origin.netloc == request.host
        if not is_ours:
            raise web.HTTPForbidden(text="This was sent from another site, or without an Origin.")

    def check_host(self, request: web.Request) -> None:
        """Raise `HTTPMisdirectedRequest` for a name that is not ours."""
        if self.only_loopback and not _is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            raise web.HTTPMisdirectedRequest(text="This is served on loopback only, and under its names only.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what keeps browsers from doing more than they should with an answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"


def require_operator(request: web.Request) -> User:
    """Give who asks for a change; raises `HTTPForbidden` for who may only look."""
    user = request[USER]
    if not user.may_act:
        raise web.HTTPForbidden(text=f"{user.name} is a viewer, and may look but change nothing.")
    return user
