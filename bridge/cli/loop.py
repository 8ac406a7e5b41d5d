"""Runs a coroutine until it ends or the process is asked to stop (SIGINT, SIGTERM), which is a normal end."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress

import uvloop


def run(main: Coroutine[None, None, None]) -> None:
    """Run on uvloop. A stop signal cancels `main`, which then puts its things in order."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signal(main))


async def _until_signal(main: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(main)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        await task
    if task.cancelled() and not stopped:
        raise asyncio.CancelledError
