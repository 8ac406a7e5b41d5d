"""Loops that run as long as the process does.

What one round raises is logged, and the next round comes all the same: nobody would miss a loop that ended until
something was late. Only a cancellation ends one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final, NoReturn, TypeVar

import structlog

from bridge.errors import TransientError

LOOK_EVERY_S: Final = 30.0
"""How often to look though nothing woke the loop: what a replica that died had claimed becomes due in silence."""
SHORTEST_LOOK_S: Final = 0.2
"""What is due may be claimed by somebody else; looking for it without a pause would spin."""
TROUBLE_S: Final = 1.0
"""How soon to look again after a round that failed."""

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Bell:
    """Wakes one loop that rests. It can be rung at any time, also while the loop is at work."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the loop now, or have its next rest end at once."""
        self._rung.set()

    async def rest(self, seconds: float | None = None) -> None:
        """Return after so many seconds (None: never), or once the bell rings, or has rung since the last rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()


async def every(seconds: float, step: Callable[[], Awaitable[object]], name: str) -> NoReturn:
    """Take a step, rest so many seconds, and again; `name` begins what the log says of a step that failed."""
    while True:
        await _survived(step, name, seconds)
        await asyncio.sleep(seconds)


async def when_due(step: Callable[[], Awaitable[float]], bell: Bell, name: str) -> NoReturn:
    """Take a step, rest for as long as it says or until the bell rings, and again."""
    while True:
        due_in = await _survived(step, name, TROUBLE_S)
        await bell.rest(TROUBLE_S if due_in is None else due_in)


async def until_done(step: Callable[[], Awaitable[Result]], waits: Iterable[float], name: str) -> Result:
    """Take a step once; what may pass is waited out, `waits` seconds after each failure. Raises what will not pass."""
    for wait in waits:
        try:
            return await step()
        except TransientError as trouble:
            log.warning(f"{name}.waiting", trouble=str(trouble), retry_in_seconds=wait)
            await asyncio.sleep(wait)
    raise AssertionError("the waits of a back-off never end")


def seconds_until(due: datetime | None, now: datetime, *, at_most: float = LOOK_EVERY_S) -> float:
    """Return how long to rest where something is due at that moment, or (None) nothing is."""
    return at_most if due is None else min(max((due - now).total_seconds(), SHORTEST_LOOK_S), at_most)


def is_cancelled() -> bool:
    """Tell whether somebody has cancelled the running task; else what it waited for was cancelled, by a library."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _survived(step: Callable[[], Awaitable[Result]], name: str, again_in: float) -> Result | None:
    try:
        return await step()
    except TransientError as trouble:
        log.warning(f"{name}.waiting", trouble=str(trouble), retry_in_seconds=again_in)
    except Exception:  # outermost: whatever one round does, the next one must come
        log.exception(f"{name}.crashed", retry_in_seconds=again_in)
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        log.exception(f"{name}.crashed", retry_in_seconds=again_in)
    return None
