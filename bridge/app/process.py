"""What every part of the process shares: its clock, its identifiers, and the loops that run beside it.

The clock is the database's, where it has one. Deadlines, leases and what is due are kept there, and all processes of a
bridge compare them with their clocks: one whose machine is minutes ahead would give up commands for which another one
waits. So each asks the database for its time now and then, and goes by that where this machine's is another one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from bridge.flows.ports.clock import Clock

Start = Callable[[Coroutine[None, None, None], str], None]


APART: Final = timedelta(seconds=1)
"""By so much clocks may differ: two that are set by NTP are nearer than that, and the answer takes a while itself."""


def _of_this_machine() -> datetime:
    return datetime.now(UTC)


class ProcessClock:
    """Gives this machine's time, put right by the database's."""

    def __init__(self, local: Clock = _of_this_machine) -> None:
        self._local = local
        self._behind = timedelta()

    def __call__(self) -> datetime:
        """Give the moment."""
        return self._local() + self._behind

    async def compare(self, ask: Callable[[], Awaitable[datetime | None]]) -> timedelta | None:
        """Ask the database for its time, None if it has none of its own; go by that if ours is another one.

        Tells by how much this machine's clock is behind, if that is news. An answer that took long tells nothing.
        """
        asked_at = self._local()
        theirs = await ask()
        doubt = (self._local() - asked_at) / 2
        if theirs is None or abs(doubt) > APART / 2:
            return None
        behind = theirs - asked_at - doubt
        if abs(behind - self._behind) <= APART:
            return None
        self._behind = behind if abs(behind) > APART else timedelta()
        return self._behind


now: Final = ProcessClock()
"""The clock of the process."""


def new_id() -> str:
    """The identifiers of the process."""
    return str(uuid4())


@asynccontextmanager
async def background() -> AsyncIterator[Start]:
    """Run loops beside the caller. One that ends by an error ends the bridge; a supervisor starts it anew.

    What the caller or a loop raises comes out as it is, not in an `ExceptionGroup`, so that it can be told in one line.
    """
    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:

            def start(loop: Coroutine[None, None, None], name: str) -> None:
                tasks.append(group.create_task(loop, name=name))

            yield start
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
