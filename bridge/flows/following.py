"""Jobs that somebody follows while they go on: the store is asked once a second for each, however many follow it.

It is asked for a mark only, which changes with all that a story tells; what changed is read once, for all of them.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from bridge.domain.model import JobRef
from bridge.flows.ports.job_trace import JobTrace

LOOK_S: Final = 1.0
"""Seconds between two looks at a job."""
MOST_FOLLOWERS: Final = 50
"""So many may follow jobs in one process; each holds a connection, and asks the store as often as `LOOK_S` says."""


class Marked(Protocol):
    """The part of the store that is asked. A mark is another one as soon as anything that `read` gives is."""

    async def mark(self, job: JobRef) -> str: ...
    async def read(self, job: JobRef) -> JobTrace: ...


class Followed:
    """A job that is followed."""

    def __init__(self, traces: Marked, job: JobRef) -> None:
        self._traces = traces
        self._job = job
        self._lock = asyncio.Lock()
        self._mark: str | None = None
        self._trace: JobTrace | None = None
        self._looked_at = 0.0
        self.followers = 0

    async def look(self) -> JobTrace:
        """Give what is on record, as it was a look ago at most; the same object while nothing changes.

        Raises `StoreUnavailable`.
        """
        async with self._lock:
            if self._trace is None or time.monotonic() - self._looked_at >= LOOK_S:
                self._trace = await self._read(self._trace)
                self._looked_at = time.monotonic()
            return self._trace

    async def _read(self, known: JobTrace | None) -> JobTrace:
        """Ask for the mark first: what changes while we read has another one, and is read at the next look."""
        mark = await self._traces.mark(self._job)
        if known is not None and mark == self._mark:
            return known
        trace = await self._traces.read(self._job)
        self._mark = mark
        return trace


class Following:
    """All jobs that are followed in this process."""

    def __init__(self, traces: Marked, most: int = MOST_FOLLOWERS) -> None:
        self._traces = traces
        self._most = most
        self._jobs: dict[JobRef, Followed] = {}

    @property
    def is_full(self) -> bool:
        """Tell whether nobody more may follow."""
        return sum(each.followers for each in self._jobs.values()) >= self._most

    @contextmanager
    def of(self, job: JobRef) -> Iterator[Followed]:
        """Follow a job for as long as the block lasts."""
        followed = self._jobs.setdefault(job, Followed(self._traces, job))
        followed.followers += 1
        try:
            yield followed
        finally:
            followed.followers -= 1
            if not followed.followers:
                del self._jobs[job]
