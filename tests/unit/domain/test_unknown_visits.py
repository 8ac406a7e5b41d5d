"""The end of a visit that the Buyer never saw does not pass unnoticed."""

import pytest

from bridge.domain.decide import decide
from bridge.domain.model import Job, OnIllegal, Outcome
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.domain.builders import (
    NOW,
    a_job,
    a_planned_job,
    a_work_order,
    an_appointment,
    an_open_job,
    an_update,
    hops,
    ids,
)

ENDS = [AppointmentStatus.COMPLETED, AppointmentStatus.MISSED, AppointmentStatus.FAILED]


@pytest.mark.parametrize("status", ENDS)
@pytest.mark.parametrize("job", [an_open_job(), a_planned_job()])
def test_it_is_parked_where_it_would_change_nothing(job: Job, status: AppointmentStatus) -> None:
    decision = decide(job, an_update(None, status, visit="V-9"), ids(), NOW)
    assert (decision.outcome, decision.job) == (Outcome.PARKED, job)
    assert "the message speaks of a visit the Buyer knows nothing of" in decision.reason


def test_it_is_parked_where_only_another_visit_is_known() -> None:
    job = a_job(a_work_order(), an_appointment(AppointmentStatus.MISSED, visit="V-1"))
    decision = decide(job, an_update(None, AppointmentStatus.MISSED, visit="V-9"), ids(), NOW)
    assert decision.outcome is Outcome.PARKED


@pytest.mark.parametrize("visit", ["V-1", None])
def test_what_is_said_again_of_a_visit_that_ended_is_no_news(visit: str | None) -> None:
    job = a_job(a_work_order(), an_appointment(AppointmentStatus.MISSED, visit="V-1"))
    decision = decide(job, an_update(None, AppointmentStatus.MISSED, visit=visit), ids(), NOW)
    assert decision.outcome in (Outcome.UNCHANGED, Outcome.STALE, Outcome.ECHO)


def test_it_is_no_obstacle_to_what_the_message_says_of_the_job() -> None:
    update = an_update(WorkOrderState.COMPLETED, AppointmentStatus.COMPLETED, visit="V-9")
    decision = decide(a_planned_job(), update, ids(), NOW)
    assert hops(decision) == ["workOrder planned -> inProgress", "workOrder inProgress -> completed"]


def test_a_pack_may_keep_things_as_they_are() -> None:
    update = an_update(None, AppointmentStatus.MISSED, visit="V-9", policy=OnIllegal.KEEP)
    decision = decide(an_open_job(), update, ids(), NOW)
    assert decision.outcome is not Outcome.PARKED
