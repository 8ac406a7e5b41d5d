"""The planner finds the shortest legal way between any two states, or says that there is none."""

from collections.abc import Mapping

import pytest

from bridge.domain import appointment, work_order
from bridge.domain.planner import appointment_path, shortest_path, work_order_path
from bridge.mef.enums import AppointmentStatus, WorkOrderState

# From the row to the column: the hops after the start; "." is already there, "-" no way. Initials stand for states.
WORK_ORDER_STATES = {
    "O": WorkOrderState.OPEN,
    "P": WorkOrderState.PLANNED,
    "I": WorkOrderState.IN_PROGRESS,
    "C": WorkOrderState.COMPLETED,
    "X": WorkOrderState.CANCELLED,
    "U": WorkOrderState.UNABLE_TO_COMPLETE,
}
WORK_ORDER_PATHS = """
   O  P  I  C   X  U
O  .  P  I  IC  X  IU
P  O  .  I  IC  X  IU
I  -  -  .  C   -  U
C  -  -  -  .   -  -
X  -  -  -  -   .  -
U  -  -  -  -   -  .
"""

APPOINTMENT_STATUSES = {
    "A": AppointmentStatus.CONFIRMED,
    "I": AppointmentStatus.IN_PROGRESS,
    "C": AppointmentStatus.COMPLETED,
    "M": AppointmentStatus.MISSED,
    "F": AppointmentStatus.FAILED,
    "X": AppointmentStatus.CANCELLED,
}
APPOINTMENT_PATHS = """
   A  I  C   M   F   X
A  .  I  IC  IM  IF  X
I  -  .  C   M   F   -
C  -  -  .   -   -   -
M  -  -  -   .   -   -
F  -  -  -   -   .   -
X  -  -  -   -   -   .
"""

Case = tuple[str, str, str]


def cases(table: str) -> list[Case]:
    head, *rows = (line.split() for line in table.strip().splitlines())
    return [(start, goal, path) for start, *paths in rows for goal, path in zip(head, paths, strict=True)]


def expected(states: Mapping[str, str], path: str) -> tuple[str, ...] | None:
    return None if path == "-" else () if path == "." else tuple(states[initial] for initial in path)


@pytest.mark.parametrize(("start", "goal", "path"), cases(WORK_ORDER_PATHS))
def test_a_work_order_takes_the_fewest_legal_hops(start: str, goal: str, path: str) -> None:
    planned = work_order_path(WORK_ORDER_STATES[start], WORK_ORDER_STATES[goal])
    assert planned == expected(WORK_ORDER_STATES, path)


@pytest.mark.parametrize(("start", "goal", "path"), cases(APPOINTMENT_PATHS))
def test_an_appointment_takes_the_fewest_legal_hops(start: str, goal: str, path: str) -> None:
    planned = appointment_path(APPOINTMENT_STATUSES[start], APPOINTMENT_STATUSES[goal])
    assert planned == expected(APPOINTMENT_STATUSES, path)


def test_the_shorter_of_two_ways_is_taken() -> None:
    table = {("a", 1): "b", ("b", 1): "c", ("c", 1): "d", ("a", 2): "c"}
    assert shortest_path(table, "a", "d") == ("c", "d")


def test_a_cycle_does_not_hold_the_planner() -> None:
    assert shortest_path({("a", 1): "b", ("b", 1): "a"}, "a", "z") is None


def test_a_single_hop_is_legal_only_if_the_table_has_it() -> None:
    assert (WorkOrderState.OPEN, WorkOrderState.PLANNED) in work_order.HOPS
    assert (WorkOrderState.OPEN, WorkOrderState.COMPLETED) not in work_order.HOPS
    assert (WorkOrderState.OPEN, WorkOrderState.OPEN) not in work_order.HOPS


def test_a_reschedule_is_the_only_hop_from_a_status_to_itself() -> None:
    assert [s for s in AppointmentStatus if (s, s) in appointment.HOPS] == [AppointmentStatus.CONFIRMED]
