"""Tokens for listeners, from a Buyer's authorization server by client credentials (RFC 6749, 4.4).

A token is kept until shortly before it ends, and renewed while it still counts; whoever needs one while it is being
fetched waits for the same request. A server that fails is left alone for some seconds, whatever waits for its tokens.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote_plus

from aiohttp import ClientError, ClientResponse, ClientSession

from bridge.errors import TransientError
from bridge.secret import Secret

DEFAULT_LIFETIME_S: Final = 300.0  # where the server does not say it
RENEW_AT: Final = 0.8  # of its lifetime; then there is time for some tries
LEAST_LEFT_S: Final = 5.0  # a token with less may end on its way
PAUSE_S: Final = 5.0  # after a failure
TIMEOUT_S: Final = 8.0
LONGEST_ANSWER: Final = 64 * 1024

_TOKEN: Final = re.compile(r"[!-~]+")  # RFC 6749, A.12; RFC 6750 is narrower, and Salesforce's have a "!" in them
_ERROR: Final = re.compile(r"[A-Za-z0-9_ .-]{1,80}")


class NoToken(TransientError):
    """There is no token for the listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What is asked of the server."""

    url: str
    client_id: str
    client_secret: Secret
    scope: str = ""
    audience: str = ""
    client_authentication: Literal["basic", "body"] = "basic"

    def form(self) -> dict[str, str]:
        """The body."""
        given = {"grant_type": "client_credentials", "scope": self.scope, "audience": self.audience}
        if self.client_authentication == "body":
            given |= {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}
        return {name: value for name, value in given.items() if value}

    def headers(self) -> dict[str, str]:
        """The headers (RFC 6749, 2.3.1: both parts are encoded as in a form)."""
        if self.client_authentication == "body":
            return {"Accept": "application/json"}
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret.reveal())}"
        return {"Accept": "application/json", "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    text: str
    renew_at: float
    ends_at: float


class AccessTokens:
    """The token of one Buyer. `fetch` posts the request; `clock` gives seconds that only grow."""

    def __init__(
        self,
        request: TokenRequest,
        session: ClientSession,
        clock: Callable[[], float],
        how: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`how` says how the session is to reach the server: a proxy, whom to trust."""
        self._request = request
        self._session = session
        self._clock = clock
        self._how = how
        self._token: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None
        self._failed: tuple[float, str] | None = None

    async def token(self, refused: str | None = None) -> str:
        """Give a token that counts, and is not the `refused` one; raises `NoToken`."""
        now, known = self._clock(), self._token
        if known is not None and known.text != refused and now < known.ends_at - LEAST_LEFT_S:
            if now >= known.renew_at and self._may_ask(now):
                self._start()
            return known.text
        if self._fetching is None and not self._may_ask(now):
            raise NoToken(self._failed[1] if self._failed else None)
        return (await asyncio.shield(self._start())).text

    async def close(self) -> None:
        """Fetch nothing any more."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})

    def _may_ask(self, now: float) -> bool:
        return self._failed is None or now >= self._failed[0] + PAUSE_S

    def _start(self) -> "asyncio.Task[_Token]":
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(), name="access token")
            self._fetching.add_done_callback(self._done)
        return self._fetching

    def _done(self, fetched: "asyncio.Task[_Token]") -> None:
        self._fetching = None
        if fetched.cancelled():
            return
        if (failure := fetched.exception()) is not None:
            self._failed = (self._clock(), str(failure))
        else:
            self._failed, self._token = None, fetched.result()

    async def _fetch(self) -> _Token:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._post()
        except (ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise self._no_token(type(error).__name__) from error
        text, lifetime = self._read(answer)
        return _Token(text, asked_at + RENEW_AT * lifetime, asked_at + lifetime)

    async def _post(self) -> Any:
        posted = self._session.post(
            self._request.url,
            data=self._request.form(),
            headers=self._request.headers(),
            allow_redirects=False,
            **self._how(),
        )
        async with posted as response:
            answer = await _json(response)
            if response.status != 200:
                raise self._no_token(f"it answered {response.status} {_error_in(answer)}".rstrip())
            return answer

    def _read(self, answer: Any) -> tuple[str, float]:
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._no_token("its answer has no access_token that a header can hold")
        if str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise self._no_token("its token is no bearer token")
        return token, _lifetime(answer.get("expires_in"))

    def _no_token(self, why: str) -> NoToken:
        return NoToken(f"no token from {self._request.url.partition('?')[0]}: {why}")


async def _json(response: ClientResponse) -> Any:
    raw = await response.content.read(LONGEST_ANSWER)
    while chunk := await response.content.read(LONGEST_ANSWER - len(raw)):
        raw += chunk
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _error_in(answer: Any) -> str:
    """Give the error code (RFC 6749, 5.2) and nothing else: the rest may repeat what was sent."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else ""


def _lifetime(value: Any) -> float:
    """Read `expires_in`: seconds, which some servers write as text."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_LIFETIME_S
    return seconds if 0 < seconds < float("inf") else DEFAULT_LIFETIME_S
