"""Logins that people have begun at an issuer, and come back from."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from aiohttp import web

from bridge.console.cookies import SignedCookie
from bridge.oidc import Asked

COOKIE: Final = "mef_bridge_login"
LASTS_S: Final = 600


class Begun(NamedTuple):
    """A login under way: what the issuer was asked with, and the page that was asked for."""

    asked: Asked
    wanted: str


class Logins:
    """Keeps what a login was begun with in a signed cookie of the browser that began it, until it comes back.

    It is the issuer who leads the browser back, so the cookie must be sent with a link from another site (Lax). The one
    of the session is not; the page after a login is therefore asked for by a page of ours, not by a redirect.
    """

    def __init__(self, key: str, *, is_secure: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._cookie = SignedCookie(COOKIE, key, same_site="Lax", is_secure=is_secure, clock=clock)
        self._clock = clock

    def begin(self, response: web.StreamResponse, begun: Begun) -> None:
        """Remember a login."""
        self._cookie.write(response, {"asked": begun.asked, "wanted": begun.wanted}, self._clock() + LASTS_S)

    def read(self, request: web.Request) -> Begun | None:
        """Give the login that a browser has begun; None if it has not, or too long ago."""
        facts = self._cookie.read(request)
        return None if facts is None else Begun(Asked(*facts["asked"]), facts["wanted"])

    def forget(self, response: web.StreamResponse) -> None:
        """Forget it: an answer counts once."""
        self._cookie.delete(response)


class Issuer(Protocol):
    """Who knows people: `bridge.oidc.Issuer`."""

    async def login_url(self, asked: Asked, redirect_uri: str) -> str: ...
    async def logout_url(self, back: str) -> str | None: ...
    async def claims(self, answer: Mapping[str, str], asked: Asked, redirect_uri: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class AtIssuer:
    """Logging in at an issuer. `name` is what the login page calls it."""

    name: str
    issuer: Issuer
    logins: Logins
