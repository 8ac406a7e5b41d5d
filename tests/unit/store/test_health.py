"""The database is well if its last change was taken; a probe does not say so at once where the work found no room."""

import pytest

from bridge.errors import StoreShort, StoreUnavailable, StoreUncertain
from bridge.store.session import SILENT_AFTER_S, TRUST_AFTER_S, Health

FULL = StoreShort("the disk is full")
LOST = StoreUnavailable("the connection is lost")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock=clock)


def test_it_begins_well_or_as_it_is_told(health: Health) -> None:
    assert health.problem is None
    assert Health("not open yet").problem == "not open yet"


@pytest.mark.parametrize("probe", [True, False])
def test_a_change_that_fails_is_told_until_one_of_the_same_kind_is_taken(health: Health, probe: bool) -> None:
    health.failed(FULL, probe=probe)
    assert health.problem == "the disk is full"
    health.took(probe=probe)
    assert health.problem is None


def test_what_may_be_the_changes_own_fault_is_not_the_databases_but_a_probe_has_none(health: Health) -> None:
    health.failed(StoreUncertain("deadlock detected"))
    assert health.problem is None
    health.failed(StoreUncertain("no answer"), probe=True)
    assert health.problem == "no answer"


def test_a_probe_may_find_room_where_the_work_finds_none(health: Health, clock: Clock) -> None:
    health.failed(FULL)
    clock.now += TRUST_AFTER_S - 1
    health.took(probe=True)
    assert health.problem == "the disk is full"
    health.failed(FULL)
    clock.now += TRUST_AFTER_S - 1
    health.took(probe=True)
    assert health.problem == "the disk is full"
    clock.now += 1
    health.took(probe=True)
    assert health.problem is None


def test_a_probe_shows_that_what_was_lost_is_back(health: Health) -> None:
    health.failed(LOST)
    health.took(probe=True)
    assert health.problem is None


def test_a_probe_without_an_answer_says_so_by_itself(health: Health, clock: Clock) -> None:
    health.asked()
    clock.now += SILENT_AFTER_S
    assert health.problem is None
    clock.now += 2
    assert health.problem == "the database has not answered for 12 s"
    health.took(probe=True)
    assert health.problem is None
