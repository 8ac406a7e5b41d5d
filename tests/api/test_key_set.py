"""The issuer's keys: read when needed, by one for all, never too often, and kept while the issuer is away."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from bridge.api.identity import RequestingEntity
from bridge.api.identity.bounded import MAX_BYTES
from bridge.api.identity.jwks import InvalidKeySet, parse_key_set
from bridge.api.identity.key_set import KeySet, KeysUnavailable
from bridge.api.identity.key_source import fetch, reader
from bridge.app.callers import open_identity, open_keys
from bridge.errors import PermanentError
from bridge.settings import Settings
from tests.api.fakes import ACME
from tests.api.tokens import AUDIENCE, ISSUER, jwk, key_set, private_key, token
from tests.support import PATIENCE_S
from tests.unit.delivery.certificates import Authority
from tests.unit.delivery.proxy import proxying


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Gives keys; `gate` holds a reading up."""

    def __init__(self, *kids: str) -> None:
        self.kids = kids
        self.reads = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> bytes:
        self.reads += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return key_set(*(jwk("EC", kid) for kid in self.kids))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Source:
    return Source("k1")


@pytest.fixture
async def keys(source: Source, clock: Clock) -> AsyncIterator[KeySet]:
    made = KeySet(source.read, refresh_s=3600, floor_s=30, clock=clock)
    assert await made.load()
    yield made
    await made.close()


async def test_an_unknown_key_has_the_keys_read_again(keys: KeySet, source: Source, clock: Clock) -> None:
    source.kids = ("k1", "k2")
    clock.now += 31
    assert await keys.find("k2", "ES256")
    assert source.reads == 2


async def test_forged_keys_cannot_have_them_read_more_often_than_the_floor(
    keys: KeySet, source: Source, clock: Clock
) -> None:
    for number in range(100):
        clock.now += 1
        assert await keys.find(f"forged-{number}", "ES256") is None
    assert source.reads == 1 + 3


async def test_all_who_need_an_unknown_key_wait_for_one_reading(keys: KeySet, source: Source, clock: Clock) -> None:
    source.kids, clock.now = ("k2",), clock.now + 31
    source.gate.clear()
    waiting = [asyncio.ensure_future(keys.find("k2", "ES256")) for _ in range(10)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(keys.find("k1", "ES256"), PATIENCE_S)  # who knows his key does not wait
    source.gate.set()
    assert all(await asyncio.gather(*waiting))
    assert source.reads == 2


async def test_keys_are_read_again_after_their_time_and_nobody_waits_for_that(
    keys: KeySet, source: Source, clock: Clock
) -> None:
    """So a key that the issuer has withdrawn stops to work."""
    source.kids = ("k2",)
    clock.now += 3600
    assert await keys.find("k1", "ES256")
    assert await keys.load()
    assert await keys.find("k1", "ES256") is None


@pytest.mark.parametrize("failure", [OSError("away"), ClientError("away"), TimeoutError(), InvalidKeySet("empty")])
async def test_while_the_issuer_is_away_the_keys_at_hand_stay(
    keys: KeySet, source: Source, clock: Clock, failure: Exception
) -> None:
    source.failure = failure
    clock.now += 7200
    for _ in range(3):
        assert await keys.find("k1", "ES256")
        await keys.load()
    assert source.reads == 2


async def test_without_any_keys_nobody_can_say(source: Source, clock: Clock) -> None:
    source.failure = OSError("away")
    keys = KeySet(source.read, refresh_s=3600, floor_s=30, clock=clock)
    assert not await keys.load()
    with pytest.raises(KeysUnavailable):
        await keys.find("k1", "ES256")
    source.failure, clock.now = None, clock.now + 30
    assert await keys.find("k1", "ES256")


async def test_a_token_that_names_no_key_is_for_the_only_one(source: Source) -> None:
    keys = KeySet(source.read, refresh_s=3600, floor_s=30)
    assert await keys.find(None, "ES256")
    source.kids = ("k1", "k2")
    keys = KeySet(source.read, refresh_s=3600, floor_s=30)
    assert await keys.find(None, "ES256") is None


# what is in a set


def kinds(*entries: Any) -> list[tuple[str | None, frozenset[str]]]:
    return [(key.kid, key.algorithms) for key in parse_key_set(key_set(jwk("OKP", "good"), *entries))[1:]]


def test_a_key_verifies_what_its_type_can_or_what_it_says() -> None:
    assert kinds(jwk("RSA", "a"), jwk("RSA", "b", alg="PS256"), jwk("EC", "c"), jwk("EC", None)) == [
        ("a", {"RS256", "PS256"}),
        ("b", {"PS256"}),
        ("c", {"ES256"}),
        (None, {"ES256"}),
    ]


def weak() -> dict[str, Any]:
    made = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the weakness is the point
    return {**json.loads(RSAAlgorithm.to_jwk(made.public_key())), "kid": "weak"}


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        jwk("RSA", "for encryption", use="enc"),
        jwk("RSA", "of another algorithm", alg="RS512"),
        jwk("EC", "broken", x="!!"),
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": ["EC"], "crv": {}},
        {"kty": "RSA", "alg": []},
        {"kty": "RSA"},
        json.loads(ECAlgorithm.to_jwk(private_key("EC"))),
        weak(),
        "text",
    ],
)
def test_what_we_cannot_use_is_left_out(entry: Any) -> None:
    assert kinds(entry) == []


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff", b"[" * 100_000])
def test_a_set_without_a_key_is_none(raw: bytes) -> None:
    with pytest.raises(InvalidKeySet):
        parse_key_set(raw)


# where it comes from


async def test_a_file_is_read_again_when_a_new_key_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(jwk("EC", "k1")))
    keys = KeySet(reader(str(path), production=True), refresh_s=3600, floor_s=1e-9)
    assert await keys.find("k1", "ES256")
    path.write_bytes(key_set(jwk("EC", "k2")))
    assert await keys.find("k2", "ES256")
    assert await keys.find("k1", "ES256") is None


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"{}", "expected a JSON object with a list of")]
)
def test_a_file_that_cannot_be_read_is_told_at_the_start(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PermanentError, match=f"identity.jwks: {path}: {reason}"):
        reader(str(path), production=False)


def test_a_development_key_is_refused_in_production(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(jwk("EC", "k1"), jwk("EC", "development-1")))
    assert reader(str(path), production=False)
    with pytest.raises(PermanentError, match="holds a development key"):
        reader(str(path), production=True)


Serve = Callable[[web.StreamResponse], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[TestServer] = []

    async def start(response: web.StreamResponse) -> str:
        async def answer(_: web.Request) -> web.StreamResponse:
            return response

        app = web.Application()
        app.router.add_get("/jwks", answer)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/jwks"))

    yield start
    for server in servers:
        await server.close()


async def test_keys_are_fetched(serve: Serve) -> None:
    assert await fetch(await serve(web.Response(body=b"x" * 100_000))) == b"x" * 100_000


async def test_keys_come_through_a_proxy_from_a_server_that_an_authority_of_ours_vouches_for(tmp_path: Path) -> None:
    async def publish(_: web.Request) -> web.Response:
        return web.Response(body=key_set(jwk("EC", "k1")))

    authority = Authority(tmp_path)
    app = web.Application()
    app.router.add_get("/jwks", publish)
    server = TestServer(app)
    await server.start_server(ssl=authority.server("issuer.test"))
    async with AsyncExitStack() as stack, proxying(server.port or 0) as proxy:
        stack.push_async_callback(server.close)
        place = {"jwks": "https://issuer.test/jwks", "issuer": ISSUER, "audience": AUDIENCE}
        way = {"jwks_proxy_url": proxy.url, "jwks_ca_file": authority.certificate}
        entity = RequestingEntity(name="acme", buyers=(ACME,))
        settings = Settings(identity={**place, **way})
        identity = open_identity(settings, [entity], await open_keys(settings, stack))
        assert (await identity.authenticate({"Authorization": f"Bearer {token()}"})).name == "acme"
        assert proxy.asked == ["issuer.test:443"]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "answered 302"),
        (web.Response(status=404), "answered 404"),
        (web.Response(body=b"x" * (MAX_BYTES + 1)), "more than 1048576 bytes"),
    ],
)
async def test_what_is_no_plain_answer_of_bounded_size_is_not_taken(
    serve: Serve, response: web.Response, reason: str
) -> None:
    with pytest.raises(InvalidKeySet, match=reason):
        await fetch(await serve(response))


async def test_keys_that_hang_while_they_are_read_keep_nobody_waiting_for_good(
    keys: KeySet, source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reading hangs, and no second one is begun beside it: each might take a thread for ever."""
    monkeypatch.setattr("bridge.api.identity.key_set.LONGEST_WAIT_S", 0.01)
    source.gate.clear()
    for _ in range(3):
        clock.now += 100
        assert await keys.find("k9", "ES256") is None
    assert source.reads == 2
