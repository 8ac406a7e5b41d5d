"""Sessions of browsers: who is logged in stands in a signed cookie, so that nothing is kept here.

A session ends after `LASTS_S`, with the token that began it, or as soon as its user is taken out of the settings.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from itsdangerous import BadSignature, URLSafeTimedSerializer

from bridge.console.users import Role, User, Users

COOKIE: Final = "mef_bridge_session"
LASTS_S: Final = 8 * 3600
PATH: Final = "/"
BY_TOKEN, BY_ISSUER = "token", "issuer"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in. `csrf` must come with each form: only our own pages know it."""

    user: User
    csrf: str


class Sessions:
    """Writes and reads the cookie. `is_secure` keeps it from being sent without TLS."""

    def __init__(
        self, key: str, users: Users, *, is_secure: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="mef-bridge console")
        self._users = users
        self._is_secure = is_secure
        self._clock = clock

    def begin(self, response: web.StreamResponse, user: User) -> None:
        """Log a user in."""
        ends = min(self._clock() + LASTS_S, user.until if user.until is not None else float("inf"))
        known = BY_TOKEN if user.until is None else BY_ISSUER
        facts = {"name": user.name, "role": user.role.value, "by": known, "ends": ends, "csrf": secrets.token_urlsafe()}
        response.set_cookie(
            COOKIE,
            self._signer.dumps(facts),
            path=PATH,
            httponly=True,
            secure=self._is_secure,
            samesite="Strict",
            max_age=max(0, int(ends - self._clock())),
        )

    def end(self, response: web.StreamResponse) -> None:
        """Log out."""
        response.del_cookie(COOKIE, path=PATH, httponly=True, secure=self._is_secure, samesite="Strict")

    def read(self, request: web.Request) -> Session | None:
        """Tell who is logged in; None if nobody is, or not any more."""
        try:
            facts = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=LASTS_S)
        except BadSignature:
            return None
        if facts["ends"] <= self._clock():
            return None
        if facts["by"] == BY_ISSUER:
            return Session(User(facts["name"], Role(facts["role"]), facts["ends"]), facts["csrf"])
        user = self._users.find(facts["name"])  # the role is that of now, not that of the login
        return None if user is None else Session(user, facts["csrf"])
