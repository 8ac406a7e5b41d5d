"""What every kind of test may use: waiting for a condition, with a deadline and never by sleeping and hoping.

This is the one place for deadlines. They are no stopwatch: nothing is said of how fast anything must be, and a machine
that is busy with other things must not decide what a test finds.
"""

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

PATIENCE_S: Final = float(os.environ.get("MEF_BRIDGE_PATIENCE_S", "300"))
"""How long to wait for what must happen: so long that only a real fault ever makes a test wait to the end.

pytest's own time-out (pyproject.toml) is longer still, so that the test itself can say what it waited for.
"""

NEVER_S: Final = 3600.0
"""A time-out of the bridge that is not to decide a test: longer than any run."""


async def eventually(condition: Callable[[], Any] | Callable[[], Awaitable[Any]], *, every_s: float = 0.02) -> Any:
    """Wait until `condition()` (plain or async) is truthy and return what it gave.

    An AssertionError inside the condition means "not yet"; at the deadline the last one is raised, or else an
    AssertionError that shows the condition's last value.
    """
    ends = time.monotonic() + PATIENCE_S
    while True:
        value, failure = await _attempt(condition)
        if failure is None and value:
            return value
        if time.monotonic() >= ends:
            raise failure or AssertionError(f"not within {PATIENCE_S} s; last value: {value!r}")
        await asyncio.sleep(every_s)


async def _attempt(condition: Callable[[], Any]) -> tuple[Any, AssertionError | None]:
    try:
        value = condition()
        return (await value if inspect.isawaitable(value) else value), None
    except AssertionError as failure:
        return None, failure
