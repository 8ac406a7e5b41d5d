"""Every change of state goes through a draft, which takes no hop that the tables do not have."""

import pytest

from bridge.domain.draft import Draft, IllegalMove
from bridge.domain.model import Job
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.domain.builders import NOW, a_booked_job, a_planned_job, an_appointment


def a_draft(job: Job) -> Draft:
    assert job.work_order is not None
    return Draft(job, job.work_order, NOW)


def test_an_illegal_hop_of_a_work_order_raises_and_changes_nothing() -> None:
    job = a_planned_job()
    draft = a_draft(job)
    with pytest.raises(IllegalMove, match="WorkOrder planned -> completed"):
        draft.move_work_order(WorkOrderState.COMPLETED)
    assert (draft.result().job, draft.transitions, draft.notifications) == (job, [], [])


def test_an_illegal_hop_of_an_appointment_raises_and_changes_nothing() -> None:
    job = a_booked_job()
    draft = a_draft(job)
    with pytest.raises(IllegalMove, match="Appointment confirmed -> missed"):
        draft.move_appointment(AppointmentStatus.MISSED)
    assert (draft.result().job, draft.transitions, draft.notifications) == (job, [], [])


def test_a_second_open_appointment_is_refused() -> None:
    """R20."""
    draft = a_draft(a_booked_job())
    with pytest.raises(IllegalMove, match="has an open Appointment already"):
        draft.add_appointment(an_appointment(id="ap-2"), announce=True)


def test_there_is_no_appointment_to_move_where_there_is_none() -> None:
    with pytest.raises(IllegalMove, match="has no Appointment"):
        a_draft(a_planned_job()).move_appointment(AppointmentStatus.CANCELLED)
