"""The Buyer's side on a real port, over use cases in memory. Every answer is held against the standard's own files."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer
from yarl import URL

from bridge.api.app import build_app
from bridge.api.identity import ApiKeyIdentity, Identity, RequestingEntity
from bridge.flows.ports.refused_request import RefusedRequest
from tests.api import standard
from tests.api.fakes import ACME, OTHER, FakeBridge
from tests.api.usual import usual_config

KEYS = {"acme": "acme-key", "other": "other-key", "agency": "agency-key"}
AUTHORIZED = {"Authorization": "Bearer acme-key"}
NOTHING: Mapping[str, str] = {}
JSON = {"Content-Type": "application/json;charset=utf-8"}


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


ENTITIES = (
    RequestingEntity(name="acme", api_key_sha256=(hashed(KEYS["acme"]),), buyers=(ACME,)),
    RequestingEntity(name="other", api_key_sha256=(hashed(KEYS["other"]),), buyers=(OTHER,)),
    RequestingEntity(name="agency", api_key_sha256=(hashed(KEYS["agency"]),), buyers=(ACME, OTHER)),
)


@dataclass
class Answer:
    """An HTTP answer: `value` is the parsed body, None where there is none."""

    status: int
    headers: Mapping[str, str]
    value: Any


@dataclass
class BuyerClient:
    """Sends requests as a Buyer and holds each answer against the standard."""

    session: ClientSession
    server: TestServer
    headers: Mapping[str, str] = field(default_factory=lambda: AUTHORIZED)

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] = NOTHING,
    ) -> Answer:
        """`path` goes out as it is written, escapes and all; `raw` replaces the JSON of `body`."""
        data = raw if raw is not None else None if body is None else orjson.dumps(body)
        url = URL(str(self.server.make_url("/")).rstrip("/") + path, encoded=True)
        sent = {**self.headers, **(JSON if data is not None else {}), **headers}
        async with self.session.request(method, url, data=data, headers=sent) as response:
            content = await response.read()
            answer = Answer(response.status, response.headers.copy(), orjson.loads(content) if content else None)
        check(method, path, answer)
        return answer

    async def get(self, path: str, headers: Mapping[str, str] = NOTHING) -> Answer:
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, body: object = None, headers: Mapping[str, str] = NOTHING) -> Answer:
        return await self.send("POST", path, body, headers=headers)


def check(method: str, path: str, answer: Answer) -> None:
    assert answer.headers["X-Correlation-ID"]
    if answer.value is not None:
        assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    if standard.available():
        assert standard.response_complaints(method, path.partition("?")[0], answer.status, answer.value) == []


Serve = Callable[..., Awaitable[BuyerClient]]


@pytest.fixture
def bridge() -> FakeBridge:
    return FakeBridge()


@pytest.fixture
def identity() -> Identity:
    return ApiKeyIdentity(ENTITIES)


@pytest.fixture
def refused() -> list[RefusedRequest]:
    """The requests that were told of as refused."""
    return []


@pytest.fixture
async def serve(bridge: FakeBridge, identity: Identity, refused: list[RefusedRequest]) -> AsyncIterator[Serve]:
    """Start the Buyer's side with some settings; a client of the Buyer `acme` comes back."""
    opened: list[BuyerClient] = []

    async def start(identity: Identity = identity, sellers: tuple[str, ...] = (), **settings: Any) -> BuyerClient:
        config = usual_config(**settings)
        of_sellers = {seller: bridge.services() for seller in sellers}
        server = TestServer(build_app(bridge.services(), identity, config, of_sellers, note=refused.append))
        await server.start_server(access_log=None)
        client = BuyerClient(ClientSession(cookie_jar=DummyCookieJar()), server)
        opened.append(client)
        return client

    yield start
    for client in opened:
        await client.session.close()
        await client.server.close()


@pytest.fixture
async def buyer(serve: Serve) -> BuyerClient:
    return await serve()


@pytest.fixture(params=["sonata", "cantata"])
def irp(request: pytest.FixtureRequest) -> str:
    return str(request.param)
