"""Group commit: items that wait together share one transaction, in the order they came.

One by one, a database commits some thousand small transactions a second; in batches several times that. Whoever
submitted an item is told only after its batch is safe. Nothing is dropped: transient trouble is waited out, and an item
that breaks a batch is found by committing one at a time and handed to `park`; if even that fails, it is tried again for
as long as it takes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import structlog

from bridge.errors import TransientError

log = structlog.get_logger(__name__)

Item = TypeVar("Item")

MAX_ITEMS = 200
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class GroupCommit(Generic[Item]):
    """Collects items and commits them in batches of at most `max_items`."""

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[None]],
        park: Callable[[Item, Exception], Awaitable[None]],
        max_items: int = MAX_ITEMS,
    ) -> None:
        self._commit = commit
        self._park = park
        self._max_items = max_items
        self._waiting: deque[tuple[Item, asyncio.Future[None]]] = deque()
        self._filled = asyncio.Event()

    def submit(self, item: Item) -> asyncio.Future[None]:
        """Queue an item at once; the future is done when it is committed. Calls keep their order."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._filled.set()
        return done

    async def run(self) -> None:
        """Commit batches until cancelled."""
        while True:
            await self._filled.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_items))]
            if not self._waiting:
                self._filled.clear()
            await self._commit_batch([item for item, _ in batch])
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def _commit_batch(self, items: Sequence[Item]) -> None:
        try:
            await self._patiently(partial(self._commit, items))
        except Exception as error:  # outermost: whatever an item does, the others must pass
            if len(items) > 1:
                for item in items:
                    await self._commit_batch([item])
                return
            log.exception("message.crashed")
            await self._patiently(partial(self._park, items[0], error), Exception)

    async def _patiently(
        self, action: Callable[[], Awaitable[None]], trouble: type[Exception] = TransientError
    ) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await action()
            except trouble as error:
                log.warning("commit.waiting", trouble=f"{type(error).__name__}: {error}", retry_in_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
