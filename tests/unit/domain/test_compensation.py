"""A visit that is to be taken back is asked for ever more rarely, until nothing of it is left."""

from datetime import timedelta
from typing import Any

import pytest

from bridge.domain import compensation
from bridge.domain.compensation import LONGEST_WAIT, SLOW_WAIT, TRIES
from bridge.domain.decide import decide
from bridge.domain.model import Accepted, CancelVisit, Command, CommandState, Job, Outcome, Refused
from bridge.mef.enums import AppointmentStatus, Error422Code, WorkOrderState
from tests.unit.domain.builders import (
    AFTERNOON,
    MORNING,
    NOW,
    WO,
    a_booked_job,
    a_booking,
    a_withdrawn_visit,
    an_ended_job,
    an_open_job,
    an_update,
    ids,
)

PATIENCE = timedelta(seconds=10)


def a_ghost(**changes: Any) -> Command:
    """A booking whose visit was asked back for the first time just now."""
    asked = a_booking(CommandState.EXPIRED, **{"visit": "V-1", "created_at": NOW - PATIENCE, **changes})
    return compensation.begin(asked, NOW)[0]


def ghost_of(job: Job) -> Command | None:
    """The booking, if its visit may still stand."""
    return compensation.standing(job, a_booking().id)


def test_the_waits_double_up_to_minutes_and_become_slow_when_an_operator_is_needed() -> None:
    job, now, waits, called = an_open_job(commands=(a_ghost(),)), NOW, [], []
    for _ in range(TRIES + 2):
        ghost = ghost_of(job)
        assert ghost is not None
        assert ghost.try_again_at is not None
        waits.append(ghost.try_again_at - now)
        called.append(compensation.needs_operator(ghost))
        now = ghost.try_again_at
        decision = compensation.ask_again(job, ghost, now)
        assert decision.effects == (CancelVisit(ghost.id, "V-1", MORNING, WO),)
        job = decision.job
    assert waits[:4] == [PATIENCE, PATIENCE * 2, PATIENCE * 4, PATIENCE * 8]
    assert waits[5 : TRIES - 1] == [LONGEST_WAIT] * 2
    assert waits[TRIES - 1 :] == [SLOW_WAIT] * 3
    assert called.index(True) == TRIES - 1
    assert called.count(True) == 1


@pytest.mark.parametrize("reply", [Accepted(), Refused(Error422Code.REFERENCE_NOT_FOUND, "no such visit")])
def test_it_is_over_when_the_wfm_agrees_or_knows_no_such_visit(reply: Accepted | Refused) -> None:
    job = an_open_job(commands=(a_ghost(),))
    assert ghost_of(compensation.replied(job, a_ghost(), reply).job) is None


def test_any_other_refusal_may_pass() -> None:
    job = an_open_job(commands=(a_ghost(),))
    decision = compensation.replied(job, a_ghost(), Refused(Error422Code.OTHER_ISSUE, "come back later"))
    assert ghost_of(decision.job) == a_ghost()
    assert "come back later" in decision.reason


@pytest.mark.parametrize("job", [an_open_job(), a_booked_job(AFTERNOON, "V-2"), an_ended_job(WorkOrderState.CANCELLED)])
def test_it_is_over_when_the_wfm_announces_the_visit_cancelled(job: Job) -> None:
    job = an_open_job(commands=(a_ghost(),)) if job.appointment is None else _with_ghost(job)
    decision = decide(job, a_withdrawn_visit(), ids(), NOW)
    assert (decision.outcome, decision.transitions) == (Outcome.ECHO, ())
    assert ghost_of(decision.job) is None


@pytest.mark.parametrize("status", [AppointmentStatus.IN_PROGRESS, AppointmentStatus.MISSED, AppointmentStatus.FAILED])
@pytest.mark.parametrize("state", [CommandState.EXPIRED, CommandState.COMPENSATED])
def test_what_happens_on_site_stays_invisible(status: AppointmentStatus, state: CommandState) -> None:
    booking = a_ghost() if state is CommandState.COMPENSATED else a_booking(state)
    started = WorkOrderState.IN_PROGRESS if status is AppointmentStatus.IN_PROGRESS else None
    update = an_update(started, status, window=MORNING, visit="V-1")
    decision = decide(an_open_job(commands=(booking,)), update, ids(), NOW)
    assert (decision.outcome, decision.transitions, decision.notifications) == (Outcome.ECHO, (), ())


def test_a_visit_that_the_buyer_sees_now_is_not_asked_back() -> None:
    job = _with_ghost(a_booked_job(MORNING, None))
    decision = compensation.ask_again(job, a_ghost(), NOW)
    assert decision.effects == ()
    assert ghost_of(decision.job) is None


def test_it_waits_while_the_window_is_being_booked_again() -> None:
    again = a_booking(id="book-2")
    decision = compensation.ask_again(an_open_job(commands=(a_ghost(), again)), a_ghost(), NOW)
    assert decision.effects == ()
    assert ghost_of(decision.job) is not None


def _with_ghost(job: Job) -> Job:
    return Job(ref=job.ref, work_order=job.work_order, appointment=job.appointment, commands=(a_ghost(),))
