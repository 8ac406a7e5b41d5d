"""Streams of server-sent events about a job that goes on: for a page, and for a program.

A stream ends by itself after a while, so that its reader asks anew and shows that he may still look; and as soon as he
is gone, or the bridge ends.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from aiohttp import web

from bridge.console.services import Services
from bridge.domain.model import JobRef
from bridge.errors import StoreUnavailable
from bridge.flows.following import LOOK_S
from bridge.flows.ports.job_trace import JobTrace

STREAM: Final = "text/event-stream"
LONGEST_S: Final = 3600.0
"""So long a stream lasts before its reader has to ask anew."""
TELL_EVERY_S: Final = 5.0
"""So often what waits for a moment is told anew though nothing has happened, or else that we are still there."""
_NEW_LINE: Final = re.compile(r"\r\n|\r|\n")
FULL: Final = "As many follow stories as this process takes. Reload to see what is new."


class Event(NamedTuple):
    """A server-sent event."""

    name: str
    data: str
    id: str = ""

    def written(self) -> bytes:
        """Write it as the stream has it."""
        lines = "".join(f"data: {line}\n" for line in _NEW_LINE.split(self.data))
        named = f"id: {self.id}\n" if self.id else ""
        return f"event: {self.name}\n{named}{lines}\n".encode(errors="replace")


async def follow(
    services: Services, request: web.Request, job: JobRef, tell: Callable[[JobTrace], Iterable[Event]]
) -> web.StreamResponse:
    """Stream what `tell` makes of a job: at once, whenever something has changed, and every `TELL_EVERY_S`.

    Raises `HTTPServiceUnavailable` where too many follow, and `StoreUnavailable` before the stream has begun.
    """
    if services.following.is_full:
        raise web.HTTPServiceUnavailable(text=FULL)
    loop = asyncio.get_running_loop()
    with services.following.of(job) as followed:
        trace = await followed.look()
        response = web.StreamResponse(headers={"Content-Type": STREAM})
        await response.prepare(request)
        told, said_at, ends = None, 0.0, loop.time() + LONGEST_S
        with suppress(ConnectionError):  # the reader has gone
            while loop.time() < ends:
                if trace is not told or loop.time() - said_at >= TELL_EVERY_S:
                    events = [event.written() for event in tell(trace)]
                    await response.write(b"".join(events) or b":\n\n")
                    told, said_at = trace, loop.time()
                if await ended(services.closing, LOOK_S) or request.transport is None:
                    break
                with suppress(StoreUnavailable):  # it comes back, and is asked again
                    trace = await followed.look()
    return response


async def ended(closing: asyncio.Event, rest_s: float) -> bool:
    """Rest until the next look; tell whether the bridge ends meanwhile."""
    try:
        async with asyncio.timeout(rest_s):
            return await closing.wait()
    except TimeoutError:
        return False
