"""Items that come at the same time share one transaction, in the order they came.

A commit costs as much for one item as for a hundred. One by one, a database commits some thousand small transactions a
second; in batches several times that. While one batch is being committed the next one collects.

What happens on failure is a choice between two:

- Somebody waits who can be told (a Buyer's request, a settlement): the caller is told. When the database is away, all
  of the batch are told so.
- Nobody can be told (a message of the WFM, which must neither be lost nor hold the queue): with a way to park,
  transient trouble is waited out, and what fails alone is parked; if even that fails, it is tried for as long as it
  takes.

In both, an item that breaks a batch is found by committing one at a time, and harms no other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import structlog

from bridge.backoff import Backoff
from bridge.errors import TransientError

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_ITEMS = 200
PATIENCE = Backoff(first=0.1, longest=5.0)


class Batcher(Generic[Item, Result]):
    """Collects items and commits them in batches of at most `max_items`.

    `commit` is one transaction and gives a result for each item. `park` keeps an item that the commit failed on, and
    why, and gives its result in the commit's place; without it the caller is told.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        park: Callable[[Item, Exception], Awaitable[Result]] | None = None,
        *,
        max_items: int = MAX_ITEMS,
    ) -> None:
        self._commit = commit
        self._park = park
        self._max_items = max_items
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._committing: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Queue an item at once; the future gives its result when it is safe, or raises what failed.

        It is committed even if nobody waits for the future any more.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all(), name="batcher")
        return done

    async def finish(self) -> None:
        """Return once nothing waits any more."""
        if self._committing is not None:
            await asyncio.wait([self._committing])

    async def stop(self) -> None:
        """End at once: what is not committed stays so, and whoever waits for it is told nothing."""
        self._waiting.clear()
        if self._committing is not None:
            self._committing.cancel()
            await asyncio.wait([self._committing])
            self._committing = None  # also where it was cancelled before its first step

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await self._settle([self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_items))])
        finally:
            self._committing = None

    async def _settle(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._safe([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever an item does, the others must pass
            if len(batch) > 1 and not isinstance(error, TransientError):
                for alone in batch:
                    await self._settle([alone])
                return
            for _, done in batch:
                if not done.done():  # nobody waits any more
                    done.set_exception(error)
        else:
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)

    async def _safe(self, items: Sequence[Item]) -> Sequence[Result]:
        """Return the results once the items are committed or, one that fails alone, parked."""
        if self._park is None:
            return await self._commit(items)
        try:
            return await _patiently(partial(self._commit, items), TransientError)
        except Exception as error:
            if len(items) > 1:
                raise
            log.exception("message.crashed")
            return [await _patiently(partial(self._park, items[0], error), Exception)]


async def _patiently(action: Callable[[], Awaitable[Result]], trouble: type[Exception]) -> Result:
    for wait in PATIENCE.waits():
        try:
            return await action()
        except trouble as error:
            log.warning("commit.waiting", trouble=f"{type(error).__name__}: {error}", retry_in_seconds=wait)
            await asyncio.sleep(wait)
    raise AssertionError  # waits never end
