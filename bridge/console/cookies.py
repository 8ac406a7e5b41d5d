"""Signed cookies: what a browser keeps for us until a given moment, and can neither change nor make by itself."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer

HOST_ONLY: Final = "__Host-"
"""Begins the name of a cookie that browsers take by TLS from this very host alone, and from no other of its domain."""
PATH: Final = "/"
MOST_BYTES: Final = 4000  # browsers keep 4096 of a cookie, its name and attributes included
ENDS: Final = "ends"

SameSite = Literal["Strict", "Lax"]


class SignedCookie:
    """One cookie. `is_secure` keeps it from being sent without TLS; `clock` gives seconds of Unix time."""

    def __init__(
        self,
        name: str,
        key: str,
        *,
        same_site: SameSite,
        is_secure: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = HOST_ONLY + name if is_secure else name
        self._signer = URLSafeSerializer(key, salt=f"mef-bridge {name}")
        self._same_site = same_site
        self._is_secure = is_secure
        self._clock = clock

    def write(self, response: web.StreamResponse, facts: Mapping[str, Any], ends: float) -> None:
        """Have a browser keep facts, as JSON has them, until `ends`."""
        response.set_cookie(
            self.name,
            self._signed(facts, ends),
            path=PATH,
            httponly=True,
            secure=self._is_secure,
            samesite=self._same_site,
            max_age=max(0, int(ends - self._clock())),
        )

    def read(self, request: web.Request) -> Mapping[str, Any] | None:
        """Give the facts that a browser shows; None if there are none, not any more, or not from us."""
        try:
            facts: Mapping[str, Any] = self._signer.loads(request.cookies.get(self.name, ""))
        except BadSignature:
            return None
        return facts if facts[ENDS] > self._clock() else None

    def delete(self, response: web.StreamResponse) -> None:
        """Have the browser forget it."""
        response.del_cookie(self.name, path=PATH, httponly=True, secure=self._is_secure, samesite=self._same_site)

    def _signed(self, facts: Mapping[str, Any], ends: float) -> str:
        return str(self._signer.dumps({**facts, ENDS: ends}))
