"""Only a WorkOrder that is no longer `open` has been given an execution date (Table 10)."""

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Accepted, Decision, Job, JobUpdate
from bridge.domain.settlement import settle
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.domain.builders import (
    AFTERNOON,
    MORNING,
    NOW,
    SELLER,
    a_booked_job,
    a_booking,
    a_cancel,
    a_job,
    a_new_job,
    a_scheduled_visit,
    a_withdrawn_visit,
    a_work_order,
    an_appointment,
    an_open_job,
    an_unknown_job,
    an_update,
    ids,
    some_details,
    the_work_order,
)

DATE = MORNING.start_date_time
DATED = some_details(planned_execution_date=DATE)
BOOKED = a_booked_job()
PLANNED = a_job(a_work_order(WorkOrderState.PLANNED, details=DATED), BOOKED.appointment)


def state_and_date(decision: Decision) -> tuple[WorkOrderState, object]:
    order = the_work_order(decision)
    return order.state, order.details.planned_execution_date


def test_the_buyer_who_cancels_sees_no_date_of_the_visit_that_is_gone() -> None:
    job = a_job(PLANNED.work_order, PLANNED.appointment, commands=(a_cancel(),))
    decision = settle(job, a_cancel(), Accepted(), SELLER, ids(), NOW).decision
    assert state_and_date(decision) == (WorkOrderState.OPEN, None)


@pytest.mark.parametrize(
    ("job", "update"),
    [
        (PLANNED, a_withdrawn_visit(details=DATED)),  # the snapshot still has the window
        (PLANNED, a_scheduled_visit(AFTERNOON, details=DATED)),  # the Seller moved it: R27
        (PLANNED, an_update(None, AppointmentStatus.MISSED, window=MORNING, visit="V-1", details=DATED)),
        (PLANNED, an_update(WorkOrderState.OPEN, details=DATED)),
        (an_open_job(), an_update(details=DATED)),
        (an_unknown_job(), a_new_job(details=DATED)),
        (
            a_job(a_work_order(), an_appointment(AppointmentStatus.CANCELLED)),
            a_withdrawn_visit(details=DATED),  # its echo
        ),
    ],
)
def test_an_open_work_order_has_none(job: Job, update: JobUpdate) -> None:
    assert state_and_date(decide(job, update, ids(), NOW)) == (WorkOrderState.OPEN, None)


def test_a_planned_one_has_it() -> None:
    decision = decide(an_open_job(), a_scheduled_visit(details=DATED), ids(), NOW)
    assert state_and_date(decision) == (WorkOrderState.PLANNED, DATE)
    assert state_and_date(decide(PLANNED, an_update(details=DATED), ids(), NOW)) == (WorkOrderState.PLANNED, DATE)


def test_a_booking_gives_it() -> None:
    job = an_open_job(commands=(a_booking(),))
    decision = settle(job, a_booking(), Accepted("V-1"), SELLER, ids(), NOW).decision
    assert state_and_date(decision) == (WorkOrderState.PLANNED, DATE)
