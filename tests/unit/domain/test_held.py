"""A message that its rule holds waits, until its time is up; what would do nothing anyway never does."""

from datetime import datetime, timedelta

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import CommandState, Outcome
from bridge.mef.enums import WorkOrderState
from tests.unit.domain.builders import (
    NOW,
    a_booked_job,
    a_cancel,
    a_new_job,
    a_withdrawn_visit,
    an_ended_job,
    an_unknown_job,
    an_update,
    hops,
    ids,
)

WAIT = timedelta(seconds=30)
CANCELLED = a_withdrawn_visit(wait=WAIT)


def test_it_is_held_for_its_time_and_changes_nothing() -> None:
    job = a_booked_job()
    decision = decide(job, CANCELLED, ids(), NOW)
    assert (decision.outcome, decision.due_at) == (Outcome.WAITING, NOW + WAIT)
    assert decision.job is job
    assert decision.notifications == ()


@pytest.mark.parametrize(("came", "held"), [(NOW - WAIT + timedelta(microseconds=1), True), (NOW - WAIT, False)])
def test_the_time_begins_with_its_arrival(came: datetime, held: bool) -> None:
    decision = decide(a_booked_job(), CANCELLED, ids(), NOW, came)
    assert (decision.outcome is Outcome.WAITING) is held
    assert decision.due_at == (came + WAIT if held else None)


def test_then_it_is_applied_as_any_other() -> None:
    at_once = decide(a_booked_job(), a_withdrawn_visit(), ids(), NOW)
    assert hops(decide(a_booked_job(), CANCELLED, ids(), NOW, NOW - WAIT)) == hops(at_once)


def test_an_unknown_job_is_waited_for_without_an_end() -> None:
    decision = decide(an_unknown_job(), CANCELLED, ids(), NOW)
    assert (decision.outcome, decision.due_at) == (Outcome.WAITING, None)


def test_the_reply_to_a_buyers_command_is_waited_for_without_an_end() -> None:
    job = a_booked_job(commands=(a_cancel(CommandState.PENDING),))
    decision = decide(job, CANCELLED, ids(), NOW)
    assert (decision.outcome, decision.due_at) == (Outcome.WAITING, None)


def test_what_is_stale_is_not_held() -> None:
    decision = decide(a_booked_job(versions={"job": 7}), a_withdrawn_visit(wait=WAIT, versions={"job": 6}), ids(), NOW)
    assert decision.outcome is Outcome.STALE


def test_after_the_end_nothing_is_held() -> None:
    decision = decide(an_ended_job(WorkOrderState.CANCELLED), CANCELLED, ids(), NOW)
    assert decision.outcome is not Outcome.WAITING


def test_a_new_job_is_never_held() -> None:
    assert decide(an_unknown_job(), a_new_job(), ids(), NOW).outcome is Outcome.APPLIED
    assert an_update().wait is None
