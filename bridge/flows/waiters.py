"""Who in this process waits for which answer, by correlation id."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Waiters(Generic[Answer]):
    """Futures by correlation id. Waiting is only for the impatient: what counts is in the store."""

    def __init__(self) -> None:
        self._futures: dict[str, asyncio.Future[Answer]] = {}

    @contextmanager
    def expect(self, correlation_id: str) -> Iterator[asyncio.Future[Answer]]:
        """Register interest before the question is sent, and drop it afterwards."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._futures[correlation_id] = future
        try:
            yield future
        finally:
            del self._futures[correlation_id]

    def waits(self, correlation_id: str) -> bool:
        """Tell whether somebody waits for this answer and has none yet."""
        future = self._futures.get(correlation_id)
        return future is not None and not future.done()

    def resolve(self, correlation_id: str, answer: Answer) -> bool:
        """Give the answer to whoever waits; tell whether somebody did."""
        future = self._futures.get(correlation_id)
        if future is None or future.done():
            return False
        future.set_result(answer)
        return True
