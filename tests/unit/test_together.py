"""Changes that are asked for at the same time share a commit, and each learns what became of it alone."""

import asyncio
from collections.abc import Sequence

import pytest

from bridge.errors import ConflictError, StoreUnavailable
from bridge.together import Together


class Database:
    """Commits lists of words, one at a time; a word may be refused, and the database may be away."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.refused: frozenset[str] = frozenset()
        self.away = False
        self.open = asyncio.Event()
        self.open.set()

    async def commit(self, words: Sequence[str]) -> list[str]:
        """Commit all of them or none; the results are in capitals."""
        await self.open.wait()
        if self.away:
            raise StoreUnavailable
        if self.refused & set(words):
            raise ConflictError("refused")
        self.commits.append(list(words))
        return [word.upper() for word in words]


@pytest.fixture
async def database() -> Database:
    return Database()


async def test_what_comes_together_is_committed_together(database: Database) -> None:
    together = Together(database.commit)
    assert await asyncio.gather(*map(together.add, "abc")) == ["A", "B", "C"]
    assert database.commits == [["a", "b", "c"]]


async def test_what_comes_during_a_commit_goes_with_the_next_one(database: Database) -> None:
    together = Together(database.commit, max_items=2)
    database.open.clear()
    first = asyncio.create_task(together.add("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(together.add(word)) for word in "bcd"]
    await asyncio.sleep(0)
    database.open.set()
    await asyncio.gather(first, *later)
    assert database.commits == [["a"], ["b", "c"], ["d"]]


async def test_one_that_is_refused_harms_no_other(database: Database) -> None:
    database.refused = frozenset("b")
    together = Together(database.commit)
    results = await asyncio.gather(*map(together.add, "abc"), return_exceptions=True)
    assert database.commits == [["a"], ["c"]]
    assert (results[0], type(results[1]), results[2]) == ("A", ConflictError, "C")


async def test_all_are_told_when_the_database_is_away(database: Database) -> None:
    database.away = True
    together = Together(database.commit)
    results = await asyncio.gather(*map(together.add, "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    database.away = False
    await together.add("d")
    assert database.commits == [["d"]]


async def test_a_caller_that_goes_away_takes_nobody_with_it(database: Database) -> None:
    together = Together(database.commit)
    database.open.clear()
    tasks = [asyncio.create_task(together.add(word)) for word in "ab"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    database.open.set()
    await tasks[1]
    assert database.commits == [["a", "b"]]


async def test_finishing_waits_for_what_is_under_way(database: Database) -> None:
    together = Together(database.commit)
    await together.finish()
    added = asyncio.create_task(together.add("a"))
    await asyncio.sleep(0)
    await together.finish()
    assert database.commits == [["a"]]
    await added
