"""An event loop whose time is turned on whenever all wait: an hour takes as long as what happens in it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Turning(selectors.DefaultSelector):
    """Waits for nobody, and remembers for how long it would have."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("all wait, and nothing is due any more")
        self.now += max(0.0, timeout)
        return super().select(0)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it in a time of its own, which begins at 0 s. Nothing in it may wait for a socket or another thread."""
    turning = _Turning()
    loop = asyncio.SelectorEventLoop(turning)
    loop.time = lambda: turning.now  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


async def passes(seconds: float) -> None:
    """Wait until so much of that time has gone by."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over
