"""Changes asked for at the same time share one transaction: a commit costs as much for one as for a hundred."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from bridge.errors import StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_ITEMS = 200


class Together(Generic[Item, Result]):
    """Collects items while a commit runs, and commits them together after it, in the order they came.

    `commit` is one transaction, and gives a result for each item. Whoever gave an item is told when it is safe, or why
    it is not: when the database is away all are told so, while any other failure is only that of the item which fails
    alone, too.
    """

    def __init__(
        self, commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], max_items: int = MAX_ITEMS
    ) -> None:
        self._commit = commit
        self._max_items = max_items
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._committing: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Return the result once the item is committed. It will be, even if the caller is cancelled."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await done

    async def finish(self) -> None:
        """Return once nothing waits any more."""
        if self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_items))]
                await self._commit_batch(batch)
        finally:
            self._committing = None

    async def _commit_batch(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._commit([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
            if len(batch) > 1 and not isinstance(error, StoreUnavailable):
                for alone in batch:
                    await self._commit_batch([alone])
                return
            for _, done in batch:
                if not done.done():  # nobody waits any more
                    done.set_exception(error)
        else:
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)
