"""A survey serves for a time in proportion to the list's length, and nobody waits who goes on asking."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bridge.store.surveys import ROWS_A_SECOND, STEP, Key, Survey, Surveys

KEYS = [Key(datetime(2026, 1, 1, tzinfo=UTC), f"wo-{number}") for number in (1, 2, 3)]


class World:
    """A clock that is set, and a list whose surveys are counted. `gate` holds them up."""

    def __init__(self) -> None:
        self.now = 0.0
        self.total = 2 * ROWS_A_SECOND
        self.taken = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.surveys = Surveys(lambda: self.now, most_keys=2 * (1 + len(KEYS)))

    async def take(self) -> tuple[int, Sequence[Key]]:
        self.taken += 1
        await self.gate.wait()
        if self.fails:
            raise ConnectionError
        return self.total, KEYS


async def test_it_serves_a_second_for_so_many_rows() -> None:
    world = World()
    assert world.surveys.known("list", world.take) is None
    survey = await world.surveys.taken("list", world.take)
    assert world.surveys.known("other", world.take) is None
    world.now = 1.0
    assert world.surveys.known("list", world.take) is survey
    assert world.taken == 1
    world.now = 2.1
    assert world.surveys.known("list", world.take) is None


async def test_the_next_one_is_taken_before_it_is_too_old() -> None:
    world = World()
    first = await world.surveys.taken("list", world.take)
    world.now, world.total = 1.5, 7
    assert world.surveys.known("list", world.take) is first
    assert (await world.surveys.taken("list", world.take)).total == 7  # joins the one under way
    assert world.taken == 2


async def test_who_asks_for_the_same_shares_one_and_may_leave() -> None:
    world = World()
    world.gate.clear()
    leaves, stays = (asyncio.create_task(world.surveys.taken("list", world.take)) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    world.gate.set()
    assert (await stays).keys == KEYS
    assert world.taken == 1


async def test_one_that_fails_is_told_and_not_kept() -> None:
    world = World()
    world.fails = True
    with pytest.raises(ConnectionError):
        await world.surveys.taken("list", world.take)
    world.fails = False
    assert (await world.surveys.taken("list", world.take)).total == world.total


async def test_one_that_is_under_way_at_the_end_is_given_up() -> None:
    world = World()
    world.gate.clear()
    waiting = asyncio.create_task(world.surveys.taken("list", world.take))
    await asyncio.sleep(0)
    await world.surveys.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_those_unused_for_longest_are_forgotten() -> None:
    world = World()
    for number in range(3):
        await world.surveys.taken(number, world.take)
    assert world.surveys.known(0, world.take) is None
    assert world.surveys.known(1, world.take) is not None


async def test_one_that_is_too_long_is_kept_alone() -> None:
    world = World()
    world.surveys = Surveys(lambda: world.now, most_keys=1)
    survey = await world.surveys.taken("long", world.take)
    assert world.surveys.known("long", world.take) is survey


@pytest.mark.parametrize(
    ("offset", "key", "skipped"),
    [
        (0, None, 0),
        (STEP - 1, None, STEP - 1),
        (STEP, KEYS[0], 0),
        (2 * STEP + 3, KEYS[1], 3),
        (3 * STEP + 9, KEYS[2], 9),
        (9 * STEP, KEYS[2], 6 * STEP),
    ],
)
def test_a_page_is_found_from_the_key_before_it(offset: int, key: Key | None, skipped: int) -> None:
    assert Survey(3 * STEP + 10, KEYS, 0.0).before(offset) == (key, skipped)
