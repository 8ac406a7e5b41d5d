"""Who asked? Messages of the WFM that repeat what a Buyer asked for, or tell old news of a visit."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.ages import Ages, VisitAge
from bridge.domain.decide import decide
from bridge.domain.model import (
    Accepted,
    CancelVisit,
    Command,
    CommandKind,
    CommandState,
    Decision,
    Job,
    JobUpdate,
    Outcome,
    Refused,
)
from bridge.domain.settlement import expire, settle
from bridge.mef.enums import AppointmentStatus, Error422Code, WorkOrderState
from tests.unit.domain.builders import (
    AFTERNOON,
    ATTRIBUTE,
    BEFORE,
    LATER,
    MORNING,
    NEXT_DAY,
    NOW,
    REQUIRED,
    SELLER,
    STATE,
    STATUS,
    WO,
    a_booked_job,
    a_booking,
    a_cancel,
    a_job,
    a_note,
    a_reschedule,
    a_scheduled_visit,
    a_withdrawn_visit,
    a_work_order,
    an_appointment,
    an_ended_job,
    an_open_job,
    an_update,
    events,
    hops,
    ids,
    taken_back,
    the_appointment,
    the_work_order,
)

OPEN, PLANNED, IN_PROGRESS = WorkOrderState.OPEN, WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS
PENDING, EXPIRED, COMPENSATED = CommandState.PENDING, CommandState.EXPIRED, CommandState.COMPENSATED


def commands(decision: Decision) -> list[Command]:
    return list(decision.job.commands)


def ignored(decision: Decision, job: Job, outcome: Outcome = Outcome.ECHO) -> bool:
    """Whether the Buyer sees nothing of it and the WFM is asked for nothing."""
    same = (decision.job.work_order, decision.job.appointment) == (job.work_order, job.appointment)
    return same and decision.outcome is outcome and not decision.notifications and not decision.effects


# Bookings


@pytest.mark.parametrize(
    "update",
    [
        a_scheduled_visit(),
        an_update(IN_PROGRESS, AppointmentStatus.IN_PROGRESS, window=MORNING, visit="V-1"),
        an_update(None, AppointmentStatus.FAILED, window=MORNING, visit="V-1"),
        a_withdrawn_visit(),
        a_withdrawn_visit(None, None),
    ],
)
def test_what_may_concern_a_booking_whose_reply_is_awaited_waits_for_it(update: JobUpdate) -> None:
    """Only the reply tells whether it was the Buyer's visit. Nothing is remembered: it is decided on again."""
    job = an_open_job(commands=(a_booking(),))
    decision = decide(job, replace(update, versions={"job": 2}), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.WAITING, job)
    assert (decision.notifications, decision.effects) == ((), ())


def test_an_echo_that_waited_says_nothing_more_once_the_booking_is_accepted() -> None:
    command = a_booking()
    job = an_open_job(commands=(command,))
    booked = settle(job, command, Accepted("V-1"), SELLER, ids(), NOW).decision.job
    decision = decide(booked, a_scheduled_visit(), ids(), NOW)
    assert (hops(decision), events(decision), decision.effects) == ([], [], ())


def test_an_echo_that_waited_is_a_visit_of_its_own_once_the_booking_is_refused() -> None:
    command = a_booking()
    job = an_open_job(commands=(command,))
    refusal = Refused(Error422Code.INVALID_VALUE, "slot taken")
    refused = settle(job, command, refusal, SELLER, ids(), NOW).decision.job
    assert hops(decide(refused, a_scheduled_visit(), ids(), NOW))[0] == "appointment new -> confirmed"


def test_an_echo_that_waited_is_taken_back_once_the_booking_has_timed_out() -> None:
    command = a_booking()
    expired = expire(an_open_job(commands=(command,)), command).decision.job
    decision = decide(expired, a_scheduled_visit(), ids(), NOW)
    assert (decision.job.appointment, len(taken_back(decision))) == (None, 1)


def test_another_window_than_the_one_being_booked_is_a_visit_the_wfm_agreed_itself() -> None:
    """Nobody knows before the reply, for the WFM may have moved the visit that it booked."""
    job = an_open_job(commands=(a_booking(window=MORNING),))
    assert ignored(decide(job, a_scheduled_visit(AFTERNOON), ids(), NOW), job, Outcome.WAITING)
    refused = replace(job, commands=())
    assert hops(decide(refused, a_scheduled_visit(AFTERNOON), ids(), NOW))[0] == "appointment new -> confirmed"


def test_an_announced_booking_that_had_timed_out_is_cancelled_in_the_wfm_and_never_seen() -> None:
    """504 meant "not done"."""
    job = an_open_job(commands=(a_booking(EXPIRED),))
    decision = decide(job, a_scheduled_visit(), ids(), NOW)
    assert (decision.outcome, decision.job.appointment, decision.notifications) == (Outcome.ECHO, None, ())
    assert decision.effects == (CancelVisit(a_booking().id, "V-1", MORNING, WO),)
    (booking,) = commands(decision)
    assert (booking.state, booking.visit, booking.tries) == (COMPENSATED, "V-1", 1)


def test_a_booking_that_was_taken_back_is_not_taken_back_again() -> None:
    job = an_open_job(commands=(a_booking(COMPENSATED, visit="V-1"),))
    decision = decide(job, a_scheduled_visit(), ids(), NOW)
    assert ignored(decision, job)


def test_a_booking_that_timed_out_is_taken_back_even_when_another_visit_stands() -> None:
    """The Buyer has booked again; the late announcement is neither a move of that visit (R27) nor left as a ghost."""
    job = a_booked_job(AFTERNOON, "V-2", commands=(a_booking(EXPIRED, MORNING),))
    decision = decide(job, a_scheduled_visit(MORNING, "V-1"), ids(), NOW)
    assert decision.job.appointment == job.appointment
    assert decision.notifications == ()
    assert taken_back(decision) == [CancelVisit(a_booking().id, "V-1", MORNING, WO)]


def test_a_booking_that_timed_out_is_taken_back_even_when_the_work_order_has_ended() -> None:
    job = replace(an_ended_job(WorkOrderState.CANCELLED), commands=(a_booking(EXPIRED, NEXT_DAY),))
    decision = decide(job, a_scheduled_visit(NEXT_DAY, "V-2"), ids(), NOW)
    assert (decision.outcome, len(taken_back(decision))) == (Outcome.ECHO, 1)


def test_the_second_try_of_a_booking_is_recognised_although_the_first_timed_out() -> None:
    """After a 504 a Buyer tries the same window again; the pending command is the one being echoed."""
    first = a_booking(EXPIRED)
    second = replace(a_booking(), id="book-2")
    decision = decide(an_open_job(commands=(first, second)), a_scheduled_visit(), ids(), NOW)
    assert (decision.outcome, decision.effects) == (Outcome.WAITING, ())


def test_the_second_try_is_recognised_although_the_first_was_taken_back() -> None:
    first = a_booking(COMPENSATED)
    second = replace(a_booking(), id="book-2")
    decision = decide(an_open_job(commands=(first, second)), a_scheduled_visit(), ids(), NOW)
    assert decision.outcome is Outcome.WAITING


def test_a_visit_the_buyer_sees_is_not_mistaken_for_an_earlier_try_of_the_same_window() -> None:
    job = a_booked_job(MORNING, "V-2", commands=(a_booking(EXPIRED, MORNING),))
    decision = decide(job, a_scheduled_visit(MORNING, "V-2"), ids(), NOW)
    assert (decision.outcome, decision.effects) == (Outcome.UNCHANGED, ())


# Reschedules


def test_the_echo_of_a_reschedule_whose_reply_is_awaited_is_no_move_by_the_seller() -> None:
    job = a_booked_job(commands=(a_reschedule(),))
    decision = decide(job, a_scheduled_visit(AFTERNOON, versions={"job": 2}), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.WAITING, job)


def test_the_echo_of_a_reschedule_after_its_reply_is_unchanged() -> None:
    appointment = an_appointment(window=AFTERNOON, disregarded_window=MORNING)
    decision = decide(a_booked_job(appointment=appointment), a_scheduled_visit(AFTERNOON), ids(), NOW)
    assert (decision.outcome, decision.notifications) == (Outcome.UNCHANGED, ())


def test_a_reschedule_that_timed_out_and_is_then_announced_is_adopted_and_notified() -> None:
    """The WFM's truth wins; it is the Buyer's own wish, not a move by the Seller (R27)."""
    request = a_reschedule().request
    command = a_reschedule(EXPIRED, request=request.model_copy(update={"note": (a_note(),)}) if request else None)
    decision = decide(a_booked_job(commands=(command,)), a_scheduled_visit(AFTERNOON), ids(), NOW)
    appointment = the_appointment(decision)
    assert (decision.outcome, events(decision), hops(decision)) == (Outcome.APPLIED, [ATTRIBUTE], [])
    assert (appointment.status, appointment.valid_for) == (AppointmentStatus.CONFIRMED, AFTERNOON)
    assert appointment.note == (a_note(),)
    assert (commands(decision), decision.job.granted) == ([], (replace(command, state=CommandState.ACCEPTED),))


def test_a_late_reschedule_of_an_earlier_appointment_is_not_adopted_by_the_next() -> None:
    late = a_reschedule(EXPIRED)
    job = a_booked_job(appointment=an_appointment(id="ap-9", visit="V-9", window=NEXT_DAY), commands=(late,))
    decision = decide(job, a_scheduled_visit(AFTERNOON, "V-9"), ids(), NOW)
    assert hops(decision)[0] == "appointment confirmed -> cancelled"


def test_a_late_reschedule_that_another_has_overtaken_is_stale() -> None:
    """The Buyer tried the afternoon (504), then moved to the next day; the first announcement arrives last."""
    current = an_appointment(window=NEXT_DAY, disregarded_window=MORNING)
    ages = Ages(visits={current.id: VisitAge(earliest=NOW, latest=NOW, by_buyer=True)})
    job = a_booked_job(appointment=current, commands=(a_reschedule(EXPIRED),), ages=ages)
    decision = decide(job, a_scheduled_visit(AFTERNOON, occurred_at=BEFORE), ids(), LATER)
    assert ignored(decision, job, Outcome.STALE)


def test_a_late_reschedule_announced_in_the_second_of_the_last_change_is_adopted() -> None:
    """A time cut to whole seconds cannot tell which came first; not to adopt would leave two truths for ever."""
    current = an_appointment(changed_at=NOW)
    job = a_booked_job(appointment=current, commands=(a_reschedule(EXPIRED),))
    decision = decide(job, a_scheduled_visit(AFTERNOON, occurred_at=NOW - timedelta(seconds=0.9)), ids(), LATER)
    assert the_appointment(decision).valid_for == AFTERNOON


def test_a_late_reschedule_of_a_visit_that_is_under_way_is_not_adopted() -> None:
    """Nothing in the tables leads from inProgress to another window; the operator must look."""
    under_way = an_appointment(AppointmentStatus.IN_PROGRESS)
    job = a_job(a_work_order(IN_PROGRESS), under_way, commands=(a_reschedule(EXPIRED),))
    decision = decide(job, an_update(IN_PROGRESS, AppointmentStatus.CONFIRMED, window=AFTERNOON), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)


@pytest.mark.parametrize("status", [AppointmentStatus.IN_PROGRESS, AppointmentStatus.MISSED, AppointmentStatus.FAILED])
def test_a_visit_that_begins_in_its_new_window_waits_for_the_reply_to_the_reschedule(status: AppointmentStatus) -> None:
    """Else it would begin in the old window, and the reschedule that the WFM carried out come to nothing."""
    job = a_booked_job(commands=(a_reschedule(),))
    assert decide(job, an_update(None, status, window=AFTERNOON, visit="V-1"), ids(), NOW).outcome is Outcome.WAITING
    in_old_window = decide(job, an_update(None, status, window=MORNING, visit="V-1"), ids(), NOW)
    assert hops(in_old_window)[0] == "appointment confirmed -> inProgress"


def test_the_second_try_of_a_reschedule_waits_for_its_reply_although_the_first_timed_out() -> None:
    second = replace(a_reschedule(), id="reschedule-2")
    job = a_booked_job(commands=(a_reschedule(EXPIRED), second))
    assert decide(job, a_scheduled_visit(AFTERNOON), ids(), NOW).outcome is Outcome.WAITING


def test_a_move_to_a_window_the_buyer_did_not_ask_for_is_the_sellers() -> None:
    job = a_booked_job(commands=(a_reschedule(window=AFTERNOON),))
    assert hops(decide(job, a_scheduled_visit(NEXT_DAY), ids(), NOW))[0] == "appointment confirmed -> cancelled"


@pytest.mark.parametrize("visit", ["V-1", None])
def test_the_old_window_sent_before_the_buyers_reschedule_is_stale(visit: str | None) -> None:
    appointment = an_appointment(window=AFTERNOON, visit=visit, disregarded_window=MORNING, changed_at=NOW)
    job = a_booked_job(appointment=appointment)
    decision = decide(job, a_scheduled_visit(MORNING, visit, occurred_at=BEFORE), ids(), LATER)
    assert ignored(decision, job, Outcome.STALE)


def test_the_old_window_within_the_grain_of_the_wfms_clock_is_taken_for_old() -> None:
    """Whole seconds cannot tell; taking it for news would cancel the Buyer's own reschedule."""
    appointment = an_appointment(window=AFTERNOON, disregarded_window=MORNING, changed_at=NOW)
    job = a_booked_job(appointment=appointment)
    grain = timedelta(seconds=1)
    assert ignored(decide(job, a_scheduled_visit(MORNING, occurred_at=NOW + grain), ids(), LATER), job, Outcome.STALE)


def test_the_old_window_sent_after_the_buyers_reschedule_is_a_move_by_the_seller() -> None:
    appointment = an_appointment(window=AFTERNOON, disregarded_window=MORNING, changed_at=NOW)
    decision = decide(a_booked_job(appointment=appointment), a_scheduled_visit(occurred_at=LATER), ids(), LATER)
    assert hops(decision)[0] == "appointment confirmed -> cancelled"


# Cancellations


@pytest.mark.parametrize("visit", ["V-1", None])
def test_the_echo_of_a_cancellation_waits_for_the_reply(visit: str | None) -> None:
    job = a_booked_job(commands=(a_cancel(),))
    decision = decide(job, a_withdrawn_visit(visit=visit), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.WAITING, job)


def test_a_cancellation_that_was_announced_and_then_refused_is_the_wfms_own() -> None:
    """A dispatcher cancelled at the same moment: "no such visit" must not leave it confirmed for ever."""
    command = a_cancel()
    refusal = Refused(Error422Code.OTHER_ISSUE, "no such visit")
    job = settle(a_booked_job(commands=(command,)), command, refusal, SELLER, ids(), NOW).decision.job
    assert events(decide(job, a_withdrawn_visit(), ids(), NOW)) == [STATUS, STATE, REQUIRED]


def test_the_echo_of_a_cancellation_after_its_reply_is_unchanged() -> None:
    job = a_job(a_work_order(OPEN, required=True), an_appointment(AppointmentStatus.CANCELLED))
    decision = decide(job, a_withdrawn_visit(), ids(), NOW)
    assert (decision.outcome, decision.notifications) == (Outcome.UNCHANGED, ())


def test_a_cancellation_that_timed_out_and_is_then_announced_is_adopted_and_notified() -> None:
    decision = decide(a_booked_job(commands=(a_cancel(EXPIRED),)), a_withdrawn_visit(), ids(), NOW)
    assert events(decision) == [STATUS, STATE, REQUIRED]


def test_a_cancelled_job_is_not_mistaken_for_the_echo_of_a_cancelled_visit() -> None:
    job = a_booked_job(commands=(a_cancel(),))
    update = an_update(WorkOrderState.CANCELLED, AppointmentStatus.CANCELLED, visit="V-1")
    assert the_work_order(decide(job, update, ids(), NOW)).state is WorkOrderState.CANCELLED


def test_the_end_of_a_visit_that_was_taken_back_does_not_cancel_the_one_that_stands() -> None:
    """The WFM confirms our compensation of a late booking; the Buyer has booked another visit since."""
    job = a_booked_job(AFTERNOON, "V-2", commands=(a_booking(COMPENSATED, MORNING, visit="V-1"),))
    decision = decide(job, a_withdrawn_visit(MORNING, "V-1"), ids(), NOW)
    assert ignored(decision, job)


def test_the_cancellation_of_another_visit_is_no_echo_of_the_pending_one() -> None:
    """It waits all the same: what announced that visit may wait ahead of it."""
    job = a_booked_job(AFTERNOON, "V-2", commands=(a_cancel(visit="V-2"),))
    decision = decide(job, a_withdrawn_visit(MORNING, "V-1"), ids(), NOW)
    assert ignored(decision, job, Outcome.WAITING)
    refused = replace(job, commands=())
    assert ignored(decide(refused, a_withdrawn_visit(MORNING, "V-1"), ids(), NOW), refused)


# What was said before the WFM's yes, and came after it


def the_visit(job: Job) -> str | None:
    return job.appointment.visit if job.appointment is not None else None


def a_just_booked_job(reply: Accepted) -> Job:
    command = a_booking()
    return settle(an_open_job(commands=(command,)), command, reply, SELLER, ids(), NOW).decision.job


NO_VISIT_YET = an_update(OPEN, required=True)
A_VISIT_IS_GONE = a_withdrawn_visit(None, None)


@pytest.mark.parametrize("update", [NO_VISIT_YET, A_VISIT_IS_GONE])
def test_what_was_sent_before_a_booking_does_not_undo_it(update: JobUpdate) -> None:
    job = a_just_booked_job(Accepted("V-1"))
    assert ignored(decide(job, replace(update, occurred_at=NOW), ids(), LATER), job, Outcome.STALE)


@pytest.mark.parametrize(
    "update",
    [
        a_withdrawn_visit(occurred_at=BEFORE),  # it names the visit: by its window and reference
        a_withdrawn_visit(None, "V-1", occurred_at=BEFORE),
        replace(NO_VISIT_YET, occurred_at=LATER),
        replace(A_VISIT_IS_GONE, occurred_at=LATER),
        A_VISIT_IS_GONE,  # nobody knows when; the WFM's truth wins
        an_update(WorkOrderState.CANCELLED, AppointmentStatus.CANCELLED, occurred_at=BEFORE),
    ],
)
def test_what_takes_the_booked_visit_away_is_news(update: JobUpdate) -> None:
    decision = decide(a_just_booked_job(Accepted("V-1")), update, ids(), LATER)
    assert hops(decision)[0] == "appointment confirmed -> cancelled"


def granted(job: Job) -> list[CommandKind]:
    """What the WFM may yet repeat."""
    return [command.kind for command in job.granted if command.echo_until is not None]


def test_what_the_wfm_may_yet_repeat_is_known_until_it_names_a_state() -> None:
    job = a_just_booked_job(Accepted("V-2"))
    assert granted(job) == [CommandKind.BOOK]
    for update in (
        an_update(),  # names no state
        replace(NO_VISIT_YET, occurred_at=BEFORE),  # old news
        a_withdrawn_visit(AFTERNOON, "V-1"),  # of another visit
    ):
        job = decide(job, update, ids(), LATER).job
        assert granted(job) == [CommandKind.BOOK]
    assert granted(decide(job, a_scheduled_visit(MORNING, "V-2"), ids(), LATER).job) == []


def test_what_was_announced_before_the_yes_is_not_repeated_after_it() -> None:
    command = a_booking()
    announced = a_booked_job(AFTERNOON, "V-1", commands=(command,))
    job = settle(announced, command, Accepted("V-1"), SELLER, ids(), NOW).decision.job
    assert (the_visit(job), granted(job)) == ("V-1", [])


def test_once_the_wfm_has_spoken_of_the_visit_order_is_that_of_its_messages() -> None:
    job = decide(a_just_booked_job(Accepted("V-1")), a_scheduled_visit(), ids(), NOW).job
    assert hops(decide(job, replace(NO_VISIT_YET, occurred_at=BEFORE), ids(), LATER))


@pytest.mark.parametrize("update", [NO_VISIT_YET, A_VISIT_IS_GONE, a_withdrawn_visit()])
def test_a_lower_version_than_that_of_the_yes_is_older_than_it(update: JobUpdate) -> None:
    job = a_just_booked_job(Accepted("V-1", version=4))
    decision = decide(job, replace(update, versions={"job": 3}), ids(), LATER)
    assert ignored(decision, job, Outcome.STALE)
    assert decision.reason == "older than what is applied: job 3 < 4"


def test_the_version_of_the_yes_is_no_repetition_of_a_message() -> None:
    job = a_just_booked_job(Accepted("V-1", version=4))
    echo = a_scheduled_visit(versions={"job": 4}, ties_are_stale=True)
    assert decide(job, echo, ids(), LATER).outcome is not Outcome.STALE
    higher = replace(NO_VISIT_YET, versions={"job": 5})
    assert hops(decide(job, higher, ids(), LATER))[0] == "appointment confirmed -> cancelled"


def test_of_two_yeses_the_newer_counts() -> None:
    job = replace(a_just_booked_job(Accepted("V-1", version=6)), commands=(a_cancel(appointment=ids().appointment),))
    (command,) = job.commands
    cancelled = settle(job, command, Accepted(version=5), SELLER, ids(), NOW)
    assert cancelled.command.state is CommandState.ACCEPTED
    assert decide(cancelled.decision.job, an_update(versions={"job": 5}), ids(), LATER).outcome is Outcome.STALE


def test_a_refusal_says_nothing_of_versions_and_a_reschedule_and_a_cancellation_do() -> None:
    for command in (a_reschedule(), a_cancel()):
        job = a_booked_job(commands=(command,))
        answered = settle(job, command, Accepted(version=4), SELLER, ids(), NOW).decision.job
        older = a_scheduled_visit(versions={"job": 3})
        assert decide(answered, older, ids(), LATER).outcome is Outcome.STALE
        refused = settle(job, command, Refused(Error422Code.OTHER_ISSUE, "no"), SELLER, ids(), NOW).decision.job
        assert decide(refused, older, ids(), LATER).outcome is not Outcome.STALE


# Old news of a visit that has ended


@pytest.mark.parametrize("visit", ["V-1", None])
def test_a_message_sent_before_a_visit_ended_does_not_bring_it_back(visit: str | None) -> None:
    ended = an_appointment(AppointmentStatus.CANCELLED, visit=visit, changed_at=NOW)
    job = a_job(a_work_order(OPEN, required=True), ended)
    decision = decide(job, a_scheduled_visit(MORNING, visit, occurred_at=BEFORE), ids(), LATER)
    assert ignored(decision, job, Outcome.STALE)


@pytest.mark.parametrize("state", [PENDING, EXPIRED])
def test_a_visit_that_has_ended_is_not_the_one_being_booked_in_the_same_window(state: CommandState) -> None:
    """Its late announcement must not have the ended visit cancelled in place of the booked one."""
    ended = an_appointment(AppointmentStatus.CANCELLED, changed_at=NOW)
    job = a_job(a_work_order(OPEN, required=True), ended, commands=(a_booking(state),))
    decision = decide(job, a_scheduled_visit(occurred_at=BEFORE), ids(), LATER)
    assert ignored(decision, job, Outcome.STALE)
    assert commands(decision) == [a_booking(state)]


def test_a_start_sent_before_the_visit_failed_does_not_start_another() -> None:
    ended = an_appointment(AppointmentStatus.FAILED, changed_at=NOW)
    job = a_job(a_work_order(OPEN, required=True), ended)
    update = an_update(IN_PROGRESS, AppointmentStatus.IN_PROGRESS, window=MORNING, visit="V-1", occurred_at=BEFORE)
    assert ignored(decide(job, update, ids(), LATER), job, Outcome.STALE)


@pytest.mark.parametrize(
    ("work_order", "appointment"),
    [
        (None, AppointmentStatus.FAILED),
        (None, AppointmentStatus.MISSED),
        (PLANNED, AppointmentStatus.CONFIRMED),
        (IN_PROGRESS, AppointmentStatus.IN_PROGRESS),
        (OPEN, AppointmentStatus.CANCELLED),
    ],
)
def test_news_of_an_ended_visit_is_not_taken_for_news_of_the_one_that_stands(
    work_order: WorkOrderState | None, appointment: AppointmentStatus
) -> None:
    ended = an_appointment(AppointmentStatus.FAILED, MORNING, "V-1", id="ap-0")
    job = a_booked_job(AFTERNOON, "V-2", ended_appointments=(ended,))
    update = an_update(work_order, appointment, window=MORNING, visit="V-1")
    decision = decide(job, update, ids(), NOW)
    assert (decision.job.work_order, decision.job.appointment) == (job.work_order, job.appointment)
    assert decision.notifications == ()


def test_the_end_of_the_job_is_news_whatever_visit_it_names() -> None:
    ended = an_appointment(AppointmentStatus.FAILED, MORNING, "V-1", id="ap-0")
    job = a_booked_job(AFTERNOON, "V-2", ended_appointments=(ended,))
    update = an_update(WorkOrderState.CANCELLED, AppointmentStatus.CANCELLED, visit="V-1", occurred_at=BEFORE)
    decision = decide(job, update, ids(), NOW)
    assert hops(decision) == ["appointment confirmed -> cancelled", "workOrder planned -> cancelled"]
