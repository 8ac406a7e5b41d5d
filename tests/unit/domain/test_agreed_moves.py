"""A visit that dispatcher and customer have moved together: the Appointment stays, and the Buyer is told of it."""

from datetime import timedelta

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Accepted, Decision, Job, MovedBy, Outcome
from bridge.domain.settlement import settle
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState
from bridge.mef.models import TimePeriod
from tests.unit.domain.builders import (
    AFTERNOON,
    LATER,
    MORNING,
    NEXT_DAY,
    NOW,
    SELLER,
    TECHNICIAN,
    a_booked_job,
    a_reschedule,
    a_scheduled_visit,
    a_started_job,
    an_open_job,
    an_update,
    events,
    hops,
    ids,
    the_appointment,
    the_work_order,
)

CONFIRMED, CANCELLED = AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED
ATTRIBUTE = EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE


def agreed(job: Job, window: TimePeriod = AFTERNOON, visit: str | None = "V-1", **changes: object) -> Decision:
    update = a_scheduled_visit(window, visit, moved_by=MovedBy.AGREEMENT, **changes)
    return decide(job, update, ids(), LATER)


@pytest.mark.parametrize("visit", ["V-1", "V-2", None])
def test_the_appointment_stays_confirmed_in_the_new_window_and_the_buyer_is_told(visit: str | None) -> None:
    decision = agreed(a_booked_job(visit="V-1"), visit=visit)
    moved = the_appointment(decision)
    assert (moved.status, moved.valid_for, moved.visit) == (CONFIRMED, AFTERNOON, visit or "V-1")
    assert (hops(decision), events(decision)) == ([], [ATTRIBUTE])
    assert the_work_order(decision).state is WorkOrderState.PLANNED
    assert not the_work_order(decision).appointment_required


def test_who_comes_then_is_told_by_the_same_event() -> None:
    decision = agreed(a_booked_job(), contacts=(TECHNICIAN,))
    assert events(decision) == [ATTRIBUTE]
    assert TECHNICIAN in the_appointment(decision).contacts


def test_the_same_window_is_no_move() -> None:
    decision = agreed(a_booked_job(), MORNING)
    assert (decision.outcome, events(decision)) == (Outcome.UNCHANGED, [])


def test_what_still_names_the_window_before_is_old_news() -> None:
    job = agreed(a_booked_job()).job
    decision = decide(job, a_scheduled_visit(MORNING, "V-1", occurred_at=NOW), ids(), LATER)
    assert (decision.outcome, the_appointment(decision).valid_for) == (Outcome.STALE, AFTERNOON)


def test_a_later_move_by_the_seller_is_one() -> None:
    job = agreed(a_booked_job()).job
    then = LATER + timedelta(hours=1)
    decision = decide(job, a_scheduled_visit(NEXT_DAY, "V-1", occurred_at=then), ids(), then)
    assert the_appointment(decision).status is CANCELLED


def test_what_was_agreed_after_a_move_by_the_seller_is_a_new_appointment() -> None:
    """The Buyer was asked to book again; on the phone he has."""
    moved = decide(a_booked_job(visit="V-1"), a_scheduled_visit(AFTERNOON), ids(), NOW).job
    again = decide(moved, a_scheduled_visit(AFTERNOON, occurred_at=LATER), ids(), LATER)
    assert again.outcome is Outcome.ECHO
    decision = agreed(moved, NEXT_DAY, occurred_at=LATER)
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]
    assert the_appointment(decision).valid_for == NEXT_DAY


def test_a_visit_that_was_not_known_is_agreed_like_any_other() -> None:
    assert hops(agreed(an_open_job())) == ["appointment new -> confirmed", "workOrder open -> planned"]


def test_what_looks_like_the_echo_of_the_buyers_own_move_waits_for_the_reply() -> None:
    command = a_reschedule()
    job = a_booked_job(commands=(command,))
    assert agreed(job).outcome is Outcome.WAITING
    settled = settle(job, command, Accepted(), SELLER, ids(), LATER).decision.job
    decision = agreed(settled)
    assert events(decision) == []


def test_a_visit_in_progress_cannot_be_moved_by_anybody() -> None:
    job = a_started_job()
    update = an_update(None, CONFIRMED, window=AFTERNOON, visit="V-1", moved_by=MovedBy.AGREEMENT)
    decision = decide(job, update, ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)
