"""A message about a job that the bridge does not know: wait for it, or open a WorkOrder."""

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Outcome, TicketStatus
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.domain.builders import (
    BUYER,
    CREATED,
    JOB,
    MORNING,
    NOW,
    REQUIRED,
    STATE,
    STATUS,
    TECHNICIAN,
    a_new_job,
    a_scheduled_visit,
    an_unknown_job,
    an_update,
    events,
    hops,
    ids,
    some_details,
    the_appointment,
    the_work_order,
    tickets,
)

COMPLETED = WorkOrderState.COMPLETED


def test_an_update_for_an_unknown_job_waits_and_changes_nothing() -> None:
    job = an_unknown_job()
    decision = decide(job, an_update(WorkOrderState.PLANNED, versions={"job": 2}), ids(), NOW)
    assert (decision.outcome, decision.job, decision.notifications) == (Outcome.WAITING, job, ())


def test_a_new_job_is_an_open_work_order_announced_by_the_create_event() -> None:
    """R56."""
    decision = decide(an_unknown_job(), a_new_job(required=False), ids(), NOW)
    work_order = the_work_order(decision)
    assert (decision.outcome, hops(decision)) == (Outcome.APPLIED, ["workOrder new -> open"])
    assert (work_order.id, work_order.job, work_order.buyer) == ("wo-2", JOB, BUYER)
    assert (work_order.details, work_order.created_at, work_order.changed_at) == (some_details(), NOW, NOW)
    assert [(n.event_type, n.id, n.buyer) for n in decision.notifications] == [(CREATED, "wo-2", BUYER)]


def test_a_new_job_that_needs_a_visit_sends_the_create_event_then_the_required_event() -> None:
    """R58; the ticket is on hold until the Buyer books (Figure 5, steps 7 and 8)."""
    decision = decide(an_unknown_job(), a_new_job(required=True), ids(), NOW)
    assert the_work_order(decision).appointment_required
    assert events(decision) == [CREATED, REQUIRED]
    assert tickets(decision) == [TicketStatus.PENDING]


def test_a_new_job_with_an_agreed_visit_never_required_one() -> None:
    decision = decide(an_unknown_job(), a_scheduled_visit(required=True, creates=True), ids(), NOW)
    assert not the_work_order(decision).appointment_required
    assert hops(decision) == ["workOrder new -> open", "appointment new -> confirmed", "workOrder open -> planned"]
    assert events(decision) == [CREATED, STATUS, STATE]
    assert tickets(decision) == [TicketStatus.IN_PROGRESS]


def test_a_new_job_that_is_past_open_never_required_a_visit() -> None:
    """Only an open WorkOrder can be booked for (R21), so nothing is asked of the Buyer on the way through."""
    update = an_update(WorkOrderState.PLANNED, required=True, creates=True)
    decision = decide(an_unknown_job(), update, ids(), NOW)
    assert events(decision) == [CREATED, STATE]
    assert not the_work_order(decision).appointment_required
    assert tickets(decision) == []


def test_a_job_first_heard_of_at_its_end_passes_through_every_state() -> None:
    update = an_update(COMPLETED, AppointmentStatus.COMPLETED, window=MORNING, visit="V-1", creates=True)
    decision = decide(an_unknown_job(), update, ids(), NOW)
    assert hops(decision) == [
        "workOrder new -> open",
        "appointment new -> confirmed",
        "workOrder open -> planned",
        "appointment confirmed -> inProgress",
        "workOrder planned -> inProgress",
        "appointment inProgress -> completed",
        "workOrder inProgress -> completed",
    ]
    assert events(decision) == [CREATED, STATUS, STATE, STATUS, STATE, STATUS, STATE]


def test_a_visit_of_a_new_job_that_fell_through_leaves_it_asking_for_another() -> None:
    update = an_update(None, AppointmentStatus.FAILED, window=MORNING, visit="V-1", creates=True)
    decision = decide(an_unknown_job(), update, ids(), NOW)
    assert the_work_order(decision).state is WorkOrderState.OPEN
    assert the_work_order(decision).appointment_required
    assert events(decision)[-2:] == [STATE, REQUIRED]


def test_the_new_appointment_is_built_from_the_message() -> None:
    update = a_scheduled_visit(creates=True, contacts=(TECHNICIAN,))
    appointment = the_appointment(decide(an_unknown_job(), update, ids(), NOW))
    assert (appointment.id, appointment.work_order, appointment.buyer) == ("ap-2", "wo-2", BUYER)
    assert (appointment.valid_for, appointment.visit, appointment.contacts) == (MORNING, "V-1", (TECHNICIAN,))
    assert appointment.place == some_details().place[0]


def test_versions_and_record_are_remembered() -> None:
    decision = decide(an_unknown_job(), a_new_job(versions={"job": 3}, record={"STAT": "NEW"}), ids(), NOW)
    assert (decision.job.versions, decision.job.record) == ({"job": 3}, {"STAT": "NEW"})


@pytest.mark.parametrize("state", [WorkOrderState.OPEN, COMPLETED, WorkOrderState.CANCELLED])
def test_an_agreed_visit_contradicts_a_work_order_that_is_open_or_ended(state: WorkOrderState) -> None:
    """R24: where a visit stands, the WorkOrder is planned. A rule that says otherwise is parked, not half applied."""
    job = an_unknown_job()
    update = an_update(state, AppointmentStatus.CONFIRMED, window=MORNING, visit="V-1", creates=True)
    decision = decide(job, update, ids(), NOW)
    assert (decision.outcome, decision.job, decision.notifications) == (Outcome.PARKED, job, ())
    assert decision.reason.startswith("rule a rule: ")
