"""Activated drafts on both databases: the latest of each pack counts, until it is taken back or has ended."""

from dataclasses import replace
from datetime import timedelta

from bridge.flows.operator import Activation
from bridge.store import SqlStore
from tests.integration.store.values import NOW

ONE = Activation(
    id="a-1",
    pack="acme-wfm",
    base="1.0+aaaaaaaa",
    text="pack: acme-wfm\n# \u241b \x00 \U0001f527\n",
    version="1.0+bbbbbbbb",
    who="ada",
    note="LEFT is new",
    at=NOW,
)
NEXT = replace(ONE, id="a-2", text="pack: acme-wfm\n", version="1.0+cccccccc", who="bob", at=NOW + timedelta(seconds=1))
OTHER = replace(ONE, id="a-3", pack="zeta-wfm")


async def test_nothing_is_activated_at_first(store: SqlStore) -> None:
    assert await store.activations.ids() == frozenset()
    assert await store.activations.current() == []
    assert await store.activations.latest("acme-wfm") is None


async def test_one_is_kept_as_it_was_activated(store: SqlStore) -> None:
    assert await store.activations.activate(OTHER, None)
    assert await store.activations.activate(ONE, None)
    assert await store.activations.ids() == {"a-1", "a-3"}
    assert await store.activations.current() == [ONE, OTHER]
    assert await store.activations.latest("acme-wfm") == ONE


async def test_only_who_knows_the_one_before_may_activate_another(store: SqlStore) -> None:
    await store.activations.activate(ONE, None)
    assert not await store.activations.activate(NEXT, None)
    assert not await store.activations.activate(NEXT, "a-0")
    assert await store.activations.current() == [ONE]
    assert await store.activations.activate(NEXT, "a-1")
    assert await store.activations.current() == [NEXT]


async def test_one_that_was_taken_back_is_gone(store: SqlStore) -> None:
    await store.activations.activate(ONE, None)
    assert await store.activations.remove("a-1")
    assert not await store.activations.remove("a-1")
    assert await store.activations.latest("acme-wfm") is None
    assert await store.activations.activate(NEXT, "a-1")


async def test_one_that_has_ended_counts_no_more_and_is_shown_until_another_comes(store: SqlStore) -> None:
    await store.activations.activate(ONE, None)
    ended = NOW + timedelta(hours=1)
    assert await store.activations.end("a-1", ended)
    assert not await store.activations.end("a-1", ended + timedelta(hours=1))
    assert (await store.activations.ids(), await store.activations.current()) == (frozenset(), [])
    assert await store.activations.latest("acme-wfm") == replace(ONE, ended_at=ended)
    assert await store.activations.activate(NEXT, None)
    assert await store.activations.latest("acme-wfm") == NEXT
