"""What every part of the process shares: its clock, its identifiers, and the loops that run beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

Start = Callable[[Coroutine[None, None, None], str], None]


def now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


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
