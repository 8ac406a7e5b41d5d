"""A commit for what nobody can be told of: it does not fail, it waits or parks.

Transient trouble is waited out. An item that fails alone is parked, and if even that fails, it is tried again for as
long as it takes: nothing is dropped, and nothing holds what is behind it for another reason than its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import structlog

from bridge.backoff import Backoff
from bridge.errors import TransientError

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = Backoff(first=0.1, longest=5.0)


class Patient(Generic[Item, Result]):
    """A commit for a `Batcher`. `park` keeps an item and why it failed, and gives its result in the commit's place."""

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        park: Callable[[Item, Exception], Awaitable[Result]],
    ) -> None:
        self._commit = commit
        self._park = park

    async def __call__(self, items: Sequence[Item]) -> Sequence[Result]:
        """Return the results once the items are committed or, one that fails alone, parked.

        Raises what breaks a batch: the batcher then comes again with its items one by one.
        """
        try:
            return await _patiently(partial(self._commit, items), TransientError)
        except Exception as error:  # outermost: whatever an item does, the others must pass
            if len(items) > 1:
                raise
            log.exception("message.crashed")
            return [await _patiently(partial(self._park, items[0], error), Exception)]


async def _patiently(action: Callable[[], Awaitable[Result]], trouble: type[Exception]) -> Result:
    for wait in RETRIES.waits():
        try:
            return await action()
        except trouble as error:
            log.warning("commit.waiting", trouble=f"{type(error).__name__}: {error}", retry_in_seconds=wait)
            await asyncio.sleep(wait)
    raise AssertionError  # waits never end
