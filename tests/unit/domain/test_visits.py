"""A known job moves on: visits agreed, legal hops in the order of Figure 5, attributes, ticket statuses."""

from dataclasses import replace

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Job, Outcome, SetTicketStatus, TicketStatus
from bridge.mef.enums import AppointmentStatus, BuyerSeller, ContactRole, WorkOrderState
from bridge.mef.models import Note
from tests.unit.domain.builders import (
    AFTERNOON,
    ATTRIBUTE,
    BEFORE,
    BUYERS_CONTACTS,
    MORNING,
    NEXT_DAY,
    NOW,
    REQUIRED,
    SELLER,
    STATE,
    STATUS,
    TECHNICIAN,
    TICKET,
    WO,
    a_booked_job,
    a_contact,
    a_job,
    a_new_job,
    a_planned_job,
    a_scheduled_visit,
    a_started_job,
    a_withdrawn_visit,
    a_work_order,
    an_appointment,
    an_ended_job,
    an_open_job,
    an_update,
    events,
    hops,
    ids,
    some_details,
    the_appointment,
    the_work_order,
    tickets,
)

OPEN, PLANNED, IN_PROGRESS = WorkOrderState.OPEN, WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS
COMPLETED, CANCELLED = WorkOrderState.COMPLETED, WorkOrderState.CANCELLED
UNABLE = WorkOrderState.UNABLE_TO_COMPLETE
CONFIRMED = AppointmentStatus.CONFIRMED


# A visit the WFM agreed by itself


def test_a_visit_agreed_by_phone_is_a_new_appointment_announced_by_a_status_event() -> None:
    """R19, R22, R24: confirmed, referenced by the WorkOrder, which is planned and requires nothing any more (R23)."""
    decision = decide(an_open_job(), a_scheduled_visit(), ids(), NOW)
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]
    assert events(decision) == [STATUS, STATE]
    assert the_work_order(decision).appointments == ("ap-2",)
    assert not the_work_order(decision).appointment_required


def test_a_visit_agreed_by_phone_makes_the_work_order_planned_even_if_only_the_visit_is_named() -> None:
    decision = decide(an_open_job(), an_update(None, CONFIRMED, window=MORNING, visit="V-1"), ids(), NOW)
    assert the_work_order(decision).state is PLANNED


def test_a_planned_work_order_may_get_its_visit_later() -> None:
    decision = decide(a_planned_job(), a_scheduled_visit(), ids(), NOW)
    assert hops(decision) == ["appointment new -> confirmed"]


def test_a_second_visit_joins_the_appointments_and_the_first_is_kept_as_ended() -> None:
    ended = an_appointment(AppointmentStatus.FAILED)
    decision = decide(a_job(a_work_order(OPEN, required=True), ended), a_scheduled_visit(NEXT_DAY, "V-2"), ids(), NOW)
    assert the_work_order(decision).appointments == ("ap-1", "ap-2")
    assert decision.job.ended_appointments == (ended,)


def test_a_visit_without_a_window_is_no_appointment() -> None:
    decision = decide(an_open_job(), an_update(PLANNED, CONFIRMED, visit="V-1"), ids(), NOW)
    assert decision.job.appointment is None
    assert hops(decision) == ["workOrder open -> planned"]


def test_a_window_that_nobody_agreed_is_no_appointment() -> None:
    decision = decide(an_open_job(), an_update(PLANNED, None, window=MORNING, visit="V-1"), ids(), NOW)
    assert decision.job.appointment is None


def test_a_new_visit_for_a_work_order_in_progress_is_illegal() -> None:
    job = a_job(a_work_order(IN_PROGRESS))
    decision = decide(job, an_update(IN_PROGRESS, CONFIRMED, window=MORNING, visit="V-2"), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)


# Hops in the order of Figure 5


def test_from_booked_to_done_every_hop_is_told_in_the_order_of_figure_5() -> None:
    update = an_update(COMPLETED, AppointmentStatus.COMPLETED, window=MORNING, visit="V-1")
    decision = decide(a_booked_job(), update, ids(), NOW)
    assert hops(decision) == [
        "appointment confirmed -> inProgress",
        "workOrder planned -> inProgress",
        "appointment inProgress -> completed",
        "workOrder inProgress -> completed",
    ]
    assert [(n.event_type, n.id) for n in decision.notifications] == [
        (STATUS, "ap-1"),
        (STATE, "wo-1"),
        (STATUS, "ap-1"),
        (STATE, "wo-1"),
    ]


@pytest.mark.parametrize(
    ("job", "goal", "expected"),
    [
        (an_open_job(), COMPLETED, ["workOrder open -> inProgress", "workOrder inProgress -> completed"]),
        (a_planned_job(), UNABLE, ["workOrder planned -> inProgress", "workOrder inProgress -> unableToComplete"]),
        (
            a_booked_job(),
            IN_PROGRESS,
            ["appointment confirmed -> inProgress", "workOrder planned -> inProgress"],
        ),
        (
            a_started_job(),
            UNABLE,
            ["appointment inProgress -> completed", "workOrder inProgress -> unableToComplete"],
        ),
        (a_booked_job(), CANCELLED, ["appointment confirmed -> cancelled", "workOrder planned -> cancelled"]),
        (a_planned_job(), CANCELLED, ["workOrder planned -> cancelled"]),
        (an_open_job(), CANCELLED, ["workOrder open -> cancelled"]),
        (a_booked_job(), OPEN, ["appointment confirmed -> cancelled", "workOrder planned -> open"]),
    ],
)
def test_a_message_that_only_names_the_work_order_takes_the_visit_along(
    job: Job, goal: WorkOrderState, expected: list[str]
) -> None:
    assert hops(decide(job, an_update(goal), ids(), NOW)) == expected


def test_a_cancelled_job_whose_visit_was_under_way_missed_it() -> None:
    job = a_job(a_work_order(PLANNED), an_appointment(AppointmentStatus.IN_PROGRESS))
    decision = decide(job, an_update(CANCELLED), ids(), NOW)
    assert hops(decision) == ["appointment inProgress -> missed", "workOrder planned -> cancelled"]


def test_work_may_start_before_the_visit() -> None:
    decision = decide(a_booked_job(), an_update(IN_PROGRESS, CONFIRMED, window=MORNING, visit="V-1"), ids(), NOW)
    assert hops(decision) == ["workOrder planned -> inProgress"]
    assert the_appointment(decision).status is CONFIRMED


@pytest.mark.parametrize("state", [OPEN, COMPLETED, CANCELLED, UNABLE])
def test_a_rule_that_leaves_a_visit_standing_on_an_open_or_ended_work_order_is_parked(state: WorkOrderState) -> None:
    job = a_booked_job()
    decision = decide(job, an_update(state, CONFIRMED, window=MORNING, visit="V-1"), ids(), NOW)
    assert (decision.outcome, decision.job, decision.notifications) == (Outcome.PARKED, job, ())


@pytest.mark.parametrize("state", [COMPLETED, CANCELLED, UNABLE])
def test_an_ended_work_order_requires_no_appointment(state: WorkOrderState) -> None:
    decision = decide(an_open_job(required=True), an_update(state, required=True), ids(), NOW)
    assert not the_work_order(decision).appointment_required
    assert REQUIRED not in events(decision)


def test_hops_are_stamped_with_the_moment_of_the_decision() -> None:
    decision = decide(a_booked_job(), an_update(IN_PROGRESS), ids(), NOW)
    assert (the_work_order(decision).changed_at, the_appointment(decision).changed_at) == (NOW, NOW)
    assert (the_work_order(decision).created_at, the_appointment(decision).created_at) == (BEFORE, BEFORE)


# Nothing new, nothing said


def test_a_repeat_says_nothing_and_is_unchanged() -> None:
    decision = decide(a_booked_job(), a_scheduled_visit(), ids(), NOW)
    assert (decision.outcome, decision.notifications, decision.effects) == (Outcome.UNCHANGED, (), ())


def test_an_older_version_is_stale_and_changes_nothing() -> None:
    job = a_booked_job(versions={"job": 5})
    decision = decide(job, an_update(COMPLETED, versions={"job": 4}), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.STALE, job)
    assert decision.reason == "older than what is applied: job 4 < 5"


def test_stale_is_judged_before_rules() -> None:
    """An old message about an ended WorkOrder is old, not illegal."""
    job = an_ended_job(versions={"job": 5})
    assert decide(job, an_update(PLANNED, versions={"job": 4}), ids(), NOW).outcome is Outcome.STALE


def test_a_version_counts_for_the_object_that_carries_it() -> None:
    job = a_booked_job(versions={"job": 5})
    decision = decide(job, an_update(IN_PROGRESS, versions={"visit": 1}), ids(), NOW)
    assert decision.outcome is Outcome.APPLIED
    assert decision.job.versions == {"job": 5, "visit": 1}


def test_the_same_version_twice_is_not_stale() -> None:
    job = a_booked_job(versions={"job": 5})
    assert decide(job, an_update(IN_PROGRESS, versions={"job": 5}), ids(), NOW).outcome is Outcome.APPLIED


def test_a_parked_message_is_not_remembered_so_that_its_replay_is_not_stale() -> None:
    job = a_started_job(versions={"job": 5})
    decision = decide(job, an_update(PLANNED, versions={"job": 6}, record={"STAT": "SCHD"}), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)


def test_new_details_are_kept_without_a_notification() -> None:
    """R57 speaks of the state only; the Buyer reads the rest."""
    details = some_details(task=("Replace SFP", "Perform OTDR"))
    decision = decide(a_planned_job(), an_update(PLANNED, details=details), ids(), NOW)
    assert (decision.outcome, decision.notifications) == (Outcome.APPLIED, ())
    assert the_work_order(decision).details == details


# appointmentRequired


def test_appointment_required_becoming_true_is_announced_and_puts_the_ticket_on_hold() -> None:
    """R58, Figure 5 step 8."""
    decision = decide(an_open_job(required=False), an_update(OPEN, required=True), ids(), NOW)
    assert (events(decision), tickets(decision)) == ([REQUIRED], [TicketStatus.PENDING])


def test_appointment_required_becoming_false_is_not_announced() -> None:
    decision = decide(an_open_job(required=True), an_update(OPEN, required=False), ids(), NOW)
    assert (the_work_order(decision).appointment_required, events(decision)) == (False, [])


def test_a_repeated_requirement_is_not_announced_again() -> None:
    decision = decide(an_open_job(required=True), a_new_job(required=True), ids(), NOW)
    assert (decision.outcome, events(decision)) == (Outcome.UNCHANGED, [])


@pytest.mark.parametrize("job", [a_planned_job(), a_booked_job(), a_started_job()])
def test_only_an_open_work_order_requires_an_appointment(job: Job) -> None:
    decision = decide(job, an_update(required=True), ids(), NOW)
    assert (the_work_order(decision).appointment_required, events(decision)) == (False, [])


def test_a_job_that_never_had_a_visit_does_not_require_one_when_it_is_unplanned() -> None:
    decision = decide(a_planned_job(), an_update(OPEN), ids(), NOW)
    assert (hops(decision), events(decision)) == (["workOrder planned -> open"], [STATE])
    assert not the_work_order(decision).appointment_required


def test_the_requirement_is_announced_last() -> None:
    decision = decide(a_booked_job(), a_withdrawn_visit(), ids(), NOW)
    assert events(decision) == [STATUS, STATE, REQUIRED]


# Attributes of the Appointment


def test_another_seller_contact_of_an_open_appointment_is_an_attribute_event() -> None:
    """R29; the Buyer's own contacts stay."""
    decision = decide(a_booked_job(), a_scheduled_visit(contacts=(TECHNICIAN,)), ids(), NOW)
    assert (decision.outcome, events(decision)) == (Outcome.APPLIED, [ATTRIBUTE])
    assert the_appointment(decision).contacts == (*BUYERS_CONTACTS, TECHNICIAN)


def test_the_same_seller_contact_again_is_no_news() -> None:
    decision = decide(a_booked_job(), a_scheduled_visit(contacts=(SELLER,)), ids(), NOW)
    assert (decision.outcome, events(decision)) == (Outcome.UNCHANGED, [])


def test_the_order_of_contacts_is_no_news() -> None:
    contacts = (TECHNICIAN, a_contact(ContactRole.APPOINTMENT_PLACE))
    first = decide(an_open_job(), a_scheduled_visit(contacts=contacts), ids(), NOW)
    assert events(decide(first.job, a_scheduled_visit(contacts=contacts), ids(), NOW)) == []


def test_the_wfm_does_not_change_the_buyers_contacts() -> None:
    other = a_contact(ContactRole.APPOINTMENT_PLACE, "Somebody else")
    decision = decide(a_booked_job(), a_scheduled_visit(contacts=(other, SELLER)), ids(), NOW)
    assert the_appointment(decision).contacts == (*BUYERS_CONTACTS, SELLER)
    assert events(decision) == []


def test_a_seller_contact_of_an_ended_appointment_is_left_alone() -> None:
    job = a_job(a_work_order(IN_PROGRESS), an_appointment(AppointmentStatus.COMPLETED))
    update = an_update(IN_PROGRESS, AppointmentStatus.COMPLETED, window=MORNING, visit="V-1", contacts=(TECHNICIAN,))
    decision = decide(job, update, ids(), NOW)
    assert (decision.job.appointment, events(decision)) == (job.appointment, [])


def test_the_reference_of_a_booked_visit_is_learnt_from_the_first_message_that_has_it() -> None:
    """A reply need not name the visit; a later cancel command must."""
    decision = decide(a_booked_job(visit=None), a_scheduled_visit(visit="V-1"), ids(), NOW)
    assert the_appointment(decision).visit == "V-1"
    assert events(decision) == []


def test_a_visit_that_is_renumbered_but_not_moved_is_followed() -> None:
    decision = decide(a_booked_job(visit="V-1"), a_scheduled_visit(visit="V-9"), ids(), NOW)
    assert (the_appointment(decision).visit, events(decision)) == ("V-9", [])


# Trouble tickets


def test_a_visit_puts_the_ticket_in_progress() -> None:
    """R25."""
    decision = decide(an_open_job(), a_scheduled_visit(), ids(), NOW)
    assert decision.effects == (SetTicketStatus(TICKET, TicketStatus.IN_PROGRESS, WO),)


@pytest.mark.parametrize(("siblings", "expected"), [(0, [TicketStatus.RESOLVED]), (1, [])])
def test_the_ticket_is_resolved_with_its_last_open_work_order(siblings: int, expected: list[TicketStatus]) -> None:
    """Figure 5, steps 31 and 32."""
    decision = decide(a_started_job(open_siblings=siblings), an_update(COMPLETED), ids(), NOW)
    assert tickets(decision) == expected


@pytest.mark.parametrize("state", [CANCELLED, UNABLE])
def test_only_completion_resolves_the_ticket(state: WorkOrderState) -> None:
    assert tickets(decide(a_planned_job(), an_update(state), ids(), NOW)) == []


def test_a_work_order_without_a_ticket_has_no_ticket_commands() -> None:
    details = some_details(ticket=None)
    job = a_job(replace(a_work_order(OPEN), details=details))
    assert decide(job, a_scheduled_visit(details=details), ids(), NOW).effects == ()


def test_the_window_of_another_visit_is_not_taken_for_a_change_of_this_one() -> None:
    decision = decide(a_started_job(), an_update(IN_PROGRESS, window=AFTERNOON, visit="V-1"), ids(), NOW)
    assert the_appointment(decision).valid_for == MORNING


def test_a_new_note_of_the_seller_is_an_attribute_event_and_said_again_it_is_none() -> None:
    """R29: notes are added, never taken away."""
    note = Note(id="n-1", author="Dispatch", date=NOW, source=BuyerSeller.SELLER, text="Ring twice")
    update = a_scheduled_visit()
    noted = replace(update, visit=replace(update.visit, note=(note,)))
    first = decide(a_booked_job(), noted, ids(), NOW)
    assert events(first) == [ATTRIBUTE]
    assert the_appointment(first).note == (note,)
    second = decide(first.job, noted, ids(), NOW)
    assert events(second) == []
    assert the_appointment(decide(first.job, update, ids(), NOW)).note == (note,)


def test_a_new_visit_has_the_notes_it_was_agreed_with() -> None:
    note = Note(id="n-1", author="Dispatch", date=NOW, source=BuyerSeller.SELLER, text="Ring twice")
    update = a_scheduled_visit()
    decision = decide(an_open_job(), replace(update, visit=replace(update.visit, note=(note,))), ids(), NOW)
    assert the_appointment(decision).note == (note,)
