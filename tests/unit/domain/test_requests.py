"""What a Buyer may ask for: each rule with its error code and JSON Pointer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.model import Command, CommandState, Job, Problem
from bridge.domain.requests import UNKNOWN_WORK_ORDER, check_booking, check_cancel, check_search, check_update
from bridge.mef.enums import AppointmentStatus, ContactRole, Error422Code, WorkOrderState
from bridge.mef.models import AppointmentUpdate, SearchTimeSlotCreate, TimePeriod, TimeSlot, WorkOrderRef
from tests.unit.domain.builders import (
    AFTERNOON,
    BEFORE,
    BUYERS_CONTACTS,
    MORNING,
    NOW,
    WO,
    a_booked_job,
    a_booking,
    a_booking_request,
    a_cancel,
    a_job,
    a_note,
    a_planned_job,
    a_reschedule,
    a_started_job,
    a_work_order,
    an_appointment,
    an_ended_job,
    an_open_job,
)

OTHER, INVALID, MISSING = Error422Code.OTHER_ISSUE, Error422Code.INVALID_VALUE, Error422Code.MISSING_PROPERTY

BACKWARDS = TimePeriod(start_date_time=MORNING.end_date_time, end_date_time=MORNING.start_date_time)
EMPTY = TimePeriod(start_date_time=MORNING.start_date_time, end_date_time=MORNING.start_date_time)
PAST = TimePeriod(start_date_time=BEFORE, end_date_time=NOW)
BAD_WINDOWS = [BACKWARDS, EMPTY, PAST]
UNDER_WAY = TimePeriod(start_date_time=BEFORE, end_date_time=NOW + timedelta(seconds=1))


def found(problems: list[Problem]) -> list[tuple[Error422Code, str | None]]:
    return [(problem.code, problem.path) for problem in problems]


def a_search(*windows: TimePeriod) -> SearchTimeSlotCreate:
    slots = tuple(TimeSlot(valid_for=window) for window in windows)
    return SearchTimeSlotCreate(requested_time_slot=slots, work_order=WorkOrderRef(id=WO))


def test_an_unknown_work_order_is_a_reference_not_found() -> None:
    assert found([UNKNOWN_WORK_ORDER]) == [(Error422Code.REFERENCE_NOT_FOUND, "/workOrder/id")]


# What may be searched for (R12)


@pytest.mark.parametrize("state", [WorkOrderState.OPEN, WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS])
def test_slots_may_be_searched_while_the_work_order_runs(state: WorkOrderState) -> None:
    """Planned, too: a reschedule begins with a search (UC 7)."""
    assert check_search(a_work_order(state), a_search(MORNING, UNDER_WAY), NOW, max_periods=20) == []


@pytest.mark.parametrize(
    "state", [WorkOrderState.COMPLETED, WorkOrderState.CANCELLED, WorkOrderState.UNABLE_TO_COMPLETE]
)
def test_no_slots_for_a_work_order_that_has_ended(state: WorkOrderState) -> None:
    problems = check_search(a_work_order(state), a_search(MORNING), NOW, max_periods=20)
    assert found(problems) == [(OTHER, "/workOrder/id")]
    assert state in problems[0].reason


@pytest.mark.parametrize("bad", BAD_WINDOWS)
def test_each_bad_period_of_a_search_is_pointed_at(bad: TimePeriod) -> None:
    problems = check_search(a_work_order(), a_search(bad, MORNING, bad), NOW, max_periods=20)
    assert found(problems) == [
        (INVALID, "/requestedTimeSlot/0/validFor"),
        (INVALID, "/requestedTimeSlot/2/validFor"),
    ]


# What may be booked (R15, R16, R20, R21)


def test_an_open_work_order_can_be_booked_for() -> None:
    assert check_booking(an_open_job(), a_booking_request(), NOW) == []


def test_an_open_work_order_that_requires_no_appointment_can_be_booked_for_too() -> None:
    assert check_booking(an_open_job(required=False), a_booking_request(), NOW) == []


@pytest.mark.parametrize("job", [a_booked_job(), a_started_job()])
def test_no_booking_while_an_appointment_is_open(job: Job) -> None:
    """R20."""
    problems = check_booking(job, a_booking_request(), NOW)
    assert found(problems) == [(OTHER, "/workOrder/id")]
    assert "has an Appointment" in problems[0].reason


@pytest.mark.parametrize("job", [a_planned_job(), an_ended_job(), an_ended_job(WorkOrderState.CANCELLED)])
def test_no_booking_unless_the_work_order_is_open(job: Job) -> None:
    """R21."""
    problems = check_booking(job, a_booking_request(), NOW)
    assert found(problems) == [(OTHER, "/workOrder/id")]
    assert "must be open" in problems[0].reason


def test_no_booking_while_another_is_under_way() -> None:
    job = an_open_job(commands=(a_booking(),))
    assert found(check_booking(job, a_booking_request(), NOW)) == [(OTHER, "/workOrder/id")]


@pytest.mark.parametrize("state", [CommandState.EXPIRED, CommandState.COMPENSATED])
def test_a_booking_that_timed_out_does_not_stand_in_the_way_of_another(state: CommandState) -> None:
    assert check_booking(an_open_job(commands=(a_booking(state),)), a_booking_request(), NOW) == []


@pytest.mark.parametrize("bad", BAD_WINDOWS)
def test_a_bad_window_cannot_be_booked(bad: TimePeriod) -> None:
    """R16."""
    assert found(check_booking(an_open_job(), a_booking_request(bad), NOW)) == [(INVALID, "/validFor")]


@pytest.mark.parametrize("missing", [ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE])
def test_a_booking_names_both_contacts_of_the_buyer(missing: ContactRole) -> None:
    """R15."""
    contacts = tuple(contact for contact in BUYERS_CONTACTS if contact.role != missing)
    problems = check_booking(an_open_job(), a_booking_request(related_contact_information=contacts), NOW)
    assert found(problems) == [(MISSING, "/relatedContactInformation")]
    assert missing in problems[0].reason


def test_all_problems_of_a_booking_are_reported_at_once() -> None:
    request = a_booking_request(PAST, related_contact_information=BUYERS_CONTACTS[:1])
    assert found(check_booking(a_planned_job(), request, NOW)) == [
        (OTHER, "/workOrder/id"),
        (INVALID, "/validFor"),
        (MISSING, "/relatedContactInformation"),
    ]


# What may be patched (R40, R41)


def patch_problems(
    request: AppointmentUpdate, job: Job | None = None, provided: frozenset[str] = frozenset({"validFor"})
) -> list[tuple[Error422Code, str | None]]:
    job = job or a_booked_job()
    assert job.appointment is not None
    return found(check_update(job, job.appointment, request, provided, NOW))


def test_a_confirmed_appointment_can_be_moved() -> None:
    assert patch_problems(AppointmentUpdate(valid_for=AFTERNOON)) == []


@pytest.mark.parametrize("bad", BAD_WINDOWS)
def test_an_appointment_cannot_be_moved_to_a_bad_window(bad: TimePeriod) -> None:
    """R41."""
    assert patch_problems(AppointmentUpdate(valid_for=bad)) == [(INVALID, "/validFor")]


def test_a_window_that_stays_is_not_judged_again() -> None:
    job = a_booked_job(PAST)
    assert patch_problems(AppointmentUpdate(valid_for=PAST, note=(a_note(),)), job) == []


@pytest.mark.parametrize("status", [s for s in AppointmentStatus if s is not AppointmentStatus.CONFIRMED])
def test_only_a_confirmed_appointment_can_be_patched(status: AppointmentStatus) -> None:
    """R40."""
    job = a_job(a_work_order(WorkOrderState.PLANNED), an_appointment(status))
    assert (OTHER, None) in patch_problems(AppointmentUpdate(valid_for=AFTERNOON), job)


@pytest.mark.parametrize("pending", [a_reschedule(), a_cancel()])
def test_one_change_of_an_appointment_at_a_time(pending: Command) -> None:
    job = a_booked_job(commands=(pending,))
    assert patch_problems(AppointmentUpdate(valid_for=AFTERNOON), job) == [(OTHER, None)]


@pytest.mark.parametrize("settled", [a_reschedule(CommandState.EXPIRED), a_cancel(CommandState.EXPIRED)])
def test_a_change_that_timed_out_does_not_stand_in_the_way(settled: Command) -> None:
    assert patch_problems(AppointmentUpdate(valid_for=AFTERNOON), a_booked_job(commands=(settled,))) == []


# What may be cancelled (R46, R47)


def cancel_problems(job: Job) -> list[Problem]:
    assert job.appointment is not None
    return check_cancel(job, job.appointment)


def test_a_confirmed_appointment_of_a_planned_work_order_can_be_cancelled() -> None:
    assert cancel_problems(a_booked_job()) == []


@pytest.mark.parametrize("status", [s for s in AppointmentStatus if s is not AppointmentStatus.CONFIRMED])
def test_only_a_confirmed_appointment_can_be_cancelled(status: AppointmentStatus) -> None:
    """R46."""
    problems = cancel_problems(a_job(a_work_order(WorkOrderState.PLANNED), an_appointment(status)))
    assert found(problems) == [(OTHER, None)]
    assert status in problems[0].reason


@pytest.mark.parametrize("state", [s for s in WorkOrderState if s is not WorkOrderState.PLANNED])
def test_only_an_appointment_of_a_planned_work_order_can_be_cancelled(state: WorkOrderState) -> None:
    """R47."""
    problems = cancel_problems(a_job(a_work_order(state), an_appointment()))
    assert found(problems) == [(OTHER, None)]
    assert state in problems[0].reason


@pytest.mark.parametrize("pending", [a_reschedule(), a_cancel()])
def test_no_cancellation_while_another_change_is_under_way(pending: Command) -> None:
    assert found(cancel_problems(a_booked_job(commands=(pending,)))) == [(OTHER, None)]


def test_reasons_fit_into_an_error_body() -> None:
    """`reason` holds 255 characters at most."""
    job = replace(a_started_job(), commands=(a_cancel(),))
    problems = [*check_booking(job, a_booking_request(PAST, related_contact_information=()), NOW)]
    assert problems
    assert all(len(problem.reason) <= 255 for problem in problems)
