"""One issuer, as it is asked over HTTP: what it says of itself, and an ID token for a code."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote_plus

import jwt
from aiohttp import ClientError, encode_basic_auth

from bridge.api.identity import KeySet, TokenIdentity, TokenRules, Unauthenticated
from bridge.api.identity.bounded import TooLong, request
from bridge.api.identity.key_source import fetch
from bridge.errors import BridgeError
from bridge.oidc.asked import Asked, code_in, request_url, with_query
from bridge.oidc.id_token import check_login
from bridge.oidc.metadata import Metadata, parse_metadata, well_known
from bridge.oidc.trouble import IssuerUnavailable, IssuerWrong, LoginRefused, refused_code
from bridge.secret import Secret

REFRESH_S: Final = 3600.0
"""For so long what the issuer says of itself is not asked for again; then the old counts where it does not answer."""
PAUSE_S: Final = 2.0
"""After a failure it is left alone for so long, however many want to log in."""
KEYS_FLOOR_S: Final = 5.0
LEEWAY: Final = timedelta(seconds=30)
"""By so much its clock and ours may differ."""
_AWAY: Final = (ClientError, OSError, TimeoutError)
_CLOCKS: Final = (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who we are to the issuer. Without a secret, PKCE alone shows that it was us who asked (a public client)."""

    issuer: str
    client_id: str
    secret: Secret | None
    scopes: Sequence[str]
    algorithms: frozenset[str]


class Issuer:
    """Asks it. `options` are the HTTP client's, such as a proxy; `clock` gives seconds that only grow."""

    def __init__(self, client: Client, options: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._options = options
        self._clock = clock
        self._asking = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._asked_at = 0.0
        self._failed: tuple[float, BridgeError] | None = None
        self._keys: KeySet | None = None

    async def close(self) -> None:
        """Read no keys any more."""
        if self._keys is not None:
            await self._keys.close()

    async def login_url(self, asked: Asked, redirect_uri: str) -> str:
        """Say where a browser is to log in; raises `IssuerUnavailable` and `IssuerWrong`."""
        metadata = await self.metadata()
        return request_url(metadata, self._client.client_id, self._client.scopes, redirect_uri, asked)

    async def logout_url(self, back: str) -> str | None:
        """Say where a browser is to log out (RP-Initiated Logout 1.0, 2), to be led `back`; None if nowhere.

        We have no ID token as a hint, so an issuer may ask its user whether he means it.
        """
        metadata = await self.metadata()
        if metadata.end_session_endpoint is None:
            return None
        query = {"client_id": self._client.client_id, "post_logout_redirect_uri": back}
        return with_query(metadata.end_session_endpoint, query)

    async def claims(self, answer: Mapping[str, str], asked: Asked, redirect_uri: str) -> Mapping[str, Any]:
        """Give what the ID token says for which an answer has a code.

        Raises `LoginRefused`, `IssuerWrong`, and a `TransientError` where the issuer or its keys are away.
        """
        metadata = await self.metadata()
        code = code_in(answer, metadata)
        token = await self._exchange(metadata, code, asked, redirect_uri)
        claims = await self._verified(metadata, token)
        check_login(claims, self._client.client_id, asked.nonce)
        return claims

    async def metadata(self) -> Metadata:
        """Give what the issuer says of itself; raises `IssuerUnavailable` and `IssuerWrong`."""
        async with self._asking:
            known, now = self._metadata, self._clock()
            if known is not None and now - self._asked_at < REFRESH_S:
                return known
            if self._failed is None or now - self._failed[0] >= PAUSE_S:
                try:
                    await self._discover()
                except (IssuerUnavailable, IssuerWrong) as failure:
                    self._failed = (self._clock(), failure)
            if self._metadata is not None:
                return self._metadata
            raise self._failed[1] if self._failed else IssuerUnavailable

    async def _discover(self) -> None:
        url = well_known(self._client.issuer)
        status, raw = await self._request("GET", url)
        if status != 200:
            failure = IssuerUnavailable if status >= 500 else IssuerWrong
            raise failure(f"{url} answered {status}: see oidc.issuer")
        metadata = parse_metadata(raw, self._client.issuer)
        if self._keys is None or self._metadata is None or self._metadata.jwks_uri != metadata.jwks_uri:
            await self.close()
            self._keys = KeySet(
                lambda: fetch(metadata.jwks_uri, self._options), refresh_s=REFRESH_S, floor_s=KEYS_FLOOR_S
            )
        self._metadata, self._asked_at, self._failed = metadata, self._clock(), None

    async def _exchange(self, metadata: Metadata, code: str, asked: Asked, redirect_uri: str) -> str:
        """Get the ID token for a code (Core 1.0, 3.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": asked.verifier,
        }
        headers = {"Accept": "application/json"}
        secret = self._client.secret
        if secret is not None:
            await asyncio.to_thread(secret.refresh)
        if secret is not None and metadata.takes_basic:
            pair = quote_plus(self._client.client_id), quote_plus(secret.reveal())  # RFC 6749, 2.3.1
            headers["Authorization"] = encode_basic_auth(*pair)
        else:
            form["client_id"] = self._client.client_id
            form |= {} if secret is None else {"client_secret": secret.reveal()}
        status, raw = await self._request("POST", metadata.token_endpoint, data=form, headers=headers)
        return _id_token_in(metadata, status, raw)

    async def _verified(self, metadata: Metadata, token: str) -> Mapping[str, Any]:
        if self._keys is None:
            raise IssuerUnavailable
        rules = TokenRules(
            issuer=metadata.issuer,
            audience=self._client.client_id,
            algorithms=self._client.algorithms,
            scopes={},
            leeway=LEEWAY,
        )
        try:
            return await TokenIdentity((), self._keys, rules).verified(token)
        except Unauthenticated as refused:
            clocks = " The clocks of the issuer and of this machine differ." if _is_of(refused, _CLOCKS) else ""
            raise LoginRefused(f"The ID token of the issuer does not count: {refused}{clocks}") from refused

    async def _request(self, method: str, url: str, **sent: Any) -> tuple[int, bytes]:
        try:
            return await request(method, url, **sent, **self._options)
        except TooLong as failure:
            raise IssuerWrong(str(failure)) from failure
        except _AWAY as failure:
            said = str(failure) or type(failure).__name__
            raise IssuerUnavailable(f"The issuer cannot be reached: {url}: {said}") from failure


def _is_of(refused: Unauthenticated, kinds: tuple[type[Exception], ...]) -> bool:
    return isinstance(refused.__cause__, kinds)


def _id_token_in(metadata: Metadata, status: int, raw: bytes) -> str:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    if status >= 500:
        raise IssuerUnavailable(f"{metadata.token_endpoint} answered {status}. Try again in a while.")
    if status != 200:
        raise refused_code(said.get("error"))
    token = said.get("id_token")
    if not isinstance(token, str):
        raise IssuerWrong("The issuer gave no ID token: oidc.scopes must have openid.")
    return token
