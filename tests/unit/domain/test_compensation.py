"""A visit that is to be taken back is asked for ever more rarely, until nothing of it is left."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.domain import compensation
from bridge.domain.ages import Ages
from bridge.domain.compensation import LONGEST_WAIT, SLOW_WAIT, TRIES
from bridge.domain.decide import decide
from bridge.domain.model import (
    Accepted,
    CancelVisit,
    Command,
    CommandState,
    Decision,
    Job,
    JobUpdate,
    Outcome,
    Refused,
)
from bridge.domain.settlement import settle
from bridge.mef.enums import AppointmentStatus, Error422Code, WorkOrderState
from bridge.mef.models import TimePeriod
from tests.unit.domain.builders import (
    AFTERNOON,
    BUYERS_CONTACTS,
    MORNING,
    NOW,
    SELLER,
    STATE,
    STATUS,
    TECHNICIAN,
    WO,
    a_booked_job,
    a_booking,
    a_job,
    a_scheduled_visit,
    a_withdrawn_visit,
    a_work_order,
    an_ended_job,
    an_open_job,
    an_update,
    events,
    hops,
    ids,
    taken_back,
)

PATIENCE = timedelta(seconds=10)


def a_ghost(**changes: Any) -> Command:
    """A booking whose visit was asked back for the first time just now."""
    asked = a_booking(CommandState.EXPIRED, **{"visit": "V-1", "created_at": NOW - PATIENCE, **changes})
    return compensation.begin(asked, NOW)[0]


def replied(job: Job, reply: Accepted | Refused) -> Decision:
    """What the WFM's reply to the compensation does."""
    return compensation.replied(job, a_ghost(), reply, SELLER, ids(), NOW)


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
    assert ghost_of(replied(job, reply).job) is None


def test_any_other_refusal_may_pass() -> None:
    job = an_open_job(commands=(a_ghost(),))
    decision = replied(job, Refused(Error422Code.OTHER_ISSUE, "come back later"))
    assert ghost_of(decision.job) == a_ghost()
    assert "come back later" in decision.reason


@pytest.mark.parametrize("job", [an_open_job(), a_booked_job(AFTERNOON, "V-2"), an_ended_job(WorkOrderState.CANCELLED)])
def test_it_is_over_when_the_wfm_announces_the_visit_cancelled(job: Job) -> None:
    job = an_open_job(commands=(a_ghost(),)) if job.appointment is None else _with_ghost(job)
    decision = decide(job, a_withdrawn_visit(), ids(), NOW)
    assert (decision.outcome, decision.transitions) == (Outcome.ECHO, ())
    assert ghost_of(decision.job) is None


NOT_DONE = pytest.mark.parametrize("booking", [a_ghost(), a_booking(CommandState.EXPIRED)], ids=lambda each: each.state)


@NOT_DONE
@pytest.mark.parametrize("status", [AppointmentStatus.MISSED, AppointmentStatus.FAILED])
def test_a_visit_that_did_not_take_place_stays_invisible(status: AppointmentStatus, booking: Command) -> None:
    decision = decide(
        an_open_job(commands=(booking,)), an_update(None, status, visit="V-1", window=MORNING), ids(), NOW
    )
    assert (decision.outcome, decision.transitions, decision.notifications) == (Outcome.ECHO, (), ())


BEGUN = an_update(WorkOrderState.IN_PROGRESS, AppointmentStatus.IN_PROGRESS, window=MORNING, visit="V-1")
ENDED = an_update(WorkOrderState.COMPLETED, AppointmentStatus.COMPLETED, window=MORNING, visit="V-1")
ADOPTED = ["appointment new -> confirmed", "workOrder open -> planned"]
STARTED = [*ADOPTED, "appointment confirmed -> inProgress", "workOrder planned -> inProgress"]
FINISHED = [*STARTED, "appointment inProgress -> completed", "workOrder inProgress -> completed"]


@NOT_DONE
@pytest.mark.parametrize(("update", "walked"), [(BEGUN, STARTED), (ENDED, FINISHED)], ids=["begun", "ended"])
def test_a_visit_that_takes_place_is_adopted_and_announced_step_by_step(
    booking: Command, update: JobUpdate, walked: list[str]
) -> None:
    decision = decide(an_open_job(commands=(booking,)), update, ids(), NOW)
    assert hops(decision) == walked
    assert len([each for each in events(decision) if each in (STATUS, STATE)]) == len(walked)
    assert (taken_back(decision), ghost_of(decision.job)) == ([], None)
    (accepted,) = decision.job.granted
    assert (accepted.state, accepted.try_again_at) == (CommandState.ACCEPTED, None)


def test_an_adopted_visit_is_what_the_buyer_asked_for_with_the_sellers_own_contact() -> None:
    job = an_open_job(commands=(a_ghost(),))
    adopted = decide(
        job, replace(BEGUN, visit=replace(BEGUN.visit, contacts=(TECHNICIAN,))), ids(), NOW
    ).job.appointment
    assert adopted is not None
    assert adopted.contacts == (*BUYERS_CONTACTS, TECHNICIAN)
    assert (adopted.valid_for, adopted.visit) == (MORNING, "V-1")


def test_the_late_yes_to_a_booking_whose_visit_was_adopted_takes_nothing_back() -> None:
    expired = a_booking(CommandState.EXPIRED)
    ended = decide(an_open_job(commands=(expired,)), ENDED, ids(), NOW).job
    (accepted,) = ended.granted
    settlement = settle(ended, accepted, Accepted("V-1"), SELLER, ids(), NOW)
    assert (settlement.decision.job, taken_back(settlement.decision)) == (ended, [])


@NOT_DONE
def test_a_visit_that_takes_place_beside_another_that_the_buyer_booked_is_left_to_the_operator(
    booking: Command,
) -> None:
    job = replace(a_booked_job(AFTERNOON, "V-2"), commands=(booking,))
    decision = decide(job, BEGUN, ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)
    assert "while he sees another one" in decision.reason


@NOT_DONE
def test_a_visit_that_takes_place_while_the_work_order_is_under_way_is_asked_back_no_more(booking: Command) -> None:
    job = a_job(a_work_order(WorkOrderState.IN_PROGRESS), commands=(booking,))
    decision = decide(job, BEGUN, ids(), NOW)
    assert (decision.outcome, hops(decision), ghost_of(decision.job)) == (Outcome.ECHO, [], None)
    decision = decide(job, ENDED, ids(), NOW)
    assert (hops(decision), ghost_of(decision.job)) == (["workOrder inProgress -> completed"], None)


NEVER = Refused(Error422Code.OTHER_ISSUE, "the technician has begun", final=True)


def test_a_visit_that_the_wfm_never_takes_back_is_adopted_at_once() -> None:
    decision = replied(an_open_job(commands=(a_ghost(),)), NEVER)
    assert hops(decision) == ADOPTED
    assert (events(decision), ghost_of(decision.job)) == ([STATUS, STATE], None)
    begun = decide(decision.job, BEGUN, ids(), NOW)
    assert hops(begun) == STARTED[2:]


@pytest.mark.parametrize(("seen", "shown"), [({}, AFTERNOON), ({"job": 9}, MORNING)])
def test_a_visit_that_is_never_taken_back_is_shown_where_the_wfm_has_moved_it(
    seen: dict[str, int], shown: TimePeriod
) -> None:
    """An older message tells nothing of that."""
    job = replace(an_open_job(commands=(a_ghost(),)), ages=Ages(heard=seen))
    moved = decide(job, a_scheduled_visit(AFTERNOON, "V-1", versions={"job": 8}), ids(), NOW)
    ghost = ghost_of(moved.job)
    assert ghost is not None
    decision = compensation.replied(moved.job, ghost, NEVER, SELLER, ids(), NOW)
    assert decision.job.open_appointment is not None
    assert decision.job.open_appointment.valid_for == shown


@pytest.mark.parametrize("job", [an_ended_job(), an_ended_job(WorkOrderState.CANCELLED), a_booked_job()])
def test_what_the_wfm_never_takes_back_is_over_where_the_job_ended_or_the_buyer_sees_the_visit(job: Job) -> None:
    decision = replied(replace(job, commands=(a_ghost(),)), NEVER)
    assert (hops(decision), decision.outcome, ghost_of(decision.job)) == ([], Outcome.UNCHANGED, None)


@pytest.mark.parametrize("job", [a_booked_job(AFTERNOON, "V-2"), a_job(a_work_order(WorkOrderState.IN_PROGRESS))])
def test_what_the_wfm_never_takes_back_and_no_work_order_can_take_is_left_to_the_operator(job: Job) -> None:
    decision = replied(replace(job, commands=(a_ghost(),)), NEVER)
    assert (hops(decision), decision.outcome, ghost_of(decision.job)) == ([], Outcome.PARKED, None)
    assert "V-1" in decision.reason
    assert "the technician has begun" in decision.reason


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
