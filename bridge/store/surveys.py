"""How long a list is and where its pages begin, without going through all of it for each page.

Of a long list a survey is taken: its length, and the key of every 100th row, in one pass over an index. It serves all
pages of that list for a while, in proportion to what it cost: a second for each 50,000 rows. So a page costs much the
same however long the list is and however deep the page lies in it, and what it says of the rest may be as old as that.
Who goes on asking does not wait for surveys: the next one is taken before the last is too old.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

STEP: Final = 100
"""Rows between two keys of a survey: so many are skipped at most to find a page."""
ROWS_A_SECOND: Final = 50_000
"""Both databases go through more than ten times as many: surveys take less than a tenth of a core."""
MOST_KEYS: Final = 120_000
"""Keys of all surveys kept, some 20 MB: a survey of a million rows has 10,000."""


class Key(NamedTuple):
    """Where a row stands in the order of its list."""

    created_at: datetime
    id: str


class Survey(NamedTuple):
    """The length of a list, and the keys of every `STEP`th row. It began at `begun`, in seconds."""

    total: int
    keys: Sequence[Key]
    begun: float

    def before(self, offset: int) -> tuple[Key | None, int]:
        """Give the last key known before an offset, and how many rows to skip after it; None is the beginning."""
        known = min(offset // STEP, len(self.keys))
        return (self.keys[known - 1] if known else None), offset - known * STEP


Take = Callable[[], Awaitable[tuple[int, Sequence[Key]]]]


class Surveys:
    """The surveys of late, by what was asked for. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._kept: OrderedDict[Hashable, Survey] = OrderedDict()
        self._under_way: dict[Hashable, asyncio.Task[Survey]] = {}

    def known(self, asked: Hashable, take: Take) -> Survey | None:
        """Give a survey that is not too old; where it soon will be, the next one begins."""
        survey = self._kept.get(asked)
        if survey is None:
            return None
        age, most = self._clock() - survey.begun, survey.total / ROWS_A_SECOND
        if age > most:
            return None
        self._kept.move_to_end(asked)
        if age > most / 2:
            self._begin(asked, take)
        return survey

    async def taken(self, asked: Hashable, take: Take) -> Survey:
        """Take a survey, together with whoever waits for the same."""
        return await asyncio.shield(self._begin(asked, take))

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._under_way.values()):
            task.cancel()
            await asyncio.wait([task])

    def _begin(self, asked: Hashable, take: Take) -> "asyncio.Task[Survey]":
        task = self._under_way.get(asked)
        if task is None:
            task = self._under_way[asked] = asyncio.create_task(self._take(asked, take), name="survey")
            task.add_done_callback(lambda done: self._done(asked, done))
        return task

    def _done(self, asked: Hashable, task: "asyncio.Task[Survey]") -> None:
        self._under_way.pop(asked, None)
        if not task.cancelled():
            task.exception()  # whoever waits is told; one taken ahead is missed by nobody

    async def _take(self, asked: Hashable, take: Take) -> Survey:
        begun = self._clock()
        total, keys = await take()
        survey = self._kept[asked] = Survey(total, keys, begun)
        self._kept.move_to_end(asked)
        while len(self._kept) > 1 and sum(1 + len(each.keys) for each in self._kept.values()) > self._most_keys:
            self._kept.popitem(last=False)
        return survey
