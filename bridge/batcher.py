"""Items that come at the same time share one transaction, in the order they came.

A commit costs as much for one item as for a hundred. One by one, a database commits some thousand small transactions a
second; in batches several times that. While one batch is being committed the next one collects.

An item that breaks a batch is found by committing one at a time, and harms no other. Whoever gave it is told; when the
database is away, all of the batch are told so.

Where nobody can be told (messages of the WFM, which must neither be lost nor hold the queue), the commit is a patient
one: it does not fail, it waits or parks. Trouble of the database is waited out, however long it takes. What is nobody's
fault for certain is tried again, and is the item's own fault once it has failed several times while the database took
other changes. An item that fails alone is parked. If the database takes others and not even that, the item is given up
(`NotKept`) and goes where RabbitMQ keeps what cannot be delivered: nothing is dropped, and nothing holds what is behind
it for another reason than its own.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, NamedTuple, TypeVar

from bridge.backoff import Backoff
from bridge.errors import ConflictError, NotKept, StoreBusy, StoreDefect, TransientError, concerns_all

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_ITEMS = 200

RETRIES: Final = Backoff(first=0.1, longest=5.0)
TRIES: Final = 5
"""How often something fails, while the database takes other changes, before it is at fault itself."""


class _Waiting(NamedTuple, Generic[Item, Result]):
    """An item, who is to be told of it, and since when it waits, by the clock of the loop."""

    item: Item
    done: asyncio.Future[Result]
    since: float


class Batcher(Generic[Item, Result]):
    """Collects items and commits them in batches of at most `max_items`.

    `commit` is one transaction and gives a result for each item. Where nobody is kept waiting, it may gather items for
    `gather_s` seconds first.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        max_items: int = MAX_ITEMS,
        gather_s: float = 0.0,
    ) -> None:
        self._commit = commit
        self._max_items = max_items
        self._gather_s = gather_s
        self._hurry = asyncio.Event()
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._oldest: float | None = None
        self._committing: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Queue an item at once; the future gives its result when it is safe, or raises what failed.

        It is committed even if nobody waits for the future any more.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Waiting(item, done, loop.time()))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all(), name="batcher")
        return done

    def oldest_s(self) -> float:
        """Tell for how many seconds the oldest item waits to be safe; 0 if none does."""
        first = self._waiting[0].since if self._waiting else None
        since = self._oldest if self._oldest is not None else first
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    async def finish(self) -> None:
        """Return once nothing waits any more."""
        self._hurry.set()
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
                if self._gather_s:
                    await self._gather()
                self._oldest = self._waiting[0].since
                await self._settle([self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_items))])
                self._oldest = None
        finally:
            self._committing = self._oldest = None

    async def _gather(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._gather_s):
                await self._hurry.wait()

    async def _settle(self, batch: Sequence["_Waiting[Item, Result]"]) -> None:
        try:
            results = await self._commit([waiting.item for waiting in batch])
        except Exception as error:  # noqa: BLE001 - whatever an item does, the others must pass
            if len(batch) > 1 and not concerns_all(error):
                for alone in batch:
                    self._oldest = alone.since
                    await self._settle([alone])
                return
            for waiting in batch:
                if not waiting.done.done():  # nobody waits any more
                    waiting.done.set_exception(error)
        else:
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.done.done():
                    waiting.done.set_result(result)


class Patient(Generic[Item, Result]):
    """A commit for a `Batcher`. `park` keeps an item and why it failed, and gives its result in the commit's place.

    `is_well` tells whether the database takes such a change at this moment. `given_up` counts the items that were.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        park: Callable[[Item, Exception], Awaitable[Result]],
        is_well: Callable[[], Awaitable[bool]],
    ) -> None:
        self._commit = commit
        self._park = park
        self._is_well = is_well
        self.given_up = 0

    async def __call__(self, items: Sequence[Item]) -> Sequence[Result]:
        """Return the results once the items are committed or, one that fails alone, parked.

        Raises what breaks a batch: the batcher then comes again with its items one by one. Raises `NotKept` for one
        that cannot even be parked.
        """
        tries = failures = conflicts = 0
        while True:
            try:
                return await self._commit(items)
            except Exception as error:  # noqa: BLE001 - outermost: whatever an item does, the others must pass
                fault: Exception = error
                if isinstance(error, ConflictError) and conflicts < TRIES:  # another process was first: look again
                    conflicts += 1
                    await _rest(error, conflicts)
                    continue
                if isinstance(error, TransientError):
                    tries, failures = tries + 1, await self._at_fault(error, failures)
                    if failures < TRIES:
                        await _rest(error, tries)
                        continue
                    fault = StoreDefect(f"{error}; the database takes other changes")
                if len(items) > 1:
                    raise fault from error.__cause__
                _log().error("message.crashed", exc_info=fault)
                return [await self._parked(items[0], fault)]

    async def _parked(self, item: Item, error: Exception) -> Result:
        tries = failures = 0
        while True:
            try:
                return await self._park(item, error)
            except Exception as trouble:  # noqa: BLE001 - outermost: whatever parking does
                tries, failures = tries + 1, await self._at_fault(trouble, failures)
                if failures >= TRIES:
                    self.given_up += 1
                    raise NotKept(f"{_said(error)}; it cannot be parked: {_said(trouble)}") from None
                await _rest(trouble, tries)

    async def _at_fault(self, trouble: Exception, before: int) -> int:
        """Count the failures in a row that were not the database's, nor anybody's who was in the way."""
        innocent = concerns_all(trouble) or isinstance(trouble, StoreBusy) or not await self._is_well()
        return 0 if innocent else before + 1


async def _rest(trouble: Exception, tries: int) -> None:
    seconds = RETRIES.after(tries)
    _log().warning("commit.waiting", trouble=_said(trouble), retry_in_seconds=seconds)
    await asyncio.sleep(seconds)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _log() -> Any:
    import structlog  # not before something goes wrong: it is slow to import, and the tools batch, too

    return structlog.get_logger(__name__)
