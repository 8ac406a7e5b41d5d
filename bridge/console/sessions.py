"""Sessions of browsers: who is logged in stands in a signed cookie, what was ended before its time in the database.

A session ends after `LASTS_S`, with the token that began it, as soon as its user is taken out of the settings, or what
an issuer granted him is, and for all processes when its user logs out.
"""

import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

import structlog
from aiohttp import web

from bridge.console.cookies import SignedCookie
from bridge.console.patience import Patience
from bridge.console.users import Grant, User, Users
from bridge.errors import StoreUnavailable

log = structlog.get_logger(__name__)

COOKIE: Final = "mef_bridge_session"
LASTS_S: Final = 8 * 3600
PATIENCE_S: Final = 1.0
"""So long a page waits for the database to say whether a session was ended."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in. `csrf` must come with each form: only our own pages know it.

    `ends` is when it is over by itself, in seconds of Unix time.
    """

    id: str
    user: User
    csrf: str
    ends: float


class Sessions:
    """Writes and reads the cookie. `is_secure` keeps it from being sent without TLS."""

    def __init__(
        self, key: str, users: Users, *, is_secure: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._cookie = SignedCookie(COOKIE, key, same_site="Strict", is_secure=is_secure, clock=clock)
        self._users = users
        self._clock = clock

    def begin(self, response: web.StreamResponse, user: User) -> None:
        """Log a user in, with a session that nobody knew before."""
        facts = {
            "id": secrets.token_urlsafe(),
            "name": user.name,
            "grant": user.grant,
            "csrf": secrets.token_urlsafe(),
        }
        ends = self._clock() + LASTS_S
        self._cookie.write(response, facts, ends if user.until is None else min(ends, user.until))

    def forget(self, response: web.StreamResponse) -> None:
        """Take the cookie from the browser."""
        self._cookie.delete(response)

    def read(self, request: web.Request) -> Session | None:
        """Tell whose session a browser shows, whether it was ended or not; None if it shows none, or not any more.

        His role is that of the settings now, not that of the login.
        """
        facts = self._cookie.read(request)
        if facts is None:
            return None
        grant = None if facts["grant"] is None else Grant(*facts["grant"])
        user = self._users.again(facts["name"], grant)
        return None if user is None else Session(facts["id"], user, facts["csrf"], facts["ends"])


class EndedSessions(Protocol):
    """What was ended, as the database keeps it; both raise `StoreUnavailable`."""

    def add(self, session: str, ends_at: datetime) -> Coroutine[Any, Any, None]: ...
    def has(self, session: str) -> Coroutine[Any, Any, bool]: ...


class Endings:
    """Ends sessions for good.

    What this process ended stays ended here whatever the database does. What could not be kept there is written down
    as soon as it answers.
    """

    def __init__(self, kept: EndedSessions, clock: Callable[[], float] = time.time) -> None:
        self._kept = kept
        self._clock = clock
        self._patience = Patience(PATIENCE_S)
        self._here: dict[str, float] = {}
        self._unwritten: dict[str, float] = {}

    async def end(self, session: Session) -> bool:
        """End a session; tell whether the database has it, too, so that it is over for all processes."""
        self._here = {id_: ends for id_, ends in self._here.items() if ends > self._clock()}
        self._here[session.id] = self._unwritten[session.id] = session.ends
        try:
            await self._write()
        except StoreUnavailable as trouble:
            log.warning("admin.logout_not_kept", who=session.user.name, reason=str(trouble))
        return session.id not in self._unwritten

    async def has(self, session: Session) -> bool:
        """Tell whether a session was ended. Raises `StoreUnavailable` where nobody can say."""
        if session.id in self._here:
            return True
        if self._unwritten:
            await self._write()
        return await self._patience.answer(partial(self._kept.has, session.id))

    async def _write(self) -> None:
        for id_, ends in list(self._unwritten.items()):
            await self._patience.answer(partial(self._kept.add, id_, datetime.fromtimestamp(ends, UTC)))
            self._unwritten.pop(id_, None)
