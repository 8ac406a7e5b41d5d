"""A goal that no legal way leads to: the pack's policy says park, keep or follow up."""

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import OnIllegal, Outcome
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.domain.builders import (
    CREATED,
    MORNING,
    NEXT_DAY,
    NOW,
    REQUIRED,
    STATE,
    STATUS,
    a_started_job,
    an_ended_job,
    an_open_job,
    an_update,
    events,
    hops,
    ids,
    some_details,
    the_work_order,
    tickets,
)

PARK, KEEP, FOLLOW_UP = OnIllegal.PARK, OnIllegal.KEEP, OnIllegal.FOLLOW_UP
OPEN, PLANNED, IN_PROGRESS = WorkOrderState.OPEN, WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS
COMPLETED, CANCELLED = WorkOrderState.COMPLETED, WorkOrderState.CANCELLED
UNABLE = WorkOrderState.UNABLE_TO_COMPLETE


# The WFM cancels or re-plans after the start


@pytest.mark.parametrize("goal", [CANCELLED, PLANNED, OPEN])
def test_park_changes_nothing_and_says_why(goal: WorkOrderState) -> None:
    job = a_started_job()
    decision = decide(job, an_update(goal, policy=PARK, details=some_details(task=("Other",))), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)
    assert (decision.transitions, decision.notifications, decision.effects) == ((), (), ())
    assert "no legal way" in decision.reason


def test_keep_leaves_the_states_and_takes_the_details() -> None:
    details = some_details(task=("Other",))
    decision = decide(a_started_job(), an_update(CANCELLED, policy=KEEP, details=details), ids(), NOW)
    assert the_work_order(decision).state is IN_PROGRESS
    assert the_work_order(decision).details == details
    assert (decision.outcome, decision.notifications) == (Outcome.APPLIED, ())
    assert decision.reason.startswith("kept: ")


def test_keep_without_news_is_unchanged() -> None:
    decision = decide(a_started_job(), an_update(CANCELLED, policy=KEEP), ids(), NOW)
    assert decision.outcome is Outcome.UNCHANGED


def test_follow_up_ends_the_work_order_and_opens_another() -> None:
    job = a_started_job()
    update = an_update(OPEN, required=True, policy=FOLLOW_UP, versions={"job": 7})
    decision = decide(job, update, ids(), NOW)
    assert hops(decision) == [
        "appointment inProgress -> completed",
        "workOrder inProgress -> unableToComplete",
        "workOrder new -> open",
    ]
    assert [n.id for n in decision.notifications] == ["ap-1", "wo-1", "wo-2", "wo-2"]
    assert events(decision) == [STATUS, STATE, CREATED, REQUIRED]
    assert decision.job.versions == {"job": 7}


def test_follow_up_hands_over_the_ended_work_order_to_be_stored_first() -> None:
    decision = decide(a_started_job(), an_update(OPEN, policy=FOLLOW_UP), ids(), NOW)
    assert decision.ended is not None
    assert decision.ended.work_order is not None
    assert (decision.ended.work_order.id, decision.ended.work_order.state) == ("wo-1", UNABLE)
    assert decision.ended.appointment is not None
    assert decision.ended.appointment.status is AppointmentStatus.COMPLETED


def test_follow_up_starts_without_the_appointments_of_the_ended_work_order() -> None:
    decision = decide(a_started_job(), an_update(OPEN, policy=FOLLOW_UP), ids(), NOW)
    assert decision.ended is not None
    assert the_work_order(decision).appointments == ()
    assert decision.job.appointment is None
    assert decision.job.ended_appointments == (decision.ended.appointment,)


def test_follow_up_takes_the_visit_that_comes_with_it() -> None:
    update = an_update(PLANNED, AppointmentStatus.CONFIRMED, policy=FOLLOW_UP, window=NEXT_DAY, visit="V-2")
    decision = decide(a_started_job(), update, ids(), NOW)
    assert hops(decision)[2:] == [
        "workOrder new -> open",
        "appointment new -> confirmed",
        "workOrder open -> planned",
    ]
    assert the_work_order(decision).appointments == ("ap-2",)


def test_follow_up_of_a_job_that_is_over_opens_nothing() -> None:
    """The WFM cancels after the start: the WorkOrder ends, and there is no work for another."""
    decision = decide(a_started_job(), an_update(CANCELLED, policy=FOLLOW_UP), ids(), NOW)
    assert hops(decision) == ["appointment inProgress -> completed", "workOrder inProgress -> unableToComplete"]
    assert (decision.outcome, decision.ended) == (Outcome.APPLIED, None)
    assert the_work_order(decision).id == "wo-1"


@pytest.mark.parametrize("policy", OnIllegal)
def test_a_rule_that_contradicts_itself_is_never_half_applied(policy: OnIllegal) -> None:
    update = an_update(OPEN, AppointmentStatus.CONFIRMED, policy=policy, window=MORNING, visit="V-1")
    decision = decide(an_open_job(), update, ids(), NOW)
    assert decision.job.appointment is None
    assert decision.notifications == ()


def test_a_contradiction_found_in_the_follow_up_parks_the_message() -> None:
    job = a_started_job()
    update = an_update(OPEN, AppointmentStatus.CONFIRMED, policy=FOLLOW_UP, window=NEXT_DAY, visit="V-2")
    decision = decide(job, update, ids(), NOW)
    assert (decision.outcome, decision.job, decision.notifications) == (Outcome.PARKED, job, ())


# Ended jobs


@pytest.mark.parametrize("state", [COMPLETED, CANCELLED, UNABLE])
def test_a_repeat_of_the_end_is_unchanged(state: WorkOrderState) -> None:
    decision = decide(an_ended_job(state), an_update(state), ids(), NOW)
    assert (decision.outcome, decision.notifications) == (Outcome.UNCHANGED, ())


def test_news_of_a_visit_only_does_not_touch_an_ended_job() -> None:
    job = an_ended_job()
    decision = decide(job, an_update(None, AppointmentStatus.FAILED, window=NEXT_DAY, visit="V-2"), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.UNCHANGED, job)


@pytest.mark.parametrize("goal", [OPEN, PLANNED, IN_PROGRESS, CANCELLED])
def test_another_state_for_an_ended_job_parks(goal: WorkOrderState) -> None:
    job = an_ended_job(COMPLETED)
    decision = decide(job, an_update(goal), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)
    assert "it has ended" in decision.reason


def test_a_pack_may_keep_an_ended_job_ended() -> None:
    decision = decide(an_ended_job(), an_update(OPEN, policy=KEEP), ids(), NOW)
    assert (decision.outcome, decision.notifications) == (Outcome.UNCHANGED, ())


def test_re_opening_an_ended_job_may_open_a_follow_up() -> None:
    job = an_ended_job()
    decision = decide(job, an_update(OPEN, required=True, policy=FOLLOW_UP), ids(), NOW)
    assert (hops(decision), events(decision)) == (["workOrder new -> open"], [CREATED, REQUIRED])
    assert (the_work_order(decision).id, decision.ended) == ("wo-2", None)
    assert decision.job.ended_appointments == (job.appointment,)


def test_an_ended_job_that_ends_differently_parks_even_with_follow_up() -> None:
    job = an_ended_job(COMPLETED)
    assert decide(job, an_update(CANCELLED, policy=FOLLOW_UP), ids(), NOW).outcome is Outcome.PARKED


def test_a_contradiction_in_a_re_opened_job_parks() -> None:
    job = an_ended_job()
    update = an_update(OPEN, AppointmentStatus.CONFIRMED, policy=FOLLOW_UP, window=NEXT_DAY, visit="V-2")
    assert decide(job, update, ids(), NOW).outcome is Outcome.PARKED


def test_the_ticket_is_not_resolved_by_a_work_order_that_a_follow_up_replaces() -> None:
    assert tickets(decide(a_started_job(), an_update(OPEN, policy=FOLLOW_UP), ids(), NOW)) == []
