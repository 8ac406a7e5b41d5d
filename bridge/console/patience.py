"""How long a page waits for a database that says nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bridge.errors import StoreUnavailable

Result = TypeVar("Result")


class Patience:
    """Waits so many seconds for an answer.

    What is not answered by then goes on, since to break it off would cost its connection; but until it is, nothing else
    is asked, so that a database that hangs holds up no more than one connection, and each page but one not at all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._hanging: asyncio.Task[Any] | None = None

    async def answer(self, ask: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Ask, and give the answer; raises `StoreUnavailable`, and what `ask` does."""
        if self._hanging is not None and not self._hanging.done():
            raise StoreUnavailable
        asked = asyncio.create_task(ask(), name="patience")
        asked.add_done_callback(_look_at)
        await asyncio.wait({asked}, timeout=self._seconds)
        if not asked.done():
            self._hanging = asked
            raise StoreUnavailable
        return asked.result()


def _look_at(asked: "asyncio.Task[Any]") -> None:
    """See what became of it: maybe nobody waits any more."""
    if not asked.cancelled():
        asked.exception()
