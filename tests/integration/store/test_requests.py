"""Requests with an Idempotency-Key, on both databases."""

import asyncio
from dataclasses import replace
from typing import Any

from bridge.flows.ports.keyed_request import KeyedRequest, RequestKey, StoredAnswer
from bridge.store import SqlStore
from tests.integration.store.conftest import OpenStore
from tests.integration.store.values import at, fresh, settled_soon

KEY = RequestKey("acme", "POST /appointment", "8e03978e")


def request(**changes: Any) -> KeyedRequest:
    plain = KeyedRequest(
        key=KEY,
        fingerprint="f" * 64,
        effect=fresh("effect"),
        instance="bridge-1",
        claim=fresh("claim"),
        claimed_until=at(seconds=30),
        expires_at=at(hours=24),
    )
    return replace(plain, **changes)


async def lock(store: SqlStore, first: KeyedRequest) -> KeyedRequest:
    async with store.transaction() as tx:
        return await tx.lock_request(first)


async def test_the_first_request_with_a_key_is_stored_and_later_ones_find_it(store: SqlStore) -> None:
    first = request()
    assert await lock(store, first) == first
    assert await lock(store, request()) == first
    other = request(key=KEY._replace(requester="other"))
    assert await lock(store, other) == other


async def test_an_answer_comes_back_as_it_was_saved(store: SqlStore) -> None:
    first = await lock(store, request())
    body = bytes(range(256))
    done = replace(first, claim=None, answer=StoredAnswer(201, {"Location": "https://x/\u017b"}, body))
    async with store.transaction() as tx:
        await tx.save_request(done)
    assert await lock(store, request()) == done


async def test_a_forgotten_key_is_new_again(store: SqlStore) -> None:
    await lock(store, request())
    async with store.transaction() as tx:
        await tx.forget_request(KEY)
    again = request()
    assert await lock(store, again) == again


async def test_expired_requests_are_forgotten(store: SqlStore) -> None:
    old, young = request(expires_at=at(hours=1)), request(key=KEY._replace(key="young"), expires_at=at(hours=2))
    await lock(store, old)
    await lock(store, young)
    assert await store.requests.forget_until(at(hours=1)) == 1
    assert await lock(store, request(key=young.key)) == young


async def test_of_processes_that_use_a_key_at_once_one_is_first(open_: OpenStore) -> None:
    stores = [await open_() for _ in range(4)]
    found = await asyncio.gather(*(lock(store, request()) for store in stores))
    assert len({each.claim for each in found}) == 1


async def test_who_comes_later_waits_and_finds_what_the_first_has_saved(open_: OpenStore) -> None:
    """Or two processes would both take up a request that nobody works on."""
    one, other = await open_(), await open_()
    first = await lock(one, request(claim=None))
    async with one.transaction() as tx:
        await tx.lock_request(request())
        later = asyncio.ensure_future(lock(other, request()))
        assert not await settled_soon(later)
        await tx.save_request(replace(first, claim="taken"))
    assert (await later).claim == "taken"


async def test_a_request_rolled_back_was_never_there(store: SqlStore) -> None:
    try:
        async with store.transaction() as tx:
            await tx.lock_request(request())
            raise ConnectionResetError
    except ConnectionResetError:
        pass
    again = request()
    assert await lock(store, again) == again
