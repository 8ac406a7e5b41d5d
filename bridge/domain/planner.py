"""Finds the legal hops from one state to a goal. A WFM skips states; the Buyer must see every one of them."""

from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from bridge.domain import appointment, work_order
from bridge.mef.enums import AppointmentStatus, WorkOrderState

State = TypeVar("State")
Event = TypeVar("Event")


def shortest_path(table: Mapping[tuple[State, Event], State], start: State, goal: State) -> tuple[State, ...] | None:
    """Return the states after `start` up to `goal` by the fewest transitions; () when already there, None if no way."""
    if start == goal:
        return ()
    queue: deque[tuple[State, tuple[State, ...]]] = deque([(start, ())])
    seen = {start}
    while queue:
        state, path = queue.popleft()
        for (source, _), target in table.items():
            if source != state or target in seen:
                continue
            if target == goal:
                return (*path, target)
            seen.add(target)
            queue.append((target, (*path, target)))
    return None


@cache
def work_order_path(start: WorkOrderState, goal: WorkOrderState) -> tuple[WorkOrderState, ...] | None:
    """Plan a WorkOrder's hops."""
    return shortest_path(work_order.TRANSITIONS, start, goal)


@cache
def appointment_path(start: AppointmentStatus, goal: AppointmentStatus) -> tuple[AppointmentStatus, ...] | None:
    """Plan an Appointment's hops."""
    return shortest_path(appointment.TRANSITIONS, start, goal)
