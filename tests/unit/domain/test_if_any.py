"""Goals that speak of a visit only where there is one, and WorkOrders that no Buyer may book a visit for."""

from dataclasses import replace

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Goal, Job, JobUpdate, Outcome
from bridge.domain.requests import NOT_BOOKABLE, check_booking, check_search
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState
from bridge.mef.models import SearchTimeSlotCreate, TimePeriod, TimeSlot, WorkOrderRef
from tests.unit.domain.builders import (
    LATER,
    MORNING,
    NOW,
    WO,
    a_booked_job,
    a_booking_request,
    a_new_job,
    a_withdrawn_visit,
    an_ended_job,
    an_open_job,
    an_unknown_job,
    an_update,
    events,
    hops,
    ids,
    some_details,
    the_work_order,
)

PLANNED, COMPLETED = WorkOrderState.PLANNED, WorkOrderState.COMPLETED
CONFIRMED, DONE = AppointmentStatus.CONFIRMED, AppointmentStatus.COMPLETED


def if_any(state: WorkOrderState, status: AppointmentStatus, window: TimePeriod | None = None) -> JobUpdate:
    return replace(an_update(window=window), goal=Goal(work_order=state, appointment=status, if_any=True))


@pytest.mark.parametrize(
    ("job", "update", "told"),
    [
        (an_open_job(), if_any(PLANNED, CONFIRMED), ["workOrder open -> planned"]),
        (
            an_open_job(),
            if_any(PLANNED, CONFIRMED, MORNING),
            ["appointment new -> confirmed", "workOrder open -> planned"],
        ),
        (
            a_booked_job(),
            if_any(COMPLETED, DONE),
            [
                "appointment confirmed -> inProgress",
                "workOrder planned -> inProgress",
                "appointment inProgress -> completed",
                "workOrder inProgress -> completed",
            ],
        ),
    ],
)
def test_the_goal_is_the_visits_too_only_where_there_is_one(job: Job, update: JobUpdate, told: list[str]) -> None:
    assert hops(decide(job, update, ids(), NOW)) == told


@pytest.mark.parametrize("window", [None, MORNING])
def test_the_end_told_again_is_nothing_new_with_or_without_the_visit(window: TimePeriod | None) -> None:
    assert decide(an_ended_job(), if_any(COMPLETED, DONE, window), ids(), NOW).outcome is Outcome.UNCHANGED


def unbookable(job: Job) -> Job:
    assert job.work_order is not None
    details = replace(job.work_order.details, bookable=False)
    return replace(job, work_order=replace(job.work_order, details=details))


def test_neither_a_search_nor_a_booking_is_taken_for_work_without_visits() -> None:
    job = unbookable(an_open_job())
    assert check_booking(job, a_booking_request(), NOW) == [NOT_BOOKABLE]
    search = SearchTimeSlotCreate(work_order=WorkOrderRef(id=WO), requested_time_slot=(TimeSlot(valid_for=MORNING),))
    assert job.work_order is not None
    assert check_search(job.work_order, search, NOW, max_periods=20) == [NOT_BOOKABLE]
    assert check_booking(an_open_job(), a_booking_request(), NOW) == []


def test_nobody_is_asked_to_book_a_visit_that_he_cannot_book() -> None:
    details = replace(some_details(), bookable=False)
    born = decide(an_unknown_job(), a_new_job(required=True, details=details), ids(), NOW)
    assert events(born) == [EventType.WORK_ORDER_CREATE]
    assert not the_work_order(born).appointment_required
    gone = decide(unbookable(a_booked_job()), a_withdrawn_visit(details=details), ids(), LATER)
    assert hops(gone) == ["appointment confirmed -> cancelled", "workOrder planned -> open"]
    assert not the_work_order(gone).appointment_required
