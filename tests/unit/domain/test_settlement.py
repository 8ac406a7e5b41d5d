"""The WFM's answer to a Buyer's command: accepted, refused, too late, or twice."""

from dataclasses import replace

import pytest

from bridge.domain.model import (
    Accepted,
    AddNote,
    Appointment,
    CancelVisit,
    Command,
    CommandState,
    Job,
    Outcome,
    Refused,
    TicketStatus,
)
from bridge.domain.settlement import ECHO_WITHIN, Settlement, expire, settle
from bridge.mef.enums import AppointmentStatus, ContactRole, Error422Code, WorkOrderState
from bridge.mef.models import AppointmentUpdate
from tests.unit.domain.builders import (
    AFTERNOON,
    AP,
    ATTRIBUTE,
    BUYERS_CONTACTS,
    MORNING,
    NEXT_DAY,
    NOW,
    REQUIRED,
    SELLER,
    STATE,
    STATUS,
    TECHNICIAN,
    WO,
    a_booked_job,
    a_booking,
    a_booking_request,
    a_cancel,
    a_contact,
    a_job,
    a_note,
    a_planned_job,
    a_reschedule,
    a_started_job,
    a_work_order,
    an_appointment,
    an_attachment,
    an_ended_job,
    an_open_job,
    events,
    hops,
    ids,
    taken_back,
    the_appointment,
    the_work_order,
    tickets,
)

PENDING, ACCEPTED, REFUSED = CommandState.PENDING, CommandState.ACCEPTED, CommandState.REFUSED
EXPIRED, COMPENSATED = CommandState.EXPIRED, CommandState.COMPENSATED
SLOT_TAKEN = Refused(Error422Code.INVALID_VALUE, "slot taken", "/validFor")


def answer(job: Job, command: Command, reply: Accepted | Refused) -> Settlement:
    """Settle a command that is outstanding on the job."""
    return settle(replace(job, commands=(command,)), command, reply, SELLER, ids(), NOW)


def booked(job: Job, command: Command, reply: Accepted) -> Appointment:
    return the_appointment(answer(job, command, reply).decision)


def invisible(settlement: Settlement, job: Job) -> bool:
    """Whether the Buyer sees nothing of it."""
    decision = settlement.decision
    same = (decision.job.work_order, decision.job.appointment) == (job.work_order, job.appointment)
    return same and decision.outcome is Outcome.UNCHANGED and not decision.notifications


# Bookings


def test_an_accepted_booking_is_a_confirmed_appointment_and_a_planned_work_order() -> None:
    """R19, R22-R25. The response announces the Appointment, the event only the WorkOrder's new state."""
    settlement = answer(an_open_job(), a_booking(), Accepted("V-1"))
    decision = settlement.decision
    assert hops(decision) == ["appointment new -> confirmed", "workOrder open -> planned"]
    assert events(decision) == [STATE]
    assert tickets(decision) == [TicketStatus.IN_PROGRESS]
    assert (settlement.command.state, settlement.command.visit, settlement.problems) == (ACCEPTED, "V-1", ())
    assert (the_work_order(decision).appointments, the_work_order(decision).appointment_required) == (("ap-2",), False)
    assert decision.job.commands == ()


def test_the_appointment_holds_what_the_buyer_sent_and_the_sellers_contact() -> None:
    """R18."""
    sellers = a_contact(ContactRole.SELLER_APPOINTMENT, "the Buyer's idea")
    request = a_booking_request(
        note=(a_note(),),
        attachment=(an_attachment(),),
        related_contact_information=(*BUYERS_CONTACTS, sellers),
    )
    appointment = booked(an_open_job(), a_booking(request=request), Accepted("V-1"))
    assert appointment.contacts == (*BUYERS_CONTACTS, SELLER)
    assert (appointment.note, appointment.attachment) == ((a_note(),), (an_attachment(),))
    assert (appointment.id, appointment.valid_for, appointment.visit) == ("ap-2", MORNING, "V-1")


def test_the_window_is_the_one_the_wfm_agreed_to() -> None:
    settlement = answer(an_open_job(), a_booking(), Accepted("V-1", AFTERNOON))
    assert the_appointment(settlement.decision).valid_for == AFTERNOON
    planned = the_work_order(settlement.decision).details.planned_execution_date
    assert planned == AFTERNOON.start_date_time


def test_a_reference_known_before_is_kept_when_the_reply_has_none() -> None:
    assert booked(an_open_job(), a_booking(visit="V-7"), Accepted()).visit == "V-7"


def test_a_refused_booking_changes_nothing_and_gives_the_packs_reason() -> None:
    job = an_open_job()
    settlement = answer(job, a_booking(), SLOT_TAKEN)
    assert invisible(settlement, job)
    assert settlement.command.state is REFUSED
    assert [(p.code, p.reason, p.path) for p in settlement.problems] == [
        (Error422Code.INVALID_VALUE, "slot taken", "/validFor")
    ]
    assert settlement.decision.effects == ()


def test_a_booking_accepted_after_the_504_is_taken_back_and_never_seen() -> None:
    job = an_open_job()
    settlement = answer(job, a_booking(EXPIRED), Accepted("V-1"))
    assert invisible(settlement, job)
    assert settlement.command.state is COMPENSATED
    assert settlement.decision.effects == (CancelVisit(a_booking().id, "V-1", MORNING, WO),)


def test_a_booking_refused_after_the_504_only_closes_the_command() -> None:
    job = an_open_job()
    settlement = answer(job, a_booking(EXPIRED), SLOT_TAKEN)
    assert invisible(settlement, job)
    assert (settlement.command.state, settlement.decision.effects) == (REFUSED, ())


MOVED_ON = [
    a_planned_job(),
    a_booked_job(NEXT_DAY, "V-9"),
    a_started_job(),
    an_ended_job(WorkOrderState.CANCELLED),
    a_job(replace(a_work_order(), id="wo-of-a-follow-up")),
]


@pytest.mark.parametrize("job", MOVED_ON)
def test_a_booking_accepted_when_the_work_order_has_moved_on_is_taken_back(job: Job) -> None:
    """R20, R21 hold when the answer comes, not only when the Buyer asks."""
    settlement = answer(job, a_booking(), Accepted("V-2"))
    assert invisible(settlement, job)
    assert settlement.command.state is COMPENSATED
    assert taken_back(settlement.decision) == [CancelVisit(a_booking().id, "V-2", MORNING, WO)]
    assert [(p.code, p.path) for p in settlement.problems] == [(Error422Code.OTHER_ISSUE, "/workOrder/id")]


def test_an_accepted_booking_of_a_visit_that_the_wfm_has_announced_joins_it() -> None:
    """The WFM announced another window than was asked for, so the echo was taken for its own visit; it is the same."""
    request = a_booking_request(note=(a_note(),))
    job = a_booked_job(appointment=an_appointment(contacts=(TECHNICIAN,)))
    settlement = answer(job, a_booking(window=AFTERNOON, request=request), Accepted("V-1"))
    appointment = the_appointment(settlement.decision)
    assert (appointment.id, appointment.valid_for) == (AP, MORNING)
    assert (appointment.contacts, appointment.note) == ((*BUYERS_CONTACTS, TECHNICIAN), (a_note(),))
    assert (settlement.command.state, settlement.problems) == (ACCEPTED, ())
    assert (settlement.decision.notifications, settlement.decision.effects) == ((), ())


def test_a_visit_that_the_buyer_sees_is_not_taken_back_for_an_earlier_try_that_timed_out() -> None:
    """The second try of the same window found the first one's visit; the first reply comes last."""
    job = a_booked_job(MORNING, "V-1")
    settlement = answer(job, a_booking(EXPIRED), Accepted("V-1"))
    assert invisible(settlement, job)
    assert settlement.decision.effects == ()


# Reschedules of an Appointment


def test_an_accepted_reschedule_moves_the_appointment_without_telling_the_buyer_twice() -> None:
    settlement = answer(a_booked_job(), a_reschedule(), Accepted("V-1"))
    appointment = the_appointment(settlement.decision)
    assert (appointment.valid_for, appointment.disregarded_window) == (AFTERNOON, MORNING)
    assert (appointment.status, appointment.changed_at) == (AppointmentStatus.CONFIRMED, NOW)
    assert (events(settlement.decision), settlement.command.state) == ([], ACCEPTED)
    planned = the_work_order(settlement.decision).details.planned_execution_date
    assert planned == AFTERNOON.start_date_time


def test_an_accepted_reschedule_takes_the_rest_of_the_patch_along() -> None:
    patch = AppointmentUpdate(valid_for=AFTERNOON, note=(a_note(),))
    settlement = answer(a_booked_job(), a_reschedule(request=patch), Accepted("V-1"))
    assert the_appointment(settlement.decision).note == (a_note(),)
    assert settlement.decision.effects == (AddNote("Ring twice", AP, WO),)


def test_a_reschedule_may_give_the_visit_a_new_reference_and_another_window() -> None:
    settlement = answer(a_booked_job(), a_reschedule(), Accepted("V-2", NEXT_DAY))
    appointment = the_appointment(settlement.decision)
    assert (appointment.visit, appointment.valid_for) == ("V-2", NEXT_DAY)


def test_a_reschedule_to_the_window_it_has_keeps_the_one_before() -> None:
    """The WFM announced the late reschedule before the Buyer's second try of it was answered."""
    job = a_booked_job(appointment=an_appointment(window=AFTERNOON, disregarded_window=MORNING))
    settlement = answer(job, a_reschedule(), Accepted("V-1"))
    assert the_appointment(settlement.decision).disregarded_window == MORNING


def test_a_refused_reschedule_leaves_the_appointment() -> None:
    job = a_booked_job()
    settlement = answer(job, a_reschedule(), SLOT_TAKEN)
    assert invisible(settlement, job)
    assert (settlement.command.state, settlement.problems[0].path) == (REFUSED, "/validFor")


def test_a_reschedule_accepted_after_the_504_is_adopted_and_notified() -> None:
    settlement = answer(a_booked_job(), a_reschedule(EXPIRED), Accepted("V-1"))
    assert the_appointment(settlement.decision).valid_for == AFTERNOON
    assert (events(settlement.decision), settlement.command.state) == ([ATTRIBUTE], ACCEPTED)


@pytest.mark.parametrize(
    "job",
    [
        a_started_job(),
        a_job(a_work_order(WorkOrderState.OPEN), an_appointment(AppointmentStatus.CANCELLED)),
        a_booked_job(appointment=an_appointment(id="ap-9", visit="V-9")),
        a_job(a_work_order(WorkOrderState.OPEN)),
    ],
)
def test_a_reschedule_accepted_when_the_appointment_has_moved_on_is_not_done(job: Job) -> None:
    settlement = answer(job, a_reschedule(), Accepted("V-1"))
    assert invisible(settlement, job)
    assert (settlement.command.state, settlement.problems[0].code) == (REFUSED, Error422Code.OTHER_ISSUE)


# Cancellations


@pytest.mark.parametrize("state", [PENDING, EXPIRED])
def test_an_accepted_cancellation_re_opens_the_work_order_which_requires_a_visit_again(state: CommandState) -> None:
    """R48-R50; after a 504 it is adopted all the same."""
    settlement = answer(a_booked_job(), a_cancel(state), Accepted())
    decision = settlement.decision
    assert hops(decision) == ["appointment confirmed -> cancelled", "workOrder planned -> open"]
    assert events(decision) == [STATUS, STATE, REQUIRED]
    assert the_work_order(decision).appointment_required
    assert tickets(decision) == [TicketStatus.PENDING]
    assert (settlement.command.state, settlement.problems) == (ACCEPTED, ())


def test_a_cancellation_accepted_when_the_visit_is_cancelled_already_is_done() -> None:
    job = a_job(a_work_order(WorkOrderState.OPEN, required=True), an_appointment(AppointmentStatus.CANCELLED))
    settlement = answer(job, a_cancel(), Accepted())
    assert invisible(settlement, job)
    assert (settlement.command.state, settlement.problems) == (ACCEPTED, ())


def test_a_cancellation_accepted_when_the_work_has_started_leaves_the_work_order_in_progress() -> None:
    job = a_job(a_work_order(WorkOrderState.IN_PROGRESS), an_appointment())
    settlement = answer(job, a_cancel(), Accepted())
    assert hops(settlement.decision) == ["appointment confirmed -> cancelled"]
    assert not the_work_order(settlement.decision).appointment_required


@pytest.mark.parametrize(
    "status",
    [
        AppointmentStatus.IN_PROGRESS,
        AppointmentStatus.COMPLETED,
        AppointmentStatus.MISSED,
        AppointmentStatus.FAILED,
    ],
)
def test_a_cancellation_accepted_when_the_visit_took_its_course_is_not_done(status: AppointmentStatus) -> None:
    """The Buyer must not be told 204 for a visit that is under way or has ended otherwise."""
    job = a_job(a_work_order(WorkOrderState.IN_PROGRESS), an_appointment(status))
    settlement = answer(job, a_cancel(), Accepted())
    assert invisible(settlement, job)
    assert (settlement.command.state, settlement.problems[0].code) == (REFUSED, Error422Code.OTHER_ISSUE)


def test_a_refused_cancellation_leaves_the_appointment() -> None:
    job = a_booked_job()
    settlement = answer(job, a_cancel(), Refused(Error422Code.OTHER_ISSUE, "too late"))
    assert invisible(settlement, job)
    assert settlement.command.state is REFUSED


# The second answer


@pytest.mark.parametrize("state", [ACCEPTED, REFUSED, COMPENSATED, CommandState.FAILED])
@pytest.mark.parametrize("reply", [Accepted("V-1"), SLOT_TAKEN])
@pytest.mark.parametrize("command", [a_booking(), a_reschedule(), a_cancel()])
def test_a_second_answer_changes_nothing(command: Command, reply: Accepted | Refused, state: CommandState) -> None:
    job = a_booked_job()
    settled = replace(command, state=state)
    settlement = settle(job, settled, reply, SELLER, ids(), NOW)
    assert (settlement.decision.job, settlement.command, settlement.problems) == (job, settled, ())
    assert (settlement.decision.notifications, settlement.decision.effects) == ((), ())


# No answer


@pytest.mark.parametrize("command", [a_booking(), a_reschedule(), a_cancel()])
def test_a_command_without_an_answer_expires_and_nothing_is_done(command: Command) -> None:
    job = a_booked_job(commands=(command,))
    settlement = expire(job, command)
    assert invisible(settlement, job)
    assert (settlement.command.state, settlement.decision.effects) == (EXPIRED, ())


@pytest.mark.parametrize("command", [a_booking(), a_reschedule(), a_cancel()])
def test_an_expired_command_is_remembered_because_the_wfm_may_still_carry_it_out(command: Command) -> None:
    settlement = expire(a_booked_job(commands=(command,)), command)
    late = replace(command, state=EXPIRED, echo_until=command.expires_at + ECHO_WITHIN)
    assert settlement.decision.job.commands == (late,)


def test_a_booking_taken_back_is_remembered_because_the_wfm_may_still_announce_it() -> None:
    settlement = answer(an_open_job(), a_booking(EXPIRED), Accepted("V-1"))
    (remembered,) = settlement.decision.job.commands
    assert (remembered.state, remembered.visit, remembered.tries) == (COMPENSATED, "V-1", 1)


@pytest.mark.parametrize("state", [ACCEPTED, REFUSED, EXPIRED, COMPENSATED])
def test_a_settled_command_does_not_expire(state: CommandState) -> None:
    job = an_open_job()
    command = a_booking(state)
    settlement = expire(job, command)
    assert (settlement.decision.job, settlement.command, settlement.decision.effects) == (job, command, ())
