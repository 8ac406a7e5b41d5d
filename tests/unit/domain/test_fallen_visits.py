"""A visit that does not take place: no-show, missed, withdrawn, moved by the Seller (R27, R48, R49)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Job, Outcome, TicketStatus
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import TimePeriod
from tests.unit.domain.builders import (
    AFTERNOON,
    LATER,
    MORNING,
    NEXT_DAY,
    NOW,
    REQUIRED,
    STATE,
    STATUS,
    a_booked_job,
    a_job,
    a_scheduled_visit,
    a_started_job,
    a_withdrawn_visit,
    a_work_order,
    an_appointment,
    an_open_job,
    an_update,
    events,
    hops,
    ids,
    the_appointment,
    the_work_order,
    tickets,
)

OPEN, PLANNED, IN_PROGRESS = WorkOrderState.OPEN, WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS
CONFIRMED, FAILED, MISSED = AppointmentStatus.CONFIRMED, AppointmentStatus.FAILED, AppointmentStatus.MISSED
CANCELLED = AppointmentStatus.CANCELLED


# Failed and missed


@pytest.mark.parametrize("status", [FAILED, MISSED])
def test_a_no_show_passes_through_in_progress_and_asks_for_another_visit(status: AppointmentStatus) -> None:
    decision = decide(a_booked_job(), an_update(None, status, window=MORNING, visit="V-1"), ids(), NOW)
    assert hops(decision) == [
        "appointment confirmed -> inProgress",
        f"appointment inProgress -> {status}",
        "workOrder planned -> open",
    ]
    assert events(decision) == [STATUS, STATUS, STATE, REQUIRED]
    assert the_work_order(decision).appointment_required
    assert tickets(decision) == [TicketStatus.PENDING]


@pytest.mark.parametrize("status", [FAILED, MISSED])
def test_a_no_show_after_the_work_has_started_ends_the_work_order(status: AppointmentStatus) -> None:
    decision = decide(a_started_job(), an_update(None, status, window=MORNING, visit="V-1"), ids(), NOW)
    assert hops(decision) == [f"appointment inProgress -> {status}", "workOrder inProgress -> unableToComplete"]
    assert events(decision) == [STATUS, STATE]
    assert not the_work_order(decision).appointment_required


def test_a_pack_may_say_what_becomes_of_the_work_order() -> None:
    decision = decide(a_booked_job(), an_update(WorkOrderState.CANCELLED, FAILED), ids(), NOW)
    assert hops(decision) == [
        "appointment confirmed -> inProgress",
        "appointment inProgress -> failed",
        "workOrder planned -> cancelled",
    ]


def test_a_pack_may_say_that_no_other_visit_is_needed() -> None:
    decision = decide(a_booked_job(), an_update(None, FAILED, required=False), ids(), NOW)
    assert (the_work_order(decision).state, the_work_order(decision).appointment_required) == (OPEN, False)


def test_a_visit_agreed_and_failed_between_two_messages_still_asks_for_another() -> None:
    decision = decide(an_open_job(), an_update(None, FAILED, window=MORNING, visit="V-1"), ids(), NOW)
    assert hops(decision) == [
        "appointment new -> confirmed",
        "workOrder open -> planned",
        "appointment confirmed -> inProgress",
        "appointment inProgress -> failed",
        "workOrder planned -> open",
    ]
    assert the_work_order(decision).appointment_required
    assert events(decision)[-1] is REQUIRED


@pytest.mark.parametrize("visit", ["V-1", None])
@pytest.mark.parametrize("status", [FAILED, MISSED, AppointmentStatus.COMPLETED])
def test_an_end_that_was_seen_is_not_seen_again(status: AppointmentStatus, visit: str | None) -> None:
    job = a_job(a_work_order(OPEN, required=True), an_appointment(status, visit=visit))
    decision = decide(job, an_update(None, status, window=MORNING, visit=visit, occurred_at=LATER), ids(), NOW)
    assert (decision.outcome, events(decision)) == (Outcome.UNCHANGED, [])


def test_a_visit_that_ended_is_not_born_again_to_end_differently() -> None:
    """Terminal is terminal: the WFM's later correction of the reason does not make a second Appointment."""
    job = a_job(a_work_order(OPEN, required=True), an_appointment(MISSED))
    decision = decide(job, an_update(None, FAILED, window=MORNING, visit="V-1", occurred_at=LATER), ids(), NOW)
    assert decision.job.appointment == job.appointment


def test_a_cancelled_visit_does_not_hold_up_the_end_of_the_work() -> None:
    """The WFM reports the whole job done and still names the visit that the Buyer cancelled."""
    job = a_job(a_work_order(IN_PROGRESS), an_appointment(CANCELLED))
    update = an_update(WorkOrderState.COMPLETED, AppointmentStatus.COMPLETED, window=MORNING, visit="V-1")
    decision = decide(job, update, ids(), NOW)
    assert hops(decision) == ["workOrder inProgress -> completed"]


# Withdrawn by the WFM


def test_a_withdrawn_visit_is_cancelled_and_another_is_asked_for() -> None:
    decision = decide(a_booked_job(), a_withdrawn_visit(), ids(), NOW)
    assert hops(decision) == ["appointment confirmed -> cancelled", "workOrder planned -> open"]
    assert the_work_order(decision).appointment_required
    assert tickets(decision) == [TicketStatus.PENDING]


def test_a_visit_withdrawn_from_work_in_progress_ends_the_work_order() -> None:
    job = a_job(a_work_order(IN_PROGRESS), an_appointment())
    decision = decide(job, an_update(None, CANCELLED, visit="V-1"), ids(), NOW)
    assert hops(decision) == ["appointment confirmed -> cancelled", "workOrder inProgress -> unableToComplete"]


def test_a_cancelled_visit_may_be_agreed_anew_under_the_same_reference() -> None:
    job = a_job(a_work_order(OPEN, required=True), an_appointment(CANCELLED))
    decision = decide(job, a_scheduled_visit(occurred_at=LATER), ids(), NOW)
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]


def test_a_visit_rescheduled_by_the_buyer_and_then_cancelled_may_be_agreed_anew() -> None:
    """The window before the reschedule must not be mistaken for a move by the Seller."""
    moved = an_appointment(window=AFTERNOON, disregarded_window=MORNING)
    cancelled = decide(a_booked_job(appointment=moved), a_withdrawn_visit(AFTERNOON), ids(), NOW).job
    decision = decide(cancelled, a_scheduled_visit(NEXT_DAY, occurred_at=LATER), ids(), NOW)
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]


# Moved by the Seller: R27


def moved_job(visit: str | None = "V-1") -> Job:
    """A job whose visit the Seller moved from the morning to the afternoon."""
    return decide(a_booked_job(visit=visit), a_scheduled_visit(AFTERNOON, visit), ids(), NOW).job


def test_a_move_by_the_seller_is_a_cancelled_appointment_and_a_request_to_book_again() -> None:
    decision = decide(a_booked_job(), a_scheduled_visit(AFTERNOON), ids(), NOW)
    assert hops(decision) == ["appointment confirmed -> cancelled", "workOrder planned -> open"]
    assert events(decision) == [STATUS, STATE, REQUIRED]
    assert the_appointment(decision).valid_for == MORNING
    assert the_work_order(decision).appointment_required


@pytest.mark.parametrize("visit", ["V-1", None])
@pytest.mark.parametrize("window", [AFTERNOON, NEXT_DAY])
def test_neither_a_repeat_of_the_move_nor_another_move_is_adopted(window: TimePeriod, visit: str | None) -> None:
    """The Buyer was asked to book; what the WFM moves about meanwhile is not agreed."""
    job = moved_job(visit)
    decision = decide(job, a_scheduled_visit(window, visit, occurred_at=LATER), ids(), LATER + timedelta(minutes=1))
    assert (decision.outcome, decision.job.appointment) == (Outcome.ECHO, job.appointment)
    assert decision.notifications == ()


def test_a_repeat_of_the_move_under_a_new_reference_is_not_adopted_either() -> None:
    job = decide(a_booked_job(visit="V-1"), a_scheduled_visit(AFTERNOON, "V-2"), ids(), NOW).job
    decision = decide(job, a_scheduled_visit(AFTERNOON, "V-2", occurred_at=LATER), ids(), LATER)
    assert (decision.outcome, decision.notifications) == (Outcome.ECHO, ())


def test_another_visit_after_a_move_is_a_new_agreement() -> None:
    decision = decide(moved_job(), a_scheduled_visit(NEXT_DAY, "V-2", occurred_at=LATER), ids(), LATER)
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]


def test_a_move_does_not_hide_what_becomes_of_the_next_visit() -> None:
    """The WFM names no visits; the withdrawn one is history once another has followed."""
    job = moved_job(None)
    assert job.work_order is not None
    assert job.appointment is not None
    failed = an_appointment(FAILED, NEXT_DAY, None, id="ap-3")
    job = replace(job, appointment=failed, ended_appointments=(job.appointment,))
    decision = decide(job, a_scheduled_visit(a_later_day(), None, occurred_at=LATER), ids(), LATER)
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]


def a_later_day() -> TimePeriod:
    return TimePeriod(
        start_date_time=NEXT_DAY.start_date_time + timedelta(days=2),
        end_date_time=NEXT_DAY.end_date_time + timedelta(days=2),
    )


def test_a_visit_in_progress_cannot_be_moved() -> None:
    job = a_started_job()
    decision = decide(job, an_update(None, CONFIRMED, window=AFTERNOON, visit="V-1"), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)


def test_a_message_that_ends_the_work_order_is_no_move() -> None:
    """It contradicts itself, so it is parked; the end of the WorkOrder must not be lost in a reschedule."""
    job = a_booked_job()
    update = an_update(WorkOrderState.COMPLETED, CONFIRMED, window=AFTERNOON, visit="V-1")
    assert decide(job, update, ids(), NOW).outcome is Outcome.PARKED
