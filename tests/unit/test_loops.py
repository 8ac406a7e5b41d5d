"""Loops go on whatever a round does, and rest until they are woken or something is due."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from bridge.errors import PermanentError, StoreUnavailable
from bridge.loops import LOOK_EVERY_S, SHORTEST_LOOK_S, Bell, every, seconds_until, until_done, when_due
from tests.support import PATIENCE_S, eventually

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
LONG = 3600.0


class Steps:
    """Does one thing a round: raises an error, or gives a number of seconds; then nothing for long."""

    def __init__(self, *things: Exception | float) -> None:
        self.things: Iterator[Exception | float] = iter(things)
        self.left = len(things)
        self.done = asyncio.Event()

    async def step(self) -> float:
        thing = next(self.things, LONG)
        self.left -= 1
        if self.left <= 0:
            self.done.set()
        if isinstance(thing, Exception):
            raise thing
        return thing


async def told(loop: asyncio.Task[NoReturn], steps: Steps) -> Sequence[tuple[str, str]]:
    """Let it take all of its steps; return what it logged, and end it."""
    with capture_logs() as logs:
        await asyncio.wait_for(steps.done.wait(), PATIENCE_S)
        await asyncio.sleep(0)
    assert not loop.done()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    return [(entry["event"], entry["log_level"]) for entry in logs]


async def test_no_error_of_a_step_ends_what_comes_again_and_again() -> None:
    steps = Steps(StoreUnavailable(), ZeroDivisionError(), LONG)
    loop = asyncio.create_task(every(0.001, steps.step, "sweep"))
    assert await told(loop, steps) == [("sweep.waiting", "warning"), ("sweep.crashed", "error")]


async def test_no_error_of_a_step_ends_what_comes_when_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.loops.TROUBLE_S", 0.001)
    steps = Steps(StoreUnavailable(), ZeroDivisionError(), LONG)
    loop = asyncio.create_task(when_due(steps.step, Bell(), "outbox"))
    assert await told(loop, steps) == [("outbox.waiting", "warning"), ("outbox.crashed", "error")]


async def test_the_next_step_comes_when_the_last_one_said() -> None:
    steps = Steps(0.001, 0.0, LONG)
    loop = asyncio.create_task(when_due(steps.step, Bell(), "outbox"))
    assert await told(loop, steps) == []


async def test_the_bell_ends_a_rest_at_once() -> None:
    bell, steps = Bell(), Steps(LONG, LONG)
    loop = asyncio.create_task(when_due(steps.step, bell, "outbox"))
    await eventually(lambda: steps.left == 1)
    assert not steps.done.is_set()
    bell.ring()
    assert await told(loop, steps) == []


async def test_a_bell_that_rang_during_the_work_ends_the_next_rest_and_no_other() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    await asyncio.wait_for(bell.rest(), PATIENCE_S)
    resting = asyncio.create_task(bell.rest())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not resting.done()
    resting.cancel()


async def test_what_may_pass_is_waited_out_and_what_will_not_is_raised() -> None:
    steps = Steps(StoreUnavailable("a"), StoreUnavailable("b"), 7.0, PermanentError("c"))
    with capture_logs() as logs:
        assert await until_done(steps.step, repeat(0.001), "database") == 7.0
        with pytest.raises(PermanentError, match="c"):
            await until_done(steps.step, repeat(0.001), "database")
    assert [(entry["event"], entry["trouble"]) for entry in logs] == [
        ("database.waiting", "a"),
        ("database.waiting", "b"),
    ]


@pytest.mark.parametrize(
    ("due_in", "rest"),
    [(None, LOOK_EVERY_S), (5.0, 5.0), (0.0, SHORTEST_LOOK_S), (-9.0, SHORTEST_LOOK_S), (LONG, LOOK_EVERY_S)],
)
def test_a_rest_ends_when_something_is_due_but_is_neither_very_short_nor_very_long(
    due_in: float | None, rest: float
) -> None:
    due = None if due_in is None else NOW + timedelta(seconds=due_in)
    assert seconds_until(due, NOW) == rest
