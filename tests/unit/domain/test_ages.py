"""Which of two things is the newer one: by versions, by the WFM's own clock, by the turn."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge.domain.ages import TURN, Age, Ages, VisitAge, ages_in, is_older
from bridge.domain.decide import decide
from bridge.domain.model import Accepted, Job, JobUpdate, Outcome
from bridge.domain.settlement import settle
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import TimePeriod
from tests.unit.domain.builders import (
    AFTERNOON,
    BEFORE,
    LATER,
    MORNING,
    NOW,
    SELLER,
    a_booked_job,
    a_booking,
    a_scheduled_visit,
    a_withdrawn_visit,
    an_open_job,
    an_update,
    ids,
)

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("age", "than", "older"),
    [
        ({}, {}, False),
        ({TURN: 1}, {TURN: 2}, True),
        ({TURN: 2}, {TURN: 2}, False),
        ({}, {TURN: 1}, True),
        ({"job": 2, TURN: 9}, {"job": 3, TURN: 1}, True),
        ({"job": 3, TURN: 1}, {"job": 2, TURN: 9}, False),
        ({"job": 3, TURN: 1}, {"job": 3, TURN: 2}, True),
        ({"visit": 3, TURN: 2}, {"job": 9, TURN: 1}, False),
        ({"job": 3, "visit": 1, TURN: 2}, {"job": 2, "visit": 2, TURN: 1}, True),
    ],
)
def test_versions_of_the_same_object_come_before_turns(age: Age, than: Age, older: bool) -> None:
    assert is_older(age, than) is older


AGREED = VisitAge(earliest=NOW, latest=NOW + 5 * MINUTE, versions={"job": 4})


@pytest.mark.parametrize(
    ("versions", "occurred_at", "before"),
    [
        ({"job": 3}, NOW + 9 * MINUTE, False),
        ({"job": 5}, NOW - 9 * MINUTE, True),
        ({"job": 4}, NOW - 9 * MINUTE, False),
        ({"visit": 1}, NOW - 9 * MINUTE, False),
        ({}, NOW - timedelta(seconds=1), None),
        ({}, NOW + 4 * MINUTE, None),
        ({}, NOW + 6 * MINUTE, True),
        ({}, datetime.max.replace(tzinfo=NOW.tzinfo), True),
        ({}, datetime.min.replace(tzinfo=NOW.tzinfo), False),
        ({}, None, None),
    ],
)
def test_a_visit_was_agreed_before_a_message_or_after_it_or_nobody_knows(
    versions: dict[str, int], occurred_at: datetime | None, before: bool | None
) -> None:
    assert AGREED.is_before(versions, occurred_at) is before


def test_a_visit_of_the_last_moment_there_is_may_be_compared() -> None:
    last = datetime.max.replace(tzinfo=NOW.tzinfo)
    assert VisitAge(earliest=last, latest=last).is_before({}, last) is None
    assert VisitAge(earliest=last, latest=last).is_before({}, NOW) is False


def test_ages_are_kept_beside_those_of_fields_and_come_back() -> None:
    ages = Ages(
        agreed={"job": 3, TURN: 2},
        named={"job": 4},
        own={"visit": 1},
        visits={"ap-1": AGREED, "ap-2": replace(AGREED, earliest=None)},
    )
    told = {"status": {"job": 1}, "crew/EVA": {"job": 2}, **ages.plain()}
    fields = {"status": {"job": 1}, "crew/EVA": {"job": 2}}
    assert ages_in(told) == (fields, ages)
    assert not Ages()


def after(job: Job, *updates: JobUpdate, now: datetime = LATER) -> Job:
    """The job after some messages, all of which were taken late, at the same moment."""
    for update in updates:
        job = decide(job, update, ids(), now).job
    return job


def seen(job: Job) -> tuple[object, ...]:
    visit = job.open_appointment
    return (job.work_order and job.work_order.state, visit and visit.valid_for)


@pytest.mark.parametrize("window", [MORNING, AFTERNOON])
def test_of_two_agreements_that_lay_in_a_queue_the_newer_one_stands(window: TimePeriod) -> None:
    """The bridge takes them long after they occurred: its own clock says nothing of them."""
    withdrawn = a_withdrawn_visit(None, None, occurred_at=BEFORE)
    agreed = a_scheduled_visit(window, None, occurred_at=BEFORE + MINUTE)
    assert seen(after(a_booked_job(visit=None), withdrawn, agreed)) == (WorkOrderState.PLANNED, window)


def test_without_moments_the_version_says_that_a_visit_was_agreed_again() -> None:
    job = after(
        a_booked_job(visit=None),
        a_withdrawn_visit(None, None, versions={"job": 2}),
        a_scheduled_visit(visit=None, versions={"job": 3}),
    )
    assert seen(job) == (WorkOrderState.PLANNED, MORNING)


def test_what_occurred_before_the_wfm_agreed_a_visit_itself_is_older_too() -> None:
    agreed = a_scheduled_visit(AFTERNOON, None, occurred_at=BEFORE)
    job = after(an_open_job(), agreed)
    decision = decide(job, an_update(None, AppointmentStatus.MISSED, occurred_at=BEFORE - MINUTE), ids(), LATER)
    assert (decision.outcome, seen(decision.job)) == (Outcome.STALE, (WorkOrderState.PLANNED, AFTERNOON))
    assert decision.reason == "the message was sent before the visit that stands was agreed"


def test_a_wfm_whose_clock_is_fast_makes_nothing_look_old_that_comes_later() -> None:
    """A moment that has not come yet is that of the arrival."""
    job = after(an_open_job(), a_scheduled_visit(AFTERNOON, None, occurred_at=LATER + 60 * MINUTE))
    decision = decide(job, an_update(None, AppointmentStatus.MISSED, occurred_at=LATER + MINUTE), ids(), LATER)
    assert decision.outcome is Outcome.APPLIED


def test_a_message_that_names_the_booked_visit_is_of_it_whatever_its_clock_says() -> None:
    """No message can name a visit before it is there."""
    booked = settle(an_open_job(), a_booking(created_at=NOW), Accepted("V-1"), SELLER, ids(), NOW).decision.job
    started = an_update(WorkOrderState.IN_PROGRESS, AppointmentStatus.IN_PROGRESS, occurred_at=BEFORE)
    bare, named = (
        decide(booked, replace(started, visit=replace(started.visit, ref=ref)), ids(), LATER) for ref in (None, "V-1")
    )
    assert (bare.outcome, named.outcome) == (Outcome.STALE, Outcome.APPLIED)


def test_the_end_of_a_job_before_a_booking_that_the_wfm_agreed_to_is_for_a_person() -> None:
    booked = settle(an_open_job(), a_booking(created_at=NOW), Accepted("V-1"), SELLER, ids(), NOW).decision.job
    decision = decide(booked, an_update(WorkOrderState.CANCELLED, occurred_at=BEFORE), ids(), LATER)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, booked)
    assert decision.reason == "the WFM says that the job ended (cancelled) before it agreed to the Buyer's visit"
