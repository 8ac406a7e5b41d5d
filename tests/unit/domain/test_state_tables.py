"""Every state × event of both machines, against tables written down from the standard (Figures 11 and 17, R49)."""

import pytest

from bridge.domain import appointment, work_order
from bridge.domain.appointment import AppointmentEvent
from bridge.domain.work_order import WorkOrderEvent
from bridge.mef.enums import AppointmentStatus, WorkOrderState

# One row a state, one column an event; "-" is illegal.
WORK_ORDER_TABLE = """
                  plan     start       complete   giveUp            cancel     reopen
open              planned  inProgress  -          -                 cancelled  -
planned           -        inProgress  -          -                 cancelled  open
inProgress        -        -           completed  unableToComplete  -          -
completed         -        -           -          -                 -          -
cancelled         -        -           -          -                 -          -
unableToComplete  -        -           -          -                 -          -
"""

APPOINTMENT_TABLE = """
            reschedule  start       complete   miss    fail    cancel
confirmed   confirmed   inProgress  -          -       -       cancelled
inProgress  -           -           completed  missed  failed  -
completed   -           -           -          -       -       -
missed      -           -           -          -       -       -
failed      -           -           -          -       -       -
cancelled   -           -           -          -       -       -
"""


def cells(table: str) -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in table.strip().splitlines())
    return {(state, event): target for state, *targets in rows for event, target in zip(head, targets, strict=True)}


WORK_ORDER_CELLS = cells(WORK_ORDER_TABLE)
APPOINTMENT_CELLS = cells(APPOINTMENT_TABLE)


@pytest.mark.parametrize("event", WorkOrderEvent)
@pytest.mark.parametrize("state", WorkOrderState)
def test_each_work_order_state_takes_each_event_as_the_standard_says(
    state: WorkOrderState, event: WorkOrderEvent
) -> None:
    expected = WORK_ORDER_CELLS[state, event]
    assert work_order.TRANSITIONS.get((state, event)) == (None if expected == "-" else expected)


@pytest.mark.parametrize("event", AppointmentEvent)
@pytest.mark.parametrize("status", AppointmentStatus)
def test_each_appointment_status_takes_each_event_as_the_standard_says(
    status: AppointmentStatus, event: AppointmentEvent
) -> None:
    expected = APPOINTMENT_CELLS[status, event]
    assert appointment.TRANSITIONS.get((status, event)) == (None if expected == "-" else expected)


def test_the_tables_above_name_every_state_and_event() -> None:
    assert set(WORK_ORDER_CELLS) == {(s, e) for s in WorkOrderState for e in WorkOrderEvent}
    assert set(APPOINTMENT_CELLS) == {(s, e) for s in AppointmentStatus for e in AppointmentEvent}


def test_terminal_are_exactly_the_states_that_nothing_leaves() -> None:
    leaving = {state for state, _ in work_order.TRANSITIONS}
    assert set(WorkOrderState) - leaving == work_order.TERMINAL == {"completed", "cancelled", "unableToComplete"}


def test_an_appointment_is_open_until_its_status_is_terminal() -> None:
    leaving = {status for status, _ in appointment.TRANSITIONS}
    assert leaving == appointment.OPEN == {"confirmed", "inProgress"}
    assert set(AppointmentStatus) - leaving == appointment.TERMINAL
