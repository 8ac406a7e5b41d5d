"""The clock of a process goes by the database's, where this machine's is another one."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bridge.app.process import ProcessClock

TRUE = datetime(2026, 3, 5, 12, tzinfo=UTC)


class Machine:
    """A clock that is wrong, and moves only while the database is asked."""

    def __init__(self, wrong_by_s: float) -> None:
        self.wrong_by = timedelta(seconds=wrong_by_s)
        self.true = TRUE

    def __call__(self) -> datetime:
        return self.true + self.wrong_by

    def database(self, takes_s: float = 0) -> Callable[[], Awaitable[datetime]]:
        async def ask() -> datetime:
            self.true += timedelta(seconds=takes_s / 2)
            theirs = self.true
            self.true += timedelta(seconds=takes_s / 2)
            return theirs

        return ask


@pytest.mark.parametrize("wrong_by_s", [-300, 300])
async def test_a_machine_whose_clock_is_minutes_off_goes_by_the_databases(wrong_by_s: float) -> None:
    machine = Machine(wrong_by_s)
    clock = ProcessClock(machine)
    assert await clock.compare(machine.database(takes_s=0.4)) == timedelta(seconds=-wrong_by_s)
    assert clock() == machine.true
    assert await clock.compare(machine.database()) is None  # no news


async def test_what_ntp_leaves_is_left() -> None:
    machine = Machine(0.9)
    clock = ProcessClock(machine)
    assert await clock.compare(machine.database()) is None
    assert clock() == machine()


async def test_a_machine_that_was_put_right_goes_by_itself_again() -> None:
    machine = Machine(300)
    clock = ProcessClock(machine)
    await clock.compare(machine.database())
    machine.wrong_by = timedelta(seconds=0.1)
    assert await clock.compare(machine.database()) == timedelta()
    assert clock() == machine()


async def test_an_answer_that_took_long_tells_nothing() -> None:
    machine = Machine(300)
    clock = ProcessClock(machine)
    assert await clock.compare(machine.database(takes_s=1.1)) is None
    assert clock() == machine()


async def test_a_database_without_a_clock_is_left_out() -> None:
    machine = Machine(300)
    clock = ProcessClock(machine)

    async def has_none() -> None:
        return None

    assert await clock.compare(has_none) is None
    assert clock() == machine()
