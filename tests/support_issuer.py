"""An issuer of OpenID Connect on loopback, with keys of its own: strict as a good one, or as wrong as a test wants."""

import base64
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import BasicAuth, web

from tests.api.tokens import jwk, private_key

CLIENT_ID: Final = "console"
SECRET: Final = "s3cr3t/of the+console"
KINDS: Final = {"RS256": "RSA", "ES256": "EC"}

Sign = Callable[[dict[str, Any]], str]


@dataclass
class Grant:
    """What a code is good for, once."""

    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class FakeIssuer:
    """What it does is said by its fields. `redirect_uris` are those that it knows; nobody else's are led back to.

    It is reached by a name of its own (`localhost`), so that it is another site than a console at 127.0.0.1.
    """

    url: str = ""
    secret: str | None = SECRET
    redirect_uris: list[str] = field(default_factory=list)
    person: dict[str, Any] = field(
        default_factory=lambda: {"preferred_username": "carol", "groups": ["console-operators"]}
    )
    """What is known of who logs in."""
    algorithm: str = "RS256"
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    """Changes of what a good ID token says; None takes a claim away."""
    sign: Sign | None = None
    answer: dict[str, str] = field(default_factory=dict)
    """Changes of what a browser brings back."""
    error: str | None = None
    broken: Mapping[str, int] = field(default_factory=dict)
    """What is answered instead, by path."""
    token_error: tuple[int, dict[str, str]] | None = None
    asks: bool = False
    """Show a page with a button, as people see it; else lead back at once."""
    asked: list[dict[str, str]] = field(default_factory=list)
    exchanged: list[dict[str, str]] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    grants: dict[str, Grant] = field(default_factory=dict)

    def good_claims(self, nonce: str) -> dict[str, Any]:
        """Give what an ID token says."""
        now = datetime.now(UTC)
        good = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "248289761001",
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "nonce": nonce,
            **self.person,
        }
        return {name: value for name, value in (good | self.claims).items() if value is not None}

    def id_token(self, nonce: str) -> str:
        """Make one."""
        claims = self.good_claims(nonce)
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode(claims, private_key(KINDS[self.algorithm], "first"), self.algorithm, {"kid": self.algorithm})

    def app(self) -> web.Application:
        """Serve it."""

        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            self.paths.append(request.path)
            if request.path in self.broken:
                return web.Response(status=self.broken[request.path])
            response: web.StreamResponse = await handler(request)
            return response

        app = web.Application(middlewares=[watch])
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/logout", self._logout)
        return app

    async def _discovery(self, _: web.Request) -> web.Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
        }
        return web.json_response({name: value for name, value in (said | self.metadata).items() if value is not None})

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [jwk(kind, algorithm) for algorithm, kind in KINDS.items()]})

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        if self.asks and "agreed" not in query:
            agreed = f"/authorize?{request.query_string}&agreed=1"
            page = f'<!doctype html><html lang="en"><title>Issuer</title><a href="{agreed}">Log in as Carol</a>'
            return web.Response(text=page.replace("&", "&amp;"), content_type="text/html")
        self.asked.append(query)
        if query["redirect_uri"] not in self.redirect_uris or query["client_id"] != CLIENT_ID:
            return web.Response(status=400, text="unknown redirect_uri")
        if self.error is not None:
            return self._back(query, {"error": self.error, "error_description": "<b>said so</b>"})
        code = secrets.token_urlsafe(8)
        self.grants[code] = Grant(query["nonce"], query["code_challenge"], query["redirect_uri"])
        return self._back(query, {"code": code})

    def _back(self, query: Mapping[str, str], answer: Mapping[str, str]) -> web.Response:
        whole = {**answer, "state": query["state"]} | self.answer
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(whole)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.exchanged.append(form)
        if self.token_error is not None:
            return web.json_response(self.token_error[1], status=self.token_error[0])
        if not self._knows(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        grant = self.grants.pop(form["code"], None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        )
        if grant is None or grant.redirect_uri != form["redirect_uri"] or grant.challenge != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {"access_token": "unused", "token_type": "Bearer", "id_token": self.id_token(grant.nonce)}
        )

    def _knows(self, request: web.Request, form: Mapping[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT_ID
        methods = self.metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" not in methods:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, self.secret)
        shown = BasicAuth.decode(request.headers.get("Authorization", "Basic Og=="))
        return (unquote_plus(shown.login), unquote_plus(shown.password)) == (CLIENT_ID, self.secret)

    async def _logout(self, request: web.Request) -> web.Response:
        self.left.append(dict(request.query))
        return web.Response(status=302, headers={"Location": request.query["post_logout_redirect_uri"]})


@asynccontextmanager
async def open_issuer(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeIssuer]:
    """Serve an issuer for as long as the block lasts; `tls` is the server's."""
    issuer = FakeIssuer()
    runner = web.AppRunner(issuer.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port: int = runner.addresses[0][1]
    issuer.url = f"http{'' if tls is None else 's'}://localhost:{port}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
