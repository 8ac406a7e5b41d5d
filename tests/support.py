"""What every kind of test may use: waiting for a condition, with a deadline and never by sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]], deadline_s: float = 10.0, *, every_s: float = 0.02
) -> Any:
    """Wait until `condition()` (plain or async) is truthy and return what it gave.

    An AssertionError inside the condition means "not yet"; at the deadline the last one is raised, or else an
    AssertionError that shows the condition's last value.
    """
    ends = time.monotonic() + deadline_s
    while True:
        value, failure = await _attempt(condition)
        if failure is None and value:
            return value
        if time.monotonic() >= ends:
            raise failure or AssertionError(f"not within {deadline_s} s; last value: {value!r}")
        await asyncio.sleep(every_s)


async def _attempt(condition: Callable[[], Any]) -> tuple[Any, AssertionError | None]:
    try:
        value = condition()
        return (await value if inspect.isawaitable(value) else value), None
    except AssertionError as failure:
        return None, failure
