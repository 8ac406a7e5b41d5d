"""Items that come at the same time share a commit; one that fails is told to its caller, or waited for and parked."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

import bridge.batcher
from bridge.backoff import Backoff
from bridge.batcher import TRIES, Batcher, Patient
from bridge.errors import ConflictError, NotKept, StoreBusy, StoreUnavailable, StoreUncertain
from tests.support import eventually


class Database:
    """Commits lists of words, one at a time; a word may be refused, and the database may be away."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.parked: list[tuple[str, Exception]] = []
        self.refused: frozenset[str] = frozenset()
        self.away = 0
        self.full = 0
        self.uncertain: frozenset[str] = frozenset()
        self.busy = 0
        self.well = True
        self.open = asyncio.Event()
        self.open.set()

    async def commit(self, words: Sequence[str]) -> list[str]:
        """Commit all of them or none; the results are in capitals."""
        await self.open.wait()
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        if self.busy:
            self.busy -= 1
            raise StoreBusy
        if self.refused & set(words):
            raise ConflictError("refused")
        if self.uncertain & set(words):
            raise StoreUncertain("a trigger failed")
        self.commits.append(list(words))
        return [word.upper() for word in words]

    async def is_well(self) -> bool:
        """Take another change."""
        return self.well

    async def park(self, word: str, error: Exception) -> str:
        """Keep a word that is refused."""
        if self.full:
            self.full -= 1
            raise ZeroDivisionError("a defect in parking")
        self.parked.append((word, error))
        return f"parked {word}"


@pytest.fixture
async def database() -> Database:
    return Database()


@pytest.fixture(params=["tells", "parks"])
def batcher(request: pytest.FixtureRequest, database: Database) -> Batcher[str, str]:
    """One of either policy: what holds for both."""
    commit = Patient(database.commit, database.park, database.is_well) if request.param == "parks" else database.commit
    return Batcher(commit, max_items=3)


@pytest.fixture
def telling(database: Database) -> Batcher[str, str]:
    return Batcher(database.commit)


@pytest.fixture
def patient(database: Database, monkeypatch: pytest.MonkeyPatch) -> Patient[str, str]:
    monkeypatch.setattr(bridge.batcher, "RETRIES", Backoff(0.001, 0.004, jitter=0))
    return Patient(database.commit, database.park, database.is_well)


@pytest.fixture
def parking(patient: Patient[str, str]) -> Batcher[str, str]:
    return Batcher(patient)


async def results(batcher: Batcher[str, str], words: str) -> list[str | BaseException]:
    return await asyncio.gather(*map(batcher.submit, words), return_exceptions=True)


async def test_what_comes_together_is_committed_together(batcher: Batcher[str, str], database: Database) -> None:
    assert await results(batcher, "abc") == ["A", "B", "C"]
    assert database.commits == [["a", "b", "c"]]


async def test_what_comes_during_a_commit_goes_in_order_with_the_next_ones(
    batcher: Batcher[str, str], database: Database
) -> None:
    database.open.clear()
    first = batcher.submit("a")
    await asyncio.sleep(0)
    later = [batcher.submit(word) for word in "bcde"]
    database.open.set()
    await asyncio.gather(first, *later)
    assert database.commits == [["a"], ["b", "c", "d"], ["e"]]


async def test_an_item_is_queued_before_anybody_waits_for_it(batcher: Batcher[str, str], database: Database) -> None:
    batcher.submit("a")
    assert await batcher.submit("b") == "B"
    assert database.commits == [["a", "b"]]


async def test_a_caller_that_goes_away_takes_nobody_with_it(batcher: Batcher[str, str], database: Database) -> None:
    database.open.clear()
    first, second = batcher.submit("a"), batcher.submit("b")
    await asyncio.sleep(0)
    first.cancel()
    database.open.set()
    assert await second == "B"
    assert database.commits == [["a", "b"]]


async def test_a_caller_that_goes_away_is_not_told_of_a_failure_either(
    telling: Batcher[str, str], database: Database
) -> None:
    database.refused = frozenset("a")
    first, second = telling.submit("a"), telling.submit("b")
    first.cancel()
    assert await second == "B"


async def test_finishing_waits_for_what_is_under_way(batcher: Batcher[str, str], database: Database) -> None:
    await batcher.finish()
    added = batcher.submit("a")
    await batcher.finish()
    assert database.commits == [["a"]]
    assert await added == "A"


async def test_what_nobody_waits_for_is_gathered_until_it_is_to_finish(database: Database) -> None:
    batcher: Batcher[str, str] = Batcher(database.commit, gather_s=3600)
    first = batcher.submit("a")
    await asyncio.sleep(0)
    second = batcher.submit("b")
    await batcher.finish()
    assert [first.result(), second.result()] == ["A", "B"]
    assert database.commits == [["a", "b"]]


async def test_what_is_gathered_is_committed_in_its_time(database: Database) -> None:
    batcher: Batcher[str, str] = Batcher(database.commit, gather_s=0.001)
    assert await batcher.submit("a") == "A"


async def test_stopping_leaves_what_is_not_committed(batcher: Batcher[str, str], database: Database) -> None:
    await batcher.stop()
    database.open.clear()
    first = batcher.submit("a")
    await asyncio.sleep(0)
    second = batcher.submit("b")
    await batcher.stop()
    database.open.set()
    await batcher.finish()
    assert database.commits == []
    assert not first.done()
    assert not second.done()


async def test_after_a_stop_it_can_begin_again(batcher: Batcher[str, str], database: Database) -> None:
    batcher.submit("a")
    await batcher.stop()
    assert await batcher.submit("b") == "B"
    assert database.commits == [["b"]]


async def test_one_that_is_refused_harms_no_other(telling: Batcher[str, str], database: Database) -> None:
    database.refused = frozenset("b")
    a, b, c = await results(telling, "abc")
    assert database.commits == [["a"], ["c"]]
    assert (a, type(b), c) == ("A", ConflictError, "C")


async def test_one_that_fails_for_no_certain_reason_harms_no_other(
    telling: Batcher[str, str], database: Database
) -> None:
    database.uncertain = frozenset("b")
    a, b, c = await results(telling, "abc")
    assert database.commits == [["a"], ["c"]]
    assert (a, type(b), c) == ("A", StoreUncertain, "C")


async def test_all_are_told_when_the_database_is_away(telling: Batcher[str, str], database: Database) -> None:
    database.away = 1
    assert [type(result) for result in await results(telling, "abc")] == [StoreUnavailable] * 3
    assert await telling.submit("d") == "D"
    assert database.commits == [["d"]]


async def test_one_that_is_refused_is_parked_and_harms_no_other(parking: Batcher[str, str], database: Database) -> None:
    database.refused = frozenset("b")
    assert await results(parking, "abc") == ["A", "parked b", "C"]
    assert database.commits == [["a"], ["c"]]
    assert [(word, str(error)) for word, error in database.parked] == [("b", "refused")]


async def test_a_database_that_is_away_is_waited_for_longer_each_time(
    parking: Batcher[str, str], database: Database
) -> None:
    database.away = 4
    with capture_logs() as logs:
        assert await results(parking, "ab") == ["A", "B"]
    assert database.commits == [["a", "b"]]
    waits = [(entry["event"], entry["retry_in_seconds"]) for entry in logs]
    assert waits == [("commit.waiting", wait) for wait in (0.001, 0.002, 0.004, 0.004)]


async def test_what_cannot_be_parked_is_tried_several_times(parking: Batcher[str, str], database: Database) -> None:
    database.refused, database.full = frozenset("a"), TRIES - 1
    assert await results(parking, "ab") == ["parked a", "B"]
    assert database.commits == [["b"]]


async def test_what_lost_a_race_to_another_process_is_tried_again_and_not_parked(
    patient: Patient[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.refused, rests = frozenset("a"), list[float]()

    async def rest(_: Exception, tries: int) -> None:
        rests.append(tries)
        database.refused = frozenset() if tries == TRIES else database.refused

    monkeypatch.setattr(bridge.batcher, "_rest", rest)
    assert await results(Batcher(patient), "ab") == ["A", "B"]
    assert (rests, database.parked, database.commits) == ([1, 2, 3, 4, 5], [], [["a", "b"]])


async def test_what_can_never_be_parked_is_given_up_and_holds_up_no_other(
    patient: Patient[str, str], database: Database
) -> None:
    database.refused, database.full = frozenset("a"), 1_000_000
    given_up, other = await results(Batcher(patient), "ab")
    assert isinstance(given_up, NotKept)
    assert str(given_up) == ("ConflictError: refused; it cannot be parked: ZeroDivisionError: a defect in parking")
    assert (other, database.commits, patient.given_up) == ("B", [["b"]], 1)


async def test_nothing_is_given_up_while_the_database_takes_nothing_else_either(
    patient: Patient[str, str], database: Database
) -> None:
    database.refused, database.full, database.well = frozenset("a"), 5 * TRIES, False
    assert await results(Batcher(patient), "a") == ["parked a"]
    assert patient.given_up == 0


async def test_what_fails_for_no_certain_reason_is_parked_once_the_database_has_taken_others(
    parking: Batcher[str, str], database: Database
) -> None:
    database.uncertain = frozenset("b")
    assert await results(parking, "abc") == ["A", "parked b", "C"]
    assert database.commits == [["a"], ["c"]]
    [(_, error)] = database.parked
    assert str(error) == "a trigger failed; the database takes other changes"


async def test_it_is_waited_for_while_the_database_takes_no_others(
    parking: Batcher[str, str], database: Database
) -> None:
    database.uncertain, database.well = frozenset("a"), False
    done = parking.submit("a")
    with capture_logs() as logs:
        await eventually(lambda: len(logs) > 3 * TRIES)
    database.uncertain = frozenset()
    assert await done == "A"
    assert database.parked == []


async def test_what_another_transaction_is_in_the_way_of_is_waited_for_though_the_database_takes_others(
    parking: Batcher[str, str], database: Database
) -> None:
    database.busy = 3 * TRIES
    assert await results(parking, "ab") == ["A", "B"]
    assert database.parked == []


async def test_the_age_of_the_oldest_is_that_of_what_waits_longest(
    telling: Batcher[str, str], database: Database
) -> None:
    assert telling.oldest_s() == 0
    database.open.clear()
    first = telling.submit("a")
    assert telling.oldest_s() >= 0
    await eventually(lambda: telling.oldest_s() > 0.01)
    later = telling.submit("b")
    age = telling.oldest_s()
    assert age > 0.01
    database.open.set()
    await asyncio.gather(first, later)
    assert telling.oldest_s() == 0


async def test_stopping_ends_the_waiting_for_a_database(parking: Batcher[str, str], database: Database) -> None:
    database.away = 1_000_000
    done = parking.submit("a")
    await eventually(lambda: database.away < 999_998)
    await parking.stop()
    assert not done.done()
