"""A commit for what nobody can be told of: it does not fail, it waits or parks.

Trouble of the database is waited out, however long it takes. What is nobody's fault for certain is tried again, and is
the item's own fault once it has failed several times while the database took other changes. An item that fails alone is
parked. If the database takes others and not even that, the item is given up (`NotKept`) and goes where RabbitMQ keeps
what cannot be delivered: nothing is dropped, and nothing holds what is behind it for another reason than its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import structlog

from bridge.backoff import Backoff
from bridge.errors import NotKept, StoreDefect, TransientError, concerns_all

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES: Final = Backoff(first=0.1, longest=5.0)
TRIES: Final = 5
"""How often something fails, while the database takes other changes, before it is at fault itself."""


class Patient(Generic[Item, Result]):
    """A commit for a `Batcher`. `park` keeps an item and why it failed, and gives its result in the commit's place.

    `is_well` tells whether the database takes a change at this moment. `given_up` counts the items that were.
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
        try:
            return await self._committed(items)
        except Exception as error:  # outermost: whatever an item does, the others must pass
            if len(items) > 1:
                raise
            log.exception("message.crashed")
            return [await self._parked(items[0], error)]

    async def _committed(self, items: Sequence[Item]) -> Sequence[Result]:
        failures = 0
        for wait in RETRIES.waits():
            try:
                return await self._commit(items)
            except TransientError as trouble:
                failures = await self._at_fault(trouble, failures)
                if failures >= TRIES:
                    raise StoreDefect(f"{trouble}; the database takes other changes") from None
                await _rest(trouble, wait)
        raise AssertionError  # waits never end

    async def _parked(self, item: Item, error: Exception) -> Result:
        failures = 0
        for wait in RETRIES.waits():
            try:
                return await self._park(item, error)
            except Exception as trouble:  # noqa: BLE001 - outermost: whatever parking does
                failures = await self._at_fault(trouble, failures)
                if failures >= TRIES:
                    self.given_up += 1
                    raise NotKept(f"{_said(error)}; it cannot be parked: {_said(trouble)}") from None
                await _rest(trouble, wait)
        raise AssertionError  # waits never end

    async def _at_fault(self, trouble: Exception, before: int) -> int:
        """Count the failures in a row that were not the database's."""
        return 0 if concerns_all(trouble) or not await self._is_well() else before + 1


async def _rest(trouble: Exception, seconds: float) -> None:
    log.warning("commit.waiting", trouble=_said(trouble), retry_in_seconds=seconds)
    await asyncio.sleep(seconds)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
